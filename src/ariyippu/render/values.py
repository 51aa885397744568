"""How values are written in messages, the same in both languages. Pure."""

import datetime as dt
from collections.abc import Callable, Mapping

from ariyippu.notice.documents import Kind
from ariyippu.notice.templates import HIDDEN


def money(paise: int) -> str:
    """12345650 -> "₹ 1,23,456.50": lakh grouping, always two decimals."""
    rupees, rest = divmod(abs(paise), 100)
    digits = str(rupees)
    head, written = digits[:-3], digits[-3:]
    while head:
        head, written = head[:-2], f"{head[-2:]},{written}"
    return f"{'-' if paise < 0 else ''}₹ {written}.{rest:02d}"


def date(iso: str) -> str:
    """2026-02-04 -> 04-02-2026, as Kerala's offices write it."""
    return dt.date.fromisoformat(iso).strftime("%d-%m-%Y")


def text(value: str) -> str:
    """One line without hidden characters: what a register holds must not shape the message around it."""
    if value.isprintable() and "  " not in value and value.strip() == value:
        return value  # nearly all: only a blank and what is visible is printable, the rest is looked at closely
    one_line = " ".join(value.split())
    return " ".join(HIDDEN.sub("", one_line).split())  # again, for blanks that stood around a hidden one


def number(kept: str) -> str:
    """The digits as they are: a year or a percentage is a number too, and has no groups."""
    return str(int(kept))


# How a column's kept text is written as a placeholder of each type.
WRITERS: Mapping[Kind, Callable[[str], str]] = {
    "text": text,
    "name": text,
    "number": number,
    "money": lambda kept: money(int(kept)),
    "date": date,
}
