"""Names of people and of places in the form in which they are compared.

A person's name comes apart into long parts and initials, wherever the initials stand and however they are
written: `K. P. Anil Kumar`, `ANILKUMAR KP` and `കെ.പി. അനിൽകുമാർ` have one whole, "anilkumar", the long parts
run together, and the letters k, p and those of the long parts. The initials are no part of the whole: where one
register writes a letter (Anil K) another writes it out (Anil Krishnan), and first letters are what both have.

    whole       long parts folded (spelling.py) and run together; the initials, where there is no long part
    initials    first letters of all parts; letters that spellings of one name mix up are one (v/w, s/z/x)
    sound       of a whole: its consonants, hard and soft alike, and whether it begins with a vowel
    head        the beginning of a whole, two consonants with the vowels after them, for blocking

A place or a house keeps its digits and short parts; words that say only what it is (House, P.O.) go.
"""

import functools
import itertools
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ariyippu.ingest.features.spelling import fold, letters

CACHE_WORDS = 1 << 16  # about 10 MiB; the words of names repeat, even where the names do not

_ASCII_PART = re.compile("[A-Za-z]+")
_PART = re.compile("(?:[^\\W\\d_]|[\u0300-\u036f\u0d00-\u0d65\u200b-\u200d])+")
_MALAYALAM = re.compile("[\u0d00-\u0d7f]")
_RELATION = re.compile(r"(?i)\b[swdc]\s*/\s*o\b")  # son of, wife of, daughter of, care of
_PLACE_PART = re.compile(r"[^\W_]+")
_SAYS_NOTHING = re.compile(r"\b(?:house|hse|haus|h|post|pi?\W*o)\b")  # as `letters` writes them

# Titles wherever they stand, and those that are titles at the beginning only: Jaya Sri is a name.
_TITLES = frozenset({"adv", "dr", "late", "miss", "mr", "mrs", "ms", "prof", "rev", "smt"})
_FIRST_TITLES = frozenset({"kum", "kumari", "shri", "shrimathi", "shrimati", "sri", "srimathi"})
_MALAYALAM_TITLES = frozenset({"adva", "do", "doktar", "parethanaya"})
_MALAYALAM_FIRST_TITLES = frozenset({"kumari", "shri", "shrimathi"})
_SHORT_FORMS = {"mohd": "mohammed", "muhd": "mohammed"}
# What the English letters are called in Malayalam, as `letters` writes it: കെ.പി. is K.P.
_ALPHABET = "e bi si di i ef ji echch ai je ke el em en o pi kyu ar es ti yu vi dablyu eks vai isad"
_LETTER_NAMES = {**dict(zip(_ALPHABET.split(), string.ascii_lowercase, strict=True)), "sed": "z"}
_SAME_LETTER = str.maketrans("zxqwf", "sskvp")
# Where two folded words meet, the last letter of one and the first of the next can change each other.
_MEETING = frozenset(
    [letter * 2 for letter in string.ascii_lowercase]
    + [letter + "h" for letter in "kgjtdbrlpsn"]
    + ["m" + letter for letter in "kgtdjcb"]
    + [letter + "y" for letter in string.ascii_lowercase]
    + ["jn", "gn", "ng", "nd", "nj", "tc", "ea", "ei", "ou"]
)
_COARSE = str.maketrans("eogjdbf", "aukctpp")  # Rema and Rama, Mohammed and Muhammad; hard consonants for soft ones
_LATER_VOWELS = re.compile("(?<=.)[aiuy]")
_HEAD = re.compile("[aiu]+[^aiu]?[aiu]?|[^aiu][aiu]*[^aiu]?[aiu]?")


class Person(NamedTuple):
    whole: str
    initials: str


class _Part(NamedTuple):
    """One part of a name: `long` is empty for initials; `title` says where it is none of the name's parts."""

    long: str
    initials: str
    title: str  # "", "first" or "anywhere"


@dataclass(frozen=True)
class Names:
    """Reads names, and remembers the words of them, at most CACHE_WORDS of each kind.

    Make one for each file: what it remembers of people goes with it.
    """

    _part: Callable[[str], _Part] = field(default_factory=lambda: functools.lru_cache(CACHE_WORDS)(_read_part))
    _fold: Callable[[str], str] = field(default_factory=lambda: functools.lru_cache(CACHE_WORDS)(fold))

    def person(self, text: str) -> Person | None:
        """The name in its two parts; None when `text` holds no letter."""
        parts = [part for part in map(self._part, _split(text)) if part.long or part.initials]
        if not parts:
            return None
        named = [part for part in parts if not part.title or (part.title == "first" and part is not parts[0])]
        longs = [part.long for part in named if part.long]
        if not longs:
            named, longs = parts, [part.long for part in parts if part.long] or ["".join(p.initials for p in parts)]
        return Person(self._run_together(longs), "".join([part.initials for part in named]))

    def place(self, text: str) -> str | None:
        """The name of a place or house; None when `text` holds no letter and no digit."""
        text = letters(text)
        words = _PLACE_PART.findall(_SAYS_NOTHING.sub(" ", text)) or _PLACE_PART.findall(text)
        return self._fold("".join(words)) if words else None  # Kizhakke Veedu and Kizhakkeveedu keep their e

    def _run_together(self, words: Sequence[str]) -> str:
        whole = "".join(words)
        if any(one[-1] + other[0] in _MEETING for one, other in itertools.pairwise(words)):
            return self._fold(whole)
        return whole


def _split(text: str) -> list[str]:
    text = text.replace("'", "").replace("’", "")  # D'Souza is one part
    if "/" in text:
        text = _RELATION.sub(" ", text)
    return _ASCII_PART.findall(text) if text.isascii() else _PART.findall(text)


def _read_part(raw: str) -> _Part:
    word = letters(raw)
    if _MALAYALAM.search(raw):
        title = "anywhere" if word in _MALAYALAM_TITLES else "first" if word in _MALAYALAM_FIRST_TITLES else ""
        initial = word[:1] if len(raw) == 1 else ""
        initials = _LETTER_NAMES.get(word, initial)
    else:
        title = "anywhere" if word in _TITLES else "first" if word in _FIRST_TITLES else ""
        initials = word if _are_initials(word) else ""
    if initials and not title:
        return _Part("", initials.translate(_SAME_LETTER), "")
    return _Part(fold(_SHORT_FORMS.get(word, word)), word[:1].translate(_SAME_LETTER), title)


def _are_initials(word: str) -> bool:
    """K, KP and KPM are initials; Jo would be, too: names of two letters are rarer than two initials."""
    return len(word) <= 2 or (len(word) <= 4 and not any(letter in "aeiouy" for letter in word))


def sound(whole: str) -> str:
    """The consonants of a whole: "anlkmr" of anilkumar; a vowel at the beginning is "a", whichever it is."""
    coarse = whole.replace("ch", "c").translate(_COARSE)
    return _LATER_VOWELS.sub("", "a" + coarse[1:] if coarse[0] in "iu" else coarse)


def head(whole: str) -> str:
    """The first two consonants of a whole with the vowels after them; a vowel before them counts as one.

    "ani" of anilkumar and of anil, "kri" of krisnan: a name that is shortened or split keeps its head.
    """
    found = _HEAD.match(whole.replace("ch", "c").translate(_COARSE))
    return found[0] if found else whole
