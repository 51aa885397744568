"""Cutting an order's audience into batches: encrypted files whose row groups are the batches.

    record             whose message it is
    contact_token      so that what becomes of a contact can be told without opening it
    __contact          the sealed contact
    __contact_record   the record whose contact it is: another one, where it is lent
    __person           of the record, where another register knows that person too
    _FLAG              whether each of the notice's flags holds
    the columns that the text shows, as the register's snapshot holds them: still sealed

A channel's batches hold own contacts or those that one register lends, never both: a stay may stop either.
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
from ariyippu.notice.contacts import Source
from ariyippu.notice.documents import Channel
from ariyippu.notice.models import OrderRow
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.policy import audience
from ariyippu.policy.models import AudienceRow
from ariyippu.render.compose import Links, compile_notice
from ariyippu.send.models import Batch, MessageFile

BATCH_MESSAGES = 1_200  # three windows as settings have them: each costs waits for the disk, full or not
FILE_MESSAGES = 100 * BATCH_MESSAGES  # a file's footer stays small, and a worker opens one file at a time
CONTACT = "contact_token"  # no contract's column ends in _token
FLAG = "_"  # and a flag's name: no contract's column begins so, and no flag's name
NOWHERE = Links.of("http://nowhere.invalid", "order")  # which placeholders a text has does not depend on its links
CELL, CELL_RECORD, PERSON = "__contact", "__contact_record", "__person"


def columns_shown(verified: VerifiedOrder, channel: Channel) -> tuple[str, ...]:
    """The register's columns that the channel's text shows."""
    shown = compile_notice(verified.notice, NOWHERE).placeholders(channel)
    return tuple(sorted({p.column for p in verified.notice.placeholders if p.name in shown}))


def cut(row: OrderRow, verified: VerifiedOrder, *, home: Home, keyring: Keyring) -> int:
    """Write the order's files, then its batches and its new state in one transaction; how many messages."""
    frozen = AudienceRow.objects.get(order=row.digest)
    rows = audience.read(home, keyring, frozen)
    files = [
        (file, source.contact_of, messages)
        for source in verified.sources
        if source.covered
        for file, messages in _write_source(verified, source, rows, home, keyring)
    ]
    engine.sync(audience.folder(home, row.digest))
    total = sum(messages for _file, _contact_of, messages in files)
    common = Batch(order=row.digest, office=verified.notice.office, lane=_lane(total))
    with transaction.atomic():
        for file, contact_of, messages in files:
            file.save()
            Batch.objects.bulk_create(_batches(common, file, contact_of, messages))
        OrderRow.objects.filter(digest=row.digest).update(state=OrderRow.SENDING)
    return total


def file_key(file: MessageFile, keyring: Keyring) -> engine.FileKey:
    """The key that opens a file of messages."""
    context = _context(file.order, file.name)
    return engine.FileKey(keyring.data_key(file.wrapped_key, context), context)


def file_path(home: Home, file: MessageFile) -> Path:
    return audience.folder(home, file.order) / file.name


def stem(channel: Channel, contact_of: str | None) -> str:
    """What the names of a source's files begin with, before their number: the door holds a batch's against it."""
    return channel if contact_of is None else f"{channel}-of-{contact_of}"


def _write_source(
    verified: VerifiedOrder, source: Source, rows: pa.Table, home: Home, keyring: Keyring
) -> Iterator[tuple[MessageFile, int]]:
    messages = _messages(verified, source, rows, home, keyring)
    for number, start in enumerate(range(0, messages.num_rows, FILE_MESSAGES)):
        part = messages.slice(start, FILE_MESSAGES)
        name = f"{stem(source.channel, source.contact_of)}-{number:04d}.parquet"
        key, wrapped = keyring.new_data_key(_context(verified.digest, name))
        path = audience.folder(home, verified.digest) / name
        with engine.parquet_writer(
            path, messages.schema, engine.FileKey(key, _context(verified.digest, name))
        ) as writer:
            writer.write_table(part, row_group_size=BATCH_MESSAGES)
        file = MessageFile(order=verified.digest, channel=source.channel, name=name, wrapped_key=wrapped)
        yield file, part.num_rows


def _messages(verified: VerifiedOrder, source: Source, rows: pa.Table, home: Home, keyring: Keyring) -> pa.Table:
    shown, (flags, parameters) = columns_shown(verified, source.channel), _flags(verified)
    token, own = f"{source.column}_token", source.contact_of is None
    of, lent = ("r", "") if own else ("c", "join contacts c on c.record = a.contact_record")
    contact, cell, held = f'{of}."{token}"', f'{of}."{source.column}"', (token, source.column) if own else ()
    if source.channel == "inbox":  # the record itself is the contact
        contact, cell, held = "r.record", "null::blob", ()
    read = dict.fromkeys(("record", *shown, *verified.flag_fields, *held))
    listed = "".join(f', r."{column}"' for column in (*shown, *flags))
    with engine.readable(f"A snapshot of order {verified.order.id}"), engine.connect() as relations:
        relations.register("audience", rows)
        relations.register("records", open_records(home, keyring, verified.order.snapshot, list(read)))
        if not own:
            contacts = open_records(home, keyring, source.manifest.snapshot, ["record", token, source.column])
            relations.register("contacts", contacts)
        return relations.sql(
            f"""with flagged as (select *{"".join(flags.values())} from records)
                select r.record, {contact} as {CONTACT}, {cell} as {CELL},
                    {of}.record as {CELL_RECORD}, a.person as {PERSON}{listed}
                from audience a join flagged r on r.record = a.record {lent}
                where a.reason = 'included' and a.channel = ? and a.contact_of is not distinct from ?""",  # noqa: S608  names of a checked contract
            params=[*parameters, source.channel, source.contact_of],
        ).to_arrow_table()


def _flags(verified: VerifiedOrder) -> tuple[dict[str, str], list[object]]:
    """The column of each flag with its condition, and the conditions' parameters."""
    columns, parameters = dict[str, str](), list[object]()
    for name, when in verified.flags.items():
        condition, own = criteria.to_sql(when)
        columns[f"{FLAG}{name}"] = f', {condition} as "{FLAG}{name}"'
        parameters += own
    return columns, parameters


def _batches(common: Batch, file: MessageFile, contact_of: str | None, messages: int) -> Iterator[Batch]:
    for row_group, start in enumerate(range(0, messages, BATCH_MESSAGES)):
        yield Batch(
            order=common.order,
            channel=file.channel,
            contact_of=contact_of,
            file=file,
            row_group=row_group,
            size=min(BATCH_MESSAGES, messages - start),
            lane=common.lane,
            office=common.office,
        )


def _lane(messages: int) -> int:
    """One person does not wait behind a hundred thousand."""
    if messages <= BATCH_MESSAGES:
        return Batch.SINGLE if messages == 1 else Batch.SMALL
    return Batch.BULK


def _context(digest: str, name: str) -> str:
    return f"messages|{digest}|{name}"
