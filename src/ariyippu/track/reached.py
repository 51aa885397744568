"""Whom an order reached: those whose message left, or may have, and of whom no receipt says that it did not arrive.

What a stay recalled reached nobody: its carrier says so.
"""

import itertools

import pyarrow as pa
from django.db import connection

from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.send.models import Batch
from ariyippu.track.recalls import ASKED, OF_ORDER, RECALLED
from ariyippu.track.receipts import State
from ariyippu.track.sent import rows


def reached(order: str, home: Home, keyring: Keyring) -> pa.Table:
    """The records (record: binary(16)) of an order, by its digest. RefusedError `file.damaged`."""
    found: list[bytes] = []
    for batch_id, places in itertools.groupby(_places(order), key=lambda place: place[0]):
        batch = Batch.objects.select_related("file").get(pk=batch_id)
        records, _contacts = rows(batch, home, keyring)
        found += [records[position] for _batch, position in places]
    return pa.table({"record": pa.array(found, pa.binary(16))})


def _places(order: str) -> list[tuple[int, int]]:
    """Batch and position of each message that may have arrived, batch by batch."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""select o.batch_id, o.position
               from send_batch b
               join send_outcome o on o.batch_id = b.id
               left join track_message r on r.batch_id = o.batch_id and r.position = o.position
               left join ({ASKED.format(which=OF_ORDER)}) c on c.batch_id = o.batch_id and c.position = o.position
               where b."order" = %s and o.outcome in ('accepted', 'unknown')
                 and coalesce(r.state, %s) = %s and not {RECALLED}
               order by 1, 2""",  # noqa: S608  constants
            [order, order, State.DELIVERED.value, State.DELIVERED.value],
        )
        return list(cursor.fetchall())
