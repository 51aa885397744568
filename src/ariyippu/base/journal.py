"""The journal: evidence is written in the transaction of the change that it is evidence of.

A stage appends; the sequencer (transparency/) alone turns rows into log entries. Everything appended
here becomes public: it holds no personal value, and counts are rounded before they come here.
"""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Literal

from django.db import connection

from ariyippu.base import clock
from ariyippu.base.documents import MAX_ENTRY_BYTES, Envelope, canonical_json
from ariyippu.base.errors import RefusedError
from ariyippu.base.models import Entry, Journal, Refusal

Kind = Literal[
    "roots",  # {"envelope"}: root keys that follow those before
    "trust",  # {"envelope"}
    "snapshot",  # {"register", "snapshot", "contract", "terms", "rows", "quarantined"}
    "linked",  # {"run", "grant", "model", "snapshots": {register: id}, "records", "persons", "certain", "possible"}
    "settlement",  # {"envelope"}
    "use-request",  # {"envelope", "granted_until"}
    "request-refused",  # {"envelope"}: an officer's no
    "withdrawal",  # {"envelope"}: of a granted use request
    "order",  # {"envelope", "notice"}
    "standing-order",  # {"envelope", "notice", "advice"}
    "trigger",  # {"trigger"}: what a standing order comes to at a new snapshot of its register
    "refusal",  # {"document", "document_kind", "code", "envelope"}
    "failed",  # {"order", "code"}: an accepted order that came to nothing
    "audience",  # {"order", "snapshot", "root", "size", "counts": {reason: rounded}, "rules"}
    "stay",  # {"envelope"}
    "amendment",  # {"envelope"}: a stay's new terms
    "confirmation",  # {"envelope"}: of a stay that was entered from paper
    "lift",  # {"envelope"}
    "stopped",  # {"stay", "number", "at", "orders": [{"order", "handed_off", "in_hand", "waiting"}]}, rounded
    "recalled",  # {"stay", "number", "orders": [{"order", "asked", "recalled"}]}: what carriers cancelled, rounded
    "release",  # {"order"}
    "hold",  # {"hold": pause, drain or resume, "channel", "order"}: an operator's word about sending
    "doubts",  # {"order", "decision": given_up or send_again, "messages": rounded}: unknown ones, settled
    "bill",  # {"carrier", "file", "first_on", "last_on", "lines", "sent", "unknown", "differences": {kind}}, rounded
    "counted",  # {"on", "questions": [...]}: what offices were told in a day (notice/counting.py)
    "expired",  # {"order"}: its time ended before anybody was decided about (until 2026-11: a handed-off of nothing)
    "handed-off",  # {"order", "outcomes": {channel: {outcome: rounded}}}
]


def append(kind: Kind, body: Mapping[str, object]) -> int:
    """Write one row in the caller's transaction and return its id.

    RefusedError `journal.too_long` when the entry would not fit the log.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("journal.append outside a transaction: change and evidence share one")
    at = clock.now()
    entry = canonical_json({"v": 1, "at": clock.rfc3339(at), "kind": kind, "body": body})
    if len(entry) > MAX_ENTRY_BYTES:
        raise RefusedError("journal.too_long", f"A log entry has at most {MAX_ENTRY_BYTES} bytes.")
    row: Journal = Journal.objects.create(at=at, kind=kind, body=entry)
    return int(row.pk)


def append_refusal(document: str, code: str, body: Mapping[str, object]) -> None:
    """As `append`, but the same refusal of the same document is evidence once, however often it is handed in."""
    if not connection.in_atomic_block:
        raise RuntimeError("journal.append_refusal outside a transaction: change and evidence share one")
    _refusal, first = Refusal.objects.get_or_create(document=document, code=code)
    if first:
        append("refusal", {"document": document, "code": code, **body})


def holds(kind: Kind, envelope: Envelope) -> bool:
    """Whether a row of this kind, whose body has an `envelope`, holds this very document."""
    with connection.cursor() as cursor:
        query = "select exists(select from journal where kind = %s and position(%s::bytea in body) > 0)"
        cursor.execute(query, [kind, canonical_json(envelope.payload)])
        return bool(cursor.fetchone()[0])


def body(journal_id: int) -> dict[str, Any]:
    """What this row says."""
    return dict(json.loads(bytes(Journal.objects.get(pk=journal_id).body))["body"])


def cosigned_at(journal_id: int) -> dt.datetime | None:
    """When a witnessed checkpoint first covered this row, or None while none does."""
    return Entry.objects.filter(journal_id=journal_id).values_list("cosigned_at", flat=True).first()
