"""The five registers: who stands in each, and the columns that it has for itself.

`standing` chooses the people of each register from a chunk, one row for each record; `OWN_COLUMNS` fills what
written.py does not. Amounts follow dearness.py and landtax.py; offices, jobs and sanctions are invented.
"""

import datetime as dt
import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ariyippu.demo import dearness, landtax
from ariyippu.demo.kerala import names, people
from ariyippu.demo.kerala.draw import Draws, digits, remainder, scrambled
from ariyippu.demo.kerala.places import DISTRICTS, bodies
from ariyippu.demo.kerala.rates import Shares
from ariyippu.demo.kerala.written import NO_TEXT, Register, Written, mobile_text

HANDED_OVER_ON = dt.date(2026, 3, 1)
SERVICE_BORN, RETIRED_BORN, LATEST_BORN = 1966, 1969, 2003  # who stands in SPARK; until when they have retired
PENSION_BORN = 1965  # pensioners who have left SPARK
BUSINESS_BORN = (1956, 2003)
OWNER_BORN = 2000
FAMILY_SHARE = 0.25  # of pensions are a widow's
OWNING = {people.MAN: 2.2, people.WIFE: 0.7, people.CHILD: 0.5, people.FATHER: 1.6, people.MOTHER: 0.8}  # weights
COPIES = {"ksmart-business": (0.05,), "ksmart-property": (0.15, 0.03), "relis": (0.3, 0.08)}  # a second, a third
SANCTIONED_SHARE = 0.6
SANCTION = "G.O.(P) 9001/2026/Fin (invented)"
LAST_MONTH = dt.date(2024, 3, 1)  # the last one whose salary was paid without the sanctioned rate
FIRST_MONTHS = (dt.date(2021, 1, 1), dt.date(2022, 1, 1), dt.date(2023, 6, 1))  # when the service began to count
STAGES = (*range(23_000, 60_000, 900), *range(60_000, 167_000, 2_000))  # of pay, in whole rupees, invented
PENSIONS = tuple(range(11_500, 83_400, 700))  # whole rupees a month
OFFICES_OF_DISTRICT = 250  # drawing and disbursing officers
POSTED_ELSEWHERE = 0.1  # of employees work in another district than they live in
PEN_PRIME = 89_999_999


@dataclass(frozen=True)
class Eligible:
    """The share of all people whom a register can hold, as people.py makes them: measured; a test measures again."""

    service: float = 0.6134
    just_retired: float = 0.0563  # in SPARK as RETIRED, and in PRISM
    old: float = 0.2615
    old_wives: float = 0.1152
    business: float = 0.7606
    owners: float = 1.0081  # weighted by OWNING


ELIGIBLE = Eligible()


# --- who stands in which -------------------------------------------------------------------------------


def standing(chunk: pa.RecordBatch, shares: Shares, draws: Draws) -> dict[str, pa.RecordBatch]:
    """The records of each register: rows of the chunk with their `copy` (0, 1, 2) and `family` pension."""
    year = chunk["year"]
    spark = pc.and_(_between(year, SERVICE_BORN, LATEST_BORN), draws.happens("employed", _service(shares)))
    old = pc.less_equal(year, PENSION_BORN)
    pension, family = _pensions(shares)
    service = pc.and_(old, draws.happens("pension", pension))
    service = pc.or_(service, pc.and_(spark, pc.less_equal(year, RETIRED_BORN)))
    wives = pc.and_(old, pc.is_valid(chunk["husband"]))
    widow = pc.and_not(pc.and_(wives, draws.happens("family pension", family)), service)
    business = draws.happens("business", _chance(shares.ksmart_business, ELIGIBLE.business))
    building, land = draws.chances("building"), draws.chances("land")
    land = pc.if_else(draws.happens("land with building", shares.land_with_building), building, land)
    chosen = {
        "spark": spark,
        "prism": pc.or_(service, widow),
        "ksmart-business": pc.and_(_between(year, *BUSINESS_BORN), business),
        "ksmart-property": _owns(chunk, building, shares.ksmart_property),
        "relis": _owns(chunk, land, shares.relis),
    }
    chunk = chunk.append_column("family", widow)
    return {name: _copied(chunk, name, rows, draws) for name, rows in chosen.items()}


def _between(year: pa.Array, first: int, last: int) -> pa.Array:
    return pc.and_(pc.greater_equal(year, first), pc.less_equal(year, last))


def _chance(share: float, eligible: float) -> float:
    """For one who may stand in a register. ValueError when not so many can."""
    if share > eligible:
        raise ValueError(f"a share of {share} is more than the {eligible} whom the register can hold")
    return share / eligible


