"""One spelling for one word: what people write differently for the same sound is folded together.

Malayalam and Latin words meet here, and so do the usual swaps: th/t, dh/d, zh/l, w/v, ph/f, ksh/x, sh/s,
ee/i, oo/u, ey/i, ou/ow/au, aye/ayi/ai, doubled letters, a silent e or h at the end, and after a nasal also
k/g, t/d, p/b, ch/j (Malayalam writes അങ്കമാലി and says Angamaly). The folded word is for comparison only.

`fold` is idempotent by construction: its rules are applied until none finds anything. Each that finds something
changes it, and it ends, since a rule either shortens the word or takes away a letter that no later rule gives back.
"""

import re
import unicodedata

from ariyippu.ingest.features.malayalam import romanise

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
    ("c(?!h)", "k"),
    ("q", "k"),
    ("^x", "s"),
    ("x", "ks"),
    ("ksh", "ks"),
    ("ph", "f"),
    ("sh", "s"),
    ("z", "s"),
    ("(?<=[kgjtdbrl])h", ""),
    ("nh|[jg]nj?", "nj"),
    # vowels
    ("ow(?![aeiou])|ou", "au"),
    ("ew$", "yu"),
    ("w", "v"),
    ("ea(?=[^aeiou])", "i"),
    ("(?<=a)ye", "i"),
    ("(?<=[aeou])y(?=i)", ""),
    ("(?<=[^aeiou])y(?=[aeou])", "i"),
    ("(?<=i)y(?=[aou])", ""),
    ("y(?![aeiou])", "i"),
    ("(?:ie|ei)$", "i"),
    ("ei", "ai"),
    ("(?<=.[^aeiou])e$", ""),
    ("(?<=[aeiou])h$", ""),
    ("ohn", "on"),
    ("(?<=..)om$", "am"),
    # after a nasal, hard and soft are one
    ("m(?=[kgtdj]|ch)", "n"),
    ("ng", "nk"),
    ("nd", "nt"),
    ("nj", "nch"),
    ("mb", "mp"),
    # the two names with the most spellings
    ("(?!muhamad)m[ou]ha?m[ae]d", "muhamad"),
    ("(?!ahamad)aha?m[ae]d", "ahamad"),
)
_ANY = re.compile("|".join(pattern for pattern, _ in _RULES))  # the doubled letter is its only group
# What is only letters needs no regular expression, and is ten times as fast without.
_STEPS = tuple((pattern if pattern.isalpha() else re.compile(pattern), instead) for pattern, instead in _RULES)
_ACCENTS = re.compile("[\u0300-\u036f]")


def letters(text: str) -> str:
    """`text` in lower case, its Malayalam and full-width letters in Latin, accents gone."""
    if text.isascii():
        return text.lower()
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return romanise(unicodedata.normalize("NFC", plain))


def fold(word: str) -> str:
    """The one spelling of a word in lower-case Latin letters (see `letters`); other letters stay as they are."""
    while _ANY.search(word):
        for pattern, instead in _STEPS:
            word = word.replace(pattern, instead) if isinstance(pattern, str) else pattern.sub(instead, word)
    return word
