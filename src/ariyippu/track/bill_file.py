"""A carrier's bill or delivery statement: a CSV whose columns settings.toml names. Pure.

    octets -> read() -> lines: row, id, date, segments, charge, recipient

Rows are numbered as a spreadsheet shows them. The first cell that cannot be read refuses the whole file: a bill
that is half understood proves nothing. No message quotes a value: a bill may hold numbers of people.
"""

import csv
import datetime as dt
import functools
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import BinaryIO

from ariyippu.base.clock import INDIA
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import BillSettings

MAX_LINES = 2_000_000  # they are compared in memory: who has more splits the file by date
MAX_ID = 64

_SEGMENTS = re.compile(r"[0-9]{1,3}", re.ASCII)
_CHARGE = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,6})?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """One line of a bill. Its repr shows nothing of it: it may name a person's number."""

    row: int
    id: str
    sent_on: dt.date  # in India
    segments: int | None = None
    charge: Decimal | None = None  # rupees
    recipient: str | None = None


def read(file: BinaryIO, named: BillSettings) -> Iterator[Line]:
    """The lines that are not empty.

    RefusedError `bill.no_column`, `bill.bad_cell` and `bill.unreadable` name row and column, `bill.too_long`.
    """
    encoding = "utf-8-sig" if named.encoding == "utf-8" else named.encoding
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    rows = csv.reader(text, delimiter=named.delimiter, strict=True)
    row = 1
    try:
        columns = _columns(next(rows, []), named)
        for row, cells in enumerate(rows, 2):
            if not any(cells):
                continue
            if row > MAX_LINES:
                raise RefusedError("bill.too_long", f"A bill has at most {MAX_LINES} rows: split it by date.")
            yield _line(row, cells, columns, named)
    except (csv.Error, UnicodeError):
        raise RefusedError("bill.unreadable", f"Row {row} or the one after it is not {named.encoding} CSV.") from None


def _columns(header: Sequence[str], named: BillSettings) -> Mapping[str, int]:
    """Where each column that the settings name stands."""
    found = {}
    for field in ("id", "sent_on", "segments", "charge", "recipient"):
        name = getattr(named, field)
        if name is None:
            continue
        if header.count(name) != 1:
            raise RefusedError("bill.no_column", f"Row 1 must hold the column {name!r} once: settings.toml names it.")
        found[field] = header.index(name)
    return found


def _line(row: int, cells: Sequence[str], columns: Mapping[str, int], named: BillSettings) -> Line:
    def cell(field: str) -> str:
        if columns[field] >= len(cells):
            raise _bad(row, getattr(named, field), "the row ends before it")
        return cells[columns[field]].strip()

    number = cell("id")
    if not number or len(number) > MAX_ID or _CONTROL.search(number):
        raise _bad(row, named.id, "not an id")
    return Line(
        row,
        number,
        _date(row, cell("sent_on"), named),
        _segments(row, cell("segments"), named) if named.segments else None,
        _charge(row, cell("charge"), named) if named.charge else None,
        cell("recipient") if named.recipient else None,
    )


def _date(row: int, text: str, named: BillSettings) -> dt.date:
    try:
        return _india_s(text, named.date_format)
    except ValueError:
        raise _bad(row, named.sent_on, "not a date as settings.toml writes it") from None


@functools.lru_cache(maxsize=4_096)  # many lines have one
def _india_s(text: str, date_format: str) -> dt.date:
    at = dt.datetime.strptime(text, date_format)  # noqa: DTZ007  without a zone it is India's
    return (at.astimezone(INDIA) if at.tzinfo else at).date()


def _segments(row: int, text: str, named: BillSettings) -> int:
    if not _SEGMENTS.fullmatch(text):
        raise _bad(row, named.segments, "not a whole number")
    return int(text)


def _charge(row: int, text: str, named: BillSettings) -> Decimal:
    if not _CHARGE.fullmatch(text):
        raise _bad(row, named.charge, "not an amount in rupees")
    return Decimal(text)


def _bad(row: int, column: str | None, what: str) -> RefusedError:
    return RefusedError("bill.bad_cell", f"Row {row}, column {column!r}: {what}.")