def _service(shares: Shares) -> float:
    return _chance(shares.spark, ELIGIBLE.service)


def _pensions(shares: Shares) -> tuple[float, float]:
    """The chances of a service pension, for the old, and of a family pension, for wives without one."""
    by_retirement = _service(shares) * ELIGIBLE.just_retired
    service = _chance(max(0.0, (1 - FAMILY_SHARE) * shares.prism - by_retirement), ELIGIBLE.old)
    return service, _chance(FAMILY_SHARE * shares.prism, ELIGIBLE.old_wives * (1 - service))


def _owns(chunk: pa.RecordBatch, chance: pa.Array, share: float) -> pa.Array:
    most = max(OWNING.values())
    likeliest = _chance(share, ELIGIBLE.owners / most)
    weights = pa.array([likeliest * weight / most for weight in OWNING.values()])
    return pc.and_(pc.less_equal(chunk["year"], OWNER_BORN), pc.less(chance, weights.take(chunk["role"])))


def _copied(chunk: pa.RecordBatch, name: str, rows: pa.Array, draws: Draws) -> pa.RecordBatch:
    """These rows; some of them twice or more, next to each other."""
    more = draws.chances(f"more of {name}")
    masks = [rows, *(pc.and_(rows, pc.less(more, share)) for share in COPIES.get(name, ()))]
    at = [pc.indices_nonzero(mask) for mask in masks]
    table = pa.table(
        {
            "at": pa.concat_arrays(at),
            "copy": pa.concat_arrays([pa.repeat(pa.scalar(n, pa.int64()), len(part)) for n, part in enumerate(at)]),
        }
    ).sort_by([("at", "ascending"), ("copy", "ascending")])
    found = chunk.take(table["at"].combine_chunks())
    return found.append_column("copy", table["copy"].combine_chunks())


# --- columns of their own ------------------------------------------------------------------------------

Columns = dict[str, Any]


def _picked(draws: Draws, question: str, choices: Sequence[str | None]) -> pa.Array:
    return draws.turned(question, pa.array(choices, pa.string()))


def _money(paise: pa.Array) -> pa.Array:
    whole = pc.divide(paise, 100)
    return pc.binary_join_element_wise(whole.cast(pa.string()), digits(remainder(paise, 100), 2), ".")


def _once(draws: Draws, records: pa.RecordBatch) -> pa.Array:
    """A number for each record, like no other's and in no order."""
    return scrambled(pc.add(pc.multiply(records["number"], 4), records["copy"]))


def _district(written: Written, register: Register) -> pa.Array:
    return register.places.district.take(written.ward)


_DISTRICT_NAMES = pa.array([district.name for district in DISTRICTS])
_JOBS = ("Clerk", "Senior Clerk", "Head Clerk", "Teacher", "Staff Nurse", "Overseer", "Driver", "Junior Superintendent")
_DEPARTMENTS = ("General Education", "Health Services", "Public Works", "Land Revenue", "Forest", "Treasuries")
_SERVICES = ("STATE",) * 20 + ("SUBORDINATE",) * 60 + ("LAST GRADE",) * 18 + ("JUDICIAL",) * 2
_TRADES = ("Stores", "Textiles", "Bakery", "Traders", "Medicals", "Tailoring", "Electricals", "Hotel", "Furniture")


@dataclass(frozen=True)
class _Amounts:
    """By one number: the monthly sum, the arrears and the month from which they count, as text."""

    monthly: pa.Array
    arrears: pa.Array
    since: pa.Array


@functools.cache
def _pay() -> _Amounts:
    """Employees by stage, first month and month of increment: they came to their pay by yearly increments."""
    rows = []
    for first, increment in itertools.product(FIRST_MONTHS, range(1, 13)):
        months = list(dearness.months(first, LAST_MONTH))
        steps = [sum(later.month == increment for later in months if later > month) for month in months]
        for stage in range(len(STAGES)):
            basic = {month: STAGES[max(0, stage - step)] for month, step in zip(months, steps, strict=True)}
            rows.append((STAGES[stage], dearness.arrears_paise(basic), first))
    return _amounts(rows)


@functools.cache
def _pension() -> _Amounts:
    """Pensioners by pension and first month; dearness relief has the rates of dearness allowance."""
    rows = []
    for first, pension in itertools.product(FIRST_MONTHS, PENSIONS):
        relief = dearness.arrears_paise(dict.fromkeys(dearness.months(first, LAST_MONTH), pension))
        rows.append((pension, relief, first))
    return _amounts(rows)


