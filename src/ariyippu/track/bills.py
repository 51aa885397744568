"""A carrier's bill is held against what left: the one check on sending outside the system.

    file -> lines (bill_file) --+-> differences (bill_check) -> the operator: row, column, kind
    windows and outcomes -------+                            -> track_bill, the public log (rounded), metrics

Everything is read and compared before anything is kept. The same bill again replaces what it came to: a message
that was in doubt may have been settled since. Whoever holds the carrier's bill can hold it against the log as well.
"""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from django.db import connection, transaction
from prometheus_client.core import GaugeMetricFamily

from ariyippu.base import clock, journal
from ariyippu.base.clock import INDIA
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import CarrierSettings, Home
from ariyippu.base.keys import Keyring
from ariyippu.base.text import rounded
from ariyippu.ingest.seal import contact_tokens
from ariyippu.notice.documents import Channel
from ariyippu.send import choice
from ariyippu.send.models import Batch
from ariyippu.track import bill_file, replies, sent
from ariyippu.track.bill_check import KINDS, Check, Difference, Terms
from ariyippu.track.bill_file import Line
from ariyippu.track.models import BillRow

EDGE = dt.timedelta(minutes=15)  # clocks differ, and a window lasts
AT_ONCE = 10_000

# Each message of a channel that left, or may have, in the period: by the last window that held it.
_SENT = """
    with handed as (
        select distinct on (w.batch_id, at.position) w.batch_id, at.position::int as position, w.opened_at, w.closed_at
        from send_window w join send_batch b on b.id = w.batch_id
        cross join lateral jsonb_array_elements_text(w.positions) as at (position)
        where b.channel = %(channel)s and w.closed_at >= %(from)s
        order by w.batch_id, at.position, w.id desc),
    parts as (
        select batch_id, position, array_agg(provider_id) as ids from send_part
        where batch_id in (select batch_id from handed) group by batch_id, position)
    select h.batch_id, h.position, o.outcome, o.segments, o.provider_id, coalesce(p.ids, '{}'),
           h.opened_at >= %(due_from)s and h.closed_at <= %(due_until)s
    from handed h join send_outcome o using (batch_id, position) left join parts p using (batch_id, position)
    where h.opened_at <= %(until)s and o.outcome in ('accepted', 'unknown')"""
_KNOWN = """
    select provider_id from send_outcome where provider_id = any(%(ids)s)
    union all select provider_id from send_part where provider_id = any(%(ids)s)"""


@dataclass(frozen=True)
class Bill:
    """A file that a carrier sent, and the days that it is about, the last one included."""

    file: Path
    carrier: str  # its name
    first_on: dt.date
    last_on: dt.date


@dataclass(frozen=True)
class Reconciled:
    """What a bill came to. Exact: for the vault alone.

    `unknown`: messages of the period whose ids a crash or a broken connection took; some lines may be theirs.
    `not_billed`: by the order's digest. `charge`: of all lines, in rupees, where the bill has it.
    """

    digest: str
    lines: int
    sent: int
    unknown: int
    charge: Decimal
    differences: Sequence[Difference]
    not_billed: Mapping[str, int]

    def counts(self) -> dict[str, int]:
        """{kind: how many}, without the kinds that did not occur."""
        found = Counter[str](difference.kind for difference in self.differences)
        found["not_billed"] = sum(self.not_billed.values())
        return {kind: found[kind] for kind in KINDS if found[kind]}


def reconcile(bill: Bill, *, home: Home, keyring: Keyring) -> Reconciled:
    """Hold a bill against the sends; keep and log what it came to.

    RefusedError `bill.no_columns`, `bill.bad_period`, `bill.…` (bill_file.read): then nothing is kept.
    """
    channel, carrier = home.settings.carrier(bill.carrier) or (None, None)
    if channel is None or carrier is None or carrier.bill is None:
        raise RefusedError("bill.no_columns", f"settings.toml does not say how {bill.carrier}'s bills are written.")
    if bill.first_on > bill.last_on:
        raise RefusedError("bill.bad_period", "The bill's first day is after its last.")
    found = _Comparison(bill, channel, carrier, home, keyring).run()
    _keep(bill, found)
    return found


