"""Holds: an operator's word that sending shall not go on, kept in the database and logged for everybody to see.

    pause    no lease, and open windows end after the messages in hand
    drain    no lease; what is leased is finished
    resume   neither any more

Of everything, of one channel, or of one order. A hold is no stay: whoever runs the vault may lift it alone,
and it frees nothing that a stay stops.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.db import transaction

from ariyippu.base import clock, journal
from ariyippu.base.errors import RefusedError
from ariyippu.notice.documents import Channel
from ariyippu.notice.models import OrderRow
from ariyippu.policy import stays
from ariyippu.send.models import Hold

Kind = Literal["pause", "drain"]
EVERYTHING = ""

# SQL: whether a channel of an order is held, at all or so that open windows end.
HELD = "exists (select from send_hold where scope in ('', {channel}, {order}))"
PAUSED = "exists (select from send_hold where kind = 'pause' and scope in ('', {channel}, {order}))"


@dataclass(frozen=True)
class Scope:
    """What is held: one channel, one order, or with neither everything."""

    channel: Channel | None = None
    order: str | None = None  # its digest

    @property
    def key(self) -> str:
        return self.channel or self.order or EVERYTHING


def of(channel: Channel | None, order_id: str | None) -> Scope:
    """The scope that an operator names. RefusedError `hold.unknown_scope`."""
    if channel and order_id:
        raise RefusedError("hold.unknown_scope", "Name one channel, or one order, or neither.")
    if order_id is None:
        return Scope(channel=channel)
    row = OrderRow.objects.filter(order_id=order_id).first()
    if row is None:
        raise RefusedError("hold.unknown_scope", f"There is no order {order_id!r}.")
    return Scope(order=row.digest)


def place(scope: Scope, kind: Kind) -> None:
    """Hold it, from the next message on; the same again changes nothing."""
    with transaction.atomic():
        hold, placed = Hold.objects.get_or_create(scope=scope.key, defaults={"kind": kind, "placed_at": clock.now()})
        if not placed and hold.kind == kind:
            return
        Hold.objects.filter(scope=scope.key).update(kind=kind)
        _log(scope, kind)
        if kind == "pause":
            stays.notify()  # what a worker has in its hands ends as it does for a stay


def resume(scope: Scope) -> None:
    """Hold it no longer. RefusedError `hold.none` when nothing holds just this."""
    with transaction.atomic():
        if not Hold.objects.filter(scope=scope.key).delete()[0]:
            raise RefusedError("hold.none", "Nothing holds just this: `ariyippu send status` shows what does.")
        _log(scope, "resume")


def standing() -> Sequence[Hold]:
    return list(Hold.objects.order_by("placed_at"))


def _log(scope: Scope, hold: Kind | Literal["resume"]) -> None:
    journal.append("hold", {"hold": hold, "channel": scope.channel, "order": scope.order})
