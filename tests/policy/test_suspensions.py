"""Contact points that are not used: for whom, since when, and what ends it."""

import datetime as dt
import itertools

import pytest

from ariyippu.base import clock
from ariyippu.policy import suspensions

pytestmark = pytest.mark.django_db

A, B, C = (bytes([n]) * 16 for n in (1, 2, 3))


@pytest.fixture(autouse=True)
def _a_clock_that_moves_on(monkeypatch: pytest.MonkeyPatch) -> None:
    start = dt.datetime(2026, 2, 24, tzinfo=dt.UTC)
    ticks = itertools.count()
    monkeypatch.setattr(clock, "now", lambda: start + dt.timedelta(seconds=next(ticks)))


def suspended(register: str) -> dict[bytes, str]:
    return {row["token"]: row["cause"] for row in suspensions.suspended(register).to_pylist()}


def test_a_suspension_holds_for_every_register_until_its_own_department_verifies() -> None:
    suspensions.suspend([A, B, A], "bounced")
    suspensions.suspend([B], "not_mine")
    assert suspended("spark") == suspended("prism") == {A: "bounced", B: "bounced"}
    suspensions.verify("spark", [A, B, C])
    assert suspended("spark") == {}
    assert suspended("prism") == {A: "bounced", B: "bounced"}
    suspensions.suspend([B], "not_mine")  # again, after it was verified
    assert suspended("spark") == {B: "not_mine"}
    suspensions.verify("spark", [B])
    assert suspended("spark") == {}


def test_what_the_hand_off_asks() -> None:
    suspensions.suspend([A], "bounced")
    assert suspensions.withheld("spark", [A, B, C]) == {A}
    assert suspensions.withheld("spark", [C]) == frozenset()
    suspensions.verify("spark", [A])
    assert suspensions.withheld("spark", [A]) == frozenset()
    assert suspensions.withheld("prism", [A]) == {A}


def test_nothing_is_suspended_by_nobody() -> None:
    suspensions.suspend([], "bounced")
    suspensions.verify("spark", [])
    assert suspended("spark") == {}


def test_what_was_verified_no_later_than_it_bounced_stays_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    now = dt.datetime(2026, 2, 24, tzinfo=dt.UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    suspensions.suspend([A], "bounced")
    suspensions.verify("spark", [A])
    assert suspended("spark") == {A: "bounced"}


def test_a_day_of_verification_begins_at_midnight_in_india(monkeypatch: pytest.MonkeyPatch) -> None:
    day = dt.date(2026, 2, 24)
    midnight = dt.datetime.combine(day, dt.time.min, clock.INDIA)
    for token, at in ((A, midnight - dt.timedelta.resolution), (B, midnight)):
        monkeypatch.setattr(clock, "now", lambda at=at: at)
        suspensions.verify("spark", [token])
    assert suspensions.verified("spark", day)["token"].to_pylist() == [B]
    assert suspensions.verified("prism", day).num_rows == 0
