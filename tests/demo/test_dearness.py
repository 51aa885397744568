"""The arithmetic of dearness arrears."""

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.demo import dearness
from tests.ingest.files import real


def test_rates_are_the_published_ones() -> None:
    lines = real("da_rates.csv").read_text().splitlines()[1:]
    published = [tuple(line.split(",")[:4]) for line in lines]
    assert published == [
        (rate.due_from.isoformat(), str(rate.percent), rate.paid_from.isoformat(), rate.order)
        for rate in dearness.RATES
    ]


def test_arrears_by_hand() -> None:
    """January to March 2021: 9 % due; 0 % paid in January and February, 7 % in March. Then an increment."""
    basic = {dt.date(2021, 1, 1): 23_000, dt.date(2021, 2, 1): 23_000, dt.date(2021, 3, 1): 23_700}
    assert dearness.arrears_paise(basic) == 23_000 * 9 + 23_000 * 9 + 23_700 * 2


@given(st.dates(dt.date(2019, 1, 1), dt.date(2027, 1, 1)), st.dates(dt.date(2019, 1, 1), dt.date(2027, 1, 1)))
@settings(max_examples=30)
def test_months_are_consecutive_firsts(first: dt.date, last: dt.date) -> None:
    found = list(dearness.months(first, last))
    assert all(month.day == 1 for month in found)
    assert len(found) == max(0, (last.year - first.year) * 12 + last.month - first.month + 1)
    assert all(dearness.due_percent(month) >= dearness.paid_percent(month) for month in found)
