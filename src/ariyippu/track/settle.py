"""Receipts settle what was accepted: delivered, or not.

A receipt is kept by the provider's message id, whether or not its outcome is committed yet; the final
state is a join. So out of order, doubled or early, the same receipts give the same state.
"""

from collections.abc import Iterable

from django.db import connection

from ariyippu.base import clock
from ariyippu.send.carriers import Receipt
from ariyippu.track.models import ReceiptRow


def keep(receipts: Iterable[Receipt]) -> None:
    """Keep the receipts that came; the first final one of each message counts."""
    at = clock.now()
    rows = [ReceiptRow(provider_id=r.provider_id, state=r.state, code=r.code, received_at=at) for r in receipts]
    ReceiptRow.objects.bulk_create(rows, ignore_conflicts=True)


def outcomes(order: str) -> dict[str, dict[str, int]]:
    """{channel: {outcome: count}} of an order, exact, receipts included; for the vault only.

    Outcomes: accepted (no receipt yet), delivered, undelivered, refused, unknown, gave_up, and waiting.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select b.channel,
                   case when o.outcome <> 'accepted' or r.state is null then o.outcome
                        when r.state = 'delivered' then 'delivered'
                        else 'undelivered' end,
                   count(*)
            from send_batch b
            join send_outcome o on o.batch_id = b.id
            left join track_receipt r on r.provider_id = o.provider_id and b.channel = 'sms'  -- e-mail has its own ids
            where b."order" = %s
            group by 1, 2 order by 1, 2
            """,
            [order],
        )
        counts: dict[str, dict[str, int]] = {}
        for channel, outcome, count in cursor.fetchall():
            counts.setdefault(channel, {})[outcome] = count
        cursor.execute('select channel, sum(size) from send_batch where "order" = %s group by 1', [order])
        for channel, size in cursor.fetchall():
            settled = counts.setdefault(channel, {})
            if waiting := int(size) - sum(settled.values()):
                settled["waiting"] = waiting
        return counts
