"""What a stay stopped: counted once for each set of its terms, as soon as nothing that was open then is open any more.

    handed off   messages that had left, or may have, before it came
    in hand      those in windows that were open when it came: the last that may have left
    waiting      what is stopped; None for an order about whose people nothing is decided yet

Exact, for the vault; `certify` logs them rounded. Of an order of which the stay stops some people only,
the others' messages are counted with theirs.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Now

from ariyippu.base import clock, journal
from ariyippu.base.text import rounded
from ariyippu.notice import orders
from ariyippu.notice.documents import Notice
from ariyippu.notice.models import OrderRow
from ariyippu.policy import stays
from ariyippu.policy.documents import Subject, subjects
from ariyippu.policy.models import AudienceRow, StayRow
from ariyippu.policy.spans import Span
from ariyippu.send.models import Batch, Outcome, Window
from ariyippu.send.window import TOLD
from ariyippu.track.models import StoppedRow

ORDERS_IN_ENTRY = 250  # an entry of the log holds them


@dataclass(frozen=True)
class Stopped:
    """One order under one set of a stay's terms."""

    order: str
    handed_off: int
    in_hand: int
    waiting: int | None


def certify() -> None:
    """Count and log what stays stopped that came into force, or had new terms, since this was called last."""
    terms = Count("amendments") + 1
    begun = Q(begun=True) | Q(starts_at__lte=clock.now())
    for row in StayRow.objects.filter(begun).annotate(terms=terms).filter(certified__lt=F("terms")):
        _certify(row)


def _certify(row: StayRow) -> None:
    number, span = row.certified, stays.placed(row)[1][row.certified]
    at = max(span.starts_at, row.accepted_at)
    stood = span.ends_at is None or at < span.ends_at
    counted = [_count(order, batches, span, at) for order, batches in named(span, at)] if stood else []
    if None in counted:
        return  # a worker has a window in its hands
    found = [stopped for stopped in counted if stopped is not None and (stopped.in_hand or stopped.waiting != 0)]
    with transaction.atomic():
        StayRow.objects.filter(digest=row.digest).update(certified=number + 1)
        rows = [StoppedRow(stay=row.digest, number=number, at=at, **vars(stopped)) for stopped in found]
        StoppedRow.objects.bulk_create(rows)
        if stood:
            _log(row.digest, number, at, found)


def _log(stay: str, number: int, at: dt.datetime, found: Sequence[Stopped]) -> None:
    for start in range(0, max(len(found), 1), ORDERS_IN_ENTRY):
        orders = [_public(stopped) for stopped in found[start : start + ORDERS_IN_ENTRY]]
        journal.append("stopped", {"stay": stay, "number": number, "at": clock.rfc3339(at), "orders": orders})


def _public(stopped: Stopped) -> dict[str, object]:
    return {
        "order": stopped.order,
        "handed_off": rounded(stopped.handed_off),
        "in_hand": rounded(stopped.in_hand),
        "waiting": None if stopped.waiting is None else rounded(stopped.waiting),
    }


def named(span: Span, at: dt.datetime) -> Iterator[tuple[OrderRow, QuerySet[Batch]]]:
    """The orders that stood when the terms came into force, and their batches that the terms name."""
    for row in OrderRow.objects.filter(accepted_at__lte=at).exclude(state=OrderRow.FAILED).order_by("accepted_at"):
        order, notice = orders.document(row), Notice.parse(bytes(row.notice))
        ways = [subject for subject in subjects(order, notice, {}) if span.terms.names(subject)]
        if ways and at < order.not_after:
            yield row, _batches(row, ways)


def _batches(row: OrderRow, named: Sequence[Subject]) -> QuerySet[Batch]:
    ways = Q()
    for subject in named:
        ways |= Q(channel=subject.channel, contact_of=subject.contact_of)
    return Batch.objects.filter(ways, order=row.digest)


def _count(row: OrderRow, batches: QuerySet[Batch], span: Span, at: dt.datetime) -> Stopped | None:
    """None while a worker that holds its lease may still be handing off what it had in hand."""
    windows = _in_hand(batches, span, at)
    if windows.filter(closed_at=None, batch__lease_until__gt=Now()).exists():
        return None
    left = Outcome.objects.filter(batch__in=batches, outcome__in=TOLD)
    held: set[tuple[int, int]] = set()
    doubtful: set[tuple[int, int]] = set()  # a dead worker's: declared unknown when the batch is leased next
    for window in windows:
        settled = set(Outcome.objects.filter(batch=window.batch_id).values_list("position", flat=True))
        told = set(left.filter(batch=window.batch_id).values_list("position", flat=True))
        for position in window.positions:
            if position in told:
                held.add((window.batch_id, position))
            elif window.closed_at is None and position not in settled:
                doubtful.add((window.batch_id, position))
    handed_off = left.count() - len(held)
    return Stopped(row.digest, handed_off, len(held | doubtful), _waiting(row, batches, len(doubtful)))


def _in_hand(batches: QuerySet[Batch], span: Span, at: dt.datetime) -> QuerySet[Window]:
    """Windows that were open when the terms came into force.

    Where they stop everyone, any window that opened later opened before the stay's commit: a window's
    transaction asks about stays. So all of them count, up to the terms' own end.
    """
    windows = Window.objects.filter(Q(closed_at=None) | Q(closed_at__gt=at), batch__in=batches)
    if span.terms.scope.is_partial:
        return windows.filter(opened_at__lte=at)
    return windows if span.ends_at is None else windows.filter(opened_at__lt=span.ends_at)


def _waiting(row: OrderRow, batches: QuerySet[Batch], doubtful: int) -> int | None:
    size = batches.aggregate(all=Sum("size"))["all"]
    if size is not None:
        return int(size) - Outcome.objects.filter(batch__in=batches).count() - doubtful
    frozen = AudienceRow.objects.filter(order=row.digest).first()
    return None if frozen is None else int(frozen.counts.get("included", 0))
