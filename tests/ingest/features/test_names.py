"""A name is one name, wherever its initials stand and however its parts are written."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.ingest.features import codes
from ariyippu.ingest.features.names import Names, Person, head, sound
from ariyippu.ingest.features.spelling import fold

NAMES = Names()
TITLES = {"kumari", "srimati", "srimathi", "shri", "late"}
words = (  # folded; neither initials nor a title
    st.text(string.ascii_lowercase, min_size=5, max_size=12)
    .map(fold)
    .filter(lambda word: len(word) > 2 and set(word) & set("aeiou") and word not in TITLES)
)
initials = st.lists(st.sampled_from(string.ascii_uppercase), min_size=1, max_size=3)


def person(text: str) -> Person:
    read = NAMES.person(text)
    assert read is not None
    return read


def whole(text: str) -> str:
    return NAMES.whole(person(text).longs)


ONE_NAME = (
    ("K. P. Anil Kumar", "K.P. Anilkumar", "ANIL KUMAR K P", "Anilkumar KP", "കെ.പി. അനിൽകുമാർ", "അനില്‍ കുമാര്‍ കെ പി"),
    ("Smt. Lakshmi Devi", "LAKSHMIDEVI", "Laxmi Devy", "Shrimathi Lakshmi Devi", "ശ്രീമതി ലക്ഷ്മി ദേവി"),
    ("Sree Kumar", "Sreekumar", "Sri. Sreekumar", "ശ്രീകുമാർ"),
    ("Raman Kutty", "Ramankutty", "S/o Ramankutty", "Late Raman Kutty", "പരേതനായ രാമൻകുട്ടി"),
    ("Mary D'Souza", "Mary DSouza", "MARY D’SOUZA", "Dr. (Mrs.) Mary D'Souza"),
    ("Mohd. Rafi", "Mohammed Rafi", "Muhammed Rafi", "മുഹമ്മദ് റഫി"),
    ("Jaya Sri", "Jayasree"),
)


@pytest.mark.parametrize("spellings", ONE_NAME, ids=lambda spellings: spellings[0])
def test_one_name_has_one_whole(spellings: tuple[str, ...]) -> None:
    assert len(set(map(whole, spellings))) == 1


@pytest.mark.parametrize(
    "text", ["K P Anil", "Anil KP", "K.P.Anil", "Anil.K.P", "anil k. p.", "കെ. പി. അനിൽ", "അനിൽ കെ.പി"]
)
def test_initials_are_found_wherever_they_stand(text: str) -> None:
    read = person(text)
    assert (read.longs, sorted(read.initials)) == (("anil",), ["a", "k", "p"])


def test_an_initial_and_the_word_for_it_share_their_letter() -> None:
    assert set(person("Anil K").initials) == set(person("K. Anil").initials) == set(person("Anil Krishnan").initials)
    assert set(person("V. Zakir").initials) == set(person("Sakir W").initials)


def test_what_is_only_initials_or_titles_is_still_a_name() -> None:
    assert [whole(text) for text in ("K. P.", "Jo", "Kumari", "Late Dr.")] == ["kp", "jo", "kumari", "latdr"]


@pytest.mark.parametrize("text", ["", " . ", "123", "--", "\u200d", "\u0d03"])
def test_what_holds_no_letter_is_no_name(text: str) -> None:
    assert NAMES.person(text) is None
    assert NAMES.place("" if text == "123" else text) is None


@given(words, words, initials, st.sampled_from([" ", ". ", "."]), st.booleans())
def test_the_place_of_initials_and_case_change_nothing(
    first: str, second: str, letters: list[str], mark: str, upper: bool
) -> None:
    long, short = f"{first} {second}", mark.join(letters) + mark
    before, after = f"{short} {long}", f"{long} {short}"
    one, other = person(before), person(after.upper() if upper else after)
    assert one.longs == other.longs
    assert sorted(one.initials) == sorted(other.initials)


@given(words)
def test_a_whole_is_its_own_whole(word: str) -> None:
    assert whole(whole(word)) == whole(word)


@given(words, words)
def test_folded_words_meet_apart_and_together(first: str, second: str) -> None:
    assert whole(f"{first} {second}") == fold(first + second)


@given(st.text(max_size=30))
def test_any_text_can_be_read(text: str) -> None:
    read, place = NAMES.person(text), NAMES.place(text)
    for found in (NAMES.whole(read.longs) if read else "x", place or "x"):
        assert found
        assert sound(found)
        assert head(found)


def test_sounds_are_coarser_than_wholes() -> None:
    for one, other in (("Seema", "Sama"), ("Deepa", "Teepa"), ("Ibrahim", "Ebrahim")):
        assert whole(one) != whole(other)
        assert sound(whole(one)) == sound(whole(other))
    assert sound("anilkumar") == "anlkmr"


def test_a_head_outlives_what_follows() -> None:
    for names in (("Anil K", "Anil Kumar", "Anilkumar"), ("Raj Kumar", "Rajkumar", "Raj"), ("Sree Latha", "Sreelatha")):
        assert len({head(whole(name)) for name in names}) == 1
    assert [head(whole(name)) for name in ("Anil", "Krishnan", "Rema", "Rama")] == ["ani", "kri", "rama", "rama"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kizhakke Veedu House", "KIZHAKKEVEEDU (H)"),
        ("Kaloor P.O.", "Kalur"),
        ("കലൂർ പി.ഒ.", "Kaloor"),
        ("Puthenpurayil", "PUTHEN PURAYIL HOUSE"),
        ("T.C. 12/345", "TC 12 345"),
        ("H", "h."),
    ],
)
def test_places_and_houses(one: str, other: str) -> None:
    assert NAMES.place(one) == NAMES.place(other)


def test_numbers_of_houses_differ() -> None:
    assert NAMES.place("TC 12/345") != NAMES.place("TC 12/3455")


def test_genders_and_districts_have_one_code_each() -> None:
    assert {codes.gender(text) for text in ("M", "Male", "MALE", "പുരുഷൻ", "പുരുഷന്‍")} == {"male"}
    assert {codes.gender(text) for text in ("f", "FEMALE", "സ്ത്രീ")} == {"female"}
    assert {codes.gender(text) for text in ("TRANSGENDER", "Other")} == {"transgender"}
    assert {codes.district(text) for text in ("THIRUVANANTHAPURAM", "Trivandrum", "തിരുവനന്തപുരം", "565")} == {"565"}
    assert {codes.district(text) for text in ("Kasargod", "Kasaragod", "കാസര്‍ഗോഡ്", "558")} == {"558"}
    assert codes.district("Elsewhere") == "elsevhar"
    assert codes.gender("-") is codes.district("  ") is codes.identifier(".") is None
    assert codes.identifier("udyam-kl-01-0000001") == codes.identifier("UDYAM KL 01 0000001") == "UDYAMKL010000001"


# --- initials that were written out ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "house", "guardian", "kept"),
    [
        ("Benny Kollakarayil", "Pazhaya Kollakarayil", "Abraham P", "Benny"),
        ("Benny Kollakkarayil Abraham", "KOLLAKARAYIL", "Abraham", "Benny"),
        ("Benny Pazhayakollakarayil", "Pazhaya Kollakarayil", None, "Benny"),
        ("Anil Padinjare Veettil", "Padinjareveettil House", None, "Anil"),
        ("Sunny Mon Lukose", None, "Lukose", "Sunny Mon"),
        ("Benny Rajuabraham", None, "Raju Abraham", "Benny"),
        ("ബെന്നി എബ്രഹാം", None, "Abraham P.", "Benny"),
        ("Anil Krishnan", None, "S/o Krishnan Nair", "Anil"),
        ("Anil Nair", None, "Raman Nair", "Anil Nair"),  # families share it
        ("Krishnan Unni", None, "Krishnan", "Krishnan Unni"),  # the first part stays
        ("Lakshmi Mon", "Manu Nivas", "Mini", "Lakshmi Mon"),  # alike only because they are short
        ("Anil Kumar", None, None, "Anil Kumar"),
        ("Anil Kumar", "", "", "Anil Kumar"),
    ],
)
def test_a_part_that_repeats_guardian_or_house_is_an_initial(
    name: str, house: str | None, guardian: str | None, kept: str
) -> None:
    read = NAMES.person(name, house, guardian)
    assert read is not None
    assert NAMES.whole(read.longs) == whole(kept)
    assert sorted(read.initials) == sorted(person(name).initials)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_what_stands_beside_never_empties_a_name(name: str, house: str, guardian: str) -> None:
    alone, beside = NAMES.person(name), NAMES.person(name, house, guardian)
    assert (alone is None) == (beside is None)
    if alone and beside:
        assert (beside.initials, beside.longs[0]) == (alone.initials, alone.longs[0])
