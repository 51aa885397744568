"""Spellings of one word meet, in Latin and in Malayalam, and folding twice is folding once."""

import csv
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.ingest.features.given import TABLE
from ariyippu.ingest.features.malayalam import romanise
from ariyippu.ingest.features.names import Names
from ariyippu.ingest.features.spelling import by_rules, fold, letters
from tests.ingest.features.alike import dice
from tests.ingest.files import real

ZWJ, ZWNJ = "\u200d", "\u200c"
CHILLUS = {"ൺ": "ണ്", "ൻ": "ന്", "ർ": "ര്", "ൽ": "ല്", "ൾ": "ള്", "ൿ": "ക്"}
latin_words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=14)
malayalam_words = st.text("കഖഗഘങചജഞടണതദനപഫബഭമയരറലളഴവശഷസഹഅആഇഉഎഒാിീുൂെേൊോ്ം" + "".join(CHILLUS), max_size=14)

SPELLINGS = (
    ("Lakshmi", "Laxmi", "ലക്ഷ്മി"),
    ("Sreedevi", "Sridevi", "Shreedevy", "ശ്രീദേവി"),
    ("Santhosh", "Santosh", "Sandhosh", "സന്തോഷ്"),
    ("Azhikode", "Alikode", "അഴിക്കോട്"),
    ("Aisha", "Aysha", "Ayisha", "Ayesha", "ഐഷ", "ആയിഷ"),
    ("Mohammed", "Muhammed", "Muhammad", "Mohamad", "മുഹമ്മദ്"),
    ("Gowri", "Gouri", "Gauri", "ഗൗരി"),
    ("Mariya", "Maria", "മരിയ"),
    ("Thomas", "Tomas", "തോമസ്"),
    ("Mathew", "Mathyu", "മാത്യു"),
    ("Sarah", "Sara", "സാറ"),
    ("Philip", "Filip", "ഫിലിപ്പ്"),
    ("Siddique", "Siddik", "സിദ്ദിഖ്"),
    ("Vasudevan", "Wasudevan", "വാസുദേവൻ"),
    ("Beena", "Bina", "Beana", "ബീന"),
    ("Pushpa", "Puspa", "പുഷ്പ"),
    ("Kunhali", "Kunjali", "കുഞ്ഞാലി"),
    ("Prajna", "Pragna", "പ്രജ്ഞ"),
    ("Sangeetha", "Sangita", "സംഗീത", "സങ്ഗീത"),
    ("Ramesh", "RAMESH", "Raamesh", "രമേഷ്"),
    ("Perumbavoor", "Perumpavur", "പെരുമ്പാവൂർ"),
    ("Hyder", "Haidar", "ഹൈദർ"),
    ("Shyla", "Shaila", "ഷൈല"),
    ("Renjith", "Ranjith", "രഞ്ജിത്"),
    ("Padmini", "Pathmini", "പത്മിനി"),
    ("Johnson", "Jonson", "ജോൺസൺ"),
    ("George", "ജോർജ്"),
    ("Georgekutty", "ജോർജ്കുട്ടി"),
    ("Treesa", "Thresia", "Theresa", "ത്രേസ്യ"),
    ("Muvattupuzha", "Moovattupuzha", "മൂവാറ്റുപുഴ", "മൂവാററുപുഴ"),
)
APART = (
    *("Anil", "Sunil", "Ajith", "Ranjith", "Bindu", "Indu", "Latha", "Lalitha", "Devi", "Deepa", "Mini", "Manju"),
    *("Suni", "Devidas", "David", "Mariamma", "Mary", "Janaki", "Jane", "Leela", "Leo", "Simi", "Simon"),
    *("Raman", "Rahman", "Jaya", "Jiji", "Balan", "Baiju", "Gopi", "Gopal", "Kumari", "Kumaran", "Shaji"),
)


@pytest.mark.parametrize("spellings", SPELLINGS, ids=lambda spellings: spellings[0])
def test_spellings_of_a_name_meet(spellings: tuple[str, ...]) -> None:
    assert len({fold(letters(spelling)) for spelling in spellings}) == 1


@pytest.mark.parametrize("line", TABLE.strip().split("\n"))
def test_given_names_with_a_spelling_of_their_own(line: str) -> None:
    """The table's names meet, and each line is needed: the rules alone do not bring it together."""
    *spellings, said = (letters(name) for name in line.split())
    assert {fold(spelling) for spelling in spellings} == {fold(said)}
    assert len({fold(f"{spelling}mon") for spelling in spellings if len(spelling) > 6} | {fold(f"{said}mon")}) == 1
    assert all(by_rules(spelling) != by_rules(said) for spelling in spellings)
    assert fold(fold(said)) == fold(said)


def test_names_that_differ_stay_apart() -> None:
    assert len({fold(letters(name)) for name in APART}) == len(APART)


@given(latin_words | malayalam_words.map(letters))
def test_folding_twice_is_folding_once(word: str) -> None:
    assert fold(fold(word)) == fold(word)


@given(latin_words, st.data())
def test_a_doubled_letter_changes_nothing(word: str, data: st.DataObject) -> None:
    """Of e and o two are another vowel: Bena and Beena."""
    if places := [at for at, letter in enumerate(word) if letter not in "eo"]:
        at = data.draw(st.sampled_from(places))
        assert fold(word[:at] + word[at] + word[at:]) == fold(word)


@given(malayalam_words)
def test_both_encodings_of_chillus_are_one(word: str) -> None:
    old = word
    for chillu, with_virama in CHILLUS.items():
        old = old.replace(chillu, with_virama + ZWJ)
    assert letters(old) == letters(word)


@given(malayalam_words, st.sampled_from([ZWJ, ZWNJ]), st.data())
def test_joiners_change_nothing(word: str, joiner: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(word)))
    assert letters(word[:at] + joiner + word[at:]) == letters(word)


@given(malayalam_words)
def test_composed_and_decomposed_are_one(word: str) -> None:
    assert letters(unicodedata.normalize("NFD", word)) == letters(unicodedata.normalize("NFC", word))


@given(st.text(max_size=20))
def test_anything_can_be_folded(text: str) -> None:
    assert fold(fold(letters(text))) == fold(letters(text))


def test_every_letter_of_malayalam_becomes_latin() -> None:
    block = [chr(code) for code in range(0x0D00, 0x0D80) if unicodedata.category(chr(code))[0] in "LM"]
    assert all(romanise(letter).isascii() for letter in block)


def test_real_place_names_meet_in_both_scripts() -> None:
    """Kerala's urban local bodies in English and Malayalam, as the Local Government Directory spells them."""
    names = Names()
    with real("lgd_urban_local_bodies.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["Local Body Name"], row["Local Body Name (In Local)"]) for row in csv.DictReader(file)]
    pairs = [(names.place(english), names.place(malayalam)) for english, malayalam in rows if malayalam]
    assert len(pairs) == 93
    alike = [dice(english or "", malayalam or "") for english, malayalam in pairs]
    assert sum(one == other for one, other in pairs) >= 82
    assert sum(share >= 0.8 for share in alike) >= 90
    assert min(alike) >= 0.7
