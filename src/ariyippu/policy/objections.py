"""Objections and what was told before: two lists of record tokens that the decision reads."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
from django.db import connection

from ariyippu.base import clock
from ariyippu.grant import purposes
from ariyippu.notice.documents import Order
from ariyippu.policy.models import Objection


def record_objections(register: str, records: Iterable[bytes], purpose: str) -> int:
    """Keep an objection of each record's person to a purpose; how many are new."""
    purposes.get(purpose)
    at = clock.now()
    before = Objection.objects.count()
    rows = [Objection(register=register, record=record, purpose=purpose, objected_at=at) for record in records]
    Objection.objects.bulk_create(rows, ignore_conflicts=True)
    return Objection.objects.count() - before


def objected(register: str, purpose: str) -> pa.Table:
    """The records (record: binary(16)) that object to this purpose or to one above it."""
    above = [node.id for node in purposes.lineage(purpose)]
    return _records(
        "select distinct record from policy_objection where register = %s and purpose = any(%s)", [register, above]
    )


def told_since(register: str, purpose: str, since: dt.datetime) -> pa.Table:
    """The records (record: binary(16)) that were told for this purpose after `since`."""
    return _records(
        "select record from policy_told where register = %s and purpose = %s and told_at > %s",
        [register, purpose, since],
    )


def withheld(order: Order, records: Sequence[bytes], since: dt.datetime) -> dict[bytes, str]:
    """Of these records, those that must not be told any more, with the reason: asked again at the hand-off."""
    above = [node.id for node in purposes.lineage(order.purpose)]
    with connection.cursor() as cursor:
        cursor.execute(
            """select record, 'told_recently' from policy_told
               where register = %(register)s and purpose = %(purpose)s and told_at > %(since)s
                 and record = any(%(records)s)
               union all
               select record, 'objected' from policy_objection
               where register = %(register)s and purpose = any(%(above)s) and record = any(%(records)s)""",
            {
                "register": order.register,
                "purpose": order.purpose,
                "since": since,
                "above": above,
                "records": list(records),
            },
        )
        return {bytes(record): reason for record, reason in cursor.fetchall()}


def record_told(register: str, records: Iterable[bytes], purpose: str) -> None:
    """Called by send, in its transaction, for those whose message left or may have left."""
    at, told = clock.now(), list(records)
    if not told:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into policy_told (register, record, purpose, told_at)
               select %s, r, %s, %s from unnest(%s::bytea[]) as r
               on conflict (register, record, purpose) do update set told_at = excluded.told_at""",
            [register, purpose, at, told],
        )


def _records(query: str, parameters: Sequence[Any]) -> pa.Table:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        records = [bytes(row[0]) for row in cursor.fetchall()]
    return pa.table({"record": pa.array(records, pa.binary(16))})
