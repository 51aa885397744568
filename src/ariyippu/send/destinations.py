"""Destinations that rest: a domain that puts message after message off holds up no other. Pure: told the time.

What one worker has learned, and forgets when it ends: a domain that it wrongly tries costs one attempt.
"""

from dataclasses import dataclass, field

PATIENCE = 5  # messages in a row that a destination may put off
MAX_REST_S = 900.0
MAX_KNOWN = 10_000


@dataclass
class _Trouble:
    strikes: int = 0
    rests_until: float = 0.0


@dataclass
class Destinations:
    """`rest_s`: how long a destination rests at first; twice as long each further time."""

    rest_s: float
    _troubled: dict[str, _Trouble] = field(default_factory=dict)

    def are_well(self) -> bool:
        """Whether no destination has put anything off since it last took something."""
        return not self._troubled

    def rest_left_s(self, destination: str, now: float) -> float:
        """0 when messages may be offered to it."""
        trouble = self._troubled.get(destination)
        return 0.0 if trouble is None else max(0.0, trouble.rests_until - now)

    def took(self, destination: str) -> None:
        """It answered for itself, with yes or no: its troubles are over."""
        self._troubled.pop(destination, None)

    def put_off(self, destination: str, now: float) -> None:
        """It put a message off. What was offered before it rested, and is answered while it rests, counts no more."""
        if destination not in self._troubled and len(self._troubled) >= MAX_KNOWN:
            self._troubled.clear()
        trouble = self._troubled.setdefault(destination, _Trouble())
        if now < trouble.rests_until:
            return
        trouble.strikes += 1
        if trouble.strikes >= PATIENCE:
            rest_s = self.rest_s * 2 ** min(trouble.strikes - PATIENCE, 30)
            trouble.rests_until = now + min(rest_s, MAX_REST_S)


def of(address: str) -> str:
    """The destination of an e-mail address: its domain. A telephone number has none."""
    return address.rpartition("@")[2].lower() if "@" in address else ""
