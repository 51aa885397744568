"""Receipts settle what was accepted, and what is unknown: delivered, or not.

    a carrier's receipt, by its own id    keep() -> early -> match() -> beside its outcome
    mail that came back, by our token     keep_message()             -> beside its outcome

Receipts of one message are folded where they meet (receipts.settled, as SQL), so that out of order, doubled
or early, the same receipts give the same state. An id that no outcome has after EARLY_S was never sent by
this vault: it is dropped and counted.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from django.db import connection, transaction

from ariyippu.base import clock
from ariyippu.send.carriers import Arrival, Receipt
from ariyippu.send.tokens import Place
from ariyippu.track.recalls import ASKED, OF_ORDER, RECALLED
from ariyippu.track.receipts import State, Word, of_receipt, settled

EARLY_S = 86_400
MATCH_AT_ONCE = 10_000

Kind = Literal["never_sent", "unreadable"]


def keep(arrived: Iterable[Arrival], dead_codes: Collection[str] = ()) -> None:
    """Keep a carrier's receipts, and settle those whose outcomes are committed. `dead_codes`: see of_receipt."""
    words: dict[str, list[Word]] = {}
    for receipt in arrived:
        if isinstance(receipt, Receipt) and (word := of_receipt(receipt, dead_codes)):
            words.setdefault(receipt.provider_id, []).append(word)
    rows = [(provider_id, *settled(found)) for provider_id, found in sorted(words.items())]
    if not rows:
        return
    ids, states, codes = zip(*rows, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into track_early as kept (provider_id, state, code, came_at)
               select *, %s from unnest(%s::text[], %s::int[], %s::text[])
               on conflict (provider_id) do update set state = excluded.state, code = excluded.code
               where (excluded.state, excluded.code) > (kept.state, kept.code)""",
            [clock.now(), list(ids), list(states), list(codes)],
        )
    match(ids)


def match(provider_ids: Sequence[str] | None = None) -> int:
    """Bring early receipts, of these ids or all, beside outcomes that are committed by now; how many found theirs.

    Rows that another thread is matching are left to it.
    """
    ids = None if provider_ids is None else list(provider_ids)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """with found as (
                   select e.provider_id, o.batch_id, o.position
                   from track_early e
                   join send_outcome o on o.provider_id = e.provider_id
                   join send_batch b on b.id = o.batch_id and b.channel = 'sms'  -- e-mail has its own ids
                   where %s::text[] is null or e.provider_id = any(%s)
                   limit %s for update of e skip locked
               ), matched as (
                   delete from track_early e using found f where f.provider_id = e.provider_id
                   returning f.batch_id, f.position, e.state, e.code
               )
               insert into track_message as kept (batch_id, position, state, code)
               select distinct on (batch_id, position) * from matched order by 1, 2, 3 desc, 4 desc
               on conflict (batch_id, position) do update set state = excluded.state, code = excluded.code
               where (excluded.state, excluded.code) > (kept.state, kept.code)""",
            [ids, ids, MATCH_AT_ONCE],
        )
        return int(cursor.rowcount)


def keep_message(place: Place, word: Word) -> None:
    """Keep a word about the message at this place, which whoever calls this has found to be ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into track_message as kept (batch_id, position, state, code) values (%s, %s, %s, %s)
               on conflict (batch_id, position) do update set state = excluded.state, code = excluded.code
               where (excluded.state, excluded.code) > (kept.state, kept.code)""",
            [place.batch, place.position, word.state.value, word.code],
        )


def drop_never_sent() -> None:
    """Count and forget the receipts whose ids no outcome had for EARLY_S."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("delete from track_early where came_at < %s", [clock.now() - dt.timedelta(seconds=EARLY_S)])
        ignore("never_sent", cursor.rowcount)


def ignore(kind: Kind, count: int = 1) -> None:
    """Count what came and was no receipt of ours."""
    if count:
        with connection.cursor() as cursor:
            cursor.execute(
                """insert into track_ignored as kept (kind, count) values (%s, %s)
                   on conflict (kind) do update set count = kept.count + excluded.count""",
                [kind, count],
            )


def outcomes(order: str) -> dict[str, dict[str, int]]:
    """{channel: {outcome: count}} of an order, exact, receipts included; for the vault only.

    Outcomes: accepted (no receipt yet), delivered, undelivered, recalled, refused, unknown, gave_up, withheld, waiting.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            select b.channel,
                   case when {RECALLED} then 'recalled'
                        when o.outcome not in ('accepted', 'unknown') or r.state is null then o.outcome
                        when r.state = %s then 'delivered'
                        else 'undelivered' end,
                   count(*)
            from send_batch b
            join send_outcome o on o.batch_id = b.id
            left join track_message r on r.batch_id = o.batch_id and r.position = o.position
            left join ({ASKED.format(which=OF_ORDER)}) c on c.batch_id = o.batch_id and c.position = o.position
            where b."order" = %s
            group by 1, 2 order by 1, 2
            """,  # noqa: S608  constants
            [State.DELIVERED.value, order, order],
        )
        counts: dict[str, dict[str, int]] = {}
        for channel, outcome, count in cursor.fetchall():
            counts.setdefault(channel, {})[outcome] = count
        cursor.execute('select channel, sum(size) from send_batch where "order" = %s group by 1', [order])
        for channel, size in cursor.fetchall():
            settled_so_far = counts.setdefault(channel, {})
            if waiting := int(size) - sum(settled_so_far.values()):
                settled_so_far["waiting"] = waiting
        return counts
