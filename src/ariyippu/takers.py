"""Who takes a document that came through the hatch, and what is published of one that is refused."""

from collections.abc import Callable, Mapping

from django.db import transaction

from ariyippu.base import clock, journal, keys
from ariyippu.base.documents import Envelope, Roots, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.signatures import signers
from ariyippu.grant import accept as grants
from ariyippu.grant import trust as trusted
from ariyippu.grant.documents import Refusal, UseRequest, Withdrawal
from ariyippu.link import clerical
from ariyippu.link.documents import Settlement
from ariyippu.notice import counting, orders, standing
from ariyippu.notice.counting import Answer
from ariyippu.notice.documents import Order, Question, StandingOrder
from ariyippu.notice.models import Count
from ariyippu.policy import accept as stay_documents
from ariyippu.policy import stays
from ariyippu.policy.documents import Amendment, Confirmation, Lift, Stay


def accept(envelope: Envelope, notice: bytes, home: Home) -> object:
    """Keep a document with its journal entry, or answer a question. RefusedError `document.wrong_kind`, and its own."""
    if envelope.payloadType not in TAKERS:
        raise RefusedError("document.wrong_kind", "The vault takes no documents of this kind.")
    _kind, take = TAKERS[envelope.payloadType]
    return take(envelope, notice, home)


def _take_roots(envelope: Envelope, _notice: bytes, home: Home) -> None:
    trusted.accept_roots(envelope, home.roots)
    stays.notify()  # nothing holds until the trust document is signed by them


def _take_trust(envelope: Envelope, _notice: bytes, home: Home) -> None:
    trusted.accept_trust(envelope, trusted.load_roots(home.roots))
    stays.notify()  # a key that it no longer names stops what it signed, now


def _take_withdrawal(envelope: Envelope, _notice: bytes, home: Home) -> None:
    grants.accept_withdrawal(envelope, _trust(home))
    stays.notify()  # what was handed off under it ends at the message in hand


def _trust(home: Home) -> Trust:
    return trusted.current_trust(trusted.load_roots(home.roots))


def _take_question(envelope: Envelope, _notice: bytes, home: Home) -> Answer:
    return counting.answer(envelope, home=home, keyring=keys.load(home.keyring))


_Take = Callable[[Envelope, bytes, Home], object]


def _by(accept: Callable[[Envelope, Trust], object]) -> _Take:
    return lambda envelope, _notice, home: accept(envelope, _trust(home))


# Payload type -> the kind of the journal's row for one that is accepted, and who takes it.
TAKERS: Mapping[str, tuple[journal.Kind, _Take]] = {
    Roots.payload_type(): ("roots", _take_roots),
    Trust.payload_type(): ("trust", _take_trust),
    UseRequest.payload_type(): ("use-request", _by(grants.accept_use_request)),
    Refusal.payload_type(): ("request-refused", _by(grants.accept_refusal)),
    Withdrawal.payload_type(): ("withdrawal", _take_withdrawal),
    Settlement.payload_type(): ("settlement", _by(clerical.accept)),
    Order.payload_type(): ("order", orders.accept),
    StandingOrder.payload_type(): ("standing-order", standing.accept),
    Question.payload_type(): ("counted", _take_question),
    Stay.payload_type(): ("stay", _by(stay_documents.accept_stay)),
    Amendment.payload_type(): ("amendment", _by(stay_documents.accept_amendment)),
    Confirmation.payload_type(): ("confirmation", _by(stay_documents.accept_confirmation)),
    Lift.payload_type(): ("lift", _by(stay_documents.accept_lift)),
}


def publish_refusal(envelope: Envelope, refusal: RefusedError, home: Home) -> None:
    """Log it once, if an officer signed the document and it was not accepted or answered before."""
    accepted = envelope.payloadType in TAKERS and journal.holds(TAKERS[envelope.payloadType][0], envelope)
    answered = Count.objects.filter(question=envelope.digest).exists()
    if accepted or answered or not _signed_by_an_officer(envelope, home):
        return
    body = {
        "document_kind": envelope.payloadType,
        "envelope": envelope.model_dump(mode="json", exclude_none=True),
    }
    with transaction.atomic():
        journal.append_refusal(envelope.digest, refusal.code, body)


def _signed_by_an_officer(envelope: Envelope, home: Home) -> bool:
    for signature in envelope.signatures:
        alone = envelope.model_copy(update={"signatures": (signature,)})
        try:
            signers(alone, _trust(home), clock.now())
        except RefusedError:
            continue
        return True
    return False
