"""Who lends to each other is one person, whatever pairs there are; two officers come before any weight."""

from collections.abc import Mapping

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.link.join import joined
from ariyippu.link.score import PAIRS_SCHEMA

RECORDS = 9
ENOUGH = 5.0  # bits
Pair = tuple[int, int]

pairs = st.tuples(st.integers(0, RECORDS - 1), st.integers(0, RECORDS - 1)).filter(lambda pair: pair[0] < pair[1])
weighed = st.dictionaries(pairs, st.integers(0, 20), max_size=14)
verdicts = st.dictionaries(pairs, st.sampled_from(["same", "different"]), max_size=3)


def _joined(scored: Mapping[Pair, int], settled: Mapping[Pair, str]) -> pa.Table:
    """A third of the records stand in a register that holds a person once; strengths from 5 join, from 12 lend."""
    rows = [
        {"one": one, "two": two, "strength": strength, "certain": strength >= ENOUGH, "lends": strength >= 12}
        for (one, two), strength in scored.items()
    ]
    said = [(one, two, verdict) for (one, two), verdict in settled.items() if (one, two) in scored]
    columns = list(zip(*said, strict=True)) or [(), (), ()]
    types = (pa.int64(), pa.int64(), pa.string())
    with duckdb.connect() as relations:
        relations.execute(
            f"""create table features as
                select range as place, 'register ' || range % 3 as register, range % 3 = 0 as once
                from range({RECORDS})"""  # noqa: S608  a number
        )
        relations.register("scored", pa.Table.from_pylist(rows, PAIRS_SCHEMA))
        arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
        relations.register("settled", pa.table(arrays, names=["one", "two", "verdict"]))
        return joined(relations, ENOUGH)


@settings(max_examples=60, deadline=None)
@given(weighed, verdicts)
def test_a_bond_is_within_one_person(scored: dict[Pair, int], settled: dict[Pair, str]) -> None:
    found = _joined(scored, settled)
    persons = dict(zip(found["place"].to_pylist(), found["cluster"].to_pylist(), strict=True))
    bonds = dict(zip(found["place"].to_pylist(), found["bond"].to_pylist(), strict=True))
    assert set(persons) == set(range(RECORDS))
    for one, two in ((one, two) for one in bonds for two in bonds if bonds[one] == bonds[two]):
        assert persons[one] == persons[two]
    for (one, two), verdict in settled.items():
        if verdict == "different" and (one, two) in scored:
            assert persons[one] != persons[two]


def test_what_joins_does_not_yet_lend_unless_two_officers_said_so() -> None:
    found = _joined({(1, 2): 6, (4, 5): 12, (7, 8): 0}, {(7, 8): "same"})
    persons, bonds = found["cluster"].to_pylist(), found["bond"].to_pylist()
    assert persons[1] == persons[2]
    assert bonds[1] != bonds[2]
    assert bonds[4] == bonds[5]
    assert bonds[7] == bonds[8]


def test_what_two_officers_settled_joins_whatever_the_other_pairs_say() -> None:
    scored = {(1, 2): 20, (1, 4): 1}
    assert not _one_person(_joined(scored, {}), 1, 4)
    assert _one_person(_joined(scored, {(1, 4): "same"}), 2, 4)


def test_a_pair_that_is_not_certain_is_asked_all_the_same() -> None:
    """Record 4 joins 1; of 2 it is unlike (nothing was scored), or nearly like."""
    assert not _one_person(_joined({(1, 2): 20, (1, 4): 6}, {}), 1, 4)
    assert _one_person(_joined({(1, 2): 20, (1, 4): 6, (2, 4): 4}, {}), 1, 4)


def _one_person(found: pa.Table, one: int, two: int) -> bool:
    persons = found["cluster"].to_pylist()
    return bool(persons[one] == persons[two])
