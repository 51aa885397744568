"""Kerala's basic land tax: rates by date, the kind of local body and the size of a holding, in paise.

Source: the State's budget of 2025 (press; in force from 1 April 2025). Unverified: whether the higher rate holds for
the whole of a larger holding, as it does here, or only for what exceeds the limit; when in the year the tax
falls due; whether the sum is rounded. A notice takes its amount from the register, never from here.
"""

import bisect
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

SQ_M_OF_ARE = 100


@dataclass(frozen=True)
class Rate:
    """Paise for an are: of a holding up to `limit_sq_m`, and of a larger one."""

    limit_sq_m: int
    paise: int
    paise_above: int


RATES: tuple[tuple[dt.date, Mapping[str, Rate]], ...] = (
    (
        dt.date(2025, 4, 1),
        {
            "PANCHAYAT": Rate(limit_sq_m=810, paise=750, paise_above=1200),
            "MUNICIPALITY": Rate(limit_sq_m=243, paise=1500, paise_above=2250),
            "CORPORATION": Rate(limit_sq_m=162, paise=3000, paise_above=4500),
        },
    ),
)
_IN_FORCE_FROM = [since for since, _ in RATES]


def annual_paise(area_sq_m: int, local_body_kind: str, on: dt.date) -> int:
    """A year's tax on a holding at the rates in force on a day, rounded to the nearest paisa, halves up.

    ValueError for a day before the first rates that stand here; KeyError for another kind of local body.
    """
    found = bisect.bisect(_IN_FORCE_FROM, on)
    if not found:
        raise ValueError("no rates of that time are known")
    rate = RATES[found - 1][1][local_body_kind]
    paise = rate.paise if area_sq_m <= rate.limit_sq_m else rate.paise_above
    return (area_sq_m * paise + SQ_M_OF_ARE // 2) // SQ_M_OF_ARE
