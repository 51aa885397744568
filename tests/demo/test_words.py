"""Words, chance and slips of the synthetic Kerala."""

import datetime as dt
import unicodedata
from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.demo.kerala import draw, names, written
from ariyippu.demo.kerala.draw import Draws

NUMBERS = st.lists(st.integers(0, 999_999_936), min_size=1, unique=True)


@given(NUMBERS)
def test_scrambling_is_one_to_one(numbers: list[int]) -> None:
    scrambled = draw.scrambled(pa.array(numbers, pa.int64())).to_pylist()
    assert len(set(scrambled)) == len(numbers)
    assert all(0 <= number < 999_999_937 for number in scrambled)


@given(NUMBERS, st.integers(1, 10**6))
def test_remainder(numbers: list[int], modulus: int) -> None:
    found = draw.remainder(pa.array(numbers, pa.int64()), modulus).to_pylist()
    assert found == [number % modulus for number in numbers]


@given(st.text(max_size=5), st.text(max_size=5), st.integers(1, 10**9))
def test_chance_is_of_its_question(origin: str, question: str, limit: int) -> None:
    draws = Draws(origin, 300)
    values = draws.below(question, limit).to_pylist()
    assert all(0 <= value < limit for value in values)
    assert values == Draws(origin, 300).below(question, limit).to_pylist()
    assert values[:200] == Draws(origin, 200).below(question, limit).to_pylist()
    assert draws.bits(question) != draws.bits(question + "x")
    assert draws.bits(question) != draws.about("x", 300).bits(question)


def test_chances_are_what_they_say() -> None:
    draws = Draws("chance", 100_000)
    assert 0.295 < sum(draws.happens("some", 0.3).to_pylist()) / draws.rows < 0.305
    assert not any(draws.happens("never", 0).to_pylist())
    assert all(draws.happens("always", 1).to_pylist())
    turned = Counter(draws.turned("wheel", draw.wheel({1: 3, 2: 1})).to_pylist())
    assert 2.9 < turned[1] / turned[2] < 3.1


def test_words_are_in_their_scripts() -> None:
    """Latin in ASCII letters; Malayalam normalised, and its chillu letters single characters."""
    known = names.load()
    for table in (known.given, known.house):
        for number, text in enumerate(table.to_pylist()):
            latin = number % (2 * names.FORMS) < names.FORMS
            letters = text.replace(" ", "")
            assert text == unicodedata.normalize("NFC", text)
            assert letters.isascii() and letters.isalpha() if latin else all(0xD00 <= ord(c) < 0xD80 for c in letters)


def test_names_of_one_style_and_sex_share_no_spelling() -> None:
    """So that two numbers are two names, not one name spelt twice."""
    known = names.load()
    texts = known.given.to_pylist()
    for wheel in known.wheels.values():
        owner: dict[str, int] = {}
        for number in sorted(set(wheel.to_pylist())):
            for text in texts[number * 2 * names.FORMS :][: names.FORMS]:
                assert owner.setdefault(text.replace(" ", "").lower(), number) == number


def test_a_spelling_is_another_one() -> None:
    assert names.spellings("Preetha") == ("Preetha", "Preeta", "Pritha", "Preeta")
    assert names.spellings("Kizhakke")[1] == "Kilakke"
    assert names.spellings("Vijayan")[1] == "Wijayan"
    assert names.spellings("Padma") == ("Padma",) * 4


TEXTS = st.text(st.sampled_from("abcd eA്അനികൽ"), min_size=1, max_size=12).filter(lambda text: text == text.strip())


@given(TEXTS, st.integers(0, 2**32 - 1))
def test_a_slip_leaves_a_word(text: str, chance: int) -> None:
    slipped = written._mistyped(text, chance)
    assert slipped[0] == text[0]
    assert abs(len(slipped) - len(text)) <= 1
    assert slipped.split(" ")[0]


@given(st.dates(dt.date(1900, 1, 1), dt.date(2029, 12, 31)), st.integers(0, 2**32 - 1))
def test_a_mistyped_date_is_another_date(date: dt.date, chance: int) -> None:
    text = date.strftime("%d/%m/") + f"{date.year:04}"
    other = written._mistyped_date(text, chance)
    assert other != text
    dt.datetime.strptime(other, "%d/%m/%Y")  # noqa: DTZ007  a date of the calendar
