"""What comes through the hatch about stays: stays, amendments, confirmations, lifts.

Each is kept with its journal entry in one transaction; what changes a stay tells every worker when that
commits. Who must sign is quorum.py's; what stands afterwards is stays.py's.
"""

import datetime as dt

from django.db import transaction

from ariyippu.base import clock, journal
from ariyippu.base.documents import Envelope, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import signers
from ariyippu.grant import purposes
from ariyippu.notice.documents import Notice
from ariyippu.notice.models import OrderRow, StandingRow
from ariyippu.policy import quorum
from ariyippu.policy.documents import Amendment, Confirmation, Lift, Scope, Stay
from ariyippu.policy.models import AmendmentRow, StayRow
from ariyippu.policy.spans import Span
from ariyippu.policy.stays import notify, placed


def accept_stay(envelope: Envelope, trust: Trust) -> Stay:
    """Put a stay in force. RefusedError `stay.no_authority`, `stay.unknown_scope`, `stay.doubled`."""
    stay = envelope.open(Stay)
    _refuse_unknown(stay.scope, trust)
    quorum.check_stay(stay, signers(envelope, trust, clock.now()))
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
                begun=stay.starts_at <= clock.now(),
            )
            _log("stay", envelope)
            notify()
    return stay


def accept_amendment(envelope: Envelope, trust: Trust) -> Amendment:
    """Give a stay other terms from now on; the same amendment again changes nothing.

    RefusedError `amendment.no_stay`, `amendment.over`, `amendment.out_of_turn`, `stay.unknown_scope`, and
    those of quorum.check_amendment.
    """
    amendment = envelope.open(Amendment)
    _refuse_unknown(amendment.scope, trust)
    found = signers(envelope, trust, clock.now())
    with transaction.atomic():
        row = _locked(amendment.stay, "amendment.no_stay")
        if row.amendments.filter(digest=envelope.digest).exists():
            return amendment
        stay, (*_before, last) = placed(row)
        if last.ends_at is not None and last.ends_at <= clock.now():
            raise RefusedError("amendment.over", "The stay has ended: place a new one.")
        if amendment.number != row.amendments.count() + 1:
            raise RefusedError("amendment.out_of_turn", f"The stay's next amendment is {row.amendments.count() + 1}.")
        quorum.check_amendment(amendment, stay, last.terms, found, trust)
        AmendmentRow.objects.create(
            digest=envelope.digest,
            stay=row,
            number=amendment.number,
            envelope=envelope.model_dump_json(),
            accepted_at=_ends(last),
        )
        _log("amendment", envelope)
        notify()
    return amendment


def accept_confirmation(envelope: Envelope, trust: Trust) -> Confirmation:
    """A second officer confirms the paper of a stay: that stops nothing and releases nothing.

    RefusedError `confirmation.no_stay`, and those of quorum.check_confirmation.
    """
    confirmation = envelope.open(Confirmation)
    found = signers(envelope, trust, clock.now())
    with transaction.atomic():
        row = _locked(confirmation.stay, "confirmation.no_stay")
        quorum.check_confirmation(confirmation, Envelope.parse(row.envelope), found, trust)
        if row.confirmed_at is None:
            row.confirmed_at = clock.now()
            row.save(update_fields=["confirmed_at"])
            _log("confirmation", envelope)
    return confirmation


def accept_lift(envelope: Envelope, trust: Trust) -> Lift:
    """End a stay early. RefusedError `lift.no_stay`, and those of quorum.check_lift."""
    lift = envelope.open(Lift)
    found = signers(envelope, trust, clock.now())
    with transaction.atomic():
        row = _locked(lift.stay, "lift.no_stay")
        stay, (*_before, last) = placed(row)
        quorum.check_lift(stay, last.terms, found, trust)
        if row.lifted_at is None:
            row.lifted_at = _ends(last)
            row.save(update_fields=["lifted_at"])
            _log("lift", envelope)
            notify()
    return lift


def _locked(digest: str, unknown: str) -> StayRow:
    """The stay's row, held: what changes one stay comes one after the other."""
    row = StayRow.objects.select_for_update().filter(digest=digest).first()
    if row is None:
        raise RefusedError(unknown, "There is no such stay.")
    return row


def _ends(last: Span) -> dt.datetime:
    """When a stay's last terms end that end now.

    After a clock was set back it is after they began, or they would count as terms that never stood; and nothing
    that they stopped stays dated as released after them, or it would go on by itself.
    """
    now = clock.now()
    OrderRow.objects.filter(released_at__gt=now).update(released_at=now - dt.timedelta.resolution)
    return max(now, last.starts_at + dt.timedelta.resolution) if last.begun else now


def _log(kind: journal.Kind, envelope: Envelope) -> None:
    journal.append(kind, {"envelope": envelope.model_dump(mode="json", exclude_none=True)})


def _refuse_unknown(scope: Scope, trust: Trust) -> None:
    """A scope that names nothing would stop nothing, unnoticed. RefusedError `stay.unknown_scope`."""
    if scope.purpose is not None:
        purposes.get(scope.purpose)
    known = (
        scope.register in (None, *trust.registers)
        and scope.office in (None, *(office.id for office in trust.offices))
        and (scope.order is None or _is_order(scope.order))
        and (scope.notice is None or scope.notice in _notices())
    )
    if not known:
        raise RefusedError(
            "stay.unknown_scope", "The stay's scope names a register, office, notice or order that is not known."
        )


def _is_order(name: str) -> bool:
    one_off = OrderRow.objects.filter(order_id=name)
    return one_off.exists() or StandingRow.objects.filter(standing_id=name).exists()


def _notices() -> set[str]:
    kept = OrderRow.objects.values_list("notice", flat=True).union(StandingRow.objects.values_list("notice", flat=True))
    return {Notice.parse(bytes(notice)).id for notice in kept}
