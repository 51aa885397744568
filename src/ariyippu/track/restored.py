"""After an old back-up of the database was restored: what left since is in doubt, and is not sent again.

The marks (send/mark.py) know every window that opened. Each one that the database has forgotten is put back
as a dead worker's: the next lease of its batch declares everything in it that has no outcome unknown, tells
its people, and goes on, as after any crash. Where the batch itself was forgotten, so was the order's cutting:

    the order was decided      it is cut again, and all of it is in doubt
    the order was accepted     its audience is lost: it fails, so that nobody is told twice under it
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from ariyippu.base import journal
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.notice import orders
from ariyippu.notice.models import OrderRow
from ariyippu.send import cut
from ariyippu.send.mark import Marked
from ariyippu.send.models import Batch, Outcome


@dataclass(frozen=True)
class InDoubt:
    """What came of one order. `messages` that may have left; `failed`: nothing more of it leaves."""

    order: str  # its id, or its digest when the database knows no such order
    messages: int
    failed: bool = False


def put_back(forgotten: Sequence[Marked], *, home: Home, keyring: Keyring) -> list[InDoubt]:
    """Put back what the database has forgotten. Doing it again changes nothing."""
    batches: dict[str, set[int]] = defaultdict(set)
    for marked in forgotten:
        batches[marked.order].add(marked.batch)
    return [_put_back(order, numbers, home, keyring) for order, numbers in sorted(batches.items())]


def _put_back(digest: str, numbers: set[int], home: Home, keyring: Keyring) -> InDoubt:
    row = OrderRow.objects.filter(digest=digest).first()
    if row is None:
        return InDoubt(digest, 0, failed=True)
    found = list(Batch.objects.filter(order=digest, pk__in=numbers))
    if len(found) < len(numbers):
        if not _cut_again(row, home, keyring):
            return InDoubt(row.order_id, 0, failed=True)
        found = list(Batch.objects.filter(order=digest))
    with transaction.atomic():
        return InDoubt(row.order_id, sum(_as_a_dead_worker_s(batch) for batch in found))


def _cut_again(row: OrderRow, home: Home, keyring: Keyring) -> bool:
    """Whether the order has its batches again; else it fails, in public."""
    if row.state in (OrderRow.DECIDED, OrderRow.SENDING):
        try:
            if row.state == OrderRow.DECIDED:
                cut.cut(row, orders.verify_row(row, home), home=home, keyring=keyring)
        except RefusedError:
            pass  # it holds no longer, or its frozen audience is lost
        else:
            return True
    with transaction.atomic():
        if OrderRow.objects.filter(digest=row.digest).exclude(state=OrderRow.FAILED).update(state=OrderRow.FAILED):
            journal.append("failed", {"order": row.digest, "code": "order.restored"})
    return False


def _as_a_dead_worker_s(batch: Batch) -> int:
    """How many messages of the batch are in doubt now."""
    settled = set(Outcome.objects.filter(batch=batch).values_list("position", flat=True))
    waiting = [position for position in range(batch.size) if position not in settled]
    if not waiting:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("update send_window set closed_at = now() where batch_id = %s and closed_at is null", [batch.pk])
        cursor.execute(
            "insert into send_window (batch_id, positions, opened_at) values (%s, %s::jsonb, now())",
            [batch.pk, str(waiting)],
        )
    Batch.objects.filter(pk=batch.pk).update(state=Batch.LEASED, leased_by="restored", lease_until=None)
    return len(waiting)
