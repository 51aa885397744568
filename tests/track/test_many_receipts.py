"""Very many receipts, shuffled, doubled, early, over several connections: the state of each message is the oracle's."""

import random
import threading
from collections.abc import Sequence
from typing import get_args

import pytest
from django.db import connections

from ariyippu.send.carriers import Receipt
from ariyippu.send.models import Batch
from ariyippu.track import settle
from ariyippu.track.models import EarlyReceipt, MessageReceipt
from ariyippu.track.receipts import State, Word, of_receipt, settled
from tests.track import sends

pytestmark = pytest.mark.usefixtures("clean_vault")

STATES = get_args(Receipt.__annotations__["state"])


def test_what_comes_in_pieces_over_two_connections_is_the_oracle_s() -> None:
    """Two threads, each with half of the pieces, some doubled, some early, some nobody's."""
    chance = random.Random(20260224)  # noqa: S311
    receipts = [
        Receipt(f"M{chance.randrange(240)}", chance.choice(STATES), f"{chance.randrange(4):03d}") for _ in range(1_500)
    ]
    receipts += chance.choices(receipts, k=450)
    chance.shuffle(receipts)
    pieces = [receipts[at : at + 65] for at in range(0, len(receipts), 65)]
    first, second = sends.batch(100), sends.batch(100)
    sends.accepted(first, 0)

    def keep(mine: list[list[Receipt]]) -> None:
        for piece in mine:
            settle.keep(piece)
        connections.close_all()

    threads = [threading.Thread(target=keep, args=(pieces[half::2],)) for half in (0, 1)]
    for thread in threads:
        thread.start()
    sends.accepted(second, 100)
    for thread in threads:
        thread.join()
    settle.match()
    assert kept_of(first, 0) | kept_of(second, 100) == oracle(receipts, 200)
    assert set(EarlyReceipt.objects.values_list("provider_id", flat=True)) == {
        receipt.provider_id
        for receipt in receipts
        if receipt.state != "unknown" and int(receipt.provider_id[1:]) >= 200
    }


def kept_of(batch: Batch, first_id: int) -> dict[str, Word]:
    rows = MessageReceipt.objects.filter(batch=batch).values_list("position", "state", "code")
    return {f"M{first_id + position}": Word(State(state), code) for position, state, code in rows}


def oracle(receipts: Sequence[Receipt], sent: int) -> dict[str, Word]:
    """Message by message, from all of its words at once."""
    words: dict[str, list[Word]] = {}
    for receipt in receipts:
        if (word := of_receipt(receipt, ())) and int(receipt.provider_id[1:]) < sent:
            words.setdefault(receipt.provider_id, []).append(word)
    return {provider_id: settled(said) for provider_id, said in words.items()}


@pytest.mark.soak
def test_a_million_receipts_shuffled_and_doubled() -> None:
    """A million receipts, 30 % of them doubles, about 700,000 messages; half of these have their outcomes late."""
    chance = random.Random(7)  # noqa: S311
    messages, size = 700_000, 1_000
    receipts = [Receipt(f"M{n}", chance.choice(STATES), f"{chance.randrange(8):03d}") for n in range(messages)]
    receipts += [
        Receipt(one.provider_id, chance.choice(STATES), one.code) if chance.random() < 0.5 else one
        for one in chance.choices(receipts, k=300_000)
    ]
    chance.shuffle(receipts)
    batches = [sends.batch(size) for _ in range(messages // size)]
    for number, batch in enumerate(batches[::2]):
        sends.accepted(batch, 2 * number * size)
    for at in range(0, len(receipts), 2_000):
        settle.keep(receipts[at : at + 2_000])
    for number, batch in enumerate(batches[1::2]):
        sends.accepted(batch, (2 * number + 1) * size)
    while settle.match():
        pass
    found: dict[str, Word] = {}
    for number, batch in enumerate(batches):
        found |= kept_of(batch, number * size)
    assert found == oracle(receipts, messages)
    assert not EarlyReceipt.objects.exists()
