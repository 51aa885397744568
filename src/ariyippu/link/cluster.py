"""Scored pairs become persons: certain pairs join records, the strongest first. Pure.

Joining is transitive, so one wrong pair could join two people's records for good. Two things keep them apart:

    a register that holds a person once   has at most one record of a person
    two officers                          settled that a pair of records is of two people

However strong the pair between them, two clusters that would break one of these stay two persons. Because
the strongest pair is taken first, the weaker claim is the one that is refused.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

Pair = tuple[int, int]


def clusters(once: Sequence[int], pairs: Iterable[Pair], apart: Iterable[Pair] = ()) -> list[int]:
    """For each record the number of its cluster: that of one of its records.

    `once` has a number for each record: 0 where its register may hold a person several times, else one of
    the register's own from 1 to 62. `pairs` and `apart` are two places in `once` each, the strongest pair first.
    """
    parent = list(range(len(once)))
    held = [1 << register if register else 0 for register in once]  # the once-registers of a cluster, as bits
    strangers = defaultdict[int, set[int]](set)  # of a cluster: the records that were settled to be others'
    for left, right in apart:
        strangers[left].add(right)
        strangers[right].add(left)
    for left, right in pairs:
        a, b = _root(parent, left), _root(parent, right)
        if a == b or held[a] & held[b]:
            continue
        if a in strangers and any(_root(parent, stranger) == b for stranger in strangers[a]):
            continue
        parent[b] = a
        held[a] |= held[b]
        if b in strangers:
            strangers[a] |= strangers.pop(b)
    return [_root(parent, record) for record in range(len(once))]


def _root(parent: list[int], record: int) -> int:
    """The cluster's first record; every second step on the way is shortened."""
    while parent[record] != record:
        parent[record] = parent[parent[record]]
        record = parent[record]
    return record
