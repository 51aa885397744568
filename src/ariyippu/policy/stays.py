"""Stays (invariant 5): one authorised key is enough to stop; a lift takes everyone.

A stay that has ended does not release what it stopped: an order goes on only after a person released
it (`Order.released_at`) at an instant when no stay stood. So a stay stops an order when it stands now,
and also when it ended after the order was last released.
"""

import datetime as dt
from collections.abc import Sequence

from django.db import connection, transaction

from ariyippu.base import clock, journal
from ariyippu.base.documents import Envelope, OfficerKey, Role, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import require_roles, signers
from ariyippu.grant import purposes
from ariyippu.notice.models import OrderRow
from ariyippu.policy.documents import Lift, Scope, Stay, Subject
from ariyippu.policy.models import StayRow

AUTHORITIES: tuple[Role, ...] = ("court_liaison", "election_officer", "custodian")
NOTIFY_CHANNEL = "ariyippu_stay"


def accept_stay(envelope: Envelope, trust: Trust) -> Stay:
    """Put a stay in force and tell every worker. RefusedError `stay.no_authority`."""
    stay = envelope.open(Stay)
    _refuse_unknown(stay.scope, trust)
    found = signers(envelope, trust, clock.now())
    if not _is_authorised(found, stay):
        raise RefusedError("stay.no_authority", "A stay is signed by a court liaison, election officer or custodian.")
    with transaction.atomic():
        same = StayRow.objects.filter(stay_id=stay.id).first()
        if same is not None and same.digest != envelope.digest:
            raise RefusedError("stay.doubled", f"Another stay is called {stay.id!r}.")
        if same is None:
            StayRow.objects.create(
                digest=envelope.digest,
                stay_id=stay.id,
                envelope=envelope.model_dump_json(),
                starts_at=stay.starts_at,
            )
            journal.append("stay", {"envelope": envelope.model_dump(mode="json", exclude_none=True)})
            notify()
    return stay


def accept_lift(envelope: Envelope, trust: Trust) -> Lift:
    """End a stay early: signed by its authority and by everyone whom the trust document names for a lift.

    The roles are those of the longest `lift` threshold of the trust document.
    RefusedError `lift.no_stay`, `lift.not_its_authority`.
    """
    lift = envelope.open(Lift)
    row = StayRow.objects.filter(digest=lift.stay).first()
    if row is None:
        raise RefusedError("lift.no_stay", "There is no such stay.")
    stay = Envelope.parse(row.envelope).open(Stay)
    found = signers(envelope, trust, clock.now())
    if not _is_authorised(found, stay):
        raise RefusedError("lift.not_its_authority", "The authority that placed the stay must sign its lift.")
    register = stay.scope.register
    require_roles(found, _lift_roles(trust), {"register_owner": trust.registers[register]} if register else {})
    with transaction.atomic():
        if StayRow.objects.filter(digest=lift.stay, lifted_at=None).update(lifted_at=clock.now()):
            journal.append("lift", {"envelope": envelope.model_dump(mode="json", exclude_none=True)})
            notify()
    return lift


def standing(subject: Subject, released_at: dt.datetime) -> Stay | None:
    """The stay that stops this subject now, or None. See the module's docstring for stays that ended."""
    for row in StayRow.objects.order_by("starts_at"):
        stay = Envelope.parse(row.envelope).open(Stay)
        ends = [end for end in (stay.ends_at, row.lifted_at) if end is not None]
        stood = stay.starts_at <= clock.now() and not any(end <= stay.starts_at for end in ends)
        if stood and not any(end <= released_at for end in ends) and stay.scope.stops(subject):
            return stay
    return None


def active(subjects: Sequence[Subject]) -> Stay | None:
    """A stay that stands now over any of the subjects: while it does, nothing can be released."""
    return next((stay for subject in subjects if (stay := standing(subject, clock.now()))), None)


def _is_authorised(found: Sequence[OfficerKey], stay: Stay) -> bool:
    """Whether one of the signers is an authority of the office that the stay names."""
    return any(key.office == stay.office and set(key.roles) & set(AUTHORITIES) for key in found)


def _lift_roles(trust: Trust) -> tuple[Role, ...]:
    stated = [threshold for threshold in trust.thresholds if threshold.document == "lift"]
    if not stated:
        raise RefusedError("trust.no_threshold", "The trust document names no signers of a lift.")
    return max(stated, key=lambda threshold: len(threshold.roles)).roles


def _refuse_unknown(scope: Scope, trust: Trust) -> None:
    """A scope that names nothing would stop nothing, unnoticed. RefusedError `stay.unknown_scope`."""
    if scope.purpose is not None:
        purposes.get(scope.purpose)
    known = (
        scope.register in (None, *trust.registers)
        and scope.office in (None, *(office.id for office in trust.offices))
        and (scope.order is None or OrderRow.objects.filter(order_id=scope.order).exists())
    )
    if not known:
        raise RefusedError(
            "stay.unknown_scope", "The stay's scope names a register, office or order that is not known."
        )


def notify() -> None:
    """Tell every worker, when this transaction commits, that what it checked may hold no longer."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_notify(%s, '')", [NOTIFY_CHANNEL])