class _Comparison:
    """One bill's."""

    def __init__(self, bill: Bill, channel: Channel, carrier: CarrierSettings, home: Home, keyring: Keyring) -> None:
        if carrier.bill is None:
            raise RuntimeError("the columns of this carrier's bills are not named")
        self._bill, self._channel, self._named, self._home, self._keyring = bill, channel, carrier.bill, home, keyring
        self._check = Check(Terms(carrier.bill, carrier.segment_price_paise), bill.first_on, bill.last_on)
        self._places: list[tuple[int, int]] = []  # batch and position, by the check's numbers
        self._unknown = 0
        self._recipients: list[tuple[int, int, int, bytes | None]] = []  # batch, position, row, token

    def run(self) -> Reconciled:
        digest = hashlib.sha256()
        with self._bill.file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
            stream.seek(0)
            self._take_sent()
            lines, charge = self._take_lines(bill_file.read(stream, self._named))
        self._check.settle_strangers(self._known_elsewhere())
        self._compare_recipients()
        return Reconciled(
            digest.hexdigest(),
            lines,
            len(self._places),
            self._unknown,
            charge,
            self._check.differences(),
            self._not_billed(),
        )

    def _take_sent(self) -> None:
        begins, ends = _midnight(self._bill.first_on), _midnight(self._bill.last_on + dt.timedelta(days=1))
        within = {"channel": self._channel, "from": begins - EDGE, "until": ends + EDGE}
        with transaction.atomic(), connection.chunked_cursor() as cursor:
            cursor.execute(_SENT, {**within, "due_from": begins + EDGE, "due_until": ends - EDGE})
            for batch, position, outcome, segments, own, parts, is_due in cursor:
                ids = [*([own] if own else []), *parts]
                if ids and not choice.is_kept_id(self._bill.carrier, ids[0]):
                    continue  # another carrier's
                if outcome == "unknown" and not ids:
                    self._unknown += 1
                    continue
                self._check.sent(ids, segments, is_due=is_due and bool(own))
                self._places.append((batch, position))

    def _take_lines(self, lines: Iterable[Line]) -> tuple[int, Decimal]:
        count, charge = 0, Decimal()
        for line in lines:
            count += 1
            charge += line.charge or 0
            number = self._check.line(replace(line, id=choice.kept_id(self._bill.carrier, line.id)))
            if number is not None and line.recipient is not None:
                self._recipients.append((*self._places[number], line.row, self._token(line.recipient)))
        return count, charge

    def _token(self, recipient: str) -> bytes | None:
        """None when it is no number or address at all."""
        if self._channel == "email":
            return contact_tokens("email", [recipient], self._keyring)[0]
        return contact_tokens("mobile", [replies.normal(recipient)], self._keyring)[0]

    def _known_elsewhere(self) -> set[str]:
        """The ids on the bill that messages of other days, or parts of them, left under."""
        known: set[str] = set()
        for start in range(0, len(self._check.strangers), AT_ONCE):
            ids = [number for _row, number in self._check.strangers[start : start + AT_ONCE]]
            with connection.cursor() as cursor:
                cursor.execute(_KNOWN, {"ids": ids})
                known |= {number for (number,) in cursor.fetchall()}
        return known

    def _compare_recipients(self) -> None:
        for batch, billed in groupby(sorted(self._recipients, key=lambda one: one[:3]), key=lambda one: one[0]):
            found = Batch.objects.select_related("file").get(pk=batch)
            _records, contacts = sent.rows(found, self._home, self._keyring)
            for _batch, position, row, token in billed:
                if token != contacts[position]:
                    self._check.note(row, self._named.recipient or "", "other_recipient")

    def _not_billed(self) -> dict[str, int]:
        missing = Counter(self._places[number][0] for number in self._check.not_billed())
        orders: Counter[str] = Counter()
        for number, order in Batch.objects.filter(pk__in=list(missing)).values_list("pk", "order"):
            orders[order] += missing[number]
        return dict(sorted(orders.items()))


def _keep(bill: Bill, found: Reconciled) -> None:
    """One row for each bill, and an entry of the log whenever it came to something else than before."""
    kept = {
        "first_on": bill.first_on,
        "last_on": bill.last_on,
        "lines": found.lines,
        "sent": found.sent,
        "unknown": found.unknown,
        "differences": found.counts(),
    }
    with transaction.atomic():
        row, is_new = BillRow.objects.select_for_update().get_or_create(
            carrier=bill.carrier, digest=found.digest, defaults={**kept, "checked_at": clock.now()}
        )
        if not is_new and all(getattr(row, name) == value for name, value in kept.items()):
            return
        BillRow.objects.filter(pk=row.pk).update(**kept, checked_at=clock.now())
        journal.append(
            "bill",
            {
                "carrier": bill.carrier,
                "file": found.digest,
                "first_on": bill.first_on.isoformat(),
                "last_on": bill.last_on.isoformat(),
                "lines": rounded(found.lines),
                "sent": rounded(found.sent),
                "unknown": rounded(found.unknown),
                "differences": {kind: rounded(count) for kind, count in found.counts().items()},
            },
        )


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), INDIA)


def gauges() -> Iterator[GaugeMetricFamily]:
    """What each carrier's bill of the latest days came to, for Prometheus."""
    found = GaugeMetricFamily(
        "ariyippu_bill_differences", "Of a carrier's latest bill, from what left.", labels=["carrier", "kind"]
    )
    for row in BillRow.objects.order_by("carrier", "-last_on", "-checked_at").distinct("carrier"):
        for kind in KINDS:
            found.add_metric([row.carrier, kind], row.differences.get(kind, 0))
    yield found
