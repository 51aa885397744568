"""What was sent, found again: by its token, or by its place in a batch. No contact is opened for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pyarrow as pa

from ariyippu.base import engine
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.notice import orders
from ariyippu.notice.documents import Channel, Order
from ariyippu.notice.models import OrderRow
from ariyippu.send.cut import CONTACT, file_key, file_path
from ariyippu.send.models import Batch
from ariyippu.send.tokens import MessageTokens, Place, Use


@dataclass(frozen=True, repr=False)
class Sent:
    """One message: where it stands, the order that it left under, and whose it is, as keyed tokens."""

    place: Place
    order: Order
    channel: Channel
    record: bytes
    contact: bytes


def find(token: str, use: Use, home: Home, keyring: Keyring) -> Sent | None:
    """The message that left under this token, or None: nobody but this vault can have made one that is found.

    RefusedError `file.damaged` when the batch's file is.
    """
    tokens = MessageTokens.of(keyring, use)
    place = tokens.place(token)
    batch = Batch.objects.select_related("file").filter(pk=place.batch).first() if place else None
    if place is None or batch is None or place.position >= batch.size:
        return None
    records, contacts = rows(batch, home, keyring)
    record = records[place.position]
    if not tokens.holds(token, batch.order, record):
        return None
    order = orders.document(OrderRow.objects.get(digest=batch.order))
    return Sent(place, order, cast("Channel", batch.channel), record, contacts[place.position])


def rows(batch: Batch, home: Home, keyring: Keyring) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """The records of a batch and their contacts' tokens, by position. RefusedError `file.damaged`."""
    with engine.readable(f"{batch.file.name} of an order"):
        parquet = engine.open_parquet(file_path(home, batch.file), file_key(batch.file, keyring))
        table: pa.Table = parquet.read_row_group(batch.row_group, columns=["record", CONTACT])
    return table["record"].to_pylist(), table[CONTACT].to_pylist()
