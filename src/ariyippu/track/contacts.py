"""Contacts that turned out to be nobody's: told to policy, and listed for the department that owns them.

a word BOUNCED, or a refusal at the hand-off that says the same -> the contact's token -> policy.suspensions
the register's latest snapshot, beside what is suspended        -> row, column, cause: never a value
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa
from django.db import connection, transaction

from ariyippu.base import clock, engine
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.ingest.models import Snapshot
from ariyippu.ingest.snapshot import manifest, open_records
from ariyippu.policy import suspensions
from ariyippu.send.models import Batch
from ariyippu.track import sent
from ariyippu.track.receipts import State, is_hard

AT_ONCE = 10_000  # bounces of one turn


@dataclass(frozen=True)
class Undeliverable:
    """A cell of the register's file that holds a contact which is not used; `cause`: bounced or not_mine."""

    row: int
    column: str
    cause: suspensions.Cause


def note_refusals(order: str) -> None:
    """Keep as bounces the order's messages that were refused because nobody has their contact."""
    with connection.cursor() as cursor:
        cursor.execute(
            """select distinct o.code from send_outcome o join send_batch b on b.id = o.batch_id
               where b."order" = %s and o.outcome = 'refused'""",
            [order],
        )
        hard = [code for (code,) in cursor.fetchall() if is_hard(code)]
        cursor.execute(
            """insert into track_message (batch_id, position, state, code)
               select o.batch_id, o.position, %s, o.code from send_outcome o join send_batch b on b.id = o.batch_id
               where b."order" = %s and o.outcome = 'refused' and o.code = any(%s)
               on conflict (batch_id, position) do nothing""",
            [State.BOUNCED.value, order, hard],
        )


def suspend_bounced(home: Home, keyring: Keyring) -> int:
    """Tell policy whose contacts bounced since the last time; how many messages that were.

    RefusedError `file.damaged` when a batch's file cannot be read: then nothing of it is noted as told.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """select id, batch_id, position from track_message
               where state = %s and suspended_at is null
               order by batch_id limit %s for update skip locked""",
            [State.BOUNCED.value, AT_ONCE],
        )
        bounced = cursor.fetchall()
        if not bounced:
            return 0
        tokens: list[bytes] = []
        for batch, messages in groupby(bounced, key=lambda row: row[1]):
            _records, contacts = sent.rows(Batch.objects.select_related("file").get(pk=batch), home, keyring)
            tokens.extend(contacts[position] for _id, _batch, position in messages)
        suspensions.suspend(tokens, "bounced")
        cursor.execute(
            "update track_message set suspended_at = %s where id = any(%s)",
            [clock.now(), [number for number, _batch, _position in bounced]],
        )
        return len(bounced)


def undeliverable(register: str, home: Home, keyring: Keyring) -> tuple[str, list[Undeliverable]]:
    """The register's latest snapshot, and its contacts that are not used, in the file's order."""
    snapshot = latest(register)
    columns = contact_columns(snapshot, home)
    found: list[Undeliverable] = []
    with engine.readable(f"The snapshot {snapshot}"), engine.connect() as relations:
        relations.register("suspended", suspensions.suspended(register))
        for column in columns:
            token = f"{column}_token"
            relations.register("records", open_records(home, keyring, snapshot, ["row", token]))
            rows = relations.sql(
                f'select r.row, s.cause from records r join suspended s on s.token = r."{token}"'  # noqa: S608  a checked contract's column
            ).fetchall()
            found.extend(Undeliverable(row, column, cause) for row, cause in rows)
    return snapshot, sorted(found, key=lambda each: (each.row, each.column))


def verified(register: str, records: Sequence[bytes], home: Home, keyring: Keyring) -> int:
    """The department has verified the contacts of these records, as its latest snapshot has them; how many."""
    snapshot = latest(register)
    tokens = [f"{column}_token" for column in contact_columns(snapshot, home)]
    with engine.readable(f"The snapshot {snapshot}"), engine.connect() as relations:
        relations.register("asked", pa.table({"record": pa.array(records, pa.binary(16))}))
        relations.register("records", open_records(home, keyring, snapshot, ["record", *tokens]))
        listed = ", ".join(f'"{token}"' for token in tokens)
        rows = relations.sql(
            f"select {listed} from records where record in (select record from asked)"  # noqa: S608  a checked contract's columns
        ).fetchall()
    found = {bytes(token) for row in rows for token in row if token is not None}
    suspensions.verify(register, found)
    return len(found)


def latest(register: str) -> str:
    """The register's latest snapshot. RefusedError `register.not_loaded`."""
    row = Snapshot.objects.filter(register=register).order_by("loaded_at").last()
    if row is None:
        raise RefusedError("register.not_loaded", f"No file of the register {register!r} was ever loaded.")
    return str(row.pk)


def contact_columns(snapshot: str, home: Home) -> list[str]:
    return [name for name, column in manifest(home, snapshot).columns.items() if column.kind == "contact"]
