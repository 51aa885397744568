"""What the register shows: orders, use requests, stays and refusals, as the log has them. Pure."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from ariyippu.base.documents import Document, Role, Trust
from ariyippu.grant.documents import Refusal, UseRequest, Withdrawal
from ariyippu.notice.documents import Notice, Order, StandingOrder
from ariyippu.policy.documents import Amendment, Confirmation, Lift, Stay, Subject, Terms, subjects
from ariyippu.policy.spans import Span, spans

CONFIRM_WITHIN_HOURS = 24  # a stay that was entered from paper, before the register says that nobody has

D = TypeVar("D", bound=Document)


class State(StrEnum):
    """Where an order is on its way, as far as the log tells."""

    ANNOUNCED = "announced"
    SENDING = "sending"
    STAYED = "stayed"
    FAILED = "failed"
    EXPIRED = "expired"
    HANDED_OFF = "handed_off"


class RequestState(StrEnum):
    """What became of a use request."""

    ASKED = "asked"
    REFUSED = "refused"
    GRANTED = "granted"
    USED = "used"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


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
    acting_for: tuple[str, ...] = ()  # colleagues who delegated a role, by designation


@dataclass(frozen=True)
class CountEntry:
    """A count that the requesting office was told: in tens, 0 for fewer than ten; None where it was withheld."""

    place: Place
    on: dt.date
    register: str
    answer: int | None
    withheld: str


@dataclass(frozen=True)
class Act(Generic[D]):
    """A document that changes something about another: a refusal, an amendment, a lift."""

    place: Place
    digest: str
    document: D
    signers: tuple[Signer, ...]


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
class RequestEntry:
    """A use request and its life so far; granted when `granted_until` is set."""

    places: tuple[Place, ...]
    digest: str
    document: UseRequest
    office: Both
    principal: Both | None
    signers: tuple[Signer, ...]
    granted_until: dt.datetime | None = None
    counts: tuple[CountEntry, ...] = ()
    by_the_vault: tuple[RefusalEntry, ...] = ()
    refused: Act[Refusal] | None = None  # by an officer
    withdrawn: Act[Withdrawal] | None = None

    def state(self, at: dt.datetime, *, used: bool) -> RequestState:
        """`used`: an order was placed under it."""
        if self.withdrawn is not None:
            return RequestState.WITHDRAWN
        if self.granted_until is None:
            refused = self.refused is not None or self.by_the_vault
            return RequestState.REFUSED if refused else RequestState.ASKED
        if self.granted_until <= at:
            return RequestState.EXPIRED
        return RequestState.USED if used else RequestState.GRANTED


@dataclass(frozen=True)
class LinkingEntry:
    """A linking run: which snapshots it read, under which grant, and what came of it, rounded."""

    place: Place
    run: str
    request: RequestEntry
    snapshots: Mapping[str, str]
    records: int
    persons: int
    certain: int
    possible: int


@dataclass(frozen=True)
class StoppedOrder:
    """What a stay stopped of one order: rounded counts. `waiting` is None when nobody had been decided about."""

    order: str  # the order's digest
    handed_off: int
    in_hand: int
    waiting: int | None


@dataclass(frozen=True)
class Stopped:
    """What was stopped when a stay came (number 0), or by its n-th amendment."""

    place: Place
    number: int
    at: dt.datetime
    orders: tuple[StoppedOrder, ...]


@dataclass(frozen=True)
class StayEntry:
    """A stay, and what changed it or ended it early."""

    place: Place
    digest: str
    document: Stay
    authority: Both
    signers: tuple[Signer, ...]
    amendments: tuple[Act[Amendment], ...] = ()
    confirmation: Act[Confirmation] | None = None
    lift: Act[Lift] | None = None
    stopped: tuple[Stopped, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        acts = (*self.amendments, *self.stopped, self.confirmation, self.lift)
        later = [act.place for act in acts if act is not None]
        return (self.place, *sorted(later, key=lambda place: place.index))

    @property
    def spans(self) -> tuple[Span, ...]:
        """Its terms, one after the other."""
        amended = [(act.document, act.place.at) for act in self.amendments]
        return spans(self.document, amended, None if self.lift is None else self.lift.place.at)

    @property
    def terms(self) -> Terms:
        """The terms that it has, or had last."""
        return self.spans[-1].terms

    @property
    def ends_at(self) -> dt.datetime | None:
        return self.spans[-1].ends_at

    def is_active(self, at: dt.datetime) -> bool:
        return any(span.stands(at) for span in self.spans)

    def is_over(self, at: dt.datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= at

    def is_unconfirmed(self, at: dt.datetime) -> bool:
        """It was entered from paper, and nobody else has confirmed that in the time that there is for it."""
        late = self.place.at + dt.timedelta(hours=CONFIRM_WITHIN_HOURS) <= at
        return self.document.paper is not None and self.confirmation is None and late


@dataclass(frozen=True)
class Audience:
    """How many were included and how many not, by reason: rounded, and 0 means fewer than ten."""

    place: Place
    root: str
    size: int
    counts: Mapping[str, int]
    linking: LinkingEntry | None  # the run over whose links exclusions travelled, and contacts were lent
    rules: tuple[str, ...] = ()  # of grant/rules.toml, in force when it was decided

    @property
    def included(self) -> int:
        return self.counts.get("included", 0)


@dataclass(frozen=True)
class HandOff:
    """What became of the messages: channel -> outcome -> rounded count."""

    place: Place
    outcomes: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class BillEntry:
    """A carrier's bill, held against what left: rounded counts. `file`: its SHA-256."""

    place: Place
    carrier: str
    file: str
    first_on: dt.date
    last_on: dt.date
    lines: int
    sent: int
    unknown: int
    differences: Mapping[str, int]


