"""How many records criteria fit, part by part: what keeps counts and orders from singling anybody out.

Nothing here leaves the vault: whoever asks gets a rounded count, or a refusal. One pass over a snapshot
gathers its records into kinds, those that fit the same of all criteria at hand; everything else is
reckoned on the kinds.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ariyippu.base import engine
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.ingest.snapshot import open_records
from ariyippu.notice import criteria
from ariyippu.notice.criteria import All, AnyOf, Compare, Node, Not

SMALLEST = 10  # the k of invariant 2: a smaller group is never told apart
MAX_KINDS = 20_000


@dataclass(frozen=True)
class Group:
    """Some records, and how many of them are of protected people."""

    records: int
    protected: int

    @property
    def is_mostly_protected(self) -> bool:
        return 2 * self.protected > self.records


@dataclass(frozen=True)
class Cohort:
    """What criteria fit in one snapshot, beside what the asker was told before.

    A set of records is a number with a bit for each kind, the largest kind's lowest.
    """

    everyone: Group
    parts: Mapping[Node, Group]  # what the whole fits, then what every part of it fits
    kinds: tuple[int, ...]  # how many records each kind has, the most first
    fits: int
    told: tuple[int, ...]

    @property
    def whole(self) -> Group:
        return next(iter(self.parts.values()))

    def withheld(self) -> Literal["", "narrow", "near"]:
        """Why the count must not be told, or empty. See counting.py; that there are fewer than ten may be told."""
        if self.whole.records < SMALLEST:
            return ""
        sizes = (size for group in self.parts.values() for size in (group.records, self._left_out(group)))
        if any(size < SMALLEST for size in sizes):
            return "narrow"
        return "near" if any(self._is_few(self.fits ^ known) for known in self._known()) else ""

    def refuse_protected(self, at_least: int) -> None:
        """RefusedError `criteria.protected_class` when a part fits mostly protected people, `at_least` so many.

        Whatever column it reads: a designation can name judges as well as a cadre does. A register whose
        people are mostly protected has no such parts.
        """
        groups = [group for group in self.parts.values() if group.records >= at_least]
        if not self.everyone.is_mostly_protected and any(group.is_mostly_protected for group in groups):
            raise RefusedError("criteria.protected_class", "A part of the criteria picks out protected people.")

    def _left_out(self, group: Group) -> int:
        return self.everyone.records - group.records

    def _known(self) -> Iterator[int]:
        """The sets whose counts the asker has: everyone, each that was told, what follows from two of these.

        Two that hardly overlap give their union, one that lies within another gives the rest; but for a few
        records, or what follows would depend on them.
        """
        known = ((1 << len(self.kinds)) - 1, *self.told)
        yield from known
        for one, other in itertools.combinations(known, 2):
            if self._is_few(one & other):
                yield one | other
            if self._is_few(other & ~one):
                yield one & ~other
            if self._is_few(one & ~other):
                yield other & ~one

    def _is_few(self, kinds: int) -> bool:
        records = 0
        while kinds and records < SMALLEST:
            records += self.kinds[(kinds & -kinds).bit_length() - 1]
            kinds &= kinds - 1
        return records < SMALLEST


def measure(where: Node, told: Sequence[Node], snapshot: str, *, home: Home, keyring: Keyring) -> Cohort:
    """One pass over a snapshot; `told` are the criteria whose counts the asker has.

    RefusedError `question.too_large` when they make more than MAX_KINDS kinds of records; as `open_records`.
    """
    parts = list(dict.fromkeys(parts_of(where)))
    columns, parameters = ["protected"], list[object]()
    for name, node in (*_named("fits", (where, *told)), *_named("part", parts)):
        condition, own = criteria.to_sql(node)
        columns.append(f"{condition} as {name}")
        parameters += own
    grouped = ", ".join(name for name, _node in _named("fits", (where, *told)))
    counted = [
        f"count(*) filter (where {condition})"
        for condition in ("true", "protected", *_both(name for name, _node in _named("part", parts)))
    ]
    read = frozenset().union(*(criteria.fields(node) for node in (where, *told)))
    with engine.readable(f"The snapshot {snapshot}"), engine.connect() as relations:
        relations.register("records", open_records(home, keyring, snapshot, ["protected", *sorted(read)]))
        rows = relations.sql(
            f"""select {grouped}, {", ".join(counted)} from (select {", ".join(columns)} from records)
                group by {grouped} order by count(*) desc limit {MAX_KINDS + 1}""",  # noqa: S608  names of a checked contract
            params=parameters,
        ).fetchall()
    if len(rows) > MAX_KINDS:
        raise RefusedError("question.too_large", "The question and those before it cut the register too finely.")
    return gathered(parts, 1 + len(told), rows)


def gathered(parts: Sequence[Node], sets: int, rows: Sequence[Sequence[int]]) -> Cohort:
    """From the kinds, the largest first: which of the `sets` each fits, its counts, its counts in each part."""
    columns = list(zip(*rows, strict=True)) or [()] * (sets + 2 + 2 * len(parts))
    totals = [sum(column) for column in columns[sets:]]
    groups = [Group(*totals[at : at + 2]) for at in range(0, len(totals), 2)]
    bits = [sum(1 << place for place, fits in enumerate(column) if fits) for column in columns[:sets]]
    return Cohort(groups[0], dict(zip(parts, groups[1:], strict=True)), tuple(columns[sets]), bits[0], tuple(bits[1:]))


def parts_of(node: Node) -> Iterator[Node]:
    """The node itself, then every part of it; who says all but these has named these."""
    yield node
    match node:
        case Compare(field, "!=", value):
            yield Compare(field, "==", value)
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from parts_of(part)
        case Not(part):
            yield from parts_of(part)


def _named(word: str, nodes: Sequence[Node]) -> list[tuple[str, Node]]:
    """Names for columns of our own: no contract's column begins with an underscore."""
    return [(f"_{word}{number}", node) for number, node in enumerate(nodes)]


def _both(names: Iterator[str]) -> Iterator[str]:
    for name in names:
        yield name
        yield f"{name} and protected"
