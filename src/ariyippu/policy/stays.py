"""What stays stop (invariant 5), at this instant. What places and changes them is accept.py.

A stay has a span for each set of terms that it had: from its start, or from an amendment's acceptance, to
the next amendment, its lift or its own end. A span that has ended does not release what it stopped: an
order goes on only after a person released it (`OrderRow.released_at`) at an instant when nothing stopped
it. So a span stops an order when it stands now, and also when it ended after the order was last released;
every narrowing, leave, lift and end opens an epoch in that sense (docs/adr/0002).

A clock may jump. A stay that was seen as begun has begun (`StayRow.begun`), with all its later terms: no clock
that is set back makes it one that is still to come. A lift or an amendment under such a clock still ends terms
after they began and after what they stopped was released last (accept.py), so it frees no queue. Not covered,
while a clock is wrong: set forward, a stay's own end comes early: a person can release what it stopped, and it
does not hold what is accepted or released then. Set back, one that was placed ahead comes late.
"""

import datetime as dt
import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.db import connection

from ariyippu.base import clock
from ariyippu.base.documents import Envelope
from ariyippu.ingest.manifest import Manifest
from ariyippu.notice.criteria import EVERYONE, AnyOf, Node
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.policy.documents import Amendment, Stay, Subject, subjects
from ariyippu.policy.models import StayRow
from ariyippu.policy.spans import Span, spans

NOTIFY_CHANNEL = "ariyippu_stay"
# SQL: a number that grows whenever a stay begins, is amended or is lifted. While it is the same, `stopped` gives
# the same answer about an order that nobody released: an end by itself frees nothing.
EDITION = """(select count(*) + count(*) filter (where begun) + count(lifted_at) from policy_stay
        where begun or starts_at <= now())
    + (select count(*) from policy_amendment)"""


def placed(row: StayRow) -> tuple[Stay, tuple[Span, ...]]:
    """The stay, and its terms one after the other. What counts are the signed documents, not the row's copies."""
    stay = _stay(row.envelope)
    kept = sorted(row.amendments.all(), key=lambda amendment: amendment.number)
    amended = [(_amendment(one.envelope), one.accepted_at) for one in kept]
    return stay, tuple(replace(span, begun=row.begun) for span in spans(stay, amended, row.lifted_at))


# Each check of each order asks for every stay that ever was, and what was signed does not change.
@functools.lru_cache(maxsize=4_096)
def _stay(envelope: str) -> Stay:
    return Envelope.parse(envelope).open(Stay)


@functools.lru_cache(maxsize=4_096)
def _amendment(envelope: str) -> Amendment:
    return Envelope.parse(envelope).open(Amendment)


def begin() -> None:
    """Keep which stays that were placed ahead have begun: whoever is about to ask what they stop calls this before."""
    if StayRow.objects.filter(begun=False, starts_at__lte=clock.now()).update(begun=True):
        notify()


def subjects_of(verified: VerifiedOrder) -> tuple[Subject, ...]:
    """A verified order's channels, as stays see them."""
    return subjects(verified.order, verified.notice, attributes_of(verified.manifest))


def attributes_of(register: Manifest) -> dict[str, str]:
    """A register's attributes with their types: what a stay may ask about."""
    return {name: column.type for name, column in register.columns.items() if column.kind == "attribute"}


def standing(subject: Subject, released_at: dt.datetime) -> Stay | None:
    """A stay that stops all of this subject now, or None. See the module's docstring for stays that ended."""
    return next((stay for stay, _span, whom in _stopping(subject, released_at) if whom == EVERYONE), None)


def stopped(subject: Subject, released_at: dt.datetime, *, restraint: bool | None = None) -> Node:
    """Whom of this subject's people stays stop now: EVERYONE, nobody, or those who satisfy these criteria.

    `restraint`: by restraints only, or by other stays only.
    """
    found = [
        whom for _stay, span, whom in _stopping(subject, released_at) if restraint in (None, span.terms.scope.restraint)
    ]
    return EVERYONE if EVERYONE in found else AnyOf(tuple(found))


def active(subjects: Sequence[Subject]) -> Stay | None:
    """A stay that stands now over all of any of the subjects: while it does, nothing can be released."""
    return next((stay for subject in subjects if (stay := standing(subject, clock.now()))), None)


def first_ahead(subject: Subject) -> dt.datetime | None:
    """When the first stay that was placed ahead of its time will stop this subject, or some of its people."""
    now = clock.now()
    ahead = (span for row in StayRow.objects.prefetch_related("amendments") for span in placed(row)[1])
    ahead_of_it = (span for span in ahead if not span.has_begun(now) and span.terms.names(subject))
    starts = [span.starts_at for span in ahead_of_it if _stands(span)]
    return min(starts, default=None)


def _stands(span: Span) -> bool:
    """Whether it stands at any time: one that was lifted or amended before it began does not."""
    return span.ends_at is None or span.starts_at < span.ends_at


def notify() -> None:
    """Tell every worker, when this transaction commits, that what it checked may hold no longer."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_notify(%s, '')", [NOTIFY_CHANNEL])


def _stopping(subject: Subject, released_at: dt.datetime) -> Iterator[tuple[Stay, Span, Node]]:
    for row in StayRow.objects.order_by("starts_at", "digest").prefetch_related("amendments"):
        stay, terms = placed(row)
        for span in terms:
            whom = span.terms.whom(subject)
            if whom is not None and span.holds_up(released_at, clock.now()):
                yield stay, span, whom
