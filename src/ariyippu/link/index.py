"""The kept result of a linking run: which records are one person's, and which persons may be one.

    HOME/vault/persons/RUN/
      index.parquet      register, record, person, bond    every record of the run, once: certain links
      possible.parquet   person, other, weight       possible links, in both directions, weight in bits
      changes.parquet    kind, person, other         against the run before: merged, split, new, gone
      uncertain.parquet  reference, registers, what each comparison says    pairs for the clerical view

A person's records of one bond lend each other contacts; a bond is a number of this run, and within one person.

Each file is encrypted as a whole, under a key of its own whose context is `persons|RUN|TERMS|FILE`, where
TERMS is the SHA-256 of the grant, the model and the snapshots: files of another run, or of this one under
other terms, do not open. A run is whole or not at all (base/folders.py); its row and its journal entry are
one transaction. The newest run is the current one.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction

from ariyippu.base import clock, engine, folders, journal
from ariyippu.base.documents import canonical_json
from ariyippu.base.errors import PermanentError, RefusedError, TransientError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.base.text import rounded
from ariyippu.link.compare import COMPARISONS
from ariyippu.link.models import LinkRun

PERSON_BYTES = 16
READ_ROWS = 65_536
ROW_GROUP_ROWS = 100_000

FileName = Literal["index", "possible", "changes", "uncertain"]
SCHEMAS: Mapping[FileName, pa.Schema] = {
    "index": pa.schema(
        [
            ("register", pa.string()),
            ("record", pa.binary(16)),
            ("person", pa.binary(PERSON_BYTES)),
            ("bond", pa.int64()),
        ],
    ),
    "possible": pa.schema(
        [("person", pa.binary(PERSON_BYTES)), ("other", pa.binary(PERSON_BYTES)), ("weight", pa.float32())],
    ),
    "changes": pa.schema(
        [("kind", pa.string()), ("person", pa.binary(PERSON_BYTES)), ("other", pa.binary(PERSON_BYTES))],
    ),
    "uncertain": pa.schema(
        [
            ("reference", pa.binary(16)),
            ("register", pa.string()),
            ("other_register", pa.string()),
            ("weight", pa.float32()),
            *((comparison.name, pa.float32()) for comparison in COMPARISONS),
        ]
    ),
}


@dataclass(frozen=True, repr=False)
class Draft:
    """What a linking run came to, before it is kept. The tables have the columns of SCHEMAS."""

    grant: str  # digest of the use request
    model: str  # digest of the model
    snapshots: Mapping[str, str]  # register -> snapshot
    before: str | None  # the run that it continues: the current one when it began
    index: pa.Table
    possible: pa.Table
    changes: pa.Table
    uncertain: pa.Table = field(default_factory=SCHEMAS["uncertain"].empty_table)


# --- keeping -----------------------------------------------------------------------------------------


def commit(draft: Draft, *, home: Home, keyring: Keyring) -> LinkRun:
    """Keep a run. When this returns it is on disk, in the database and in the journal, and current.

    ValueError when a record stands twice; TransientError when another run was kept since this one began.
    """
    _refuse_doubled(draft.index)
    folder = _folder(home)
    with folders.locked(folder, "Another linking run is being kept."):
        folders.clear_orphans(folder, set(LinkRun.objects.values_list("id", flat=True)))
        newest = current()
        if (newest.pk if newest else None) != draft.before:
            raise TransientError("Another linking run was kept since this one began: link again.")
        run = LinkRun(
            id=f"persons-{clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
            grant=draft.grant,
            model=draft.model,
            snapshots=dict(draft.snapshots),
            wrapped_keys={},
            records=draft.index.num_rows,
            persons=pc.count_distinct(draft.index["person"]).as_py(),
            possible=draft.possible.num_rows // 2,
            linked_at=clock.now(),
        )
        _write(run, draft, folder, keyring)
        folders.appear(folder, run.pk)
        with transaction.atomic():
            run.journal_id = journal.append("linked", _entry(run))
            run.save(force_insert=True)
    return run


def _refuse_doubled(index: pa.Table) -> None:
    """A record that stood twice would be decided about twice."""
    if index.group_by(["register", "record"]).aggregate([]).num_rows != index.num_rows:
        raise ValueError("a record stands twice in the index")


def _write(run: LinkRun, draft: Draft, folder: Path, keyring: Keyring) -> None:
    place = folders.partial(folder, run.pk)
    place.mkdir()
    tables: Mapping[FileName, pa.Table] = {
        "index": draft.index,
        "possible": draft.possible,
        "changes": draft.changes,
        "uncertain": draft.uncertain,
    }
    for name, table in tables.items():
        context = _context(run, name)
        key, run.wrapped_keys[name] = keyring.new_data_key(context)
        file_key = engine.FileKey(key, context)
        with engine.parquet_writer(place / f"{name}.parquet", SCHEMAS[name], file_key) as writer:
            writer.write_table(table.select(SCHEMAS[name].names).cast(SCHEMAS[name]), row_group_size=ROW_GROUP_ROWS)


def _entry(run: LinkRun) -> dict[str, object]:
    """What the log says about a run. `certain`: records that were joined to another record's person."""
    return {
        "run": run.pk,
        "grant": run.grant,
        "model": run.model,
        "snapshots": run.snapshots,
        "records": rounded(run.records),
        "persons": rounded(run.persons),
        "certain": rounded(run.records - run.persons),
        "possible": rounded(run.possible),
    }


