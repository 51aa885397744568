"""Values as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.render import values


@pytest.mark.parametrize(
    ("paise", "written"),
    [
        (0, "₹ 0.00"),
        (5, "₹ 0.05"),
        (-5, "-₹ 0.05"),
        (99_900, "₹ 999.00"),
        (1_00_000, "₹ 1,000.00"),
        (1_23_456_50, "₹ 1,23,456.50"),
        (12_34_567_89, "₹ 12,34,567.89"),
        (1_23_45_67_890_00, "₹ 1,23,45,67,890.00"),
    ],
)
def test_money(paise: int, written: str) -> None:
    assert values.money(paise) == written


@given(st.integers(-(10**17), 10**17))
def test_money_loses_no_paisa(paise: int) -> None:
    written = values.money(paise)
    assert int(written.replace("₹ ", "").replace(",", "").replace(".", "")) == paise


def test_date() -> None:
    assert values.date("2026-02-04") == "04-02-2026"


@pytest.mark.parametrize(
    ("kept", "written"),
    [
        ("  a \t b\r\nc ", "a b c"),
        ("a\r\nBcc: x", "a Bcc: x"),
        ("a\0b\x1bc\x7f\x9b", "abc"),
        ("\u202e ab \u2066 c\u2069", "ab c"),
        ("a\u2028b\x85c\u00a0d", "a b c d"),
        ("അവന്\u200d", "അവന്\u200d"),  # a chillu of the older encoding keeps its joiner
    ],
)
def test_text(kept: str, written: str) -> None:
    assert values.text(kept) == written


@given(st.text(max_size=40))
def test_text_is_one_line_and_settles_at_once(kept: str) -> None:
    written = values.text(kept)
    assert len(written.splitlines()) <= 1
    assert "  " not in written
    assert written == written.strip() == values.text(written)
