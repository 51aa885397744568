"""An invented SPARK file, as the pay system would hand it over. Nobody in it exists.

Names are combined from syllables, mobiles begin with 0 (no such number rings), e-mail addresses are under
.example (RFC 2606), designations and offices are general. The arrears follow from dearness.py.
"""

import datetime as dt
import functools
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ariyippu.demo import dearness

T = TypeVar("T")

HEADER = (
    "PEN,Name,Designation,DDO code,Department,Date of Birth,District,Basic Pay,DA percent paid,DA percent due,"
    "Arrears,Arrears from,Arrears to,Sanction reference,Service status,Cadre,Mobile,E-mail"
)
FIRST_PEN = 100_000
LAST_MONTH = dt.date(2024, 3, 1)  # the last one whose salary was paid without the sanctioned rate
FIRST_MONTHS = (dt.date(2021, 1, 1), dt.date(2022, 1, 1), dt.date(2023, 6, 1))  # when the service began to count
SANCTION = "G.O.(P) 9001/2026/Fin (invented)"
SANCTIONED_SHARE = 0.6
OFFICES = 250  # drawing and disbursing officers of a district

_STARTS = ("Ab", "An", "Bee", "Cha", "De", "Fa", "Gee", "Ha", "In", "Ja", "Ka", "La", "Ma", "Na", "Pra", "Ra", "Sa")
_ENDS = ("dhu", "jith", "kumari", "leena", "mohan", "nadh", "reena", "sila", "thara", "vathi")
_HOUSES = ("Kizhakke", "Vadakke", "Thekke", "Padinjare", "Puthen")
_PLACES = ("parambil", "veettil", "purackal", "kandathil")
_JOBS = ("Clerk", "Senior Clerk", "Head Clerk", "Teacher", "Staff Nurse", "Overseer", "Driver", "Junior Superintendent")
_DEPARTMENTS = ("General Education", "Health Services", "Public Works", "Land Revenue", "Forest", "Treasuries")
_DISTRICTS = (
    "ALAPPUZHA",
    "ERNAKULAM",
    "IDUKKI",
    "KANNUR",
    "KASARAGOD",
    "KOLLAM",
    "KOTTAYAM",
    "KOZHIKODE",
    "MALAPPURAM",
    "PALAKKAD",
    "PATHANAMTHITTA",
    "THIRUVANANTHAPURAM",
    "THRISSUR",
    "WAYANAD",
)
_STATUSES = ("IN SERVICE",) * 93 + ("RETIRED",) * 6 + ("DECEASED",)
_CADRES = ("STATE",) * 20 + ("SUBORDINATE",) * 60 + ("LAST GRADE",) * 18 + ("JUDICIAL",) * 2
_PERCENT_PAID = str(dearness.paid_percent(LAST_MONTH))
_PERCENT_DUE = str(dearness.due_percent(LAST_MONTH))
_MOBILE_FORMS: tuple[Callable[[str], str], ...] = (
    lambda number: number,
    lambda number: number,
    lambda number: "+91" + number,
    lambda number: f"+91 {number[:5]} {number[5:]}",
    lambda number: f"91{number}",
    lambda number: f"{number[:5]}-{number[5:]}",
)
NAMES = tuple(
    f"{start}{end} {initial} {house}{place}"
    for start in _STARTS
    for end in _ENDS
    for initial in "ABCJKMNPRSTV"
    for house in _HOUSES
    for place in _PLACES
)
STAGES = tuple(range(23_000, 60_000, 900)) + tuple(range(60_000, 167_000, 2_000))  # in whole rupees, invented


def write_example(path: Path, *, rows: int, seed: int, bad_share: float) -> Mapping[str, int]:
    """Write `rows` rows as CSV (UTF-8, one line each); the same seed, the same bytes.

    About `bad_share` of them are broken on purpose; returns how many by the reason of their quarantine.
    """
    rng = random.Random(seed)  # noqa: S311  an example must be repeatable, not secret
    broken: Counter[str] = Counter()
    with path.open("wb") as file:
        file.write(HEADER.encode() + b"\n")
        for number in range(rows):
            line = _line(rng, number).encode()
            if rng.random() < bad_share and number:
                reason = rng.choice(REASONS)
                line = _BREAKAGES[reason](line.split(b","))
                broken[reason] += 1
            file.write(line + b"\n")
    return broken


