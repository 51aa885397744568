"""The documents of notice: what is said and to whom, how many that would be, and the orders that have it sent."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from ariyippu.base.documents import Document, Part, added
from ariyippu.grant.documents import LegalBasis

Channel = Literal["email", "sms", "inbox"]  # the last one: the person's own page, which everybody has
Language = Literal["ml", "en"]
LANGUAGES: tuple[Language, ...] = ("ml", "en")
Kind = Literal["text", "name", "number", "money", "date"]  # how a value is written
PLACEHOLDER_NAME = r"^[a-z][a-z0-9_]{0,39}$"
TRIGGER_NAME = re.compile(r"-t[0-9]+$")
MAX_FLAGS = 5  # a text has a form for each way in which its flags can hold: 32 at most


class Text(Part):
    """The same text in both languages."""

    ml: str = Field(min_length=1, max_length=4000)
    en: str = Field(min_length=1, max_length=4000)


class Placeholder(Part):
    """`((name))` in a text stands for `column` of the register, written as `type`."""

    name: str = Field(pattern=PLACEHOLDER_NAME)
    column: str
    type: Kind


class Flag(Part):
    """`((name??text))` in a text shows `text` to those whose record satisfies `when`."""

    name: str = Field(pattern=PLACEHOLDER_NAME)
    when: dict[str, object] = Field(description="See notice/criteria.py.")


class Notice(Document):
    """An officer's intent: the texts, whom they concern, for what purpose and under which law."""

    KIND: ClassVar[str] = "notice"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    office: str
    title: Text
    purpose: str
    legal_basis: LegalBasis
    sanction_reference: str = Field(min_length=1, max_length=80)
    register: str
    criteria: dict[str, object] = Field(description="See notice/criteria.py.")
    subject: Text
    email: Text
    sms: Text
    dlt_template: str | None = Field(
        default=None, pattern=r"^[0-9]{12,19}$", description="The SMS's content template, as registered on DLT."
    )
    placeholders: tuple[Placeholder, ...]
    flags: tuple[Flag, ...] = added(default=(), max_length=MAX_FLAGS)
    contact: Text = Field(description="Whom to ask and which rights one has (DPDP Rules 2025, 2nd Schedule (g)).")


class Question(Document):
    """How many records of a snapshot would these criteria concern? Signed by the office that asks."""

    KIND: ClassVar[str] = "question"

    office: str = Field(max_length=80)
    use_request: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the granted use request.")
    register: str = Field(max_length=40)
    snapshot: str = Field(max_length=80)
    criteria: dict[str, object] = Field(description="See notice/criteria.py.")


class ContactsOf(Part):
    """A register whose contacts an order may borrow where its own record has none, by a certain link alone."""

    register: str = Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")
    snapshot: str
    contract: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the register's contract.")


class Sending(Document):
    """What every order to send a notice says, whether it does so once or at each event. It pins by digest."""

    notice: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the notice.")
    use_request: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the granted use request.")
    contract: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the register's contract.")
    register: str
    purpose: str
    channels: tuple[Channel, ...] = Field(min_length=1, max_length=3, description="In order of choice.")
    not_before: AwareDatetime
    not_after: AwareDatetime
    max_messages: int = Field(ge=1)
    max_cost_paise: int = Field(ge=0, description="What its SMS may cost at most; e-mail costs nothing.")
    min_interval_days: int = Field(ge=0, le=3660, description="Not to who was told for this purpose since.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.not_before >= self.not_after:
            raise ValueError("not_after must be after not_before")
        if len(set(self.channels)) != len(self.channels):
            raise ValueError("a channel stands twice")
        if "inbox" in self.channels[:-1]:
            raise ValueError("the inbox is for whom no other channel reaches: it stands last")
        return self


class Order(Sending):
    """The order to send one notice once, to one snapshot, under one grant.

    A correction goes to exactly those whom another order reached: its notice has no criteria of its own.
    """

    KIND: ClassVar[str] = "order"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")
    snapshot: str
    contacts_of: tuple[ContactsOf, ...] = Field(
        default=(), max_length=8, exclude_if=lambda lent: not lent, description="In order of choice, after its own."
    )
    corrects: str | None = added(pattern=r"^[0-9a-f]{64}$", description="Digest of the order that it puts right.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        lending = [part.register for part in self.contacts_of]
        if len({self.register, *lending}) != len(lending) + 1:
            raise ValueError("a register stands twice")
        if self.corrects is not None and self.min_interval_days:
            raise ValueError("a correction goes to people who were told: min_interval_days must be 0")
        if not isinstance(self, Trigger) and TRIGGER_NAME.search(self.id):
            raise ValueError("names that end in -t and a number are those of triggers")
        return self


@dataclass(frozen=True)
class Event:
    """What triggers a standing order: a register's next snapshot after the one that it saw last."""

    number: int  # of the trigger, from 1
    snapshot: str
    previous: str
    at: dt.datetime  # whole seconds


class Trigger(Order):
    """What a standing order comes to at one event. The vault makes it, and logs it; nobody signs it by itself."""

    KIND: ClassVar[str] = "trigger"

    standing: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the standing order.")
    standing_id: str
    number: int
    previous: str
    at: AwareDatetime
    event_field: str | None
    period_days: int

    @property
    def event(self) -> Event:
        return Event(self.number, self.snapshot, self.previous, self.at)


class StandingOrder(Sending):
    """The order to send one notice whenever its register brings somebody new, under one grant.

    At each new snapshot under the same contract it is triggered: the candidates are the records that newly
    satisfy the criteria, and those that did before whose `event_field` has another value now.
    `max_messages` and `max_cost_paise` are for `period_days`.
    """

    KIND: ClassVar[str] = "standing-order"

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,47}$")
    event_field: str | None = Field(description="None: only who newly satisfies the criteria.")
    window_days: int = Field(ge=1, le=92, description="How long after its event a trigger's messages may leave.")
    period_days: int = Field(ge=1, le=366, description="What max_messages and max_cost_paise are for.")

    def triggered(self, event: Event) -> Trigger:
        """What it comes to at an event: whoever has both can make it again and compare. ValueError outside its time."""
        said = {name: getattr(self, name) for name in Sending.model_fields}
        own = {
            "id": f"{self.id}-t{event.number}",
            "snapshot": event.snapshot,
            "not_before": event.at,
            "not_after": min(self.not_after, event.at + dt.timedelta(days=self.window_days)),
            "standing": self.digest(),
            "standing_id": self.id,
            "number": event.number,
            "previous": event.previous,
            "at": event.at,
            "event_field": self.event_field,
            "period_days": self.period_days,
        }
        return Trigger(**said | own)

    def comes_to(self, trigger: Trigger) -> bool:
        """Whether the trigger is what it comes to at the trigger's event."""
        try:
            return self.triggered(trigger.event) == trigger
        except ValueError:
            return False
