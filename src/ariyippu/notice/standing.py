"""Standing orders: approved once, triggered by their register's next snapshot.

    hatch -> accept() -> the row and its journal entry
    a new snapshot under the same contract -> trigger() -> an order's row and its journal entry

From there a trigger goes the way of every order: it is public, cools off, is decided about (newly() says
who may be a candidate), cut and sent. It is made from the signed standing order and the event alone, so that
whoever reads the log can make it again.
"""

import datetime as dt

import pyarrow as pa
from django.db import transaction
from django.db.models import QuerySet

from ariyippu.base import clock, engine, journal
from ariyippu.base.documents import Envelope
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.ingest.models import Snapshot
from ariyippu.ingest.snapshot import open_records
from ariyippu.notice import contacts, criteria, orders
from ariyippu.notice.documents import Event, StandingOrder, Trigger
from ariyippu.notice.models import StandingRow
from ariyippu.notice.orders import VerifiedOrder


def accept(envelope: Envelope, notice: bytes, home: Home) -> StandingOrder:
    """Keep a standing order, checked as its trigger by the newest snapshot would be; the same again changes nothing.

    RefusedError as `orders.accept`, and `standing.no_snapshot`, `standing.doubled`.
    """
    order = envelope.open(StandingOrder)
    if clock.now() >= order.not_after:
        raise RefusedError("order.not_in_window", "The order's window is over.")
    newest = _snapshots(order).last()
    if newest is None:
        raise RefusedError("standing.no_snapshot", "No snapshot of its register was loaded under this contract.")
    probe = order.triggered(Event(1, newest.pk, newest.pk, _now()))
    verified = orders.verify_trigger(probe, envelope, notice, home)
    contacts.check_carriers(verified.order, home)
    with transaction.atomic():
        same = StandingRow.objects.filter(standing_id=order.id).first()
        if same is not None and same.digest != envelope.digest:
            raise RefusedError("standing.doubled", f"Another standing order is called {order.id!r}.")
        if same is None:
            StandingRow.objects.create(
                digest=envelope.digest,
                standing_id=order.id,
                envelope=envelope.model_dump_json(),
                notice=notice,
                journal_id=journal.append("standing-order", orders.public(envelope, verified)),
                snapshot=newest.pk,
            )
    return order


def trigger() -> None:
    """Make an order of the next snapshot that a standing order in its time has not seen yet; the rest, next turn."""
    for row in StandingRow.objects.order_by("journal_id"):
        order = Envelope.parse(row.envelope).open(StandingOrder)
        if order.not_before <= clock.now() < order.not_after:
            seen = Snapshot.objects.filter(pk=row.snapshot).first()
            after = _snapshots(order).filter(loaded_at__gt=seen.loaded_at).first() if seen else None
            if after is not None:  # without the one before, nobody can say who is new
                _trigger(row, order, after)


def newly(verified: VerifiedOrder, home: Home, keyring: Keyring) -> pa.Table:
    """The records (record: binary(16)) that a trigger is about.

    They satisfy the criteria in its snapshot, and in the one before they did not, or were not there, or
    had another value in the event's field.
    """
    order = verified.order
    if not isinstance(order, Trigger):
        raise TypeError("only a trigger has records that are new")
    condition, parameters = criteria.to_sql(verified.where)
    event = "null" if order.event_field is None else f'"{order.event_field}"'
    fields = criteria.fields(verified.where) | ({order.event_field} if order.event_field else set())
    columns = ["record", *sorted(fields)]
    with engine.readable(f"The snapshot {order.previous}"), engine.connect() as relations:
        relations.register("present", open_records(home, keyring, order.snapshot, columns))
        relations.register("past", open_records(home, keyring, order.previous, columns))
        return relations.sql(
            f"""select n.record
                from (select record, {event} as event from present where {condition}) n
                left join (select record, {event} as event, true as held from past where {condition}) p
                    on p.record = n.record
                where p.held is null or n.event is distinct from p.event""",  # noqa: S608  names of a checked contract
            params=[*parameters, *parameters],
        ).to_arrow_table()


def _trigger(row: StandingRow, order: StandingOrder, snapshot: Snapshot) -> None:
    made = order.triggered(Event(row.triggers + 1, snapshot.pk, row.snapshot, _now()))
    with transaction.atomic():
        entry = journal.append("trigger", {"trigger": made.model_dump(mode="json")})
        envelope = Envelope.parse(row.envelope)
        orders.row_of(made, envelope, bytes(row.notice), at=clock.now(), entry=entry).save(force_insert=True)
        StandingRow.objects.filter(digest=row.digest).update(snapshot=snapshot.pk, triggers=made.number)


def _snapshots(order: StandingOrder) -> QuerySet[Snapshot]:
    """Of its register, under its contract, in the order in which they were loaded."""
    return Snapshot.objects.filter(register=order.register, contract_digest=order.contract).order_by("loaded_at")


def _now() -> dt.datetime:
    return clock.now().replace(microsecond=0)
