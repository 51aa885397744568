"""Snapshots: a register's file, checked, sealed and kept, whole or not at all.

    file -> readers -> validate -> seal -> .partial-SNAPSHOT/ -> fsync, rename -> SNAPSHOT/ -> row + journal entry

    HOME/vault/registers/REGISTER/SNAPSHOT/
      records.parquet      record, row, the columns (sealed cells or typed attributes), `<contact>_token`,
                           deceased, protected; encrypted, context `register|snapshot|records`
      quarantine.parquet   row, column, reason; encrypted, context `register|snapshot|quarantine`
      manifest.json        what the files are, and their wrapped keys

The commit is the database's: row and journal entry are one transaction, and a folder without a row is not
a snapshot (base/folders.py). The row pins the manifest's SHA-256, so that nobody changes what a contact was
collected for on disk.
"""

import contextlib
import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db import transaction
from pydantic import AwareDatetime, BaseModel, ConfigDict

from ariyippu.base import clock, engine, folders, journal
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.base.text import rounded
from ariyippu.ingest import readers, seal
from ariyippu.ingest.contract import Contract, Kind, Mark, Type
from ariyippu.ingest.models import Snapshot
from ariyippu.ingest.readers import Reason, Rejected
from ariyippu.ingest.validate import ARROW_TYPES, Checked, Checks

ROW_GROUP_ROWS = 100_000
READ_ROWS = 65_536
SHOWN_ROWS = 5  # row numbers that a check's report names for each kind of fault

FileName = Literal["records", "quarantine"]
Progress = Callable[[int], None]
QUARANTINE_SCHEMA = pa.schema([("row", pa.int64()), ("column", pa.string()), ("reason", pa.string())])


class ManifestColumn(BaseModel):
    """A column as it lies in records.parquet. `wrapped_key` is set when its cells are sealed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    type: Type
    collected_for: str | None
    wrapped_key: str | None


class Manifest(BaseModel):
    """What a snapshot's files are. `columns` stand in the contract's order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    register: str
    snapshot: str
    contract_digest: str
    contract_version: int
    source_sha256: str
    rows: int
    quarantined: int
    loaded_at: AwareDatetime
    columns: Mapping[str, ManifestColumn]
    files: Mapping[FileName, str]  # -> wrapped key


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
    folder = _folder(home, contract.register.name)
    with folders.locked(folder, "Another load of this register is running."):
        _clear_orphans(folder, contract.register.name)
        source = _sha256(file)
        before = Snapshot.objects.filter(
            register=contract.register.name, contract_digest=contract.digest, source_sha256=source
        ).first()
        if before is not None:
            return Loaded(before.pk, before.rows, before.quarantined, already=True)
        draft = _Draft.of(contract, folder, keyring, accept_test_numbers=home.settings.accept_test_numbers)
        rows, quarantined = _write_files(draft, file, progress)
        if _sha256(file) != source:
            raise RefusedError("register.changed", "The file changed while it was read: load it again.")
        made = _manifest_of(draft, source, rows, quarantined)
        _commit(draft, made)
    return Loaded(draft.snapshot, rows, quarantined, already=False)


