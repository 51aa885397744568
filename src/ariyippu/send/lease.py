"""Leases: which batch a worker may hand off now, and for how long. Every write is a compare-and-set.

The database's clock alone decides about leases, so workers' clocks may differ or jump. Who is first: orders
of one message before small ones before bulk (models.py: Batch), among equals the office with the fewest
batches in workers' hands, among its orders the oldest.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from ariyippu.base import clock, driver, journal
from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.base.home import Home
from ariyippu.grant.purposes import Purpose
from ariyippu.notice import orders
from ariyippu.notice.criteria import EVERYONE, Node
from ariyippu.notice.documents import Channel
from ariyippu.notice.models import OrderRow
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.policy import stays
from ariyippu.policy.documents import Subject
from ariyippu.policy.models import AudienceRow
from ariyippu.send import holds, pace, quiet
from ariyippu.send.models import Batch, Outcome

log = structlog.get_logger()

LEASE_S = 60
RECHECK_S = 5.0  # what checking an order said is relied on for so long, unless the watch heard of something

_HELD = holds.HELD.format(channel="c.channel", order="o.digest")
_USED_UP = pace.USED_UP.format(channel="c.channel", office="next.office")
_FREE = """state in ('ready', 'leased') and case state when 'ready' then not_before <= now()
    else coalesce(lease_until < now(), true) end"""


class LeaseLostError(TransientError):
    """Another worker has the batch now, or its order stopped: leave it."""


@dataclass(frozen=True)
class Lease:
    """A batch in one worker's hands, with its order as it was checked."""

    batch: Batch
    verified: VerifiedOrder
    subject: Subject
    worker: str
    stopped: Node  # whom of its people stays stop: never everyone
    edition: int  # of the stays, before the checks: while it is the same, they stop nobody else


@dataclass(frozen=True)
class Progress:
    """How far a batch is: what waits and may be tried now, how often it was put off, what is in doubt.

    `again`: of what waits, what an operator has sent again.
    """

    waiting: Sequence[int]
    attempts: dict[int, int]
    unknown: Sequence[int]
    again: frozenset[int]


@dataclass
class Checks:
    """The orders that one worker has checked, what came of it, and under which stays.

    `forget()` when the watch has heard of anything.
    """

    home: Home
    _checked: dict[str, tuple[VerifiedOrder | None, int, float]] = field(default_factory=dict)

    def forget(self) -> None:
        self._checked.clear()

    def passed(self, digest: str, edition: int) -> VerifiedOrder | None:
        """The order, when every check of it passed RECHECK_S ago at most and under these stays; else None.

        One that did not pass is not asked again sooner either: a worker that has nothing to do stays idle.
        """
        verified, under, until = self._checked.get(digest, (None, 0, 0.0))
        if under != edition or time.monotonic() > until:
            verified = self._check(digest)
            self._checked[digest] = (verified, edition, time.monotonic() + RECHECK_S)
        return verified

    def _check(self, digest: str) -> VerifiedOrder | None:
        """In a cosigned checkpoint, its audience too, and satisfying everything; else None: nothing of it leaves."""
        row = OrderRow.objects.get(digest=digest)
        if not _published(row):
            return None
        try:
            verified = orders.verify_row(row, self.home)
        except RefusedError as refusal:  # a key expired, a grant ended
            log.debug("order_does_not_hold", order=row.order_id, code=refusal.code)
            return None
        return verified


def lease(worker: str, checks: Checks, takes: Callable[[Channel, Purpose], bool]) -> Lease | None:
    """The next batch that may be sent now, or None.

    An order's batches are leased only when its order and its audience are in a cosigned checkpoint, no
    stay stops the whole channel, nothing holds it, these are not its quiet hours, the order still
    satisfies every check, and some carrier `takes` the channel's messages for its purpose.
    """
    stays.begin()
    carriers = checks.home.settings.carriers
    channels: tuple[Channel, ...] = (*carriers, "inbox")
    for candidate in _candidates(channels):
        verified = checks.passed(candidate.order, candidate.edition)
        if verified is None or not takes(candidate.channel, verified.purpose):
            continue
        if candidate.channel != "inbox" and quiet.waits(carriers[candidate.channel], verified.purpose, clock.now()):
            continue
        if held := _claim(worker, verified, candidate):
            return held
    return None


def in_window(verified: VerifiedOrder) -> bool:
    """Whether the order may be handed off at this instant."""
    return verified.order.not_before <= clock.now() < verified.order.not_after


def progress(batch: Batch) -> Progress:
    """What is to be done in a batch, in the order of its positions."""
    with driver.cursor() as cursor:
        cursor.execute("select position, outcome from send_outcome where batch_id = %s", [batch.pk], prepare=True)
        settled: dict[int, str] = dict(cursor.fetchall())
        cursor.execute(
            "select position, attempts, again, not_before <= now() from send_put_off where batch_id = %s",
            [batch.pk],
            prepare=True,
        )
        put_off = cursor.fetchall()
    later = {position for position, _attempts, _again, due in put_off if not due}
    waiting = [position for position in range(batch.size) if position not in settled and position not in later]
    unknown = [position for position, outcome in settled.items() if outcome == Outcome.UNKNOWN]
    attempts = {position: attempts for position, attempts, _again, _due in put_off}
    return Progress(waiting, attempts, unknown, frozenset(position for position, _, again, _ in put_off if again))


