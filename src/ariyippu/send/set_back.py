"""The database's clock was set back: what waits for an instant would wait longer by as much.

Whatever waits (a batch that was given back, a message that was put off, a rate) waits out of courtesy, so that
nothing is lost when it waits no longer. Leases go on, for as long as a lease may last; no worker loses one by it.

It shows in two ways: the clock says less than it said before, or a window opened in the future, which tells also of a
clock that went ahead and back between two looks, or while nobody looked.
"""

import datetime as dt
from dataclasses import dataclass

import psycopg

from ariyippu.send.lease import LEASE_S

TOLERANCE_S = 2.0

# SQL: whether the last window opened in the future.
_AHEAD = f"opened_at > now() + make_interval(secs => {TOLERANCE_S})"
OPENED_AHEAD = f"coalesce((select {_AHEAD} from send_window order by id desc limit 1), false)"  # noqa: S608

_END_WAITS = (
    "update send_batch set not_before = now() where state = 'ready' and not_before > now()",
    "update send_put_off set not_before = now() where not_before > now()",
    "update send_recall set asked_at = now() where code is null and asked_at > now()",
    "update send_pace set free_at = now() where free_at > now()",
    f"""update send_batch set lease_until = now() + make_interval(secs => {LEASE_S})
        where state = 'leased' and lease_until > now() + make_interval(secs => {LEASE_S})""",  # noqa: S608  a constant
)


@dataclass
class DatabaseClock:
    """What the database's clock said last, and when by our monotonic clock. Pure."""

    _said: dt.datetime | None = None
    _heard_at: float = 0.0

    def was_set_back(self, said: dt.datetime, asked_at: float, heard_at: float) -> bool:
        """Whether it is behind what it said last time, by more than asking can account for."""
        before, self._said = self._said, said
        passed_s, self._heard_at = asked_at - self._heard_at, heard_at
        return before is not None and passed_s - (said - before).total_seconds() > TOLERANCE_S


def end_waits(connection: psycopg.Connection) -> bool:
    """Nothing waits for an instant of the clock as it was; whether anything did. Doing it twice is as good as once."""
    return sum(connection.execute(statement).rowcount for statement in _END_WAITS) > 0
