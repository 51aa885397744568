"""Scored pairs become persons: certain pairs join records, the strongest first. Pure.

Joining is transitive, so one wrong pair could join two people's records for good. Three things keep them apart:

    a register that holds a person once   has at most one record of a person
    two officers                          settled that a pair of records is of two people
    the other pairs between them          of a pair that would join more than two records, all are asked (Evidence)

However strong the pair between them, two clusters that would break one of these stay two persons. Because
the strongest pair is taken first, the weaker claim is the one that is refused.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

Pair = tuple[int, int]

WEAKEST = -4.0  # bits: what a pair that was not even scored says, and the least that any pair says
BOTH_SETTLED = 4.0  # bits that it takes more to make one person of two who have several records each


@dataclass(frozen=True)
class Evidence:
    """What the pairs between two clusters come to: half of it is the strongest pair's, half is all pairs' mean.

    So a record that is like one of a person's and unlike the others stays apart, and one that is somewhat like all
    of them needs none that is very like. `strength`: of each pair, the smaller place first.
    """

    strength: Mapping[Pair, float]
    enough: float

    def joins(self, left: Sequence[int], right: Sequence[int]) -> bool:
        found = [self._between(one, two) for one, two in product(left, right)]
        more = BOTH_SETTLED if len(left) > 1 and len(right) > 1 else 0.0
        return (max(found) + sum(found) / len(found)) / 2 >= self.enough + more

    def _between(self, one: int, two: int) -> float:
        pair = (one, two) if one < two else (two, one)
        return max(self.strength.get(pair, WEAKEST), WEAKEST)


def clusters(once: Sequence[int], pairs: Iterable[Pair], evidence: Evidence, apart: Iterable[Pair] = ()) -> list[int]:
    """For each record the number of its cluster: that of one of its records.

    `once` has a number for each record: 0 where its register may hold a person several times, else one of
    the register's own from 1 to 62. `pairs` and `apart` are two places in `once` each, the strongest pair first.
    """
    parent = list(range(len(once)))
    held = [1 << register if register else 0 for register in once]  # the once-registers of a cluster, as bits
    strangers = defaultdict[int, set[int]](set)  # of a cluster: the records that were settled to be others'
    several = dict[int, list[int]]()  # the records of a cluster that has more than one
    for left, right in apart:
        strangers[left].add(right)
        strangers[right].add(left)
    for left, right in pairs:
        a, b = _root(parent, left), _root(parent, right)
        if a == b or held[a] & held[b]:
            continue
        if a in strangers and any(_root(parent, stranger) == b for stranger in strangers[a]):
            continue
        of_a, of_b = several.get(a, [a]), several.get(b, [b])
        if len(of_a) + len(of_b) > 2 and not evidence.joins(of_a, of_b):
            continue
        parent[b] = a
        held[a] |= held[b]
        several[a] = of_a + of_b
        several.pop(b, None)
        if b in strangers:
            strangers[a] |= strangers.pop(b)
    return [_root(parent, record) for record in range(len(once))]


def _root(parent: list[int], record: int) -> int:
    """The cluster's first record; every second step on the way is shortened."""
    while parent[record] != record:
        parent[record] = parent[parent[record]]
        record = parent[record]
    return record
