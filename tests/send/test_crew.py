"""Workers' processes: one for each place, started again, and ended with their vault."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from ariyippu.base.home import Home
from ariyippu.send import crew
from ariyippu.send.crew import Crew, place
from tests.send.test_worker import soon

# Stands in for `python -m ariyippu send work N --until-eof`.
WORKER = """
    import pathlib, sys
    home, number = pathlib.Path(sys.argv[1]), sys.argv[2]
    with (home / f"started.{number}").open("a") as file:
        file.write("x")
    sys.stdin.buffer.read()
    (home / f"ended.{number}").write_text("")
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "vault").mkdir()
    return Home(tmp_path)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    def start(_crew: Crew, number: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", textwrap.dedent(WORKER), str(home.path), str(number)]
        return subprocess.Popen(command, stdin=subprocess.PIPE)

    monkeypatch.setattr(Crew, "_start", start)
    monkeypatch.setattr(crew, "AGAIN_S", 0.05)


def starts(home: Home, number: int) -> int:
    file = home.path / f"started.{number}"
    return len(file.read_text()) if file.exists() else 0


@pytest.mark.usefixtures("stand_in")
def test_who_dies_is_started_again_and_all_end_when_told(home: Home) -> None:
    workers = Crew(home, 2)
    workers.ensure()
    soon(lambda: (starts(home, 0), starts(home, 1)), (1, 1))
    os.kill(workers.pids()[0], signal.SIGKILL)

    def starts_again() -> int:
        workers.ensure()
        return starts(home, 0)

    soon(starts_again, 2)
    assert starts(home, 1) == 1
    workers.stop()
    assert {(home.path / f"ended.{number}").exists() for number in (0, 1)} == {True}


@pytest.mark.usefixtures("stand_in")
def test_one_that_always_dies_is_not_started_at_every_turn(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "AGAIN_S", 60.0)
    workers = Crew(home, 1)
    workers.ensure()
    os.kill(workers.pids()[0], signal.SIGKILL)

    def at_work() -> list[int]:
        workers.ensure()
        return workers.pids()

    soon(at_work, [])
    assert at_work() == []
    workers.stop()


def test_a_place_is_one_worker_s_until_it_ends(home: Home) -> None:
    ending, names = threading.Event(), []
    with place(home, 0, ending) as mine:
        assert mine is not None
        assert mine.endswith(":0")
        with place(home, 1, ending) as other:
            assert other is not None
        waiting = threading.Thread(target=lambda: names.append(enter(home, ending)))
        waiting.start()
        time.sleep(0.3)
        assert names == []
    waiting.join()
    assert names == [mine]


def test_who_waits_for_a_place_can_be_told_to_end(home: Home) -> None:
    ending = threading.Event()
    with place(home, 0, threading.Event()):
        ending.set()
        with place(home, 0, ending) as name:
            assert name is None


def enter(home: Home, ending: threading.Event) -> str | None:
    with place(home, 0, ending) as name:
        return name
