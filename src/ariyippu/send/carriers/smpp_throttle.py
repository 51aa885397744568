"""How many submits a second an SMS centre bears, learned from its ESME_RTHROTTLED. Pure: told the time.

no limit      until the centre throttles
throttled     nothing more in this second; the limit is what it took in a second, or less each time
a full second without throttling: the limit grows by a tenth, one at least
"""

import math
from dataclasses import dataclass

SECOND = 1.0
LESS = 0.75
GROWTH = 0.1


@dataclass(slots=True)
class Throttle:
    """One session's. Times are of one monotonic clock, in seconds."""

    _limit: float = math.inf  # submits in a second
    _began_at: float = -math.inf  # this second
    _written: int = 0  # in this second
    _taken: int = 0
    _taken_before: int = 0  # in the second before
    _has_throttled: bool = False  # in this second

    def room(self, now: float) -> float:
        """How many submits may be written now: from 1 on, one."""
        if now >= self._began_at + SECOND:
            if not self._has_throttled and self._written > self._limit - 1:
                self._limit += max(1.0, self._limit * GROWTH)
            self._began_at, self._written, self._has_throttled = now, 0, False
            self._taken_before, self._taken = self._taken, 0
        return 0.0 if self._has_throttled else self._limit - self._written

    @property
    def is_on(self) -> bool:
        """Whether the centre has ever throttled."""
        return self._limit < math.inf

    def wait_s(self, now: float) -> float:
        """Until there is room again."""
        return max(0.0, self._began_at + SECOND - now)

    def wrote(self) -> None:
        """One submit."""
        self._written += 1

    def answered(self, responses: int, throttled: int) -> None:
        """So many responses came, of which so many throttled."""
        self._taken += responses - throttled
        if throttled and not self._has_throttled:
            self._has_throttled = True
            self._limit = max(1.0, min(self._limit * LESS, max(self._taken, self._taken_before)))
