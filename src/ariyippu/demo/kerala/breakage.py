"""Rows that are broken on purpose: for a contract, by the reason why they go to the quarantine.

Each changes one field of a good line, so that its row has that fault and no other.
"""

from collections.abc import Callable, Mapping, Sequence

from ariyippu.ingest.contract import Column, Contract
from ariyippu.ingest.readers import Reason

UNDECODABLE = "\udcfd" * 4  # bytes FD, as surrogateescape has them (PEP 383)

Fields = list[str]
Breakage = Callable[[Fields], Fields]

_WRONG: Mapping[str, tuple[Reason, str]] = {  # by the column's type
    "email": ("not_an_email", "somebody(at)mail.example"),
    "mobile": ("not_a_mobile", "0471-555"),
    "date": ("not_a_date", "31/02/1980"),
    "enum": ("not_in_values", "MALABAR"),
    "integer": ("not_a_number", "7O"),
    "money": ("not_a_number", "453OO.00"),
}


def breakages(contract: Contract, first_key: str) -> Mapping[Reason, Breakage]:
    """Every way that fits the contract's columns. `first_key`: the key of the file's first row."""
    found: dict[Reason, Breakage] = {}
    for place, column in enumerate(contract.columns):
        for reason, value in _faults_of(column, first_key):
            found.setdefault(reason, _with(place, value))
    found["fields"] = lambda fields: fields[:-1]
    return found


def _faults_of(column: Column, first_key: str) -> Sequence[tuple[Reason, str]]:
    if column.kind == "key":
        return [("pattern", "12A456*"), ("doubled_key", first_key)]
    if column.type == "text" and column.required:
        return [("missing", ""), ("undecodable", UNDECODABLE), ("quoting", '"Clerk')]
    return [_WRONG[column.type]] if column.type in _WRONG else []


def _with(place: int, value: str) -> Breakage:
    return lambda fields: [*fields[:place], value, *fields[place + 1 :]]
