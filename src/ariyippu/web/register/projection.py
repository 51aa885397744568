"""From log entries to what the register shows. Pure: no Django, no file, no clock.

Each entry is checked again as far as the log allows: a signer is shown only where the signature fits the
document and the key stands in the trust document of that time. An entry that cannot be read is not passed
over in silence: its number goes to `Register.unread`.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from ariyippu.base.documents import Document, Envelope, Role, Trust, canonical_json, signers
from ariyippu.base.errors import RefusedError
from ariyippu.grant.documents import UseRequest
from ariyippu.notice.documents import Notice, Order
from ariyippu.policy.documents import Lift, Stay, subjects
from ariyippu.transparency.entries import LoggedEntry

# Entries hold whole seconds, rounded down: what happened within that second had happened at its end.
_END_OF_SECOND = dt.timedelta(microseconds=999_999)
_REFUSABLE: Mapping[str, type[Document]] = {
    kind.payload_type(): kind for kind in (Trust, UseRequest, Order, Stay, Lift)
}

D = TypeVar("D", bound=Document)
B = TypeVar("B", bound=BaseModel)


# --- what the register shows --------------------------------------------------------------------------


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


def projection(entries: Iterable[LoggedEntry]) -> Register:
    """The register after these entries, which come in the log's order."""
    reading = _Reading()
    for entry in entries:
        reading.take(entry)
    return reading.register()


def touches(stay: StayEntry, order: OrderEntry) -> bool:
    """Whether the stay's scope names the order, and both were in force at some same time."""
    names = any(stay.document.scope.stops(subject) for subject in subjects(order.document, order.notice))
    ended_before = stay.ends_at is not None and stay.ends_at <= order.place.at
    came_after = order.handed_off is not None and stay.document.starts_at > order.handed_off.place.at
    return names and not ended_before and not came_after


# --- reading ------------------------------------------------------------------------------------------


class _Signed(BaseModel):
    envelope: Envelope


class _Grant(_Signed):
    granted_until: AwareDatetime | None


class _Ordered(_Signed):
    notice: dict[str, object]


class _Refused(BaseModel):
    document: str = Field(max_length=200)
    document_kind: str = Field(max_length=120)
    code: str = Field(max_length=120)
    envelope: Envelope | None = None


class _AudienceBody(BaseModel):
    order: str
    root: str
    size: int
    counts: dict[str, int]


class _HandedOff(BaseModel):
    order: str
    outcomes: dict[str, dict[str, int]]


class _Failed(BaseModel):
    order: str
    code: str = Field(max_length=120)


class _Released(BaseModel):
    order: str


