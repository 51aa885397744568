"""Whatever is in a file, it costs its own rows only."""

import datetime as dt
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.errors import RefusedError
from ariyippu.ingest import contract, readers
from ariyippu.ingest.contract import Contract
from ariyippu.ingest.readers import Rejected
from tests.ingest.files import CONTRACTS, HEADER, PEOPLE, ROW, people, real, write

XLSX = contract.parse(PEOPLE.replace('format = "csv"', 'format = "xlsx"'))


def numbers(agreed: Contract, path: Path) -> tuple[dict[int, str], list[Rejected]]:
    """The key of each row that was read, and the rejected rows."""
    read: dict[int, str] = {}
    rejected: list[Rejected] = []
    for chunk in readers.read(agreed, path):
        read.update(zip(chunk.rows, chunk.columns["number"], strict=True))
        rejected += chunk.rejected
    return read, rejected


def row(number: int) -> str:
    return f"{number:04}{ROW[4:]}"


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", row(1), "", row(2))
    assert numbers(people(), path) == ({2: "0001", 4: "0002"}, [])


@pytest.mark.parametrize("line", ["multiline = false", "multiline = true"])
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('0002,"Anu,31/01/1980,LIVING,,,', "quoting"),
        ('0002,"Anu"x,31/01/1980,LIVING,,,', "quoting"),
        ("0002,Anu", "fields"),
        (row(2) + ",more", "fields"),
        ("0002,\udcff", "undecodable"),
        ("0002," + "x" * readers.MAX_LINE_CHARS, "too_long"),
        ('0002,"' + "x" * readers.MAX_LINE_CHARS * 3, "too_long"),
    ],
)
def test_broken_row_costs_itself_only(tmp_path: Path, line: str, bad: str, reason: str) -> None:
    path = write(tmp_path / "a.csv", row(1), bad.encode(errors="surrogateescape"), row(3), row(4))
    read, rejected = numbers(people(line), path)
    assert list(read.items()) == [(2, "0001"), (4, "0003"), (5, "0004")]  # in the file's order
    assert [(fault.row, fault.reason) for fault in rejected] == [(3, reason)]


def test_undecodable_bytes_name_their_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", row(1).encode().replace(b"Anu", b"\xfd\xfd"))
    assert numbers(people(), path) == ({}, [Rejected(2, "name", "undecodable")])


