"""People who answered STOP to an SMS: their objection, found by the number's keyed token.

    carrier -> keep(): the token alone, kept before the provider is told that it arrived
    turn    -> resolve(): the records that have this number, in every register's latest snapshot, object to
               everything that is not a notice of their own entitlement (docs/adr/0015)

One search of the registers answers for all who wrote within SETTLE_S. A number that no register has is
counted and forgotten.
"""

import datetime as dt
from collections.abc import Collection, Iterable

import pyarrow as pa
from django.db import connection

from ariyippu.base import clock, engine
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.ingest.models import Snapshot
from ariyippu.ingest.seal import contact_tokens
from ariyippu.ingest.snapshot import manifest, open_records
from ariyippu.policy import objections
from ariyippu.send.carriers import Arrival, Stop
from ariyippu.track import settle
from ariyippu.track.contacts import latest

SETTLE_S = 60


def keep(arrived: Iterable[Arrival], keyring: Keyring) -> None:
    """Keep who answered STOP, as tokens; what is no number of ours in form is nobody's."""
    stops = [arrival for arrival in arrived if isinstance(arrival, Stop)]
    numbers = sorted({number for stop in stops if (number := normal(stop.number))})
    tokens = [token for token in contact_tokens("mobile", numbers, keyring) if token is not None]
    if tokens:
        with connection.cursor() as cursor:
            cursor.execute(
                """insert into track_stop (token, came_at) select token, %s from unnest(%s::bytea[]) as token
                   order by token on conflict (token) do nothing""",
                [clock.now(), tokens],
            )


def resolve(home: Home, keyring: Keyring) -> int:
    """Record the objections of those who wrote SETTLE_S ago or earlier, with all who wrote since; how many wrote.

    A crash in between records them again: nothing is doubled. RefusedError `file.damaged`.
    """
    due = clock.now() - dt.timedelta(seconds=SETTLE_S)
    with connection.cursor() as cursor:
        cursor.execute(
            "select token from track_stop where exists (select from track_stop where came_at <= %s)",
            [due],
        )
        tokens = [bytes(token) for (token,) in cursor.fetchall()]
        if not tokens:
            return 0
        known: set[bytes] = set()
        for register in Snapshot.objects.order_by("register").values_list("register", flat=True).distinct():
            found = _records(latest(register), tokens, home, keyring)
            known |= {token for token, _record in found}
            records = sorted({record for _token, record in found})
            objections.record_objections(register, records, objections.ALL_BUT_OWN)
        settle.ignore("never_sent", len(set(tokens) - known))
        cursor.execute("delete from track_stop where token = any(%s)", [tokens])
    return len(tokens)


def _records(snapshot: str, tokens: Collection[bytes], home: Home, keyring: Keyring) -> list[tuple[bytes, bytes]]:
    """(token, record) of a snapshot's records that have one of these numbers."""
    columns = manifest(home, snapshot).columns
    mobiles = [f"{name}_token" for name, column in columns.items() if column.type == "mobile"]
    found: list[tuple[bytes, bytes]] = []
    with engine.readable(f"The snapshot {snapshot}"), engine.connect() as relations:
        relations.register("asked", pa.table({"token": pa.array(tokens, pa.binary(16))}))
        for mobile in mobiles:
            relations.register("records", open_records(home, keyring, snapshot, ["record", mobile]))
            named = relations.sql(
                f'select "{mobile}", record from records where "{mobile}" in (select token from asked)'  # noqa: S608
            )
            found += named.fetchall()
    return found


def normal(number: str) -> str | None:
    """+91 and ten digits, however the provider writes it."""
    digits = number.removeprefix("+").lstrip("0") if number.startswith(("+", "00")) else number
    if not (digits.isascii() and digits.isdigit()):
        return None
    digits = digits if len(digits) == 12 and digits.startswith("91") else f"91{digits}"
    return f"+{digits}" if len(digits) == 12 else None
