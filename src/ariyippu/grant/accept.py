"""Use requests and the grants that they become, refusals and withdrawals, as they come through the hatch.

    asked -> granted by everyone's signatures -> used by orders until its end, or until it is withdrawn
          -> refused, by the vault or by an officer of the owner or of a custodian

Nothing that was accepted once is believed again: the envelopes are kept as they came, and whoever
relies on one checks its signatures anew (thresholds.py), the trust document's with them (trust.py).
"""

from dataclasses import dataclass

from django.db import transaction

from ariyippu.base import clock, journal
from ariyippu.base.documents import Envelope, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import signers
from ariyippu.grant import legal, thresholds
from ariyippu.grant.documents import Refusal, UseRequest, Withdrawal
from ariyippu.grant.models import Grant, RefusedRequest, WithdrawnRequest


def accept_use_request(envelope: Envelope, trust: Trust) -> UseRequest:
    """Turn a use request that everyone signed into a grant.

    RefusedError `use_request.doubled`, `use_request.refused`, and those of thresholds.check and legal.check.
    """
    request = envelope.open(UseRequest)
    thresholds.check(envelope, thresholds.of_request(request), trust, clock.now())
    legal.check(request.legal_basis, request.purpose, request.valid_from)
    with transaction.atomic():
        if RefusedRequest.objects.filter(request=envelope.digest).exists():
            raise RefusedError("use_request.refused", "An officer who had to sign it has refused it: ask anew.")
        same = Grant.objects.filter(request_id=request.id).first()
        if same is not None and same.digest != envelope.digest:
            raise RefusedError("use_request.doubled", f"Another use request is called {request.id!r}.")
        if same is None:
            text = envelope.model_dump_json()
            Grant.objects.create(digest=envelope.digest, request_id=request.id, envelope=text, granted_at=clock.now())
            until = clock.rfc3339(request.valid_until)
            journal.append("use-request", {"envelope": _public(envelope), "granted_until": until})
    return request


def accept_refusal(envelope: Envelope, trust: Trust) -> Refusal:
    """Keep an officer's no to a use request. RefusedError `refusal.granted`, and those of thresholds.check_refusal."""
    refusal = envelope.open(Refusal)
    thresholds.check_refusal(refusal, signers(envelope, trust, clock.now()), trust, clock.now())
    with transaction.atomic():
        if Grant.objects.filter(digest=refusal.request.digest).exists():
            raise RefusedError("refusal.granted", "The use request is granted: stay it, or have it withdrawn.")
        kept = {"envelope": envelope.model_dump_json(), "refused_at": clock.now()}
        _row, first = RefusedRequest.objects.get_or_create(request=refusal.request.digest, defaults=kept)
        if first:
            journal.append("request-refused", {"envelope": _public(envelope)})
    return refusal


def accept_withdrawal(envelope: Envelope, trust: Trust) -> Withdrawal:
    """Take a grant back: from now on no order holds under it.

    RefusedError `withdrawal.not_granted`, and those of thresholds.check_withdrawal.
    """
    withdrawal = envelope.open(Withdrawal)
    row = Grant.objects.filter(digest=withdrawal.request).first()
    if row is None:
        raise RefusedError("withdrawal.not_granted", "There is no such grant to withdraw.")
    request = Envelope.parse(row.envelope).open(UseRequest)
    thresholds.check_withdrawal(withdrawal, request, signers(envelope, trust, clock.now()))
    with transaction.atomic():
        kept = {"envelope": envelope.model_dump_json(), "withdrawn_at": clock.now()}
        _row, first = WithdrawnRequest.objects.get_or_create(request=withdrawal.request, defaults=kept)
        if first:
            journal.append("withdrawal", {"envelope": _public(envelope)})
    return withdrawal


def _public(envelope: Envelope) -> dict[str, object]:
    return dict(envelope.model_dump(mode="json", exclude_none=True))


@dataclass(frozen=True)
class Granted:
    """A use request that is granted and in force."""

    digest: str
    request: UseRequest


def granted(digest: str, trust: Trust) -> Granted:
    """The grant with this digest, its signatures checked anew.

    RefusedError `grant.missing`, `grant.altered`, `grant.refused`, `grant.withdrawn` or `grant.not_in_force`.
    """
    row = Grant.objects.filter(digest=digest).first()
    if row is None:
        raise RefusedError("grant.missing", "The order names a use request that was not granted.")
    envelope = Envelope.parse(row.envelope)
    if envelope.digest != digest:
        raise RefusedError("grant.altered", "The kept use request is not the one that was granted.")
    request = envelope.open(UseRequest)
    thresholds.check(envelope, thresholds.of_request(request), trust, clock.now())
    if RefusedRequest.objects.filter(request=digest).exists():  # both came at the same instant: the no holds
        raise RefusedError("grant.refused", "An officer who had to sign the use request has refused it.")
    if WithdrawnRequest.objects.filter(request=digest).exists():
        raise RefusedError("grant.withdrawn", "The office that asked for it has withdrawn the use request.")
    if not request.valid_from <= clock.now() < request.valid_until:
        raise RefusedError("grant.not_in_force", "The grant is not in force now.")
    return Granted(digest, request)
