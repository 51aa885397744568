"""Two lists of places with codes of their own, joined by name: State Election Commission and LGD, for example.

Pure. Names are compared as features.names folds them, Malayalam ones too; a place may have several. Kind and
district decide who can be meant at all, where both lists state them. In this order, each pair only once:

    written    one name is written the same, and no other place of either list has it
    spelt      the same, once spellings are folded
    near       each is the other's nearest, NEAR alike or more (Dice of pairs of letters) and CLEAR of any other

What stays is `ambiguous`, with the codes that it might be, or `unmatched`. A person decides about both.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from ariyippu.base import text
from ariyippu.base.errors import RefusedError
from ariyippu.ingest.features.names import Names

WRITTEN, SPELT, NEAR = 2.0, 1.0, 0.7
CLEAR = 0.1

How = Literal["written", "spelt", "near", "ambiguous", "unmatched"]


_STEPS: tuple[tuple[How, float, float], ...] = (  # how, least score, distance from the next
    ("written", WRITTEN, CLEAR),
    ("spelt", SPELT, CLEAR),
    ("near", NEAR, CLEAR),
)


@dataclass(frozen=True)
class Place:
    """`kind` and `district` are empty where the list does not say."""

    code: str
    names: tuple[str, ...]
    kind: str = ""
    district: str = ""


@dataclass(frozen=True)
class Crossing:
    """What became of one code of the first list. `others`: one code when matched, several when ambiguous."""

    code: str
    how: How
    others: tuple[str, ...]


def read(file: Path) -> list[Place]:
    """The places of a CSV (UTF-8) with the columns code, name, and if they are known kind and district.

    Each column whose header begins with `name` is a name. RefusedError `crosswalk.header`, `crosswalk.code`,
    and those of text.read.
    """
    rows = csv.DictReader(io.StringIO(text.read(file), newline=""), restval="")
    headers = list(rows.fieldnames or ())
    named = [header for header in headers if header.startswith("name")]
    if "code" not in headers or not named:
        raise RefusedError("crosswalk.header", f"{file}: the columns must be code, name, and kind and district.")
    places = [
        Place(
            row["code"].strip(),
            tuple(row[name].strip() for name in named if row[name].strip()),
            row.get("kind", "").strip(),
            row.get("district", "").strip(),
        )
        for row in rows
    ]
    codes = [place.code for place in places]
    if "" in codes or len(set(codes)) != len(codes):
        raise RefusedError("crosswalk.code", f"{file}: a code is missing or stands twice.")
    return places


def crosswalk(ours: Sequence[Place], theirs: Sequence[Place]) -> list[Crossing]:
    """What each of our codes is called in their list, in the order of `ours`."""
    alike = _alike(ours, theirs)
    found: dict[str, Crossing] = {}
    for how, least, clear in _STEPS:
        pairs = _clear_pairs(alike, least, clear)
        found |= {our: Crossing(our, how, (their,)) for our, their in pairs}
        taken = {their for _our, their in pairs}
        alike = {
            (our, their): score for (our, their), score in alike.items() if our not in found and their not in taken
        }
    for place in ours:
        maybe = tuple(their for (our, their), score in alike.items() if our == place.code and score >= NEAR)
        found.setdefault(place.code, Crossing(place.code, "ambiguous" if maybe else "unmatched", maybe))
    return [found[place.code] for place in ours]


def _clear_pairs(alike: Mapping[tuple[str, str], float], least: float, clear: float) -> list[tuple[str, str]]:
    """The pairs that are `least` alike or more, and `clear` more than any other pair of either code."""
    rivals: dict[tuple[int, str], list[float]] = defaultdict(list)
    for pair, score in alike.items():
        for side in (0, 1):
            rivals[side, pair[side]].append(score)
    second = {at: sorted(scores)[-2] if len(scores) > 1 else 0.0 for at, scores in rivals.items()}
    return [
        pair
        for pair, score in alike.items()
        if score >= least and score - max(second[0, pair[0]], second[1, pair[1]]) >= clear
    ]


def _alike(ours: Sequence[Place], theirs: Sequence[Place]) -> dict[tuple[str, str], float]:
    """How alike the pairs are that can be meant: WRITTEN, SPELT, or the Dice of their nearest names."""
    names = Names()
    known = {place: _Known.of(place, names) for place in (*ours, *theirs)}
    return {
        (our.code, their.code): known[our].alike(known[their])
        for our in ours
        for their in theirs
        if _may_be(our.kind, their.kind) and _may_be(our.district, their.district)
    }


def _may_be(one: str, other: str) -> bool:
    return not one or not other or one.casefold() == other.casefold()


@dataclass(frozen=True)
class _Known:
    """A place's names as they are compared."""

    written: frozenset[str]
    spelt: Mapping[str, frozenset[str]]  # -> its pairs of letters

    @classmethod
    def of(cls, place: Place, names: Names) -> "_Known":
        folded = filter(None, map(names.place, place.names))
        pairs = {name: frozenset(map("".join, pairwise(f"_{name}_"))) for name in folded}
        return cls(frozenset(name.casefold() for name in place.names), pairs)

    def alike(self, other: "_Known") -> float:
        if self.written & other.written:
            return WRITTEN
        if self.spelt.keys() & other.spelt.keys():
            return SPELT
        shares = (2 * len(a & b) / (len(a) + len(b)) for a in self.spelt.values() for b in other.spelt.values())
        return max(shares, default=0.0)
