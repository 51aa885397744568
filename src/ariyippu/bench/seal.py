"""How fast checked rows become sealed cells, tokens and features: rows/s of `ingest.draft.Sealing`, from memory.

without_features  the same rows and cells, the contract linking nothing
features          the features alone: `ingest.features.make.Maker`
aes_gcm           the bare AES-GCM calls for the same cells
hmac              the bare calls of Python's hmac for the same record and contact tokens
"""

import hmac
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ariyippu.base.home import Home
from ariyippu.base.keys import KEY_BYTES, NAMES, Keyring
from ariyippu.bench import Measured, peak_mib, rate
from ariyippu.demo.kerala.files import write_example
from ariyippu.ingest import contract as contracts
from ariyippu.ingest import readers
from ariyippu.ingest.contract import Contract
from ariyippu.ingest.draft import Draft, Sealing, no_cycles
from ariyippu.ingest.features.make import Maker
from ariyippu.ingest.validate import Checked, Checks

ROWS = 200_000


def measure(rows: int | None) -> Measured:
    rows = rows or ROWS
    contract, keyring = contracts.find("spark"), Keyring({name: os.urandom(KEY_BYTES) for name in NAMES})
    with tempfile.TemporaryDirectory(prefix="ariyippu-bench-") as folder:
        home = Home(Path(folder))
        home.vault.mkdir()
        chunks = _checked(contract, home.path / "spark.csv", rows)
        linking, plain = (Draft.of(each, home, keyring) for each in (contract, _linking_nothing(contract)))
    with no_cycles():  # as in a load
        value = rate(rows, lambda: _seal(linking, chunks))
        peak = peak_mib()
        texts = [_texts(contract, chunk) for chunk in chunks]
        baselines = {
            "without_features": rate(rows, lambda: _seal(plain, chunks)),
            "features": rate(rows, lambda: _make(contract, keyring, texts)),
            "aes_gcm": rate(rows, lambda: _encrypt(contract, texts)),
            "hmac": rate(rows, lambda: _hash(contract, texts)),
        }
    return Measured(value, "rows/s", rows, baselines, peak)


def _checked(contract: Contract, file: Path, rows: int) -> list[Checked]:
    write_example(file, rows=rows, seed=1, bad_share=0)
    checks = Checks(contract, accept_test_numbers=True)
    return [checks.check(chunk) for chunk in readers.read(contract, file)]


def _linking_nothing(contract: Contract) -> Contract:
    columns = tuple(column.model_copy(update={"link": None}) for column in contract.columns)
    return contract.model_copy(update={"columns": columns})


def _texts(contract: Contract, chunk: Checked) -> dict[str, list[str | None]]:
    """By column, the texts that are sealed or linked."""
    wanted = [column.name for column in contract.columns if column.sealed or column.link]
    return {name: chunk.columns[name].cast(pa.string()).to_pylist() for name in wanted}


def _seal(draft: Draft, chunks: Sequence[Checked]) -> None:
    sealing = Sealing(draft)
    for chunk in chunks:
        sealing.seal(chunk)


def _make(contract: Contract, keyring: Keyring, texts: Sequence[dict[str, list[str | None]]]) -> None:
    maker = Maker(contract.links, keyring)
    for chunk in texts:
        records = [bytes(16)] * len(chunk[contract.key.name])
        maker.batch(records, {role: chunk[column.name] for role, column in contract.links.items()})


def _encrypt(contract: Contract, texts: Sequence[dict[str, list[str | None]]]) -> None:
    bound = b"spark|column|" + b"0" * 32 + b"|2"
    for column in contract.columns:
        encrypt = AESGCM(os.urandom(32)).encrypt
        for chunk in texts if column.sealed else ():
            for text in chunk[column.name]:
                if text is not None:
                    encrypt(os.urandom(12), text.encode(), bound)


def _hash(contract: Contract, texts: Sequence[dict[str, list[str | None]]]) -> None:
    keyed = hmac.new(os.urandom(32), digestmod="sha256")
    for column in contract.columns:
        for chunk in texts if column.kind in ("key", "contact") else ():
            for text in chunk[column.name]:
                if text is not None:
                    mac = keyed.copy()
                    mac.update(text.encode())
                    mac.digest()
