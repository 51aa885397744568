"""Clusters: the strongest pair first, and a register that holds a person once keeps two people apart."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from ariyippu.link.cluster import clusters

ONCE = st.lists(st.integers(0, 3), min_size=1, max_size=30)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int]]]:
    once = draw(ONCE)
    place = st.integers(0, len(once) - 1)
    return once, draw(st.lists(st.tuples(place, place), max_size=60))


def _groups(found: list[int]) -> set[frozenset[int]]:
    groups = defaultdict(set)
    for record, cluster in enumerate(found):
        groups[cluster].add(record)
    return {frozenset(group) for group in groups.values()}


def test_pairs_join_transitively() -> None:
    assert _groups(clusters([0, 0, 0, 0], [(0, 1), (1, 2)])) == {frozenset({0, 1, 2}), frozenset({3})}


def test_the_stronger_claim_to_a_person_wins() -> None:
    employees, building = [1, 1], 0
    assert _groups(clusters([*employees, building], [(1, 2), (0, 2)])) == {frozenset({0}), frozenset({1, 2})}


def test_two_registers_that_hold_a_person_once_do_not_keep_each_other_apart() -> None:
    assert _groups(clusters([1, 2], [(0, 1)])) == {frozenset({0, 1})}


def test_two_who_were_told_apart_stay_so_even_over_a_third() -> None:
    assert _groups(clusters([0, 0, 0], [(0, 1), (1, 2)], apart=[(0, 2)])) == {frozenset({0, 1}), frozenset({2})}


@given(_cases(), st.data())
def test_no_cluster_holds_two_that_were_told_apart(
    case: tuple[list[int], list[tuple[int, int]]], data: st.DataObject
) -> None:
    once, pairs = case
    place = st.integers(0, len(once) - 1)
    apart = [pair for pair in data.draw(st.lists(st.tuples(place, place), max_size=10)) if pair[0] != pair[1]]
    found = clusters(once, pairs, apart)
    assert all(found[left] != found[right] for left, right in apart)


@given(_cases())
def test_no_cluster_has_two_records_of_a_register_that_holds_a_person_once(
    case: tuple[list[int], list[tuple[int, int]]],
) -> None:
    once, pairs = case
    for group in _groups(clusters(once, pairs)):
        registers = [once[record] for record in group if once[record]]
        assert len(set(registers)) == len(registers)


@given(_cases())
def test_whoever_stays_apart_has_no_pair_or_a_register_between_them(
    case: tuple[list[int], list[tuple[int, int]]],
) -> None:
    once, pairs = case
    groups = {record: group for group in _groups(clusters(once, pairs)) for record in group}
    for left, right in pairs:
        if groups[left] != groups[right]:
            assert {once[r] for r in groups[left] if once[r]} & {once[r] for r in groups[right] if once[r]}


@given(_cases())
def test_a_cluster_is_named_after_one_of_its_records(case: tuple[list[int], list[tuple[int, int]]]) -> None:
    found = clusters(*case)
    assert all(found[cluster] == cluster for cluster in found)
