"""The documents of policy: a stay, and the lift that ends one early."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from ariyippu.base.documents import Document, Part


class Scope(Part):
    """What a stay stops. Every field that is set must match; with none set it stops everything."""

    order: str | None = None
    register: str | None = None
    purpose: str | None = None
    office: str | None = None
    channel: Literal["email", "sms"] | None = None


class Stay(Document):
    """Stop, now. One key of a court liaison, an election officer or a custodian is enough."""

    KIND: ClassVar[str] = "stay"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    office: str = Field(description="The authority that places it.")
    reference: str = Field(min_length=1, max_length=120, description="The court's or commission's own number.")
    scope: Scope
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None


class Lift(Document):
    """End a stay early: the whole quorum, and the authority that placed it, must sign."""

    KIND: ClassVar[str] = "lift"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    stay: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the stay.")
    reference: str = Field(min_length=1, max_length=120)
