"""What the decision reads and the hand-off asks about people: to the instant, and of the right register."""

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from ariyippu.base import clock
from ariyippu.demo import cast
from ariyippu.notice.documents import Order
from ariyippu.policy import objections, preferences
from ariyippu.policy.decide import MARKED
from ariyippu.policy.objections import Lists, PersonTold
from ariyippu.policy.travel import MARKS

A, B, C, D = (bytes([n]) * 16 for n in (1, 2, 3, 4))
NOW = dt.datetime(2026, 2, 24, tzinfo=dt.UTC)
UNMARKED = dict.fromkeys(MARKS.names[2:-1], False)


@pytest.fixture
def order() -> Order:
    notice = cast.arrears_notice()
    order = cast.order(notice, cast.use_request("finance-pay", notice.purpose, "request"), "spark-1", "0" * 64)
    return order.model_copy(update={"min_interval_days": 2})


def at(monkeypatch: pytest.MonkeyPatch, instant: dt.datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: instant)


def test_a_record_stands_once_with_everything_that_holds_for_it() -> None:
    rows: list[dict[str, Any]] = [
        {"register": "spark", "record": A, "objected": True},
        {"register": "spark", "record": A, "told": True},
        {"register": "spark", "record": B, "prefers": "sms"},
        {"register": "land", "record": D, "erased": True},
    ]
    marks = pa.Table.from_pylist([{**UNMARKED, **row} for row in rows], MARKS)
    found = Lists(marks, pa.table({"record": pa.array([A, C], pa.binary(16))}), NOW).of("spark")
    nothing = {name: None if name == "prefers" else False for name in MARKED.names}
    assert sorted(found.to_pylist(), key=lambda row: row["record"]) == [
        {**nothing, "record": A, "objected": True, "told": True, "capped": True},
        {**nothing, "record": B, "prefers": "sms"},
        {**nothing, "record": C, "capped": True},
    ]


@pytest.mark.django_db
def test_who_was_told_within_the_interval_is_not_told_again(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    since = NOW - dt.timedelta(days=2)
    at(monkeypatch, since)
    objections.record_told(order.register, [A], order.purpose)
    at(monkeypatch, since + dt.timedelta.resolution)
    objections.record_told(order.register, [B], order.purpose)
    objections.record_told("land", [C], order.purpose)
    objections.record_told(order.register, [D], "ariyippu:service-circular")
    at(monkeypatch, NOW)
    assert objections._told_recently(order, [A, B, C, D]) == [B]
    assert objections._told_recently(order, [A, C, D]) == []
    told = objections.lists(order).of(order.register)
    assert [row["record"] for row in told.to_pylist() if row["told"]] == [B]


@pytest.mark.django_db
def test_a_person_is_told_elsewhere_within_the_interval(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    since = NOW - dt.timedelta(days=2)
    at(monkeypatch, since)
    objections.record_persons([PersonTold(A, "land", order.purpose), PersonTold(D, "land", order.purpose)])
    at(monkeypatch, since + dt.timedelta.resolution)
    objections.record_persons(
        [
            PersonTold(B, "land", order.purpose),
            PersonTold(C, order.register, order.purpose),
            PersonTold(A, "land", "ariyippu:service-circular"),
        ]
    )
    at(monkeypatch, NOW)
    assert objections.told_elsewhere(order, [A, B, C]) == {B}
    at(monkeypatch, NOW - dt.timedelta.resolution)
    assert objections.told_elsewhere(order, [A, D]) == {A, D}
    objections.record_persons([PersonTold(D, "land", order.purpose)])  # told again: the later counts
    at(monkeypatch, NOW)
    assert objections.told_elsewhere(order, [A, D]) == {D}


@pytest.mark.django_db
def test_an_objection_is_new_once_for_each_purpose() -> None:
    assert objections.record_objections("spark", [A, B], "*") == 2
    assert objections.record_objections("spark", [A, C], "*") == 1
    assert objections.record_objections("spark", [A], objections.ERASURE) == 1


@pytest.mark.django_db
def test_a_preference_is_kept_in_place_of_the_one_before(order: Order) -> None:
    assert preferences.record("spark", [A, B, A], "sms") == 2
    assert preferences.record("spark", [A], "sms") == 0
    assert preferences.record("spark", [A], "email") == 1
    assert preferences.record("land", [B], "email") == 1
    assert preferences.forget("spark", [B, C]) == 1
    kept = objections.lists(order).marks.select(["register", "record", "prefers"]).to_pylist()
    assert sorted((row["register"], row["record"], row["prefers"]) for row in kept) == [
        ("land", B, "email"),
        ("spark", A, "email"),
    ]
