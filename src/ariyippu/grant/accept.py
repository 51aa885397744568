"""Checking what comes through the hatch: trust documents and use requests.

Nothing that was accepted once is believed again: the envelopes are kept as they came, and whoever
relies on one checks its signatures anew, the trust document's against the pinned root keys.
"""

from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from ariyippu.base import clock, journal
from ariyippu.base.documents import Envelope, Roots, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import check_roots
from ariyippu.grant import thresholds
from ariyippu.grant.documents import UseRequest
from ariyippu.grant.models import Grant, TrustDocument


def load_roots(path: Path) -> Roots:
    """The pinned root keys. RefusedError `roots.missing` or `roots.invalid`."""
    try:
        return Roots.parse(path.read_text())
    except FileNotFoundError:
        raise RefusedError("roots.missing", f"{path} is missing: pin the root keys before anything else.") from None


def accept_trust(envelope: Envelope, roots: Roots) -> Trust:
    """Put a new version of the trust document in force; versions only go up."""
    check_roots(envelope, roots)
    trust = envelope.open(Trust)
    if not trust.issued_at <= clock.now() < trust.expires_at:
        raise RefusedError("trust.expired", "The trust document is not in force.")
    with transaction.atomic():
        newest = TrustDocument.objects.select_for_update().order_by("-version").first()
        if newest is not None and trust.version <= newest.version:
            raise RefusedError("trust.rollback", f"Version {newest.version} is in force: the next must be higher.")
        TrustDocument.objects.create(version=trust.version, envelope=envelope.model_dump_json())
        journal.append("trust", {"envelope": envelope.model_dump(mode="json", exclude_none=True)})
    return trust


def current_trust(roots: Roots) -> Trust:
    """The trust document in force, checked against the pinned roots.

    RefusedError `trust.missing`, or `trust.altered` when the row's version is not the document's.
    """
    newest = TrustDocument.objects.order_by("-version").first()
    if newest is None:
        raise RefusedError("trust.missing", "No trust document has been accepted yet.")
    envelope = Envelope.parse(newest.envelope)
    check_roots(envelope, roots)
    trust = envelope.open(Trust)
    if trust.version != newest.version:
        raise RefusedError("trust.altered", "The kept trust document is not of the version that its row says.")
    return trust


def accept_use_request(envelope: Envelope, roots: Roots) -> UseRequest:
    """Turn a use request that everyone signed into a grant."""
    request = envelope.open(UseRequest)
    _check(envelope, request, current_trust(roots))
    with transaction.atomic():
        same = Grant.objects.filter(request_id=request.id).first()
        if same is not None and same.digest != envelope.digest:
            raise RefusedError("use_request.doubled", f"Another use request is called {request.id!r}.")
        if same is None:
            text = envelope.model_dump_json()
            Grant.objects.create(digest=envelope.digest, request_id=request.id, envelope=text, granted_at=clock.now())
            until = clock.rfc3339(request.valid_until)
            body = {"envelope": envelope.model_dump(mode="json", exclude_none=True), "granted_until": until}
            journal.append("use-request", body)
    return request


def _check(envelope: Envelope, request: UseRequest, trust: Trust) -> None:
    registers = tuple(part.register for part in request.registers)
    demand = thresholds.Demand("use-request", request.purpose, request.requester, registers)
    thresholds.check(envelope, demand, trust, clock.now())


@dataclass(frozen=True)
class Granted:
    """A use request that is granted and in force."""

    digest: str
    request: UseRequest


def granted(digest: str, trust: Trust) -> Granted:
    """The grant with this digest, its signatures checked anew.

    RefusedError `grant.missing`, `grant.altered` or `grant.not_in_force`.
    """
    row = Grant.objects.filter(digest=digest).first()
    if row is None:
        raise RefusedError("grant.missing", "The order names a use request that was not granted.")
    envelope = Envelope.parse(row.envelope)
    if envelope.digest != digest:
        raise RefusedError("grant.altered", "The kept use request is not the one that was granted.")
    request = envelope.open(UseRequest)
    _check(envelope, request, trust)
    if not request.valid_from <= clock.now() < request.valid_until:
        raise RefusedError("grant.not_in_force", "The grant is not in force now.")
    return Granted(digest, request)
