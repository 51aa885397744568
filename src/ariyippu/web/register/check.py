"""Whether a paper or a signed document is in the public register, and what became of it: in words. Pure."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence

from ariyippu.base.documents import Envelope, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import signers
from ariyippu.web.register.shown.parts import Place
from ariyippu.web.register.shown.whole import Register


def found(content: bytes, register: Register, at: dt.datetime) -> list[str]:
    """One line for each place where the file's content, or the document in its envelope, stands. None: nowhere."""
    envelope = _envelope(content)
    fingerprints = {hashlib.sha256(content).hexdigest(), *([envelope.digest] if envelope else [])}
    return [line for sha256 in sorted(fingerprints) for line in _lines(sha256, register, at)]


def signed(content: bytes, register: Register, at: dt.datetime) -> list[str]:
    """Of an envelope: one line for each signature, by the trust document of the log. None: a draft, or a paper."""
    envelope = _envelope(content)
    if envelope is None or register.trust is None:
        return []
    alone = (envelope.model_copy(update={"signatures": (signature,)}) for signature in envelope.signatures)
    return [_signer(one, register.trust, at) for one in alone]


def _signer(envelope: Envelope, trust: Trust, at: dt.datetime) -> str:
    try:
        (key,) = signers(envelope, trust, at)
    except RefusedError as refusal:
        return f"A signature does not count: {refusal.message}"
    return f"Signed by {key.person} of {key.office} ({', '.join(key.roles)})."


def _lines(sha256: str, register: Register, at: dt.datetime) -> Iterator[str]:
    for request in register.requests_with(sha256):
        life = register.request_state(request, at)
        yield f"Use request {request.document.id} ({request.document.case_number}): {life}{_at(request.places)}"
    for stay in register.stays_with(sha256):
        state = "in force" if stay.is_active(at) else "not in force"
        unconfirmed = ", not confirmed in time" if stay.is_unconfirmed(at) else ""
        yield f"Stay {stay.document.id} ({stay.document.reference}): {state}{unconfirmed}{_at(stay.places)}"
    for order in register.orders_with(sha256):
        yield f"Order {order.document.id}: {order.state(at)}{_at(order.places)}"


def _at(places: Sequence[Place]) -> str:
    return f"; entries {', '.join(str(place.index) for place in places)} of the log."


def _envelope(content: bytes) -> Envelope | None:
    try:
        envelope = Envelope.parse(content)
        envelope.digest  # noqa: B018  a payload that is not base64 is no document
    except RefusedError:
        return None
    return envelope
