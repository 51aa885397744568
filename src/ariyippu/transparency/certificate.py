"""A stay's compliance certificate: what was stopped, when, how much had left before, what of that was recalled, and
where the log says so.

Its counts are exact: it is for the court that placed the stay, from the vault. The log has the same counts
rounded; each entry comes with its inclusion proof (RFC 6962, 2.1.1) under the checkpoint that is quoted.
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ariyippu.base.clock import rfc3339
from ariyippu.base.documents import Envelope
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.notice.models import OrderRow
from ariyippu.policy import stays
from ariyippu.policy.documents import Stay
from ariyippu.policy.models import StayRow
from ariyippu.policy.spans import Span
from ariyippu.track import recalls
from ariyippu.track.models import StoppedRow
from ariyippu.transparency import reader, tree
from ariyippu.transparency.entries import LoggedEntry
from ariyippu.transparency.note import Checkpoint, Note

ABOUT_STAYS = ("stay", "amendment", "confirmation", "lift", "stopped", "recalled")


def certificate(stay_id: str, home: Home) -> dict[str, Any]:
    """The certificate as JSON values; certificate_text.py says the same in words.

    RefusedError `stay.unknown`, `stay.not_certified` before the first count is published.
    """
    row = StayRow.objects.filter(stay_id=stay_id).first()
    if row is None:
        raise RefusedError("stay.unknown", f"There is no stay {stay_id!r}.")
    note = tree.published(home.log)
    entries = [] if note is None else list(_entries(row.digest, note, home))
    if note is None or not any(entry["kind"] == "stopped" for entry in entries):
        raise RefusedError("stay.not_certified", "What the stay stopped is not counted and published yet: ask again.")
    stay, spans = stays.placed(row)
    return {
        "stay": stay.id,
        "digest": row.digest,
        "office": stay.office,
        "reference": stay.reference,
        "paper": None if stay.paper is None else stay.paper.model_dump(),
        "accepted_at": rfc3339(row.accepted_at),
        "confirmed_at": _moment(row.confirmed_at),
        "lifted_at": _moment(row.lifted_at),
        "terms": [_terms(number, span, row) for number, span in enumerate(spans)],
        "checkpoint": note.encode().decode(),
        "entries": entries,
    }


def _terms(number: int, span: Span, row: StayRow) -> dict[str, Any]:
    return {
        "from": rfc3339(max(span.starts_at, row.accepted_at)),
        "until": _moment(span.ends_at),
        "scope": span.terms.scope.model_dump(mode="json", exclude_defaults=True),
        "leave": sorted(span.terms.leave),
        "orders": [
            {
                "order": OrderRow.objects.get(digest=stopped.order).order_id,
                "digest": stopped.order,
                "handed_off": stopped.handed_off,
                "in_hand": stopped.in_hand,
                "waiting": stopped.waiting,
            }
            for stopped in StoppedRow.objects.filter(stay=row.digest, number=number).order_by("pk")
        ],
        "recalls": [
            {"order": OrderRow.objects.get(digest=order).order_id, "digest": order, **vars(recalled)}
            for order, recalled in recalls.of_terms(row.digest, number).items()
        ],
    }


def _entries(digest: str, note: Note, home: Home) -> Iterator[dict[str, Any]]:
    """The log's entries about the stay, as they stand there, each with the hashes that prove its place."""
    checkpoint = Checkpoint.parse(note.text)
    for entry in reader.read(home.log).entries[: checkpoint.size]:
        if entry.kind in ABOUT_STAYS and _is_about(entry, digest):
            found = reader.prove(home.log, entry.index, checkpoint)
            yield {
                "index": entry.index,
                "kind": entry.kind,
                "entry": found.entry.decode(),
                "proof": [node.hex() for node in found.proof],
            }


def _is_about(entry: LoggedEntry, digest: str) -> bool:
    body: Mapping[str, Any] = entry.body
    if entry.kind in ("stopped", "recalled"):
        return bool(body["stay"] == digest)
    envelope = Envelope.model_validate(body["envelope"])
    if envelope.payloadType == Stay.payload_type():
        return envelope.digest == digest
    return bool(json.loads(envelope.body)["stay"] == digest)


def _moment(at: dt.datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
