"""What an order may come to: how few people, how many messages, at what cost. Asked when its audience is decided.

What an SMS costs is reckoned at the most segments that any value can make of it: contacts and names are
still sealed then. An e-mail costs nothing.
"""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Sum

from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.notice import cohort, dlt
from ariyippu.notice.documents import Order, Trigger
from ariyippu.notice.models import OrderRow
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.notice.sms import SENT, span

SMALLEST_COHORT = cohort.SMALLEST


@dataclass(frozen=True)
class Extent:
    """How many messages an audience makes, and what they cost at most."""

    messages: int
    cost_paise: int


def refuse_protected(verified: VerifiedOrder, home: Home, keyring: Keyring) -> None:
    """RefusedError `criteria.protected_class` when a part of the order's criteria picks out protected people."""
    found = cohort.measure(verified.where, (), verified.order.snapshot, home=home, keyring=keyring)
    found.refuse_protected(at_least=1)


def check(decided: pa.Table, verified: VerifiedOrder, home: Home) -> Extent:
    """What the decided rows come to. RefusedError `order.cohort_too_small`, `order.over_cap`, `order.over_cost`.

    A trigger shares both ceilings with those of its period.
    """
    order = verified.order
    if decided.num_rows < SMALLEST_COHORT and not _may_be_few(verified):
        raise RefusedError("order.cohort_too_small", f"The criteria fit fewer than {cohort.SMALLEST} records.")
    found, before = _extent(decided, verified, home), _before(order)
    if before.messages + found.messages > order.max_messages:
        raise RefusedError("order.over_cap", "More are included than the order's max_messages allows.")
    if before.cost_paise + found.cost_paise > order.max_cost_paise:
        raise RefusedError("order.over_cost", "It may cost more than the order's max_cost_paise allows.")
    return found


def _may_be_few(verified: VerifiedOrder) -> bool:
    """Whom another order reached, or who newly has an entitlement: nobody picked them out."""
    is_new = isinstance(verified.order, Trigger) and verified.purpose.own_entitlement
    return is_new or verified.order.corrects is not None


def _before(order: Order) -> Extent:
    """What the standing order came to in this period before this trigger."""
    if not isinstance(order, Trigger):
        return Extent(0, 0)
    since = order.at - dt.timedelta(days=order.period_days)
    others = OrderRow.objects.filter(standing=order.standing, accepted_at__gt=since).exclude(digest=order.digest())
    spent = others.aggregate(messages=Sum("messages"), cost_paise=Sum("cost_paise"))
    return Extent(spent["messages"] or 0, spent["cost_paise"] or 0)


def _extent(decided: pa.Table, verified: VerifiedOrder, home: Home) -> Extent:
    included = decided.filter(pc.field("reason") == "included")
    sms = included.filter(pc.field("channel") == "sms").num_rows
    terms = dlt.terms(home)
    segments = span(verified.notice, SENT, terms.link).most
    return Extent(included.num_rows, sms * segments * terms.segment_price_paise)
