"""The order: what an order has to satisfy, checked anew whenever somebody relies on it (invariant 3).

hatch -> accept() -> the row and its journal entry
decide, lease -> verify() -> the same checks on the row, since a database can be altered
"""

import datetime as dt
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from ariyippu.base import clock, journal
from ariyippu.base.documents import Envelope, Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.grant import accept as grants
from ariyippu.grant import legal, purposes, thresholds
from ariyippu.grant import trust as trusted
from ariyippu.grant.purposes import Purpose
from ariyippu.ingest.manifest import Manifest
from ariyippu.link import index
from ariyippu.link.models import LinkRun
from ariyippu.notice import contacts, criteria, dlt
from ariyippu.notice.contacts import Source
from ariyippu.notice.dlt import SmsTerms
from ariyippu.notice.documents import Channel, Notice, Order, StandingOrder, Trigger
from ariyippu.notice.lint import Finding, lint
from ariyippu.notice.models import OrderRow


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
    sources: tuple[Source, ...]  # where its messages find their contacts, in its order of choice
    run: LinkRun | None  # the current linking run, when its register is in it
    advice: tuple[Finding, ...]  # what the linter found and does not refuse

    def source(self, channel: Channel, contact_of: str | None) -> Source | None:
        """Where these contacts are found; None when that register holds none of this channel."""
        return next((one for one in self.sources if (one.channel, one.contact_of) == (channel, contact_of)), None)

    @property
    def flag_fields(self) -> frozenset[str]:
        """The columns that the flags' conditions read."""
        return frozenset().union(*(criteria.fields(when) for when in self.flags.values()))


def verify(envelope: Envelope, notice_payload: bytes, home: Home) -> VerifiedOrder:
    """Check an order from its signatures to its criteria. RefusedError says what does not hold.

    `signature.*` and `trust.*` (who signed), `order.*` (what is pinned), `grant.*` (what was granted),
    `purpose.*`, `legal_basis.*`, `criteria.*` and `notice.*` (what is said).
    """
    return _verified(envelope.open(Order), envelope, notice_payload, home)


def verify_trigger(trigger: Trigger, envelope: Envelope, notice_payload: bytes, home: Home) -> VerifiedOrder:
    """As `verify`, what the standing order in the envelope comes to. RefusedError `order.altered` if it does not."""
    if not envelope.open(StandingOrder).comes_to(trigger):
        raise RefusedError("order.altered", "The trigger is not what its standing order comes to.")
    return _verified(trigger, envelope, notice_payload, home)


def _verified(order: Order, envelope: Envelope, notice_payload: bytes, home: Home) -> VerifiedOrder:
    trust = trusted.current_trust(trusted.load_roots(home.roots))
    notice = _pinned_notice(order, notice_payload)
    registers = (order.register, *(part.register for part in order.contacts_of))
    demand = thresholds.Demand("order", order.purpose, notice.office, registers)
    thresholds.check(envelope, demand, trust, clock.now())
    snapshot = contacts.snapshot_of(order.register, order.snapshot, order.contract, trust, home)
    lent = [contacts.snapshot_of(one.register, one.snapshot, one.contract, trust, home) for one in order.contacts_of]
    where = criteria.EVERYONE if order.corrects else parse_criteria(notice.criteria, snapshot)
    if order.corrects is not None:
        _check_correction(order.corrects, order, notice)
    flags = {flag.name: parse_criteria(flag.when, snapshot) for flag in notice.flags}
    looked_at = [where, *flags.values()]
    if isinstance(order, Trigger) and order.event_field is not None:
        looked_at.append(parse_criteria({"field": order.event_field, "exists": True}, snapshot))
    read = frozenset().union(*(criteria.fields(node) for node in looked_at))
    sources = contacts.sources(order, snapshot, lent)
    _check_grant(order, notice, _fields(notice, read, sources), trust)
    legal.check(notice.legal_basis, order.purpose, order.not_before)
    run = index.covering(order.register)
    contacts.check_links(order, run, trust)
    return VerifiedOrder(
        order.digest() if isinstance(order, Trigger) else envelope.digest,
        order,
        notice,
        purposes.get(order.purpose),
        snapshot,
        where=where,
        flags=flags,
        sources=sources,
        run=run,
        advice=_check_texts(order, notice, snapshot, home),
    )


def accept(envelope: Envelope, notice_payload: bytes, home: Home) -> VerifiedOrder:
    """Verify an order that came through the hatch and keep it with its journal entry.

    The same order again changes nothing; another one of the same name is refused (`order.doubled`).
    """
    verified = verify(envelope, notice_payload, home)
    if clock.now() >= verified.order.not_after:
        raise RefusedError("order.not_in_window", "The order's window is over.")
    contacts.check_carriers(verified.order, home)
    with transaction.atomic():
        same = OrderRow.objects.filter(order_id=verified.order.id).first()
        if same is not None and same.digest != verified.digest:
            raise RefusedError("order.doubled", f"Another order is called {verified.order.id!r}.")
        if same is None:
            entry = journal.append("order", public(envelope, verified))
            row_of(verified.order, envelope, notice_payload, at=clock.now(), entry=entry).save(force_insert=True)
    return verified


