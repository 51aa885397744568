"""Workers that are forked from one process that has loaded everything: what dies is there again in a moment.

    python -m tests.nursery HOME COUNT

The vault's own crew starts each worker as a new program, which takes seconds on a busy machine; hundreds of kills would
mostly be waiting. Everything else is as it is there: `flow.work`, a place, a death without a last word. It ends, and
with it its workers, when its standard input does.
"""

import importlib
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from ariyippu.commands.zone import enter

Work = Callable[[int, threading.Event], None]


def fork(work: Work, number: int) -> int:
    """The pid of a new worker for this place."""
    pid = os.fork()
    if pid:
        return pid
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: ending.set())
    try:
        work(number, ending)
    except Exception:
        traceback.print_exc()
        raise
    finally:
        os._exit(0)


def keep(work: Work, count: int) -> None:
    """Fork who is missing, until standard input ends."""
    place_of = {fork(work, number): number for number in range(count)}
    while not select.select([0], [], [], 0.02)[0]:
        for pid in [pid for pid in place_of if os.waitpid(pid, os.WNOHANG)[0]]:
            number = place_of.pop(pid)
            place_of[fork(work, number)] = number
    for pid in place_of:
        os.kill(pid, signal.SIGTERM)
    for pid in place_of:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    home = enter("vault", Path(sys.argv[1]))
    flow = importlib.import_module("ariyippu.flow")  # not before Django is set up
    keep(lambda number, ending: flow.work(home, number, ending), int(sys.argv[2]))
