"""The order: what an order has to satisfy, checked anew whenever somebody relies on it (invariant 3).

hatch -> accept() -> the row and its journal entry
decide, lease -> verify() -> the same checks on the row, since a database can be altered
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from ariyippu.base import clock, journal
from ariyippu.base.documents import Envelope, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.grant import accept as grants
from ariyippu.grant import purposes, thresholds
from ariyippu.grant.purposes import Purpose
from ariyippu.ingest.snapshot import Manifest, manifest
from ariyippu.notice import criteria, dlt
from ariyippu.notice.dlt import SmsTerms
from ariyippu.notice.documents import Channel, Notice, Order
from ariyippu.notice.lint import Finding, lint
from ariyippu.notice.models import OrderRow

CONTACT_TYPES: Mapping[Channel, str] = {"email": "email", "sms": "mobile"}


@dataclass(frozen=True)
class VerifiedOrder:
    """An order that satisfied every check at the instant of `verify`, and what it rests on."""

    digest: str
    order: Order
    notice: Notice
    purpose: Purpose
    manifest: Manifest
    where: criteria.Node
    flags: Mapping[str, criteria.Node]  # the notice's flags and when each holds
    contacts: Mapping[Channel, str]  # channel -> the register's contact column for it
    covered: frozenset[Channel]  # the channels whose contact was collected for this purpose
    advice: tuple[Finding, ...]  # what the linter found and does not refuse

    @property
    def flag_fields(self) -> frozenset[str]:
        """The columns that the flags' conditions read."""
        return frozenset().union(*(criteria.fields(when) for when in self.flags.values()))


def verify(envelope: Envelope, notice_payload: bytes, home: Home) -> VerifiedOrder:
    """Check an order from its signatures to its criteria. RefusedError says what does not hold.

    `signature.*` and `trust.*` (who signed), `order.*` (what is pinned), `grant.*` (what was granted),
    `purpose.*`, `criteria.*` and `notice.*` (what is said).
    """
    order = envelope.open(Order)
    trust = grants.current_trust(grants.load_roots(home.roots))
    notice = _pinned_notice(order, notice_payload)
    demand = thresholds.Demand("order", order.purpose, notice.office, (order.register,))
    thresholds.check(envelope, demand, trust, clock.now())
    snapshot = manifest(home, order.snapshot)
    if order.contract not in trust.contracts:
        raise RefusedError("contract.not_approved", "The trust document does not name the register's contract.")
    if (snapshot.register, snapshot.contract_digest) != (order.register, order.contract):
        raise RefusedError("order.other_contract", "The snapshot was loaded under another contract than the order's.")
    types = {name: column.type for name, column in snapshot.columns.items() if column.kind == "attribute"}
    where = criteria.parse(notice.criteria, types)
    flags = {flag.name: criteria.parse(flag.when, types) for flag in notice.flags}
    contacts = _contacts(order, snapshot)
    read = frozenset().union(*(criteria.fields(node) for node in (where, *flags.values())))
    _check_grant(order, notice, read | frozenset(contacts.values()), trust)
    covered = frozenset(
        channel
        for channel, column in contacts.items()
        if purposes.covers(snapshot.columns[column].collected_for or "", order.purpose)
    )
    if not covered:
        raise RefusedError(
            "order.purpose_not_covered",
            "None of the register's contacts were collected for this purpose or one above it.",
        )
    return VerifiedOrder(
        envelope.digest,
        order,
        notice,
        purposes.get(order.purpose),
        snapshot,
        where=where,
        flags=flags,
        contacts=contacts,
        covered=covered,
        advice=_check_texts(order, notice, snapshot, home),
    )