@dataclass(frozen=True, repr=False)
class _Draft:
    """A snapshot that is being written: its name and its keys."""

    contract: Contract
    snapshot: str
    folder: Path  # the register's
    keyring: Keyring
    accept_test_numbers: bool
    cell_keys: dict[str, tuple[seal.CellKey, str]] = field(default_factory=dict)
    file_keys: dict[FileName, tuple[engine.FileKey, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, contract: Contract, folder: Path, keyring: Keyring, *, accept_test_numbers: bool) -> "_Draft":
        register = contract.register
        snapshot = f"{register.name}-{clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        draft = cls(contract, snapshot, folder, keyring, accept_test_numbers)
        for column in contract.columns:
            if column.sealed:
                key, wrapped = keyring.new_data_key(seal.CellKey.context(register.name, column.name, snapshot))
                cell_key = seal.CellKey(key, register.name, column.name, register.version)
                draft.cell_keys[column.name] = (cell_key, wrapped)
        for name in ("records", "quarantine"):
            context = _file_context(register.name, snapshot, name)
            key, wrapped = keyring.new_data_key(context)
            draft.file_keys[name] = (engine.FileKey(key, context), wrapped)
        return draft

    @property
    def partial(self) -> Path:
        return folders.partial(self.folder, self.snapshot)


def _write_files(draft: _Draft, file: Path, progress: Progress) -> tuple[int, int]:
    """Write both Parquet files; how many rows each has."""
    draft.partial.mkdir()
    schema = _schema(draft.contract)
    checks = Checks(draft.contract, draft.accept_test_numbers)
    with contextlib.ExitStack() as stack:
        records = stack.enter_context(_gathered(draft, "records", schema))
        quarantine = stack.enter_context(_gathered(draft, "quarantine", QUARANTINE_SCHEMA))
        for chunk in readers.read(draft.contract, file):
            checked = checks.check(chunk)
            records.add(_sealed(checked, draft, schema))
            quarantine.add(_quarantined(checked.rejected))
            progress(records.rows + quarantine.rows)
    return records.rows, quarantine.rows


@dataclass(repr=False)
class _Gathered:
    """Batches gathered to row groups of ROW_GROUP_ROWS: small ones cost time in every later scan."""

    writer: pq.ParquetWriter
    rows: int = 0
    waiting: list[pa.RecordBatch] = field(default_factory=list)

    def add(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        self.waiting.append(batch)
        if sum(waiting.num_rows for waiting in self.waiting) >= ROW_GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            self.writer.write_table(pa.Table.from_batches(self.waiting))
            self.waiting.clear()


@contextlib.contextmanager
def _gathered(draft: _Draft, name: FileName, schema: pa.Schema) -> Iterator[_Gathered]:
    key, _wrapped = draft.file_keys[name]
    with engine.parquet_writer(draft.partial / f"{name}.parquet", schema, key) as writer:
        gathered = _Gathered(writer)
        yield gathered
        gathered.flush()


def _schema(contract: Contract) -> pa.Schema:
    fields = [pa.field("record", pa.binary(seal.TOKEN_BYTES)), pa.field("row", pa.int64())]
    for column in contract.columns:
        fields.append(pa.field(column.name, pa.binary() if column.sealed else ARROW_TYPES[column.type]))
        if column.kind == "contact":
            fields.append(pa.field(f"{column.name}_token", pa.binary(seal.TOKEN_BYTES)))
    return pa.schema([*fields, pa.field("deceased", pa.bool_()), pa.field("protected", pa.bool_())])


def _sealed(checked: Checked, draft: _Draft, schema: pa.Schema) -> pa.RecordBatch:
    """The rows that passed, as they are kept: after this line nothing of a person is in clear."""
    contract, keyring = draft.contract, draft.keyring
    texts = {name: checked.columns[name].cast(pa.string()).to_pylist() for name in draft.cell_keys}
    records = seal.record_tokens(contract.register.name, texts[contract.key.name], keyring)
    made: dict[str, object] = {
        **checked.columns,
        "record": records,
        "row": checked.rows,
        "deceased": _marked(contract.marks.deceased, checked),
        "protected": _marked(contract.marks.protected, checked),
    }
    for name, (key, _wrapped) in draft.cell_keys.items():
        made[name] = seal.seal_column(texts[name], records, key)
    for column in contract.columns:
        if column.type == "mobile" or column.type == "email":
            made[f"{column.name}_token"] = seal.contact_tokens(column.type, texts[column.name], keyring)
    return pa.RecordBatch.from_pydict(made, schema=schema)


def _marked(mark: Mark | None, checked: Checked) -> pa.Array:
    if mark is None:
        return pa.repeat(False, len(checked.rows))
    return pc.is_in(checked.columns[mark.column], pa.array(mark.values, pa.string()))


def _quarantined(rejected: Sequence[Rejected]) -> pa.RecordBatch:
    columns = ([fault.row for fault in rejected], [fault.column for fault in rejected], [f.reason for f in rejected])
    return pa.RecordBatch.from_pydict(dict(zip(QUARANTINE_SCHEMA.names, columns, strict=True)), QUARANTINE_SCHEMA)


def _manifest_of(draft: _Draft, source: str, rows: int, quarantined: int) -> Manifest:
    columns = {}
    for column in draft.contract.columns:
        wrapped = draft.cell_keys[column.name][1] if column.sealed else None
        columns[column.name] = ManifestColumn(
            kind=column.kind, type=column.type, collected_for=column.collected_for, wrapped_key=wrapped
        )
    return Manifest(
        register=draft.contract.register.name,
        snapshot=draft.snapshot,
        contract_digest=draft.contract.digest,
        contract_version=draft.contract.register.version,
        source_sha256=source,
        rows=rows,
        quarantined=quarantined,
        loaded_at=clock.now(),
        columns=columns,
        files={name: wrapped for name, (_key, wrapped) in draft.file_keys.items()},
    )


def _commit(draft: _Draft, made: Manifest) -> None:
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


def _folder(home: Home, register: str) -> Path:
    return home.vault / "registers" / register


def _file_context(register: str, snapshot: str, name: FileName) -> str:
    return f"{register}|{snapshot}|{name}"


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
        text = (_folder(home, row.register) / row.pk / "manifest.json").read_bytes()
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


def open_records(home: Home, keyring: Keyring, snapshot_id: str, columns: Sequence[str]) -> pa.RecordBatchReader:
    """The records, these columns in this order, streamed. KeyError when a column is unknown.

    Sealed columns come as cells, contacts beside them as `<column>_token`. RefusedError as `manifest`.
    """
    return _open(home, keyring, manifest(home, snapshot_id), ("records", tuple(columns)))


def open_quarantine(home: Home, keyring: Keyring, snapshot_id: str) -> pa.RecordBatchReader:
    """The quarantined rows as QUARANTINE_SCHEMA: where and why, never what."""
    return _open(home, keyring, manifest(home, snapshot_id), ("quarantine", tuple(QUARANTINE_SCHEMA.names)))


def _open(
    home: Home, keyring: Keyring, made: Manifest, wanted: tuple[FileName, tuple[str, ...]]
) -> pa.RecordBatchReader:
    name, columns = wanted
    context = _file_context(made.register, made.snapshot, name)
    key = engine.FileKey(keyring.data_key(made.files[name], context), context)
    parquet = engine.open_parquet(_folder(home, made.register) / made.snapshot / f"{name}.parquet", key)
    schema = pa.schema([parquet.schema_arrow.field(column) for column in columns])
    batches = parquet.iter_batches(batch_size=READ_ROWS, columns=list(columns))
    return pa.RecordBatchReader.from_batches(schema, (batch.select(list(columns)) for batch in batches))
