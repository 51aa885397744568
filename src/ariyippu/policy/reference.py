"""The decision in plain Python: what the SQL of decide.py and travel.py must agree with, rule by rule.

Pure. Exclusion comes before inclusion, and the first rule that applies gives the reason.
"""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal

from ariyippu.notice import criteria
from ariyippu.notice.criteria import NOBODY, Node
from ariyippu.notice.documents import Channel

Reason = Literal[
    "included",
    "order_not_in_force",
    "stayed",
    "restrained",
    "deceased",
    "deceased_linked",
    "protected",
    "protected_linked",
    "objected",
    "objected_linked",
    "purpose_not_covered",
    "no_contact",
    "contact_suspended",
    "told_recently",
    "told_linked",
]
"""`…_linked`: not the record itself but another one of the same person, or of who may be that person."""


@dataclass(frozen=True)
class Way:
    """One way to reach people, in an order's order of choice: a channel, and whose contacts it uses."""

    channel: Channel
    column: str | None  # the register's contact column for it
    covered: bool  # the purpose is at or below what that contact was collected for
    stayed: Node = NOBODY  # whom stays stop on this way
    restrained: Node = NOBODY  # whom the restraint of an election stops on it
    contact_of: str | None = None  # the register that lends the contacts; None: the order's own records


@dataclass(frozen=True)
class Situation:
    """What holds for every candidate of an order at the instant of the decision."""

    in_force: bool
    own_entitlement: bool
    ways: tuple[Way, ...]
    emergency: bool = False  # passes objections and what was told before


@dataclass(frozen=True)
class Marks:
    """What speaks against telling a record's person. `told`: for this purpose, within the order's interval."""

    deceased: bool = False
    protected: bool = False
    objected: bool = False
    told: bool = False


@dataclass(frozen=True)
class Candidate:
    """What holds for one record that satisfies the order's criteria."""

    own: Marks
    linked: Marks  # what travelled to it
    contacts: frozenset[tuple[str | None, str]]  # (who lends it or None, column): the contacts that there are
    attributes: criteria.Row = field(default_factory=dict)  # those that stays ask about
    suspended: frozenset[str] = frozenset()  # the columns of the register whose contact is not used


@dataclass(frozen=True)
class Record:
    """One record of any register, and the person whose it is by the linking run."""

    register: str
    person: str
    marks: Marks


def travelled(to: Record, records: Sequence[Record], possible: Set[tuple[str, str]]) -> Marks:
    """What travels to a record from all records, its own among them. `possible` holds each pair both ways."""
    certain = [record for record in records if record.person == to.person]
    reaching = [*certain, *(record for record in records if (record.person, to.person) in possible)]
    return Marks(
        deceased=any(record.marks.deceased for record in reaching),
        protected=any(record.marks.protected for record in reaching),
        objected=any(record.marks.objected for record in reaching),
        told=any(record.marks.told for record in certain if record.register != to.register),
    )


def decide(candidate: Candidate, situation: Situation) -> tuple[Reason, Way | None]:
    """The reason, and the way to reach who is included."""
    has = [way for way in situation.ways if (way.contact_of, way.column) in candidate.contacts]
    covered = [way for way in has if way.covered]
    live = [way for way in covered if way.contact_of is not None or way.column not in candidate.suspended]
    reason = _reason(candidate, situation, (has, covered, live))
    stopped = [*_stayed(candidate, situation), *_restrained(candidate, situation)]
    usable = [way for way in live if way not in stopped]
    return reason, usable[0] if reason == "included" else None


def _reason(candidate: Candidate, situation: Situation, ways: tuple[Sequence[Way], ...]) -> Reason:
    has, covered, live = ways
    own, linked = candidate.own, candidate.linked
    stayed = _stayed(candidate, situation)
    stopped = [*stayed, *_restrained(candidate, situation)]
    rules: tuple[tuple[bool, Reason], ...] = (
        (not situation.in_force, "order_not_in_force"),
        (_no_way(situation, live, stayed), "stayed"),
        (_no_way(situation, live, stopped), "restrained"),
        (own.deceased, "deceased"),
        (linked.deceased, "deceased_linked"),
        (own.protected and not situation.own_entitlement, "protected"),
        (linked.protected and not situation.own_entitlement, "protected_linked"),
        (own.objected and not situation.emergency, "objected"),
        (linked.objected and not situation.emergency, "objected_linked"),
        (bool(has) and not covered, "purpose_not_covered"),
        (not has, "no_contact"),
        (not live, "contact_suspended"),
        (own.told and not situation.emergency, "told_recently"),
        (linked.told and not situation.emergency, "told_linked"),
    )
    return next((reason for applies, reason in rules if applies), "included")


def _stayed(candidate: Candidate, situation: Situation) -> list[Way]:
    return [way for way in situation.ways if criteria.holds(way.stayed, candidate.attributes)]


def _restrained(candidate: Candidate, situation: Situation) -> list[Way]:
    return [way for way in situation.ways if criteria.holds(way.restrained, candidate.attributes)]


def _no_way(situation: Situation, live: Sequence[Way], stopped: Collection[Way]) -> bool:
    """Every way of the order is stopped, or every one that could have been used."""
    order = all(way in stopped for way in situation.ways)
    return order or (bool(live) and all(way in stopped for way in live))
