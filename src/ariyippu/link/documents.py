"""The document of link: a settlement, two officers' answer about one uncertain pair. Pure."""

import datetime as dt
from typing import ClassVar, Literal

from pydantic import Field

from ariyippu.base.documents import Document, Envelope, Role, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import require_roles, signers

ROLES: tuple[Role, ...] = ("register_owner", "custodian")


class Settlement(Document):
    """One pair of records is of the same person, or of two. It names the pair by a keyed reference only.

    Signed by the owner of one of the registers and by the custodian. It takes effect at the next linking run;
    the latest settlement of a pair counts.
    """

    KIND: ClassVar[str] = "settlement"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    run: str = Field(min_length=1, max_length=80, description="The linking run in which the pair was looked at.")
    pair: str = Field(pattern=r"^[0-9a-f]{32}$", description="See link/clerical.py: reference.")
    registers: tuple[str, str] = Field(description="Where its two records stand.")
    verdict: Literal["same", "different"]


def check_signers(envelope: Envelope, trust: Trust, at: dt.datetime) -> Settlement:
    """The settlement, signed by an owner of one of its registers and a custodian: two keys, people and offices.

    RefusedError `document.*`, `signature.*`, `trust.expired`, `register.no_owner`.
    """
    settlement = envelope.open(Settlement)
    found = signers(envelope, trust, at)
    one, other = (trust.registers.get(register) for register in settlement.registers)
    if one is None or other is None:
        raise RefusedError("register.no_owner", "The trust document names no owner of one of the registers.")
    signed_by_one = any(key.office == one and "register_owner" in key.roles for key in found)
    require_roles(found, ROLES, {"register_owner": one if signed_by_one else other})
    return settlement
