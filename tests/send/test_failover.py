"""Over real connections: a relay that dies in the middle of a window, and one that comes back."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from ariyippu.demo.outside.keep import read_mail
from ariyippu.demo.outside.run import Outside, running
from ariyippu.notice.models import OrderRow
from ariyippu.send import breaker, choice, cut
from ariyippu.send.breaker import STEPS
from ariyippu.send.carriers import Answer, Message, open_carrier
from ariyippu.send.choice import Chosen
from ariyippu.send.models import Outcome
from ariyippu.send.worker import Worker
from tests.send.test_choice import COUNT, DOWN, world_of
from tests.send.test_worker import Counting, at_work, outcomes
from tests.world import Person

pytestmark = pytest.mark.usefixtures("clean_vault")

WINDOW = 5
TURNS = 200  # far more than anything here takes


def more(count: int) -> Iterator[Person]:
    return (Person(1_000 + number) for number in range(count))


def turn_until(one: Worker, row: OrderRow, settled: Callable[[], int], wanted: int) -> None:
    for _ in range(TURNS):
        if settled() >= wanted:
            return
        if not one._turn():
            time.sleep(0.05)  # what was put off waits a second
    raise AssertionError(outcomes(row))


def all_settled() -> int:
    return Outcome.objects.count()


def by_second() -> int:
    return Outcome.objects.filter(provider_id__startswith="second/").count()


def arrived(folder: Path) -> list[str]:
    return [mail["to"] for mail in read_mail(folder)]


def test_mail_goes_on_by_the_second_relay_when_the_first_dies_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "AFTER_FAULT_S", 0)
    handed: list[int] = []
    count = COUNT + 20
    with ExitStack() as first, running(Outside(tmp_path / "second")) as (second_port, _sms):
        first_port, _sms = first.enter_context(running(Outside(tmp_path / "first")))
        world = world_of(tmp_path, "email", first_port, second_port, *more(20))
        row = world.sending()
        monkeypatch.setattr(
            choice, "open_carrier", lambda of: Counting(open_carrier(of), handed, at=8, then=first.close)
        )
        with at_work(world) as one:
            turn_until(one, row, all_settled, count)
    found = outcomes(row)["email"]
    reached = arrived(tmp_path / "first") + arrived(tmp_path / "second")
    assert set(found) <= {"accepted", "unknown"}
    assert found.get("unknown", 0) <= WINDOW, "what was in the window when it died, and nothing else"
    assert len(reached) == len(set(reached)), "nobody of them was sent again by the other"
    assert found["accepted"] <= len(reached) <= count
    assert len(arrived(tmp_path / "first")) >= WINDOW
    assert len(arrived(tmp_path / "second")) == by_second() >= count - 2 * WINDOW


def test_a_relay_that_comes_back_is_given_more_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One batch in 16, in 8, in 4, in 2, then all; while it was still down, each try was one turn and cost nobody."""
    names: list[str] = []
    hand_off = Chosen.hand_off

    def noted(self: Chosen, messages: Iterator[Message]) -> list[Answer]:
        names.append(self.name)
        return hand_off(self, messages)

    monkeypatch.setattr(Chosen, "hand_off", noted)
    monkeypatch.setattr(choice, "AFTER_FAULT_S", 0)
    monkeypatch.setattr(breaker, "REST_S", 0.0)  # it may be tried again at once
    monkeypatch.setattr(breaker, "STEP_VOLUME", 2)
    monkeypatch.setattr(cut, "BATCH_MESSAGES", 2)
    with ExitStack() as stack:
        second_port, _sms = stack.enter_context(running(Outside(tmp_path / "second")))
        world = world_of(tmp_path, "email", DOWN, second_port, *more(100))
        row = world.sending()
        with at_work(world) as one:
            turn_until(one, row, by_second, 2 * 20)
            assert names.count("email") == 4, "thrice until the breaker opened, once of sixteen after that"
            names.clear()
            port, _sms = stack.enter_context(running(Outside(tmp_path / "first")))
            first = next(each for each in one._choice._of["email"] if each.name == "email")
            first.settings = first.settings.model_copy(update={"url": f"smtp://127.0.0.1:{port}"})
            first._carrier = None
            turn_until(one, row, all_settled, COUNT + 100)
    at = [number for number, name in enumerate(names) if name == "email"]
    between = [later - earlier for earlier, later in pairwise(at)]
    assert between[: len(STEPS)] == [round(1 / share) for share in STEPS[1:]] + [1]
    assert set(between[len(STEPS) :]) == {1}, "closed: it takes everything"
    assert outcomes(row) == {"email": {"accepted": COUNT + 100}}
    reached = arrived(tmp_path / "first") + arrived(tmp_path / "second")
    assert len(reached) == len(set(reached)) == COUNT + 100
