"""Checks and normal forms, a chunk at a time and set-based (pyarrow.compute; its expressions are RE2).

Each row that fails goes to the quarantine with its first fault: columns in the contract's order, and
in each column missing, too_long, control_character, pattern, then its type. A row that is right in
itself is still refused when an earlier row had the same key (doubled_key).

Normal forms: text stripped and NFC; mobile `+91` and ten digits (E.164); e-mail with its domain in lower
case; money in integer paise; dates as date32.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ariyippu.base.errors import RefusedError
from ariyippu.ingest.contract import Column, Contract, Type
from ariyippu.ingest.readers import Chunk, Reason, Rejected

ARROW_TYPES: dict[Type, pa.DataType] = {
    "text": pa.string(),
    "enum": pa.string(),
    "integer": pa.int64(),
    "money": pa.int64(),
    "date": pa.date32(),
    "mobile": pa.string(),
    "email": pa.string(),
}
FAULT_OF_TYPE: dict[Type, Reason] = {
    "text": "pattern",
    "enum": "not_in_values",
    "integer": "not_a_number",
    "money": "not_a_number",
    "date": "not_a_date",
    "mobile": "not_a_mobile",
    "email": "not_an_email",
}

# C0, DEL, C1; line and paragraph separators; the marks that turn the direction of writing (they can
# make a text read as another one). Joiners stay: Malayalam needs them.
CONTROL = r"[\p{Cc}\x{2028}\x{2029}\x{202A}-\x{202E}\x{2066}-\x{2069}]"
INTEGER = r"^[+-]?[0-9]{1,18}$"
MONEY = r"^(?P<rupees>-?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{2,3}){1,4}))(?:\.(?P<paise>[0-9]{1,2}))?$"
MOBILE = r"^(?:\+91|91|0)?(?P<number>[6-9][0-9]{9})$"
TEST_MOBILE = r"^(?:\+91|91|0)?(?P<number>[06-9][0-9]{9})$"
# A conservative subset of RFC 5321's Mailbox: a dot-string of plain ASCII, and a host name of RFC 1123.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = (
    r"^(?P<local>[A-Za-z0-9_+'-]+(?:\.[A-Za-z0-9_+'-]+)*)@"
    rf"(?P<domain>(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9]))$"
)
MAX_LOCAL_CHARS, MAX_EMAIL_CHARS = 64, 254  # RFC 5321, 4.5.3.1.1 and 4.5.3.1.3


@dataclass(frozen=True, repr=False)
class Checked:
    """The rows that passed: for each column an array in its normal form (ARROW_TYPES), null where empty."""

    rows: pa.Array
    columns: dict[str, pa.Array]
    rejected: list[Rejected]


@dataclass(frozen=True, repr=False)
class Checks:
    """The checks of one file, from its first chunk to its last.

    `seen` holds every key so far, about 100 bytes a row: all that grows with the file.
    """

    contract: Contract
    accept_test_numbers: bool
    seen: set[object] = field(default_factory=set)

    def check(self, chunk: Chunk) -> Checked:
        """The chunk's rows, sorted into good and rejected ones (these beside the reader's own)."""
        rows = pa.array(chunk.rows, pa.int64())
        typed: dict[str, pa.Array] = {}
        faults: list[pa.Array] = []
        for column in self.contract.columns:
            text = _normal_text(chunk.columns[column.name], multiline=self.contract.file.multiline)
            typed[column.name] = self._typed(text, column)
            faults.append(_faults(text, typed[column.name], column))
            if column.kind == "key":
                doubled = self._doubled(typed[column.name].filter(pc.is_null(faults[-1])), faults[-1])
        fault = pc.coalesce(*faults, doubled)
        good = pc.is_null(fault)
        rejected = list(map(_rejected, rows.filter(pc.is_valid(fault)).to_pylist(), fault.drop_null().to_pylist()))
        columns = {name: array.filter(good) for name, array in typed.items()}
        return Checked(rows.filter(good), columns, sorted(chunk.rejected + rejected))

    def _typed(self, text: pa.Array, column: Column) -> pa.Array:
        if column.type == "mobile":
            return _mobile(text, TEST_MOBILE if self.accept_test_numbers else MOBILE)
        return _CONVERSIONS[column.type](text, column)

    def _doubled(self, keys: pa.Array, key_faults: pa.Array) -> pa.Array:
        """`|doubled_key` for each row whose well-formed key came before, null for all others."""
        fault = f"{self.contract.key.name}|doubled_key"
        fresh = iter([self._first_time(key) for key in keys.to_pylist()])
        return pa.array(
            [None if bad is not None or next(fresh) else fault for bad in key_faults.to_pylist()], pa.string()
        )

    def _first_time(self, key: object) -> bool:
        before = len(self.seen)
        self.seen.add(key)
        return len(self.seen) > before


def normal_keys(contract: Contract, written: Sequence[str]) -> list[str]:
    """Keys of the contract's register, as people wrote them down, in normal form.

    RefusedError `register.not_a_key` names the lines (from 1) that are none.
    """
    text = _normal_text(list(written), multiline=False)
    typed = _CONVERSIONS[contract.key.type](text, contract.key)
    faults = _faults(text, typed, contract.key).to_pylist()
    if wrong := [str(line) for line, fault in enumerate(faults, 1) if fault is not None]:
        lines = ", ".join(wrong[:20])
        raise RefusedError("register.not_a_key", f"Not a key of {contract.register.name}: line {lines}.")
    return [str(key) for key in typed.to_pylist()]


def _normal_text(values: list[str], *, multiline: bool) -> pa.Array:
    """Stripped, NFC, null where empty; a line break inside a multiline file's field becomes one space."""
    text = pa.array(values, pa.string())
    if multiline:
        text = pc.replace_substring_regex(text, r"[ \t]*[\r\n]+[ \t]*", " ")
    text = pc.utf8_normalize(pc.utf8_trim_whitespace(text), form="NFC")
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _faults(text: pa.Array, typed: pa.Array, column: Column) -> pa.Array:
    """`column|reason` of each row's first fault in this column, null where there is none."""
    cases: dict[Reason, pa.Array] = {}
    if column.required:
        cases["missing"] = pc.is_null(text)
    cases["too_long"] = pc.greater(pc.utf8_length(text), column.max_length)
    cases["control_character"] = pc.match_substring_regex(text, CONTROL)
    if column.type != "text" or column.pattern is not None:
        cases[FAULT_OF_TYPE[column.type]] = pc.and_(pc.is_valid(text), pc.is_null(typed))
    names = [pa.scalar(f"{column.name}|{reason}") for reason in cases]
    return pc.case_when(pc.make_struct(*cases.values(), field_names=list(cases)), *names)


