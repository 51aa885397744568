"""What an order may come to: how few people, how many messages, at what cost. Asked when its audience is decided.

What an SMS costs is reckoned at the most segments that any value can make of it: contacts and names are
still sealed then. An e-mail costs nothing.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.notice import cohort, dlt
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

    A correction goes to exactly those whom another order reached, however few they are.
    """
    order = verified.order
    if decided.num_rows < SMALLEST_COHORT and order.corrects is None:
        raise RefusedError("order.cohort_too_small", f"The criteria fit fewer than {cohort.SMALLEST} records.")
    found = _extent(decided, verified, home)
    if found.messages > order.max_messages:
        raise RefusedError("order.over_cap", "More are included than the order's max_messages allows.")
    if found.cost_paise > order.max_cost_paise:
        raise RefusedError("order.over_cost", "It may cost more than the order's max_cost_paise allows.")
    return found


def _extent(decided: pa.Table, verified: VerifiedOrder, home: Home) -> Extent:
    included = decided.filter(pc.field("reason") == "included")
    sms = included.filter(pc.field("channel") == "sms").num_rows
    terms = dlt.terms(home)
    segments = span(verified.notice, SENT, terms.link).most
    return Extent(included.num_rows, sms * segments * terms.segment_price_paise)
