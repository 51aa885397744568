"""How fast a register's file is checked, sealed and kept: rows/s of `ingest.snapshot.load`.

csv_only      the same file through the csv module, rows thrown away
parquet_only  the same file as plain Parquet by PyArrow: no checks, no seals, broken lines skipped
bare_seal     only the cryptography of it: the same cells and tokens by the bare calls, from memory
"""

import csv
import hmac
import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow.csv as pv
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ariyippu.base import home as homes
from ariyippu.base import keys
from ariyippu.bench import Measured, peak_mib, rate
from ariyippu.demo.kerala.files import write_example
from ariyippu.ingest import contract as contracts
from ariyippu.ingest.contract import Contract
from ariyippu.ingest.snapshot import load

ROWS = 200_000
BAD_SHARE = 0.01


def measure(rows: int | None) -> Measured:
    rows = rows or ROWS
    home, contract = homes.current(), contracts.find("spark")
    file = home.tmp / "spark.csv"
    write_example(file, rows=rows, seed=1, bad_share=BAD_SHARE)
    keyring = keys.load(home.keyring)
    value = rate(rows, lambda: load(contract, file, home=home, keyring=keyring))
    peak = peak_mib()
    cells = _cells(contract, file)
    return Measured(
        value,
        "rows/s",
        rows,
        {
            "csv_only": rate(rows, lambda: _read(file)),
            "parquet_only": rate(rows, lambda: _to_parquet(file, home.tmp / "spark.parquet")),
            "bare_seal": rate(rows, lambda: _seal(cells)),
        },
        peak,
    )


def _read(file: Path) -> None:
    with file.open(encoding="utf-8", errors="replace", newline="") as lines:
        for _row in csv.reader(lines, quoting=csv.QUOTE_NONE):  # a broken quote would swallow the rest
            pass


def _to_parquet(file: Path, out: Path) -> None:
    table = pv.read_csv(
        file,
        parse_options=pv.ParseOptions(quote_char=False, invalid_row_handler=lambda _row: "skip"),
        convert_options=pv.ConvertOptions(check_utf8=False),
    )
    pq.write_table(table, out, compression="zstd")


def _cells(contract: Contract, file: Path) -> dict[str, Sequence[bytes]]:
    """The texts of each sealed column, the key first; empty where a row has none."""
    names = [contract.key.name, *(c.name for c in contract.columns if c.sealed and c is not contract.key)]
    headers = {column.name: column.header for column in contract.columns}
    with file.open(encoding="utf-8", errors="replace", newline="") as lines:
        rows = list(csv.DictReader(lines, quoting=csv.QUOTE_NONE, restval=""))
    return {name: [row[headers[name]].encode() for row in rows] for name in names}


def _seal(cells: dict[str, Sequence[bytes]]) -> None:
    """A token for each key and contact, a cell for each text, as ingest.seal makes them."""
    keyed = hmac.new(os.urandom(32), digestmod="sha256")

    def token(text: bytes) -> bytes:
        mac = keyed.copy()
        mac.update(text)
        return mac.digest()[:16]

    key_column = next(iter(cells))
    records = [token(text) for text in cells[key_column]]
    for name, texts in cells.items():
        encrypt, before = AESGCM(os.urandom(32)).encrypt, f"spark|{name}|".encode()
        for text, record in zip(texts, records, strict=True):
            if text:
                nonce = os.urandom(12)
                _ = b"\x01" + nonce + encrypt(nonce, text, before + record.hex().encode() + b"|1")
        if name in ("mobile", "email"):
            _ = [token(text) for text in texts if text]
