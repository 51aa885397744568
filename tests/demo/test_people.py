"""Who stands in which register of the synthetic Kerala, and how often what went wrong."""

import datetime as dt
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ariyippu.demo import landtax
from ariyippu.demo.kerala import names, people, places, rates, registers
from ariyippu.demo.kerala.draw import Draws
from ariyippu.demo.kerala.files import write_examples
from ariyippu.demo.kerala.rates import OFFICES, Errors, Shares
from ariyippu.demo.kerala.records import REGISTERS, Kerala, of_people
from ariyippu.ingest import contract
from tests.demo.kerala import OnDisk
from tests.ingest.files import real

PEOPLE = 130_000


@pytest.mark.parametrize("register", REGISTERS)
def test_as_many_stand_in_a_register_as_its_share_says(sound: OnDisk, register: str) -> None:
    share = getattr(Shares(), register.replace("-", "_"))
    found = len({fact.person for fact in sound.truth(register)}) / PEOPLE
    assert abs(found / share - 1) < 0.09  # four standard deviations of the smallest


def test_a_denser_kerala_has_its_shares_too() -> None:
    kerala = Kerala(people=2 * people.CHUNK_PEOPLE, seed=3, shares=rates.DENSE)
    found: Counter[str] = Counter()
    for chunk in of_people(kerala, REGISTERS):
        for name, records in chunk.items():
            found[name] += len(pc.unique(records.people))
    for name, count in found.items():
        share = getattr(rates.DENSE, name.replace("-", "_"))
        assert abs(count / kerala.people / share - 1) < 0.06


def test_shares_that_nobody_can_fill_are_an_error() -> None:
    kerala = Kerala(people=10, seed=1, shares=Shares(spark=0.7))
    with pytest.raises(ValueError, match="more than"):
        next(of_people(kerala, ["spark"]))


@pytest.mark.parametrize("register", REGISTERS)
def test_who_is_held_once_stands_once(sound: OnDisk, register: str) -> None:
    times = Counter(Counter(fact.person for fact in sound.truth(register)).values())
    assert set(times) == ({1} if contract.find(register).register.holds_person_once else {1, 2, 3} & set(times))
    assert (len(times) > 1) is not contract.find(register).register.holds_person_once


def test_the_eligible_are_as_many_as_is_assumed() -> None:
    """The shares of those who may stand in a register at all, counted from the people themselves."""
    home = places.inhabited(100_000)
    chunks = [people.chunk(number, 8, home) for number in range(6)]
    year, role = (pa.concat_arrays([chunk[name] for chunk in chunks]) for name in ("year", "role"))
    married = pa.concat_arrays([pc.is_valid(chunk["husband"]) for chunk in chunks])
    old = pc.less_equal(year, registers.PENSION_BORN)

    def share(rows: pa.Array) -> float:
        return float(pc.mean(rows.cast(pa.float64())).as_py())

    def born(first: int, last: int) -> pa.Array:
        return pc.and_(pc.greater_equal(year, first), pc.less_equal(year, last))

    weights = pa.array(list(registers.OWNING.values())).take(role)
    counted = {
        "service": share(born(registers.SERVICE_BORN, registers.LATEST_BORN)),
        "just_retired": share(born(registers.SERVICE_BORN, registers.RETIRED_BORN)),
        "old": share(old),
        "old_wives": share(pc.and_(old, married)),
        "business": share(born(*registers.BUSINESS_BORN)),
        "owners": share(pc.if_else(pc.less_equal(year, registers.OWNER_BORN), weights, 0.0)),
    }
    for name, found in counted.items():
        assert found == pytest.approx(getattr(registers.ELIGIBLE, name), rel=0.02)


def test_a_pair_of_registers_with_few_in_both(tmp_path: Path) -> None:
    """As for a benchmark: twice as many records in one as in the other, held by other people."""
    few = Shares(ksmart_property=0.42, relis=0.18, land_with_building=0)
    pair = ("ksmart-property", "relis")
    both = []
    for shares in (few, replace(few, land_with_building=1)):
        folder = tmp_path / str(shares.land_with_building)
        write_examples(folder, Kerala(people=20_000, seed=1, shares=shares), pair)
        found = OnDisk(folder, {})
        assert {file.stem for file in folder.iterdir()} == {"truth", *pair}
        assert len(found.rows("ksmart-property")) / len(found.rows("relis")) == pytest.approx(2, rel=0.06)
        owners, holders = ({fact.person for fact in found.truth(name)} for name in pair)
        both.append(len(owners & holders) / len(holders))
    assert both[0] < 0.75
    assert both[1] == 1