def accept(envelope: Envelope, notice_payload: bytes, home: Home) -> VerifiedOrder:
    """Verify an order that came through the hatch and keep it with its journal entry.

    The same order again changes nothing; another one of the same name is refused (`order.doubled`).
    """
    verified = verify(envelope, notice_payload, home)
    if clock.now() >= verified.order.not_after:
        raise RefusedError("order.not_in_window", "The order's window is over.")
    with transaction.atomic():
        same = OrderRow.objects.filter(order_id=verified.order.id).first()
        if same is not None and same.digest != verified.digest:
            raise RefusedError("order.doubled", f"Another order is called {verified.order.id!r}.")
        if same is None:
            body = {
                "envelope": envelope.model_dump(mode="json", exclude_none=True),
                "notice": verified.notice.model_dump(mode="json"),
                "advice": [{"code": finding.code, "where": finding.where} for finding in verified.advice],
            }
            entry, now = journal.append("order", body), clock.now()
            OrderRow.objects.create(
                digest=verified.digest,
                order_id=verified.order.id,
                envelope=envelope.model_dump_json(),
                notice=notice_payload,
                state=OrderRow.ACCEPTED,
                accepted_at=now,
                released_at=now,
                journal_id=entry,
            )
    return verified


def verify_row(row: OrderRow, home: Home) -> VerifiedOrder:
    """The order in a row, checked anew. RefusedError `order.altered` when the row is not what was signed."""
    envelope = Envelope.parse(row.envelope)
    if envelope.digest != row.digest:
        raise RefusedError("order.altered", "The kept order is not the one that was signed.")
    return verify(envelope, bytes(row.notice), home)


def release(row: OrderRow) -> None:
    """Let an order go on after the stays that stopped it ended. Whoever calls this checked that none stands."""
    with transaction.atomic():
        OrderRow.objects.filter(digest=row.digest).update(released_at=clock.now())
        journal.append("release", {"order": row.digest})


def _pinned_notice(order: Order, payload: bytes) -> Notice:
    notice = Notice.parse(payload)
    if notice.digest() != order.notice or notice.payload() != payload:
        raise RefusedError("order.other_notice", "The notice is not the one that was approved: its digest differs.")
    if notice.legal_basis.in_force_from > order.not_before.date():
        raise RefusedError("order.law_not_in_force", "The notice rests on a law that is not in force by then.")
    if (notice.register, notice.purpose) != (order.register, order.purpose):
        raise RefusedError("order.other_notice", "Order and notice name different registers or purposes.")
    return notice


def _contacts(order: Order, snapshot: Manifest) -> Mapping[Channel, str]:
    found: dict[Channel, str] = {}
    for channel in order.channels:
        for name, column in snapshot.columns.items():
            if column.kind == "contact" and column.type == CONTACT_TYPES[channel]:
                found.setdefault(channel, name)
    return found


def _check_grant(order: Order, notice: Notice, read: frozenset[str], trust: Trust) -> None:
    grant = grants.granted(order.use_request, trust).request
    if grant.requester != notice.office:
        raise RefusedError("grant.other_office", "The grant was given to another office.")
    if not purposes.covers(grant.purpose, order.purpose):
        raise RefusedError("grant.other_purpose", "The grant was given for another purpose.")
    used = read | {placeholder.column for placeholder in notice.placeholders}
    if missing := used - grant.fields_of(order.register):
        raise RefusedError("grant.field_not_granted", f"The grant does not cover the field {min(missing)!r}.")


def _check_texts(order: Order, notice: Notice, snapshot: Manifest, home: Home) -> tuple[Finding, ...]:
    """What the linter advises; RefusedError `notice.CODE` for the first finding that refuses."""
    columns = tuple((name, column.type) for name, column in snapshot.columns.items())
    findings = _linted(notice.payload(), columns, dlt.terms(home, order.id) if "sms" in order.channels else None)
    if findings and findings[0].refuses:
        first = findings[0]
        raise RefusedError(f"notice.{first.code}", f"{first.where}: {first.message}")
    return findings


@functools.lru_cache(maxsize=100)
def _linted(notice: bytes, columns: tuple[tuple[str, str], ...], terms: SmsTerms | None) -> tuple[Finding, ...]:
    """As `lint`, which is pure: every lease asks it again about the same bytes."""
    return lint(Notice.parse(notice), dict(columns), terms)
