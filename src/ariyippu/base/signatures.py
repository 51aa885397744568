"""Checking signatures: which of the trust document's keys signed an envelope, and whether they are enough.

Distinct key bytes, people and offices are counted: one public key under two ids, or two officers of one
office, never fill two roles. A delegate counts as the person and the office that they are. No I/O here and
no clock: whoever checks says at which instant.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence

import webauthn
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import InvalidAuthenticationResponse

from ariyippu.base.documents import (
    Delegation,
    Envelope,
    OfficerKey,
    Role,
    Roots,
    Signature,
    Trust,
    decode,
    passkey_challenge,
)
from ariyippu.base.errors import RefusedError


def check_roots(envelope: Envelope, roots: Roots) -> None:
    """Enough distinct root keys signed the envelope, or RefusedError."""
    if _count_roots(envelope, roots.keys, roots.keys) < roots.threshold:
        raise RefusedError("trust.too_few_roots", f"A trust document needs {roots.threshold} root signatures.")


def check_rotation(envelope: Envelope, before: Roots) -> Roots:
    """The next roots, signed by enough of the roots before and by enough of their own.

    RefusedError `roots.out_of_turn`, `roots.too_few`, `signature.*`.
    """
    roots = envelope.open(Roots)
    if roots.version != before.version + 1:
        raise RefusedError("roots.out_of_turn", f"The next version of the root keys is {before.version + 1}.")
    known = (*before.keys, *roots.keys)
    old, new = (_count_roots(envelope, known, counted) for counted in (before.keys, roots.keys))
    if old < before.threshold or new < roots.threshold:
        raise RefusedError(
            "roots.too_few",
            f"New root keys need {before.threshold} signatures of the old, {roots.threshold} of the new.",
        )
    return roots


def check_succession(trust: Trust, before: Trust) -> None:
    """A trust document that replaces another is newer, and forgets no revocation.

    RefusedError `trust.rollback`, `trust.revocation_dropped`.
    """
    if trust.version <= before.version:
        raise RefusedError("trust.rollback", f"Version {before.version} is in force: the next must be higher.")
    if {revocation.key for revocation in before.revoked} - {revocation.key for revocation in trust.revoked}:
        raise RefusedError("trust.revocation_dropped", "A key that was revoked is not among the revoked ones any more.")


def _count_roots(envelope: Envelope, known: Iterable[str], counted: Iterable[str]) -> int:
    """How many of the keys `counted` signed. Every signature must be valid, and by one of the keys `known`."""
    keys = {hashlib.sha256(decode(key)).hexdigest(): decode(key) for key in known}
    _refuse_doubled(envelope)
    for signature in envelope.signatures:
        if signature.keyid not in keys:
            raise RefusedError("signature.unknown_key", "A signature is by a key that is not a root key.")
        _check_ed25519(keys[signature.keyid], signature, envelope)
    return len(
        {signature.keyid for signature in envelope.signatures}
        & {hashlib.sha256(decode(key)).hexdigest() for key in counted}
    )


def signers(envelope: Envelope, trust: Trust, at: dt.datetime) -> tuple[OfficerKey, ...]:
    """The officers' keys that signed the envelope, in order, each with the roles in which it acts at `at`.

    Every signature must be valid, by a key of an unexpired trust document that is itself valid at
    `at`, and no key may sign twice: one that fails refuses the whole envelope.
    """
    if not trust.issued_at <= at < trust.expires_at:
        raise RefusedError("trust.expired", "The trust document is not in force: publish a new version.")
    _refuse_doubled(envelope)
    keys = {key.key_id: key for key in trust.keys}
    found = []
    for signature in envelope.signatures:
        key = keys.get(signature.keyid)
        if key is None:
            raise _unknown(signature, trust)
        if not _is_valid(key, at):
            raise RefusedError("signature.key_not_valid", f"The key of {key.person} is not valid now.")
        _check_signature(key, signature, envelope, trust)
        roles = (*key.roles, *(delegation.role for delegation in delegated(key, trust, at)))
        found.append(key.model_copy(update={"roles": tuple(dict.fromkeys(roles))}))
    return tuple(found)


def delegated(key: OfficerKey, trust: Trust, at: dt.datetime) -> tuple[Delegation, ...]:
    """The delegations by which a key acts at `at`: each is valid, and so is the key that gives it."""
    givers = {giver.key_id for giver in trust.keys if _is_valid(giver, at)}
    return tuple(
        delegation
        for delegation in trust.delegations
        if delegation.to_key == key.key_id
        and delegation.from_key in givers
        and delegation.valid_from <= at < delegation.valid_until
    )


def _is_valid(key: OfficerKey, at: dt.datetime) -> bool:
    return key.valid_from <= at < key.valid_until


def _unknown(signature: Signature, trust: Trust) -> RefusedError:
    for revocation in trust.revoked:
        if revocation.key == signature.keyid:
            return RefusedError(
                "signature.revoked_key", f"The key of {revocation.person} is revoked: {revocation.reason}."
            )
    return RefusedError("signature.unknown_key", "A signature is by a key outside the trust document.")


def require_roles(found: Sequence[OfficerKey], roles: Iterable[Role], offices: Mapping[Role, str]) -> None:
    """Each role is filled by a signer of its own: another key, another person, another office.

    `offices` pins the office of a role where the case fixes it (the register's owner, the requester).
    RefusedError `signature.missing_role` names the first role that cannot be filled.
    """
    if len({key.public_bytes for key in found}) != len(found):
        raise RefusedError("signature.doubled", "One key signed twice.")
    wanted = tuple(roles)
    if not _assign(wanted, tuple(found), offices):
        raise RefusedError(
            "signature.missing_role",
            f"It must be signed by {', '.join(wanted)}: different keys, people and offices.",
        )


def _assign(roles: tuple[Role, ...], free: tuple[OfficerKey, ...], offices: Mapping[Role, str]) -> bool:
    if not roles:
        return True
    role = roles[0]
    for key in free:
        if role not in key.roles or key.office != offices.get(role, key.office):
            continue
        rest = tuple(k for k in free if k.person != key.person and k.office != key.office)
        if _assign(roles[1:], rest, offices):
            return True
    return False


def _refuse_doubled(envelope: Envelope) -> None:
    ids = [signature.keyid for signature in envelope.signatures]
    if len(set(ids)) != len(ids):
        raise RefusedError("signature.doubled", "One key signed twice.")


def _check_signature(key: OfficerKey, signature: Signature, envelope: Envelope, trust: Trust) -> None:
    if key.algorithm == "ed25519":
        _check_ed25519(key.public_bytes, signature, envelope)
    else:
        _check_passkey(key, signature, envelope, trust)


def _check_ed25519(public: bytes, signature: Signature, envelope: Envelope) -> None:
    if signature.passkey is not None:
        raise RefusedError("signature.invalid", "An Ed25519 signature has no passkey parts.")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(decode(signature.sig), envelope.pae())
    except InvalidSignature:
        raise RefusedError("signature.invalid", "A signature does not fit the document.") from None


def _check_passkey(key: OfficerKey, signature: Signature, envelope: Envelope, trust: Trust) -> None:
    if signature.passkey is None or trust.passkey_rp_id is None or trust.passkey_origin is None:
        raise RefusedError("signature.invalid", "A passkey's signature lacks its assertion or its origin.")
    credential_id = bytes_to_base64url(bytes.fromhex(key.key_id))  # a label only: the key itself is pinned
    try:
        webauthn.verify_authentication_response(
            credential={
                "id": credential_id,
                "rawId": credential_id,
                "type": "public-key",
                "response": {
                    "authenticatorData": bytes_to_base64url(decode(signature.passkey.authenticator_data)),
                    "clientDataJSON": bytes_to_base64url(decode(signature.passkey.client_data)),
                    "signature": bytes_to_base64url(decode(signature.sig)),
                },
            },
            expected_challenge=passkey_challenge(envelope),
            expected_rp_id=trust.passkey_rp_id,
            expected_origin=trust.passkey_origin,
            credential_public_key=key.public_bytes,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (InvalidAuthenticationResponse, InvalidSignature, ValueError):
        raise RefusedError("signature.invalid", "A passkey's signature does not fit the document.") from None
