"""Holds a carrier's bill against what left. Pure: told both, it says where they differ.

    sent()    each message that left in the bill's period, by every id that its carrier gave it
    line()    each line of the bill
    differences(), not_billed()

A message that left within EDGE of the period's ends may stand on this bill or on its neighbour.
"""

import datetime as dt
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from ariyippu.base.home import BillSettings
from ariyippu.track.bill_file import Line

Kind = Literal[
    "never_sent", "not_billed", "double", "other_segments", "other_charge", "out_of_period", "other_recipient"
]
KINDS: tuple[Kind, ...] = (
    "never_sent",  # billed, and no message of ours: what was sent outside, unless a crash lost its id
    "not_billed",
    "double",
    "other_segments",
    "other_charge",  # than the carrier's price for the line's segments
    "out_of_period",  # the line's date, or the message's own
    "other_recipient",
)
NO_ROW = 0


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One cell of the bill that says something else than what was kept. Never a value."""

    row: int
    column: str
    kind: Kind


@dataclass(frozen=True)
class Terms:
    """How the bill is written, and what was agreed: a segment's price in paise, where it is known."""

    bill: BillSettings
    price_paise: Decimal | None = None


@dataclass
class Check:
    """One bill. `first_on` and `last_on`: its period."""

    terms: Terms
    first_on: dt.date
    last_on: dt.date
    strangers: list[tuple[int, str]] = field(default_factory=list)  # (row, id): no message of this period
    _found: list[Difference] = field(default_factory=list)
    _by_id: dict[str, int] = field(default_factory=dict)
    _segments: "array[int]" = field(default_factory=lambda: array("h"))  # -1: not known
    _is_due: bytearray = field(default_factory=bytearray)
    _billed: "array[int]" = field(default_factory=lambda: array("i"))  # segments
    _row: "array[int]" = field(default_factory=lambda: array("i"))  # the first that names the message
    _seen: set[str] = field(default_factory=set)

    def sent(self, ids: Sequence[str], segments: int | None, *, is_due: bool) -> None:
        """A message that left under these ids. `is_due`: it must stand on this bill, if any."""
        number = len(self._is_due)
        self._by_id.update(dict.fromkeys(ids, number))
        self._segments.append(-1 if segments is None else segments)
        self._is_due.append(is_due)
        self._billed.append(0)
        self._row.append(NO_ROW)

    def line(self, line: Line) -> int | None:
        """The number of the message that the line is about, in the order of sent(); None when it is none of them."""
        if not self.first_on <= line.sent_on <= self.last_on:
            self._found.append(Difference(line.row, self.terms.bill.sent_on, "out_of_period"))
        number = self._by_id.get(line.id)
        if number is None:
            self.strangers.append((line.row, line.id))
            return None
        if self._is_double(number, line.id):
            self._found.append(Difference(line.row, self.terms.bill.id, "double"))
        else:
            self._billed[number] += 1 if line.segments is None else line.segments
            self._price(number, line)
            self._row[number] = self._row[number] or line.row
            self._seen.add(line.id)
        return number

    def note(self, row: int, column: str, kind: Kind) -> None:
        """A difference that others know of."""
        self._found.append(Difference(row, column, kind))

    def settle_strangers(self, known: set[str]) -> None:
        """Say of the ids that are no message's of this period which are `known` from another one."""
        for row, number in self.strangers:
            if number in known:
                self.note(row, self.terms.bill.sent_on, "out_of_period")
            else:
                self.note(row, self.terms.bill.id, "never_sent")

    def differences(self) -> list[Difference]:
        """All that a row stands for, in the bill's order; a row's date counts once."""
        return sorted({*self._found, *self._other_segments()})

    def not_billed(self) -> Iterator[int]:
        """The numbers of the messages that are due and that no line names."""
        return (n for n, row in enumerate(self._row) if row == NO_ROW and self._is_due[n])

    def _price(self, number: int, line: Line) -> None:
        segments = 1 if self.terms.bill.each_line == "segment" else self._segments[number]
        segments = segments if line.segments is None else line.segments
        if line.charge is None or self.terms.price_paise is None or segments < 0:
            return
        if line.charge * 100 != segments * self.terms.price_paise:
            self.note(line.row, self.terms.bill.charge or "", "other_charge")

    def _is_double(self, number: int, given: str) -> bool:
        if self.terms.bill.each_line == "message":
            return given in self._seen
        return given in self._seen and self._billed[number] >= self._segments[number] >= 0

    def _other_segments(self) -> Iterator[Difference]:
        if self.terms.bill.segments is None and self.terms.bill.each_line == "message":
            return  # the bill says nothing of them
        for number, row in enumerate(self._row):
            if row != NO_ROW and self._segments[number] not in (-1, self._billed[number]):
                yield Difference(row, self.terms.bill.segments or self.terms.bill.id, "other_segments")
