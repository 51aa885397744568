"""The one place that asks what time it is, so that tests can turn the clock."""

import datetime as dt
from zoneinfo import ZoneInfo

INDIA = ZoneInfo("Asia/Kolkata")


def now() -> dt.datetime:
    """The present instant, aware, in UTC. Call it as `clock.now()`: tests replace this function."""
    return dt.datetime.now(dt.UTC)


def rfc3339(instant: dt.datetime) -> str:
    """`2026-02-24T09:30:00Z`: RFC 3339 in UTC, whole seconds, as documents and entries hold it."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
