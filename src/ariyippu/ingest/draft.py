"""A snapshot that is being written: its keys, its files, and what of a chunk of rows comes into them.

Values in clear come in as the columns of a `Checked` chunk. Sealed cells, tokens, keyed features and the
contract's attributes are written; nothing else is kept.
"""

import contextlib
import gc
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ariyippu.base import clock, engine, folders, keys
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.ingest import seal
from ariyippu.ingest.contract import Contract, Mark
from ariyippu.ingest.features.make import FEATURE_VERSION, FEATURES_SCHEMA, Maker
from ariyippu.ingest.manifest import (
    FILE_NAMES,
    FileName,
    Manifest,
    ManifestColumn,
    ManifestFeatures,
    file_context,
    register_folder,
)
from ariyippu.ingest.readers import Chunk, Rejected
from ariyippu.ingest.validate import ARROW_TYPES, Checked, Checks

ROW_GROUP_ROWS = 100_000
ADULT_YEARS = 18
QUARANTINE_SCHEMA = pa.schema([("row", pa.int64()), ("column", pa.string()), ("reason", pa.string())])


@dataclass(frozen=True, repr=False)
class Draft:
    """A snapshot's name, its place and its keys, each beside the form in which the manifest keeps it."""

    contract: Contract
    snapshot: str
    folder: Path  # the register's
    keyring: Keyring
    cell_keys: Mapping[str, tuple[seal.CellKey, str]]
    file_keys: Mapping[FileName, tuple[engine.FileKey, str]]

    @classmethod
    def of(cls, contract: Contract, home: Home, keyring: Keyring) -> "Draft":
        """A new one, with fresh keys. Features are written where the contract links something."""
        register = contract.register
        snapshot = f"{register.name}-{clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        cell_keys = {}
        for column in contract.columns:
            if column.sealed:
                key, wrapped = keyring.new_data_key(seal.CellKey.context(register.name, column.name, snapshot))
                cell_keys[column.name] = (seal.CellKey(key, register.name, column.name, register.version), wrapped)
        file_keys: dict[FileName, tuple[engine.FileKey, str]] = {}
        for name in FILE_NAMES:
            context = file_context(register.name, snapshot, name)
            if name != "features":
                key, kept = keyring.new_data_key(context)
            elif contract.links:
                key, kept = keys.seal_to_link(keys.link_public_key(home.link_key), context)
            else:
                continue
            file_keys[name] = (engine.FileKey(key, context), kept)
        return cls(contract, snapshot, register_folder(home, register.name), keyring, cell_keys, file_keys)

    @property
    def partial(self) -> Path:
        return folders.partial(self.folder, self.snapshot)

    def manifest(self, source: str, rows: int, quarantined: int) -> Manifest:
        columns = {}
        for column in self.contract.columns:
            wrapped = self.cell_keys[column.name][1] if column.sealed else None
            columns[column.name] = ManifestColumn(
                kind=column.kind,
                type=column.type,
                collected_for=column.collected_for,
                link=column.link,
                verified_on=column.verified_on,
                wrapped_key=wrapped,
            )
        kept = {name: wrapped for name, (_key, wrapped) in self.file_keys.items()}
        sealed = kept.pop("features", None)
        return Manifest(
            register=self.contract.register.name,
            snapshot=self.snapshot,
            contract_digest=self.contract.digest,
            contract_version=self.contract.register.version,
            holds_person_once=self.contract.register.holds_person_once,
            source_sha256=source,
            rows=rows,
            quarantined=quarantined,
            loaded_at=clock.now(),
            columns=columns,
            protected_column=self.contract.marks.protected.column if self.contract.marks.protected else None,
            files=kept,
            features=ManifestFeatures(version=FEATURE_VERSION, sealed_key=sealed) if sealed else None,
        )


def write_files(
    draft: Draft, chunks: Iterable[Chunk], checks: Checks, progress: Callable[[int], None]
) -> tuple[int, int]:
    """Write the snapshot's Parquet files; how many rows were kept and how many quarantined."""
    draft.partial.mkdir()
    sealing = Sealing(draft)
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context(_gathered(draft, name)) for name in draft.file_keys}
        for chunk in chunks:
            for name, batch in sealing.seal(checks.check(chunk)).items():
                files[name].add(batch)
            progress(files["records"].rows + files["quarantine"].rows)
    return files["records"].rows, files["quarantine"].rows


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
def _gathered(draft: Draft, name: FileName) -> Iterator[_Gathered]:
    schemas = {"records": _schema(draft.contract), "quarantine": QUARANTINE_SCHEMA, "features": FEATURES_SCHEMA}
    key, _kept = draft.file_keys[name]
    with engine.parquet_writer(draft.partial / f"{name}.parquet", schemas[name], key) as writer:
        gathered = _Gathered(writer)
        yield gathered
        gathered.flush()


