"""Clusters: the strongest pair first; a register that holds a person once, and the other pairs, keep people apart."""

from collections import defaultdict
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from ariyippu.link.cluster import BOTH_SETTLED, WEAKEST, Evidence, clusters

ENOUGH = 4.0  # bits
ANYTHING = Evidence({}, enough=-100.0)
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
    assert _groups(clusters([0, 0, 0, 0], [(0, 1), (1, 2)], ANYTHING)) == {frozenset({0, 1, 2}), frozenset({3})}


def test_the_stronger_claim_to_a_person_wins() -> None:
    employees, building = [1, 1], 0
    assert _groups(clusters([*employees, building], [(1, 2), (0, 2)], ANYTHING)) == {
        frozenset({0}),
        frozenset({1, 2}),
    }


def test_two_registers_that_hold_a_person_once_do_not_keep_each_other_apart() -> None:
    assert _groups(clusters([1, 2], [(0, 1)], ANYTHING)) == {frozenset({0, 1})}


def test_two_who_were_told_apart_stay_so_even_over_a_third() -> None:
    assert _groups(clusters([0, 0, 0], [(0, 1), (1, 2)], ANYTHING, apart=[(0, 2)])) == {
        frozenset({0, 1}),
        frozenset({2}),
    }


def _joined(records: int, strengths: Mapping[tuple[int, int], float]) -> set[frozenset[int]]:
    """Of a register that may hold a person several times, in the order of their strength."""
    strongest = sorted(strengths, key=lambda pair: -strengths[pair])
    certain = [pair for pair in strongest if strengths[pair] >= ENOUGH]
    return _groups(clusters([0] * records, certain, Evidence(strengths, ENOUGH)))


def test_who_is_like_one_of_a_person_s_records_and_unlike_the_other_stays_apart() -> None:
    like = {(0, 1): 30.0, (1, 2): ENOUGH + 1}
    assert _joined(3, like) == {frozenset({0, 1}), frozenset({2})}
    assert _joined(3, like | {(0, 2): ENOUGH - 1}) == {frozenset({0, 1, 2})}


def test_a_pair_says_no_less_than_one_that_was_not_scored() -> None:
    like = {(0, 1): 30.0, (1, 2): 12.0}
    assert _joined(3, like | {(0, 2): WEAKEST - 50}) == _joined(3, like) == {frozenset({0, 1, 2})}


def test_two_who_have_several_records_each_take_more() -> None:
    two_persons = {(0, 1): 30.0, (2, 3): 30.0}
    between = dict.fromkeys([(0, 2), (0, 3), (1, 2), (1, 3)], ENOUGH + BOTH_SETTLED - 1)
    assert _joined(4, two_persons | between) == {frozenset({0, 1}), frozenset({2, 3})}
    assert _joined(4, two_persons | {pair: bits + 1 for pair, bits in between.items()}) == {frozenset(range(4))}


@given(_cases(), st.data())
def test_no_cluster_holds_two_that_were_told_apart(
    case: tuple[list[int], list[tuple[int, int]]], data: st.DataObject
) -> None:
    once, pairs = case
    place = st.integers(0, len(once) - 1)
    apart = [pair for pair in data.draw(st.lists(st.tuples(place, place), max_size=10)) if pair[0] != pair[1]]
    found = clusters(once, pairs, ANYTHING, apart)
    assert all(found[left] != found[right] for left, right in apart)


@given(_cases())
def test_no_cluster_has_two_records_of_a_register_that_holds_a_person_once(
    case: tuple[list[int], list[tuple[int, int]]],
) -> None:
    once, pairs = case
    for group in _groups(clusters(once, pairs, ANYTHING)):
        registers = [once[record] for record in group if once[record]]
        assert len(set(registers)) == len(registers)


@given(_cases())
def test_whoever_stays_apart_has_no_pair_or_a_register_between_them(
    case: tuple[list[int], list[tuple[int, int]]],
) -> None:
    once, pairs = case
    groups = {record: group for group in _groups(clusters(once, pairs, ANYTHING)) for record in group}
    for left, right in pairs:
        if groups[left] != groups[right]:
            assert {once[r] for r in groups[left] if once[r]} & {once[r] for r in groups[right] if once[r]}


@given(_cases())
def test_a_cluster_is_named_after_one_of_its_records(case: tuple[list[int], list[tuple[int, int]]]) -> None:
    found = clusters(*case, ANYTHING)
    assert all(found[cluster] == cluster for cluster in found)
