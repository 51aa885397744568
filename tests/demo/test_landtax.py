"""Land tax at the rates of the 2025 budget."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.demo import landtax

IN_FORCE = dt.date(2025, 4, 1)

BY_HAND = [  # kind, square metres, rupees: the last holding at the lower rate, the first at the higher one
    ("PANCHAYAT", 810, "60.75"),
    ("PANCHAYAT", 811, "97.32"),
    ("MUNICIPALITY", 243, "36.45"),
    ("MUNICIPALITY", 244, "54.90"),
    ("CORPORATION", 162, "48.60"),
    ("CORPORATION", 163, "73.35"),
    ("PANCHAYAT", 1, "0.08"),  # 7.5 paise
    ("PANCHAYAT", 0, "0.00"),
]


@pytest.mark.parametrize(("kind", "area", "rupees"), BY_HAND)
def test_tax_by_hand(kind: str, area: int, rupees: str) -> None:
    paise = landtax.annual_paise(area, kind, IN_FORCE)
    assert f"{paise // 100}.{paise % 100:02}" == rupees


@given(st.integers(0, 10**7), st.sampled_from(["PANCHAYAT", "MUNICIPALITY", "CORPORATION"]))
def test_more_land_is_never_less_tax(area: int, kind: str) -> None:
    assert landtax.annual_paise(area, kind, IN_FORCE) <= landtax.annual_paise(area + 1, kind, IN_FORCE)


def test_nothing_is_said_about_other_times_and_kinds() -> None:
    with pytest.raises(ValueError, match="no rates"):
        landtax.annual_paise(100, "PANCHAYAT", IN_FORCE - dt.timedelta(days=1))
    with pytest.raises(KeyError):
        landtax.annual_paise(100, "BLOCK", IN_FORCE)
