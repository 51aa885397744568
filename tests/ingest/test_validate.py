"""What passes, in which normal form, and why the rest does not."""

import datetime as dt
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.ingest import contract
from ariyippu.ingest.readers import Chunk, Rejected
from ariyippu.ingest.validate import Checked, Checks
from tests.ingest.files import HEADER, PEOPLE, ROW, people

GOOD = dict(zip((c.name for c in people().columns), ROW.split(","), strict=True))


def check(*rows: dict[str, str], accept_test_numbers: bool = True) -> Checked:
    """Rows 2, 3, … : the good row with these cells changed."""
    filled = [{**GOOD, "number": f"{at:04}", **cells} for at, cells in enumerate(rows)]
    columns = {name: [cells[name] for cells in filled] for name in GOOD}
    return Checks(people(), accept_test_numbers).check(Chunk(list(range(2, len(rows) + 2)), columns, []))


def only(column: str, text: str) -> object:
    """The normal form of one cell, or its fault's reason."""
    checked = check({column: text})
    return checked.rejected[0].reason if checked.rejected else checked.columns[column][0].as_py()


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("9400000000", "+919400000000"),
        ("09400000000", "+919400000000"),
        ("919400000000", "+919400000000"),
        ("+919400000000", "+919400000000"),
        ("+91 94000-00000", "+919400000000"),
        (" 94000 00000 ", "+919400000000"),
        ("0123456789", "+910123456789"),
        ("+91 0123456789", "+910123456789"),
        ("", None),
        ("5400000000", "not_a_mobile"),
        ("+929400000000", "not_a_mobile"),
        ("94000000000", "not_a_mobile"),
        ("940000000", "not_a_mobile"),
        ("+91094000", "not_a_mobile"),
        ("94000O0000", "not_a_mobile"),
        ("९४००००००००", "not_a_mobile"),
        ("9400000000, 9400000001", "not_a_mobile"),
    ],
)
def test_mobile(text: str, normal: str | None) -> None:
    assert only("mobile", text) == normal


def test_numbers_that_cannot_ring_are_refused_unless_the_setting_says_so() -> None:
    checked = check({"mobile": "0123456789"}, {"mobile": "9400000000"}, accept_test_numbers=False)
    assert checked.rejected == [Rejected(2, "mobile", "not_a_mobile")]
    assert checked.columns["mobile"].to_pylist() == ["+919400000000"]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Anu.K+x@Mail.EXAMPLE", "Anu.K+x@mail.example"),
        ("a@b.example", "a@b.example"),
        ("x" * 64 + "@b.example", "x" * 64 + "@b.example"),
        ("x" * 65 + "@b.example", "not_an_email"),
        ("a@" + ".".join(["x" * 49] * 5) + ".example", "too_long"),
        ("a@b", "not_an_email"),
        ("a@@b.example", "not_an_email"),
        ("a@b@c.example", "not_an_email"),
        (".a@b.example", "not_an_email"),
        ("a..b@b.example", "not_an_email"),
        ("a@-b.example", "not_an_email"),
        ("a@b.123", "not_an_email"),
        ("a b@b.example", "not_an_email"),
        ('"a"@b.example', "not_an_email"),
        ("അനു@b.example", "not_an_email"),
        ("a@b.example\r\nBcc: c@d.example", "control_character"),
        ("a@b.example,c@d.example", "not_an_email"),
    ],
)
def test_email(text: str, normal: str) -> None:
    assert only("email", text) == normal


@pytest.mark.parametrize(
    ("text", "paise"),
    [
        ("0", 0),
        ("1", 100),
        ("1.5", 150),
        ("1.05", 105),
        ("-0.50", -50),
        ("1,23,456.78", 12_345_678),
        ("0.29", 29),
        ("999999999999999.99", 99_999_999_999_999_999),
        ("1.234", "not_a_number"),
        ("1,2", "not_a_number"),
        ("1e3", "not_a_number"),
        ("₹5", "not_a_number"),
        (".5", "not_a_number"),
        ("9999999999999999", "not_a_number"),
    ],
)
def test_money(text: str, paise: object) -> None:
    assert only("amount", text) == paise


