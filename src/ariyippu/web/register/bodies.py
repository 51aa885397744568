"""What the bodies of the log's entries hold, as far as the register shows it. Pure."""

import datetime as dt

from pydantic import AwareDatetime, BaseModel, Field

from ariyippu.base.documents import Envelope


class Signed(BaseModel):
    envelope: Envelope


class Grant(Signed):
    granted_until: AwareDatetime | None


class Advice(BaseModel):
    code: str = Field(max_length=80)


class Ordered(Signed):
    notice: dict[str, object]
    advice: tuple[Advice, ...] = ()


class Refused(BaseModel):
    document: str = Field(max_length=200)
    document_kind: str = Field(max_length=120)
    code: str = Field(max_length=120)
    envelope: Envelope | None = None


class AudienceBody(BaseModel):
    order: str
    root: str
    size: int
    counts: dict[str, int]
    run: str | None = None
    rules: tuple[str, ...] = ()


class Linked(BaseModel):
    run: str
    grant: str
    snapshots: dict[str, str]
    records: int
    persons: int
    certain: int
    possible: int


class HandedOff(BaseModel):
    order: str
    outcomes: dict[str, dict[str, int]]


class Question(BaseModel):
    use_request: str
    register: str = Field(max_length=40)
    answer: int | None
    withheld: str = Field(max_length=40)


class Counted(BaseModel):
    on: dt.date
    questions: tuple[Question, ...]


class Triggered(BaseModel):
    trigger: dict[str, object]


class Failed(BaseModel):
    order: str
    code: str = Field(max_length=120)


class StoppedOrder(BaseModel):
    order: str
    handed_off: int
    in_hand: int
    waiting: int | None


class StoppedBody(BaseModel):
    stay: str
    number: int
    at: AwareDatetime
    orders: tuple[StoppedOrder, ...]


class RecalledOrder(BaseModel):
    order: str
    asked: int
    recalled: int


class RecalledBody(BaseModel):
    stay: str
    orders: tuple[RecalledOrder, ...]


class Expired(BaseModel):
    order: str


class Released(BaseModel):
    order: str


class Bill(BaseModel):
    carrier: str = Field(max_length=40)
    file: str = Field(pattern=r"^[0-9a-f]{64}$")
    first_on: dt.date
    last_on: dt.date
    lines: int
    sent: int
    unknown: int
    differences: dict[str, int]


class Operation(BaseModel):
    order: str | None
