"""Cutting an order's audience into batches: encrypted files whose row groups are the batches.

A message's row holds its record, the sealed contact and the columns that its text needs, still sealed; and
the contact's token, so that what becomes of a contact can be told without opening it; and whether each of
the notice's flags holds.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from django.db import transaction

from ariyippu.base import engine
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.ingest.snapshot import open_records
from ariyippu.notice import criteria
from ariyippu.notice.documents import Channel
from ariyippu.notice.models import OrderRow
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.policy import audience
from ariyippu.policy.models import AudienceRow
from ariyippu.render.compose import compile_notice
from ariyippu.send.models import Batch, MessageFile

BATCH_MESSAGES = 1_000
FILE_MESSAGES = 100 * BATCH_MESSAGES  # a file's footer stays small, and a worker opens one file at a time
FLAG = "_"  # and a flag's name: no contract's column begins so
CONTACT = "contact_token"  # no contract's column ends in _token


def columns_needed(verified: VerifiedOrder, channel: Channel) -> tuple[str, ...]:
    """The register's columns in a message's row: the contact first, then those that the channel's text shows."""
    shown = compile_notice(verified.notice, why_url="").placeholders(channel)
    columns = sorted({placeholder.column for placeholder in verified.notice.placeholders if placeholder.name in shown})
    contact = verified.contacts[channel]
    return (contact, *(column for column in columns if column != contact))


def cut(row: OrderRow, verified: VerifiedOrder, *, home: Home, keyring: Keyring) -> int:
    """Write the order's files, then its batches and its new state in one transaction; how many messages."""
    frozen = AudienceRow.objects.get(order=row.digest)
    rows = audience.read(home, keyring, frozen)
    files: list[tuple[MessageFile, int]] = []
    for channel in verified.order.channels:
        if channel in verified.covered:
            files.extend(_write_channel(verified, channel, rows, home, keyring))
    engine.sync(audience.folder(home, row.digest))
    with transaction.atomic():
        for file, messages in files:
            file.save()
            Batch.objects.bulk_create(_batches(file, messages))
        OrderRow.objects.filter(digest=row.digest).update(state=OrderRow.SENDING)
    return sum(messages for _file, messages in files)


def file_key(file: MessageFile, keyring: Keyring) -> engine.FileKey:
    """The key that opens a file of messages."""
    context = _context(file.order, file.name)
    return engine.FileKey(keyring.data_key(file.wrapped_key, context), context)


def file_path(home: Home, file: MessageFile) -> Path:
    return audience.folder(home, file.order) / file.name


def _write_channel(
    verified: VerifiedOrder, channel: Channel, rows: pa.Table, home: Home, keyring: Keyring
) -> Iterator[tuple[MessageFile, int]]:
    messages = _messages(verified, channel, rows, home, keyring)
    for number, start in enumerate(range(0, messages.num_rows, FILE_MESSAGES)):
        part = messages.slice(start, FILE_MESSAGES)
        name = f"{channel}-{number:04d}.parquet"
        key, wrapped = keyring.new_data_key(_context(verified.digest, name))
        path = audience.folder(home, verified.digest) / name
        with engine.parquet_writer(
            path, messages.schema, engine.FileKey(key, _context(verified.digest, name))
        ) as writer:
            writer.write_table(part, row_group_size=BATCH_MESSAGES)
        file = MessageFile(order=verified.digest, channel=channel, name=name, wrapped_key=wrapped)
        yield file, part.num_rows


def _messages(verified: VerifiedOrder, channel: Channel, rows: pa.Table, home: Home, keyring: Keyring) -> pa.Table:
    columns = columns_needed(verified, channel)
    token = f"{verified.contacts[channel]}_token"
    flags, parameters = _flags(verified)
    listed = ", ".join((f'r."{token}" as {CONTACT}', *(f'r."{column}"' for column in columns), *flags))
    read = list(dict.fromkeys(["record", token, *columns, *verified.flag_fields]))
    with engine.readable(f"The snapshot {verified.order.snapshot}"), engine.connect() as relations:
        relations.register("audience", rows.select(["record", "reason", "channel"]))
        relations.register("records", open_records(home, keyring, verified.order.snapshot, read))
        return relations.sql(
            f"""select r.record, {listed} from audience a join records r on r.record = a.record
                where a.reason = 'included' and a.channel = ?""",  # noqa: S608  names of a checked contract
            params=[*parameters, channel],
        ).to_arrow_table()


def _flags(verified: VerifiedOrder) -> tuple[list[str], list[object]]:
    """Each flag's condition as a column, and the conditions' parameters."""
    columns, parameters = [], list[object]()
    for name, when in verified.flags.items():
        condition, own = criteria.to_sql(when)
        columns.append(f'{condition} as "{FLAG}{name}"')
        parameters += own
    return columns, parameters


def _batches(file: MessageFile, messages: int) -> Iterator[Batch]:
    for row_group, start in enumerate(range(0, messages, BATCH_MESSAGES)):
        size = min(BATCH_MESSAGES, messages - start)
        yield Batch(
            order=file.order,
            channel=file.channel,
            file=file,
            row_group=row_group,
            size=size,
        )


def _context(digest: str, name: str) -> str:
    return f"messages|{digest}|{name}"
