"""Contact points that are not used, known by their keyed token alone, which is the same in every register.

    bounced     a carrier said for good that nobody has it
    not_mine    whoever has it now said, from a message's own link, that the messages are not for them

A contact point is suspended for every register, until a register's department says that it has verified the
contact since; then it may be used for that register alone. A record whose contact changed has another token,
to which nothing clings. See docs/adr/0012.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Literal

import pyarrow as pa
from django.db import connection

from ariyippu.base import clock, driver

Cause = Literal["bounced", "not_mine"]

# Suspended for the register: since its department last verified the contact, if ever.
_STANDING = """
    from policy_suspension s
    where not exists (
        select from policy_verified v
        where v.register = %(register)s and v.token = s.token and v.verified_at > s.suspended_at)
"""


def suspend(tokens: Collection[bytes], cause: Cause) -> None:
    """Suspend these contact points from now on, in the caller's transaction if there is one."""
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into policy_suspension (token, cause, suspended_at)
               select token, %s, %s from unnest(%s::bytea[]) as token order by token
               on conflict (token, cause) do update set suspended_at = excluded.suspended_at""",
            [cause, clock.now(), list(set(tokens))],
        )


def verify(register: str, tokens: Collection[bytes]) -> None:
    """The register's department has verified these contacts: for it, they are suspended no longer."""
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into policy_verified (register, token, verified_at)
               select %s, token, %s from unnest(%s::bytea[]) as token order by token
               on conflict (register, token) do update set verified_at = excluded.verified_at""",
            [register, clock.now(), list(set(tokens))],
        )


def suspended(register: str) -> pa.Table:
    """The contact points (token: binary(16), cause: string) that are not used for this register, each once."""
    with connection.cursor() as cursor:
        cursor.execute(f"select token, min(cause) {_STANDING} group by token", {"register": register})
        rows = cursor.fetchall()
    return pa.table(
        {
            "token": pa.array([bytes(token) for token, _cause in rows], pa.binary(16)),
            "cause": pa.array([cause for _token, cause in rows], pa.string()),
        }
    )


def verified(register: str, since: dt.date) -> pa.Table:
    """The contact points (token: binary(16)) that the register's department verified since a day, of India."""
    begins_at = dt.datetime.combine(since, dt.time.min, clock.INDIA)
    with connection.cursor() as cursor:
        cursor.execute(
            "select token from policy_verified where register = %s and verified_at >= %s", [register, begins_at]
        )
        return pa.table({"token": pa.array([bytes(token) for (token,) in cursor.fetchall()], pa.binary(16))})


def withheld(register: str, tokens: Iterable[bytes]) -> frozenset[bytes]:
    """Those of these contact points that are not used any more: asked again at the hand-off."""
    with driver.cursor() as cursor:
        asked = {"register": register, "tokens": driver.octets(tokens)}
        cursor.execute(f"select token {_STANDING} and token = any(%(tokens)s::bytea[])", asked, prepare=True)
        return frozenset(bytes(token) for (token,) in cursor.fetchall())
