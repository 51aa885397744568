"""Message tokens: made the same each time, read by their own key alone, and not to be forged or confused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.keys import Keyring
from ariyippu.send.tokens import PATTERN, MessageTokens, Place, base32

KEYRING = Keyring({"wrap": b"w" * 32, "token": b"t" * 32, "log": b"l" * 32})
RECEIPTS, LINKS = MessageTokens.of(KEYRING, "receipt"), MessageTokens.of(KEYRING, "link")
ORDER, OTHER_ORDER = "ab" * 32, "cd" * 32
RECORDS = [bytes([n]) * 16 for n in range(5)]

batches = st.integers(min_value=1, max_value=2**40 - 1)
records = st.binary(min_size=16, max_size=16)


@given(batches, st.lists(records, min_size=1, max_size=5))
def test_a_token_leads_back_to_its_place(batch: int, found: list[bytes]) -> None:
    for position, (token, record) in enumerate(zip(RECEIPTS.make(batch, ORDER, found), found, strict=True)):
        assert RECEIPTS.place(token) == Place(batch, position)
        assert RECEIPTS.holds(token, ORDER, record)


def test_tokens_are_the_same_each_time_and_of_each_message_alone() -> None:
    made = RECEIPTS.make(7, ORDER, RECORDS)
    assert made == RECEIPTS.make(7, ORDER, RECORDS)
    others = [
        *RECEIPTS.make(8, ORDER, RECORDS),
        *RECEIPTS.make(7, OTHER_ORDER, RECORDS),
        *LINKS.make(7, ORDER, RECORDS),
    ]
    assert len({*made, *others}) == 4 * len(RECORDS)


@given(batches, records, records)
def test_a_token_does_not_hold_for_anything_else(batch: int, record: bytes, other: bytes) -> None:
    (token,) = RECEIPTS.make(batch, ORDER, [record])
    assert not RECEIPTS.holds(token, OTHER_ORDER, record)
    assert not LINKS.holds(token, ORDER, record)
    assert RECEIPTS.holds(token, ORDER, other) == (record == other)


@given(batches, records, st.integers(min_value=0, max_value=119))
def test_no_bit_can_be_changed(batch: int, record: bytes, bit: int) -> None:
    (token,) = RECEIPTS.make(batch, ORDER, [record])
    number = int.from_bytes(base64.b32decode(token.upper()), "big") ^ (1 << bit)
    forged = base64.b32encode(number.to_bytes(15, "big")).decode().lower()
    assert not RECEIPTS.holds(forged, ORDER, record)


@pytest.mark.parametrize("text", ["", "a" * 23, "a" * 25, "A" * 24, "1" * 24, "a" * 24 + "\n", "അ" * 24])
def test_what_is_no_token_names_no_place(text: str) -> None:
    assert RECEIPTS.place(text) is None
    assert not RECEIPTS.holds(text, ORDER, RECORDS[0])


def test_a_token_shows_neither_batch_nor_record() -> None:
    tokens = RECEIPTS.make(7, ORDER, [bytes(16)] * 200)
    decoded = [base64.b32decode(token.upper()) for token in tokens]
    assert len({octets[:8] for octets in decoded}) == len({octets[8:] for octets in decoded}) == 200
    assert PATTERN == "[a-z2-7]{24}"
    assert "t" * 8 not in repr(RECEIPTS)


@given(st.integers(0, 40).flatmap(lambda groups: st.binary(min_size=5 * groups, max_size=5 * groups)))
def test_base32_is_the_standard_s_in_lower_case(octets: bytes) -> None:
    assert base32(octets) == base64.b32encode(octets).decode().lower()
