"""The documents of policy: a stay, and the lift that ends one early."""

from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic import AwareDatetime, Field, model_validator

from ariyippu.base.documents import Document, Part
from ariyippu.grant import purposes
from ariyippu.notice.documents import Channel, Notice, Order


class Scope(Part):
    """What a stay stops. Every field that is set must match; with none set it stops everything."""

    order: str | None = None
    register: str | None = None
    purpose: str | None = None
    office: str | None = None
    channel: Channel | None = None

    def stops(self, subject: "Subject") -> bool:
        """Whether the scope names this subject; a purpose names those below it too."""
        return (
            self.order in (None, subject.order)
            and self.register in (None, subject.register)
            and self.office in (None, subject.office)
            and self.channel in (None, subject.channel)
            and (self.purpose is None or purposes.is_at_or_below(subject.purpose, self.purpose))
        )


@dataclass(frozen=True)
class Subject:
    """What a stay's scope is held against: one channel of one order."""

    order: str  # the order's id, as the public register shows it
    register: str
    purpose: str
    office: str
    channel: Channel


def subjects(order: Order, notice: Notice) -> tuple[Subject, ...]:
    """An order's channels in their order of choice, as stays see them."""
    return tuple(Subject(order.id, order.register, order.purpose, notice.office, channel) for channel in order.channels)


class Stay(Document):
    """Stop, now. One key of a court liaison, an election officer or a custodian is enough."""

    KIND: ClassVar[str] = "stay"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    office: str = Field(description="The authority that places it.")
    reference: str = Field(min_length=1, max_length=120, description="The court's or commission's own number.")
    scope: Scope
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be after starts_at")
        return self


class Lift(Document):
    """End a stay early: the whole quorum, and the authority that placed it, must sign."""

    KIND: ClassVar[str] = "lift"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    stay: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the stay.")
    reference: str = Field(min_length=1, max_length=120)
