"""Snapshots: a register's file, checked, sealed and kept, whole or not at all.

    file -> readers -> validate -> draft -> .partial-SNAPSHOT/ -> fsync, rename -> SNAPSHOT/ -> row + journal entry

    HOME/vault/registers/REGISTER/SNAPSHOT/
      records.parquet      record, row, the columns (sealed cells or typed attributes), `<contact>_token`,
                           deceased, protected, minor; encrypted, context `register|snapshot|records`
      quarantine.parquet   row, column, reason; encrypted, context `register|snapshot|quarantine`
      features.parquet     what linking uses, where the contract links something (features/make.py), in the order
                           of records.parquet; encrypted, context `register|snapshot|features`, for link alone
      manifest.json        what the files are, and their keys, wrapped or sealed to link (manifest.py)

The commit is the database's: row and journal entry are one transaction, and a folder without a row is not
a snapshot (base/folders.py). The row pins the manifest's SHA-256, so that nobody changes what a contact was
collected for on disk.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from django.db import transaction

from ariyippu.base import engine, folders, journal
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.base.text import rounded
from ariyippu.ingest import readers, seal
from ariyippu.ingest.contract import Contract
from ariyippu.ingest.draft import QUARANTINE_SCHEMA, Draft, no_cycles, write_files
from ariyippu.ingest.features.make import FEATURES_SCHEMA
from ariyippu.ingest.manifest import FileName, Manifest, file_context, register_folder
from ariyippu.ingest.models import Snapshot
from ariyippu.ingest.readers import Reason
from ariyippu.ingest.validate import Checks

READ_ROWS = 65_536
SHOWN_ROWS = 5  # row numbers that a check's report names for each kind of fault

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Loaded:
    """What a load came to. `already`: the same file was loaded under this contract before; nothing changed."""

    snapshot: str
    rows: int
    quarantined: int
    already: bool


# --- loading -----------------------------------------------------------------------------------------


def load(
    contract: Contract, file: Path, *, home: Home, keyring: Keyring, progress: Progress = lambda _rows: None
) -> Loaded:
    """Load a register's file as a new snapshot. `progress` is told how many rows are done.

    RefusedError as `readers.read`, and `register.changed` when the file changed while it was read;
    TransientError while another load of this register runs.
    """
    readers.refuse_missing(file)
    folder = register_folder(home, contract.register.name)
    with folders.locked(folder, "Another load of this register is running."):
        _clear_orphans(folder, contract.register.name)
        source = _sha256(file)
        before = Snapshot.objects.filter(
            register=contract.register.name, contract_digest=contract.digest, source_sha256=source
        ).first()
        if before is not None:
            return Loaded(before.pk, before.rows, before.quarantined, already=True)
        draft = Draft.of(contract, home, keyring)
        checks = Checks(contract, home.settings.accept_test_numbers)
        with no_cycles():
            rows, quarantined = write_files(draft, readers.read(contract, file), checks, progress)
        if _sha256(file) != source:
            raise RefusedError("register.changed", "The file changed while it was read: load it again.")
        _commit(draft, draft.manifest(source, rows, quarantined))
    return Loaded(draft.snapshot, rows, quarantined, already=False)


def _commit(draft: Draft, made: Manifest) -> None:
    """When this returns, the snapshot is on disk, and its row and its journal entry are in the database."""
    text = made.model_dump_json(indent=1).encode()
    file = draft.partial / "manifest.json"
    file.write_bytes(text)
    engine.sync(file)
    folders.appear(draft.folder, draft.snapshot)
    with transaction.atomic():
        Snapshot.objects.create(
            id=made.snapshot,
            register=made.register,
            contract_digest=made.contract_digest,
            source_sha256=made.source_sha256,
            manifest_sha256=hashlib.sha256(text).hexdigest(),
            rows=made.rows,
            quarantined=made.quarantined,
            loaded_at=made.loaded_at,
        )
        body = {
            "register": made.register,
            "snapshot": made.snapshot,
            "contract": made.contract_digest,
            "terms": draft.contract.model_dump(mode="json", by_alias=True),
            "rows": rounded(made.rows),
            "quarantined": rounded(made.quarantined),
        }
        journal.append("snapshot", body)


def _clear_orphans(folder: Path, register: str) -> None:
    kept = Snapshot.objects.filter(register=register).values_list("id", flat=True)
    folders.clear_orphans(folder, set(kept))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# --- checking without loading ------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """One kind of fault in a file: how many rows, and the first of their numbers."""

    column: str
    reason: Reason
    rows: int
    first_rows: tuple[int, ...]


@dataclass(frozen=True)
class CheckReport:
    """What a load would come to. `faults` stand with the most frequent first."""

    rows: int
    quarantined: int
    faults: tuple[Fault, ...]


def check(contract: Contract, file: Path, *, accept_test_numbers: bool = False) -> CheckReport:
    """Check a file and keep nothing. RefusedError as `readers.read`."""
    rows = 0
    counts: Counter[tuple[str, Reason]] = Counter()
    first: dict[tuple[str, Reason], list[int]] = {}
    checks = Checks(contract, accept_test_numbers)
    for chunk in readers.read(contract, file):
        checked = checks.check(chunk)
        rows += len(checked.rows)
        for rejected in checked.rejected:
            kind = (rejected.column, rejected.reason)
            counts[kind] += 1
            if counts[kind] <= SHOWN_ROWS:
                first.setdefault(kind, []).append(rejected.row)
    faults = tuple(Fault(*kind, count, tuple(first[kind])) for kind, count in counts.most_common())
    return CheckReport(rows, counts.total(), faults)


# --- reading -----------------------------------------------------------------------------------------


def manifest(home: Home, snapshot_id: str) -> Manifest:
    """The manifest of a committed snapshot.

    RefusedError `snapshot.unknown`, or `snapshot.altered` when the file is missing or not the committed one.
    """
    row = Snapshot.objects.filter(pk=snapshot_id).first()
    if row is None:
        raise RefusedError("snapshot.unknown", f"There is no snapshot {snapshot_id!r}.")
    try:
        text = (register_folder(home, row.register) / row.pk / "manifest.json").read_bytes()
    except FileNotFoundError:
        text = b""
    if hashlib.sha256(text).hexdigest() != row.manifest_sha256:
        raise RefusedError("snapshot.altered", f"The manifest of {row.pk} is not the committed one: restore it.")
    return Manifest.model_validate_json(text)


def cell_key(made: Manifest, column: str, keyring: Keyring) -> seal.CellKey:
    """The key that opens a sealed column's cells. KeyError when the column is unknown or not sealed."""
    wrapped = made.columns[column].wrapped_key
    if wrapped is None:
        raise KeyError(column)
    context = seal.CellKey.context(made.register, column, made.snapshot)
    return seal.CellKey(keyring.data_key(wrapped, context), made.register, column, made.contract_version)


