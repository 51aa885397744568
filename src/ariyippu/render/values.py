"""How values are written in messages, the same in both languages. Pure."""

import datetime as dt
import re
import unicodedata

# Bidirectional controls (UAX #9) could make a text read as another than it is.
_BIDI = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_DROP = dict.fromkeys(_BIDI)
_BLANK = re.compile(r"\s+")


def money(paise: int) -> str:
    """12345650 -> "₹1,23,456.50": lakh grouping, always two decimals."""
    rupees, rest = divmod(abs(paise), 100)
    digits = str(rupees)
    head, tail = digits[:-3], digits[-3:]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    return f"{'-' if paise < 0 else ''}₹{','.join([*groups, tail])}.{rest:02d}"


def date(iso: str) -> str:
    """2026-02-04 -> 04-02-2026, as Kerala's offices write it."""
    return dt.date.fromisoformat(iso).strftime("%d-%m-%Y")


def text(value: str) -> str:
    """One line without controls: what a register holds must not shape the message around it."""
    one_line = _BLANK.sub(" ", value).strip().translate(_DROP)
    return "".join(c for c in one_line if unicodedata.category(c) != "Cc")