class _Reading:
    """What the entries so far have established. Documents are kept by digest: that is how entries refer to them."""

    def __init__(self) -> None:
        self._trust: Trust | None = None
        self._offices: dict[str, Both] = {}
        self._orders: dict[str, OrderEntry] = {}
        self._requests: dict[str, RequestEntry] = {}
        self._stays: dict[str, StayEntry] = {}
        self._refusals: dict[int, RefusalEntry] = {}
        self._unread: list[int] = []
        self._readers: Mapping[str, Callable[[LoggedEntry], None]] = {
            "trust": self._take_trust,
            "use-request": self._take_request,
            "order": self._take_order,
            "refusal": self._take_refusal,
            "audience": self._take_audience,
            "stay": self._take_stay,
            "lift": self._take_lift,
            "release": self._take_release,
            "handed-off": self._take_handed_off,
            "failed": self._take_failed,
        }

    def take(self, entry: LoggedEntry) -> None:
        """Add one entry. ValueError: malformed base64 in an envelope; KeyError: it names an unknown document."""
        if reader := self._readers.get(entry.kind):
            try:
                reader(entry)
            except (RefusedError, ValidationError, ValueError, KeyError):
                self._unread.append(entry.index)

    def register(self) -> Register:
        stays = tuple(self._stays.values())
        orders = [
            replace(order, stays=tuple(stay for stay in stays if touches(stay, order)))
            for order in self._orders.values()
        ]
        return Register(
            orders={order.document.id: order for order in reversed(orders)},
            requests={entry.document.id: entry for entry in reversed(self._requests.values())},
            stays={entry.document.id: entry for entry in reversed(self._stays.values())},
            refusals=dict(reversed(self._refusals.items())),
            trust=self._trust,
            unread=tuple(self._unread),
        )

    def _take_trust(self, entry: LoggedEntry) -> None:
        self._trust = _body(_Signed, entry).envelope.open(Trust)
        self._offices |= {office.id: Both(office.name_ml, office.name_en) for office in self._trust.offices}

    def _take_request(self, entry: LoggedEntry) -> None:
        body = _body(_Grant, entry)
        digest, document = body.envelope.digest, body.envelope.open(UseRequest)
        earlier = self._requests.pop(digest, None)  # asked first, granted later: one request
        self._requests[digest] = RequestEntry(
            places=(*(earlier.places if earlier else ()), _place(entry)),
            digest=digest,
            document=document,
            office=self._office(document.requester),
            signers=self._signers(body.envelope, entry),
            granted_until=body.granted_until,
        )

    def _take_order(self, entry: LoggedEntry) -> None:
        body = _body(_Ordered, entry)
        digest, document = body.envelope.digest, body.envelope.open(Order)
        if hashlib.sha256(canonical_json(body.notice)).hexdigest() != document.notice:
            raise RefusedError("order.other_notice", "The notice is not the one that the order names.")
        notice = Notice.model_validate(body.notice)
        owner = self._trust.registers.get(document.register, "") if self._trust else ""
        self._orders[digest] = OrderEntry(
            place=_place(entry),
            digest=digest,
            document=document,
            notice=notice,
            office=self._office(notice.office),
            owner=self._office(owner or document.register),
            signers=self._signers(body.envelope, entry),
            request=self._requests.get(document.use_request),
        )

    def _take_refusal(self, entry: LoggedEntry) -> None:
        body = _body(_Refused, entry)
        kind = _REFUSABLE.get(body.document_kind)
        document = _refused_document(body, kind)
        office = _claimed_office(document)
        refusal = RefusalEntry(
            place=_place(entry),
            digest=body.document,
            document_kind=kind.KIND if kind else body.document_kind,
            code=body.code,
            document=document,
            office=None if office is None else self._office(office),
            signers=self._signers(body.envelope, entry) if body.envelope else (),
        )
        self._refusals[entry.index] = refusal

    def _take_failed(self, entry: LoggedEntry) -> None:
        body = _body(_Failed, entry)
        self._orders[body.order] = replace(self._orders[body.order], failure=Failure(_place(entry), body.code))

    def _take_audience(self, entry: LoggedEntry) -> None:
        body = _body(_AudienceBody, entry)
        audience = Audience(_place(entry), body.root, body.size, body.counts)
        self._orders[body.order] = replace(self._orders[body.order], audience=audience)

    def _take_handed_off(self, entry: LoggedEntry) -> None:
        body = _body(_HandedOff, entry)
        handed_off = HandOff(_place(entry), body.outcomes)
        self._orders[body.order] = replace(self._orders[body.order], handed_off=handed_off)

    def _take_release(self, entry: LoggedEntry) -> None:
        order = self._orders[_body(_Released, entry).order]
        self._orders[order.digest] = replace(order, releases=(*order.releases, _place(entry)))

    def _take_stay(self, entry: LoggedEntry) -> None:
        envelope = _body(_Signed, entry).envelope
        document = envelope.open(Stay)
        signed_by = self._signers(envelope, entry)
        self._stays[envelope.digest] = StayEntry(
            _place(entry), envelope.digest, document, self._office(document.office), signed_by
        )

    def _take_lift(self, entry: LoggedEntry) -> None:
        envelope = _body(_Signed, entry).envelope
        document = envelope.open(Lift)
        lift = LiftEntry(_place(entry), document, self._signers(envelope, entry))
        self._stays[document.stay] = replace(self._stays[document.stay], lift=lift)

    def _office(self, office: str) -> Both:
        return self._offices.get(office, Both(office, office))

    def _signers(self, envelope: Envelope, entry: LoggedEntry) -> tuple[Signer, ...]:
        """Whose signature holds, one by one: a refused document may have others, too."""
        if self._trust is None:
            return ()
        found: dict[str, Signer] = {}
        for signature in envelope.signatures:
            alone = envelope.model_copy(update={"signatures": (signature,)})
            try:
                (key,) = signers(alone, self._trust, entry.at + _END_OF_SECOND)
            except (RefusedError, ValueError):
                continue
            found[key.key_id] = Signer(key.person, self._office(key.office), key.roles)
        return tuple(found.values())


def _place(entry: LoggedEntry) -> Place:
    return Place(entry.index, entry.at, entry.kind)


def _body(model: type[B], entry: LoggedEntry) -> B:
    return model.model_validate(dict(entry.body))


def _refused_document(body: _Refused, kind: type[Document] | None) -> Document | None:
    if kind is None or body.envelope is None:
        return None
    try:
        return body.envelope.open(kind)
    except (RefusedError, ValueError):  # refused for being malformed
        return None


def _claimed_office(document: Document | None) -> str | None:
    if isinstance(document, UseRequest):
        return document.requester
    return document.office if isinstance(document, Stay) else None
