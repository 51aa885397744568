"""Malayalam letters as the Latin ones that people in Kerala write for them.

Letters are those of ISO 15919 without its diacritics, spelt as names are spelt in practice (th, zh, sh, nj);
spelling.py folds both sides further until they meet. What differs from a letter-by-letter table:

    chillu            the atomic letters (U+0D7A–0D7F) and consonant + virama are one thing here: a
                      consonant without its vowel
    u at a word's end ു് and ് are the same short sound, which Latin spellings mostly leave out: so is it here
    റ്റ, ററ, ന്റ        "tt" and "nt": ററ is an old way of writing റ്റ
    ട between vowels   "d", as in Palakkad; ട്ട stays "tt"
    ങ, ഞ               "n" where they only prepare the next consonant (ങ്ക, ഞ്ച)

Other characters pass through as they are.
"""

import re

VIRAMA = "\u0d4d"


def _table(letters: str, latin: str) -> dict[str, str]:
    return dict(zip(letters, latin.split(), strict=True))


_CONSONANTS = {
    **_table("കഖഗഘങ", "k kh g gh ng"),
    **_table("ചഛജഝഞ", "ch ch j jh nj"),
    **_table("ടഠഡഢണ", "t th d dh n"),
    **_table("തഥദധന", "th th d dh n"),
    **_table("പഫബഭമ", "p f b bh m"),
    **_table("യരലവശഷസഹളഴറ", "y r l v sh sh s h l zh r"),
    **_table("\u0d29\u0d3a", "n t"),  # alveolar n and t
}
_VOWELS = _table("അആഇഈ\u0d5fഉഊഋൠഌൡഎഏഐഒഓഔ", "a a i i i u u ri ri li li e e ai o o au")
_SIGNS = {
    **_table("\u0d3e\u0d3f\u0d40\u0d41\u0d42\u0d43\u0d44", "a i i u u ri ri"),
    **_table("\u0d46\u0d47\u0d48\u0d4a\u0d4b\u0d4c\u0d57", "e e ai o o au au"),
    **_table("\u0d62\u0d63", "li li"),
}
# Consonants without a vowel: the chillus, the dot reph, the anusvara.
_BARE = _table("ൺൻർൽൾൿ\u0d54\u0d55\u0d56\u0d4e\u0d02", "n n r l l k m y zh r m")
_DROPPED = dict.fromkeys("\u0d00\u0d01\u0d03\u0d04\u0d3b\u0d3c\u0d3d", "")  # visarga, avagraha, signs of old books
_DIGITS = _table("൦൧൨൩൪൫൬൭൮൯", "0 1 2 3 4 5 6 7 8 9")
_ALONE = {**_VOWELS, **_BARE, **_DROPPED, **_DIGITS}

_MALAYALAM = re.compile("[\u0d00-\u0d7f]")
# Sequences that sound otherwise than their letters.
_RR = re.compile(f"റ{VIRAMA}?റ")
_NR = re.compile(f"(?:ന{VIRAMA}|ൻ){VIRAMA}?റ")
_LONE_T = re.compile(f"(?<![{VIRAMA}{''.join(_BARE)}])(?<=[\u0d00-\u0d7f])ട(?!{VIRAMA}[ക-ഹ])")
_SHORT_U = re.compile(f"\u0d41{VIRAMA}")


def romanise(text: str) -> str:
    """`text` (NFC, without joiners) with its Malayalam in Latin letters: അനിൽ and അനില് become "anil"."""
    if not _MALAYALAM.search(text):
        return text
    for pattern, instead in ((_RR, f"\u0d3a{VIRAMA}\u0d3a"), (_NR, f"ന{VIRAMA}\u0d3a"), (_SHORT_U, VIRAMA)):
        text = pattern.sub(instead, text)
    text = _LONE_T.sub("ഡ", text)
    return "".join(_syllables(text))


def _syllables(text: str) -> list[str]:
    out: list[str] = []
    for letter, following in zip(text, text[1:] + " ", strict=True):
        if letter in _CONSONANTS:
            prepares = following == VIRAMA and letter in "ങഞ"
            out.append("n" if prepares else _CONSONANTS[letter])
            if following != VIRAMA and following not in _SIGNS:
                out.append("a")
        elif letter != VIRAMA:
            out.append(_SIGNS.get(letter) or _ALONE.get(letter, letter))
    return out
