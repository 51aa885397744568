"""Leases, windows and outcomes: every write of the sending side, as compare-and-set.

The database's clock alone decides about leases, so workers' clocks may differ or jump.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from ariyippu.base import clock, journal
from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.base.home import Home
from ariyippu.notice import orders
from ariyippu.notice.criteria import EVERYONE, Node
from ariyippu.notice.documents import Channel
from ariyippu.notice.models import OrderRow
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.policy import objections, stays
from ariyippu.policy.documents import Subject
from ariyippu.policy.models import AudienceRow
from ariyippu.send.models import Batch, Outcome, Window

log = structlog.get_logger()

LEASE_S = 60


TOLD = (Outcome.ACCEPTED, Outcome.UNKNOWN)


class LeaseLostError(TransientError):
    """Another worker has the batch now, or its order stopped: leave it."""


@dataclass(frozen=True)
class Lease:
    """A batch in one worker's hands, with the order that was just verified."""

    batch: Batch
    verified: VerifiedOrder
    subject: Subject
    worker: str
    stopped: Node  # whom of its people stays stop: never everyone


@dataclass(frozen=True, slots=True)
class Settled:
    """One message's outcome, for `close_window`."""

    position: int
    outcome: str
    code: str
    provider_id: str | None


def lease(worker: str, home: Home, *, but: Collection[Channel] = ()) -> Lease | None:
    """The next batch that may be sent now, or None; none of the channels `but`, whose carriers rest.

    An order's batches are leased only when its order and its audience are in a cosigned checkpoint, no
    stay stops the whole channel, and the order still satisfies every check.
    """
    for row in OrderRow.objects.filter(state=OrderRow.SENDING).order_by("accepted_at"):
        if not _published(row):
            continue
        try:
            verified = orders.verify_row(row, home)
        except RefusedError as refusal:  # a key expired, a grant ended: nothing of it leaves
            log.debug("order_does_not_hold", order=row.order_id, code=refusal.code)
            continue
        for subject in stays.subjects_of(verified):
            if subject.channel in but or (stopped := _stopped(verified, subject, row)) == EVERYONE:
                continue
            if batch := _claim(row, subject, worker):
                return Lease(batch, verified, subject, worker, stopped)
    return None


def _stopped(verified: VerifiedOrder, subject: Subject, row: OrderRow) -> Node:
    """Whom the order must not reach at this instant: everyone out of its window, else whom stays stop."""
    in_window = verified.order.not_before <= clock.now() < verified.order.not_after
    return stays.stopped(subject, row.released_at) if in_window else EVERYONE


def pending(batch: Batch) -> list[int]:
    """The positions without an outcome, in order."""
    settled = set(Outcome.objects.filter(batch=batch).values_list("position", flat=True))
    return [position for position in range(batch.size) if position not in settled]


def open_window(held: Lease, positions: Sequence[int]) -> int:
    """Commit the intent to hand these positions off, before the first byte; returns the window's id.

    LeaseLostError when the lease is no longer ours, or stays stop others at this instant than at the lease.
    """
    with transaction.atomic():
        row = OrderRow.objects.select_for_update(of=("self",), no_key=True).get(digest=held.batch.order)
        if row.state != OrderRow.SENDING or _stopped(held.verified, held.subject, row) != held.stopped:
            raise LeaseLostError("The order is stopped.")
        _extend(held)
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into send_window (batch_id, positions, opened_at) "
                "values (%s, to_jsonb(%s::int[]), now()) returning id",
                [held.batch.pk, list(positions)],
            )
            return int(cursor.fetchone()[0])


def close_window(window: int, held: Lease, settled: Sequence[Settled], records: Sequence[bytes]) -> None:
    """Commit the outcomes of a window, that nothing of it is in doubt any more, and who was told.

    `records` are the batch's, by position. LeaseLostError when another worker declared the window in doubt.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("update send_window set closed_at = now() where id = %s and closed_at is null", [window])
        if cursor.rowcount != 1:
            raise LeaseLostError("Another worker declared this window in doubt.")
        settle(held, settled, records)


def settle(held: Lease, settled: Sequence[Settled], records: Sequence[bytes]) -> None:
    """Write outcomes in the caller's transaction; who was told, or may have been, is told to policy."""
    if not settled:
        return
    columns = "copy send_outcome (batch_id, position, outcome, code, provider_id) from stdin"
    with connection.cursor() as cursor, cursor.copy(columns) as copy:
        for message in settled:
            copy.write_row((held.batch.pk, message.position, message.outcome, message.code, message.provider_id))
    told = [records[message.position] for message in settled if message.outcome in TOLD]
    order = held.verified.order
    objections.record_told(order.register, told, order.purpose)


