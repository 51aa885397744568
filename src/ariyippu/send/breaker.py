"""A circuit breaker for one carrier: when it fails, others are used; when it comes back, it does so slowly.
Pure: told the time.

    closed     takes everything       opens once SHARE of at least VOLUME messages within SPAN_S failed
    open       rests                  after REST_S, twice as long each further time: returning
    returning  takes a growing share  the next step after STEP_VOLUME messages; closed after the last one;
                                      open again once SHARE of at least a tenth of that failed

What fails is the carrier itself: no connection, a broken one, its own trouble. A refusal is an answer, and
no breaker hears of it: no other carrier is used to go around one.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

VOLUME = 50  # messages
SHARE = 0.5
SPAN_S = 60.0
REST_S = 15.0
MAX_REST_S = 600.0
STEPS = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
STEP_VOLUME = 50
UNREACHABLE = 20  # messages: as how many, all failed, a connection counts that could not be made


class State(Enum):
    """Where a breaker is."""

    CLOSED = "closed"
    OPEN = "open"
    RETURNING = "returning"


@dataclass
class Breaker:
    """One worker's, for one carrier. Times are of one monotonic clock, in seconds."""

    _counted: deque[tuple[float, int, int]] = field(default_factory=deque)  # (when, messages, of them failed)
    _seen: int = 0  # messages, of all that is counted
    _failed: int = 0
    _rests_until: float | None = None  # None: closed
    _rests: int = 0  # in a row
    _step: int = 0
    _credit: float = 0.0  # of a batch

    def state(self, now: float) -> State:
        if self._rests_until is None:
            return State.CLOSED
        return State.OPEN if now < self._rests_until else State.RETURNING

    def share(self, now: float) -> float:
        """Of the batches, how many it may be given: 0 while it rests, 1 when all is well."""
        state = self.state(now)
        return STEPS[self._step] if state is State.RETURNING else float(state is State.CLOSED)

    def ask(self, now: float) -> bool:
        """Whether the next batch is for it. Each time that it is asked counts towards its share."""
        self._credit = min(self._credit + self.share(now), 1.0)
        if self._credit < 1.0:
            return False
        self._credit = 0.0
        return True

    def count(self, messages: int, failed: int, now: float) -> None:
        """So many messages were given to it, of which so many failed by its fault."""
        if self.state(now) is State.OPEN:
            return  # what was in hand when it opened; or there was nobody else
        self._counted.append((now, messages, failed))
        self._seen, self._failed = self._seen + messages, self._failed + failed
        while self._counted[0][0] < now - SPAN_S:
            _at, messages, failed = self._counted.popleft()
            self._seen, self._failed = self._seen - messages, self._failed - failed
        fails = self._failed >= SHARE * self._seen
        if self.state(now) is State.CLOSED:
            if fails and self._seen >= VOLUME:
                self._open(now)
        elif fails and self._seen >= STEP_VOLUME / 10:
            self._open(now)
        elif self._seen >= STEP_VOLUME:
            self._advance()

    def _open(self, now: float) -> None:
        self._rests_until = now + min(REST_S * 2 ** min(self._rests, 30), MAX_REST_S)
        self._rests += 1
        self._begin(0)

    def _advance(self) -> None:
        if self._step + 1 < len(STEPS):
            self._begin(self._step + 1)
        else:
            self._rests_until, self._rests = None, 0
            self._begin(0)

    def _begin(self, step: int) -> None:
        self._step, self._credit = step, 0.0
        self._counted.clear()
        self._seen = self._failed = 0
