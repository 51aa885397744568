"""Small invented registers, and where the real public files lie."""

import os
from pathlib import Path

import pytest

from ariyippu.ingest import contract
from ariyippu.ingest.contract import Contract

CONTRACTS = Path(__file__).parent / "contracts"
REPOSITORY = Path(__file__).parents[2]

PEOPLE = """
[register]
name = "people"
version = 3
title_en = "People"
title_ml = "ആളുകൾ"
owner = "some-office"
legal_basis = "An invented act"
retention_months = 12

[file]
format = "csv"

[[column]]
name = "number"
header = "Number"
kind = "key"
type = "text"
required = true
pattern = '[0-9]{4}'

[[column]]
name = "name"
header = "Name"
kind = "identity"
type = "text"
required = true
max_length = 20

[[column]]
name = "born"
header = "Born"
kind = "identity"
type = "date"
date_format = "%d/%m/%Y"

[[column]]
name = "state"
header = "State"
kind = "attribute"
type = "enum"
required = true
values = ["LIVING", "DEAD", "SHIELDED"]

[[column]]
name = "amount"
header = "Amount"
kind = "attribute"
type = "money"

[[column]]
name = "mobile"
header = "Mobile"
kind = "contact"
type = "mobile"
collected_for = "ariyippu:salary-and-benefit"

[[column]]
name = "email"
header = "E-mail"
kind = "contact"
type = "email"
collected_for = "ariyippu:salary-and-benefit"

[marks.deceased]
column = "state"
values = ["DEAD"]

[marks.protected]
column = "state"
values = ["SHIELDED"]
"""
HEADER = "Number,Name,Born,State,Amount,Mobile,E-mail"
ROW = "0001,Anu Kizhakke,31/01/1980,LIVING,1200.50,0123456789,anu@mail.example"


def people(file_line: str = "") -> Contract:
    """The contract above, with one more line in its [file] table."""
    return contract.parse(PEOPLE.replace('format = "csv"', f'format = "csv"\n{file_line}'))


def write(path: Path, *rows: str | bytes, header: str = HEADER) -> Path:
    lines = [header.encode(), *(row.encode() if isinstance(row, str) else row for row in rows)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def real(name: str) -> Path:
    """A real public file, or a skipped test where it is absent."""
    folder = Path(os.environ.get("ARIYIPPU_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    path = folder / "kerala" / name
    if not path.exists():
        pytest.skip(f"{name} is absent: set ARIYIPPU_TEST_DATA to the folder of public data")
    return path
