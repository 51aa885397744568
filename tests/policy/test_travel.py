"""What travels over links, in SQL and in plain Python: the same for every record, whatever is linked to what."""

from collections.abc import Iterable, Sequence

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

some_marks = st.builds(Marks, st.booleans(), st.booleans(), st.booleans(), st.booleans())
records = st.builds(
    Record,
    register=st.sampled_from(REGISTERS),
    person=st.sampled_from(PERSONS),
    marks=st.one_of(st.just(Marks()), some_marks),
)
pairs = st.tuples(st.sampled_from(PERSONS), st.sampled_from(PERSONS)).filter(lambda pair: pair[0] != pair[1])


def both_ways(possible: Iterable[Pair]) -> set[Pair]:
    return {pair for one, other in possible for pair in ((one, other), (other, one))}


def by_sql(population: Sequence[Record], possible: set[Pair]) -> list[Marks]:
    names = [token(str(number)) for number in range(len(population))]
    persons = [
        {"register": one.register, "record": name, "person": token(one.person)}
        for name, one in zip(names, population, strict=True)
    ]
    marks = [  # one row for each mark, as the lists give them
        {"register": one.register, "record": name, **vars(Marks(**{mark: True}))}
        for name, one in zip(names, population, strict=True)
        for mark, holds in vars(one.marks).items()
        if holds
    ]
    links = [{"person": token(one), "other": token(other), "weight": 0.5} for one, other in possible]
    with engine.connect() as relations:
        relations.register("marks", pa.Table.from_pylist(marks, MARKS))
        found = travel.travelled(
            relations,
            index=lambda: pa.Table.from_pylist(persons, SCHEMAS["index"]),
            possible=lambda: pa.Table.from_pylist(links, SCHEMAS["possible"]),
        )
    assert found.schema == MARKS
    reached = {row.pop("record"): row for row in found.to_pylist()}
    assert len(reached) == found.num_rows
    for row in reached.values():
        del row["register"]
    return [Marks(**reached.get(name, {})) for name in names]


@settings(max_examples=200, deadline=None)
@given(st.lists(records, min_size=1, max_size=14), st.frozensets(pairs, max_size=6))
def test_sql_and_reference_agree_about_every_record(population: list[Record], possible: frozenset[Pair]) -> None:
    links = both_ways(possible)
    assert by_sql(population, links) == [reference.travelled(one, population, links) for one in population]


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


def test_nothing_travels_where_nothing_is_marked_or_linked() -> None:
    assert reached(Record("relis", "anu", Marks()), Record("prism", "anu", Marks())) == [Marks(), Marks()]
