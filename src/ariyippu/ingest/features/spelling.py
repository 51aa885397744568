"""One spelling for one word: what people write differently for the same sound is folded together.

Malayalam and Latin words meet here, and so do the usual swaps: th/t, dh/d, zh/l, w/v, ph/f, ksh/x, sh/s,
ee/i, oo/u, ey/i, ou/ow/au, aye/ayi/ai, doubled letters, a silent e or h at the end, and after a nasal also
k/g, t/d, p/b, ch/j (Malayalam writes അങ്കമാലി and says Angamaly). The folded word is for comparison only.

The rules are applied until none changes anything. That ends, since a rule either shortens the word or takes away a
letter that no later rule gives back. Then comes the table of given names.
"""

import re
import unicodedata
from collections.abc import Iterator

from ariyippu.ingest.features.given import TABLE
from ariyippu.ingest.features.malayalam import romanise

LONG = 5
_RULES = (
    # doubled letters first; digits stay
    ("ee+", "i"),
    ("oo+", "u"),
    (r"([^\W\d_])\1+", r"\1"),
    ("chch", "ch"),
    # consonants with several spellings
    ("tch", "ch"),
    ("zh", "l"),
    ("c(?=[eiy])", "s"),
    ("que$", "k"),
    ("chr", "kr"),
    ("c(?!h)", "k"),
    ("q", "k"),
    ("^x", "s"),
    ("x", "ks"),
    ("ksh", "ks"),
    ("ph", "f"),
    ("sh", "s"),
    ("z", "s"),
    ("(?<=[kgjtdbrl])h", ""),
    ("nh", "nj"),
    ("[jg]n", "nj"),
    ("njj", "nj"),
    ("ts", "ls"),
    ("^padm", "patm"),
    # vowels
    (f"(?:{'|'.join(f'(?<=^[^aeiou]{{{n}}})' for n in (1, 2, 3))})y(?=[^aeiou])", "ai"),  # Hyder, Shyla
    ("^paul(?!o)", "pol"),
    ("ow(?![aeiou])", "au"),
    ("ou", "au"),
    ("ew(?=s?$)", "yu"),
    ("you", "yu"),
    ("w", "v"),
    ("ea(?=[^aeiou])", "i"),
    ("(?<=a)ye", "i"),
    ("(?<=[aeou])y(?=i)", ""),
    ("(?<=[^aeiou])y(?=[aeou])", "i"),
    ("(?<=i)y(?=[aou])", ""),
    ("y(?![aeiou])", "i"),
    ("ie$", "i"),
    ("ei$", "i"),
    ("ei", "ai"),
    ("(?<=.[^aeiou])e$", ""),
    ("(?<=[aeiou])h$", ""),
    ("^john", "jon"),
    ("(?<=..)om$", "am"),
    ("(?<=..)e(?=[lnr]$)", "a"),
    ("son$", "san"),
    ("(?<=u)v(?=[ae])", ""),
    ("^re(?=ma|mi|nch|smi)", "ra"),
    ("^leks", "laks"),
    # after a nasal, hard and soft are one
    ("m(?=[kgtdj]|ch)", "n"),
    ("ng", "nk"),
    ("nd", "nt"),
    ("nj", "nch"),
    ("mb", "mp"),
)
_UNNEEDED = re.compile(r"\[[^]]*\]|\([^()]*\)|[^a-z()\[\]]")


def _needs(pattern: str) -> str:
    """Letters that a word must hold, side by side, for the pattern to find anything: looked for in no time."""
    while (shorter := _UNNEEDED.sub("", pattern)) != pattern:
        pattern = shorter
    return pattern


_STEPS = tuple((_needs(pattern), re.compile(pattern), instead) for pattern, instead in _RULES)
_UNSEEN = re.compile("[\u0300-\u036f\u200b-\u200d\ufeff]")  # accents, joiners, marks of width nought


def letters(text: str) -> str:
    """`text` in lower case, its Malayalam and full-width letters in Latin, accents and joiners gone."""
    if text.isascii():
        return text.lower()
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return romanise(unicodedata.normalize("NFC", plain))


def by_rules(word: str) -> str:
    """What the rules make of a word, before the table of given names."""
    before = ""
    while word != before:
        before = word
        for needs, pattern, instead in _STEPS:
            if needs in word:
                word = pattern.sub(instead, word)
    return word


def _read(table: str) -> Iterator[tuple[str, str]]:
    for line in table.strip().split("\n"):
        *spellings, said = [letters(name) for name in line.split()]
        for spelling in spellings:
            yield spelling, by_rules(said)


_SAID = {by_rules(spelling): said for spelling, said in _read(TABLE)}
# As the beginning of a word: what the rules make of a name that goes on. Shorter ones would begin other names, too.
_BEGINNINGS = {begins: said for spelling, said in _read(TABLE) if len(begins := by_rules(spelling + "p")[:-1]) >= LONG}
_BEGINNING = re.compile("|".join(sorted(_BEGINNINGS, key=len, reverse=True)))


def fold(word: str) -> str:
    """The one spelling of a word in lower-case Latin letters (see `letters`); other letters stay as they are."""
    word = by_rules(word)
    if word in _SAID:
        return _SAID[word]
    begun = _BEGINNING.match(word)
    return by_rules(_BEGINNINGS[begun[0]] + word[begun.end() :]) if begun else word
