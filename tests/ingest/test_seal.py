"""A cell opens under its own column, record, version and key, and under nothing else."""

import dataclasses
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.errors import PermanentError
from ariyippu.base.keys import NAMES, Keyring
from ariyippu.ingest import seal
from ariyippu.ingest.seal import CellKey

KEYRING = Keyring({name: os.urandom(32) for name in NAMES})
KEY = CellKey(os.urandom(32), "people", "name", 3)
RECORD = bytes(range(16))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def sealed(value: str) -> bytes:
    (cell,) = seal.seal_column([value], [RECORD], KEY)
    assert cell is not None
    return cell


@given(st.lists(st.tuples(st.none() | texts, st.binary(min_size=16, max_size=16))))
def test_round_trip(rows: list[tuple[str | None, bytes]]) -> None:
    values, records = [value for value, _ in rows], [record for _, record in rows]
    cells = seal.seal_column(values, records, KEY)
    assert [cell is None for cell in cells] == [value is None for value in values]
    assert seal.open_column(cells, records, KEY) == values


def test_format() -> None:
    cell = sealed("Anu")
    assert cell[0] == 1
    assert len(cell) == 1 + 12 + len("Anu") + 16
    assert len({sealed("Anu")[1:13] for _ in range(50)}) == 50


@given(texts, st.data())
def test_any_altered_byte_is_noticed(value: str, data: st.DataObject) -> None:
    cell = sealed(value)
    at = data.draw(st.integers(0, len(cell) - 1))
    flipped = data.draw(st.integers(1, 255))
    altered = cell[:at] + bytes([cell[at] ^ flipped]) + cell[at + 1 :]
    with pytest.raises(PermanentError):
        seal.open_cell(altered, RECORD, KEY)


@given(st.integers(0, 31))
def test_a_shortened_cell_is_noticed(length: int) -> None:
    with pytest.raises(PermanentError):
        seal.open_cell(sealed("Anu")[:length], RECORD, KEY)


@pytest.mark.parametrize(
    "change", [{"column": "email"}, {"register": "other"}, {"version": 4}, {"key": bytes(32)}], ids=str
)
def test_cell_of_another_place_does_not_open(change: dict[str, object]) -> None:
    with pytest.raises(PermanentError) as failed:
        seal.open_cell(sealed("Anu Kizhakke"), RECORD, dataclasses.replace(KEY, **change))  # type: ignore[arg-type]
    assert "Anu" not in str(failed.value)


@given(st.binary(max_size=20).filter(lambda other: other != RECORD))
def test_cell_of_another_record_does_not_open(other: bytes) -> None:
    with pytest.raises(PermanentError):
        seal.open_cell(sealed("Anu"), other, KEY)


def test_record_tokens_are_stable_in_a_register_and_differ_between_registers() -> None:
    one = seal.record_tokens("people", ["0001", "0002"], KEYRING)
    assert one == seal.record_tokens("people", ["0001", "0002"], KEYRING)
    assert len(set(one + seal.record_tokens("others", ["0001", "0002"], KEYRING))) == 4
    assert {len(token) for token in one} == {16}


def test_contact_tokens() -> None:
    tokens = seal.contact_tokens("email", ["A@b.example", None, "a@b.example", "c@b.example"], KEYRING)
    assert tokens[0] == tokens[2] != tokens[3]
    assert tokens[1] is None
    assert seal.contact_tokens("mobile", ["a@b.example"], KEYRING) != tokens[:1]


def test_keys_are_not_shown() -> None:
    assert KEY.key.hex() not in repr(KEY)
    assert repr(KEY.key) not in repr(KEY)
