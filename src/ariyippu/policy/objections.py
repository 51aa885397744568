"""Objections, erasures, and what was told before: what the decision reads and the hand-off asks about again.

An erasure is kept as an objection of its own kind: nobody is told anything any more, not in an emergency
either. It is this platform's promise. The law leaves State bodies free of parts of section 12 of the DPDP
Act (section 17(4)); what is sealed of a person in a department's snapshot goes when that snapshot's time is over.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection, transaction
from django.db.models.functions import Now

from ariyippu.base import clock, driver
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.grant import purposes
from ariyippu.notice.documents import Order
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.policy import caps, linked
from ariyippu.policy.decide import MARKED
from ariyippu.policy.models import Objection
from ariyippu.policy.travel import MARKS

READ_ROWS = 100_000
ERASURE = "erasure"  # stands where an objection's purpose does; no purpose is called so
KEPT = ("erased", "objected", "told")  # the marks that the database keeps, beside preferences
_OBJECTION = {  # (an erasure, over a link) -> the reason
    (True, False): "erased",
    (True, True): "erased_linked",
    (False, False): "objected",
    (False, True): "objected_linked",
}
ALL_BUT_OWN = "*"  # what is objected to: every purpose but those of a person's own entitlement (docs/adr/0015)


def record_objections(register: str, records: Sequence[bytes], purpose: str) -> int:
    """Keep an objection of each record's person to a purpose, or their ERASURE; how many are new.

    `carry` takes it to the other records of the same person. RefusedError `purpose.unknown`.
    """
    if purpose not in (ALL_BUT_OWN, ERASURE):
        purposes.get(purpose)
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into policy_objection (register, record, purpose, objected_at)
               select %s, r, %s, %s from unnest(%s::bytea[]) as r
               on conflict do nothing""",
            [register, purpose, clock.now(), list(records)],
        )
        return int(cursor.rowcount)


def carry(*, home: Home, keyring: Keyring, waited_s: int = 0) -> None:
    """Take objections to whatever records the current linking run reaches from theirs.

    That holds back the messages of audiences that were decided before; later decisions ask the run themselves
    (docs/adr/0009). It reads the whole index: nothing is done while none has waited for `waited_s`.
    RefusedError `persons.damaged`: the objections stand, and wait to be carried.
    """
    waiting = Objection.objects.filter(carried_at=None)
    if not waiting.filter(objected_at__lte=clock.now() - dt.timedelta(seconds=waited_s)).exists():
        return
    by_purpose: dict[str, list[tuple[int, str, bytes]]] = {}
    for pk, register, record, purpose in waiting.values_list("pk", "register", "record", "purpose"):
        by_purpose.setdefault(purpose, []).append((pk, register, bytes(record)))
    for purpose, objections in by_purpose.items():
        marks = _marked("objected", [(register, record) for _pk, register, record in objections])
        reached = linked.objecting(marks, home=home, keyring=keyring)
        with transaction.atomic():
            _keep_carried(reached, purpose)
            Objection.objects.filter(pk__in=[pk for pk, _register, _record in objections]).update(carried_at=Now())


def _keep_carried(reached: pa.Table, purpose: str) -> None:
    """`carried_at` is taken after the objections were committed, which a decision that missed them began before."""
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into policy_carried_objection (register, record, purpose, carried_at)
               select reached.register, record, %s, clock_timestamp()
               from unnest(%s::text[], %s::bytea[]) as reached (register, record)
               on conflict (register, record, purpose) do update set carried_at = excluded.carried_at""",
            [purpose, reached["register"].to_pylist(), reached["record"].to_pylist()],
        )


@dataclass(frozen=True, repr=False)
class Lists:
    """Of every register: who objects to the purpose or is erased, was told within its interval, prefers a channel."""

    marks: pa.Table  # as MARKS; a record that objects and was told stands twice
    capped: pa.Table  # the records (record: binary(16)) of the order's register that were told as often as a cap allows
    decided_at: dt.datetime  # by the database's clock: what is carried later is not among them

    def of(self, register: str) -> pa.Table:
        """What holds for the order's register, as MARKED: each record once."""
        held = self.marks.filter(pc.equal(self.marks["register"], register)).select(["record", *KEPT, "prefers"])
        held = held.append_column("capped", pa.repeat(False, held.num_rows))
        none = {name: pa.repeat(False, self.capped.num_rows) for name in KEPT}
        none |= {"prefers": pa.nulls(self.capped.num_rows, pa.string())}
        capped = pa.table({**none, "record": self.capped["record"], "capped": pa.repeat(True, self.capped.num_rows)})
        together = pa.concat_tables([one.select(MARKED.names).cast(MARKED) for one in (held, capped)])
        merged = [(name, "any") for name in (*KEPT, "capped")] + [("prefers", "max")]
        grouped = together.group_by("record").aggregate(merged)
        return grouped.rename_columns([name.removesuffix("_any").removesuffix("_max") for name in grouped.column_names])


def lists(order: Order) -> Lists:
    """The lists as they stand now."""
    above = _objectionable(order.purpose)
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")  # before anything is read: see _keep_carried
        (decided_at,) = cursor.fetchone()
    with transaction.atomic():
        query = "select distinct register, record from policy_objection where purpose = any(%s)"
        objected = _read("objected", query, [above])
        query = "select distinct register, record from policy_told where purpose = %s and told_at > %s"
        told = _read("told", query, [order.purpose, told_before(order)])
        query = "select distinct register, record from policy_objection where purpose = %s"
        erased = _read("erased", query, [ERASURE])
        capped = caps.reached(order)
        prefers = _read("prefers", "select register, record, channel from policy_preference", [])
    return Lists(pa.concat_tables([objected, erased, told, prefers]), capped, decided_at)


