"""Who must sign what: the trust document's thresholds, held against an envelope's signers.

A use request that is asked on behalf of another office takes that office's own signature, as `principal`. One
officer of the register's owner or of a custodian is enough to refuse one; one of the requester to withdraw it.

The vault asks it before it relies on a document, an auditor's verifier asks it about the log; so it
knows neither Django nor the clock.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ariyippu.base.documents import Envelope, OfficerKey, Role, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import require_roles, signers
from ariyippu.grant import purposes
from ariyippu.grant.documents import Refusal, UseRequest, Withdrawal


@dataclass(frozen=True)
class Demand:
    """A document that needs signatures: for which purpose, of which office, about whose registers."""

    document: Literal["use-request", "order"]
    purpose: str
    requester: str
    registers: tuple[str, ...]
    principal: str | None = None  # the office on whose behalf it is asked


def of_request(request: UseRequest) -> Demand:
    """What a use request demands."""
    registers = tuple(part.register for part in request.registers)
    return Demand("use-request", request.purpose, request.requester, registers, request.on_behalf_of)


def check(envelope: Envelope, demand: Demand, trust: Trust, at: dt.datetime) -> tuple[OfficerKey, ...]:
    """The signers, when they are all that the demand's purpose and registers need.

    RefusedError: `signature.*`, `trust.expired`, `register.no_owner`, and those of `required_roles`.
    """
    found = signers(envelope, trust, at)
    roles = required_roles(trust, demand.purpose, demand.document)
    offices: dict[Role, str] = {"requester": demand.requester}
    if demand.principal is not None:
        roles, offices = ("principal", *roles), {**offices, "principal": demand.principal}
    for register in demand.registers:
        owner = trust.registers.get(register)
        if owner is None:
            raise RefusedError("register.no_owner", f"The trust document names no owner of {register!r}.")
        require_roles(found, roles, {**offices, "register_owner": owner})
    return found


def check_refusal(refusal: Refusal, found: Sequence[OfficerKey], trust: Trust, at: dt.datetime) -> UseRequest:
    """The request that was refused.

    RefusedError `refusal.not_asked` when its requester did not sign it, `refusal.no_authority`.
    """
    request = refusal.request.open(UseRequest)
    if not _has_signed(signers(refusal.request, trust, at), request.requester, "requester"):
        raise RefusedError("refusal.not_asked", "The office that is said to ask did not sign the use request.")
    owners = {trust.registers.get(part.register) for part in request.registers}
    owns = refusal.office in owners and _has_signed(found, refusal.office, "register_owner")
    if not owns and not _has_signed(found, refusal.office, "custodian"):
        raise RefusedError("refusal.no_authority", "An officer of the register's owner or of a custodian refuses.")
    return request


def check_withdrawal(withdrawal: Withdrawal, request: UseRequest, found: Sequence[OfficerKey]) -> None:
    """RefusedError `withdrawal.not_the_requester`."""
    asked = withdrawal.office == request.requester and _has_signed(found, withdrawal.office, "requester")
    behalf = withdrawal.office == request.on_behalf_of and _has_signed(found, withdrawal.office, "principal")
    if not asked and not behalf:
        raise RefusedError("withdrawal.not_the_requester", "Only the office that asked withdraws what it asked for.")


def _has_signed(found: Sequence[OfficerKey], office: str, role: Role) -> bool:
    return any(key.office == office and role in key.roles for key in found)


def required_roles(trust: Trust, purpose_id: str, document: str) -> tuple[Role, ...]:
    """Who must sign, by the threshold of the nearest purpose at or above. Deny by default.

    RefusedError `purpose.unsatisfiable`, or `trust.no_threshold` where the trust document is silent.
    """
    if not purposes.get(purpose_id).satisfiable:
        raise RefusedError("purpose.unsatisfiable", "Nothing satisfies this purpose, whoever signs.")
    stated = {threshold.purpose: threshold for threshold in trust.thresholds if threshold.document == document}
    for purpose in purposes.lineage(purpose_id):
        if purpose.id in stated:
            return ("requester", *stated[purpose.id].roles)
    raise RefusedError("trust.no_threshold", f"The trust document names no signers of a {document} for this purpose.")
