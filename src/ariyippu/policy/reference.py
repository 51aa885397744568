"""The decision in plain Python: what the SQL of decide.py and travel.py must agree with, rule by rule.

Pure. Exclusion comes before inclusion, and the first rule that applies gives the reason. docs/policy.md shows
every rule by cases.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal, get_args

from ariyippu.notice import criteria
from ariyippu.notice.criteria import NOBODY, Node
from ariyippu.notice.documents import Channel

Reason = Literal[
    "included",
    "order_not_in_force",
    "stayed",
    "restrained",
    "purpose_not_covered",
    "protected",
    "protected_linked",
    "deceased",
    "deceased_linked",
    "minor",
    "erased",
    "erased_linked",
    "objected",
    "objected_linked",
    "no_contact",
    "no_consent",
    "contact_stale",
    "contact_suspended",
    "told_recently",
    "told_linked",
    "capped",
    "contact_shared",
]
"""`…_linked`: not the record itself but another one of the same person, or of who may be that person."""

REASONS: tuple[Reason, ...] = get_args(Reason)
"""All but the first in the order of the rules: decide.py relies on it."""


@dataclass(frozen=True)
class Way:
    """One way to reach people, in an order's order of choice: a channel, and whose contacts it uses."""

    channel: Channel
    column: str | None  # the register's contact column for it
    covered: bool  # the purpose is at or below what that contact was collected for
    stayed: Node = NOBODY  # whom stays stop on this way
    restrained: Node = NOBODY  # whom the restraint of an election stops on it
    contact_of: str | None = None  # the register that lends the contacts; None: the order's own records
    consented: bool = True  # the order rests on no consent, or its person subscribed with that contact
    handed_over_lately: bool = True  # the register's snapshot is not older than `Situation.fresh_since`
    verified_on: str | None = None  # the column of the day on which a contact was last verified; that counts instead
    personal: bool = True  # what is said on it is of the record, not the same for everyone


@dataclass(frozen=True)
class Situation:
    """What holds for every candidate of an order at the instant of the decision."""

    in_force: bool
    own_entitlement: bool
    ways: tuple[Way, ...]
    emergency: bool = False  # passes objections, preferences, caps, and what was told before
    fresh_since: dt.date = dt.date.min  # who verified a contact last before this day did not verify it


@dataclass(frozen=True)
class Marks:
    """What the database and registers know of a record's person, and what travels.

    `told`: for this purpose, within the interval. `prefers`: the channel to be told on first.
    """

    deceased: bool = False
    protected: bool = False
    erased: bool = False
    objected: bool = False
    told: bool = False
    prefers: Channel | None = None


@dataclass(frozen=True)
class Candidate:
    """What holds for one record that satisfies the order's criteria."""

    own: Marks
    linked: Marks  # what travelled to it
    contacts: Mapping[tuple[str | None, str], bytes]  # (who lends it or None, column): the contacts' tokens
    attributes: criteria.Row = field(default_factory=dict)  # those that stays ask about, and days of verification
    suspended: frozenset[str] = frozenset()  # the columns of the register whose contact is not used
    verified: frozenset[str] = frozenset()  # those whose contact the department verified since `fresh_since`
    minor: bool = False
    capped: bool = False  # was told as often as a cap allows
    record: bytes = b""  # of those with one contact, the first is told


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
    preferred = {record.marks.prefers for record in certain} - {None}
    return Marks(
        deceased=any(record.marks.deceased for record in reaching),
        protected=any(record.marks.protected for record in reaching),
        erased=any(record.marks.erased for record in reaching),
        objected=any(record.marks.objected for record in reaching),
        told=any(record.marks.told for record in certain if record.register != to.register),
        prefers=preferred.pop() if len(preferred) == 1 else None,
    )


Decision = tuple[Reason, Way | None]
"""The reason, and the way to reach who is included."""


