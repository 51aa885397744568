"""The one place that asks what time it is, so that tests can turn the clock."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from zoneinfo import ZoneInfo

INDIA = ZoneInfo("Asia/Kolkata")

_as_of: ContextVar[dt.datetime | None] = ContextVar("as_of", default=None)


def now() -> dt.datetime:
    """The present instant, aware, in UTC. Call it as `clock.now()`: tests replace this function."""
    return _as_of.get() or dt.datetime.now(dt.UTC)


@contextmanager
def as_of(instant: dt.datetime) -> Iterator[None]:
    """Within the block it is this instant, for this thread: what was logged then is taken again as it was."""
    token = _as_of.set(instant)
    try:
        yield
    finally:
        _as_of.reset(token)


def rfc3339(instant: dt.datetime) -> str:
    """`2026-02-24T09:30:00Z`: RFC 3339 in UTC, whole seconds, as documents and entries hold it."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
