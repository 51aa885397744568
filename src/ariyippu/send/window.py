"""Windows: the intent before the first byte, the outcomes at the end (invariant 8).

A worker has one window open at a time. Its end and the beginning of the next one are one transaction, so
that a window costs one wait for the disk:

    BEGIN   close the window, or LeaseLostError when another worker declared it in doubt
            outcomes, what was put off, who was told
            extend the lease and commit the next intent, if the lease is ours and no stay has come
    COMMIT
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg

from ariyippu.base import driver
from ariyippu.policy import objections, stays
from ariyippu.send import holds
from ariyippu.send.lease import LEASE_S, Lease, LeaseLostError, in_window
from ariyippu.send.models import Outcome

TOLD = (Outcome.ACCEPTED, Outcome.UNKNOWN)

_CLOSE = "update send_window set closed_at = now() where id = %s and closed_at is null"
_OUTCOMES = "copy send_outcome (batch_id, position, outcome, code, provider_id, segments) from stdin"
_PARTS = "copy send_part (batch_id, position, provider_id) from stdin"
_NOT_PUT_OFF = "delete from send_put_off where batch_id = %s and position = any(%s)"
_PUT_OFF = """
    insert into send_put_off (batch_id, position, attempts, not_before)
    select %s, position, attempts, now() + make_interval(secs => wait_s)
    from unnest(%s::int[], %s::int[], %s::int[]) as put_off (position, attempts, wait_s)
    on conflict (batch_id, position) do update set attempts = excluded.attempts, not_before = excluded.not_before"""
_PAUSED = holds.PAUSED.format(channel="channel", order='"order"')
# The lease is extended only while nothing has changed since its checks, and the intent hangs on it.
_OPEN = f"""
    with extended as (
        update send_batch set lease_until = now() + make_interval(secs => {LEASE_S}),
            valid_until = greatest(valid_until, %s::timestamptz)
        where id = %s and state = 'leased' and leased_by = %s and lease_until > now() and {stays.EDITION} = %s
            and not {_PAUSED}
        returning id)
    insert into send_window (batch_id, positions, opened_at)
    select id, %s::jsonb, now() from extended returning id"""  # noqa: S608  constants


class Settled(NamedTuple):
    """One message's outcome."""

    position: int
    outcome: str
    code: str
    provider_id: str | None
    segments: int | None = None
    part_ids: Sequence[str] = ()


class Waiting(NamedTuple):
    """One message that the carrier put off: for how long, and how often so far."""

    position: int
    attempts: int
    wait_s: int


@dataclass(frozen=True)
class Ending:
    """What came of an open window. A position in neither list waits as before."""

    window: int
    settled: Sequence[Settled] = ()
    put_off: Sequence[Waiting] = ()


@dataclass(frozen=True, repr=False)
class Work:
    """A leased batch that was opened: its records by position, and how often each message was put off before."""

    held: Lease
    records: Sequence[bytes]
    attempts: dict[int, int] = field(default_factory=dict)
    valid_until: dt.datetime | None = None  # when a provider must give up at the latest


def turn(work: Work, ending: Ending | None, positions: Sequence[int]) -> int | None:
    """Keep what came of a window, and commit the intent to hand these positions off; the next window's id.

    None when there are no positions. LeaseLostError when the ending window was declared in doubt (nothing of it
    is kept), or when the next may not open (what came of the ending one is kept).
    """
    with driver.transaction() as cursor:
        if ending is not None:
            _close(cursor, work, ending)
        window = _open(cursor, work, positions) if positions else None
    if positions and window is None:
        raise LeaseLostError("The lease has ended, or the order is stopped.")
    return window


def settle(work: Work, settled: Sequence[Settled]) -> None:
    """Keep outcomes of messages that were never in a window."""
    with driver.transaction() as cursor:
        _settle(cursor, work, settled)


def tell_doubts(work: Work, unknown: Sequence[int]) -> None:
    """Those whose message a dead worker may have sent count as told; only an opened batch knows who they are."""
    if unknown:
        with driver.transaction():
            _tell(work, unknown)


def _open(cursor: psycopg.Cursor, work: Work, positions: Sequence[int]) -> int | None:
    held = work.held
    if not in_window(held.verified):
        return None
    named = work.valid_until, held.batch.pk, held.worker, held.edition
    cursor.execute(_OPEN, [*named, str(list(positions))], prepare=True)
    opened = cursor.fetchone()
    return None if opened is None else int(opened[0])


def _close(cursor: psycopg.Cursor, work: Work, ending: Ending) -> None:
    cursor.execute(_CLOSE, [ending.window], prepare=True)
    if cursor.rowcount != 1:
        raise LeaseLostError("Another worker declared this window in doubt.")
    _settle(cursor, work, ending.settled)
    if ending.put_off:
        columns = zip(*ending.put_off, strict=True)
        cursor.execute(_PUT_OFF, [work.held.batch.pk, *map(list, columns)])


def _settle(cursor: psycopg.Cursor, work: Work, settled: Sequence[Settled]) -> None:
    if not settled:
        return
    with cursor.copy(_OUTCOMES) as copy:
        for message in settled:
            named = message.code, message.provider_id, message.segments
            copy.write_row((work.held.batch.pk, message.position, message.outcome, *named))
    if any(message.part_ids for message in settled):
        with cursor.copy(_PARTS) as copy:
            for message in settled:
                for part_id in message.part_ids:
                    copy.write_row((work.held.batch.pk, message.position, part_id))
    if work.attempts:
        cursor.execute(_NOT_PUT_OFF, [work.held.batch.pk, [message.position for message in settled]])
    _tell(work, [message.position for message in settled if message.outcome in TOLD])


def _tell(work: Work, positions: Sequence[int]) -> None:
    order = work.held.verified.order
    objections.record_told(order.register, [work.records[position] for position in positions], order.purpose)
