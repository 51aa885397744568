"""The trust document in force, checked against the pinned root keys whenever somebody relies on it."""

from pathlib import Path

from django.db import transaction

from ariyippu.base import clock, journal
from ariyippu.base.documents import Envelope, Roots, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import check_roots
from ariyippu.grant.models import TrustDocument


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
