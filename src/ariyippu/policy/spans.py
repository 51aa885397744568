"""A stay's terms in time: from one amendment to the next, to its lift or its end. Pure.

The vault asks it about its rows, the public register about the log's entries.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ariyippu.policy.documents import Amendment, Stay, Terms


@dataclass(frozen=True)
class Span:
    """Terms of a stay, and from when to when they stood."""

    terms: Terms
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    begun: bool = False  # the stay was seen as begun, whatever a clock says since

    def has_begun(self, at: dt.datetime) -> bool:
        return self.begun or self.starts_at <= at

    def stands(self, at: dt.datetime) -> bool:
        return self.has_begun(at) and (self.ends_at is None or at < self.ends_at)

    def holds_up(self, released_at: dt.datetime, at: dt.datetime) -> bool:
        """Whether what it names, released last at `released_at`, is stopped by it at `at`.

        It is while the span stands, and also after it ended until a person released it: see stays.py.
        """
        stood = self.has_begun(at) and (self.ends_at is None or self.starts_at < self.ends_at)
        return stood and (self.ends_at is None or released_at < self.ends_at)


def spans(
    stay: Stay, amended: Iterable[tuple[Amendment, dt.datetime]], lifted_at: dt.datetime | None
) -> tuple[Span, ...]:
    """The spans of a stay whose amendments were accepted at these instants, in their order."""
    found = [Span(stay.terms, stay.starts_at, stay.ends_at)]
    for amendment, at in amended:
        found[-1] = _ended(found[-1], at)
        found.append(Span(amendment.terms, max(stay.starts_at, at), amendment.ends_at))
    return (*found[:-1], _ended(found[-1], lifted_at))


def _ended(span: Span, at: dt.datetime | None) -> Span:
    ends = [end for end in (span.ends_at, at) if end is not None]
    return replace(span, ends_at=min(ends, default=None))