def _amounts(rows: list[tuple[int, int, dt.date]]) -> _Amounts:
    return _Amounts(
        monthly=pa.array([f"{rupees}.00" for rupees, _, _ in rows]),
        arrears=pa.array([f"{paise // 100}.{paise % 100:02}" for _, paise, _ in rows]),
        since=pa.array([f"{first:%m/%Y}" for _, _, first in rows]),
    )


def _with_arrears(amounts: _Amounts, draws: Draws, what: tuple[str, str, str]) -> Columns:
    """The columns of a monthly sum and its arrears; `what` names the sum, the percentages, the arrears."""
    monthly, percent, arrears = what
    which = draws.below("amount", len(amounts.monthly))
    sanctioned = draws.happens("sanctioned", SANCTIONED_SHARE)
    return {
        monthly: amounts.monthly.take(which),
        f"{percent}_percent_paid": pa.repeat(str(dearness.paid_percent(LAST_MONTH)), draws.rows),
        f"{percent}_percent_due": pa.repeat(str(dearness.due_percent(LAST_MONTH)), draws.rows),
        arrears: pc.if_else(sanctioned, amounts.arrears.take(which), "0.00"),
        "arrears_from": pc.if_else(sanctioned, amounts.since.take(which), NO_TEXT),
        "arrears_to": pc.if_else(sanctioned, f"{LAST_MONTH:%m/%Y}", NO_TEXT),
        "sanction_reference": pc.if_else(sanctioned, SANCTION, NO_TEXT),
    }


def _spark(records: pa.RecordBatch, written: Written, register: Register, draws: Draws) -> Columns:
    common = written.columns
    home = _district(written, register)
    posted = draws.happens("posted elsewhere", POSTED_ELSEWHERE)
    district = pc.if_else(posted, draws.below("district", len(DISTRICTS)), home)
    office = draws.below("office", OFFICES_OF_DISTRICT)
    at_work = pc.if_else(records["died"], "DECEASED", "IN SERVICE")
    return _with_arrears(_pay(), draws, ("basic_pay", "da", "arrears")) | {
        "pen": pc.add(scrambled(records["number"], PEN_PRIME), 10_000_000).cast(pa.string()),
        "name": common["name"],
        "designation": _picked(draws, "job", _JOBS),
        "ddo_code": pc.binary_join_element_wise(digits(pc.add(district, 1), 2), digits(office, 8), ""),
        "department": _picked(draws, "department", _DEPARTMENTS),
        "date_of_birth": common["born"],
        "district": _DISTRICT_NAMES.take(district),
        "service_status": pc.if_else(pc.less_equal(records["year"], RETIRED_BORN), "RETIRED", at_work),
        "cadre": _picked(draws, "service", _SERVICES),
        "mobile": common["mobile"],
        "email": common["email"],
        "gender": common["gender"],
        "guardian": common["guardian"],
        "house": common["house"],
        "local_body": common["locality"],
    }


def _prism(records: pa.RecordBatch, written: Written, register: Register, draws: Draws) -> Columns:
    common = written.columns
    district = _district(written, register)
    ended = pc.and_(records["family"], draws.happens("ended", 0.03))
    number = digits(scrambled(records["number"]), 9)
    letter = pc.if_else(records["family"], "F", "S")
    return _with_arrears(_pension(), draws, ("pension", "dr", "dr_arrears")) | {
        "ppo": pc.binary_join_element_wise(digits(pc.add(district, 1), 2), number, letter, "/"),
        "name": common["name"],
        "gender": common["gender"],
        "guardian": common["guardian"],
        "date_of_birth": common["born"],
        "house": common["house"],
        "local_body": common["locality"],
        "district": _DISTRICT_NAMES.take(district),
        "treasury": pc.binary_join_element_wise("Sub Treasury ", _picked(draws, "treasury", "12345678"), ""),
        "pension_type": pc.if_else(records["family"], "FAMILY", "SERVICE"),
        "class": _picked(draws, "service", _SERVICES),
        "status": pc.if_else(records["died"], "DECEASED", pc.if_else(ended, "CEASED", "LIVE")),
        "mobile": common["mobile"],
        "email": common["email"],
    }


def _tenant(written: Written, register: Register) -> Columns:
    """The columns by which a local body names a place."""
    body = register.places.body.take(written.ward)
    return {
        "local_body_code": bodies().code.take(body),
        "local_body": written.columns["locality"],
        "ward": register.places.ward.take(written.ward).cast(pa.string()),
        "district": _DISTRICT_NAMES.take(_district(written, register)),
    }


