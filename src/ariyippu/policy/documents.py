"""The documents of policy: a stay, what changes it, and the lift that ends one early.

    stay           placed by one authorised key
    amendment      other terms: one key when they only stop more, else everyone whom a lift takes
    confirmation   a second officer has seen the paper that a stay was entered from
    lift           the end, before the stay's own

The restraint of an election is a stay whose scope says `restraint`: it stops what the taxonomy does not
mark as flowing under one. So there is one way to stop, and one to go on.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self, get_args

from pydantic import AwareDatetime, Field, model_validator

from ariyippu.base.documents import Document, Paper, Part, added
from ariyippu.base.errors import RefusedError
from ariyippu.grant import purposes
from ariyippu.notice import criteria
from ariyippu.notice.criteria import EVERYONE, All, AnyOf, Exists, In, Node, Not
from ariyippu.notice.documents import Channel, Notice, Order, Trigger

District = Literal[
    "ALAPPUZHA",
    "ERNAKULAM",
    "IDUKKI",
    "KANNUR",
    "KASARAGOD",
    "KOLLAM",
    "KOTTAYAM",
    "KOZHIKODE",
    "MALAPPURAM",
    "PALAKKAD",
    "PATHANAMTHITTA",
    "THIRUVANANTHAPURAM",
    "THRISSUR",
    "WAYANAD",
]
DISTRICTS: tuple[District, ...] = get_args(District)
DISTRICT_FIELD = "district"  # what every contract calls the column


class Scope(Part):
    """What a stay stops. Every field that is set must match; with none set it stops everything."""

    order: str | None = None
    register: str | None = None
    purpose: str | None = None
    office: str | None = None
    channel: Channel | None = None
    notice: str | None = added()
    districts: tuple[District, ...] | None = added(min_length=1, max_length=len(DISTRICTS))
    cohort: dict[str, object] | None = added(description="Criteria over a register's attributes: notice/criteria.py.")
    restraint: bool = added(default=False, description="Only what must not flow while an election is on.")

    def stops(self, subject: "Subject") -> bool:
        """Whether the scope names this subject, or some of its people.

        A purpose names those below it too; a register names the contacts that it lends.
        """
        return (
            self.order in (None, subject.order, subject.standing)
            and self.notice in (None, subject.notice)
            and self.register in (None, subject.register, subject.contact_of)
            and self.office in (None, subject.office)
            and self.channel in (None, subject.channel)
            and (self.purpose is None or purposes.is_at_or_below(subject.purpose, self.purpose))
            and not (self.restraint and purposes.flows_in_restraint(subject.purpose))
        )

    @property
    def is_everything(self) -> bool:
        return self == Scope()

    @property
    def is_partial(self) -> bool:
        """Whether it may stop some of a subject's people and not others."""
        return self.districts is not None or self.cohort is not None

    def whom(self, attributes: Mapping[str, str]) -> Node:
        """Of the people of a subject that the scope names: those whom it stops.

        `attributes` are the register's, with their types. What they cannot answer counts as answered with
        yes, and a record of which nobody can tell that it is outside counts as inside.
        """
        parts = [part for part in (self._within_districts(attributes), self._in_cohort(attributes)) if part != EVERYONE]
        return All(tuple(parts))

    def _within_districts(self, attributes: Mapping[str, str]) -> Node:
        others = [name for name in DISTRICTS if name not in (self.districts or DISTRICTS)]
        if not others or attributes.get(DISTRICT_FIELD) not in ("enum", "text"):
            return EVERYONE
        return Not(In(DISTRICT_FIELD, tuple(others)))

    def _in_cohort(self, attributes: Mapping[str, str]) -> Node:
        if self.cohort is None:
            return EVERYONE
        try:
            cohort = criteria.parse(self.cohort, attributes)
        except RefusedError:
            return EVERYONE
        absent = (Not(Exists(name)) for name in sorted(criteria.compared(cohort)))
        return AnyOf((cohort, *absent))

    def covers(self, other: "Scope") -> bool:
        """Whether this scope stops whatever the other stops: each field is unset, the same, or wider."""
        same = ("order", "notice", "register", "office", "channel", "cohort")
        return (
            all(getattr(self, name) in (None, getattr(other, name)) for name in same)
            and (self.purpose is None or _is_at_or_below(other.purpose, self.purpose))
            and (self.districts is None or set(other.districts or DISTRICTS) <= set(self.districts))
            and (other.restraint or not self.restraint)
        )


