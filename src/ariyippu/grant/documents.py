"""The documents of grant: a use request ("letter"), which its signatures turn into a grant."""

import datetime as dt
from typing import ClassVar, Self

from pydantic import AwareDatetime, Field, model_validator

from ariyippu.base.documents import Document, Part


class LegalBasis(Part):
    """The law that a use rests on, e.g. a government order or a section of an act."""

    law: str = Field(min_length=3, max_length=200)
    clause: str = Field(min_length=1, max_length=80)
    in_force_from: dt.date


class RegisterFields(Part):
    """Which columns of a register may be used."""

    register: str
    fields: tuple[str, ...] = Field(min_length=1)


class UseRequest(Document):
    """A request to have notices sent from a register. Signed by all, it is a grant; it never lets anyone read."""

    KIND: ClassVar[str] = "use-request"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    requester: str = Field(description="The office that asks.")
    case_number: str = Field(min_length=1, max_length=80)
    purpose: str
    legal_basis: LegalBasis
    registers: tuple[RegisterFields, ...] = Field(min_length=1)
    cohort_en: str = Field(min_length=1, max_length=400)
    cohort_ml: str = Field(min_length=1, max_length=400)
    valid_from: AwareDatetime
    valid_until: AwareDatetime

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.valid_from >= self.valid_until:
            raise ValueError("valid_until must be after valid_from")
        names = [part.register for part in self.registers]
        if len(set(names)) != len(names):
            raise ValueError("a register stands twice")
        return self

    def fields_of(self, register: str) -> frozenset[str]:
        return frozenset(field for part in self.registers if part.register == register for field in part.fields)