def _schema(contract: Contract) -> pa.Schema:
    fields = [pa.field("record", pa.binary(seal.TOKEN_BYTES)), pa.field("row", pa.int64())]
    for column in contract.columns:
        fields.append(pa.field(column.name, pa.binary() if column.sealed else ARROW_TYPES[column.type]))
        if column.kind == "contact":
            fields.append(pa.field(f"{column.name}_token", pa.binary(seal.TOKEN_BYTES)))
    return pa.schema([*fields, *(pa.field(mark, pa.bool_()) for mark in ("deceased", "protected", "minor"))])


@contextlib.contextmanager
def no_cycles() -> Iterator[None]:
    """No cyclic garbage collection in the block, which makes millions of small objects and no cycle."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


# --- a chunk of rows ---------------------------------------------------------------------------------


class Sealing:
    """Turns checked chunks of one file into what is kept of them. What its caches hold of people goes with it."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._schema = _schema(draft.contract)
        self._maker = Maker(draft.contract.links, draft.keyring)
        self._in_clear = {column.name for column in draft.contract.columns if column.sealed or column.link}

    def seal(self, checked: Checked) -> dict[FileName, pa.RecordBatch]:
        """A batch for each file of the draft: in none of them anything of a person is in clear."""
        contract = self.draft.contract
        texts = {name: checked.columns[name].cast(pa.string()).to_pylist() for name in self._in_clear}
        records = seal.record_tokens(contract.register.name, texts[contract.key.name], self.draft.keyring)
        made: dict[FileName, pa.RecordBatch] = {
            "records": self._records(checked, texts, records),
            "quarantine": _quarantined(checked.rejected),
        }
        if "features" in self.draft.file_keys:
            linked = {role: texts[column.name] for role, column in contract.links.items()}
            made["features"] = self._maker.batch(records, linked)
        return made

    def _records(self, checked: Checked, texts: Mapping[str, list[str | None]], records: list[bytes]) -> pa.RecordBatch:
        contract, keyring = self.draft.contract, self.draft.keyring
        made: dict[str, object] = {
            **checked.columns,
            "record": records,
            "row": checked.rows,
            "deceased": _marked(contract.marks.deceased, checked),
            "protected": _marked(contract.marks.protected, checked),
            "minor": pc.or_(_marked(contract.marks.minor, checked), _under_age(contract, checked)),
        }
        for name, (key, _wrapped) in self.draft.cell_keys.items():
            made[name] = seal.seal_column(texts[name], records, key)
        for column in contract.columns:
            if column.type == "mobile" or column.type == "email":
                made[f"{column.name}_token"] = seal.contact_tokens(column.type, texts[column.name], keyring)
        return pa.RecordBatch.from_pydict(made, schema=self._schema)


def _marked(mark: Mark | None, checked: Checked) -> pa.Array:
    if mark is None:
        return pa.repeat(False, len(checked.rows))
    return pc.is_in(checked.columns[mark.column], pa.array(mark.values, pa.string()))


def _under_age(contract: Contract, checked: Checked) -> pa.Array:
    """Who was not eighteen on the day of loading (DPDP Act 2023, s. 2(f)), where the contract holds births.

    A yes or no is all that is kept of it, so that who comes of age later is a minor until the next snapshot.
    """
    born_on = contract.links.get("born_on")
    if born_on is None:
        return pa.repeat(False, len(checked.rows))
    today = clock.now().astimezone(clock.INDIA).date()
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    latest = today.replace(year=today.year - ADULT_YEARS, day=day)
    return pc.fill_null(pc.greater(checked.columns[born_on.name], pa.scalar(latest)), False)


def _quarantined(rejected: Sequence[Rejected]) -> pa.RecordBatch:
    columns = ([fault.row for fault in rejected], [fault.column for fault in rejected], [f.reason for f in rejected])
    return pa.RecordBatch.from_pydict(dict(zip(QUARANTINE_SCHEMA.names, columns, strict=True)), QUARANTINE_SCHEMA)
