"""A bill is read whole or refused, by row and column; nothing of it is quoted."""

import contextlib
import datetime as dt
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.errors import RefusedError
from ariyippu.base.home import BillSettings
from ariyippu.track import bill_file
from ariyippu.track.bill_file import Line
from tests.refusals import refused

NAMED = BillSettings(id="MsgID", sent_on="Sent", segments="Parts", charge="Amount", recipient="To")
HEADER = "Sr,MsgID,To,Sent,Parts,Amount\n"
GOOD = "1,A-1,+910123456789,2026-11-01,2,0.250\n"


def lines(text: str, named: BillSettings = NAMED) -> list[Line]:
    return list(bill_file.read(io.BytesIO(text.encode(named.encoding)), named))


def test_a_line() -> None:
    assert lines(f"{HEADER}{GOOD}\n") == [
        Line(2, "A-1", dt.date(2026, 11, 1), 2, Decimal("0.250"), "+910123456789"),
    ]


def test_as_the_carrier_writes_it() -> None:
    named = BillSettings(id="id", sent_on="at", date_format="%d/%m/%Y %H:%M %z", delimiter=";", encoding="utf-16")
    assert lines("at;id\n30/11/2026 23:30 +0000;A\n", named) == [Line(2, "A", dt.date(2026, 12, 1))]  # in India


def test_a_mark_of_byte_order_is_no_part_of_a_name() -> None:
    assert len(lines(f"\ufeff{HEADER}{GOOD}", NAMED.model_copy(update={"id": "MsgID"}))) == 1


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("", "bill.no_column", "Row 1"),
        ("MsgID,MsgID,Sent,Parts,Amount,To\n", "bill.no_column", "'MsgID'"),
        (f"{HEADER}1,,+910123456789,2026-11-01,2,0.25\n", "bill.bad_cell", "Row 2, column 'MsgID'"),
        (f"{HEADER}{GOOD}1,A,+910123456789,01-11-2026,2,0.25\n", "bill.bad_cell", "Row 3, column 'Sent'"),
        (f"{HEADER}1,A,+910123456789,2026-11-01,two,0.25\n", "bill.bad_cell", "Row 2, column 'Parts'"),
        (f"{HEADER}1,A,+910123456789,2026-11-01,2,₹0.25\n", "bill.bad_cell", "Row 2, column 'Amount'"),
        (f"{HEADER}1,A,+910123456789\n", "bill.bad_cell", "Row 2, column 'Sent'"),
        (f'{HEADER}{GOOD}1,"A\n', "bill.unreadable", "Row 2"),
        (f"{HEADER}1,A\x00B,+910123456789,2026-11-01,2,0.25\n", "bill.", "Row"),
    ],
)
def test_a_bad_cell_refuses_the_file_without_being_quoted(text: str, code: str, where: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        lines(text)
    assert refusal.value.code.startswith(code)
    assert where in str(refusal.value)
    assert not {"0123456789", "two", "₹", "01-11"} & set(str(refusal.value).split())
    assert "0123456789" not in str(refusal.value)


def test_bytes_of_another_encoding_are_refused() -> None:
    with refused("bill.unreadable"):
        list(bill_file.read(io.BytesIO(HEADER.encode() + b"1,\xff,x,2026-11-01,1,1\n"), NAMED))


def test_too_long_a_bill_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill_file, "MAX_LINES", 2)
    with refused("bill.too_long"):
        lines(HEADER + GOOD * 2)


@given(st.binary(max_size=200))
def test_any_bytes_are_lines_or_a_refusal(octets: bytes) -> None:
    read = 0
    with contextlib.suppress(RefusedError):
        for line in bill_file.read(io.BytesIO(HEADER.encode() + octets), NAMED):
            read += 1
            assert line.row > read
            assert line.id


def test_a_line_shows_nothing_of_a_person() -> None:
    assert "0123456789" not in repr(lines(HEADER + GOOD))
