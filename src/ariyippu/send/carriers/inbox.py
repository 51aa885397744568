"""The person's own page as a carrier: it takes letters that are sealed already, and keeps them in the database.

A letter that is left twice is one letter, so nothing about it is ever unknown.
"""

import time
from collections.abc import Iterator

from django.db import OperationalError, connection, transaction

from ariyippu.base.home import CarrierSettings
from ariyippu.send.carriers.answers import TAKE_S, Answer, Arrival, InboxMessage, Message, Verdict

# It is there without any setting.
INBOX = CarrierSettings(url="inbox:", sender="inbox", connections=1, window_messages=1_000)
RECORD_BYTES = 16


class InboxCarrier:
    """A `Carrier` for `InboxMessage`."""

    def hand_off(self, messages: Iterator[Message]) -> Iterator[Answer]:
        take_until, taken = time.monotonic() + TAKE_S, list[InboxMessage]()
        while time.monotonic() < take_until and (message := next(messages, None)) is not None:
            if not isinstance(message, InboxMessage):
                raise TypeError("this carrier takes letters only")
            if len(message.letter.record) == RECORD_BYTES:
                taken.append(message)
            else:
                yield Answer(message.position, Verdict.PERMANENT, "local.bad_address")
        try:
            _keep(taken)
        except OperationalError:
            yield from (Answer(message.position, Verdict.TRANSIENT, "local.database") for message in taken)
        else:
            yield from (Answer(message.position, Verdict.ACCEPTED, "inbox") for message in taken)

    def receipts(self) -> list[Arrival]:
        return []

    def close(self) -> None:
        pass


def _keep(messages: list[InboxMessage]) -> None:
    letters = [message.letter for message in messages]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """insert into send_inbox (record, cell, wrapped_key, batch_id, position, came_at)
               select *, now() from unnest(%s::bytea[], %s::bytea[], %s::text[], %s::bigint[], %s::int[])
               on conflict (batch_id, position) do nothing""",
            [
                [letter.record for letter in letters],
                [letter.cell for letter in letters],
                [letter.wrapped_key for letter in letters],
                [message.batch for message in messages],
                [message.position for message in messages],
            ],
        )
