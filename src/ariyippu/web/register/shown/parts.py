"""What the entries of the register are made of, and those that stand for themselves: refusals, counts, bills."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ariyippu.base.documents import Document, Role

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Both:
    """A name or a text in both languages."""

    ml: str
    en: str


@dataclass(frozen=True)
class Place:
    """An entry's place in the log."""

    index: int
    at: dt.datetime
    kind: str


@dataclass(frozen=True)
class Signer:
    """Who signed: a designation, never a name, with its office and roles."""

    person: str
    office: Both
    roles: tuple[Role, ...]
    acting_for: tuple[str, ...] = ()  # colleagues who delegated a role, by designation


@dataclass(frozen=True)
class CountEntry:
    """A count that the requesting office was told: in tens, 0 for fewer than ten; None where it was withheld."""

    place: Place
    on: dt.date
    register: str
    answer: int | None
    withheld: str


@dataclass(frozen=True)
class Act(Generic[D]):
    """A document that changes something about another: a refusal, an amendment, a lift."""

    place: Place
    digest: str
    document: D
    signers: tuple[Signer, ...]


@dataclass(frozen=True)
class RefusalEntry:
    """A document that was refused. `document` is None when it was not even readable."""

    place: Place
    digest: str
    document_kind: str
    code: str
    document: Document | None
    office: Both | None
    signers: tuple[Signer, ...]


@dataclass(frozen=True)
class BillEntry:
    """A carrier's bill, held against what left: rounded counts. `file`: its SHA-256."""

    place: Place
    carrier: str
    file: str
    first_on: dt.date
    last_on: dt.date
    lines: int
    sent: int
    unknown: int
    differences: Mapping[str, int]
