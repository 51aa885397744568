"""Who must sign what about stays: one key stops, everyone together lets go on. Pure.

    stay          one key of an authority, of the office that the stay names
    amendment     the same when the new terms only stop more; else the quorum
    confirmation  another person than those who entered a paper's stay
    lift          the quorum

The quorum is the authority that placed the stay, and everyone whom the trust document names for a lift.
The vault asks it before it relies on a document, an auditor's verifier asks it about the log.
"""

from collections.abc import Sequence

from ariyippu.base.documents import Envelope, OfficerKey, Role, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import require_roles
from ariyippu.policy.documents import Amendment, Confirmation, Scope, Stay, Terms

AUTHORITIES: tuple[Role, ...] = ("court_liaison", "election_officer", "custodian")


def check_stay(stay: Stay, found: Sequence[OfficerKey]) -> None:
    """RefusedError `stay.no_authority`."""
    if not _is_authorised(found, stay):
        raise RefusedError("stay.no_authority", "A stay is signed by a court liaison, election officer or custodian.")


def check_amendment(amendment: Amendment, stay: Stay, before: Terms, found: Sequence[OfficerKey], trust: Trust) -> None:
    """`before`: the stay's terms until now. RefusedError `amendment.not_its_authority`, and the quorum's."""
    if not _is_authorised(found, stay):
        raise RefusedError("amendment.not_its_authority", "The authority that placed the stay must sign its amendment.")
    if not amendment.terms.widen(before):
        _require_everyone(found, before.scope, trust)


def check_lift(stay: Stay, before: Terms, found: Sequence[OfficerKey], trust: Trust) -> None:
    """`before`: the stay's terms until now. RefusedError `lift.not_its_authority`, and the quorum's."""
    if not _is_authorised(found, stay):
        raise RefusedError("lift.not_its_authority", "The authority that placed the stay must sign its lift.")
    _require_everyone(found, before.scope, trust)


def check_confirmation(confirmation: Confirmation, placed: Envelope, found: Sequence[OfficerKey], trust: Trust) -> None:
    """`placed`: the stay as it was signed.

    RefusedError `confirmation.no_paper`, `confirmation.other_paper`, `confirmation.not_another_person`, or
    `signature.unknown_key` when a key that placed the stay is gone: nobody can tell then whose it was.
    """
    paper = placed.open(Stay).paper
    if paper is None:
        raise RefusedError("confirmation.no_paper", "The stay was not entered from paper: there is nothing to confirm.")
    if confirmation.paper != paper.sha256:
        raise RefusedError("confirmation.other_paper", "The scan that was compared is not the stay's.")
    people = {key.key_id: key.person for key in trust.keys}
    ids = {signature.keyid for signature in placed.signatures}
    if not ids <= set(people):
        raise RefusedError("signature.unknown_key", "The key that placed the stay is no longer in the trust document.")
    entered = {people[key_id] for key_id in ids}
    if not any(key.person not in entered for key in found):
        raise RefusedError("confirmation.not_another_person", "Another officer than the one who entered it confirms.")


def _is_authorised(found: Sequence[OfficerKey], stay: Stay) -> bool:
    """Whether one of the signers is an authority of the office that the stay names."""
    return any(key.office == stay.office and set(key.roles) & set(AUTHORITIES) for key in found)


def _require_everyone(found: Sequence[OfficerKey], scope: Scope, trust: Trust) -> None:
    """Everyone whom the longest `lift` threshold names, the owner being that of the stay's register."""
    stated = [threshold for threshold in trust.thresholds if threshold.document == "lift"]
    if not stated:
        raise RefusedError("trust.no_threshold", "The trust document names no signers of a lift.")
    roles = max(stated, key=lambda threshold: len(threshold.roles)).roles
    owner = trust.registers.get(scope.register) if scope.register else None
    require_roles(found, roles, {} if owner is None else {"register_owner": owner})
