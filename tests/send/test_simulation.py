"""Random lives of an order: `SIMULATION_SEED=17 pytest tests/send/test_simulation.py` lives one again."""

import os
import time
from pathlib import Path

import pytest

from ariyippu.send import choice, cut, worker
from tests.send.simulation import run
from tests.world import World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

COUNT, BATCH, WINDOW = 11, 4, 3
TEST_S = 20.0  # as many seeds as fit
SOAK_SEEDS, PER_WORLD = 1_000, 25


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(cut, "BATCH_MESSAGES", BATCH)
    monkeypatch.setattr(choice, "AFTER_FAULT_S", 0)
    monkeypatch.setattr(worker, "SLICE_S", 1e9)
    return build(tmp_path, people(COUNT), window=WINDOW)


def test_seeds(world: World) -> None:
    if given := os.environ.get("SIMULATION_SEED"):
        run(world, int(given))
        return
    until, seed = time.monotonic() + TEST_S, 0
    while time.monotonic() < until:
        run(world, seed)
        seed += 1
    assert seed


@pytest.mark.soak
@pytest.mark.parametrize("first", range(0, SOAK_SEEDS, PER_WORLD))
def test_a_thousand_seeds(world: World, first: int) -> None:
    for seed in range(first, first + PER_WORLD):
        run(world, seed)
