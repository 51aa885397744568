"""What waits on a person's own page, for the portal: it names the records of the person who signed in.

There is no other way to a letter: none by order, name or contact, and none for an officer.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from ariyippu.base.documents import Envelope
from ariyippu.base.keys import Keyring
from ariyippu.notice.documents import Order
from ariyippu.notice.models import OrderRow
from ariyippu.policy.objections import ERASURE
from ariyippu.send import inbox
from ariyippu.send.inbox import Letter
from ariyippu.send.models import InboxRow

MAX_LETTERS = 1_000  # of the newest


@dataclass(frozen=True)
class Waiting:
    """One letter, unopened."""

    number: int
    order: str  # its public id
    purpose: str
    came_at: dt.datetime


def waiting(records: Sequence[bytes]) -> list[Waiting]:
    """The letters of a person's records, the newest first."""
    rows = InboxRow.objects.filter(record__in=records).select_related("batch").order_by("-came_at", "-pk")
    found = []
    for row in rows.defer("cell")[:MAX_LETTERS]:
        order = _order(row)
        found.append(Waiting(row.pk, order.id, order.purpose, row.came_at))
    return found


def read(number: int, records: Sequence[bytes], keyring: Keyring) -> bytes | None:
    """A letter, as a whole RFC 5322 message; None when it is none of these records'.

    PermanentError when it was altered.
    """
    row = InboxRow.objects.filter(pk=number, record__in=records).select_related("batch").first()
    if row is None:
        return None
    letter = Letter(bytes(row.record), bytes(row.cell), row.wrapped_key)
    return inbox.opened(letter, _order(row).register, keyring).encode()


def forget_erased() -> int:
    """Remove what waits on the pages of people who were erased, also over a link; how many letters."""
    with connection.cursor() as cursor:
        cursor.execute(
            """delete from send_inbox where record in (
                   select record from policy_objection where purpose = %(erasure)s
                   union select record from policy_carried_objection where purpose = %(erasure)s)""",
            {"erasure": ERASURE},
        )
        return int(cursor.rowcount)


def _order(row: InboxRow) -> Order:
    return Envelope.parse(OrderRow.objects.get(digest=row.batch.order).envelope).open(Order)
