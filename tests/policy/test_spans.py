"""When which terms of a stay stand, whatever was amended and lifted when."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from ariyippu.policy.documents import Amendment, Scope, Stay, Terms
from ariyippu.policy.spans import Span, spans

BEGINS = dt.datetime(2026, 2, 24, 10, tzinfo=dt.UTC)
Amended = tuple[dt.datetime, dt.datetime | None]  # when an amendment was accepted, and when its terms end
hours = st.integers(0, 6).map(lambda number: dt.timedelta(hours=number))
instants = st.integers(-3, 6).map(lambda number: BEGINS + dt.timedelta(hours=number))
ends = st.none() | instants.filter(lambda at: at > BEGINS)


def sorted_by_instant(amended: list[Amended]) -> list[Amended]:
    return sorted(amended, key=lambda one: one[0])


def amendment(number: int, ends_at: dt.datetime | None) -> Amendment:
    return Amendment(
        id=f"amendment-{number}",
        stay="0" * 64,
        number=number,
        reference="x",
        scope=Scope(),
        ends_at=ends_at,
        leave=(),
    )


def test_what_nobody_saw_begin_has_begun_at_its_start() -> None:
    span, before = Span(Terms(Scope(), None), BEGINS, None), BEGINS - dt.timedelta.resolution
    assert not span.has_begun(before)
    assert not span.stands(before)
    assert not span.holds_up(before, before)
    assert span.has_begun(BEGINS)


@given(ends, st.lists(st.tuples(instants, ends)).map(sorted_by_instant), st.none() | hours, instants)
def test_the_last_accepted_terms_stand_from_the_stay_s_start_to_their_own_end_or_the_lift(
    ends_at: dt.datetime | None, amended: list[Amended], lifted_after: dt.timedelta | None, at: dt.datetime
) -> None:
    stay = Stay(id="stay-1", office="court", reference="x", scope=Scope(), starts_at=BEGINS, ends_at=ends_at)
    accepted_last = amended[-1][0] if amended else BEGINS
    lifted_at = None if lifted_after is None else accepted_last + lifted_after
    found = spans(stay, [(amendment(number, end), on) for number, (on, end) in enumerate(amended, 1)], lifted_at)
    last = [ends_at, *(end for on, end in amended if on <= at)][-1]
    over = [end for end in (last, lifted_at) if end is not None and end <= at]
    assert [span.terms.ends_at for span in found if span.stands(at)] == [last] * (at >= BEGINS and not over)
