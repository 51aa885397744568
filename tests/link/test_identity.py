"""Ids of persons stay: over loads, deltas and deletions, in any order of registers and rows."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.base import engine
from ariyippu.link.identity import identify
from ariyippu.link.index import SCHEMAS

Record = tuple[str, int]  # register, number
EMPTY = SCHEMAS["index"].empty_table()


def _named(groups: Iterable[Iterable[Record]], before: pa.Table = EMPTY, seed: int = 0) -> tuple[pa.Table, pa.Table]:
    """(index, changes), the rows in an order of chance."""
    rows = [(register, number, cluster) for cluster, group in enumerate(groups) for register, number in group]
    random.Random(seed).shuffle(rows)  # noqa: S311  repeatable, not secret
    clustered = pa.table(
        {
            "register": pa.array([register for register, _, _ in rows], pa.string()),
            "record": pa.array([_token(number) for _, number, _ in rows], pa.binary(16)),
            "cluster": pa.array([cluster for _, _, cluster in rows], pa.int64()),
            "bond": pa.array([cluster for _, _, cluster in rows], pa.int64()),
        }
    )
    with engine.connect() as relations:
        relations.register("clustered", clustered)
        relations.register("before", before)
        found = identify(relations)
    return found.index, found.changes


def _token(number: int) -> bytes:
    return number.to_bytes(16, "big")


def _ids(index: pa.Table) -> dict[Record, bytes]:
    return {(row["register"], int.from_bytes(row["record"], "big")): row["person"] for row in index.to_pylist()}


def _kinds(changes: pa.Table) -> Counter[str]:
    return Counter(changes["kind"].to_pylist())


def test_every_record_has_a_person_and_people_have_different_ids() -> None:
    ids = _ids(_named([[("spark", 1), ("relis", 1)], [("spark", 2)]])[0])
    assert ids["spark", 1] == ids["relis", 1] != ids["spark", 2]


def test_two_that_turn_out_to_be_one_keep_the_id_of_the_larger() -> None:
    before, _ = _named([[("spark", 1)], [("relis", 1), ("relis", 2)]])
    after, changes = _named([[("spark", 1), ("relis", 1), ("relis", 2)]], before)
    old, new = _ids(before), _ids(after)
    assert set(new.values()) == {old["relis", 1]}
    assert changes.to_pylist() == [{"kind": "merged", "person": old["spark", 1], "other": old["relis", 1]}]


def test_one_that_turns_out_to_be_two_keeps_the_id_where_most_records_are() -> None:
    before, _ = _named([[("spark", 1), ("relis", 1), ("relis", 2)]])
    after, changes = _named([[("relis", 1), ("relis", 2)], [("spark", 1)]], before)
    old, new = _ids(before), _ids(after)
    assert new["relis", 1] == new["relis", 2] == old["spark", 1] != new["spark", 1]
    assert changes.to_pylist() == [
        {"kind": "split", "person": old["spark", 1], "other": new["spark", 1]},
        {"kind": "new", "person": new["spark", 1], "other": None},
    ]


def test_who_has_no_record_any_more_is_gone() -> None:
    before, _ = _named([[("spark", 1)], [("spark", 2)]])
    after, changes = _named([[("spark", 2)]], before)
    assert changes.to_pylist() == [{"kind": "gone", "person": _ids(before)["spark", 1], "other": None}]
    assert _ids(after) == {("spark", 2): _ids(before)["spark", 2]}


# --- random histories ---------------------------------------------------------------------------------

PEOPLE, REGISTERS = 8, ("spark", "relis", "prism")


@st.composite
def _histories(draw: st.DrawFn) -> list[dict[Record, int]]:
    """Loads one after the other: which records there are, and whose each is; a record never changes its owner."""
    numbers = st.sets(st.integers(0, 3 * PEOPLE - 1), max_size=2 * PEOPLE)
    return [
        {(register, number): number % PEOPLE for register in REGISTERS for number in draw(numbers)}
        for _load in range(draw(st.integers(2, 5)))
    ]


@settings(max_examples=25, deadline=None)
@given(_histories(), st.integers(0, 1_000))
def test_ids_stay_over_loads_deltas_and_deletions(history: list[dict[Record, int]], seed: int) -> None:
    index, known = EMPTY, dict[int, bytes]()
    for step, owners in enumerate(history):
        records_of = defaultdict(list)
        for record, owner in owners.items():
            records_of[owner].append(record)
        survivors = {owner for record, owner in owners.items() if record in _ids(index)}
        index, changes = _named(records_of.values(), index, seed + step)
        now = {owner: _ids(index)[records[0]] for owner, records in records_of.items()}
        assert all(now[owner] == known[owner] for owner in survivors)
        assert not set(now.values()) & {person for owner, person in known.items() if owner not in survivors}
        assert _kinds(changes).keys() <= {"new", "gone"}
        known |= now


@settings(max_examples=25, deadline=None)
@given(_histories(), st.integers(0, 1_000))
def test_the_order_of_registers_and_rows_is_no_matter(history: list[dict[Record, int]], seed: int) -> None:
    first, second = history[:2]
    before, _ = _named(_by_owner(first), EMPTY)
    one, _ = _named(_by_owner(second), before, seed)
    other, _ = _named(reversed(list(_by_owner(second))), before, seed + 1)
    kept = set(_ids(before).values())
    assert {r: p for r, p in _ids(one).items() if p in kept} == {r: p for r, p in _ids(other).items() if p in kept}


def _by_owner(owners: Mapping[Record, int]) -> list[list[Record]]:
    records_of = defaultdict(list)
    for record, owner in owners.items():
        records_of[owner].append(record)
    return list(records_of.values())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=14), st.lists(st.integers(0, 4), min_size=1, max_size=14))
def test_merges_and_splits_leave_a_trail(first: list[int], second: list[int]) -> None:
    """However records are grouped anew: whose id changed was merged or split, and each id goes on once."""
    before, _ = _named(_grouped(first))
    after, changes = _named(_grouped(second), before)
    old, new = _ids(before), _ids(after)
    moved = {(old[record], new[record]) for record in old.keys() & new.keys() if old[record] != new[record]}
    told = {(row["person"], row["other"]) for row in changes.to_pylist() if row["kind"] in ("merged", "split")}
    assert moved == told
    gone = {row["person"] for row in changes.to_pylist() if row["kind"] == "gone"}
    assert gone == set(old.values()) - {old[record] for record in old.keys() & new.keys()}


def _grouped(labels: list[int]) -> list[list[Record]]:
    groups = defaultdict(list)
    for number, label in enumerate(labels):
        groups[label].append(("spark", number))
    return list(groups.values())
