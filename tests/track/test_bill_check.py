"""A bill that was made from what left, and spoiled, differs exactly where it was spoiled."""

import datetime as dt
from decimal import Decimal
from typing import Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.home import BillSettings
from ariyippu.track.bill_check import Check, Difference, Kind, Terms
from ariyippu.track.bill_file import Line

FIRST, LAST = dt.date(2026, 11, 1), dt.date(2026, 11, 30)
PRICE = Decimal("12.5")  # paise
BY_MESSAGE = BillSettings(id="Id", sent_on="Date", segments="Parts", charge="Rs")
BY_SEGMENT = BillSettings(id="Id", sent_on="Date", each_line="segment")

Spoiling = Literal["", "double", "other_segments", "other_charge", "out_of_period", "not_billed"]


class Message(NamedTuple):
    """One that left, and what the carrier makes of it on its bill."""

    segments: int
    has_parts: bool  # an id for each segment
    spoiling: Spoiling

    def ids(self, number: int) -> list[str]:
        return [f"M{number}", *(f"M{number}-{part}" for part in range(1, self.segments if self.has_parts else 1))]


MESSAGES = st.lists(
    st.builds(
        Message,
        st.integers(1, 9),
        st.booleans(),
        st.sampled_from(["", "", "double", "other_segments", "other_charge", "out_of_period", "not_billed"]),
    ),
    max_size=20,
)


def check(named: BillSettings = BY_MESSAGE) -> Check:
    return Check(Terms(named, PRICE), FIRST, LAST)


def line(row: int, number: str, segments: int | None = None, *, on: dt.date = FIRST) -> Line:
    charge = None if segments is None else segments * PRICE / 100
    return Line(row, number, on, segments, charge)


@given(MESSAGES, st.lists(st.sampled_from(["never_sent", "out_of_period"]), max_size=5), st.randoms())
def test_each_spoilt_line_is_found_and_no_other(messages: list[Message], strangers: list[Kind], random: object) -> None:
    compared = check()
    billed: list[tuple[str, int, str]] = []  # id, segments, how it is spoilt
    for number, message in enumerate(messages):
        compared.sent(message.ids(number), message.segments, is_due=True)
        if message.spoiling != "not_billed":
            billed.append((message.ids(number)[-1], message.segments, message.spoiling))
    billed += [(f"X{number}", 1, kind) for number, kind in enumerate(strangers)]
    random.shuffle(billed)  # type: ignore[attr-defined]
    wanted: list[tuple[int, str]] = []
    row = 1
    for given_id, segments, spoiling in billed:
        row += 1
        made = line(row, given_id, segments)
        if spoiling == "other_segments":
            made = line(row, given_id, segments + 1)
        elif spoiling == "other_charge":
            made = Line(row, given_id, FIRST, segments, segments * PRICE / 100 + Decimal("0.01"))
        elif spoiling == "out_of_period" and not given_id.startswith("X"):
            made = line(row, given_id, segments, on=LAST + dt.timedelta(days=1))
        compared.line(made)
        if spoiling == "double":
            row += 1
            compared.line(line(row, given_id, segments))
        if spoiling:
            wanted.append((row, spoiling))
    compared.settle_strangers({f"X{number}" for number, kind in enumerate(strangers) if kind == "out_of_period"})
    assert [(found.row, found.kind) for found in compared.differences()] == sorted(wanted)
    assert list(compared.not_billed()) == [n for n, m in enumerate(messages) if m.spoiling == "not_billed"]


@given(MESSAGES)
def test_a_line_for_each_segment_adds_up(messages: list[Message]) -> None:
    compared, row = check(BY_SEGMENT), 1
    for number, message in enumerate(messages):
        ids = message.ids(number)
        compared.sent(ids, message.segments, is_due=True)
        for part in range(message.segments):
            row += 1
            compared.line(line(row, ids[part % len(ids)]))
    assert compared.differences() == []
    assert list(compared.not_billed()) == []


@pytest.mark.parametrize("billed", [2, 4])
def test_too_few_or_too_many_lines_for_a_message(billed: int) -> None:
    compared = check(BY_SEGMENT)
    compared.sent(["A"], 3, is_due=True)
    for row in range(2, billed + 2):
        compared.line(line(row, "A"))
    kind: Kind = "other_segments" if billed < 3 else "double"
    assert compared.differences() == [Difference(2 if billed < 3 else 5, "Id", kind)]


def test_what_left_at_the_periods_edge_may_stand_on_the_next_bill() -> None:
    compared = check()
    compared.sent(["A"], 1, is_due=False)
    compared.sent(["B"], 1, is_due=True)
    assert list(compared.not_billed()) == [1]


def test_a_bill_without_segments_says_nothing_of_them() -> None:
    compared = check(BillSettings(id="Id", sent_on="Date"))
    compared.sent(["A"], 3, is_due=True)
    compared.line(line(2, "A"))
    assert compared.differences() == []
