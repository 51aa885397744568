"""How sending stands: what waits, what is in workers' hands, what is held. Exact, for the vault alone."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection

from ariyippu.send import holds
from ariyippu.send.models import Hold, Outcome, Recall


@dataclass(frozen=True)
class Waiting:
    """One channel's back-log."""

    channel: str
    messages: int
    put_off: int  # of them, by a carrier
    oldest_at: dt.datetime  # when the oldest of their orders was accepted


@dataclass(frozen=True)
class Hand:
    """A batch in a worker's hands."""

    worker: str
    order: str  # the order's id
    channel: str
    left_s: float  # of its lease; negative when it has run out


@dataclass(frozen=True)
class Overview:
    waiting: tuple[Waiting, ...]
    hands: tuple[Hand, ...]
    handed_off: dict[str, int]  # messages of each channel in the last minute's windows
    held: tuple[Hold, ...]
    unknown: int  # messages, receipts or none
    recalling: int  # messages that a stay calls back, about which their carriers have not given a final word


def overview() -> Overview:
    return Overview(
        waiting=tuple(Waiting(*row) for row in _rows(_WAITING)),
        hands=tuple(Hand(worker.rpartition(":")[2], *row) for worker, *row in _rows(_HANDS)),
        handed_off=dict(_rows(_LAST_MINUTE)),
        held=tuple(holds.standing()),
        unknown=Outcome.objects.filter(outcome=Outcome.UNKNOWN).count(),
        recalling=Recall.objects.filter(code=None).values("batch", "position").distinct().count(),
    )


_WAITING = """
    select b.channel, sum(b.size - settled.messages)::bigint, sum(put_off.messages)::bigint, min(o.accepted_at)
    from send_batch b join notice_order o on o.digest = b."order"
    cross join lateral (select count(*) as messages from send_outcome where batch_id = b.id) as settled
    cross join lateral (select count(*) as messages from send_put_off where batch_id = b.id) as put_off
    where b.state in ('ready', 'leased')
    group by b.channel order by b.channel"""
_HANDS = """
    select b.leased_by, o.order_id, b.channel, extract(epoch from b.lease_until - now())::float8
    from send_batch b join notice_order o on o.digest = b."order"
    where b.state = 'leased' order by b.leased_by"""
_LAST_MINUTE = """
    select b.channel, sum(jsonb_array_length(w.positions))::bigint
    from send_window w join send_batch b on b.id = w.batch_id
    where w.closed_at > now() - interval '1 minute' group by b.channel"""


def _rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())
