"""The decision in plain Python: what the SQL of decide.py must agree with, rule by rule.

Pure. Exclusion comes before inclusion, and the first rule that applies gives the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ariyippu.notice.documents import Channel

Reason = Literal[
    "included",
    "order_not_in_force",
    "stayed",
    "deceased",
    "protected",
    "objected",
    "purpose_not_covered",
    "no_contact",
    "told_recently",
]


@dataclass(frozen=True)
class ChannelRule:
    """One channel of an order, in the order of choice."""

    channel: Channel
    column: str | None  # the register's contact column for it
    covered: bool  # the purpose is at or below what that contact was collected for
    stayed: bool


@dataclass(frozen=True)
class Situation:
    """What holds for every candidate of an order at the instant of the decision."""

    in_force: bool
    own_entitlement: bool
    channels: tuple[ChannelRule, ...]


@dataclass(frozen=True)
class Candidate:
    """What holds for one record that satisfies the order's criteria."""

    deceased: bool
    protected: bool
    objected: bool
    told_recently: bool
    contacts: frozenset[str]  # the contact columns that have a value


def decide(candidate: Candidate, situation: Situation) -> tuple[Reason, Channel | None]:
    """The reason, and the channel for who is included."""
    has = [rule for rule in situation.channels if rule.column in candidate.contacts]
    covered = [rule for rule in has if rule.covered]
    usable = [rule for rule in covered if not rule.stayed]
    reason = _reason(candidate, situation, has, covered, usable)
    return reason, usable[0].channel if reason == "included" else None


def _reason(
    candidate: Candidate,
    situation: Situation,
    has: Sequence[ChannelRule],
    covered: Sequence[ChannelRule],
    usable: Sequence[ChannelRule],
) -> Reason:
    rules: tuple[tuple[bool, Reason], ...] = (
        (not situation.in_force, "order_not_in_force"),
        (all(rule.stayed for rule in situation.channels) or (bool(covered) and not usable), "stayed"),
        (candidate.deceased, "deceased"),
        (candidate.protected and not situation.own_entitlement, "protected"),
        (candidate.objected, "objected"),
        (bool(has) and not covered, "purpose_not_covered"),
        (not has, "no_contact"),
        (candidate.told_recently, "told_recently"),
    )
    return next((reason for applies, reason in rules if applies), "included")
