"""What travels over links, in SQL and in plain Python: the same for every record, whatever is linked to what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.base import engine
from ariyippu.link.index import SCHEMAS
from ariyippu.policy import reference, travel
from ariyippu.policy.reference import Marks, Record
from ariyippu.policy.travel import MARKS
from tests.link.runs import token

PERSONS = ["anu", "binu", "cinu", "dinu", "enu"]
REGISTERS = ["spark", "prism", "relis"]
Pair = tuple[str, str]

some_marks = st.builds(Marks, *[st.booleans()] * 5, st.sampled_from([None, "email", "sms"]))
records = st.builds(
    Record,
    register=st.sampled_from(REGISTERS),
    person=st.sampled_from(PERSONS),
    marks=st.one_of(st.just(Marks()), some_marks),
)
pairs = st.tuples(st.sampled_from(PERSONS), st.sampled_from(PERSONS)).filter(lambda pair: pair[0] != pair[1])


def bond(person: str, record: bytes) -> int:
    """One of two bonds of the person."""
    return 2 * PERSONS.index(person) + record[0] % 2


def both_ways(possible: Iterable[Pair]) -> set[Pair]:
    return {pair for one, other in possible for pair in ((one, other), (other, one))}


@dataclass
class Case:
    """Records with names of their own, and the relations that say what is linked and marked."""

    population: Sequence[Record]
    possible: set[Pair]

    @property
    def names(self) -> list[bytes]:
        return [token(str(number)) for number in range(len(self.population))]

    def index(self) -> pa.Table:
        rows = [
            {"register": one.register, "record": name, "person": token(one.person), "bond": bond(one.person, name)}
            for name, one in zip(self.names, self.population, strict=True)
        ]
        return pa.Table.from_pylist(rows, SCHEMAS["index"])

    def pairs(self) -> pa.Table:
        links = [{"person": token(one), "other": token(other), "weight": 0.5} for one, other in self.possible]
        return pa.Table.from_pylist(links, SCHEMAS["possible"])

    def marks(self) -> pa.Table:
        """One row for each mark, as the lists give them."""
        rows = [
            {"register": one.register, "record": name, **vars(Marks(**{mark: holds}))}
            for name, one in zip(self.names, self.population, strict=True)
            for mark, holds in vars(one.marks).items()
            if holds
        ]
        return pa.Table.from_pylist(rows, MARKS)


def by_sql(population: Sequence[Record], possible: set[Pair]) -> list[Marks]:
    """What reaches each record, asked for all registers at once, and for one by itself."""
    case = Case(population, possible)
    with engine.connect(as_written=True) as relations:
        engine.register(relations, "marks", case.marks())
        found = travel.travelled(relations, case.index, case.pairs)
    assert found.schema == MARKS
    with engine.connect(as_written=True) as relations:
        engine.register(relations, "marks", case.marks())
        travel.here(relations, case.index, REGISTERS[0])
        alone = travel.reaching(relations, case.index, case.pairs, REGISTERS[0]).to_pylist()
    rows = found.to_pylist()
    assert sorted(alone, key=str) == sorted((row for row in rows if row["register"] == REGISTERS[0]), key=str)
    reached = {row.pop("record"): row for row in rows}
    assert len(reached) == len(rows)
    for row in reached.values():
        del row["register"]
    return [Marks(**reached.get(name, {})) for name in case.names]


@settings(max_examples=50, deadline=None)
@given(st.lists(records, min_size=1, max_size=14), st.frozensets(pairs, max_size=6))
def test_sql_and_reference_agree_about_every_record(population: list[Record], possible: frozenset[Pair]) -> None:
    links = both_ways(possible)
    assert by_sql(population, links) == [reference.travelled(one, population, links) for one in population]


@settings(max_examples=50, deadline=None)
@given(st.lists(records, min_size=1, max_size=14), st.frozensets(st.integers(0, 13)))
def test_who_is_shared_follows_from_certain_links_and_who_lends_from_bonds(
    population: list[Record], having: frozenset[int]
) -> None:
    """A contact is lent to the records of its bond in the order's register, and to no other of the person."""
    case = Case(population, both_ways([("anu", "binu"), ("cinu", "dinu")]))
    everyone = list(zip(case.names, population, strict=True))
    here, lender = REGISTERS[:2]
    has_contact = {case.names[number] for number in having if number < len(population)}
    with engine.connect(as_written=True) as relations:
        travel.here(relations, case.index, here)
        shared = travel.shared(relations, case.index, here).to_pylist()
        having_one = pa.array(sorted(has_contact), pa.binary(16))
        engine.register(relations, "contacts", pa.table({"record": having_one, "token": having_one}))
        lent = travel.lent(relations, case.index, lender, 2).to_pylist()
    same = {name: [(n, o.register) for n, o in everyone if o.person == one.person] for name, one in everyone}
    own = [(name, one) for name, one in everyone if one.register == here]
    expected = [(name, token(one.person)) for name, one in own if any(r != here for _n, r in same[name])]
    assert sorted((row["record"], row["person"]) for row in shared) == sorted(expected)
    lenders = {
        name: sorted(
            n
            for n, r in same[name]
            if r == lender and n in has_contact and bond(one.person, n) == bond(one.person, name)
        )
        for name, one in own
    }
    first = {name: found[0] for name, found in lenders.items() if found}
    assert {row["record"]: row["contact_record"] for row in lent} == first
    assert all(row["way"] == 2 and row["token"] == row["contact_record"] for row in lent)


def reached(*population: Record, possible: Iterable[Pair] = ()) -> list[Marks]:
    return by_sql(population, both_ways(possible))


def test_an_exclusion_reaches_every_record_of_the_person_and_one_possible_step() -> None:
    dead = Marks(deceased=True)
    found = reached(
        Record("prism", "anu", dead),
        Record("relis", "anu", Marks()),
        Record("prism", "anu", Marks()),  # in the same register, too
        Record("relis", "binu", Marks()),
        Record("relis", "cinu", Marks()),
        possible=[("anu", "binu"), ("binu", "cinu")],
    )
    assert found == [dead, dead, dead, dead, Marks()]


def test_being_told_reaches_other_registers_and_no_possible_link() -> None:
    found = reached(
        Record("relis", "anu", Marks(told=True)),
        Record("relis", "anu", Marks()),  # another building of the same owner
        Record("prism", "anu", Marks()),
        Record("prism", "binu", Marks()),
        possible=[("anu", "binu")],
    )
    assert found == [Marks(), Marks(), Marks(told=True), Marks()]


def test_a_preference_reaches_the_person_s_records_unless_another_of_them_says_otherwise() -> None:
    found = reached(
        Record("relis", "anu", Marks(prefers="sms")),
        Record("prism", "anu", Marks()),
        Record("prism", "binu", Marks()),  # who may be that person, and may not
        Record("relis", "cinu", Marks(prefers="sms")),
        Record("prism", "cinu", Marks(prefers="email")),
        Record("spark", "cinu", Marks()),
        possible=[("anu", "binu")],
    )
    assert [each.prefers for each in found] == ["sms", "sms", None, None, None, None]


def test_nothing_travels_where_nothing_is_marked_or_linked() -> None:
    assert reached(Record("relis", "anu", Marks()), Record("prism", "anu", Marks())) == [Marks(), Marks()]
