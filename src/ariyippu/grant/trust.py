"""Root keys and the trust document in force, checked from the pinned file on whenever somebody relies on them.

    pinned roots -> roots 2 -> roots 3 …   each signed by the ones before and by itself
                                 |
                              trust document, signed by the last roots
                                 |
                              officers' signatures

After the roots have changed, the trust document that stands must be signed anew, by the new ones: until then
nothing holds.
"""

from pathlib import Path

from django.db import transaction

from ariyippu.base import clock, journal, text
from ariyippu.base.documents import Envelope, Roots, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import check_roots, check_rotation, check_succession
from ariyippu.grant.models import RootsDocument, TrustDocument


def pinned_roots(path: Path) -> Roots:
    """The root keys in the pinned file. RefusedError `roots.missing`, `roots.invalid`, and of text.read."""
    try:
        return Roots.pinned(text.read(path))
    except FileNotFoundError:
        raise RefusedError("roots.missing", f"{path} is missing: pin the root keys before anything else.") from None


def load_roots(path: Path) -> Roots:
    """The root keys in force: those of the pinned file, or what followed them step by step.

    RefusedError as `pinned_roots`, and those of signatures.check_rotation when a kept step does not hold.
    """
    roots = pinned_roots(path)
    for kept in RootsDocument.objects.filter(version__gt=roots.version).order_by("version"):
        roots = check_rotation(Envelope.parse(kept.envelope), roots)
    return roots


def accept_roots(envelope: Envelope, path: Path) -> Roots:
    """Put the next root keys in force; the ones in force again change nothing."""
    with transaction.atomic():
        before = load_roots(path)
        if envelope.open(Roots) == before:
            return before
        roots = check_rotation(envelope, before)
        RootsDocument.objects.create(version=roots.version, envelope=envelope.model_dump_json())
        journal.append("roots", {"envelope": envelope.model_dump(mode="json", exclude_none=True)})
    return roots


def accept_trust(envelope: Envelope, roots: Roots) -> Trust:
    """Put a new version of the trust document in force; versions only go up, and what is revoked stays so."""
    check_roots(envelope, roots)
    trust = envelope.open(Trust)
    if not trust.issued_at <= clock.now() < trust.expires_at:
        raise RefusedError("trust.expired", "The trust document is not in force.")
    with transaction.atomic():
        newest = TrustDocument.objects.select_for_update().order_by("-version").first()
        if newest is not None:
            check_succession(trust, Envelope.parse(newest.envelope).open(Trust))
        TrustDocument.objects.create(version=trust.version, envelope=envelope.model_dump_json())
        journal.append("trust", {"envelope": envelope.model_dump(mode="json", exclude_none=True)})
    return trust


def current_trust(roots: Roots) -> Trust:
    """The trust document in force, checked against the roots in force.

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
