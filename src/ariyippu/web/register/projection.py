"""From log entries to what the register shows (shown.py). Pure: no Django, no file, no clock.

Each entry is checked again as far as the log allows: a signer is shown only where the signature fits the
document and the key stands in the trust document of that time. An entry that cannot be read is not passed
over in silence: its number goes to `Register.unread`.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ariyippu.base.documents import Document, Trust, canonical_json
from ariyippu.base.errors import RefusedError
from ariyippu.grant.documents import Refusal, UseRequest, Withdrawal
from ariyippu.notice.documents import Notice, Order, Question, StandingOrder, Trigger
from ariyippu.policy.documents import Amendment, Confirmation, Lift, Stay
from ariyippu.transparency.entries import LoggedEntry
from ariyippu.web.officer import KINDS
from ariyippu.web.register import bodies
from ariyippu.web.register.shown.orders import Audience, Failure, HandOff, Ordered, OrderEntry, StandingEntry, touches
from ariyippu.web.register.shown.parts import Act, BillEntry, CountEntry, Place, RefusalEntry
from ariyippu.web.register.shown.requests import LinkingEntry, RequestEntry
from ariyippu.web.register.shown.stays import Recalled, StayEntry, Stopped, StoppedOrder
from ariyippu.web.register.shown.whole import Register
from ariyippu.web.register.who import Who

_REFUSABLE: Mapping[str, type[Document]] = {kind.payload_type(): kind for kind in KINDS.values()}

B = TypeVar("B", bound=BaseModel)
D = TypeVar("D", bound=Document)


def projection(entries: Iterable[LoggedEntry]) -> Register:
    """The register after these entries, which come in the log's order."""
    reading = _Reading()
    for entry in entries:
        reading.take(entry)
    return reading.register()