def _rejected(row: int, fault: str) -> Rejected:
    column, _, reason = fault.partition("|")
    return Rejected(row, column, reason)  # type: ignore[arg-type]  # made from a Reason in _faults


# --- conversions: text of a column -> its type, null where the text is not of that type ---------------


def _keep(text: pa.Array, condition: pa.Array) -> pa.Array:
    return pc.if_else(condition, text, pa.scalar(None, text.type))


def _text(text: pa.Array, column: Column) -> pa.Array:
    if column.pattern is None:
        return text
    return _keep(text, pc.match_substring_regex(text, rf"\A(?:{column.pattern})\z"))


def _enum(text: pa.Array, column: Column) -> pa.Array:
    return _keep(text, pc.is_in(text, pa.array(column.values, pa.string())))


def _integer(text: pa.Array, _column: Column) -> pa.Array:
    digits = _keep(text, pc.match_substring_regex(text, INTEGER))
    return pc.replace_substring_regex(digits, r"^\+", "").cast(pa.int64())


def _money(text: pa.Array, _column: Column) -> pa.Array:
    """Rupees with up to two decimals, with or without Indian grouping, as integer paise. No float is involved."""
    found = pc.extract_regex(text, MONEY)
    rupees = pc.replace_substring(pc.struct_field(found, "rupees"), ",", "")
    paise = pc.ascii_rpad(pc.struct_field(found, "paise"), 2, "0")
    return pc.binary_join_element_wise(rupees, paise, "").cast(pa.int64())


def _date(text: pa.Array, column: Column) -> pa.Array:
    """Dates of the calendar. (strptime would turn 31 February into a day of March.)"""
    expression = re.escape(column.date_format or "")
    for directive, name, digits in (("%d", "d", "1,2"), ("%m", "m", "1,2"), ("%Y", "y", "4")):
        expression = expression.replace(directive, f"(?P<{name}>[0-9]{{{digits}}})")
    found = pc.extract_regex(text, f"^{expression}$")
    year, month, day = (pc.struct_field(found, name) for name in ("y", "m", "d"))
    fits = pc.and_(_between(year, 1800, 2199), pc.and_(_between(month, 1, 12), _between(day, 1, 31)))
    first = pc.binary_join_element_wise(year, pc.utf8_lpad(month, 2, "0"), "01", "-")
    first_day = _keep(first, fits).cast(pa.date32()).cast(pa.int32())
    wanted = day.cast(pa.int32())
    date = pc.add(first_day, pc.subtract(wanted, pa.scalar(1, pa.int32()))).cast(pa.date32())
    return _keep(date, pc.equal(pc.day(date), wanted))


def _between(digits: pa.Array, least: int, most: int) -> pa.Array:
    number = digits.cast(pa.int32())
    return pc.and_(pc.greater_equal(number, least), pc.less_equal(number, most))


def _mobile(text: pa.Array, expression: str) -> pa.Array:
    digits = pc.replace_substring_regex(text, "[ -]", "")
    number = pc.struct_field(pc.extract_regex(digits, expression), "number")
    return pc.binary_join_element_wise("+91", number, "")


def _email(text: pa.Array, _column: Column) -> pa.Array:
    found = pc.extract_regex(text, EMAIL)
    local, domain = pc.struct_field(found, "local"), pc.struct_field(found, "domain")
    address = pc.binary_join_element_wise(local, pc.ascii_lower(domain), "@")
    fits = pc.less_equal(pc.utf8_length(local), MAX_LOCAL_CHARS)
    return _keep(address, pc.and_(fits, pc.less_equal(pc.utf8_length(address), MAX_EMAIL_CHARS)))


_CONVERSIONS: dict[Type, Callable[[pa.Array, Column], pa.Array]] = {
    "text": _text,
    "enum": _enum,
    "integer": _integer,
    "money": _money,
    "date": _date,
    "email": _email,
}
