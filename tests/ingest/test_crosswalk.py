"""Places of two lists find each other by name; what is not clear is left to a person."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from ariyippu.ingest.crosswalk import Crossing, Place, crosswalk, read
from tests.ingest.files import real
from tests.refusals import refused

KINDS = {"Municipality": "municipality", "Municipal Corporation": "corporation"}
LGD_KINDS = {"5": "municipality", "4": "corporation"}


def crossed(ours: list[Place], theirs: list[Place]) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {crossing.code: (crossing.how, crossing.others) for crossing in crosswalk(ours, theirs)}


def test_each_way_of_meeting() -> None:
    ours = [Place("A", ("Adoor",)), Place("B", ("Chittoor",)), Place("C", ("Vadakara",)), Place("D", ("Nowhere",))]
    theirs = [Place("1", ("Vatakara", "വടകര")), Place("2", ("ചിറ്റൂര്‍",)), Place("3", ("ADOOR",)), Place("4", ())]
    assert crossed(ours, theirs) == {
        "A": ("written", ("3",)),
        "B": ("spelt", ("2",)),
        "C": ("spelt", ("1",)),
        "D": ("unmatched", ()),
    }


def test_what_is_written_the_same_comes_before_what_is_spelt_the_same() -> None:
    ours = [Place("A", ("Paravoor",)), Place("B", ("North Paravur",))]
    theirs = [Place("1", ("Paravur",)), Place("2", ("Paravoor",))]
    assert crossed(ours, theirs) == {"A": ("written", ("2",)), "B": ("near", ("1",))}


def test_two_of_one_name_stay_ambiguous_unless_kind_or_district_tells() -> None:
    twice = [Place("1", ("Kannur",), "town", "x"), Place("2", ("Kannoor",), "city", "y")]
    assert crossed([Place("A", ("Kanur",))], twice) == {"A": ("ambiguous", ("1", "2"))}
    assert crossed([Place("A", ("Kanur",), kind="City")], twice) == {"A": ("spelt", ("2",))}
    assert crossed([Place("A", ("Kanur",), district="X")], twice) == {"A": ("spelt", ("1",))}
    assert crossed([Place("A", ("Kanur",), "city", "x")], twice) == {"A": ("unmatched", ())}


def test_no_code_is_given_twice() -> None:
    ours = [Place(name, (name,)) for name in ("Karode", "Karod", "Karodi", "Karodu")]
    found = crosswalk(ours, [Place("1", ("Karodo",)), Place("2", ("Karode",))])
    given = [other for crossing in found for other in crossing.others if crossing.how != "ambiguous"]
    assert len(given) == len(set(given))


def test_real_urban_local_bodies() -> None:
    """The 93 of the State Election Commission among the 94 of the Local Government Directory, no district known."""
    with real("local_bodies.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Local Body Type"] in KINDS]
    ours = [Place(r["Local Body Code"], (r["Local Body Name"],), KINDS[r["Local Body Type"]]) for r in rows]
    with real("lgd_urban_local_bodies.csv").open(encoding="utf-8", newline="") as file:
        theirs = [
            Place(
                row["Local Body Code"],
                (row["Local Body Name"], row["Local Body Name (In Local)"]),
                LGD_KINDS.get(row["Localbody Type Code"], "other"),
            )
            for row in csv.DictReader(file)
        ]
    assert (len(ours), len(theirs)) == (93, 94)
    found = crosswalk(ours, theirs)
    english = {place.code: place.names[0] for place in (*ours, *theirs)}
    assert Counter(crossing.how for crossing in found) == {"written": 79, "spelt": 10, "near": 4}
    named = {english[crossing.code]: english[crossing.others[0]] for crossing in found if crossing.how == "near"}
    assert named == {
        "North Paravur": "Paravur",
        "Cochin": "Kochi",
        "Cherupulassery": "Cherpulassery",
        "Sulthanbethery": "Sulthanbathery",
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("name\nAdoor\n", "crosswalk.header"),
        ("code\n1\n", "crosswalk.header"),
        ("", "file.empty"),
        ("code,name\n1,Adoor\n1,Aluva\n", "crosswalk.code"),
        ("code,name\n,Adoor\n", "crosswalk.code"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with refused(code):
        read(tmp_path / "a.csv")


def test_a_list_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\ufeffdistrict,code,name,name_ml\nX,1, Adoor ,അടൂർ\n,2,Aluva\n", "utf-8")
    assert read(tmp_path / "a.csv") == [Place("1", ("Adoor", "അടൂർ"), "", "X"), Place("2", ("Aluva",))]
    assert crosswalk(read(tmp_path / "a.csv"), []) == [Crossing(code, "unmatched", ()) for code in ("1", "2")]
