"""Readers: a file as chunks of columns of text, with row numbers as a spreadsheet shows them.

Nothing in a file may stop the rows around it from being read. What costs a row its place:

    fields        another number of fields than the header has
    quoting       a quote that is not closed, or closed in the middle of a field
    too_long      a line longer than MAX_LINE_CHARS
    undecodable   bytes that are not of the declared encoding

A quote that is not closed costs its own line only: lines are parsed one by one (at most
MAX_RECORD_LINES together where the contract allows line breaks), and those that a bad quote took with
it are read again. Only a wrong header, encoding or container refuses the whole file.
"""

import csv
import datetime as dt
import itertools
import re
import zipfile
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple, TextIO, get_args

import python_calamine

from ariyippu.base.errors import RefusedError
from ariyippu.ingest.contract import UNDECODABLE, Contract, FileFormat, normal_header

CHUNK_ROWS = 10_000
MAX_LINE_CHARS = 65_536
MAX_RECORD_LINES = 100  # one record of a multiline file
MAX_XLSX_BYTES = 1 << 30  # all members of the zip together, unpacked
MAX_HEADER_CHARS = 40  # of an unexpected header, in a message

Reason = Literal[
    "missing",
    "undecodable",
    "too_long",
    "pattern",
    "not_in_values",
    "not_a_number",
    "not_a_date",
    "not_a_mobile",
    "not_an_email",
    "doubled_key",
    "fields",
    "quoting",
    "control_character",
]
REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True, order=True)
class Rejected:
    """A row for the quarantine: where and why, never what. `column` is empty where none is to blame."""

    row: int
    column: str
    reason: Reason


@dataclass(frozen=True, repr=False)
class Chunk:
    """Some rows of a file: for each column of the contract its values, for each value its row's number."""

    rows: list[int]
    columns: dict[str, list[str]]
    rejected: list[Rejected]


class _Row(NamedTuple):
    number: int
    fields: Sequence[str]
    fault: Reason | None = None


def read(contract: Contract, file: Path) -> Iterator[Chunk]:
    """The rows of `file` in chunks of about CHUNK_ROWS, streamed from a CSV.

    An XLSX is bounded by MAX_XLSX_BYTES, but calamine holds its whole sheet in memory.
    RefusedError: `register.missing`, `register.header`, `register.encoding`, and for an XLSX
    `register.not_xlsx`, `register.too_large`, `register.too_wide`, `register.sheet`.
    """
    refuse_missing(file)
    rows = _csv_rows(contract.file, file) if contract.file.format == "csv" else _xlsx_rows(contract, file)
    places = _places(next(rows, None), contract)
    while batch := list(itertools.islice(rows, CHUNK_ROWS)):
        yield _chunk(batch, places)


def refuse_missing(file: Path) -> None:
    if not file.is_file():
        raise RefusedError("register.missing", f"There is no file {file}.")


def _chunk(batch: list[_Row], places: dict[str, int]) -> Chunk:
    good: list[_Row] = []
    rejected: list[Rejected] = []
    for row in batch:
        if row.fault is None and len(row.fields) == len(places):
            good.append(row)
        else:
            rejected.append(_rejected(row, places))
    by_place = list(zip(*[row.fields for row in good], strict=True)) or [()] * len(places)
    columns = {name: list(by_place[place]) for name, place in places.items()}
    return Chunk([row.number for row in good], columns, rejected)


def _rejected(row: _Row, places: dict[str, int]) -> Rejected:
    at_fault = ""
    if row.fault == "undecodable" and len(row.fields) == len(places):
        at_fault = next((name for name, place in places.items() if not _decoded(row.fields[place])), "")
    return Rejected(row.number, at_fault, row.fault or "fields")


def _places(header: _Row | None, contract: Contract) -> dict[str, int]:
    """Where each column of the contract stands. RefusedError `register.header`.

    What the first row holds is repeated only when it clearly is a header: in a file without one it is a
    person's record.
    """
    if header is None or header.fault is not None:
        raise RefusedError("register.header", "The first row cannot be read as the contract's columns.")
    found = [normal_header(field) for field in header.fields]
    wanted = {normal_header(column.header): column.name for column in contract.columns}
    missing = [name for name in wanted if name not in found]
    unexpected = [name for name in found if name not in wanted]
    if 2 * len(missing) > len(wanted):
        raise RefusedError("register.header", f"The first row is not the header; it lacks {_listed(missing)}.")
    if missing or unexpected:
        said = [f"missing: {_listed(missing)}"] if missing else []
        said += [f"unexpected: {_listed(unexpected)}"] if unexpected else []
        raise RefusedError("register.header", f"The columns are not the contract's; {'; '.join(said)}.")
    if doubled := [name for name in wanted if found.count(name) > 1]:
        raise RefusedError("register.header", f"A column stands twice: {_listed(doubled)}.")
    return {wanted[name]: place for place, name in enumerate(found)}


def _listed(names: list[str]) -> str:
    return ", ".join(ascii(name[:MAX_HEADER_CHARS]) if not name.isprintable() else repr(name) for name in names[:20])


# --- CSV ---------------------------------------------------------------------------------------------


class _Line(NamedTuple):
    number: int
    text: str
    whole: bool = True


def _csv_rows(form: FileFormat, file: Path) -> Iterator[_Row]:
    with file.open(encoding=form.encoding, errors=UNDECODABLE, newline="") as stream:
        lines = _lines(stream)
        again: deque[_Line] = deque()  # lines that a bad quote took along
        while line := again.popleft() if again else next(lines, None):
            if line.text.strip("\r\n"):
                yield _csv_row(line, lines, again, form)


