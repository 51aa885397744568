"""What stays call back: SMS that a carrier took before one came, may still deliver, and has sent no final receipt of.

    plan       once for each set of a stay's terms, as soon as what they stopped is counted (stopped.py): a row for
               each id of each such message. Workers ask the carriers (send/recall.py)
    certify    once no answer is open any more: how many, rounded, into the log

A message is recalled when its carrier says so of each of its ids: in its answer, or, of the one that receipts name, in
a DELETED receipt. A receipt counts before an answer: what was delivered was delivered, whatever was cancelled. A
carrier that cannot be asked is not asked, and nothing is said of its messages. Whether a stay still stands is asked
when it is planned; its end or its narrowing neither undoes a recall nor sends anything again.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from ariyippu.base import clock, journal
from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.base.text import rounded
from ariyippu.ingest.snapshot import manifest
from ariyippu.notice import orders
from ariyippu.notice.criteria import EVERYONE, Node
from ariyippu.policy import stays
from ariyippu.policy.models import StayRow
from ariyippu.send.carriers import can_recall
from ariyippu.send.carriers.answers import CANCELLED
from ariyippu.send.held_back import records_of
from ariyippu.send.models import Batch, Window
from ariyippu.send.recall import CARRIER, TOO_LATE
from ariyippu.send.tokens import Place
from ariyippu.send.watch import SILENCE_S
from ariyippu.track import sent
from ariyippu.track.receipts import State
from ariyippu.track.stopped import ORDERS_IN_ENTRY, named

# SQL: the messages that carriers were asked about, to be joined as `c`, and whether one is recalled beside its
# receipt `r`. Either may be missing.
ASKED = f"""
    select batch_id, position, min(stay) as stay, bool_and(code is not distinct from '{CANCELLED}') as is_cancelled,
        bool_and(has_receipt or code is not distinct from '{CANCELLED}') as others_are_cancelled,
        min(code) filter (where code <> '{CANCELLED}') as code
    from send_recall where {{which}} group by batch_id, position"""  # noqa: S608  constants
OF_ORDER = """batch_id in (select id from send_batch where "order" = %s)"""  # which, of one order
RECALLED = f"""(case when c.is_cancelled is null then false when r.state is null then c.is_cancelled
        else r.state = {State.DELETED.value} and c.others_are_cancelled end)"""

_PLAN = f"""
    with taken as (
        select o.batch_id, o.position, o.provider_id from send_outcome o
        left join track_message r on r.batch_id = o.batch_id and r.position = o.position
        where o.batch_id = any(%(batches)s) and o.outcome = 'accepted' and r.state is null
            and {CARRIER.format(id="o.provider_id")} = any(%(carriers)s)
            and (%(everyone)s or (o.batch_id, o.position) in (
                select * from unnest(%(among)s::bigint[], %(positions)s::int[])))),
    ids as (
        select *, true as has_receipt from taken
        union all select batch_id, position, p.provider_id, false
        from send_part p join taken using (batch_id, position))
    insert into send_recall (batch_id, position, provider_id, has_receipt, stay, number)
    select *, %(stay)s, %(number)s from ids order by 1, 2 on conflict do nothing"""  # noqa: S608  constants
_OPEN = """
    select exists (
        select from send_recall r join send_batch b on b.id = r.batch_id
        where r.stay = %s and r.number = %s and r.code is null and b.valid_until > %s)"""
_COUNTS = f"""
    select b."order", {RECALLED}, case when {RECALLED} then '' else coalesce(r.code, c.code, '') end, count(*)
    from ({ASKED.format(which="stay = %s and number = %s")}) c
    join send_batch b on b.id = c.batch_id
    left join track_message r on r.batch_id = c.batch_id and r.position = c.position
    group by 1, 2, 3 order by 1, 2, 3"""  # noqa: S608  constants

log = structlog.get_logger()


@dataclass
class Recalled:
    """Of one order, what one set of a stay's terms called back. Exact: for the vault.

    `others`: by what its carrier said of it last, in its own code; "" while it has said nothing.
    """

    asked: int
    recalled: int
    others: dict[str, int]


def plan(home: Home, keyring: Keyring) -> None:
    """Intend what stays recall whose terms were counted since this was called last."""
    for row in StayRow.objects.filter(recalled__lt=F("certified")):
        try:
            _plan(row, home, keyring)
        except (RefusedError, PermanentError) as error:  # a snapshot or a file cannot be read: other stays go on
            log.warning("recall_stuck", stay=row.stay_id, error=str(error))


def certify() -> None:
    """Log what came of the recalls of which nothing is open any more."""
    for row in StayRow.objects.filter(recall_logged__lt=F("recalled")):
        number = row.recall_logged
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_OPEN, [row.digest, number, clock.now()])
            if cursor.fetchone()[0]:
                continue
            cursor.execute(
                "update send_recall set code = %s where stay = %s and number = %s and code is null",
                [TOO_LATE, row.digest, number],
            )
            StayRow.objects.filter(digest=row.digest).update(recall_logged=number + 1)
            _log(row.digest, number)


def of_terms(stay: str, number: int) -> dict[str, Recalled]:
    """{order's digest: what came of the messages that these terms of the stay call back}, as it is now."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [stay, number])
        found: dict[str, Recalled] = {}
        for order, is_recalled, code, messages in cursor.fetchall():
            one = found.setdefault(order, Recalled(0, 0, {}))
            one.asked += messages
            if is_recalled:
                one.recalled += messages
            else:
                one.others[code] = messages
        return found


def of_message(place: Place) -> Mapping[str, str | None] | None:
    """{"stay", "code"} where a carrier was asked to cancel this message: the stay's digest, the code of its answer."""
    with connection.cursor() as cursor:
        cursor.execute(ASKED.format(which="batch_id = %s and position = %s"), [place.batch, place.position])
        found = cursor.fetchone()
    if found is None:
        return None
    _batch, _position, stay, is_cancelled, _others, code = found
    return {"stay": stay, "code": CANCELLED if is_cancelled else code}


def _plan(row: StayRow, home: Home, keyring: Keyring) -> None:
    span = stays.placed(row)[1][row.recalled]
    at = max(span.starts_at, row.accepted_at)
    sms = Q(channel="sms", valid_until__gt=clock.now())
    called = [(order, batches.filter(sms)) for order, batches in named(span, at)] if span.stands(clock.now()) else []
    if any(_may_be_unaware(batches, at) for _order, batches in called):
        return
    with transaction.atomic():
        StayRow.objects.filter(digest=row.digest).update(recalled=row.recalled + 1)
        for order, batches in called:
            if batches.exists():
                snapshot = orders.document(order).snapshot
                whom = span.terms.scope.whom(stays.attributes_of(manifest(home, snapshot)))
                among = None if whom == EVERYONE else _places(batches, snapshot, whom, (home, keyring))
                _intend(batches, among, row, home)


def _may_be_unaware(batches: QuerySet[Batch], at: dt.datetime) -> bool:
    """Whether a window is open that may have opened between the stay's instant and its commit."""
    unaware = Window.objects.filter(batch__in=batches, opened_at__lt=at + dt.timedelta(seconds=SILENCE_S))
    return unaware.filter(closed_at=None, batch__lease_until__gt=Now()).exists()


def _places(batches: QuerySet[Batch], snapshot: str, whom: Node, vault: tuple[Home, Keyring]) -> list[Place]:
    """Where the messages of these people are."""
    found: list[Place] = []
    records: dict[int, frozenset[bytes]] = {}  # by file
    for batch in batches.select_related("file"):
        if batch.file_id not in records:
            records[batch.file_id] = records_of(batch.file, snapshot, whom, *vault)
        own, _contacts = sent.rows(batch, *vault)
        found += [Place(batch.pk, at) for at, record in enumerate(own) if record in records[batch.file_id]]
    return found


def _intend(batches: QuerySet[Batch], among: Sequence[Place] | None, row: StayRow, home: Home) -> None:
    """A row for each id that is to be cancelled; `row.recalled` is the number of the stay's terms."""
    able = [name for name, carrier in home.settings.carriers_of("sms").items() if can_recall(carrier)]
    with connection.cursor() as cursor:
        cursor.execute(
            _PLAN,
            {
                "batches": list(batches.values_list("pk", flat=True)),
                "carriers": able,
                "everyone": among is None,
                "among": [place.batch for place in among or ()],
                "positions": [place.position for place in among or ()],
                "stay": row.digest,
                "number": row.recalled,
            },
        )


def _log(stay: str, number: int) -> None:
    found = [
        {"order": order, "asked": rounded(one.asked), "recalled": rounded(one.recalled)}
        for order, one in of_terms(stay, number).items()
    ]
    for start in range(0, len(found), ORDERS_IN_ENTRY):
        body = {"stay": stay, "number": number, "orders": found[start : start + ORDERS_IN_ENTRY]}
        journal.append("recalled", body)
