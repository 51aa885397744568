"""The words of invented names, in every form in which an office may write them, as tables of text.

A word is known by its number; how it is written, by its form:

    given name   8 x Malayalam + 4 x apart + spelling    Anilkumar, Anilkumaar; Anil Kumar; അനിൽകുമാർ
    house name   8 x Malayalam + 4 x small + spelling    Plavilaparambil; plavilaparambil (joined to Kizhakke)
    initial      26 x Malayalam + letter

Spelling 0 is the usual one; 1 to 3 are the ways in which Kerala's names vary in Latin letters. In
Malayalam all four are the same.
"""

import functools
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ariyippu.demo.kerala.draw import wheel

SPELLINGS, FORMS, LETTERS = 4, 8, 26
MALAYALAM = FORMS  # added to a form: the same word in Malayalam
QUALIFIER_SHARE = 0.35  # of houses have a word before them: Kizhakke, Puthen
SECOND_WORD_SHARE = 0.4  # of given names have a second word
RANK_OFFSET = 12  # of Zipf's law: the most frequent first word comes about twice as often as the tenth
PARTS = {False: ("men", "with_men"), True: ("women", "with_women")}

# How a name is spelt otherwise, each replaced once: the first three rules that change anything give its variants.
CONSONANT = "[bcdfghjklmnpqrstvwyz]"
RULES = (
    (r"zh", "l"),
    (r"(?<=[aeiou])th", "t"),
    (r"ee", "i"),
    (r"oo", "u"),
    (r"v", "w"),
    (r"y\b", "i"),
    (r"sh", "s"),
    (r"th", "t"),
    (r"([bdklmnprt])\1", r"\1"),
    (rf"(?<={CONSONANT})i(?=[bdjklmnprst])", "ee"),
    (r"dh", "d"),
    (r"ph", "f"),
    (r"ai(?=[bdklmnr])", "y"),
    (r"w", "v"),
    (rf"(?<={CONSONANT})u(?=[dklmnprst])", "oo"),
    (rf"(?<={CONSONANT})a(?=[jklmnprst])", "aa"),
    (r"(?<=[aeiou])([klmnt])(?=[aeiou])", r"\1\1"),
    (r"an\b", "en"),
)

_COMPILED = tuple((re.compile(expression, re.IGNORECASE), replacement) for expression, replacement in RULES)


class Word(NamedTuple):
    latin: str
    malayalam: str


class Given(NamedTuple):
    first: Word
    second: Word | None

    @property
    def forms(self) -> list[str]:
        """The 16 forms of the module's table."""
        if self.second is None:
            joined = apart = self.first
        else:
            joined = Word(self.first.latin + self.second.latin.lower(), self.first.malayalam + self.second.malayalam)
            apart = Word(*(" ".join(pair) for pair in zip(self.first, self.second, strict=True)))
        latin = (*spellings(joined.latin), *spellings(apart.latin))
        return [*latin, *[joined.malayalam] * SPELLINGS, *[apart.malayalam] * SPELLINGS]


@functools.cache
def spellings(word: str) -> tuple[str, ...]:
    """The word and three other spellings; where fewer rules apply, some of them more than once."""
    others: list[str] = []
    for expression, replacement in _COMPILED:
        spelt = expression.sub(replacement, word, count=1)
        spelt = spelt[0].upper() + spelt[1:] if word[0].isupper() else spelt
        if spelt not in (word, *others):
            others.append(spelt)
    others = (others or [word]) * SPELLINGS
    return (word, *others[: SPELLINGS - 1])


@dataclass(frozen=True)
class Names:
    """Every table. Given names of one style and sex come from `wheels[style, female]`."""

    given: pa.Array  # text by 16 x number + form
    mail: pa.Array  # for each given name: a mailbox
    given_letter: pa.Array  # for each given name: its initial's number
    first: pa.Array  # for each given name: its first word's number
    twin: pa.Array  # for each given name: one that begins with the next first word
    wheels: dict[tuple[int, bool], pa.Array]
    styles: pa.Array  # a wheel of styles
    house: pa.Array  # text by 16 x number + form
    house_letter: pa.Array  # by house
    qualifier: pa.Array  # text by 2 x number + Malayalam, null for none
    qualifiers: int
    initial: pa.Array
    places: Sequence[str]  # invented, all different

    @property
    def houses(self) -> int:
        return len(self.house_letter)

    def given_text(self, number: pa.Array, form: pa.Array) -> pa.Array:
        return self.given.take(pc.add(pc.multiply(number, 2 * FORMS), form))

    def house_text(self, house: pa.Array, form: pa.Array) -> pa.Array:
        """The house's own word; `form` as in the module's table."""
        return self.house.take(pc.add(pc.multiply(pc.divide(house, self.qualifiers), 2 * FORMS), form))

    def initial_text(self, letter: pa.Array, malayalam: pa.Array) -> pa.Array:
        return self.initial.take(pc.add(letter, pc.multiply(malayalam, LETTERS)))