def open_records(
    home: Home, keyring: Keyring, snapshot_id: str, columns: Sequence[str], *, few: Collection[str] = ()
) -> pa.RecordBatchReader:
    """The records, these columns in this order, streamed. KeyError when a column is unknown.

    Nobody is a minor in a snapshot from before that was asked.
    Sealed columns come as cells, contacts beside them as `<column>_token`. RefusedError as `manifest`, and
    `features.link_only` for a column of the features: link/features.py opens them. `few` as in engine.open_parquet.
    """
    made = manifest(home, snapshot_id)
    parquet = _open(home, keyring, made, "records", few)
    if "minor" in columns and "minor" not in parquet.schema_arrow.names:
        return _with_nobody_minor(_stream(parquet, [column for column in columns if column != "minor"]), columns)
    unknown = [column for column in columns if column not in parquet.schema_arrow.names]
    if any(column in FEATURES_SCHEMA.names for column in unknown):
        raise RefusedError("features.link_only", "Features are no columns of the records: only 'link' opens them.")
    return _stream(parquet, columns)


def open_quarantine(home: Home, keyring: Keyring, snapshot_id: str) -> pa.RecordBatchReader:
    """The quarantined rows as QUARANTINE_SCHEMA: where and why, never what."""
    return _stream(_open(home, keyring, manifest(home, snapshot_id), "quarantine"), QUARANTINE_SCHEMA.names)


def _open(home: Home, keyring: Keyring, made: Manifest, name: FileName, few: Collection[str] = ()) -> pq.ParquetFile:
    context = file_context(made.register, made.snapshot, name)
    key = engine.FileKey(keyring.data_key(made.files[name], context), context)
    return engine.open_parquet(register_folder(home, made.register) / made.snapshot / f"{name}.parquet", key, few)


def _with_nobody_minor(records: pa.RecordBatchReader, columns: Sequence[str]) -> pa.RecordBatchReader:
    schema = records.schema.append(pa.field("minor", pa.bool_()))
    whole = (batch.append_column("minor", pa.repeat(False, batch.num_rows)) for batch in records)
    ordered = pa.schema([schema.field(column) for column in columns])
    return pa.RecordBatchReader.from_batches(ordered, (batch.select(list(columns)) for batch in whole))


def _stream(parquet: pq.ParquetFile, columns: Sequence[str]) -> pa.RecordBatchReader:
    schema = pa.schema([parquet.schema_arrow.field(column) for column in columns])
    # Whoever reads works meanwhile: one thread of Arrow's costs half as much as several that hand over to each other.
    batches = parquet.iter_batches(batch_size=READ_ROWS, columns=list(columns), use_threads=False)
    return pa.RecordBatchReader.from_batches(schema, (batch.select(list(columns)) for batch in batches))
