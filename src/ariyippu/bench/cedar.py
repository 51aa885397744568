"""The decision in Cedar (https://www.cedarpolicy.com): a third engine, which tests hold the other two against.

For tests and measurements alone: cedarpy is a development dependency. A situation becomes a set of policies;
each candidate is asked about on each way (an action). Whatever forbids a candidate has a policy of its own,
in the order of the rules, so that the first of the policies that decided gives the reason. What Cedar cannot
ask, which of several people has a contact first, is reckoned here, and asked in a second round.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cedarpy

from ariyippu.notice.criteria import All, AnyOf, In, Node, Not
from ariyippu.policy.reference import Candidate, Decision, Marks, Reason, Situation, Way

Request = dict[str, Any]


def decide(population: Sequence[Candidate], situation: Situation) -> list[Decision]:
    """As reference.decide. Candidates' records are distinct. ValueError for a criteria node that it does not know."""
    policies = Policies(situation)
    decisions = prepare(population, policies).ask()
    late = _too_late(population, decisions)
    return prepare(population, policies, late).ask() if late else decisions


@dataclass(frozen=True)
class Asked:
    """A batch of candidates, as cedarpy takes it."""

    policies: "Policies"
    entities: str
    requests: Sequence[Request]
    preferred: Sequence[str | None]  # the channel of each candidate's choice

    def ask(self) -> list[Decision]:
        """About each candidate, in their order."""
        places = len(self.policies.situation.ways)
        entities = cedarpy.Entities.from_json_str(self.entities)
        found = cedarpy.is_authorized_batch(list(self.requests), self.policies.compiled, entities)
        starts = range(0, len(found), places)
        asked = zip(starts, self.preferred, strict=True)
        return [self.policies.read(found[start : start + places], channel) for start, channel in asked]


def prepare(population: Sequence[Candidate], policies: "Policies", late: frozenset[bytes] = frozenset()) -> Asked:
    """What is asked about candidates; `late`: who has a contact that somebody before them has."""
    places = range(len(policies.situation.ways))
    requests = [request(one.record, place, one.record in late) for one in population for place in places]
    entities = json.dumps([entity(one, policies.situation) for one in population])
    return Asked(policies, entities, requests, [one.own.prefers or one.linked.prefers for one in population])


def _too_late(population: Sequence[Candidate], decisions: Sequence[Decision]) -> frozenset[bytes]:
    """Who is included for an impersonal text, and has a contact that somebody included before them has."""
    taken, late = set[bytes](), set[bytes]()
    for one, (_reason, way) in sorted(zip(population, decisions, strict=True), key=lambda pair: pair[0].record):
        if way is not None and not way.personal:
            contact = one.contacts[way.contact_of, way.column or ""]
            late |= {one.record} if contact in taken else set()
            taken.add(contact)
    return frozenset(late)


def request(record: bytes, place: int, is_late: bool = False) -> Request:
    """May this candidate be told on this way?"""
    return {
        "principal": f'Candidate::"{record.hex()}"',
        "action": f'Action::"{place}"',
        "resource": 'Order::"this"',
        "context": {"is_late": is_late},
    }


# --- what is known of candidates ----------------------------------------------------------------------


def entity(one: Candidate, situation: Situation) -> Mapping[str, Any]:
    """A candidate's attributes; absent ones are left out, days are numbers."""
    ways = enumerate(situation.ways)
    attributes: dict[str, Any] = {
        **_marks(one.own, ""),
        **_marks(one.linked, "linked_"),
        "minor": one.minor,
        "capped": one.capped,
        "contacts": [place for place, way in ways if (way.contact_of, way.column) in one.contacts],
        "suspended": sorted(one.suspended),
        "verified": sorted(one.verified),
    }
    attributes |= {f"at_{name}": _value(value) for name, value in one.attributes.items() if value is not None}
    return {"uid": {"type": "Candidate", "id": one.record.hex()}, "attrs": attributes, "parents": []}


def _marks(marks: Marks, prefix: str) -> dict[str, bool]:
    return {f"{prefix}{name}": holds for name, holds in vars(marks).items() if name != "prefers"}


def _value(value: object) -> object:
    return value.toordinal() if isinstance(value, dt.date) else value


# --- what a situation forbids -------------------------------------------------------------------------