def _objectionable(purpose: str) -> list[str]:
    """What somebody has objected to who must not be told for this purpose."""
    above = [node.id for node in purposes.lineage(purpose)]
    return above if purposes.get(purpose).own_entitlement else [*above, ALL_BUT_OWN]


def told_before(order: Order) -> dt.datetime:
    """Who was told for the order's purpose since this instant is not told again."""
    return clock.now() - dt.timedelta(days=order.min_interval_days)


def _read(mark: str, query: str, parameters: Sequence[Any]) -> pa.Table:
    """The (register, record), or (register, record, channel), of a query, as MARKS, in parts: the lists can be long."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        parts = iter(lambda: cursor.fetchmany(READ_ROWS), [])
        return pa.concat_tables([MARKS.empty_table(), *(_marked(mark, part) for part in parts)])


def _marked(mark: str, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    registers, records, *preferred = zip(*rows, strict=True)
    columns: dict[str, Any] = {name: pa.repeat(name == mark, len(rows)) for name in MARKS.names[2:-1]}
    columns["prefers"] = preferred[0] if preferred else pa.nulls(len(rows), pa.string())
    return pa.table({"register": registers, "record": [bytes(record) for record in records], **columns}, MARKS)


def withheld(verified: VerifiedOrder, records: Sequence[bytes], persons: Mapping[bytes, bytes]) -> dict[bytes, str]:
    """Of these records, those that must not be told any more, with the reason: asked again at the hand-off.

    `persons`: of those records whose person other registers know too. An emergency holds nobody back but the erased.
    """
    if verified.purpose.emergency:
        return _withheld(verified, records, [ERASURE])
    order = verified.order
    capped = dict.fromkeys(caps.reached_by(order, records), "capped")
    elsewhere = told_elsewhere(order, list(persons.values()))
    linked = {record: "told_linked" for record, person in persons.items() if person in elsewhere}
    told = dict.fromkeys(_told_recently(order, records), "told_recently")
    return capped | linked | told | _withheld(verified, records, [*_objectionable(order.purpose), ERASURE])


def _told_recently(order: Order, records: Sequence[bytes]) -> list[bytes]:
    with driver.cursor() as cursor:
        cursor.execute(
            """select record from policy_told
               where register = %s and purpose = %s and told_at > %s and record = any(%s::bytea[])""",
            [order.register, order.purpose, told_before(order), driver.octets(records)],
            prepare=True,
        )
        return [bytes(record) for (record,) in cursor.fetchall()]


def _withheld(verified: VerifiedOrder, records: Sequence[bytes], stated: Sequence[str]) -> dict[bytes, str]:
    """Of these records, those that objected to one of these, themselves or, since the decision, over a link."""
    with driver.cursor() as cursor:
        cursor.execute(
            """select record, purpose = %(erasure)s as erasure, true as linked from policy_carried_objection
               where register = %(register)s and purpose = any(%(purposes)s) and record = any(%(records)s::bytea[])
                 and carried_at > (select decided_at from policy_audience where "order" = %(digest)s)
               union all
               select record, purpose = %(erasure)s, false from policy_objection
               where register = %(register)s and purpose = any(%(purposes)s) and record = any(%(records)s::bytea[])
               order by erasure, linked desc""",  # the last one counts
            {
                "register": verified.order.register,
                "purposes": list(stated),
                "erasure": ERASURE,
                "digest": verified.digest,
                "records": driver.octets(records),
            },
            prepare=True,
        )
        return {bytes(record): _OBJECTION[erasure, linked] for record, erasure, linked in cursor.fetchall()}


def told_elsewhere(order: Order, persons: Sequence[bytes]) -> set[bytes]:
    """Of these persons, those whom another register told for the order's purpose within its interval."""
    if not persons:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """select person from policy_person_told
               where purpose = %s and register <> %s and told_at > %s and person = any(%s)""",
            [order.purpose, order.register, told_before(order), list(persons)],
        )
        return {bytes(person) for (person,) in cursor.fetchall()}


class PersonTold(NamedTuple):
    """A person whom a register's message reached, or may have."""

    person: bytes
    register: str
    purpose: str


def record_persons(told: Sequence[PersonTold]) -> None:
    """Called by send, in its transaction, for persons whom several registers know."""
    if not told:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into policy_person_told (person, register, purpose, told_at)
               select distinct told.*, %s::timestamptz
               from unnest(%s::bytea[], %s::text[], %s::text[]) as told (person, register, purpose)
               on conflict (person, purpose, register) do update set told_at = excluded.told_at""",
            [clock.now(), *map(list, zip(*told, strict=True))],
        )


def record_told(register: str, records: Iterable[bytes], purpose: str) -> None:
    """Called by send, in its transaction, for those whose message left or may have left."""
    with driver.cursor() as cursor:
        cursor.execute(
            """insert into policy_told (register, record, purpose, told_at)
               select %s, r, %s, %s from unnest(%s::bytea[]) as r""",
            [register, purpose, clock.now(), driver.octets(records)],
            prepare=True,
        )
