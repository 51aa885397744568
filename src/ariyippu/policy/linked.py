"""What a linking run means for an order: the marks that reach its records, the contacts that they may borrow.

The marks are those of the snapshots that the run was made of (of the registers that an order names: the order's),
and from the database objections and what was told. Without a run, or for a register outside it, nothing travels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from ariyippu.base import engine
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.ingest.snapshot import open_records
from ariyippu.link import index
from ariyippu.link.models import LinkRun
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.policy import decide, suspensions, travel
from ariyippu.policy.reference import Situation, Way
from ariyippu.policy.travel import LENT, MARKS, SHARED


@dataclass(frozen=True, repr=False)
class Linked:
    """What the decision reads of links; the tables are those of decide.py."""

    reaching: pa.Table  # as MARKS, of the order's register only
    shared: pa.Table  # as SHARED
    lent: pa.Table  # as LENT


NOTHING = Linked(MARKS.empty_table(), SHARED.empty_table(), LENT.empty_table())


@dataclass(frozen=True, repr=False)
class Reader:
    """Reads a run's files and snapshots."""

    run: LinkRun
    home: Home
    keyring: Keyring

    def index(self) -> pa.RecordBatchReader:
        return index.open_index(self.home, self.keyring, self.run)

    def possible(self) -> pa.RecordBatchReader:
        return index.open_possible(self.home, self.keyring, self.run)

    def travelled(self, marks: pa.Table) -> pa.Table:
        """Where marks travel to, as MARKS. RefusedError `persons.damaged`."""
        with index.readable(self.run), engine.connect(as_written=True) as relations:
            engine.register(relations, "marks", marks)
            return travel.travelled(relations, self.index, self.possible)

    def marked(self, snapshots: Mapping[str, str]) -> Iterator[pa.Table]:
        """The marks of these snapshots, {register: snapshot}, as MARKS. RefusedError `file.damaged`."""
        for register, snapshot in snapshots.items():
            with engine.readable(f"The snapshot {snapshot}"), engine.connect() as relations:
                records = open_records(self.home, self.keyring, snapshot, ["record", "deceased", "protected"])
                relations.register("records", records)
                yield (
                    relations.sql(
                        """select ? as register, record, deceased, protected, false as erased, false as objected,
                           false as told, null as prefers
                       from records where deceased or protected""",
                        params=[register],
                    )
                    .to_arrow_table()
                    .cast(MARKS)
                )

    def contacts(self, lender: str, snapshot: str, way: Way, now: Situation) -> pa.Table:
        """The contacts (record, token) that a register may lend: fresh, not suspended. RefusedError `file.damaged`."""
        is_fresh, since = decide.fresh(way, now, "records")
        with engine.readable(f"The snapshot {snapshot}"), engine.connect() as relations:
            token = f"{way.column}_token"
            columns = ["record", token, *([way.verified_on] if way.verified_on else [])]
            relations.register("records", open_records(self.home, self.keyring, snapshot, columns))
            relations.register("suspended", suspensions.suspended(lender))
            relations.register("verified", suspensions.verified(lender, now.fresh_since))
            return relations.sql(
                f"""select record, "{token}" as token from records
                    where "{token}" is not null and {is_fresh}
                        and "{token}" not in (select token from suspended)""",  # noqa: S608  names of a checked contract
                params=since,
            ).to_arrow_table()


def of_order(verified: VerifiedOrder, now: Situation, marks: pa.Table, *, home: Home, keyring: Keyring) -> Linked:
    """What the order's linking run means for it; `marks` are the database's, as MARKS.

    RefusedError `persons.damaged`, `file.damaged`, and those of snapshot.manifest.
    """
    order, run = verified.order, verified.run
    if run is None:
        return NOTHING
    lending = {part.register: part.snapshot for part in order.contacts_of}
    reader = Reader(run, home, keyring)
    found = reader.marked({**run.snapshots, **lending, order.register: order.snapshot})
    every = pa.concat_tables([*found, marks])
    contacts = {
        place: (way.contact_of, reader.contacts(way.contact_of, lending[way.contact_of], way, now))
        for place, way in enumerate(now.ways)
        if way.contact_of is not None and way.column is not None
    }
    with index.readable(run), engine.connect(as_written=True) as relations:
        travel.here(relations, reader.index, order.register)
        engine.register(relations, "marks", every)
        reached = travel.reaching(relations, reader.index, reader.possible, order.register)
        shared = travel.shared(relations, reader.index, order.register)
        lent = [LENT.empty_table()]
        for place, (lender, found_there) in contacts.items():
            engine.register(relations, "contacts", found_there)
            lent.append(travel.lent(relations, reader.index, lender, place))
    return Linked(reached, shared, pa.concat_tables(lent))


def objecting(marks: pa.Table, *, home: Home, keyring: Keyring) -> pa.Table:
    """Where these objections travel to by the current run, as MARKS. RefusedError `persons.damaged`."""
    run = index.current()
    return MARKS.empty_table() if run is None else Reader(run, home, keyring).travelled(marks)