def row_of(order: Order, envelope: Envelope, notice: bytes, *, at: dt.datetime, entry: int) -> OrderRow:
    """The row, not kept yet, of an order that is accepted, or of a trigger: `envelope` is its standing order's then."""
    trigger = order if isinstance(order, Trigger) else None
    return OrderRow(
        digest=trigger.digest() if trigger else envelope.digest,
        order_id=order.id,
        envelope=envelope.model_dump_json(),
        notice=notice,
        state=OrderRow.ACCEPTED,
        accepted_at=at,
        released_at=at,
        journal_id=entry,
        standing=trigger.standing if trigger else None,
        trigger=trigger.payload() if trigger else None,
    )


def public(envelope: Envelope, verified: VerifiedOrder) -> dict[str, object]:
    """The journal's body about an order: what was signed, what it says, what was known when it was."""
    return {
        "envelope": envelope.model_dump(mode="json", exclude_none=True),
        "notice": verified.notice.model_dump(mode="json"),
        "advice": [{"code": finding.code, "where": finding.where} for finding in verified.advice],
    }


def verify_row(row: OrderRow, home: Home) -> VerifiedOrder:
    """The order in a row, checked anew. RefusedError `order.altered` when the row is not what was signed."""
    envelope, notice = Envelope.parse(row.envelope), bytes(row.notice)
    if row.digest != (envelope.digest if row.trigger is None else hashlib.sha256(row.trigger).hexdigest()):
        raise RefusedError("order.altered", "The kept order is not the one that was signed.")
    order = document(row)
    if not isinstance(order, Trigger):
        return _verified(order, envelope, notice, home)
    if journal.body(row.journal_id).get("trigger") != order.model_dump(mode="json"):
        raise RefusedError("order.altered", "The kept trigger is not the one that was logged.")
    return verify_trigger(order, envelope, notice, home)


def document(row: OrderRow) -> Order:
    """The order in a row, or the trigger, as it says and unchecked. RefusedError `document.invalid`."""
    return Envelope.parse(row.envelope).open(Order) if row.trigger is None else Trigger.parse(bytes(row.trigger))


def _check_correction(corrects: str, order: Order, notice: Notice) -> None:
    """It puts right what the same office said, to the same people, for the same purpose."""
    row = OrderRow.objects.filter(digest=corrects).first()
    if row is None:
        raise RefusedError("order.corrects_unknown", "There is no such order to correct.")
    wrong, said = document(row), Notice.parse(bytes(row.notice))
    if (wrong.register, wrong.purpose, said.office) != (order.register, order.purpose, notice.office):
        raise RefusedError("order.corrects_other", "The order to correct has another register, purpose or office.")
    if notice.criteria:
        raise RefusedError("order.corrects_some", "A correction goes to all: its notice has no criteria.")


def parse_criteria(document: Mapping[str, object], snapshot: Manifest) -> criteria.Node:
    """Criteria over a snapshot's attributes. RefusedError as `criteria.parse`."""
    types = {name: column.type for name, column in snapshot.columns.items() if column.kind == "attribute"}
    return criteria.parse(document, types, snapshot.protected_column)


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


def _fields(notice: Notice, read: frozenset[str], sources: Sequence[Source]) -> Mapping[str, frozenset[str]]:
    """The fields that an order uses, of each register; `read`: those that criteria and flags look at."""
    used = {notice.register: read | {placeholder.column for placeholder in notice.placeholders}}
    for source in sources:
        if source.channel == "inbox":
            continue
        register = source.manifest.register
        used[register] = used.get(register, frozenset()) | {source.column}
    return used


def _check_grant(order: Order, notice: Notice, used: Mapping[str, frozenset[str]], trust: Trust) -> None:
    grant = grants.granted(order.use_request, trust).request
    if grant.requester != notice.office:
        raise RefusedError("grant.other_office", "The grant was given to another office.")
    if not purposes.covers(grant.purpose, order.purpose):
        raise RefusedError("grant.other_purpose", "The grant was given for another purpose.")
    for register, fields in used.items():
        if missing := fields - grant.fields_of(register):
            raise RefusedError("grant.field_not_granted", f"The grant does not cover the field {min(missing)!r}.")


def _check_texts(order: Order, notice: Notice, snapshot: Manifest, home: Home) -> tuple[Finding, ...]:
    """What the linter advises; RefusedError `notice.CODE` for the first finding that refuses."""
    columns = tuple((name, column.type) for name, column in snapshot.columns.items())
    findings = _linted(notice.payload(), columns, dlt.terms(home) if "sms" in order.channels else None)
    if findings and findings[0].refuses:
        first = findings[0]
        raise RefusedError(f"notice.{first.code}", f"{first.where}: {first.message}")
    return findings


@functools.lru_cache(maxsize=100)
def _linted(notice: bytes, columns: tuple[tuple[str, str], ...], terms: SmsTerms | None) -> tuple[Finding, ...]:
    """As `lint`, which is pure: every lease asks it again about the same bytes."""
    return lint(Notice.parse(notice), dict(columns), terms)
