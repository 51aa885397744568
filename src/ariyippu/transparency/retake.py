"""What the log knows and a restored database has forgotten is taken again: from the log itself, entry by entry.

Documents go through the very functions that took them first, as of the time that their entry says; the
journal's row that comes of it must be the entry, byte for byte, and gets its old place. Every other entry
gets its row back and nothing more. What cannot be taken again:

    trust, stays, amendments, refusals, withdrawals   stops everything: without them too much would be allowed
    orders, and standing orders' triggers             are kept as failed: their names are used up, nothing leaves
    standing orders                                   are kept, too; nothing triggers them any more
    the rest                                          is lost, and may be handed in again
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Max
from pydantic import ValidationError

from ariyippu.base import clock
from ariyippu.base.documents import Envelope, canonical_json
from ariyippu.base.errors import RefusedError
from ariyippu.base.models import Entry, Journal
from ariyippu.notice import orders
from ariyippu.notice.documents import Order, StandingOrder, Trigger
from ariyippu.notice.models import OrderRow, StandingRow
from ariyippu.transparency import entries, tiles, tree
from ariyippu.transparency.entries import LoggedEntry

Take = Callable[[Envelope, bytes], object]

_REST_OF_SECOND = timedelta(microseconds=999_999)  # an entry's time has whole seconds: it was not before that
_ESSENTIAL = frozenset({"trust", "stay", "amendment", "request-refused", "withdrawal"})


def retake(log: Path, takers: Mapping[str, Take]) -> int:
    """Bring the database up to the published log; how many entries. Doing it again changes nothing.

    `takers`: entry kind -> who takes its document and its notice (empty but for orders). The log was verified
    before. RefusedError `reconcile.entry` when something essential cannot be taken again.
    """
    size, known = tree.checkpoint(log).size, _known()
    for index in range(known, size):
        bundle, place = divmod(index, tiles.WIDTH)
        content = tree.entries(log, bundle, min(tiles.WIDTH, size - bundle * tiles.WIDTH))[place]
        _retake(entries.parse(index, content), content, takers)
    return max(0, size - known)


def _known() -> int:
    highest = Entry.objects.aggregate(highest=Max("index"))["highest"]
    return 0 if highest is None else int(highest) + 1


def _retake(entry: LoggedEntry, content: bytes, takers: Mapping[str, Take]) -> None:
    with transaction.atomic():
        row = _unplaced(content) or _taken(entry, content, takers)
        if row is None:
            row = Journal.objects.create(at=entry.at, kind=entry.kind, body=content)
            if keep := _KEPT.get(entry.kind):
                keep(entry, row)
        Entry.objects.create(index=entry.index, journal=row)


def _taken(entry: LoggedEntry, content: bytes, takers: Mapping[str, Take]) -> Journal | None:
    """The row that taking the entry's document again made; None when it made none, or another."""
    take = takers.get(entry.kind)
    if take is None:
        return None
    try:
        envelope = Envelope.model_validate(entry.body["envelope"])
        notice = canonical_json(entry.body["notice"]) if "notice" in entry.body else b""
        with transaction.atomic(), clock.as_of(entry.at + _REST_OF_SECOND):
            take(envelope, notice)
            return _placeable(content)
    except (RefusedError, ValidationError, KeyError, ValueError) as error:
        if entry.kind in _ESSENTIAL:
            why = error.code if isinstance(error, RefusedError) else type(error).__name__
            raise RefusedError(
                "reconcile.entry", f"Entry {entry.index} ({entry.kind}) cannot be taken again: {why}."
            ) from None
        return None


def _placeable(content: bytes) -> Journal:
    row = _unplaced(content)
    if row is None:
        raise RefusedError("reconcile.differs", "It is not what was logged.")
    return row


def _unplaced(content: bytes) -> Journal | None:
    """A row with this body that has no place in the log: the back-up may hold it already."""
    return Journal.objects.filter(entry__isnull=True, body=content).order_by("pk").first()


def _keep_order(entry: LoggedEntry, row: Journal) -> None:
    envelope = Envelope.model_validate(entry.body["envelope"])
    if not OrderRow.objects.filter(digest=envelope.digest).exists():
        notice = canonical_json(entry.body["notice"])
        _keep_failed(orders.row_of(envelope.open(Order), envelope, notice, at=entry.at, entry=row.pk))


def _keep_standing(entry: LoggedEntry, row: Journal) -> None:
    envelope = Envelope.model_validate(entry.body["envelope"])
    if not StandingRow.objects.filter(digest=envelope.digest).exists():
        StandingRow.objects.create(
            digest=envelope.digest,
            standing_id=envelope.open(StandingOrder).id,
            envelope=envelope.model_dump_json(),
            notice=canonical_json(entry.body["notice"]),
            journal_id=row.pk,
            snapshot="",
        )


def _keep_trigger(entry: LoggedEntry, row: Journal) -> None:
    """Its standing order goes on from there, unless its snapshot was lost, too."""
    trigger = Trigger.parse(canonical_json(entry.body["trigger"]))
    standing = StandingRow.objects.get(digest=trigger.standing)
    envelope, notice = Envelope.parse(standing.envelope), bytes(standing.notice)
    _keep_failed(orders.row_of(trigger, envelope, notice, at=entry.at, entry=row.pk))
    StandingRow.objects.filter(digest=standing.digest).update(triggers=trigger.number, snapshot=trigger.snapshot)


def _keep_failed(order: OrderRow) -> None:
    order.state = OrderRow.FAILED
    order.save(force_insert=True)


_KEPT: Mapping[str, Callable[[LoggedEntry, Journal], None]] = {
    "order": _keep_order,
    "standing-order": _keep_standing,
    "trigger": _keep_trigger,
}
