"""What the register shows: orders, use requests, stays and refusals, as the log has them. Pure."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ariyippu.base.documents import Document, Role, Trust
from ariyippu.grant.documents import UseRequest
from ariyippu.notice.documents import Notice, Order
from ariyippu.policy.documents import Lift, Stay, subjects


class State(StrEnum):
    """Where an order is on its way, as far as the log tells."""

    ANNOUNCED = "announced"
    SENDING = "sending"
    STAYED = "stayed"
    FAILED = "failed"
    HANDED_OFF = "handed_off"


@dataclass(frozen=True)
class Both:
    """A name or a text in both languages."""

    ml: str
    en: str


@dataclass(frozen=True)
class Place:
    """An entry's place in the log."""

    index: int
    at: dt.datetime
    kind: str


@dataclass(frozen=True)
class Signer:
    """Who signed: a designation, never a name, with its office and roles."""

    person: str
    office: Both
    roles: tuple[Role, ...]


@dataclass(frozen=True)
class RequestEntry:
    """A use request; granted when `granted_until` is set."""

    places: tuple[Place, ...]
    digest: str
    document: UseRequest
    office: Both
    signers: tuple[Signer, ...]
    granted_until: dt.datetime | None


@dataclass(frozen=True)
class LiftEntry:
    place: Place
    document: Lift
    signers: tuple[Signer, ...]


@dataclass(frozen=True)
class StayEntry:
    """A stay, and the lift that ended it early."""

    place: Place
    digest: str
    document: Stay
    authority: Both
    signers: tuple[Signer, ...]
    lift: LiftEntry | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.place,) if self.lift is None else (self.place, self.lift.place)

    @property
    def ends_at(self) -> dt.datetime | None:
        if self.lift is None:
            return self.document.ends_at
        return min(self.lift.place.at, self.document.ends_at or self.lift.place.at)

    def is_active(self, at: dt.datetime) -> bool:
        return self.document.starts_at <= at and (self.ends_at is None or at < self.ends_at)

    def is_over(self, at: dt.datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= at


@dataclass(frozen=True)
class Audience:
    """How many were included and how many not, by reason: rounded, and 0 means fewer than ten."""

    place: Place
    root: str
    size: int
    counts: Mapping[str, int]

    @property
    def included(self) -> int:
        return self.counts.get("included", 0)


@dataclass(frozen=True)
class HandOff:
    """What became of the messages: channel -> outcome -> rounded count."""

    place: Place
    outcomes: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class OrderEntry:
    """An order, its notice, and everything that was logged about it."""

    place: Place
    digest: str
    document: Order
    notice: Notice
    office: Both
    owner: Both
    signers: tuple[Signer, ...]
    request: RequestEntry | None
    advice: tuple[str, ...] = ()  # the linter's codes that did not refuse it
    audience: Audience | None = None
    handed_off: HandOff | None = None
    releases: tuple[Place, ...] = ()
    failure: "Failure | None" = None
    stays: tuple[StayEntry, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        later = [part.place for part in (self.audience, self.handed_off, self.failure) if part is not None]
        return tuple(sorted((self.place, *later, *self.releases), key=lambda place: place.index))

    def stayed_channels(self, at: dt.datetime) -> tuple[str, ...]:
        """Channels that stand still: under a stay, or after one that ended and before a release."""
        if self.handed_off is not None:
            return ()
        released_at = self.releases[-1].at if self.releases else self.place.at
        holding = [
            stay
            for stay in self.stays
            if stay.document.starts_at <= at and (stay.ends_at is None or stay.ends_at > released_at)
        ]
        return tuple(c for c in self.document.channels if any(s.document.scope.channel in (None, c) for s in holding))

    def state(self, at: dt.datetime) -> State:
        if self.handed_off is not None:
            return State.HANDED_OFF
        if self.failure is not None:
            return State.FAILED
        if len(self.stayed_channels(at)) == len(self.document.channels):
            return State.STAYED
        return State.ANNOUNCED if self.audience is None else State.SENDING


@dataclass(frozen=True)
class Failure:
    """Why an accepted order came to nothing."""

    place: Place
    code: str


@dataclass(frozen=True)
class RefusalEntry:
    """A document that was refused. `document` is None when it was not even readable."""

    place: Place
    digest: str
    document_kind: str
    code: str
    document: Document | None
    office: Both | None
    signers: tuple[Signer, ...]


@dataclass(frozen=True)
class Register:
    """Everything, the newest first. Orders, requests and stays also by their id."""

    orders: Mapping[str, OrderEntry]
    requests: Mapping[str, RequestEntry]
    stays: Mapping[str, StayEntry]
    refusals: Mapping[int, RefusalEntry]
    trust: Trust | None
    unread: tuple[int, ...]

    def active_stays(self, at: dt.datetime) -> tuple[StayEntry, ...]:
        return tuple(stay for stay in self.stays.values() if stay.is_active(at))

    def orders_under(self, request: RequestEntry) -> tuple[OrderEntry, ...]:
        return tuple(order for order in self.orders.values() if order.document.use_request == request.digest)

    def orders_touched_by(self, stay: StayEntry) -> tuple[OrderEntry, ...]:
        return tuple(order for order in self.orders.values() if any(s.digest == stay.digest for s in order.stays))


EMPTY = Register({}, {}, {}, {}, None, ())


def touches(stay: StayEntry, order: OrderEntry) -> bool:
    """Whether the stay's scope names the order, and both were in force at some same time."""
    names = any(stay.document.scope.stops(subject) for subject in subjects(order.document, order.notice))
    ended_before = stay.ends_at is not None and stay.ends_at <= order.place.at
    came_after = order.handed_off is not None and stay.document.starts_at > order.handed_off.place.at
    return names and not ended_before and not came_after