class Policies:
    """A situation's policies: one that permits all, one for each reason, and one for each way that is no way."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        rules = self._rules()
        self._reasons: dict[str, Reason] = {f"policy{at}": reason for at, (reason, _) in enumerate(rules, 1)}
        forbidden = [f"forbid(principal, action, resource) when {{ {when} }};" for _reason, when in rules]
        closed = [
            f'forbid(principal, action == Action::"{place}", resource) unless {{ {_and(live, _not(stopped))} }};'
            for place, (live, stopped) in enumerate(zip(self._live(), self._stopped(), strict=True))
        ]
        text = "\n".join(["permit(principal, action, resource);", *forbidden, *closed])
        self.compiled = cedarpy.PolicySet.from_str(text)

    def read(self, results: Sequence[cedarpy.AuthzResult], preferred: str | None) -> Decision:
        """The decision about a candidate, from the answers about every way; of those allowed, which one is reckoned."""
        if errors := [error for result in results for error in result.diagnostics.errors]:
            raise ValueError(errors[0])
        allowed = [way for way, result in zip(self.situation.ways, results, strict=True) if result.allowed]
        if allowed:
            wanted = [way for way in allowed if way.channel == preferred and not self.situation.emergency]
            return "included", (wanted or allowed)[0]
        deciding = set().union(*(result.diagnostics.reasons for result in results))
        return next(reason for policy, reason in self._reasons.items() if policy in deciding), None

    def _rules(self) -> list[tuple[Reason, str]]:
        now = self.situation
        asked, guarded = _is(not now.emergency), _is(not now.own_entitlement)
        has, covered, consented = self._has(), self._covered(), self._consented()
        fresh, live, stayed, stopped = self._fresh(), self._live(), self._stayed(), self._stopped()
        return [
            ("order_not_in_force", _is(not now.in_force)),
            ("stayed", _no_way(live, stayed)),
            ("restrained", _no_way(live, stopped)),
            ("purpose_not_covered", _and(_or(*has), _not(_or(*covered)))),
            ("protected", _and("principal.protected", guarded)),
            ("protected_linked", _and("principal.linked_protected", guarded)),
            ("deceased", "principal.deceased"),
            ("deceased_linked", "principal.linked_deceased"),
            ("minor", "principal.minor"),
            ("erased", "principal.erased"),
            ("erased_linked", "principal.linked_erased"),
            ("objected", _and("principal.objected", asked)),
            ("objected_linked", _and("principal.linked_objected", asked)),
            ("no_contact", _not(_or(*has))),
            ("no_consent", _not(_or(*consented))),
            ("contact_stale", _not(_or(*fresh))),
            ("contact_suspended", _not(_or(*live))),
            ("told_recently", _and("principal.told", asked)),
            ("told_linked", _and("principal.linked_told", asked)),
            ("capped", _and("principal.capped", asked)),
            ("contact_shared", "context.is_late"),
        ]

    def _has(self) -> list[str]:
        return [f"principal.contacts.contains({place})" for place in range(len(self.situation.ways))]

    def _covered(self) -> list[str]:
        return [_and(has, _is(way.covered)) for has, way in zip(self._has(), self.situation.ways, strict=True)]

    def _consented(self) -> list[str]:
        return [_and(one, _is(way.consented)) for one, way in zip(self._covered(), self.situation.ways, strict=True)]

    def _fresh(self) -> list[str]:
        ways = zip(self._consented(), self.situation.ways, strict=True)
        return [_and(consented, self._is_fresh(way)) for consented, way in ways]

    def _is_fresh(self, way: Way) -> str:
        if way.contact_of is not None:
            return "true"
        lately = _is(way.handed_over_lately)
        if way.verified_on is not None:
            day = f"at_{way.verified_on}"
            lately = f"(principal has {day} && principal.{day} >= {self.situation.fresh_since.toordinal()})"
        return _or(f'principal.verified.contains("{way.column}")', lately)

    def _live(self) -> list[str]:
        return [
            fresh if way.contact_of is not None else _and(fresh, f'!principal.suspended.contains("{way.column}")')
            for fresh, way in zip(self._fresh(), self.situation.ways, strict=True)
        ]

    def _stayed(self) -> list[str]:
        return [_criteria(way.stayed) for way in self.situation.ways]

    def _stopped(self) -> list[str]:
        return [_or(_criteria(way.stayed), _criteria(way.restrained)) for way in self.situation.ways]


def _no_way(live: Sequence[str], stopped: Sequence[str]) -> str:
    left = [_and(one, _not(other)) for one, other in zip(live, stopped, strict=True)]
    return _or(_and(*stopped), _and(_or(*live), _not(_or(*left))))


def _criteria(node: Node) -> str:
    match node:
        case All(parts):
            return _and(*map(_criteria, parts))
        case AnyOf(parts):
            return _or(*map(_criteria, parts))
        case Not(part):
            return _not(_criteria(part))
        case In(field, values):
            listed = ", ".join(f'"{value}"' for value in values)
            return f"(principal has at_{field} && [{listed}].contains(principal.at_{field}))"
    raise ValueError(node)


def _and(*parts: str) -> str:
    return f"({' && '.join(parts)})" if parts else "true"


def _or(*parts: str) -> str:
    return f"({' || '.join(parts)})" if parts else "false"


def _not(part: str) -> str:
    return f"!({part})"


def _is(value: bool) -> str:
    return "true" if value else "false"
