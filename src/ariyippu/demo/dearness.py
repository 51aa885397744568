"""Dearness allowance on Kerala's 2019 pay scales: what was due, what was paid, and the arrears between.

Source: the State's public government orders, named beside each rate where known. A rate is never a grant:
a notice about arrears needs the sanction's own reference.
"""

import bisect
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """`percent` of basic pay is due from one month and was paid with the salary from a later one."""

    due_from: dt.date
    percent: int
    paid_from: dt.date
    order: str


def _rate(due: str, percent: int, paid: str, order: str = "") -> Rate:
    return Rate(dt.date.fromisoformat(f"{due}-01"), percent, dt.date.fromisoformat(f"{paid}-01"), order)


RATES = (
    _rate("2019-07", 0, "2021-03"),
    _rate("2020-01", 4, "2021-03"),
    _rate("2020-07", 7, "2021-03"),
    _rate("2021-01", 9, "2024-04", "G.O.(P) 17/2024 of 2024-03-12"),
    _rate("2021-07", 12, "2024-10", "G.O.(P) 91/2024 of 2024-10-26"),
    _rate("2022-01", 15, "2025-04", "G.O.(P) 29/2025 of 2025-03-20"),
    _rate("2022-07", 18, "2025-08", "G.O.(P) 105/2025 of 2025-08-25"),
    _rate("2023-01", 22, "2025-10", "G.O.(P) 135/2025 of 2025-10-30"),
    _rate("2023-07", 25, "2026-02", "G.O.(P) 15/2026 of 2026-02-04"),
    _rate("2024-01", 28, "2026-03", "G.O.(P) 27/2026 of 2026-02-20"),
    _rate("2024-07", 31, "2026-03", "G.O.(P) 27/2026 of 2026-02-20"),
    _rate("2025-01", 33, "2026-03", "G.O.(P) 27/2026 of 2026-02-20"),
    _rate("2025-07", 35, "2026-03", "G.O.(P) 27/2026 of 2026-02-20"),
)
_DUE_FROM = [rate.due_from for rate in RATES]
_PAID_FROM = [rate.paid_from for rate in RATES]


def due_percent(month: dt.date) -> int:
    """The percentage that was due in a month (any day of it). 0 before the scales of 2019."""
    found = bisect.bisect(_DUE_FROM, month)
    return RATES[found - 1].percent if found else 0


def paid_percent(month: dt.date) -> int:
    """The percentage that was paid with that month's salary."""
    found = bisect.bisect(_PAID_FROM, month)
    return RATES[found - 1].percent if found else 0


def months(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """The first day of every month from that of `first` to that of `last`, both included."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + dt.timedelta(days=31)).replace(day=1)


def arrears_paise(basic_by_month: Mapping[dt.date, int]) -> int:
    """The arrears in paise of a person whose basic pay was so many whole rupees in each month.

    A month's arrear is basic x (due % - paid %); a percentage of whole rupees is whole paise, so nothing is rounded.
    """
    return sum(
        basic_rupees * (due_percent(month) - paid_percent(month)) for month, basic_rupees in basic_by_month.items()
    )
