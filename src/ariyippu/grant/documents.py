"""The documents of grant: a use request ("letter"), which its signatures turn into a grant, and what may follow it.

use-request   signed by everyone who must, it is a grant
refusal       the register's owner or a custodian says no, with a reason; that request is never granted
withdrawal    the requester takes a granted one back; no order holds under it any more
"""

import datetime as dt
from typing import ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from ariyippu.base.documents import Document, Envelope, Paper, Part, added


class LegalBasis(Part):
    """The law that a use rests on, e.g. a government order or a section of an act; legal.py says which may."""

    law: str = Field(min_length=3, max_length=200)
    clause: str = Field(min_length=1, max_length=80, description="Of the kind dpdp: 7(a) to 7(i).")
    in_force_from: dt.date
    kind: Literal["law", "consent", "dpdp"] = added("law")
    notified_ref: str | None = added(max_length=120, description="Of a database that section 7(b)(ii) means.")
    notified_on: dt.date | None = added()


class RegisterFields(Part):
    """Which columns of a register may be used."""

    register: str
    fields: tuple[str, ...] = Field(min_length=1)


class UseRequest(Document):
    """A request to have notices sent from a register. Signed by all, it is a grant; it never lets anyone read."""

    KIND: ClassVar[str] = "use-request"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    requester: str = Field(description="The office that asks.")
    case_number: str = Field(min_length=1, max_length=80, description="The requester's case or government order.")
    purpose: str
    legal_basis: LegalBasis
    registers: tuple[RegisterFields, ...] = Field(min_length=1)
    cohort_en: str = Field(min_length=1, max_length=400)
    cohort_ml: str = Field(min_length=1, max_length=400)
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    on_behalf_of: str | None = added(description="The office for which it is asked: it must sign, too.")
    copied_to: tuple[str, ...] = added((), max_length=20, description="Offices, or others by their designation.")
    wanted_by: dt.date | None = added(description="The letter's deadline. It is on record and changes nothing.")
    attachments: tuple[Paper, ...] = added((), max_length=20)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.valid_from >= self.valid_until:
            raise ValueError("valid_until must be after valid_from")
        names = [part.register for part in self.registers]
        if len(set(names)) != len(names):
            raise ValueError("a register stands twice")
        if self.on_behalf_of == self.requester:
            raise ValueError("an office does not ask on its own behalf")
        return self

    def fields_of(self, register: str) -> frozenset[str]:
        return frozenset(field for part in self.registers if part.register == register for field in part.fields)


class Refusal(Document):
    """No, and why: to a use request that its requester signed. It holds the request as it was asked."""

    KIND: ClassVar[str] = "refusal"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    office: str = Field(description="The register's owner, or the custodian.")
    request: Envelope
    reason_en: str = Field(min_length=3, max_length=1000)
    reason_ml: str = Field(min_length=3, max_length=1000)


class Withdrawal(Document):
    """The requester takes a granted use request back."""

    KIND: ClassVar[str] = "withdrawal"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    office: str = Field(description="The office that asked, or the one for which it asked.")
    request: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the use request.")
    reason_en: str = Field(min_length=3, max_length=1000)
    reason_ml: str = Field(min_length=3, max_length=1000)
