"""On which channel people would be told first: what the decision reads beside objections (policy/objections.py).

A preference chooses among the ways that are left when every rule has been asked. It closes none, and opens none:
who objected is told on no channel, whichever they prefer (docs/adr/0023).
"""

from collections.abc import Sequence

from django.db import connection

from ariyippu.base import clock
from ariyippu.notice.documents import Channel
from ariyippu.policy.models import Preference


def record(register: str, records: Sequence[bytes], channel: Channel) -> int:
    """Keep it for each record's person, in place of what they said before; how many say something new."""
    with connection.cursor() as cursor:
        cursor.execute(
            """insert into policy_preference (register, record, channel, stated_at)
               select %s, r, %s, %s from (select distinct unnest(%s::bytea[]) as r) as stated
               on conflict (register, record) do update
               set channel = excluded.channel, stated_at = excluded.stated_at
               where policy_preference.channel <> excluded.channel""",
            [register, channel, clock.now(), list(records)],
        )
        return int(cursor.rowcount)


def forget(register: str, records: Sequence[bytes]) -> int:
    """These people prefer nothing any more; how many did."""
    return Preference.objects.filter(register=register, record__in=list(records)).delete()[0]
