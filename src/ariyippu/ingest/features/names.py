"""Names of people and of places in the form in which they are compared.

A person's name comes apart into long parts and initials, wherever the initials stand and however they are
written: `K. P. Anil Kumar`, `ANILKUMAR KP` and `കെ.പി. അനിൽകുമാർ` have one whole, "anilkumar", the long parts
run together, and the letters k, p and those of the long parts. The initials are no part of the whole: where one
register writes a letter (Anil K) another writes it out (Anil Krishnan), and first letters are what both have.

Where a record names the guardian or the house beside, a long part that repeats one of them is an initial that was
written out, and counts as one: Benny Kollakarayil of the house Pazhaya Kollakarayil has the whole of Benny P K.

    whole       long parts folded (spelling.py) and run together; the initials, where there is no long part
    initials    first letters of all parts; letters that spellings of one name mix up are one (v/w, s/z/x)
    sound       of a whole: its consonants, hard and soft alike, and whether it begins with a vowel
    head        the beginning of a whole, two consonants with the vowels after them, for blocking

A place or a house keeps its digits and short parts; words that say only what it is (House, P.O.) go.
"""

import functools
import re
import string
from collections.abc import Iterable, Sequence
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
# What the English letters are called in Malayalam, as `letters` writes it: കെ.പി. is K.P.
_ALPHABET = "e bi si di i ef ji echch ai je ke el em en o pi kyu ar es ti yu vi dablyu eks vai isad"
_LETTER_NAMES = {**dict(zip(_ALPHABET.split(), string.ascii_lowercase, strict=True)), "sed": "z"}
_SAME_LETTER = str.maketrans("zxqwf", "sskvp")
_COARSE = str.maketrans("eogjdbf", "aukctpp")  # Rema and Rama, Mohammed and Muhammad; hard consonants for soft ones
_LATER_VOWELS = re.compile("(?<=.)[aiuy]")
_HEAD = re.compile("[aiu]+[^aiu]?[aiu]?|[^aiu][aiu]*[^aiu]?[aiu]?")


class Person(NamedTuple):
    """`longs`: long parts in one spelling, the initials where there is none. `initials`: letters, in any order."""

    longs: tuple[str, ...]
    initials: str


class _Part(NamedTuple):
    """One part of a name: `long` is empty for initials; `title` says where it is none of the name's parts."""

    long: str
    initials: str
    title: str  # "", "first" or "anywhere"


class Names:
    """Reads names, and remembers the words of them, at most CACHE_WORDS of each kind.

    Make one for each file: what it remembers of people goes with it.
    """

    def __init__(self) -> None:
        cached = functools.lru_cache(CACHE_WORDS)
        self._part, self._fold, self._alike = cached(_read_part), cached(fold), cached(_alike)
        self._told_by_guardian, self._told_by_house = cached(self._read_guardian), cached(self._read_house)

    def person(self, text: str, house: str | None = None, guardian: str | None = None) -> Person | None:
        """The name in its parts; None when `text` holds no letter. `house`, `guardian`: of the same record."""
        longs: tuple[str, ...]
        longs, initials = (), ""
        for long, letters_of, title in map(self._part, _split(text)):
            if title:
                longs, initials = self._untitled(text)
                break
            initials += letters_of
            if long:
                longs += (long,)
        if len(longs) > 1 and (house or guardian):
            longs = self._without_repeated(longs, house or "", guardian or "")
        return Person(longs or (initials,), initials) if initials else None

    def _untitled(self, text: str) -> tuple[tuple[str, ...], str]:
        """Long parts and initials without titles, unless there is nothing else."""
        parts = [self._part(raw) for raw in _split(text)]
        named = [part for part in parts if not part.title or (part.title == "first" and part is not parts[0])]
        if not any(part.long for part in named):
            named = parts
        return tuple(part.long for part in named if part.long), "".join(part.initials for part in named)

    def whole(self, longs: Sequence[str]) -> str:
        """Long parts run together, as `person` gives them: Anil and Kumar as Anilkumar."""
        return self._fold("".join(longs)) if len(longs) > 1 else longs[0]

    def _without_repeated(self, longs: tuple[str, ...], house: str, guardian: str) -> tuple[str, ...]:
        """`longs` without what repeats the guardian's name or the house's. The first one always stays."""
        told = self._told_by_guardian(guardian), self._told_by_house(house)
        kept, at = longs[:1], 1
        while at < len(longs):
            ends = range(len(longs), at, -1)
            end = next((end for end in ends if self._is_told(longs[at:end], told)), None)
            if end is None:
                kept += (longs[at],)
            at = end or at + 1
        return kept

    def _is_told(self, run: Sequence[str], told: Iterable[frozenset[str]]) -> bool:
        alike = self._alike(self.whole(run))
        return any(alike in texts for texts in told)

    def _read_guardian(self, text: str) -> frozenset[str]:
        """The beginnings of the name: Krishnan, Krishnan Nair; not Nair alone, which families share."""
        read = self.person(text)
        words = read.longs if read else ()
        return frozenset(self._alike(self.whole(words[:end])) for end in range(1, len(words) + 1))

    def _read_house(self, text: str) -> frozenset[str]:
        """The beginnings and the ends of the name: Kollakarayil, Pazhaya, Pazhaya Kollakarayil."""
        words = [self._fold(word) for word in _place_words(text)]
        runs = [words[:end] for end in range(1, len(words))] + [words[begin:] for begin in range(len(words))]
        return frozenset(self._alike(self.whole(run)) for run in runs)

    def place(self, text: str) -> str | None:
        """The name of a place or house; None when `text` holds no letter and no digit."""
        words = _place_words(text)
        return self._fold("".join(words)) if words else None  # Kizhakke Veedu and Kizhakkeveedu keep their e


def _split(text: str) -> list[str]:
    text = text.replace("'", "").replace("’", "")  # D'Souza is one part
    if "/" in text:
        text = _RELATION.sub(" ", text)
    return _ASCII_PART.findall(text) if text.isascii() else _PART.findall(text)


def _place_words(text: str) -> list[str]:
    text = letters(text)
    return _PLACE_PART.findall(_SAYS_NOTHING.sub(" ", text)) or _PLACE_PART.findall(text)


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
    return _Part(fold(word), word[:1].translate(_SAME_LETTER), title)


def _are_initials(word: str) -> bool:
    """K, KP and KPM are initials; Jo would be, too: names of two letters are rarer than two initials."""
    return len(word) <= 2 or (len(word) <= 4 and not any(letter in "aeiouy" for letter in word))


def _alike(whole: str) -> str:
    """What two writings of a word have in common: their sound, unless it is so short that Mon sounds like Mini."""
    said = sound(whole)
    return said if len(said) > 2 else whole


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