def test_line_breaks_in_fields_where_the_contract_allows_them(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", row(1).replace("Anu Kizhakke", '"Anu\nKizhakke"'), row(2))
    assert numbers(people("multiline = true"), path) == ({2: "0001", 4: "0002"}, [])
    read, rejected = numbers(people(), path)
    assert read == {4: "0002"}
    assert [(fault.row, fault.reason) for fault in rejected] == [(2, "quoting"), (3, "fields")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "gb18030", "utf-7"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\r\n{row(1)}\r\n{row(2)}\r\n", encoding, newline="")
    assert numbers(people(f'encoding = "{encoding}"'), path) == ({2: "0001", 3: "0002"}, [])


def test_byte_order_mark_is_tolerated(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\ufeff" + HEADER.replace("Number", '"Number"') + "\n" + row(1) + "\n", "utf-8")
    assert numbers(people(), path) == ({2: "0001"}, [])


def test_column_order_is_free(tmp_path: Path) -> None:
    header = ",".join(reversed(HEADER.split(",")))
    path = write(tmp_path / "a.csv", ",".join(reversed(row(7).split(","))), header=header)
    assert numbers(people(), path) == ({2: "0007"}, [])


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (HEADER.replace("Born", "Birth"), ["missing: 'Born'", "unexpected: 'Birth'"]),
        (HEADER + ",Religion", ["unexpected: 'Religion'"]),
        (HEADER + ",Name", ["twice: 'Name'"]),
        ("", []),
        ('"' + HEADER, []),
    ],
)
def test_wrong_header_is_refused_and_explained(tmp_path: Path, header: str, said: list[str]) -> None:
    with pytest.raises(RefusedError) as refused:
        numbers(people(), write(tmp_path / "a.csv", row(1), header=header))
    assert refused.value.code == "register.header"
    for words in said:
        assert words in refused.value.message


def test_file_without_header_does_not_leak_its_first_person(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        numbers(people(), write(tmp_path / "a.csv", row(2), header=row(1)))
    assert refused.value.code == "register.header"
    assert "Anu" not in refused.value.message
    assert "0123456789" not in refused.value.message


def test_wrong_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER, "utf-8")
    with pytest.raises(RefusedError) as refused:
        numbers(people('encoding = "utf-16"'), path)
    assert refused.value.code in {"register.encoding", "register.header"}


@given(st.binary(max_size=400), st.sampled_from(["utf-8", "utf-16-le", "gb18030", "shift_jis", "utf-7"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, junk: bytes, encoding: str) -> None:
    path = tmp_path_factory.mktemp("any") / "a.csv"
    path.write_bytes(f"{HEADER}\n{row(1)}\n".encode(encoding) + junk)
    read, _rejected = numbers(people(f'encoding = "{encoding}"'), path)
    assert read.get(2, "0001") == "0001"
    path.write_bytes(junk)
    with pytest.raises(RefusedError):
        numbers(people(f'encoding = "{encoding}"'), path)


@given(st.binary(max_size=200).map(lambda junk: junk.replace(b"\n", b"").replace(b"\r", b"")))
def test_any_line_costs_itself_only(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    path = write(tmp_path_factory.mktemp("any") / "a.csv", row(1), junk, row(2), row(3))
    for line in ("", "multiline = true"):
        read, rejected = numbers(people(line), path)
        assert {**read, 3: ""} == {2: "0001", 3: "", 4: "0002", 5: "0003"}
        assert {fault.row for fault in rejected} <= {3}


def test_real_file_loses_only_its_undecodable_rows() -> None:
    path = real("wards.csv")
    agreed = contract.find(str(CONTRACTS / "wards.toml"))
    chunks = list(readers.read(agreed, path))
    rejected = [fault for chunk in chunks for fault in chunk.rejected]
    assert rejected == [Rejected(number, "ward_name", "undecodable") for number in range(705, 720)]
    lines = path.read_bytes().split(b"\n")
    read = {number: name for c in chunks for number, name in zip(c.rows, c.columns["ward_name"], strict=True)}
    assert len(read) == 23_611 - 15
    for number in (2, 704, 720, 23_612):
        assert lines[number - 1].split(b",")[2].decode() == read[number]


# --- XLSX --------------------------------------------------------------------------------------------


def workbook(path: Path, *rows: list[object]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for cells in rows:
        sheet.append(cells)
    book.save(path)
    return path


def test_xlsx_cells_become_what_the_department_typed(tmp_path: Path) -> None:
    born = dt.datetime(1980, 1, 31)  # noqa: DTZ001  a spreadsheet's dates have no zone
    path = workbook(
        tmp_path / "a.xlsx",
        list(HEADER.split(",")),
        [1234, "Anu", born, "LIVING", 0.1 + 0.2, 9400000000, "anu@mail.example"],
        [],
        ["0002", "Binu", "31/01/1980", "LIVING", 1234567.5, "0123456789", None],
        ["0003", "Cinu", None, "LIVING", None, None, None, "stray"],
    )
    (chunk,) = readers.read(XLSX, path)
    assert chunk.rows == [2, 4]
    assert chunk.columns["number"] == ["1234", "0002"]
    assert chunk.columns["born"] == ["31/01/1980", "31/01/1980"]
    assert chunk.columns["amount"] == ["0.3", "1234567.5"]
    assert chunk.columns["mobile"] == ["9400000000", "0123456789"]
    assert chunk.columns["email"] == ["anu@mail.example", ""]
    assert chunk.rejected == [Rejected(5, "", "fields")]


def test_xlsx_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = openpyxl.Workbook()
    sheet = wide.active
    assert sheet is not None
    sheet["AB1"] = "far"
    wide.save(tmp_path / "wide.xlsx")
    with pytest.raises(RefusedError) as refused:
        next(readers.read(XLSX, tmp_path / "wide.xlsx"))
    assert refused.value.code == "register.too_wide"
    monkeypatch.setattr(readers, "MAX_XLSX_BYTES", 1000)
    with pytest.raises(RefusedError) as refused:
        next(readers.read(XLSX, workbook(tmp_path / "large.xlsx", list(HEADER.split(",")))))
    assert refused.value.code == "register.too_large"


def test_xlsx_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK\x03\x04 no")
    with pytest.raises(RefusedError) as refused:
        next(readers.read(XLSX, path))
    assert refused.value.code == "register.not_xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.txt", "x")
    with pytest.raises(RefusedError) as refused:
        next(readers.read(XLSX, path))
    assert refused.value.code == "register.not_xlsx"


def test_xlsx_without_the_contracts_sheet_is_refused(tmp_path: Path) -> None:
    agreed = contract.parse(PEOPLE.replace('format = "csv"', 'format = "xlsx"\nsheet = "Staff"'))
    with pytest.raises(RefusedError) as refused:
        next(readers.read(agreed, workbook(tmp_path / "a.xlsx", list(HEADER.split(",")))))
    assert refused.value.code == "register.sheet"
