"""Freezing an order's audience: one row for everyone, and a Merkle root that anybody may keep.

A leaf is a commitment: SHA-256 over 00, a salt of its own (16 bytes), the record's token (16 bytes)
and the reason (UTF-8), so that a person who is shown their salt can prove what was decided about them
and nobody can guess anything about anybody else. Rows stand in random order. Rows of chance fill the
tree up to the next ten, so that its size tells no more than a rounded count.
"""

import datetime as dt
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction

from ariyippu.base import clock, engine, journal, merkle
from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.base.text import rounded
from ariyippu.grant import legal, purposes
from ariyippu.ingest.manifest import Manifest
from ariyippu.ingest.snapshot import open_records
from ariyippu.notice import criteria, templates
from ariyippu.notice.contacts import INBOX, Source
from ariyippu.notice.models import OrderRow
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.policy import decide, freshness, limits, linked, objections, stays, suspensions
from ariyippu.policy.decide import DECISION_SCHEMA
from ariyippu.policy.models import AudienceRow
from ariyippu.policy.objections import Lists
from ariyippu.policy.reference import Situation, Way

SALT_BYTES = 16
PADDING = "padding"  # a row of chance; it has a reason of its own so that no one's reason can be mistaken for it
SCHEMA = pa.schema(
    [
        ("record", pa.binary(16)),
        ("reason", pa.string()),
        ("channel", pa.string()),
        ("contact_of", pa.string()),
        ("contact_record", pa.binary(16)),
        ("person", pa.binary(16)),
        ("salt", pa.binary(SALT_BYTES)),
    ]
)
"""decide.DECISION_SCHEMA and the salts. A leaf commits to record and reason alone."""


def folder(home: Home, digest: str) -> Path:
    """Where an order's files lie."""
    return home.vault / "orders" / digest


def freeze(
    row: OrderRow, verified: VerifiedOrder, *, home: Home, keyring: Keyring, among: pa.Table | None = None
) -> None:
    """Decide about every candidate and keep the answer: file, root, row and journal entry, or nothing.

    `among`: the only records that are candidates (record: binary(16)), whatever else the criteria fit.
    RefusedError as limits.py says, when it is too few or too much: then nobody is told.
    """
    started = time.perf_counter()
    limits.refuse_protected(verified, home, keyring)
    lists = objections.lists(verified.order)
    decided = _decide(row, verified, lists, _Vault(home, keyring, among))
    extent = limits.check(decided, verified, home)
    counts = {pair["values"]: pair["counts"] for pair in pc.value_counts(decided["reason"]).to_pylist()}
    audience = _shuffled(_padded(decided))
    root = _root(audience)
    wrapped = _write(audience, row.digest, home, keyring)
    with transaction.atomic():
        body = {
            "order": row.digest,
            "snapshot": verified.order.snapshot,
            "root": root,
            "size": audience.num_rows,
            "counts": {reason: rounded(count) for reason, count in sorted(counts.items())},
            "rules": legal.rules_in_force(lists.decided_at.astimezone(clock.INDIA).date()),
        }
        if verified.run is not None:
            body["run"] = verified.run.pk
        AudienceRow.objects.create(
            order=row.digest,
            root=root,
            size=audience.num_rows,
            counts=counts,
            wrapped_key=wrapped,
            journal_id=journal.append("audience", body),
            seconds=time.perf_counter() - started,
            decided_at=lists.decided_at,
        )
        OrderRow.objects.filter(digest=row.digest).update(
            state=OrderRow.DECIDED, messages=extent.messages, cost_paise=extent.cost_paise
        )


def read(home: Home, keyring: Keyring, audience: AudienceRow) -> pa.Table:
    """The frozen rows, as SCHEMA. RefusedError `audience.altered` when they are not the ones that were frozen."""
    context = _context(audience.order)
    try:
        key = engine.FileKey(keyring.data_key(audience.wrapped_key, context), context)
        table = engine.open_parquet(folder(home, audience.order) / "audience.parquet", key).read()
    except (OSError, pa.ArrowException, PermanentError):
        raise RefusedError("audience.altered", "The audience's file is missing, damaged or altered.") from None
    if _root(table) != audience.root:
        raise RefusedError("audience.altered", "The audience's rows do not have the root that was published.")
    return table


@dataclass(frozen=True, repr=False)
class Proof:
    """What was decided about one record, and the hashes that lead from its leaf to the audience's root."""

    reason: str
    salt: bytes
    index: int
    proof: tuple[bytes, ...]


def proof(home: Home, keyring: Keyring, audience: AudienceRow, record: bytes) -> Proof:
    """The proof about a record. RefusedError as `read`, and `audience.not_in_it`.

    For whoever shows a person what was decided about them, and has made sure that it is them.
    """
    rows = read(home, keyring, audience)
    index = pc.index(rows["record"], pa.scalar(record, pa.binary(16))).as_py()
    if index < 0:
        raise RefusedError("audience.not_in_it", "Nothing was decided about this record.")
    path = merkle.inclusion_proof(index, rows.num_rows, merkle.of_leaves(list(_leaves(rows))))
    return Proof(rows["reason"][index].as_py(), rows["salt"][index].as_py(), index, tuple(path))


