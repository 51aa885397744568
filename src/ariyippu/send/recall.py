"""Recalls: a carrier is asked to cancel what it accepted before a stay came, as long as it may still deliver it.

    intended     a row without a code, committed before the first byte (track/recalls.py)
    asked        take(): in one worker's hands; asked again after AGAIN_S without a final word, whatever the cause
    answered     keep(): its code. Whether the message is recalled is what the codes of all its ids say

A crash at any instant leaves a row that is asked about again. That does no harm to the message; but a carrier that
had cancelled it may then say that there is nothing to cancel, and only a receipt tells better.
"""

from collections.abc import Mapping

from ariyippu.base import clock, driver

AGAIN_S = 120  # longer than a carrier takes to connect and to answer: the first answer is kept first
TOO_LATE = "local.too_late"  # its time was over before the carrier gave a final word

# SQL: which carrier gave an id, as choice.kept_id wrote it: the channel's first carrier has the channel's name.
CARRIER = """case position('/' in {id}) when 0 then 'sms' else split_part({id}, '/', 1) end"""

_TAKE = f"""
    update send_recall set asked_at = now() where id in (
        select r.id from send_recall r join send_batch b on b.id = r.batch_id
        where r.code is null and (r.asked_at is null or r.asked_at < now() - make_interval(secs => {AGAIN_S}))
            and b.valid_until > %s and {CARRIER.format(id="r.provider_id")} = %s
        order by r.id limit %s for update of r skip locked)
    returning provider_id, id"""  # noqa: S608  constants
_KEEP = """
    update send_recall r set code = answered.code
    from unnest(%s::bigint[], %s::text[]) as answered (id, code) where r.id = answered.id and r.code is null"""


def take(carrier: str, at_most: int) -> dict[str, int]:
    """What this carrier is to be asked about now, in the asker's hands from here on: {id: row}."""
    with driver.cursor() as cursor:
        cursor.execute(_TAKE, [clock.now(), carrier, at_most], prepare=True)
        return dict(cursor.fetchall())


def keep(asked: Mapping[str, int], codes: Mapping[str, str]) -> None:
    """Keep the final words among what was asked about. The rest is asked about again."""
    with driver.cursor() as cursor:
        cursor.execute(_KEEP, [[asked[one] for one in codes], list(codes.values())])


def give_back(asked: Mapping[str, int]) -> None:
    """Nobody was asked: these may be taken again at once."""
    with driver.cursor() as cursor:
        cursor.execute("update send_recall set asked_at = null where id = any(%s)", [list(asked.values())])