@dataclass(frozen=True)
class _Pay:
    basic_rupees: int
    arrears: str  # rupees, two decimals
    arrears_from: str  # MM/YYYY


@functools.cache
def _pay(stage: int, first: dt.date, increment_month: int) -> _Pay:
    """The present pay, and the arrears of someone who came to it by yearly increments."""
    basic: dict[dt.date, int] = {}
    for month in reversed(list(dearness.months(first, LAST_MONTH))):
        basic[month] = STAGES[stage]
        if month.month == increment_month and stage:
            stage -= 1  # before that month the pay was one stage lower
    paise = dearness.arrears_paise(basic)
    return _Pay(basic[LAST_MONTH], f"{paise // 100}.{paise % 100:02}", f"{first:%m/%Y}")


def _line(rng: random.Random, number: int) -> str:
    chance = rng.random
    pay = _pay(int(chance() * len(STAGES)), _pick(FIRST_MONTHS, chance()), 1 + int(chance() * 12))
    name = _pick(NAMES, chance())
    district = int(chance() * len(_DISTRICTS))
    born = f"{1 + int(chance() * 28):02}/{1 + int(chance() * 12):02}/{1966 + int(chance() * 36)}"
    sanctioned = chance() < SANCTIONED_SHARE
    arrears = (pay.arrears, pay.arrears_from, f"{LAST_MONTH:%m/%Y}", SANCTION) if sanctioned else ("0.00", "", "", "")
    return ",".join(
        (
            str(FIRST_PEN + number),
            name,
            _pick(_JOBS, chance()),
            f"{district + 1:02}{int(chance() * OFFICES):08}",
            _pick(_DEPARTMENTS, chance()),
            born,
            _DISTRICTS[district],
            f"{pay.basic_rupees}.00",
            _PERCENT_PAID,
            _PERCENT_DUE,
            *arrears,
            _pick(_STATUSES, chance()),
            _pick(_CADRES, chance()),
            _mobile(chance(), number),
            _email(chance(), name, number),
        )
    )


def _pick(choices: Sequence[T], chance: float) -> T:
    return choices[int(chance * len(choices))]


def _mobile(chance: float, number: int) -> str:
    """Missing for one in twenty-five, shared by a couple for one in a hundred, else the row's own."""
    if chance < 0.04:
        return ""
    own = number - 1 if chance > 0.99 else number
    # 7919 has no factor in common with 10**9: rows have different numbers
    return _pick(_MOBILE_FORMS, chance)(f"0{own * 7919 % 10**9:09}")


def _email(chance: float, name: str, number: int) -> str:
    """For seven in ten."""
    host = "mail.example" if chance < 0.5 else "Post.example"
    return f"{name.split(' ', 1)[0].lower()}.{number}@{host}" if chance < 0.7 else ""


# --- rows that are broken on purpose: by the reason why they go to the quarantine ---------------------

_PLACES_OF = {header: place for place, header in enumerate(HEADER.split(","))}


def _with(header: str, value: bytes) -> Callable[[list[bytes]], bytes]:
    place = _PLACES_OF[header]
    return lambda fields: b",".join([*fields[:place], value, *fields[place + 1 :]])


def _doubled(fields: list[bytes]) -> bytes:
    return b",".join([str(FIRST_PEN).encode(), *fields[1:]])  # the first row is never broken


_BREAKAGES: dict[str, Callable[[list[bytes]], bytes]] = {
    "not_an_email": _with("E-mail", b"somebody(at)mail.example"),
    "not_a_mobile": _with("Mobile", b"0471-555"),
    "pattern": _with("PEN", b"12A456"),
    "missing": _with("Name", b""),
    "undecodable": _with("Name", b"\xfd\xfd\xfd\xfd"),
    "not_a_date": _with("Date of Birth", b"31/02/1980"),
    "not_in_values": _with("District", b"MALABAR"),
    "not_a_number": _with("Basic Pay", b"453OO.00"),
    "quoting": _with("Designation", b'"Clerk'),
    "fields": lambda fields: b",".join(fields[:-1]),
    "doubled_key": _doubled,
}

REASONS = tuple(_BREAKAGES)