def give_back(held: Lease, *, wait_s: float = 0) -> None:
    """End the lease: the batch is done when every position is settled, else it waits for the next lease.

    Where all that is left was put off, it waits for the first of that; else for `wait_s`.
    """
    with driver.transaction() as cursor:
        cursor.execute(driver.NOT_AT_ONCE)
        cursor.execute(
            """with left_over as (
                   select b.id, b.size - (select count(*) from send_outcome o where o.batch_id = b.id) as messages,
                          count(p.position) as put_off, min(p.not_before) as first_at
                   from send_batch b left join send_put_off p on p.batch_id = b.id where b.id = %s group by b.id)
               update send_batch b
               set state = case messages when 0 then 'done' else 'ready' end, leased_by = null, lease_until = null,
                   not_before = greatest(now() + make_interval(secs => %s),
                                         case when put_off = messages then first_at end)
               from left_over where b.id = left_over.id and b.state = 'leased' and b.leased_by = %s""",
            [held.batch.pk, wait_s, held.worker],
            prepare=True,
        )


def stop(order: str) -> bool:
    """The order's window is over: its batches stop. True when none is in a worker's hands any more."""
    with transaction.atomic():
        free = Q(state=Batch.READY) | Q(state=Batch.LEASED, lease_until__lt=Now()) | Q(lease_until=None)
        waiting = Batch.objects.select_for_update().filter(free, order=order)
        for batch in waiting.exclude(state__in=[Batch.DONE, Batch.STOPPED]):
            _declare_doubts(batch.pk)
            batch.state = Batch.STOPPED
            batch.save(update_fields=["state"])
    return not Batch.objects.filter(order=order, state=Batch.LEASED).exists()


def reclaim(worker: str) -> None:
    """When a worker starts: the leases of its dead predecessor end now, not in LEASE_S."""
    Batch.objects.filter(state=Batch.LEASED, leased_by=worker).update(lease_until=None)


def _published(row: OrderRow) -> bool:
    frozen = AudienceRow.objects.filter(order=row.digest).first()
    return (
        frozen is not None
        and journal.cosigned_at(row.journal_id) is not None
        and journal.cosigned_at(frozen.journal_id) is not None
    )


@dataclass(frozen=True)
class _Candidate:
    """What has a free batch: an order's channel, with its own contacts or lent ones."""

    order: str
    channel: Channel
    contact_of: str | None
    released_at: dt.datetime
    edition: int  # of the stays when it was found


def _candidates(channels: Sequence[Channel]) -> list[_Candidate]:
    """The first in turn first."""
    with driver.cursor() as cursor:
        cursor.execute(
            f"""select o.digest, c.channel, next.contact_of, o.released_at, {stays.EDITION}
                from notice_order o
                cross join unnest(%s::text[]) as c (channel)
                cross join lateral (
                    (select contact_of, lane, office from send_batch
                     where "order" = o.digest and channel = c.channel and contact_of is null and {_FREE} limit 1)
                    union all
                    select distinct on (contact_of) contact_of, lane, office from send_batch
                    where "order" = o.digest and channel = c.channel and contact_of is not null and {_FREE}) as next
                where o.state = 'sending' and not {_HELD} and not {_USED_UP}
                order by next.lane, (
                    select count(*) from send_batch b where b.office = next.office and b.state = 'leased'),
                    o.accepted_at, next.contact_of nulls first""",  # noqa: S608  constants
            [list(channels)],
            prepare=True,
        )
        return [_Candidate(*row) for row in cursor.fetchall()]


def _claim(worker: str, verified: VerifiedOrder, candidate: _Candidate) -> Lease | None:
    """A free batch of the candidate, if its order is in its window and no stay stops all of it at this instant."""
    wanted = (candidate.channel, candidate.contact_of)
    subject = next((s for s in stays.subjects_of(verified) if (s.channel, s.contact_of) == wanted), None)
    if subject is None or not in_window(verified):
        return None
    stopped = stays.stopped(subject, candidate.released_at)
    if stopped == EVERYONE:
        return None
    # Not `is not distinct from`: no index serves that.
    source = "contact_of = %s" if candidate.contact_of else "contact_of is null and %s::text is null"
    with driver.transaction() as cursor:
        cursor.execute(driver.NOT_AT_ONCE)
        cursor.execute(
            f"""update send_batch set state = 'leased', leased_by = %s,
                      lease_until = now() + make_interval(secs => {LEASE_S})
               where id = (
                   select id from send_batch
                   where "order" = %s and channel = %s and {source} and {_FREE}
                   order by id for update skip locked limit 1)
               returning id""",  # noqa: S608  constants
            [worker, verified.digest, *wanted],
            prepare=True,
        )
        claimed = cursor.fetchone()
        if claimed is None:
            return None
        _declare_doubts(claimed[0])
    batch = Batch.objects.select_related("file").get(pk=claimed[0])
    return Lease(batch, verified, subject, worker, stopped, candidate.edition)


def _declare_doubts(batch: int) -> None:
    """What a dead worker had in its hands may or may not have left: it is unknown, and never sent again."""
    with driver.cursor() as cursor:
        cursor.execute(
            """with doubted as (
                       update send_window set closed_at = now() where batch_id = %s and closed_at is null
                       returning batch_id, positions),
                   in_doubt as (
                       select batch_id, position::int
                       from doubted, jsonb_array_elements_text(positions) as position),
                   settled as (
                       delete from send_put_off p using in_doubt d
                       where p.batch_id = d.batch_id and p.position = d.position)
               insert into send_outcome (batch_id, position, outcome, code)
               select batch_id, position, 'unknown', '' from in_doubt on conflict do nothing""",
            [batch],
            prepare=True,
        )
