"""Caps on how much one record's person is told (caps.toml), as they stand on the day of a decision.

What is counted are the rows of `policy_told`. A message in doubt counts whenever its doubt is declared again: rather
too little is said than too much. A cap does not travel over links: what does is that a person was told (travel.py).
"""

import datetime as dt
import functools
import tomllib
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

import pyarrow as pa
from django.db import connection
from pydantic import BaseModel, ConfigDict, Field

from ariyippu.base import clock
from ariyippu.grant import purposes
from ariyippu.notice.documents import Order

_TOLD = """
    select record from policy_told
    where register = %(register)s and purpose = any(%(purposes)s) and told_at > %(since)s
        and (%(records)s::bytea[] is null or record = any(%(records)s))
    group by record having count(*) >= %(messages)s"""


class Cap(BaseModel):
    """One cap; the keys are explained in caps.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purpose: str
    messages: int = Field(ge=1, le=31)
    days: int = Field(ge=1, le=366)
    in_force_from: dt.date
    in_force_until: dt.date | None = None  # the first day on which it holds no more

    @property
    def counted(self) -> list[str]:
        """The purposes whose messages it counts, and holds back."""
        below = (one for one in purposes.taxonomy().values() if purposes.is_at_or_below(one.id, self.purpose))
        return [one.id for one in below if not one.own_entitlement and not one.emergency]

    def holds_on(self, on: dt.date) -> bool:
        """On a day of India."""
        return self.in_force_from <= on and (self.in_force_until is None or on < self.in_force_until)


@functools.cache
def every() -> tuple[Cap, ...]:
    """All caps that ever stood, in the file's order."""
    text = resources.files(__package__).joinpath("caps.toml").read_text("utf-8")
    return tuple(Cap.model_validate(cap) for cap in tomllib.loads(text)["cap"])


def over(purpose: str, on: dt.date) -> Iterator[Cap]:
    """The caps that hold for a purpose on a day of India."""
    return (cap for cap in every() if cap.holds_on(on) and purpose in cap.counted)


def reached(order: Order) -> pa.Table:
    """The records (record: binary(16)) of the order's register that were told as often as a cap allows."""
    return pa.table({"record": pa.array(sorted(_reached(order, None)), pa.binary(16))})


def reached_by(order: Order, records: Sequence[bytes]) -> set[bytes]:
    """Those of these records: asked again at the hand-off."""
    return _reached(order, list(records))


def _reached(order: Order, records: list[bytes] | None) -> set[bytes]:
    found = set[bytes]()
    if order.corrects is not None:
        return found
    now = clock.now()
    with connection.cursor() as cursor:
        for cap in over(order.purpose, now.astimezone(clock.INDIA).date()):
            begins = dt.datetime.combine(cap.in_force_from, dt.time.min, clock.INDIA)
            asked: dict[str, Any] = {
                "register": order.register,
                "purposes": cap.counted,
                "messages": cap.messages,
                "since": max(begins, now - dt.timedelta(days=cap.days)),
                "records": records,
            }
            cursor.execute(_TOLD, asked)
            found |= {bytes(record) for (record,) in cursor.fetchall()}
    return found
