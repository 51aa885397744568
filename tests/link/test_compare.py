"""The comparisons' SQL: Dice as defined, levels from the strictest on, absent values say nothing."""

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ariyippu.base import engine
from ariyippu.link import compare

FILTER = st.integers(1, 2**256 - 1)
FULL = 2**256 - 1


@given(FILTER, FILTER)
@example(FULL, FULL)  # 256 common bits do not fit the eight that bit_count gives
def test_dice_is_twice_the_common_bits_by_all_bits(left: int, right: int) -> None:
    found = _dice(left, right)
    assert found == pytest.approx(2 * (left & right).bit_count() / (left.bit_count() + right.bit_count()))


def _dice(left: int, right: int) -> float:
    values = {
        f"name_{word}_{side}": _signed(bits, word) for side, bits in (("l", left), ("r", right)) for word in range(4)
    }
    values |= {"name_bits_l": left.bit_count(), "name_bits_r": right.bit_count()}
    with engine.connect() as relations:
        relations.register("pair", pa.table({name: pa.array([value], pa.int64()) for name, value in values.items()}))
        ((found,),) = relations.sql(f"select {compare.dice('name')} from pair").fetchall()  # noqa: S608  our own words
    return float(found)


def _signed(bits: int, word: int) -> int:
    part = bits >> (64 * word) & (2**64 - 1)
    return part - 2**64 if part >= 2**63 else part


def test_every_comparison_begins_with_absent_and_ends_with_else() -> None:
    for comparison in compare.COMPARISONS:
        labels = [level.label for level in comparison.levels]
        assert labels[0] == compare.ABSENT
        assert compare.SAME in labels[1:3]
        assert labels[-1] == compare.ELSE
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("left", "right", "level"),
    [
        ((1, 2, 3), (1, 2, 3), compare.SAME),
        ((1, 2, 3), (9, 2, 3), "day and month swapped"),
        ((1, 2, 3), (9, 8, 3), "day and month"),
        ((1, 2, 3), (9, 2, 8), "year"),
        ((1, 2, 3), (9, 8, 7), compare.ELSE),
        ((1, 2, 3), (None, None, None), compare.ABSENT),
    ],
)
def test_birth_dates(left: tuple[int | None, ...], right: tuple[int | None, ...], level: str) -> None:
    names = ("born_token", "born_year", "born_day_month")
    values: dict[str, int | None] = {f"{name}_l": value for name, value in zip(names, left, strict=True)}
    values |= {f"{name}_r": value for name, value in zip(names, right, strict=True)}
    assert _level("born", values) == level


@pytest.mark.parametrize(
    ("left", "right", "level"),
    [(0b11, 0b11, compare.SAME), (0b11, 0b111, "one has more"), (0b101, 0b011, compare.ELSE)],
)
def test_initials(left: int, right: int, level: str) -> None:
    assert _level("initials", {"name_initials_l": left, "name_initials_r": right}) == level


@pytest.mark.parametrize(
    ("left", "right", "level"),
    [
        ((1, 5), (1, 5), "same, under the same name"),
        ((1, 5), (1, 6), compare.SAME),
        ((1, 5), (1, None), compare.SAME),
        ((1, 5), (2, 5), compare.ELSE),
        ((1, 5), (None, 5), compare.ABSENT),
    ],
)
def test_phones(left: tuple[int | None, ...], right: tuple[int | None, ...], level: str) -> None:
    names = ("mobile_token", "name_token")
    values: dict[str, int | None] = {f"{name}_l": value for name, value in zip(names, left, strict=True)}
    values |= {f"{name}_r": value for name, value in zip(names, right, strict=True)}
    assert _level("mobile", values) == level


def _level(name: str, values: dict[str, int | None]) -> str:
    """The first level of a comparison that applies to these values."""
    comparison = next(comparison for comparison in compare.COMPARISONS if comparison.name == name)
    cases = [(level.label, "true" if level.condition == "ELSE" else level.condition) for level in comparison.levels]
    chosen = " ".join(f"when {condition} then '{label}'" for label, condition in cases)
    with engine.connect() as relations:
        relations.register("pair", pa.table({name: pa.array([value], pa.int64()) for name, value in values.items()}))
        ((found,),) = relations.sql(f"select case {chosen} end from pair").fetchall()  # noqa: S608  our own words
    return str(found)