def _is_at_or_below(purpose: str | None, above: str) -> bool:
    return purpose is not None and purposes.is_at_or_below(purpose, above)


@dataclass(frozen=True)
class Subject:
    """What a stay's scope is held against: one channel of one order, and whose contacts it uses."""

    order: str  # the order's id, as the public register shows it
    register: str
    purpose: str
    office: str
    channel: Channel
    standing: str | None = None  # the id of the standing order that came to this one
    contact_of: str | None = None  # the register that lends the contacts; None: the order's own
    notice: str = ""  # the notice's id
    digests: frozenset[str] = frozenset()  # the order's and the notice's: what a leave names
    attributes: Mapping[str, str] = field(default_factory=dict)  # the register's, with their types


def subjects(order: Order, notice: Notice, attributes: Mapping[str, str]) -> tuple[Subject, ...]:
    """An order's ways to reach people in their order of choice, as stays see them: own contacts, then borrowed ones."""
    own = None, *(part.register for part in order.contacts_of)
    ways: list[tuple[Channel, str | None]] = [
        (channel, lender) for lender in own for channel in order.channels if channel != "inbox"
    ]
    if "inbox" in order.channels:
        ways.append(("inbox", None))  # after all that is lent
    return tuple(
        Subject(
            order=order.id,
            register=order.register,
            purpose=order.purpose,
            office=notice.office,
            channel=channel,
            standing=order.standing_id if isinstance(order, Trigger) else None,
            contact_of=contact_of,
            notice=notice.id,
            digests=_digests(order),
            attributes=attributes,
        )
        for channel, contact_of in ways
    )


def _digests(order: Order) -> frozenset[str]:
    """What a leave may name to let this order pass."""
    named = {order.digest(), order.notice}
    return frozenset(named | {order.standing}) if isinstance(order, Trigger) else frozenset(named)


@dataclass(frozen=True)
class Terms:
    """What a stay stops at one time, but for what has leave, and until when."""

    scope: Scope
    ends_at: dt.datetime | None
    leave: frozenset[str] = frozenset()  # digests of notices and orders

    def names(self, subject: Subject) -> bool:
        """Whether these terms stop the subject, or some of its people."""
        return self.scope.stops(subject) and not subject.digests & self.leave

    def whom(self, subject: Subject) -> Node | None:
        """Whom of the subject's people these terms stop; None when they do not name it."""
        return self.scope.whom(subject.attributes) if self.names(subject) else None

    def widen(self, other: "Terms") -> bool:
        """Whether these stop whatever the other terms do, for at least as long."""
        as_long = self.ends_at is None or (other.ends_at is not None and self.ends_at >= other.ends_at)
        return as_long and self.leave <= other.leave and self.scope.covers(other.scope)


class Stay(Document):
    """Stop, now. One key of a court liaison, an election officer or a custodian is enough."""

    KIND: ClassVar[str] = "stay"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    office: str = Field(description="The authority that places it.")
    reference: str = Field(min_length=1, max_length=120, description="The court's or commission's own number.")
    scope: Scope
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None
    paper: Paper | None = added(description="The order on paper that a custodian enters: a second officer confirms it.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be after starts_at")
        return self

    @property
    def terms(self) -> Terms:
        return Terms(self.scope, self.ends_at)


class Amendment(Document):
    """Other terms for a stay that stands, in place of all that it had; they hold from their acceptance on."""

    KIND: ClassVar[str] = "amendment"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    stay: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the stay.")
    number: int = Field(ge=1, le=1000, description="1 for the stay's first amendment, then one more each time.")
    reference: str = Field(min_length=1, max_length=120)
    scope: Scope
    ends_at: AwareDatetime | None
    leave: tuple[str, ...] = Field(
        max_length=100, description="Digests of the notices or orders that may go on although the scope names them."
    )

    @property
    def terms(self) -> Terms:
        return Terms(self.scope, self.ends_at, frozenset(self.leave))


class Confirmation(Document):
    """A second officer has compared the stay with the paper that it was entered from."""

    KIND: ClassVar[str] = "confirmation"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    stay: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the stay.")
    paper: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the scan that was compared.")


class Lift(Document):
    """End a stay early: the whole quorum, and the authority that placed it, must sign."""

    KIND: ClassVar[str] = "lift"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    stay: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the stay.")
    reference: str = Field(min_length=1, max_length=120)
