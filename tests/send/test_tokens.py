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


def _decoded(token: str) -> bytes:
    return base64.b32decode(token.upper() + "=" * 6)


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


@given(batches, records, st.integers(min_value=0, max_value=127))
def test_no_bit_can_be_changed(batch: int, record: bytes, bit: int) -> None:
    (token,) = RECEIPTS.make(batch, ORDER, [record])
    number = int.from_bytes(_decoded(token), "big") ^ (1 << bit)
    forged = base64.b32encode(number.to_bytes(16, "big")).decode().lower().rstrip("=")
    assert not RECEIPTS.holds(forged, ORDER, record)


@given(batches, records)
def test_the_bits_beyond_a_token_s_block_are_nought(batch: int, record: bytes) -> None:
    (token,) = RECEIPTS.make(batch, ORDER, [record])
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    beyond = letters.index(token[-1])
    assert not [n for n in range(1, 4) if RECEIPTS.holds(token[:-1] + letters[beyond + n], ORDER, record)]


@pytest.mark.parametrize("text", ["", "a" * 25, "a" * 27, "A" * 26, "1" * 26, "a" * 26 + "\n", "അ" * 26])
def test_what_is_no_token_names_no_place(text: str) -> None:
    assert RECEIPTS.place(text) is None
    assert not RECEIPTS.holds(text, ORDER, RECORDS[0])


def test_a_token_shows_neither_batch_nor_record() -> None:
    tokens = RECEIPTS.make(7, ORDER, [bytes(16)] * 200)
    decoded = [_decoded(token) for token in tokens]
    assert len({octets[:8] for octets in decoded}) == len({octets[8:] for octets in decoded}) == 200
    assert PATTERN == "[a-z2-7]{26}"
    assert "t" * 8 not in repr(RECEIPTS)


@given(st.integers(0, 40).flatmap(lambda groups: st.binary(min_size=5 * groups, max_size=5 * groups)))
def test_base32_is_the_standard_s_in_lower_case(octets: bytes) -> None:
    assert base32(octets) == base64.b32encode(octets).decode().lower()