def _drain(lines: deque[_Line]) -> Iterator[_Line]:
    while lines:
        yield lines.popleft()


def _lines(stream: TextIO) -> Iterator[_Line]:
    """Physical lines, numbered from 1, ended by LF, CR or CR LF. A line that is too long comes without text."""
    for number in itertools.count(1):
        text = _next_line(stream)
        if not text:
            return
        whole = len(text) <= MAX_LINE_CHARS
        while len(text) > MAX_LINE_CHARS and not text.endswith(("\n", "\r")):
            text = _next_line(stream)
        yield _Line(number, text if whole else "…", whole)


def _next_line(stream: TextIO) -> str:
    try:
        return stream.readline(MAX_LINE_CHARS + 1)
    except UnicodeError:
        raise RefusedError("register.encoding", "The file is not in the encoding that its contract declares.") from None


def _csv_row(line: _Line, lines: Iterator[_Line], again: deque[_Line], form: FileFormat) -> _Row:
    """The record that begins with `line`; a broken one costs its first line, the others go to `again`."""
    taken: list[_Line] = []
    first = line.text.removeprefix("\ufeff") if line.number == 1 else line.text
    source: Iterator[str] = iter((first,))
    if form.multiline:
        source = itertools.chain(source, _taking(itertools.chain(_drain(again), lines), taken))
    if not line.whole:
        return _Row(line.number, (), "too_long")
    try:
        fields = next(csv.reader(source, delimiter=form.delimiter, strict=True))
    except csv.Error:
        again.extendleft(reversed(taken))
        return _Row(line.number, (), "quoting" if _decoded(first) else "undecodable")
    decoded = _decoded(first) and all(_decoded(more.text) for more in taken)
    return _Row(line.number, fields, None if decoded else "undecodable")


def _taking(lines: Iterator[_Line], taken: list[_Line]) -> Iterator[str]:
    for line in itertools.islice(lines, MAX_RECORD_LINES - 1):
        taken.append(line)
        if not line.whole:
            return
        yield line.text


def _decoded(text: str) -> bool:
    """Whether every byte belonged to the encoding: the others stand in `text` as lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# --- XLSX --------------------------------------------------------------------------------------------


def _xlsx_rows(contract: Contract, file: Path) -> Iterator[_Row]:
    """Rows of the sheet. An error cell (#N/A) comes out of calamine as an empty one."""
    _refuse_bomb(file, len(contract.columns))
    sheet = _sheet(contract.file.sheet, file)
    dates = {normal_header(column.header): column.date_format or "%Y-%m-%d" for column in contract.columns}
    formats: list[str] = []
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if not formats:
            fields = [_cell_text(cell, "%Y-%m-%d") for cell in cells]
            while fields and not fields[-1]:
                fields.pop()
            formats = [dates.get(normal_header(field), "%Y-%m-%d") for field in fields]
            yield _Row(number, fields)
        elif any(cell != "" for cell in cells):
            fault: Reason | None = "fields" if any(cell != "" for cell in cells[len(formats) :]) else None
            yield _Row(number, [_cell_text(*pair) for pair in zip(cells, formats, strict=False)], fault)


def _sheet(name: str | None, file: Path) -> python_calamine.CalamineSheet:
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(file))
        return book.get_sheet_by_index(0) if name is None else book.get_sheet_by_name(name)
    except python_calamine.WorksheetNotFound:
        raise RefusedError("register.sheet", "The workbook has no sheet of the name in the contract.") from None
    except python_calamine.CalamineError:
        raise RefusedError("register.not_xlsx", "The file is not a workbook that can be read.") from None


def _refuse_bomb(file: Path, columns: int) -> None:
    """Refuse what would fill the memory: too many bytes when unpacked, or a cell far to the right.

    calamine holds every cell between A1 and the last one, so one stray cell in column XFD is enough.
    Columns of more letters than the contract's own last one (A-Z, AA-ZZ) are too far.
    """
    letters = 2 if columns <= 26 else 3
    far = re.compile(rb"<(?:\w+:)?c\s[^<>]{0,200}?\br=[\"'][A-Z]{%d}" % letters)
    unpacked = 0
    try:
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    tail = b""
                    while part := member.read(1 << 20):
                        unpacked += len(part)
                        if unpacked > MAX_XLSX_BYTES:
                            raise RefusedError("register.too_large", f"Unpacked it exceeds {MAX_XLSX_BYTES} bytes.")
                        if far.search(tail + part):
                            raise RefusedError(
                                "register.too_wide", "A cell stands far right of the contract's columns."
                            )
                        tail = part[-256:]
    except (zipfile.BadZipFile, OSError, NotImplementedError, EOFError, ValueError, RuntimeError):
        raise RefusedError("register.not_xlsx", "The file is not a workbook that can be read.") from None


def _cell_text(cell: object, date_format: str) -> str:
    """The cell as its department would have typed it: whole numbers as digits, dates in the column's format."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float | int):
        # A spreadsheet keeps 15 significant digits and shows no exponent; more would show binary noise.
        return format(Decimal(f"{cell:.15g}"), "f")
    if isinstance(cell, dt.datetime):
        return _date_text(cell.date(), date_format) if cell.time() == dt.time() else cell.isoformat(" ")
    return _date_text(cell, date_format) if isinstance(cell, dt.date) else str(cell)


def _date_text(date: dt.date, date_format: str) -> str:
    parts = {"%d": f"{date.day:02}", "%m": f"{date.month:02}", "%Y": f"{date.year:04}"}
    return re.sub("%[dmY]", lambda found: parts[found[0]], date_format)
