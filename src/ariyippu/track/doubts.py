"""What nobody knows, settled by an operator: messages in the hands of a worker that died, without a receipt since.

    given_up     they count as not sent
    send_again   they are handed off once more: whoever got the first one gets two

Either is logged, with a rounded count. Nothing but this sends an unknown message again (invariant 8).
"""

from collections.abc import Mapping
from typing import Literal

from django.db import connection, transaction

from ariyippu.base import clock, journal
from ariyippu.base.errors import RefusedError
from ariyippu.base.text import rounded
from ariyippu.notice import orders
from ariyippu.notice.models import OrderRow

Decision = Literal["given_up", "send_again"]

# Of the batches that are in nobody's hands; their rows are locked, so that no worker takes one meanwhile.
_DOUBTFUL = """
    free as (
        select id from send_batch where "order" = %s and state <> 'leased' order by id for update),
    doubtful as (
        select o.batch_id, o.position from send_outcome o join free on free.id = o.batch_id
        where o.outcome = 'unknown' and not exists (
            select from track_message r where r.batch_id = o.batch_id and r.position = o.position))"""
_GIVEN_UP = f"""
    with {_DOUBTFUL}
    update send_outcome o set outcome = 'gave_up'
    from doubtful d where o.batch_id = d.batch_id and o.position = d.position"""  # noqa: S608  constants
_SEND_AGAIN = f"""
    with {_DOUBTFUL},
        unsettled as (
            delete from send_outcome o using doubtful d where o.batch_id = d.batch_id and o.position = d.position),
        ready as (
            update send_batch set state = 'ready', not_before = now() where id in (select batch_id from doubtful))
    insert into send_put_off (batch_id, position, attempts, not_before, again)
    select batch_id, position, 0, now(), true from doubtful"""  # noqa: S608  constants


def unknown() -> Mapping[str, int]:
    """How many messages of each order are unknown, exact; orders without any are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            """select n.order_id, count(*)
               from send_outcome o join send_batch b on b.id = o.batch_id join notice_order n on n.digest = b."order"
               where o.outcome = 'unknown' and not exists (
                   select from track_message r where r.batch_id = o.batch_id and r.position = o.position)
               group by n.order_id order by n.order_id"""
        )
        return dict(cursor.fetchall())


def settle(order_id: str, decision: Decision) -> int:
    """Settle an order's unknown messages; how many. RefusedError `order.unknown`, `order.not_in_window`."""
    row = OrderRow.objects.filter(order_id=order_id).first()
    if row is None:
        raise RefusedError("order.unknown", f"There is no order {order_id!r}.")
    again = decision == "send_again"
    if again and clock.now() >= orders.document(row).not_after:
        raise RefusedError("order.not_in_window", "The order's window is over: nothing of it is sent again.")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SEND_AGAIN if again else _GIVEN_UP, [row.digest])
        settled: int = cursor.rowcount
        if settled:
            if again:
                OrderRow.objects.filter(digest=row.digest, state=OrderRow.DONE).update(state=OrderRow.SENDING)
            journal.append("doubts", {"order": row.digest, "decision": decision, "messages": rounded(settled)})
    return settled
