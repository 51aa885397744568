"""Stays, their terms one after the other, and what they stopped."""

import datetime as dt
from dataclasses import dataclass

from ariyippu.policy.documents import Amendment, Confirmation, Lift, Stay, Terms
from ariyippu.policy.spans import Span, spans
from ariyippu.web.register.shown.parts import Act, Both, Place, Signer

CONFIRM_WITHIN_HOURS = 24  # a stay that was entered from paper, before the register says that nobody has


@dataclass(frozen=True)
class StoppedOrder:
    """What a stay stopped of one order: rounded counts. `waiting` is None when nobody had been decided about."""

    order: str  # the order's digest
    handed_off: int
    in_hand: int
    waiting: int | None


@dataclass(frozen=True)
class Stopped:
    """What was stopped when a stay came (number 0), or by its n-th amendment."""

    place: Place
    number: int
    at: dt.datetime
    orders: tuple[StoppedOrder, ...]


@dataclass(frozen=True)
class Recalled:
    """Of one order, what a stay called back: rounded counts."""

    place: Place
    order: str  # the order's digest
    asked: int
    recalled: int


@dataclass(frozen=True)
class StayEntry:
    """A stay, and what changed it or ended it early."""

    place: Place
    digest: str
    document: Stay
    authority: Both
    signers: tuple[Signer, ...]
    amendments: tuple[Act[Amendment], ...] = ()
    confirmation: Act[Confirmation] | None = None
    lift: Act[Lift] | None = None
    stopped: tuple[Stopped, ...] = ()
    recalled: tuple[Recalled, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        acts = (*self.amendments, *self.stopped, self.confirmation, self.lift)
        later = {act.place for act in (*acts, *self.recalled) if act is not None}  # an entry may be about many orders
        return (self.place, *sorted(later, key=lambda place: place.index))

    @property
    def spans(self) -> tuple[Span, ...]:
        """Its terms, one after the other."""
        amended = [(act.document, act.place.at) for act in self.amendments]
        return spans(self.document, amended, None if self.lift is None else self.lift.place.at)

    @property
    def terms(self) -> Terms:
        """The terms that it has, or had last."""
        return self.spans[-1].terms

    @property
    def ends_at(self) -> dt.datetime | None:
        return self.spans[-1].ends_at

    def is_active(self, at: dt.datetime) -> bool:
        return any(span.stands(at) for span in self.spans)

    def is_over(self, at: dt.datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= at

    def is_unconfirmed(self, at: dt.datetime) -> bool:
        """It was entered from paper, and nobody else has confirmed that in the time that there is for it."""
        late = self.place.at + dt.timedelta(hours=CONFIRM_WITHIN_HOURS) <= at
        return self.document.paper is not None and self.confirmation is None and late
