"""Why people were told of a notice and others were not: counts by reason, as the public may read them.

For the custodian's operators and the offices: in tens, 0 for fewer than ten (invariant 2), and nothing about
anyone. What one person may be shown of their own message is transparency/own.py's.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count

from ariyippu.base import journal
from ariyippu.base.clock import rfc3339
from ariyippu.base.errors import RefusedError
from ariyippu.base.text import rounded
from ariyippu.notice.documents import Notice
from ariyippu.notice.models import OrderRow
from ariyippu.policy.models import AudienceRow
from ariyippu.policy.reference import REASONS
from ariyippu.send.models import Outcome
from ariyippu.track import settle


@dataclass(frozen=True)
class Explained:
    """One order of the notice. `decided` and `held_back`: by reason, in the order of the rules."""

    order: str
    state: str
    decided_at: str | None  # RFC 3339
    decided: Mapping[str, int]
    held_back: Mapping[str, int]  # what spoke against telling them between decision and hand-off
    recalled: int | None  # of those whose message had left: cancelled by its carrier, for a stay; None: nobody's
    rules: tuple[str, ...]  # of grant/rules.toml, in force on that day


def of_notice(notice_id: str) -> list[Explained]:
    """Every order of a notice, the oldest first. RefusedError `notice.unknown` when none came."""
    rows = OrderRow.objects.order_by("accepted_at")
    found = [_explained(row) for row in rows.iterator() if Notice.parse(bytes(row.notice)).id == notice_id]
    if not found:
        raise RefusedError("notice.unknown", f"There is no order of a notice {notice_id!r}.")
    return found


def _explained(row: OrderRow) -> Explained:
    frozen = AudienceRow.objects.filter(order=row.digest).first()
    held_back = Outcome.objects.filter(batch__order=row.digest, outcome=Outcome.WITHHELD)
    counts = Counter(dict(held_back.values_list("code").annotate(Count("pk"))))
    recalled = sum(found.get("recalled", 0) for found in settle.outcomes(row.digest).values())
    return Explained(
        order=row.order_id,
        state=row.state,
        decided_at=rfc3339(frozen.decided_at) if frozen else None,
        decided=_told(frozen.counts if frozen else {}),
        held_back=_told(counts),
        recalled=rounded(recalled) if recalled else None,
        rules=tuple(journal.body(frozen.journal_id)["rules"]) if frozen else (),
    )


def _told(counts: Mapping[str, int]) -> dict[str, int]:
    return {reason: rounded(counts[reason]) for reason in REASONS if counts.get(reason)}
