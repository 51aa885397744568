"""Rates: how many messages a second a carrier takes, or an office may send, over all workers together.

A rate has one row: the instant at which everything that was let through is due (the virtual scheduling of
ITU-T I.371, Annex A, with no credit for idle time). Letting n messages through moves it n ÷ rate further. A
worker waits until the instant that it found, before its intent; while that lies far ahead, it takes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection

from ariyippu.base.home import Settings

WINDOW_S = 1.0  # a window holds no more messages than a rate lets through in this time
MAX_WAIT_S = 2.0

# SQL: whether a channel's or an office's rate is used up for now.
USED_UP = """exists (
    select from send_pace where free_at > now() and name in ('channel ' || {channel}, 'office ' || {office}))"""


@dataclass(frozen=True)
class Pace:
    """The rates that a batch is under, by name; empty when none is set."""

    per_s: Mapping[str, float]

    @classmethod
    def of(cls, settings: Settings, carrier: str, office: str) -> "Pace":
        found = settings.carrier(carrier)
        rates = {
            f"channel {carrier}": found and found[1].messages_per_s,  # a channel's first carrier has its name
            f"office {office}": settings.office_messages_per_s.get(office),
        }
        return cls({name: rate for name, rate in rates.items() if rate is not None})

    def window(self, size: int) -> int:
        """How many messages a window may hold, of `size`."""
        return min([size, *(max(1, int(rate * WINDOW_S)) for rate in self.per_s.values())])

    def take(self, messages: int) -> float | None:
        """Let so many through; after how many seconds they may leave. None: not now, and nothing was taken."""
        if not self.per_s:
            return 0.0
        with connection.cursor() as cursor:
            cursor.execute(
                """with rates as (select * from unnest(%s::text[], %s::float8[]) as rate (name, seconds)),
                        ahead as (select max(p.free_at) as free_at from rates join send_pace p using (name)),
                        taken as (
                            insert into send_pace as p (name, free_at)
                            select name, now() + make_interval(secs => seconds) from rates, ahead
                            where ahead.free_at is null or ahead.free_at <= now() + make_interval(secs => %s)
                            order by name
                            on conflict (name) do update
                            set free_at = greatest(p.free_at, now()) + (excluded.free_at - now())
                            returning name, free_at)
                   select max(extract(epoch from free_at - now()) - seconds) from taken join rates using (name)""",
                [list(self.per_s), [messages / rate for rate in self.per_s.values()], MAX_WAIT_S],
            )
            (wait_s,) = cursor.fetchone()
        return None if wait_s is None else max(0.0, float(wait_s))
