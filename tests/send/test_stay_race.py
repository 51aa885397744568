"""The race of a stay with busy workers: no window opens after its commit; of those that are open, little leaves.

A window's transaction may have asked about stays just before the stay's commit, and end after it: that window
counts as open. The vault runs as it does in an installation (turns, watches, workers) over carriers that take a
message now and then. Each trial places a stay of a random scope at a random moment, and counts what
it stops that was handed over after the stay's transaction had returned. `make soak` plays a thousand, and prints
a histogram of those counts.
"""

import datetime as dt
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.db import connection, connections

from ariyippu import flow
from ariyippu.base.settings import database_url
from ariyippu.notice.models import OrderRow
from ariyippu.policy.documents import Scope
from ariyippu.send import choice
from ariyippu.send.carriers import Answer, EmailMessage, Message, Receipt, Verdict
from ariyippu.send.models import Batch, Outcome, Window
from ariyippu.send.open import Door
from ariyippu.send.watch import Watch
from ariyippu.send.worker import Worker
from ariyippu.track import settle
from tests.world import Person, World, build

pytestmark = pytest.mark.usefixtures("clean_vault")

PERSONS = 2_400
WINDOW = 25
WORKERS = 2
WAIT_S = 60
DISTRICTS = ("KOLLAM", "IDUKKI")
SCOPES: tuple[Callable[[str], Scope], ...] = (
    lambda order: Scope(order=order),
    lambda _order: Scope(),
    lambda _order: Scope(register="spark", channel="email"),
    lambda _order: Scope(purpose="dpv:PersonnelPayment", office="pay-section"),
    lambda _order: Scope(notice="da-arrears-granted"),
    lambda _order: Scope(districts=("KOLLAM",)),
)


def district(number: int) -> str:
    return DISTRICTS[number % 2]


@dataclass
class Taken:
    """When each message was taken by a carrier, and whose it was: (time.monotonic, a person's number)."""

    seconds: random.Random
    found: list[tuple[float, int]] = field(default_factory=list)

    def hand_off(self, messages: Iterator[Message]) -> Iterator[Answer]:
        for message in messages:
            assert isinstance(message, EmailMessage)
            self.found.append((time.monotonic(), int(message.to.split(".")[1].partition("x")[0])))
            time.sleep(self.seconds.uniform(0, 0.004))
            yield Answer(message.position, Verdict.ACCEPTED, "250")

    def receipts(self) -> list[Receipt]:
        return []

    def close(self) -> None:
        pass


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    carrier = Taken(random.Random(1))  # noqa: S311  seeded: nothing here is secret
    monkeypatch.setattr(choice, "open_carrier", lambda _settings: carrier)
    return carrier


@pytest.fixture
def world(tmp_path: Path, taken: Taken) -> Iterator[World]:
    """The vault at work: its turns and its workers, a thread each."""
    made = build(tmp_path, [Person(n, district=district(n)) for n in range(PERSONS)], window=WINDOW)
    ending = threading.Event()
    threads = [threading.Thread(target=turns, args=(made, ending))]
    threads += [threading.Thread(target=work, args=(made, ending, f"worker-{n}")) for n in range(WORKERS)]
    for thread in threads:
        thread.start()
    yield made
    ending.set()
    for thread in threads:
        thread.join()


def turns(world: World, ending: threading.Event) -> None:
    while not ending.wait(flow.TURN_S):
        flow.turn(world.vault)
    connections.close_all()


def work(world: World, ending: threading.Event, name: str) -> None:
    """As flow.work does, in this process."""
    watch = Watch(database_url())
    watch.start()
    door = Door(world.home, world.vault.keyring)
    Worker(name, door=door, watch=watch, ending=ending, on_receipts=settle.keep).run()
    watch.stop()
    watch.join()
    connections.close_all()


def until(reached: Callable[[], bool]) -> None:
    ends = time.monotonic() + WAIT_S
    while not reached():
        assert time.monotonic() < ends
        time.sleep(0.005)


def database_now() -> dt.datetime:
    """By the clock that windows are opened by."""
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        found: dt.datetime = cursor.fetchone()[0]
    return found


def next_order(world: World, number: int) -> OrderRow:
    """Another order to everybody, once the one before is used up."""
    return world.order(id=f"order-{number}", min_interval_days=0)


def left(row: OrderRow) -> int:
    return PERSONS - Outcome.objects.filter(batch__order=row.digest).count()


def trial(world: World, taken: Taken, row: OrderRow, seed: int) -> int:
    """How many messages that the stay names were taken after its transaction had returned."""
    choice = random.Random(seed)  # noqa: S311
    scope = choice.choice(SCOPES)(row.order_id)
    start, wanted = len(taken.found), choice.randrange(1, 60)
    until(lambda: len(taken.found) - start >= wanted)
    stay = world.stay(f"stay-{seed}", scope=scope)
    committed, at = time.monotonic(), database_now()
    time.sleep(choice.uniform(0.05, 0.3))
    until(lambda: not Window.objects.filter(opened_at__lte=at, closed_at=None).exists())
    after = [number for moment, number in list(taken.found) if moment > committed]
    if scope.districts is not None:
        after = [number for number in after if district(number) in scope.districts]
    else:
        assert not Window.objects.filter(opened_at__gt=at).exists()
    world.lift(stay)
    flow.release(row.order_id, world.home)
    Batch.objects.filter(order=row.digest).update(not_before=row.accepted_at)  # what waited goes on at once
    return len(after)


def play(world: World, taken: Taken, trials: int) -> Counter[int]:
    found: Counter[int] = Counter()
    row, orders = next_order(world, 0), 1
    for seed in range(trials):
        if left(row) < 200:
            until(lambda order=row: left(order) == 0)  # type: ignore[misc]
            row, orders = next_order(world, orders), orders + 1
        after = trial(world, taken, row, seed)
        assert after <= WINDOW * WORKERS
        found[after] += 1
    return found


def histogram(found: Counter[int]) -> str:
    most = max(found.values())
    lines = [f"{n:>4} {found[n]:>6} {'#' * -(-50 * found[n] // most)}" for n in range(max(found) + 1)]
    return "\n".join(["", "messages taken after the stay's commit, and in how many trials:", *lines])


@pytest.mark.parametrize("trials", [6, pytest.param(1_000, marks=pytest.mark.soak)], ids=["few", "a thousand"])
def test_little_leaves_after_a_stay_and_nothing_in_a_new_window(
    world: World, taken: Taken, trials: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = play(world, taken, trials)
    assert found.total() == trials
    with capsys.disabled():
        print(histogram(found))  # noqa: T201  the soak's result
