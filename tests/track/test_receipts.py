"""The pure part: whatever order receipts come in, and however often, the greatest word counts."""

import random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.send.carriers import Receipt
from ariyippu.track.receipts import State, Word, is_hard, of_receipt, of_status, settled

words = st.builds(Word, st.sampled_from(State), st.text(alphabet="0159. ", max_size=6))


@given(st.lists(words, min_size=1), st.randoms(use_true_random=False), st.integers(min_value=0, max_value=20))
def test_order_doubling_and_grouping_change_nothing(said: list[Word], chance: random.Random, cut: int) -> None:
    again = [*said, *chance.choices(said, k=len(said))]
    chance.shuffle(again)
    first, rest = again[:cut], again[cut:]
    parts = [settled(part) for part in (first, rest) if part]
    assert settled(parts) == settled(said) == settled([settled(said), *again])


def test_whom_to_believe() -> None:
    not_delivered = State.DELETED, State.EXPIRED, State.UNDELIVERED, State.REJECTED
    assert sorted(State) == [*not_delivered, State.DELIVERED, State.BOUNCED]


@pytest.mark.parametrize(
    ("receipt", "word"),
    [
        (Receipt("a", "delivered", "DELIVRD 000"), Word(State.DELIVERED, "DELIVRD 000")),
        (Receipt("a", "undelivered", "UNDELIV 001"), Word(State.BOUNCED, "UNDELIV 001")),
        (Receipt("a", "undelivered", "UNDELIV 1001"), Word(State.UNDELIVERED, "UNDELIV 1001")),
        (Receipt("a", "expired", "EXPIRED 027"), Word(State.EXPIRED, "EXPIRED 027")),
        (Receipt("a", "deleted", "DELETED 001"), Word(State.DELETED, "DELETED 001")),  # by us: nothing about the number
        (Receipt("a", "rejected", "REJECTD"), Word(State.REJECTED, "REJECTD")),
        (Receipt("a", "delivered", "DELIVRD 001"), Word(State.DELIVERED, "DELIVRD 001")),
        (Receipt("a", "unknown", "UNKNOWN 001"), None),
    ],
)
def test_a_carrier_s_receipt_as_a_word(receipt: Receipt, word: Word | None) -> None:
    assert of_receipt(receipt, {"001"}) == word


def test_every_state_of_a_carrier_has_a_word_or_says_nothing() -> None:
    for state in get_args(Receipt.__annotations__["state"]):
        assert (of_receipt(Receipt("a", state, ""), ()) is None) == (state == "unknown")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("5.1.1", State.BOUNCED),
        ("5.1.2", State.BOUNCED),
        ("5.1.10", State.BOUNCED),
        ("5.2.1", State.BOUNCED),
        ("5.1.7", State.UNDELIVERED),  # our own address is at fault
        ("5.1.8", State.UNDELIVERED),
        ("5.2.2", State.UNDELIVERED),  # full
        ("5.0.0", State.UNDELIVERED),
        ("5.7.1", State.REJECTED),
        ("4.4.7", State.EXPIRED),
    ],
)
def test_what_a_status_code_says(status: str, state: State) -> None:
    assert of_status(status) is state


@pytest.mark.parametrize(
    ("answer", "hard"),
    [
        ("550 5.1.1", True),
        ("556 5.1.10", True),
        ("ESME_RINVDSTADR", True),
        ("local.bad_address", True),
        ("550", False),
        ("550 5.1.11", False),
        ("550 5.7.1", False),
        ("452 4.2.2", False),
        ("local.too_long", False),
        ("", False),
    ],
)
def test_refusals_that_say_that_nobody_has_the_contact(answer: str, hard: bool) -> None:
    assert is_hard(answer) is hard