def decide(population: Sequence[Candidate], situation: Situation) -> list[Decision]:
    """About each candidate, in their order. Of those with one contact for one impersonal text, the first is told."""
    decisions: list[Decision] = [decide_alone(candidate, situation) for candidate in population]
    taken: set[bytes] = set()
    for at in sorted(range(len(population)), key=lambda at: population[at].record):
        way = decisions[at][1]
        if way is None or way.personal:
            continue
        contact = population[at].contacts[way.contact_of, way.column or ""]
        if contact in taken:
            decisions[at] = "contact_shared", None
        taken.add(contact)
    return decisions


def decide_alone(candidate: Candidate, situation: Situation) -> Decision:
    """As if nobody else had the candidate's contact."""
    reason = next((reason for applies, reason in _rules(candidate, situation) if applies), None)
    if reason is not None:
        return reason, None
    stopped = [*_stayed(candidate, situation), *_restrained(candidate, situation)]
    usable = [way for way in _Ways.of(candidate, situation).live if way not in stopped]
    prefers = None if situation.emergency else candidate.own.prefers or candidate.linked.prefers
    return "included", min(usable, key=lambda way: way.channel != prefers)  # the first of those that are least


@dataclass(frozen=True)
class _Ways:
    """The order's ways to a candidate, each list a part of the one before."""

    has: Sequence[Way]
    covered: Sequence[Way]
    consented: Sequence[Way]
    fresh: Sequence[Way]
    live: Sequence[Way]

    @classmethod
    def of(cls, candidate: Candidate, situation: Situation) -> "_Ways":
        has = [way for way in situation.ways if (way.contact_of, way.column) in candidate.contacts]
        covered = [way for way in has if way.covered]
        consented = [way for way in covered if way.consented]
        fresh = [way for way in consented if way.contact_of is not None or _is_fresh(way, candidate, situation)]
        live = [way for way in fresh if way.contact_of is not None or way.column not in candidate.suspended]
        return cls(has, covered, consented, fresh, live)


def _is_fresh(way: Way, candidate: Candidate, situation: Situation) -> bool:
    """Whether a contact of the register's own counts; of what is lent, only that which does is lent."""
    if way.column in candidate.verified:
        return True
    if way.verified_on is None:
        return way.handed_over_lately
    last = candidate.attributes.get(way.verified_on)
    return isinstance(last, dt.date) and last >= situation.fresh_since


def _rules(candidate: Candidate, situation: Situation) -> tuple[tuple[bool, Reason], ...]:
    ways = _Ways.of(candidate, situation)
    own, linked, asked = candidate.own, candidate.linked, not situation.emergency
    stayed = _stayed(candidate, situation)
    stopped = [*stayed, *_restrained(candidate, situation)]
    return (
        (not situation.in_force, "order_not_in_force"),
        (_no_way(situation, ways.live, stayed), "stayed"),
        (_no_way(situation, ways.live, stopped), "restrained"),
        (bool(ways.has) and not ways.covered, "purpose_not_covered"),
        (own.protected and not situation.own_entitlement, "protected"),
        (linked.protected and not situation.own_entitlement, "protected_linked"),
        (own.deceased, "deceased"),
        (linked.deceased, "deceased_linked"),
        (candidate.minor, "minor"),
        (own.erased, "erased"),
        (linked.erased, "erased_linked"),
        (own.objected and asked, "objected"),
        (linked.objected and asked, "objected_linked"),
        (not ways.has, "no_contact"),
        (not ways.consented, "no_consent"),
        (not ways.fresh, "contact_stale"),
        (not ways.live, "contact_suspended"),
        (own.told and asked, "told_recently"),
        (linked.told and asked, "told_linked"),
        (candidate.capped and asked, "capped"),
    )


def _stayed(candidate: Candidate, situation: Situation) -> list[Way]:
    return [way for way in situation.ways if criteria.holds(way.stayed, candidate.attributes)]


def _restrained(candidate: Candidate, situation: Situation) -> list[Way]:
    return [way for way in situation.ways if criteria.holds(way.restrained, candidate.attributes)]


def _no_way(situation: Situation, live: Sequence[Way], stopped: Collection[Way]) -> bool:
    """Every way of the order is stopped, or every one that could have been used."""
    order = all(way in stopped for way in situation.ways)
    return order or (bool(live) and all(way in stopped for way in live))
