"""Exact counts and times, for the custodian's operators inside the vault. Offices see rounded ones."""

from collections import Counter
from typing import Any

from django.db import connection

from ariyippu.base import clock
from ariyippu.base.documents import Envelope
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.ingest.models import Snapshot
from ariyippu.notice import orders
from ariyippu.notice.documents import StandingOrder
from ariyippu.notice.models import OrderRow, StandingRow
from ariyippu.policy import stays
from ariyippu.policy.models import AudienceRow
from ariyippu.track import settle
from ariyippu.track.models import Ignored


def report() -> dict[str, Any]:
    """{"registers", "candidates", "handed_off", "outcomes", "ignored", "orders", "seconds"}.

    See `ariyippu demo --json`; `ignored` counts what came and was no receipt of ours, by kind.
    """
    outcomes: Counter[str] = Counter()
    candidates: Counter[str] = Counter()
    for row in OrderRow.objects.all():
        for counts in settle.outcomes(row.digest).values():
            outcomes.update(counts)
    for frozen in AudienceRow.objects.all():
        candidates.update(frozen.counts)
    return {
        "registers": {s.register: {"rows": s.rows, "quarantined": s.quarantined} for s in Snapshot.objects.all()},
        "candidates": dict(candidates),
        "handed_off": _rates(),
        "outcomes": dict(outcomes),
        "ignored": dict(Ignored.objects.values_list("kind", "count")),
        "orders": {row.order_id: row.state for row in OrderRow.objects.all()},
        "seconds": {"decide": round(sum(frozen.seconds for frozen in AudienceRow.objects.all()), 3)},
    }


def order_lines(home: Home) -> list[str]:
    """One line for each order: its state, and the stay or the broken rule that holds it up; then standing orders."""
    lines = [f"{row.order_id}: {row.state}{_held_up(row, home)}" for row in OrderRow.objects.order_by("accepted_at")]
    return lines + [_standing(row) for row in StandingRow.objects.order_by("journal_id")]


def _standing(row: StandingRow) -> str:
    times = "1 time" if row.triggers == 1 else f"{row.triggers} times"
    if not Snapshot.objects.filter(pk=row.snapshot).exists():
        return f"{row.standing_id}: standing, triggered {times}, never again: the snapshot that it saw is lost"
    over = clock.now() >= Envelope.parse(row.envelope).open(StandingOrder).not_after
    return f"{row.standing_id}: standing, triggered {times}{', over' if over else ''}"


def _held_up(row: OrderRow, home: Home) -> str:
    if row.state in (OrderRow.DONE, OrderRow.FAILED):
        return ""
    try:
        verified = orders.verify_row(row, home)
    except RefusedError as refusal:
        return f", does not hold: {refusal}"
    stopped = [s.channel for s in stays.subjects_of(verified) if stays.standing(s, row.released_at)]
    return f", stayed for {', '.join(stopped)}" if stopped else ""


def _rates() -> dict[str, dict[str, float]]:
    """{channel: {"messages", "per_s"}}: handed off, and per second of the time in which the channel was at work.

    Pauses of more than a second between windows (a stay, a retry's wait) are not work.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            with handed as (
                select b.channel, count(*) as messages from send_outcome o join send_batch b on b.id = o.batch_id
                where o.outcome in ('accepted', 'refused') group by 1
            ), times as (
                select channel, sum(extract(epoch from upper(stretch) - lower(stretch) - interval '1 s')) as seconds
                from (
                    select b.channel, range_agg(tstzrange(w.opened_at, w.closed_at + interval '1 s')) as stretches
                    from send_window w join send_batch b on b.id = w.batch_id
                    where w.closed_at >= w.opened_at  -- not so when the clock was set back in between
                    group by 1
                ) as work, unnest(stretches) as stretch
                group by 1
            )
            select channel, messages, seconds from handed left join times using (channel)
            """
        )
        return {
            channel: {"messages": messages, "per_s": round(messages / float(seconds)) if seconds else 0}
            for channel, messages, seconds in cursor.fetchall()
        }
