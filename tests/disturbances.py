"""What can happen to an installation while it sends: a worker or PostgreSQL dies, the database's clock jumps."""

import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from ariyippu.base import cluster, postgres
from tests.test_kill import Installation

Disturbance = Callable[[Installation, random.Random], None]

_FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
_ROOT = Path(__file__).parents[1]
JUMP_S = 600


@contextmanager
def nursery(installation: Installation, count: int) -> Iterator[None]:
    """Workers from a nursery (nursery.py); the vault's settings say that it has none of its own."""
    command = [sys.executable, "-m", "tests.nursery", str(installation.home.path), str(count)]
    errors = installation.home.path / "nursery.log"
    with (
        errors.open("wb") as log,
        subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stderr=log) as installation.nursery,
    ):
        assert installation.nursery.stdin is not None
        yield
        installation.nursery.stdin.close()


def workers(installation: Installation) -> list[int]:
    """Who hands off: children of the nursery, or of the vault."""
    parent = (installation.nursery or installation.vault.process).pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    programs = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in children}
    return [int(pid) for pid, program in programs.items() if b"work" in program or b"tests.nursery" in program]


def kill_a_worker(installation: Installation, drawn: random.Random) -> None:
    if running := workers(installation):
        os.kill(drawn.choice(running), signal.SIGKILL)


def crash_postgres(installation: Installation, drawn: random.Random) -> None:
    """One of its processes is killed: the server ends every connection, recovers, and goes on at the same port."""
    (pid,) = installation.ask("select pid from pg_stat_activity where backend_type = 'client backend' limit 1")
    os.kill(pid, signal.SIGKILL)


class DatabaseClock:
    """How far the clock of the databases that were started under it is off."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, seconds: int) -> None:
        fresh = self._file.with_suffix(".new")  # a server reads it at every look at its clock: all or nothing
        fresh.write_text(f"{seconds:+d}\n")
        fresh.chmod(0o644)
        fresh.replace(self._file)

    def jump(self, _installation: Installation, drawn: random.Random) -> None:
        """Ten minutes forward or back, or to where it should be."""
        self.set(drawn.choice([-JUMP_S, 0, JUMP_S]))


@contextmanager
def database_clock() -> Iterator[DatabaseClock]:
    """Every PostgreSQL that starts within has this clock (Debian's libfaketime); monotonic clocks go on as they do."""
    if _FAKETIME is None:
        if os.environ.get("CI") == "true":
            pytest.fail("libfaketime is missing")
        pytest.skip("needs libfaketime (Debian: libfaketime)")
    spawn = cluster.spawn
    with tempfile.TemporaryDirectory(prefix="ariyippu-clock-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's account reads it
        file = Path(folder) / "clock"
        found = DatabaseClock(file)
        own = [f"LD_PRELOAD={_FAKETIME}", f"FAKETIME_TIMESTAMP_FILE={file}", "FAKETIME_NO_CACHE=1"]
        faked = ["/usr/bin/env", *own, "DONT_FAKE_MONOTONIC=1"]

        def spawned(account: object, command: list[str], output: int) -> subprocess.Popen[bytes]:
            return spawn(account, [*faked, *command], output)  # type: ignore[arg-type]

        with mock.patch.object(postgres, "spawn", spawned):
            yield found
