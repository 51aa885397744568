"""What the current linking run makes of marks: which records they reach beside the ones that they stand at.

The marks are those of the snapshots that the run was made of (of the order's own register: the order's), and
objections and what was told from the database. Without a run, or for a register outside it, nothing travels.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ariyippu.base import engine
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.ingest.snapshot import open_records
from ariyippu.link import index
from ariyippu.link.models import LinkRun
from ariyippu.notice.documents import Order
from ariyippu.policy import travel
from ariyippu.policy.travel import MARKS


def reaching(order: Order, lists: pa.Table, *, home: Home, keyring: Keyring) -> pa.Table:
    """What travels to the records of the order's register, as MARKS; `lists` are the database's marks, as MARKS.

    RefusedError `persons.damaged`, `file.damaged`, and those of snapshot.manifest.
    """
    run = index.current()
    if run is None or order.register not in run.snapshots:
        return MARKS.empty_table()
    snapshots = {**run.snapshots, order.register: order.snapshot}
    found = [_marked(register, snapshot, home, keyring) for register, snapshot in snapshots.items()]
    reached = _travelled(pa.concat_tables([*found, lists]), run, home, keyring)
    return reached.filter(pc.equal(reached["register"], order.register))


def objecting(register: str, records: Sequence[bytes], *, home: Home, keyring: Keyring) -> pa.Table:
    """What an objection of these records reaches, as MARKS. RefusedError `persons.damaged`."""
    run = index.current()
    if run is None or register not in run.snapshots:
        return MARKS.empty_table()
    marks = [{"register": register, "record": record, "objected": True} for record in records]
    return _travelled(pa.Table.from_pylist(marks, MARKS), run, home, keyring)


def _marked(register: str, snapshot: str, home: Home, keyring: Keyring) -> pa.Table:
    with engine.readable(f"The snapshot {snapshot}"), engine.connect() as relations:
        records = open_records(home, keyring, snapshot, ["record", "deceased", "protected"])
        relations.register("records", records)
        marked = relations.sql(
            "select ? as register, record, deceased, protected, false as objected, false as told "
            "from records where deceased or protected",
            params=[register],
        )
        return marked.to_arrow_table().cast(MARKS)


def _travelled(marks: pa.Table, run: LinkRun, home: Home, keyring: Keyring) -> pa.Table:
    with index.readable(run), engine.connect() as relations:
        relations.register("marks", marks)
        return travel.travelled(
            relations,
            index=lambda: index.open_index(home, keyring, run),
            possible=lambda: index.open_possible(home, keyring, run),
        )