def tell_doubts(held: Lease, records: Sequence[bytes]) -> None:
    """Those whose message a dead worker may have sent count as told; only an opened batch knows who they are."""
    unknown = Outcome.objects.filter(batch=held.batch, outcome=Outcome.UNKNOWN)
    doubtful = [records[position] for position in unknown.values_list("position", flat=True)]
    objections.record_told(held.verified.order.register, doubtful, held.verified.order.purpose)


def give_back(held: Lease, *, attempted: bool, wait_s: int, max_attempts: int) -> None:
    """End the lease: the batch is done when every position is settled, else it waits for the next lease.

    `attempted`: the provider put messages off; after `max_attempts` they are given up.
    """
    with transaction.atomic():
        batch = Batch.objects.select_for_update().get(pk=held.batch.pk)
        if batch.leased_by != held.worker or batch.state != Batch.LEASED:
            return
        batch.attempts += attempted
        open_positions = pending(batch)
        if open_positions and batch.attempts >= max_attempts:
            rows = [Outcome(batch=batch, position=p, outcome=Outcome.GAVE_UP, code="") for p in open_positions]
            Outcome.objects.bulk_create(rows)
            open_positions = []
        batch.state = Batch.READY if open_positions else Batch.DONE
        batch.leased_by = batch.lease_until = None
        batch.save()
        Batch.objects.filter(pk=batch.pk).update(not_before=Now() + dt.timedelta(seconds=wait_s))


def stop(order: str) -> bool:
    """The order's window is over: its batches stop. True when none is in a worker's hands any more."""
    with transaction.atomic():
        free = Q(state=Batch.READY) | Q(state=Batch.LEASED, lease_until__lt=Now()) | Q(lease_until=None)
        waiting = Batch.objects.select_for_update().filter(free, order=order)
        for batch in waiting.exclude(state__in=[Batch.DONE, Batch.STOPPED]):
            _declare_doubts(batch)
            batch.state = Batch.STOPPED
            batch.save(update_fields=["state"])
    return not Batch.objects.filter(order=order, state=Batch.LEASED).exists()


def reclaim(worker_prefix: str) -> None:
    """At start-up: the leases of this installation's own dead workers end now, not in LEASE_S."""
    Batch.objects.filter(state=Batch.LEASED, leased_by__startswith=worker_prefix).update(lease_until=None)


def _published(row: OrderRow) -> bool:
    frozen = AudienceRow.objects.filter(order=row.digest).first()
    return (
        frozen is not None
        and journal.cosigned_at(row.journal_id) is not None
        and journal.cosigned_at(frozen.journal_id) is not None
    )


def _claim(row: OrderRow, subject: Subject, worker: str) -> Batch | None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """update send_batch set state = 'leased', leased_by = %s,
                      lease_until = now() + make_interval(secs => %s)
               where id = (
                   select id from send_batch
                   where "order" = %s and channel = %s and contact_of is not distinct from %s and (
                       (state = 'ready' and not_before <= now())
                       or (state = 'leased' and (lease_until is null or lease_until < now())))
                   order by id for update skip locked limit 1)
               returning id""",
            [worker, LEASE_S, row.digest, subject.channel, subject.contact_of],
        )
        claimed = cursor.fetchone()
        if claimed is None:
            return None
        batch = Batch.objects.select_related("file").get(pk=claimed[0])
        _declare_doubts(batch)
        return batch


def _declare_doubts(batch: Batch) -> None:
    """What a dead worker had in its hands may or may not have left: it is unknown, and never sent again."""
    for window in Window.objects.select_for_update().filter(batch=batch, closed_at__isnull=True):
        rows = [Outcome(batch=batch, position=p, outcome=Outcome.UNKNOWN, code="") for p in window.positions]
        Outcome.objects.bulk_create(rows, ignore_conflicts=True)
        with connection.cursor() as cursor:
            cursor.execute("update send_window set closed_at = now() where id = %s", [window.pk])


def _extend(held: Lease) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """update send_batch set lease_until = now() + make_interval(secs => %s)
               where id = %s and state = 'leased' and leased_by = %s and lease_until > now()""",
            [LEASE_S, held.batch.pk, held.worker],
        )
        if cursor.rowcount != 1:
            raise LeaseLostError("The lease has ended.")
