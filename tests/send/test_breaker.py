"""The breaker opens on enough failures and on nothing less, and comes back step by step."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.send.breaker import (
    MAX_REST_S,
    REST_S,
    SHARE,
    SPAN_S,
    STEP_VOLUME,
    STEPS,
    UNREACHABLE,
    VOLUME,
    Breaker,
    State,
)

# (seconds since the last one, messages, of them failed)
WINDOWS = st.lists(
    st.tuples(st.floats(0, 30), st.integers(0, 40), st.integers(0, 40)).map(
        lambda window: (window[0], window[1], min(window[1], window[2]))
    ),
    max_size=60,
)


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker()
    breaker.count(VOLUME, VOLUME, at)
    assert breaker.state(at) is State.OPEN
    return breaker


@given(WINDOWS)
def test_it_opens_when_enough_failed_lately_and_never_else(windows: Sequence[tuple[float, int, int]]) -> None:
    """Beside an oracle that keeps everything."""
    breaker, now, told = Breaker(), 0.0, list[tuple[float, int, int]]()
    for seconds, messages, failed in windows:
        now += seconds
        breaker.count(messages, failed, now)
        told.append((now, messages, failed))
        lately = [one for one in told if one[0] >= now - SPAN_S]
        seen, bad = sum(one[1] for one in lately), sum(one[2] for one in lately)
        is_open = seen >= VOLUME and bad >= SHARE * seen
        assert breaker.state(now) is (State.OPEN if is_open else State.CLOSED)
        if is_open:
            return


@given(WINDOWS, st.floats(0, 10_000))
def test_it_is_always_in_one_state_with_its_share(windows: Sequence[tuple[float, int, int]], later: float) -> None:
    breaker, now = Breaker(), 0.0
    for seconds, messages, failed in windows:
        now += seconds
        before = breaker.state(now), breaker.share(now)
        breaker.count(messages, failed, now)
        after = breaker.state(now), breaker.share(now)
        if before[0] is State.RETURNING and after[0] is State.RETURNING:
            assert after[1] in (before[1], before[1] * 2)  # never more than the next step at once
        if before[0] is State.OPEN:
            assert after == before
    assert breaker.share(now + later) in (0.0, *STEPS, 1.0)
    assert breaker.state(now + MAX_REST_S) is not State.OPEN  # it never rests for ever


def test_one_or_two_missed_connections_open_nothing() -> None:
    breaker = Breaker()
    for _attempt in range(2):
        breaker.count(UNREACHABLE, UNREACHABLE, 0.0)
        assert breaker.state(0.0) is State.CLOSED
    breaker.count(UNREACHABLE, UNREACHABLE, 0.0)
    assert breaker.state(0.0) is State.OPEN


def test_it_comes_back_with_a_growing_share() -> None:
    breaker, now = opened(), REST_S
    shares = []
    while breaker.state(now) is not State.CLOSED:
        shares.append(breaker.share(now))
        breaker.count(STEP_VOLUME, 0, now)
    assert shares == list(STEPS)
    assert breaker.share(now) == 1


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_of_so_many_batches_it_is_given_its_share(step: int) -> None:
    breaker = opened()
    for _ in range(step):
        breaker.count(STEP_VOLUME, 0, REST_S)
    given_to = sum(breaker.ask(REST_S) for _ in range(160))
    assert Fraction(given_to, 160) == Fraction(STEPS[step])


def test_a_failure_on_the_way_back_opens_it_for_twice_as_long() -> None:
    breaker, now, rest_s = opened(), 0.0, REST_S
    for _ in range(12):
        assert breaker.state(now + rest_s - 0.01) is State.OPEN
        now += rest_s
        assert breaker.state(now) is State.RETURNING
        breaker.count(UNREACHABLE, UNREACHABLE, now)
        rest_s = min(rest_s * 2, MAX_REST_S)
    assert rest_s == MAX_REST_S


def test_what_was_in_hand_when_it_opened_changes_nothing() -> None:
    breaker = opened()
    breaker.count(VOLUME, 0, 1.0)
    assert breaker.state(REST_S - 0.01) is State.OPEN
    assert breaker.share(REST_S) == STEPS[0]
