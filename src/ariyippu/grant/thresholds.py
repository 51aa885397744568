"""Who must sign what: the trust document's thresholds, held against an envelope's signers.

The vault asks it before it relies on a document, an auditor's verifier asks it about the log; so it
knows neither Django nor the clock.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from ariyippu.base.documents import Envelope, OfficerKey, Role, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import require_roles, signers
from ariyippu.grant import purposes


@dataclass(frozen=True)
class Demand:
    """A document that needs signatures: for which purpose, of which office, about whose registers."""

    document: Literal["use-request", "order"]
    purpose: str
    requester: str
    registers: tuple[str, ...]


def check(envelope: Envelope, demand: Demand, trust: Trust, at: dt.datetime) -> tuple[OfficerKey, ...]:
    """The signers, when they are all that the demand's purpose and registers need.

    RefusedError: `signature.*`, `trust.expired`, `register.no_owner`, and those of `required_roles`.
    """
    found = signers(envelope, trust, at)
    roles = required_roles(trust, demand.purpose, demand.document)
    for register in demand.registers:
        owner = trust.registers.get(register)
        if owner is None:
            raise RefusedError("register.no_owner", f"The trust document names no owner of {register!r}.")
        require_roles(found, roles, {"requester": demand.requester, "register_owner": owner})
    return found


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