def _business(records: pa.RecordBatch, written: Written, register: Register, draws: Draws) -> Columns:
    common, tenant = written.columns, _tenant(written, register)
    number = digits(_once(draws, records), 9)
    trade = _picked(draws, "trade", _TRADES)
    owner = names.load().given_text(records["given"], pa.repeat(pa.scalar(0), draws.rows))
    other = pc.if_else(draws.happens("named otherwise", 0.5), tenant["local_body"], owner)
    udyam = pc.binary_join_element_wise(
        "UDYAM-KL", digits(pc.add(_district(written, register), 1), 2), pc.utf8_slice_codeunits(number, 2, 9), "-"
    )
    mobile = mobile_text(records["number"], draws.happens("business's own", 0.7), draws)
    return tenant | {
        "licence_no": pc.binary_join_element_wise(tenant["local_body_code"], "L", number, "/"),
        "business_name": pc.binary_join_element_wise(other, trade, " "),
        "valid_until": _picked(draws, "until", ("31/03/2026",) * 7 + ("31/03/2025", "31/03/2027", "31/03/2030")),
        "udyam": pc.if_else(draws.happens("udyam", 0.45), udyam, NO_TEXT),
        "proprietor": common["name"],
        "guardian": common["guardian"],
        "date_of_birth": common["born"],
        "house": common["house"],
        "mobile": common["mobile"],
        "business_mobile": pc.if_else(draws.happens("business mobile", 0.85), mobile, NO_TEXT),
        "business_email": pc.if_else(
            pc.is_valid(common["email"]),
            pc.binary_join_element_wise("shop.", number, "@trade.example", ""),
            NO_TEXT,
        ),
    }


def _property(records: pa.RecordBatch, written: Written, register: Register, draws: Draws) -> Columns:
    common, tenant = written.columns, _tenant(written, register)
    first = draws.happens("first half-year", 0.15)
    number = digits(_once(draws, records), 9)
    place = pc.binary_join_element_wise(tenant["local_body_code"], tenant["ward"], "-")
    return tenant | {
        "assessment_no": pc.binary_join_element_wise(place, number, "-"),
        "owner": common["name"],
        "guardian": common["guardian"],
        "gender": common["gender"],
        "date_of_birth": common["born"],
        "house": common["house"],
        "half_year": pc.if_else(first, "2025-26/1", "2025-26/2"),
        "due_on": pc.if_else(first, "30/09/2025", "31/03/2026"),
        "tax": _money(pc.multiply(pc.add(draws.below("tax", 600), 12), 500)),
        "paid": pc.if_else(draws.happens("paid", 0.45), "YES", "NO"),
        "mobile": common["mobile"],
        "email": common["email"],
    }


def _relis(records: pa.RecordBatch, written: Written, register: Register, draws: Draws) -> Columns:
    common, body = written.columns, register.places.body.take(written.ward)
    kind = bodies().kind.take(body)
    area = pc.add(draws.below("area", 1900), 41)
    area = pc.if_else(draws.happens("field", 0.2), pc.multiply(area, 4), area)
    taxes = [
        landtax.annual_paise(*holding, HANDED_OVER_ON)
        for holding in zip(area.to_pylist(), kind.to_pylist(), strict=True)
    ]
    paid = draws.happens("paid", 0.4)
    other = register.places.in_other_village.take(written.ward)
    village = digits(pc.add(pc.multiply(body, 2), other.cast(pa.int64())), 5)
    return {
        "thandaper": pc.binary_join_element_wise(village, digits(_once(draws, records), 9), "-"),
        "district": _DISTRICT_NAMES.take(_district(written, register)),
        "taluk": bodies().taluk.take(body),
        "village": pc.if_else(other, bodies().other_village.take(body), common["locality"]),
        "local_body_kind": kind,
        "holder": common["name"],
        "guardian": common["guardian"],
        "house": common["house"],
        "area_sq_m": area.cast(pa.string()),
        "financial_year": pa.repeat("2025-26", draws.rows),
        "amount_due": pc.if_else(paid, "0.00", _money(pa.array(taxes, pa.int64()))),
        "last_receipt_on": _last_receipt(paid, draws),
        "mobile": common["mobile"],
    }


def _last_receipt(paid: pa.Array, draws: Draws) -> pa.Array:
    """Within the financial year if the tax is paid, else of an earlier year or unknown."""
    day, month = digits(pc.add(draws.below("day", 28), 1), 2), digits(pc.add(draws.below("month", 9), 4), 2)
    year = pc.if_else(paid, "2025", _picked(draws, "year", ("2024", "2024", "2023", "2021", None)))
    return pc.binary_join_element_wise(day, month, year, "/")


OWN_COLUMNS: dict[str, Callable[[pa.RecordBatch, Written, Register, Draws], Columns]] = {
    "spark": _spark,
    "prism": _prism,
    "ksmart-business": _business,
    "ksmart-property": _property,
    "relis": _relis,
}