def situation(row: OrderRow, verified: VerifiedOrder) -> Situation:
    """What holds for every candidate now: window, purpose, and for each way its contact and stays."""
    ways, today = [], clock.now().astimezone(clock.INDIA).date()
    fresh_since = freshness.since(today)
    for subject in stays.subjects_of(verified):
        source = verified.source(subject.channel, subject.contact_of)
        is_inbox = subject.channel == "inbox"
        way = Way(
            channel=subject.channel,
            column=source.column if source else None,
            covered=source is not None and source.covered,
            stayed=stays.stopped(subject, row.released_at, restraint=False),
            restrained=stays.stopped(subject, row.released_at, restraint=True),
            contact_of=subject.contact_of,
            consented=source is not None and _consented(verified, source),
            handed_over_lately=source is not None and (is_inbox or _handed_over_on(source.manifest) >= fresh_since),
            verified_on=source.manifest.columns[source.column].verified_on if source and not is_inbox else None,
            personal=is_inbox or templates.is_personal(verified.notice, subject.channel),
        )
        ways.append(way)
    in_force = verified.order.not_before <= clock.now() < verified.order.not_after
    purpose = verified.purpose
    return Situation(in_force, purpose.own_entitlement, tuple(ways), purpose.emergency, fresh_since)


def _consented(verified: VerifiedOrder, source: Source) -> bool:
    """The notice rests on no consent, or the contact was given in order to get just this."""
    if source.column == INBOX:
        return verified.notice.legal_basis.kind != "consent"
    given = purposes.taxonomy().get(source.manifest.columns[source.column].collected_for or "")
    return verified.notice.legal_basis.kind != "consent" or (given is not None and given.by_subscription)


def _handed_over_on(manifest: Manifest) -> dt.date:
    return manifest.loaded_at.astimezone(clock.INDIA).date()


@dataclass(frozen=True, repr=False)
class _Vault:
    """Where candidates come from."""

    home: Home
    keyring: Keyring
    among: pa.Table | None

    def register(
        self, relations: duckdb.DuckDBPyConnection, snapshot: str, columns: list[str], asked: list[str]
    ) -> None:
        """Make the snapshot's records, or those of them that may be candidates, the relation `records`.

        `asked`: the attributes that criteria and stays ask about, whose texts are a few for all records, or numbers.
        """
        records = open_records(self.home, self.keyring, snapshot, columns + asked, few=asked)
        engine.register(relations, "_all_records", records)
        candidates = "_all_records"
        if self.among is not None:
            engine.register(relations, "_among", self.among)
            candidates += " semi join _among using (record)"
        relations.execute(f'create view records as select *, record as "{INBOX}_token" from {candidates}')  # noqa: S608


def _decide(row: OrderRow, verified: VerifiedOrder, lists: Lists, vault: _Vault) -> pa.Table:
    order, now = verified.order, situation(row, verified)
    tokens = [f"{way.column}_token" for way in now.ways if way.contact_of is None and way.column not in (None, INBOX)]
    days = {way.verified_on for way in now.ways if way.contact_of is None and way.verified_on is not None}
    asked = sorted(criteria.fields(verified.where) | _asked_by_stays(now) | days)
    columns = ["record", "deceased", "protected", "minor", *tokens]
    links = linked.of_order(verified, now, lists.marks, home=vault.home, keyring=vault.keyring)
    with engine.readable(f"The snapshot {order.snapshot}"), engine.connect(as_written=True) as relations:
        vault.register(relations, order.snapshot, columns, asked)
        engine.register(relations, "marked", lists.of(order.register))
        engine.register(relations, "linked", links.reaching)
        engine.register(relations, "shared", links.shared)
        engine.register(relations, "lent", links.lent)
        engine.register(relations, "suspended", suspensions.suspended(order.register))
        engine.register(relations, "verified", suspensions.verified(order.register, now.fresh_since))
        return decide.decide(relations, verified.where, now).read_all()


def _asked_by_stays(now: Situation) -> frozenset[str]:
    nodes = [node for way in now.ways for node in (way.stayed, way.restrained)]
    return frozenset[str]().union(*(criteria.fields(node) for node in nodes))


def _padded(decided: pa.Table) -> pa.Table:
    """With rows of chance up to the next ten (ten at least), and a salt for each."""
    missing = -decided.num_rows % 10 or (0 if decided.num_rows else 10)
    chance = {"record": _random(16, missing), "reason": pa.array([PADDING] * missing, pa.string())}
    empty = {field.name: pa.nulls(missing, field.type) for field in DECISION_SCHEMA if field.name not in chance}
    rows = pa.concat_tables([decided, pa.table({**chance, **empty}, DECISION_SCHEMA)])
    return rows.append_column("salt", _random(SALT_BYTES, rows.num_rows)).cast(SCHEMA)


def _shuffled(rows: pa.Table) -> pa.Table:
    return rows.take(pc.sort_indices(_random(16, rows.num_rows)))


def _random(width: int, count: int) -> pa.Array:
    buffer = pa.py_buffer(os.urandom(width * count))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), count, [None, buffer])


def _root(rows: pa.Table) -> str:
    return merkle.root(rows.num_rows, merkle.of_leaves(list(_leaves(rows)))).hex()


def _leaves(rows: pa.Table) -> Iterator[bytes]:
    for batch in rows.select(["salt", "record", "reason"]).to_batches(max_chunksize=100_000):
        for salt, record, reason in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield merkle.leaf_hash(salt + record + reason.encode())


def _context(digest: str) -> str:
    return f"audience|{digest}"


def _write(audience: pa.Table, digest: str, home: Home, keyring: Keyring) -> str:
    """Write the file whole (a half-written one is written over) and return its wrapped key."""
    key, wrapped = keyring.new_data_key(_context(digest))
    place = folder(home, digest)
    place.mkdir(parents=True, exist_ok=True)
    file_key = engine.FileKey(key, _context(digest))
    engine.write_parquet(place / "audience.parquet", audience.to_batches(), SCHEMA, file_key)
    engine.sync(place)
    return wrapped
