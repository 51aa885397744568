"""What the log's entries mean, one after the other: the second half of the verifier (verify.py).

What was signed was signed by keys of the trust document of that time, and nothing was sent that was not
ordered and granted before. Pure: entries come in, RefusedError says what is wrong with one.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ValidationError

from ariyippu.base.documents import Document, Envelope, OfficerKey, Roots, Trust, canonical_json
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import first_fault
from ariyippu.base.signatures import check_roots, check_rotation, check_succession, signers
from ariyippu.grant import legal, purposes, thresholds
from ariyippu.grant.documents import Refusal, UseRequest, Withdrawal
from ariyippu.grant.thresholds import Demand
from ariyippu.link.documents import Settlement, check_signers
from ariyippu.notice.documents import Order, StandingOrder, Trigger
from ariyippu.policy import quorum
from ariyippu.policy.documents import Amendment, Confirmation, Lift, Stay, Terms
from ariyippu.transparency.entries import LoggedEntry

# Entries hold whole seconds, rounded down: what happened within that second had happened at its end.
_END_OF_SECOND = dt.timedelta(microseconds=999_999)

B = TypeVar("B", bound=BaseModel)
D = TypeVar("D", bound=Document)


class _Signed(BaseModel):
    envelope: Envelope


class _Grant(_Signed):
    granted_until: AwareDatetime | None


class _Order(_Signed):
    notice: dict[str, object]


class _Linked(BaseModel):
    run: str
    grant: str
    snapshots: dict[str, str]


class _Question(BaseModel):
    office: str
    use_request: str
    register: str


class _Counted(BaseModel):
    questions: tuple[_Question, ...]


class _Trigger(BaseModel):
    trigger: dict[str, object]


class _UnderOrder(BaseModel):
    order: str


class _Audience(_UnderOrder):
    run: str | None = None


class _Stopped(BaseModel):
    stay: str
    number: int
    orders: tuple[_UnderOrder, ...]


@dataclass(frozen=True)
class _PlacedStay:
    """A stay as it was signed, and what its amendments and its lift made of it."""

    envelope: Envelope
    stay: Stay
    terms: Terms
    amendments: int = 0
    lifted: bool = False


class Meaning:
    """What the entries so far have established; each further one is checked against it."""

    def __init__(self, roots: Roots | None) -> None:
        self._roots = roots
        self._trust: Trust | None = None  # in force
        self._trust_envelope: Envelope | None = None  # the newest, in force or not
        self._grants: dict[str, tuple[UseRequest, dt.datetime]] = {}
        self._runs: dict[str, _Linked] = {}  # linking runs, the newest last
        self._orders: dict[str, dt.datetime] = {}  # until when each may be handed off
        self._decided: set[str] = set()
        self._expired: set[str] = set()  # before anybody was decided about
        self._standing: dict[str, StandingOrder] = {}
        self._refused: set[str] = set()  # use requests, by digest
        self._stays: dict[str, _PlacedStay] = {}
        self._checks = {
            "roots": self._check_roots,
            "trust": self._check_trust,
            "use-request": self._check_use_request,
            "linked": self._check_linked,
            "request-refused": self._check_refused,
            "withdrawal": self._check_withdrawal,
            "settlement": self._check_settlement,
            "order": self._check_order,
            "standing-order": self._check_standing,
            "trigger": self._check_trigger,
            "counted": self._check_counted,
            "stay": self._check_stay,
            "amendment": self._check_amendment,
            "confirmation": self._check_confirmation,
            "lift": self._check_lift,
            "stopped": self._check_stopped,
            "recalled": self._check_stopped,
            "audience": self._check_audience,
            "release": self._check_under_order,
            "doubts": self._check_under_order,
            "failed": self._check_under_order,
            "expired": self._check_expired,
            "handed-off": self._check_under_order,
        }

    def check(self, entry: LoggedEntry) -> None:
        """RefusedError says what is wrong; ValueError comes of a malformed value in a signed document."""
        if check := self._checks.get(entry.kind):
            check(entry)

    def _check_roots(self, entry: LoggedEntry) -> None:
        """New root keys. The trust document that stands holds on only where they signed it, too."""
        envelope = _body(_Signed, entry).envelope
        if self._roots is None:
            return
        self._roots = check_rotation(envelope, self._roots)
        if self._trust is not None and not _is_signed_by(self._trust_envelope, self._roots):
            self._trust = None

    def _check_trust(self, entry: LoggedEntry) -> None:
        envelope = _body(_Signed, entry).envelope
        if self._roots is not None:
            check_roots(envelope, self._roots)
        trust = envelope.open(Trust)
        if self._trust_envelope is not None:
            check_succession(trust, self._trust_envelope.open(Trust))
        self._trust, self._trust_envelope = trust, envelope

    def _check_use_request(self, entry: LoggedEntry) -> None:
        body = _body(_Grant, entry)
        request, _found, _trust = self._signed(body.envelope, UseRequest, entry)
        self._demand(body.envelope, thresholds.of_request(request), entry)
        legal.check(request.legal_basis, request.purpose, request.valid_from)
        if body.granted_until is None:
            return
        if body.envelope.digest in self._refused:
            raise RefusedError("use_request.refused", "An officer had refused the use request before.")
        self._grants[body.envelope.digest] = request, body.granted_until

    def _check_refused(self, entry: LoggedEntry) -> None:
        refusal, found, trust = self._signed(_body(_Signed, entry).envelope, Refusal, entry)
        thresholds.check_refusal(refusal, found, trust, entry.at + _END_OF_SECOND)
        if refusal.request.digest in self._grants:
            raise RefusedError("refusal.granted", "The use request had been granted before.")
        self._refused.add(refusal.request.digest)

    def _check_withdrawal(self, entry: LoggedEntry) -> None:
        withdrawal, found, _trust = self._signed(_body(_Signed, entry).envelope, Withdrawal, entry)
        if withdrawal.request not in self._grants:
            raise RefusedError("withdrawal.not_granted", "It withdraws what was not granted before.")
        request, _until = self._grants[withdrawal.request]
        thresholds.check_withdrawal(withdrawal, request, found)
        self._grants[withdrawal.request] = request, entry.at  # no order holds under it from here on

    def _check_linked(self, entry: LoggedEntry) -> None:
        body = _body(_Linked, entry)
        request = self._granted(body.grant, entry, "linking run")
        if not purposes.covers(request.purpose, purposes.LINKING):
            raise RefusedError("linked.other_purpose", "The linking run rests on a grant for something else.")
        if any(not request.fields_of(register) for register in body.snapshots):
            raise RefusedError("linked.other_register", "The linking run read a register that was not granted.")
        self._runs[body.run] = body

    def _check_settlement(self, entry: LoggedEntry) -> None:
        envelope = _body(_Signed, entry).envelope
        self._signed(envelope, Settlement, entry)
        if self._trust is not None:
            check_signers(envelope, self._trust, entry.at + _END_OF_SECOND)

    def _check_order(self, entry: LoggedEntry) -> None:
        body = _body(_Order, entry)
        order, _found, _trust = self._signed(body.envelope, Order, entry)
        contracts = {order.register: order.contract, **{part.register: part.contract for part in order.contacts_of}}
        self._check_ordered(order, body, contracts, entry)
        if order.contacts_of:
            self._check_borrowing(set(contracts), entry)
        if order.corrects is not None and order.corrects not in self._orders:
            raise RefusedError("order.corrects_unknown", "The order corrects one that was not logged before it.")
        self._orders[body.envelope.digest] = order.not_after

    def _check_standing(self, entry: LoggedEntry) -> None:
        body = _body(_Order, entry)
        standing, _found, _trust = self._signed(body.envelope, StandingOrder, entry)
        self._check_ordered(standing, body, {standing.register: standing.contract}, entry)
        self._standing[body.envelope.digest] = standing

    def _check_trigger(self, entry: LoggedEntry) -> None:
        """It is what a standing order comes to; when its window opened and whose keys held then, the vault checked."""
        trigger = Trigger.parse(canonical_json(_body(_Trigger, entry).trigger))
        if trigger.standing not in self._standing:
            raise RefusedError("trigger.no_standing", "The trigger's standing order was not logged before it.")
        standing = self._standing[trigger.standing]
        if not standing.comes_to(trigger) or not standing.not_before <= trigger.at < standing.not_after:
            raise RefusedError("trigger.altered", "The trigger is not what its standing order comes to.")
        self._orders[trigger.digest()] = trigger.not_after

    def _check_ordered(
        self, order: Order | StandingOrder, body: _Order, contracts: Mapping[str, str], entry: LoggedEntry
    ) -> None:
        """What orders and standing orders must satisfy alike."""
        if hashlib.sha256(canonical_json(body.notice)).hexdigest() != order.notice:
            raise RefusedError("order.other_notice", "The notice is not the one that the order names.")
        request = self._granted(order.use_request, entry, "order")
        if any(not request.fields_of(register) for register in contracts):
            raise RefusedError("order.other_register", "The order uses a register that was not granted.")
        if self._trust is not None and not set(contracts.values()) <= set(self._trust.contracts):
            raise RefusedError("contract.not_approved", "The trust document does not name the order's contract.")
        if not purposes.covers(request.purpose, order.purpose):
            raise RefusedError("order.other_purpose", "The order has another purpose than its grant.")
        self._demand(body.envelope, Demand("order", order.purpose, request.requester, tuple(contracts)), entry)

    def _check_counted(self, entry: LoggedEntry) -> None:
        """A day's answers are logged when it is over: their grants may have ended since, but were there."""
        for question in _body(_Counted, entry).questions:
            if question.use_request not in self._grants:
                raise RefusedError("entry.no_grant", "A count names a use request that was not granted before it.")
            request, _until = self._grants[question.use_request]
            if request.requester != question.office or not request.fields_of(question.register):
                raise RefusedError("counted.not_granted", "A count was told that its grant does not cover.")

    def _check_stay(self, entry: LoggedEntry) -> None:
        envelope = _body(_Signed, entry).envelope
        stay, found, _trust = self._signed(envelope, Stay, entry)
        quorum.check_stay(stay, found)
        self._stays[envelope.digest] = _PlacedStay(envelope, stay, stay.terms)

    def _check_amendment(self, entry: LoggedEntry) -> None:
        amendment, found, trust = self._signed(_body(_Signed, entry).envelope, Amendment, entry)
        placed = self._placed(amendment.stay, "amendment")
        if amendment.number != placed.amendments + 1:
            raise RefusedError("amendment.out_of_turn", f"The stay's next amendment was {placed.amendments + 1}.")
        if placed.lifted or (placed.terms.ends_at is not None and placed.terms.ends_at <= entry.at):
            raise RefusedError("amendment.over", "The stay had ended.")
        quorum.check_amendment(amendment, placed.stay, placed.terms, found, trust)
        self._stays[amendment.stay] = replace(placed, terms=amendment.terms, amendments=amendment.number)

    def _check_confirmation(self, entry: LoggedEntry) -> None:
        confirmation, found, trust = self._signed(_body(_Signed, entry).envelope, Confirmation, entry)
        placed = self._placed(confirmation.stay, "confirmation")
        quorum.check_confirmation(confirmation, placed.envelope, found, trust)

    def _check_lift(self, entry: LoggedEntry) -> None:
        lift, found, trust = self._signed(_body(_Signed, entry).envelope, Lift, entry)
        placed = self._placed(lift.stay, "lift")
        quorum.check_lift(placed.stay, placed.terms, found, trust)
        self._stays[lift.stay] = replace(placed, lifted=True)

    def _check_stopped(self, entry: LoggedEntry) -> None:
        body = _body(_Stopped, entry)
        placed = self._placed(body.stay, entry.kind)
        if body.number > placed.amendments:
            raise RefusedError(f"{entry.kind}.no_terms", "It counts under terms that the stay did not have.")
        if unknown := {under.order for under in body.orders} - self._orders.keys():
            raise RefusedError(
                "entry.no_order", f"The {entry.kind} names an order that was not logged: {min(unknown)}."
            )

    def _placed(self, digest: str, kind: str) -> "_PlacedStay":
        if digest not in self._stays:
            raise RefusedError(f"{kind}.no_stay", f"The {kind} names a stay that was not placed before it.")
        return self._stays[digest]

    def _check_borrowing(self, registers: set[str], entry: LoggedEntry) -> None:
        """The newest linking run joined these registers, and its grant had not ended."""
        newest = next(reversed(self._runs.values()), None)
        if newest is None or not registers <= set(newest.snapshots):
            raise RefusedError("order.not_linked", "The order borrows contacts of a register that was not linked.")
        self._granted(newest.grant, entry, "order that borrows contacts")

    def _check_audience(self, entry: LoggedEntry) -> None:
        order = self._check_under_order(entry)
        if order in self._expired:
            raise RefusedError("audience.expired", "The audience is of an order whose time had ended.")
        self._decided.add(order)
        run = _body(_Audience, entry).run
        if run is not None and run not in self._runs:
            raise RefusedError("audience.no_run", "The audience names a linking run that was not logged before it.")

    def _check_expired(self, entry: LoggedEntry) -> None:
        order = self._check_under_order(entry)
        if order in self._decided or entry.at + _END_OF_SECOND < self._orders[order]:
            raise RefusedError("expired.untrue", "The order's time had not ended, or people had been decided about.")
        self._expired.add(order)

    def _check_under_order(self, entry: LoggedEntry) -> str:
        """The order that it names."""
        order = _body(_UnderOrder, entry).order
        if order not in self._orders:
            raise RefusedError("entry.no_order", f"The {entry.kind} names an order that was not logged before it.")
        return order

    def _granted(self, digest: str, entry: LoggedEntry, what: str) -> UseRequest:
        """The use request, granted before the entry and not ended by then."""
        if digest not in self._grants:
            raise RefusedError("entry.no_grant", f"The {what} names a use request that was not granted before it.")
        request, granted_until = self._grants[digest]
        if entry.at >= granted_until:
            raise RefusedError("entry.grant_ended", f"The grant had ended before the {what}.")
        return request

    def _demand(self, envelope: Envelope, demand: Demand, entry: LoggedEntry) -> None:
        """Everyone signed who must, by the trust document of the entry's time."""
        if self._trust is not None:
            thresholds.check(envelope, demand, self._trust, entry.at + _END_OF_SECOND)

    def _signed(self, envelope: Envelope, kind: type[D], entry: LoggedEntry) -> tuple[D, tuple[OfficerKey, ...], Trust]:
        """The document, who signed it (one at least), and the trust document of the entry's time."""
        if self._trust is None:
            raise RefusedError("trust.missing", "No trust document was logged before it.")
        document = envelope.open(kind)
        found = signers(envelope, self._trust, entry.at + _END_OF_SECOND)
        if not found:
            raise RefusedError("signature.missing", "Nobody signed it.")
        return document, found, self._trust


def _is_signed_by(envelope: Envelope | None, roots: Roots) -> bool:
    try:
        if envelope is not None:
            check_roots(envelope, roots)
    except RefusedError:
        return False
    return envelope is not None


def _body(model: type[B], entry: LoggedEntry) -> B:
    try:
        return model.model_validate(dict(entry.body))
    except ValidationError as error:
        raise RefusedError("entry.invalid", f"The body of the {entry.kind}: {first_fault(error)}") from None