@given(st.integers(-(10**15), 10**15))
def test_every_amount_is_exact(paise: int) -> None:
    sign, (rupees, rest) = "-" if paise < 0 else "", divmod(abs(paise), 100)
    assert only("amount", f"{sign}{rupees}.{rest:02}") == paise


@given(st.dates(dt.date(1800, 1, 1), dt.date(2199, 12, 31)))
def test_every_date_is_read(date: dt.date) -> None:
    assert only("born", f"{date.day:02}/{date.month:02}/{date.year}") == date
    assert only("born", f"{date.day}/{date.month}/{date.year}") == date


@pytest.mark.parametrize("text", ["31/02/1980", "29/02/1900", "00/01/1980", "01/13/1980", "1980-01-31", "1/1/80", "x"])
def test_impossible_dates(text: str) -> None:
    assert only("born", text) == "not_a_date"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  Anu \u00a0", "Anu"),
        ("e\u0301", "\u00e9"),
        ("ക്‍", unicodedata.normalize("NFC", "ക്‍")),
        ("", "missing"),
        ("   ", "missing"),
        ("x" * 20, "x" * 20),
        ("x" * 21, "too_long"),
        ("a\x00b", "control_character"),
        ("a\tb", "control_character"),
        ("a\nb", "control_character"),
        ("a\x85b", "control_character"),
        ("a\u202eb", "control_character"),
    ],
)
def test_text(text: str, normal: str) -> None:
    assert only("name", text) == normal


def test_enum_and_pattern_match_whole_values() -> None:
    assert only("state", "LIVING") == "LIVING"
    assert only("state", "living") == "not_in_values"
    assert only("number", "00011") == "pattern"
    assert only("number", "1234\n5678") == "control_character"


def test_alternatives_in_a_pattern_are_matched_whole() -> None:
    agreed = contract.parse(PEOPLE.replace("'[0-9]{4}'", "'1|2'"))
    checked = Checks(agreed, accept_test_numbers=True).check(
        Chunk([2, 3], {name: [text, text] for name, text in {**GOOD, "number": "12"}.items()}, [])
    )
    assert [fault.reason for fault in checked.rejected] == ["pattern", "pattern"]


def test_a_row_has_one_reason_its_first() -> None:
    checked = check({"name": "", "email": "x"}, {"email": "x", "state": "x"}, {})
    assert checked.rejected == [Rejected(2, "name", "missing"), Rejected(3, "state", "not_in_values")]
    assert checked.rows.to_pylist() == [4]
    assert {len(array) for array in checked.columns.values()} == {1}


def test_doubled_keys_over_all_chunks() -> None:
    """A second row is refused even when the first was bad for another reason: nobody can say which is right."""
    checks = Checks(people(), accept_test_numbers=True)
    found = []
    for start, keys in ((2, ["0001", "0002", "0001"]), (5, ["0002", "0003", "bad", "bad"])):
        columns = {name: [text] * len(keys) for name, text in GOOD.items()} | {"number": keys}
        columns["name"][0] = ""
        found += checks.check(Chunk(list(range(start, start + len(keys))), columns, [])).rejected
    assert found == [
        Rejected(2, "name", "missing"),
        Rejected(4, "number", "doubled_key"),
        Rejected(5, "name", "missing"),
        Rejected(7, "number", "pattern"),
        Rejected(8, "number", "pattern"),
    ]


@given(st.lists(st.fixed_dictionaries({name: st.text(max_size=12) for name in GOOD}), max_size=5))
def test_any_text_is_sorted_into_good_and_rejected(rows: list[dict[str, str]]) -> None:
    rows = [{name: text.encode(errors="replace").decode() for name, text in cells.items()} for cells in rows]
    checked = check(*rows)
    assert len(checked.rows) + len(checked.rejected) == len(rows)
    assert len(HEADER.split(",")) == len(checked.columns)
