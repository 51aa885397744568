"""Use requests and their life; the linking runs under them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ariyippu.grant.documents import Refusal, UseRequest, Withdrawal
from ariyippu.web.register.shown.parts import Act, Both, CountEntry, Place, RefusalEntry, Signer


class RequestState(StrEnum):
    """What became of a use request."""

    ASKED = "asked"
    REFUSED = "refused"
    GRANTED = "granted"
    USED = "used"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class RequestEntry:
    """A use request and its life so far; granted when `granted_until` is set."""

    places: tuple[Place, ...]
    digest: str
    document: UseRequest
    office: Both
    principal: Both | None
    signers: tuple[Signer, ...]
    granted_until: dt.datetime | None = None
    counts: tuple[CountEntry, ...] = ()
    by_the_vault: tuple[RefusalEntry, ...] = ()
    refused: Act[Refusal] | None = None  # by an officer
    withdrawn: Act[Withdrawal] | None = None

    def state(self, at: dt.datetime, *, used: bool) -> RequestState:
        """`used`: an order was placed under it."""
        if self.withdrawn is not None:
            return RequestState.WITHDRAWN
        if self.granted_until is None:
            refused = self.refused is not None or self.by_the_vault
            return RequestState.REFUSED if refused else RequestState.ASKED
        if self.granted_until <= at:
            return RequestState.EXPIRED
        return RequestState.USED if used else RequestState.GRANTED


@dataclass(frozen=True)
class LinkingEntry:
    """A linking run: which snapshots it read, under which grant, and what came of it, rounded."""

    place: Place
    run: str
    request: RequestEntry
    snapshots: Mapping[str, str]
    records: int
    persons: int
    certain: int
    possible: int