# --- lives ---------------------------------------------------------------------------------------------


def test_who_retired_lately_stands_in_spark_and_draws_a_pension(sound: OnDisk) -> None:
    status = {row["pen"]: row["service_status"] for row in sound.rows("spark")}
    retired = {fact.person for fact in sound.truth("spark") if status[fact.key] == "RETIRED"}
    pensioners = {fact.person for fact in sound.truth("prism")}
    assert retired == pensioners & {fact.person for fact in sound.truth("spark")}
    assert retired


def test_deaths_are_known_to_prism(sound: OnDisk) -> None:
    rows = {row["ppo"]: row["status"] for row in sound.rows("prism")}
    facts = sound.truth("prism")
    assert all(("died" in fact.tags) == (rows[fact.key] == "DECEASED") for fact in facts)
    dead = {fact.person for fact in facts if "died" in fact.tags}
    assert dead & {fact.person for fact in sound.truth("relis")}  # their land goes on in their names


def test_a_family_pension_is_a_wife_s(sound: OnDisk) -> None:
    family = [row for row in sound.rows("prism") if row["pension_type"] == "FAMILY"]
    assert 0.2 < len(family) / len(sound.rows("prism")) < 0.3
    assert sum(row["gender"] == "FEMALE" for row in family) > 0.98 * len(family)  # but for errors


def test_protected_services_occur(sound: OnDisk) -> None:
    assert any(row["cadre"] == "JUDICIAL" for row in sound.rows("spark"))
    assert any(row["class"] == "JUDICIAL" for row in sound.rows("prism"))


@pytest.mark.parametrize(("register", "arrears"), [("spark", "arrears"), ("prism", "dr_arrears")])
def test_arrears_only_with_a_sanction(sound: OnDisk, register: str, arrears: str) -> None:
    rows = sound.rows(register)
    sanctioned = [row["sanction_reference"] != "" for row in rows]
    assert sanctioned == [row[arrears] != "0.00" for row in rows]
    assert 0.5 < sum(sanctioned) / len(rows) < 0.7


def test_land_tax_is_that_of_its_rates_or_paid(sound: OnDisk) -> None:
    for row in sound.rows("relis"):
        tax = landtax.annual_paise(int(row["area_sq_m"]), row["local_body_kind"], dt.date(2026, 3, 1))
        assert row["amount_due"] in ("0.00", f"{tax // 100}.{tax % 100:02}")


def test_a_business_and_its_proprietor_have_contacts_of_their_own(sound: OnDisk) -> None:
    rows = [row for row in sound.rows("ksmart-business") if row["mobile"] and row["business_mobile"]]
    same = [row["mobile"][-4:] == row["business_mobile"][-4:] for row in rows]
    assert 0.1 < sum(same) / len(rows) < 0.5


# --- places --------------------------------------------------------------------------------------------


def test_a_household_calls_nobody_by_another_s_name() -> None:
    known, home = names.load(), places.inhabited(100_000)
    for number in range(3):
        chunk = people.chunk(number, 4, home)
        first = known.first.take(chunk["given"]).to_pylist()
        for n in range(0, len(first), people.MEMBERS):
            assert len(set(first[n : n + people.MEMBERS])) == people.MEMBERS


def test_some_are_twins() -> None:
    chunk = people.chunk(0, 4, places.inhabited(100_000))
    born, parents = chunk["born"].to_pylist(), pc.equal(chunk["role"], people.CHILD).to_pylist()
    pairs = [(n, n + 1) for n in range(2, len(born), people.MEMBERS) if parents[n]]
    twins = [pair for pair in pairs if born[pair[0]] == born[pair[1]]]
    assert 0.01 < len(twins) / len(pairs) < 0.03
    of_one_sex = sum(chunk["female"][a] == chunk["female"][b] for a, b in twins)
    assert of_one_sex > 0.95 * len(twins)  # the others share a birthday by chance


