"""Orders and standing orders, and what was logged about them."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ariyippu.notice.documents import Notice, Order, StandingOrder
from ariyippu.policy.documents import Subject, subjects
from ariyippu.web.register.shown.parts import Both, Place, Signer
from ariyippu.web.register.shown.requests import LinkingEntry, RequestEntry
from ariyippu.web.register.shown.stays import StayEntry


class State(StrEnum):
    """Where an order is on its way, as far as the log tells."""

    ANNOUNCED = "announced"
    SENDING = "sending"
    STAYED = "stayed"
    FAILED = "failed"
    EXPIRED = "expired"
    HANDED_OFF = "handed_off"


@dataclass(frozen=True)
class Audience:
    """How many were included and how many not, by reason: rounded, and 0 means fewer than ten."""

    place: Place
    root: str
    size: int
    counts: Mapping[str, int]
    linking: LinkingEntry | None  # the run over whose links exclusions travelled, and contacts were lent
    rules: tuple[str, ...] = ()  # of grant/rules.toml, in force when it was decided

    @property
    def included(self) -> int:
        return self.counts.get("included", 0)


@dataclass(frozen=True)
class HandOff:
    """What became of the messages: channel -> outcome -> rounded count."""

    place: Place
    outcomes: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Failure:
    """Why an accepted order came to nothing."""

    place: Place
    code: str


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """What an order and a standing order show alike."""

    place: Place
    digest: str
    notice: Notice
    office: Both
    owner: Both
    signers: tuple[Signer, ...]
    request: RequestEntry | None
    advice: tuple[str, ...]  # the linter's codes that did not refuse it


@dataclass(frozen=True, kw_only=True)
class StandingEntry(Ordered):
    """A standing order and its notice; what it comes to are orders of their own."""

    document: StandingOrder


@dataclass(frozen=True, kw_only=True)
class OrderEntry(Ordered):
    """An order, its notice, and everything that was logged about it."""

    document: Order
    standing: StandingEntry | None = None  # the standing order that came to this one
    audience: Audience | None = None
    handed_off: HandOff | None = None
    releases: tuple[Place, ...] = ()
    operations: tuple[Place, ...] = ()  # what those who run the vault did about it
    failure: Failure | None = None
    stays: tuple[StayEntry, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        later = [part.place for part in (self.audience, self.handed_off, self.failure) if part is not None]
        return tuple(sorted((self.place, *later, *self.releases, *self.operations), key=lambda place: place.index))

    def subjects(self) -> tuple[Subject, ...]:
        """Its ways to reach people, as stays see them."""
        return subjects(self.document, self.notice, {})

    def stayed_channels(self, at: dt.datetime) -> tuple[str, ...]:
        """Channels that stand still for everyone: under a stay, or after one that ended and before a release."""
        if self.handed_off is not None:
            return ()
        own = (subject for subject in self.subjects() if subject.contact_of is None)  # what is lent may stand alone
        return tuple(s.channel for s in own if any(not partly for partly in self._held_up(s, at)))

    def is_partly_stayed(self, at: dt.datetime) -> bool:
        """Whether some of its people stand still: those of a district or of a cohort."""
        return self.handed_off is None and any(any(self._held_up(subject, at)) for subject in self.subjects())

    def _held_up(self, subject: Subject, at: dt.datetime) -> Iterator[bool]:
        """For each span that holds the subject up, whether it does so for some people only."""
        released_at = self.releases[-1].at if self.releases else self.place.at
        for span in (span for stay in self.stays for span in stay.spans):
            if span.terms.names(subject) and span.holds_up(released_at, at):
                yield span.terms.scope.is_partial

    def state(self, at: dt.datetime) -> State:
        if self.handed_off is not None:  # of nothing, in older logs too, where nobody was decided about
            return State.EXPIRED if self.audience is None else State.HANDED_OFF
        if self.failure is not None:
            return State.FAILED
        if len(self.stayed_channels(at)) == len(self.document.channels):
            return State.STAYED
        return State.ANNOUNCED if self.audience is None else State.SENDING


def touches(stay: StayEntry, order: OrderEntry) -> bool:
    """Whether the stay ever named the order while both were in force."""
    for span in stay.spans:
        ended_before = span.ends_at is not None and span.ends_at <= order.place.at
        came_after = order.handed_off is not None and span.starts_at > order.handed_off.place.at
        names = any(span.terms.names(subject) for subject in order.subjects())
        if names and not ended_before and not came_after:
            return True
    return False