# --- reading -----------------------------------------------------------------------------------------


def current() -> LinkRun | None:
    """The newest run, or None before the first."""
    return LinkRun.objects.order_by("-journal_id").first()


def covering(register: str) -> LinkRun | None:
    """The current run, or None when it does not say anything about this register."""
    run = current()
    return run if run is not None and register in run.snapshots else None


def open_index(home: Home, keyring: Keyring, run: LinkRun) -> pa.RecordBatchReader:
    """Every record's person, streamed. For use within `readable`."""
    return _open(home, keyring, run, "index")


def open_possible(home: Home, keyring: Keyring, run: LinkRun) -> pa.RecordBatchReader:
    """The possible links, streamed. For use within `readable`."""
    return _open(home, keyring, run, "possible")


def open_changes(home: Home, keyring: Keyring, run: LinkRun) -> pa.RecordBatchReader:
    """What became of the persons of the run before, streamed. For use within `readable`."""
    return _open(home, keyring, run, "changes")


def open_uncertain(home: Home, keyring: Keyring, run: LinkRun) -> pa.RecordBatchReader:
    """The pairs that are neither certain nor settled, with their evidence. For use within `readable`."""
    return _open(home, keyring, run, "uncertain")


@contextmanager
def readable(run: LinkRun) -> Iterator[None]:
    """For the block that reads a run's files: damage becomes RefusedError `persons.damaged`."""
    try:
        with engine.readable(f"The linking run {run.pk}"):
            yield
    except RefusedError as refusal:
        if refusal.code != "file.damaged":
            raise
        raise RefusedError("persons.damaged", refusal.message) from None


def _open(home: Home, keyring: Keyring, run: LinkRun, name: FileName) -> pa.RecordBatchReader:
    context = _context(run, name)
    try:
        key = engine.FileKey(keyring.data_key(run.wrapped_keys[name], context), context)
    except (KeyError, PermanentError):
        raise RefusedError("persons.damaged", f"The row of {run.pk} is not the one that was kept.") from None
    parquet = engine.open_parquet(_folder(home) / run.pk / f"{name}.parquet", key)
    return pa.RecordBatchReader.from_batches(SCHEMAS[name], parquet.iter_batches(READ_ROWS))


def _folder(home: Home) -> Path:
    return home.vault / "persons"


def _context(run: LinkRun, name: FileName) -> str:
    terms = canonical_json({"grant": run.grant, "model": run.model, "snapshots": run.snapshots})
    return f"persons|{run.pk}|{hashlib.sha256(terms).hexdigest()}|{name}"