def test_what_lies_elsewhere_lies_mostly_near() -> None:
    home = places.inhabited(1_000_000)
    wards = Draws("wards", 20_000).below("ward", home.wards)
    near = home.near(wards, Draws("near", 20_000), "near")
    for groups, least, most in ((home.body, 0.4, 0.6), (home.district, 0.8, 0.83)):
        same = pc.equal(groups.take(wards), groups.take(near))
        assert least < pc.mean(same.cast(pa.float64())).as_py() < most


@pytest.mark.parametrize("register", REGISTERS)
def test_every_district_is_there(sound: OnDisk, register: str) -> None:
    assert {row["district"] for row in sound.rows(register)} == {district.name for district in places.DISTRICTS}


def test_districts_have_the_directory_s_codes() -> None:
    lines = real("lgd_districts.csv").read_text().splitlines()[1:]
    published = {(name, int(code)) for _, _, code, name, *_ in (line.split(",") for line in lines)}
    assert {(district.name, district.lgd_code) for district in places.DISTRICTS} == published


def test_local_bodies_are_as_many_as_the_commission_s() -> None:
    lines = [line.split(",") for line in real("local_bodies.csv").read_text(errors="replace").splitlines()[1:]]
    published = Counter(code[:3] for _, _, code, *_ in lines if code[0] in places.KINDS)
    assert Counter(body.code[:3] for body in places.local_bodies()) == published
    assert len({body.name for body in places.local_bodies()}) == len(places.local_bodies())


def test_a_place_in_a_register_is_one_place(sound: OnDisk) -> None:
    known = {body.code: body for body in places.local_bodies()}
    for register in ("ksmart-business", "ksmart-property"):
        for row in sound.rows(register):
            body = known[row["local_body_code"]]
            assert (row["local_body"], row["district"]) == (body.name, places.DISTRICTS[body.district].name)
            assert 1 <= int(row["ward"]) <= body.wards


# --- errors --------------------------------------------------------------------------------------------

ALL_RECORDS = {"guardian_missing", "house_missing", "moved", "gender_wrong", "initials_missing", "mobile_recycled"}


@pytest.mark.parametrize("name", sorted(set(Errors.__dataclass_fields__)))
def test_an_error_is_as_frequent_as_its_rate_says(sound: OnDisk, name: str) -> None:
    """A rate is of the records that can have the error; of all records it is at most that, and never nothing."""
    facts = sound.truth()
    found = sum(name.replace("_", "-") in fact.tags for fact in facts) / len(facts)
    rate = getattr(Errors(), name)
    assert 0.08 * rate < found < 1.1 * rate + 0.001
    if name in ALL_RECORDS:
        assert found > 0.75 * rate


@pytest.mark.parametrize("register", REGISTERS)
def test_offices_leave_out_what_their_rates_say(sound: OnDisk, register: str) -> None:
    office, facts, rows = OFFICES[register], sound.truth(register), sound.rows(register)
    for tag, rate, column in (
        ("mobile-missing", office.mobile_missing, "mobile"),
        ("born-missing", office.born_missing, "date_of_birth"),
    ):
        found = sum(tag in fact.tags for fact in facts)
        assert abs(found / len(facts) - rate) < 0.02
        assert column not in rows[0] or sum(row[column] == "" for row in rows) == found
    assert abs(sum("malayalam" in fact.tags for fact in facts) / len(facts) - office.malayalam) < 0.02


def test_most_records_say_what_is_true(sound: OnDisk) -> None:
    facts = sound.truth()
    tagged = Counter(tag for fact in facts for tag in fact.tags)
    with_mobile = 1 - tagged["mobile-missing"] / len(facts)
    assert 0.8 < with_mobile < 0.9
    assert 0.05 < tagged["mobile-shared"] / len(facts) / with_mobile < 0.08


def test_malayalam_comes_in_both_encodings_and_with_joiners(sound: OnDisk) -> None:
    holders = "".join(row["holder"] for row in sound.rows("relis"))
    assert "ൻ" in holders
    assert "ന്\u200d" in holders
    assert "്\u200c" in holders
