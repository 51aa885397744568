"""Why did I get this? The whole chain behind one message, for the one who holds it.

    record -> contact and what it was collected for -> notice, purpose and law -> grant -> order and who signed
           -> the rule that decided, with its proof under the audience's root -> the log's entries, with theirs
           -> the stay for which its carrier was asked to cancel it, if one was, and the carrier's answer

The authority is the token of the message's own link, which nobody else has (send/tokens.py); a portal asks for
each of its person's messages by that token. There is no way to ask by a key, a name or a contact. Nothing that
was sealed is opened: the record is named by its keyed token.

What is answered can be checked without this vault. The leaf 00 || salt || record || reason, under `proof`, has the
audience's root (policy/audience.py); that root stands in the audience's entry; each entry has its own proof under
the checkpoint. Reading an audience is linear in its size, proof included.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ariyippu.base import journal
from ariyippu.base.clock import rfc3339
from ariyippu.base.documents import Envelope
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.base.models import Entry
from ariyippu.grant import trust as trusted
from ariyippu.ingest.manifest import Manifest
from ariyippu.ingest.snapshot import manifest
from ariyippu.notice import contacts
from ariyippu.notice.documents import Notice, Order
from ariyippu.notice.models import OrderRow
from ariyippu.policy import audience
from ariyippu.policy.models import AudienceRow
from ariyippu.send.models import Batch
from ariyippu.track import recalls, sent
from ariyippu.transparency import reader, tree
from ariyippu.transparency.note import Checkpoint


@dataclass(frozen=True, repr=False)
class _Case:
    """What the chain of one message is made of."""

    record: bytes
    order: Order
    notice: Notice
    row: OrderRow
    batch: Batch
    home: Home


def of_message(token: str, home: Home, keyring: Keyring) -> dict[str, Any] | None:
    """The chain as JSON values; None when the token is no message's.

    RefusedError `audience.altered`, `file.damaged`, `snapshot.altered` when what it rests on is not what it was.
    """
    message = sent.find(token, "link", home, keyring)
    if message is None:
        return None
    batch = Batch.objects.get(pk=message.place.batch)
    row = OrderRow.objects.get(digest=batch.order)
    case = _Case(message.record, message.order, Notice.parse(bytes(row.notice)), row, batch, home)
    frozen = AudienceRow.objects.get(order=row.digest)
    note = tree.published(home.log)
    if note is None:
        raise RefusedError("log.not_published", "The log was never published.")
    return {
        "register": case.order.register,
        "record": message.record.hex(),
        "contact": _contact(case),
        "notice": _notice(case),
        "order": {"id": row.order_id, "digest": row.digest, "signed_by": _signers(row, home)},
        "decision": _decision(case, frozen, keyring),
        "recall": recalls.of_message(message.place),
        "checkpoint": note.encode().decode(),
        "entries": list(_entries(case, frozen, Checkpoint.parse(note.text))),
    }


def _contact(case: _Case) -> dict[str, Any]:
    """The channel, whose contact it was, and what for: by the snapshots that the order pins."""
    order, batch = case.order, case.batch
    lent = [manifest(case.home, part.snapshot) for part in order.contacts_of]
    sources = contacts.sources(order, manifest(case.home, order.snapshot), lent)
    source = next(one for one in sources if (one.channel, one.contact_of) == (batch.channel, batch.contact_of))
    made: Manifest = source.manifest
    return {
        "channel": batch.channel,
        "register": made.register,
        "borrowed": batch.contact_of is not None,
        "collected_for": made.columns[source.column].collected_for,
        "snapshot": made.snapshot,
        "handed_over_at": rfc3339(made.loaded_at),
    }


def _notice(case: _Case) -> dict[str, Any]:
    notice = case.notice
    return {
        "id": notice.id,
        "office": notice.office,
        "purpose": case.order.purpose,
        "legal_basis": {
            "kind": notice.legal_basis.kind,
            **notice.legal_basis.model_dump(mode="json", exclude_none=True),
        },
        "sanction_reference": notice.sanction_reference,
        "use_request": case.order.use_request,
    }


def _signers(row: OrderRow, home: Home) -> list[dict[str, str | None]]:
    """Whose keys signed, by the trust document in force now; a key that it names no more is told by its id alone."""
    keys = {key.key_id: key for key in trusted.current_trust(trusted.load_roots(home.roots)).keys}
    signed = [(one.keyid, keys.get(one.keyid)) for one in Envelope.parse(row.envelope).signatures]
    return [
        {"key": key_id, "person": key.person if key else None, "office": key.office if key else None}
        for key_id, key in signed
    ]


def _decision(case: _Case, frozen: AudienceRow, keyring: Keyring) -> dict[str, Any]:
    found = audience.proof(case.home, keyring, frozen, case.record)
    return {
        "reason": found.reason,
        "decided_at": rfc3339(frozen.decided_at),
        "rules": journal.body(frozen.journal_id)["rules"],
        "salt": found.salt.hex(),
        "index": found.index,
        "size": frozen.size,
        "proof": [node.hex() for node in found.proof],
        "root": frozen.root,
    }


def _entries(case: _Case, frozen: AudienceRow, checkpoint: Checkpoint) -> Iterator[dict[str, Any]]:
    """Of the order (its trigger's, where a standing order came to it) and of its audience."""
    wanted = Entry.objects.filter(journal_id__in=[case.row.journal_id, frozen.journal_id]).order_by("index")
    for index, kind in wanted.values_list("index", "journal__kind"):
        found = reader.prove(case.home.log, index, checkpoint)
        yield {
            "index": index,
            "kind": kind,
            "entry": found.entry.decode(),
            "proof": [node.hex() for node in found.proof],
        }
