"""The vault's workers: a process each, started with the vault, started again when one dies, ended with it.

A worker's place is a number. Its process holds the place's lock, so a worker whose vault was killed finishes
its window before another one takes its place, and nobody ends the leases of somebody who still lives.
A pipe that the vault holds open tells it that the vault lives: when the pipe ends, the worker ends.
"""

import fcntl
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from ariyippu.base.home import Home
from ariyippu.send import metrics

AGAIN_S = 1.0
STOP_S = 50.0  # a carrier answers within 35 s; the vault itself is given 60
POLL_S = 0.1

log = structlog.get_logger()


class Crew:
    """So many workers; call `ensure()` often, and `stop()` at the end."""

    def __init__(self, home: Home, count: int) -> None:
        self._home = home
        self._workers: dict[int, subprocess.Popen[bytes] | None] = dict.fromkeys(range(count))
        self._died_at: dict[int, float] = {}  # time.monotonic

    def ensure(self) -> None:
        """Start who is missing; who died is started again after AGAIN_S."""
        for number, worker in self._workers.items():
            if worker is not None and worker.poll() is not None:
                log.error("worker_died", worker=number, status=worker.returncode)
                self._workers[number] = None
                self._died_at[number] = time.monotonic()
            if self._workers[number] is None and time.monotonic() - self._died_at.get(number, -AGAIN_S) >= AGAIN_S:
                self._workers[number] = self._start(number)

    def pids(self) -> list[int]:
        return [worker.pid for worker in self._workers.values() if worker is not None]

    def stop(self) -> None:
        """Ask all to end; each finishes the window in hand. Who has not ended after STOP_S is killed."""
        running = [worker for worker in self._workers.values() if worker is not None]
        for worker in running:
            if worker.stdin is not None:
                worker.stdin.close()
        until = time.monotonic() + STOP_S
        for worker in running:
            try:
                worker.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "ariyippu", "send", "work", str(number), "--until-eof"]
        own = {"ARIYIPPU_HOME": str(self._home.path), "ARIYIPPU_ZONE": "vault"}
        environment = {**os.environ, **own, **metrics.environment(self._home)}
        return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE)


@contextmanager
def place(home: Home, number: int, ending: threading.Event) -> Iterator[str | None]:
    """Take this place once whoever has it has ended; the worker's name, or None when `ending` came first."""
    installation = hashlib.sha256(os.fsencode(home.path)).hexdigest()[:12]
    lock = os.open(home.vault / f"worker.{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if ending.wait(POLL_S):
                    yield None
                    return
                continue
            yield f"{socket.gethostname()[:60]}:{installation}:{number}"
            return
    finally:
        os.close(lock)
