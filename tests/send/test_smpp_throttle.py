"""The throttle beside a centre that takes so many submits a second: it finds the number, and keeps near it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.send.carriers.smpp_throttle import Throttle


class Centre:
    """Takes so many in each second of its own."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._second, self._seen = -1, 0

    def takes(self, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._seen = int(now), 0
        self._seen += 1
        return self._seen <= self._per_s


def play(throttle: Throttle, centre: Centre, began_at: float, seconds: int, window: int) -> tuple[int, int]:
    """Taken and throttled; as much is written, ten times a second, as there is room for."""
    taken = throttled = 0
    for tick in range(seconds * 10):
        now = began_at + tick / 10
        written = 0
        while written < window and throttle.room(now) >= 1:
            throttle.wrote()
            written += 1
        found = [centre.takes(now) for _ in range(written)]
        throttle.answered(written, found.count(False))
        taken, throttled = taken + found.count(True), throttled + found.count(False)
    return taken, throttled


def test_a_centre_that_never_throttles_is_never_slowed() -> None:
    throttle = Throttle()
    assert play(throttle, Centre(10**9), 5.0, 10, 100) == (10 * 10 * 100, 0)
    assert not throttle.is_on


@given(st.integers(2, 500), st.integers(1, 400), st.floats(0, 1))
def test_it_finds_what_the_centre_bears(per_s: int, window: int, began_at: float) -> None:
    throttle, centre = Throttle(), Centre(per_s)
    play(throttle, centre, began_at, 20, window)
    taken, throttled = play(throttle, centre, began_at + 20, 60, window)
    most = 60 * min(per_s, 10 * window)
    assert taken >= 0.6 * most
    assert throttled <= 0.25 * most


@pytest.mark.parametrize("per_s", [20, 300])
def test_it_follows_a_centre_that_bears_more_again(per_s: int) -> None:
    throttle = Throttle()
    play(throttle, Centre(5), 0.0, 10, 100)
    play(throttle, Centre(per_s), 10.0, 60, 100)
    taken, _throttled = play(throttle, Centre(per_s), 70.0, 10, 100)
    assert taken >= 0.6 * 10 * per_s