class _Reading:
    """What the entries so far have established. Documents are kept by digest: that is how entries refer to them."""

    def __init__(self) -> None:
        self._who = Who()
        self._orders: dict[str, OrderEntry] = {}
        self._standing: dict[str, StandingEntry] = {}
        self._requests: dict[str, RequestEntry] = {}
        self._linkings: dict[str, LinkingEntry] = {}
        self._stays: dict[str, StayEntry] = {}
        self._refusals: dict[int, RefusalEntry] = {}
        self._bills: list[BillEntry] = []
        self._unread: list[int] = []
        self._readers: Mapping[str, Callable[[LoggedEntry], None]] = {
            "trust": self._take_trust,
            "use-request": self._take_request,
            "request-refused": self._take_request_refused,
            "withdrawal": self._take_withdrawal,
            "linked": self._take_linked,
            "order": self._take_order,
            "standing-order": self._take_standing,
            "trigger": self._take_trigger,
            "refusal": self._take_refusal,
            "audience": self._take_audience,
            "stay": self._take_stay,
            "amendment": self._take_amendment,
            "confirmation": self._take_confirmation,
            "lift": self._take_lift,
            "stopped": self._take_stopped,
            "recalled": self._take_recalled,
            "release": self._take_release,
            "hold": self._take_operation,
            "doubts": self._take_operation,
            "expired": self._take_expired,
            "handed-off": self._take_handed_off,
            "failed": self._take_failed,
            "counted": self._take_counted,
            "bill": self._take_bill,
        }

    def take(self, entry: LoggedEntry) -> None:
        """Add one entry. ValueError: malformed base64 in an envelope; KeyError: it names an unknown document."""
        if reader := self._readers.get(entry.kind):
            try:
                reader(entry)
            except (RefusedError, ValidationError, ValueError, KeyError):
                self._unread.append(entry.index)

    def register(self) -> Register:
        asked = tuple(reversed(self._requests.values()))
        chosen = {entry.document.id: entry for entry in sorted(asked, key=_is_granted)}
        stays = tuple(self._stays.values())
        orders = [
            replace(order, stays=tuple(stay for stay in stays if touches(stay, order)))
            for order in self._orders.values()
        ]
        return Register(
            orders={order.document.id: order for order in reversed(orders)},
            standing={entry.document.id: entry for entry in reversed(self._standing.values())},
            requests={entry.document.id: entry for entry in asked if chosen[entry.document.id] is entry},
            asked=asked,
            linkings=dict(reversed(self._linkings.items())),
            stays={entry.document.id: entry for entry in reversed(self._stays.values())},
            refusals=dict(reversed(self._refusals.items())),
            bills=tuple(reversed(self._bills)),
            trust=self._who.trust,
            unread=tuple(self._unread),
        )

    def _take_trust(self, entry: LoggedEntry) -> None:
        self._who.take(_body(bodies.Signed, entry).envelope.open(Trust))

    def _take_request(self, entry: LoggedEntry) -> None:
        body = _body(bodies.Grant, entry)
        digest, document = body.envelope.digest, body.envelope.open(UseRequest)
        earlier = self._requests.pop(digest, None)  # refused first, asked again and granted: one request
        asked = earlier or self._request(digest, document)
        self._requests[digest] = replace(
            asked,
            places=(*asked.places, _place(entry)),
            signers=self._who.signers(body.envelope, entry.at),
            granted_until=body.granted_until,
        )

    def _request(self, digest: str, document: UseRequest) -> RequestEntry:
        """As it is before anything is known but what it says."""
        principal = None if document.on_behalf_of is None else self._who.office(document.on_behalf_of)
        return RequestEntry((), digest, document, self._who.office(document.requester), principal, ())

    def _take_request_refused(self, entry: LoggedEntry) -> None:
        act = self._act(entry, Refusal)
        envelope = act.document.request
        asked = self._requests.get(envelope.digest) or replace(
            self._request(envelope.digest, envelope.open(UseRequest)), signers=self._who.signers(envelope, entry.at)
        )
        self._requests[envelope.digest] = replace(asked, places=(*asked.places, act.place), refused=act)

    def _take_withdrawal(self, entry: LoggedEntry) -> None:
        act = self._act(entry, Withdrawal)
        granted = self._requests[act.document.request]
        self._requests[granted.digest] = replace(granted, places=(*granted.places, act.place), withdrawn=act)

    def _take_linked(self, entry: LoggedEntry) -> None:
        body = _body(bodies.Linked, entry)
        self._linkings[body.run] = LinkingEntry(
            place=_place(entry),
            run=body.run,
            request=self._requests[body.grant],
            snapshots=body.snapshots,
            records=body.records,
            persons=body.persons,
            certain=body.certain,
            possible=body.possible,
        )

    def _take_order(self, entry: LoggedEntry) -> None:
        body = _body(bodies.Ordered, entry)
        document = body.envelope.open(Order)
        self._orders[body.envelope.digest] = OrderEntry(document=document, **self._ordered(body, document, entry))

    def _take_standing(self, entry: LoggedEntry) -> None:
        body = _body(bodies.Ordered, entry)
        document = body.envelope.open(StandingOrder)
        self._standing[body.envelope.digest] = StandingEntry(document=document, **self._ordered(body, document, entry))

    def _take_trigger(self, entry: LoggedEntry) -> None:
        trigger = Trigger.parse(canonical_json(_body(bodies.Triggered, entry).trigger))
        standing = self._standing[trigger.standing]
        if not standing.document.comes_to(trigger):
            raise RefusedError("order.altered", "The trigger is not what its standing order comes to.")
        said = {field.name: getattr(standing, field.name) for field in fields(Ordered)}
        said |= {"place": _place(entry), "digest": trigger.digest()}
        self._orders[trigger.digest()] = OrderEntry(**said, document=trigger, standing=standing)

    def _ordered(self, body: bodies.Ordered, document: Order | StandingOrder, entry: LoggedEntry) -> dict[str, Any]:
        """What orders and standing orders show alike."""
        if hashlib.sha256(canonical_json(body.notice)).hexdigest() != document.notice:
            raise RefusedError("order.other_notice", "The notice is not the one that the order names.")
        notice = Notice.model_validate(body.notice)
        return {
            "place": _place(entry),
            "digest": body.envelope.digest,
            "notice": notice,
            "office": self._who.office(notice.office),
            "owner": self._who.owner(document.register),
            "signers": self._who.signers(body.envelope, entry.at),
            "request": self._requests.get(document.use_request),
            "advice": tuple(dict.fromkeys(advice.code for advice in body.advice)),
        }

    def _take_refusal(self, entry: LoggedEntry) -> None:
        body = _body(bodies.Refused, entry)
        kind = _REFUSABLE.get(body.document_kind)
        document = _refused_document(body, kind)
        office = _claimed_office(document)
        refusal = RefusalEntry(
            place=_place(entry),
            digest=body.document,
            document_kind=kind.KIND if kind else body.document_kind,
            code=body.code,
            document=document,
            office=None if office is None else self._who.office(office),
            signers=self._who.signers(body.envelope, entry.at) if body.envelope else (),
        )
        self._refusals[entry.index] = refusal
        if isinstance(document, UseRequest):
            asked = self._requests.get(refusal.digest) or self._request(refusal.digest, document)
            self._requests[refusal.digest] = replace(
                asked,
                places=(*asked.places, refusal.place),
                signers=asked.signers or refusal.signers,
                by_the_vault=(*asked.by_the_vault, refusal),
            )

    def _take_failed(self, entry: LoggedEntry) -> None:
        body = _body(bodies.Failed, entry)
        self._orders[body.order] = replace(self._orders[body.order], failure=Failure(_place(entry), body.code))

    def _take_counted(self, entry: LoggedEntry) -> None:
        body = _body(bodies.Counted, entry)
        for question in body.questions:
            request = self._requests[question.use_request]
            told = CountEntry(_place(entry), body.on, question.register, question.answer, question.withheld)
            places = tuple(dict.fromkeys((*request.places, told.place)))
            self._requests[request.digest] = replace(request, places=places, counts=(*request.counts, told))

    def _take_bill(self, entry: LoggedEntry) -> None:
        self._bills.append(BillEntry(_place(entry), **_body(bodies.Bill, entry).model_dump()))

    def _take_audience(self, entry: LoggedEntry) -> None:
        body = _body(bodies.AudienceBody, entry)
        linking = self._linkings[body.run] if body.run else None
        audience = Audience(_place(entry), body.root, body.size, body.counts, linking, body.rules)
        self._orders[body.order] = replace(self._orders[body.order], audience=audience)

    def _take_handed_off(self, entry: LoggedEntry) -> None:
        body = _body(bodies.HandedOff, entry)
        handed_off = HandOff(_place(entry), body.outcomes)
        self._orders[body.order] = replace(self._orders[body.order], handed_off=handed_off)

    def _take_expired(self, entry: LoggedEntry) -> None:
        order = self._orders[_body(bodies.Expired, entry).order]
        self._orders[order.digest] = replace(order, handed_off=HandOff(_place(entry), {}))

    def _take_release(self, entry: LoggedEntry) -> None:
        order = self._orders[_body(bodies.Released, entry).order]
        self._orders[order.digest] = replace(order, releases=(*order.releases, _place(entry)))

    def _take_operation(self, entry: LoggedEntry) -> None:
        digest = _body(bodies.Operation, entry).order
        if digest is not None:  # else it is about everything
            order = self._orders[digest]
            self._orders[digest] = replace(order, operations=(*order.operations, _place(entry)))

    def _take_stay(self, entry: LoggedEntry) -> None:
        envelope = _body(bodies.Signed, entry).envelope
        document = envelope.open(Stay)
        signed_by = self._who.signers(envelope, entry.at)
        self._stays[envelope.digest] = StayEntry(
            _place(entry), envelope.digest, document, self._who.office(document.office), signed_by
        )

    def _take_amendment(self, entry: LoggedEntry) -> None:
        act = self._act(entry, Amendment)
        stay = self._stays[act.document.stay]
        self._stays[stay.digest] = replace(stay, amendments=(*stay.amendments, act))

    def _take_confirmation(self, entry: LoggedEntry) -> None:
        act = self._act(entry, Confirmation)
        self._stays[act.document.stay] = replace(self._stays[act.document.stay], confirmation=act)

    def _take_lift(self, entry: LoggedEntry) -> None:
        act = self._act(entry, Lift)
        self._stays[act.document.stay] = replace(self._stays[act.document.stay], lift=act)

    def _take_stopped(self, entry: LoggedEntry) -> None:
        body = _body(bodies.StoppedBody, entry)
        orders = tuple(StoppedOrder(**vars(under)) for under in body.orders)
        stay, found = self._stays[body.stay], Stopped(_place(entry), body.number, body.at, orders)
        self._stays[body.stay] = replace(stay, stopped=(*stay.stopped, found))

    def _take_recalled(self, entry: LoggedEntry) -> None:
        body = _body(bodies.RecalledBody, entry)
        found = tuple(Recalled(_place(entry), **vars(under)) for under in body.orders)
        stay = self._stays[body.stay]
        self._stays[body.stay] = replace(stay, recalled=(*stay.recalled, *found))

    def _act(self, entry: LoggedEntry, kind: type[D]) -> Act[D]:
        envelope = _body(bodies.Signed, entry).envelope
        return Act(_place(entry), envelope.digest, envelope.open(kind), self._who.signers(envelope, entry.at))


def _is_granted(request: RequestEntry) -> bool:
    return request.granted_until is not None


def _place(entry: LoggedEntry) -> Place:
    return Place(entry.index, entry.at, entry.kind)


def _body(model: type[B], entry: LoggedEntry) -> B:
    return model.model_validate(dict(entry.body))


def _refused_document(body: bodies.Refused, kind: type[Document] | None) -> Document | None:
    if kind is None or body.envelope is None:
        return None
    try:
        return body.envelope.open(kind)
    except (RefusedError, ValueError):  # refused for being malformed
        return None


def _claimed_office(document: Document | None) -> str | None:
    if isinstance(document, UseRequest):
        return document.requester
    return document.office if isinstance(document, Stay | Refusal | Withdrawal | Question) else None