@dataclass(frozen=True)
class StandingEntry:
    """A standing order and its notice; what it comes to are orders of their own."""

    place: Place
    digest: str
    document: StandingOrder
    notice: Notice
    office: Both
    owner: Both
    signers: tuple[Signer, ...]
    request: RequestEntry | None
    advice: tuple[str, ...]


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
    standing: StandingEntry | None = None  # the standing order that came to this one
    audience: Audience | None = None
    handed_off: HandOff | None = None
    releases: tuple[Place, ...] = ()
    operations: tuple[Place, ...] = ()  # what those who run the vault did about it
    failure: "Failure | None" = None
    stays: tuple[StayEntry, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        later = [part.place for part in (self.audience, self.handed_off, self.failure) if part is not None]
        return tuple(sorted((self.place, *later, *self.releases, *self.operations), key=lambda place: place.index))

    def subjects(self) -> tuple[Subject, ...]:
        """Its ways to reach people, as stays see them."""
        return subjects(self.document, self.notice, {})

    def stayed_channels(self, at: dt.datetime) -> tuple[str, ...]:
        """Channels that stand still for everyone: under a stay, or after one that ended and before a release."""
        if self.handed_off is not None:
            return ()
        own = (subject for subject in self.subjects() if subject.contact_of is None)  # what is lent may stand alone
        return tuple(s.channel for s in own if any(not partly for partly in self._held_up(s, at)))

    def is_partly_stayed(self, at: dt.datetime) -> bool:
        """Whether some of its people stand still: those of a district or of a cohort."""
        return self.handed_off is None and any(any(self._held_up(subject, at)) for subject in self.subjects())

    def _held_up(self, subject: Subject, at: dt.datetime) -> Iterator[bool]:
        """For each span that holds the subject up, whether it does so for some people only."""
        released_at = self.releases[-1].at if self.releases else self.place.at
        for span in (span for stay in self.stays for span in stay.spans):
            if span.terms.names(subject) and span.holds_up(released_at, at):
                yield span.terms.scope.is_partial

    def state(self, at: dt.datetime) -> State:
        if self.handed_off is not None:  # its time is over, or everybody was told: nobody was unless decided about
            return State.EXPIRED if self.audience is None else State.HANDED_OFF
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
class Register:
    """Everything, the newest first. Orders, standing orders, requests, linking runs and stays also by their id."""

    orders: Mapping[str, OrderEntry]
    standing: Mapping[str, StandingEntry]
    requests: Mapping[str, RequestEntry]  # of those of one name, the granted one
    asked: tuple[RequestEntry, ...]  # every one
    linkings: Mapping[str, LinkingEntry]
    stays: Mapping[str, StayEntry]
    refusals: Mapping[int, RefusalEntry]
    bills: tuple[BillEntry, ...]
    trust: Trust | None
    unread: tuple[int, ...]

    def active_stays(self, at: dt.datetime) -> tuple[StayEntry, ...]:
        return tuple(stay for stay in self.stays.values() if stay.is_active(at))

    def request_state(self, request: RequestEntry, at: dt.datetime) -> RequestState:
        return request.state(at, used=bool(self.orders_under(request)))

    def requests_with(self, sha256: str) -> tuple[RequestEntry, ...]:
        """The use requests with this fingerprint, or with a paper attached that has it."""
        return tuple(
            request
            for request in self.asked
            if sha256 == request.digest or sha256 in {paper.sha256 for paper in request.document.attachments}
        )

    def stays_with(self, sha256: str) -> tuple[StayEntry, ...]:
        """The stays with this fingerprint, or that were entered from a paper that has it."""
        return tuple(
            stay
            for stay in self.stays.values()
            if sha256 == stay.digest or (stay.document.paper is not None and sha256 == stay.document.paper.sha256)
        )

    def orders_under(self, request: RequestEntry) -> tuple[OrderEntry, ...]:
        return tuple(order for order in self.orders.values() if order.document.use_request == request.digest)

    def orders_with(self, digest: str) -> tuple[OrderEntry, ...]:
        """The orders that are, or carry the notice that is, the document with this digest."""
        return tuple(order for order in self.orders.values() if digest in (order.digest, order.document.notice))

    def linkings_under(self, request: RequestEntry) -> tuple[LinkingEntry, ...]:
        return tuple(linking for linking in self.linkings.values() if linking.request.digest == request.digest)

    def triggers_of(self, standing: StandingEntry) -> tuple[OrderEntry, ...]:
        return tuple(
            order for order in self.orders.values() if order.standing and order.standing.digest == standing.digest
        )

    def corrected_by(self, order: OrderEntry) -> OrderEntry | None:
        """The order that this one puts right."""
        return next((other for other in self.orders.values() if other.digest == order.document.corrects), None)

    def corrections_of(self, order: OrderEntry) -> tuple[OrderEntry, ...]:
        return tuple(other for other in self.orders.values() if other.document.corrects == order.digest)

    def orders_touched_by(self, stay: StayEntry) -> tuple[OrderEntry, ...]:
        return tuple(order for order in self.orders.values() if any(s.digest == stay.digest for s in order.stays))


EMPTY = Register({}, {}, {}, (), {}, {}, {}, (), None, ())


def touches(stay: StayEntry, order: OrderEntry) -> bool:
    """Whether the stay ever named the order while both were in force."""
    for span in stay.spans:
        ended_before = span.ends_at is not None and span.ends_at <= order.place.at
        came_after = order.handed_off is not None and span.starts_at > order.handed_off.place.at
        names = any(span.terms.names(subject) for subject in order.subjects())
        if names and not ended_before and not came_after:
            return True
    return False