@functools.cache
def load() -> Names:
    text = resources.files(__package__).joinpath("names.toml").read_text("utf-8")
    words = tomllib.loads(text)
    given = _Givens()
    for number, style in enumerate(words["style"]):
        for female, parts in PARTS.items():
            given.add(number, female, *(_words(style[part]) for part in parts))
    houses, qualifiers = _houses(words["house"])
    letters = _words(words["initials"]["letters"])
    return Names(
        given=pa.array([form for name in given.names for form in name.forms]),
        mail=pa.array([name.forms[0].lower() for name in given.names]),
        given_letter=pa.array([_letter(name.first.latin) for name in given.names]),
        first=pa.array(given.first),
        twin=pa.array(given.twin),
        wheels=given.wheels,
        styles=wheel({number: style["share"] for number, style in enumerate(words["style"])}),
        house=pa.array([form for house in houses for form in _house_forms(house)]),
        house_letter=pa.array(
            [_letter(q.latin if q else house.latin) for house in houses for q in qualifiers], pa.int64()
        ),
        qualifier=pa.array([text for q in qualifiers for text in (q or (None, None))]),
        qualifiers=len(qualifiers),
        initial=pa.array([*(letter.latin for letter in letters), *(letter.malayalam for letter in letters)]),
        places=_places(words),
    )


def _words(text: str) -> list[Word]:
    parts = text.split()
    return [Word(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]


def _letter(latin: str) -> int:
    return ord(latin[0].upper()) - ord("A")


@dataclass
class _Givens:
    """The given names, as they are put together."""

    names: list[Given] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    twin: list[int] = field(default_factory=list)
    wheels: dict[tuple[int, bool], pa.Array] = field(default_factory=dict)

    def add(self, style: int, female: bool, firsts: list[Word], seconds: list[Word]) -> None:
        """Every combination. First words in the order of Zipf's law, scattered over the alphabet."""
        begin = len(self.names)
        weights: dict[int, float] = {}
        for place, first in enumerate(firsts):
            frequency = 1 / (RANK_OFFSET + (place + 5) * 10_007 % len(firsts))
            for name, share in _combined(first, seconds):
                weights[len(self.names)] = frequency * share
                self.names.append(name)
                self.first.append(begin + place)
        count, step = len(self.names) - begin, len(seconds) + 1  # no first word has more combinations
        self.twin.extend(begin + (number + step) % count for number in range(count))
        self.wheels[style, female] = wheel(weights, slots=32_768)


def _combined(first: Word, seconds: list[Word]) -> Iterator[tuple[Given, float]]:
    """A first word alone and with each second word, and how many of its bearers have that name."""
    if "+" in first.latin:
        latin, malayalam = (text.split("+") for text in first)
        yield Given(Word(latin[0], malayalam[0]), Word(latin[1], malayalam[1])), 1.0
        return
    yield Given(first, None), 1 - SECOND_WORD_SHARE
    fitting = [second for second in seconds if second.latin != first.latin]
    for second in fitting:
        yield Given(first, second), SECOND_WORD_SHARE / len(fitting)


def _houses(words: dict[str, str]) -> tuple[list[Word], list[Word | None]]:
    stems, endings, qualifiers = (_words(words[part]) for part in ("stems", "endings", "qualifiers"))
    houses = [Word(*(a + b for a, b in zip(stem, ending, strict=True))) for stem in stems for ending in endings]
    none = round(len(qualifiers) * (1 / QUALIFIER_SHARE - 1))
    return houses, [*qualifiers, *[None] * none]


def _house_forms(house: Word) -> list[str]:
    latin = spellings(house.latin)
    return [*latin, *(spelt.lower() for spelt in latin), *[house.malayalam] * FORMS]


def _places(words: dict[str, Any]) -> list[str]:
    stems = [word.latin for word in _words(words["house"]["stems"])]
    endings = words["place"]["endings"].split()
    return [stem + ending for ending in endings for stem in stems]
