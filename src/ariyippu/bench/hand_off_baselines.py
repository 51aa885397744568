"""What e-mail hand-off is measured against: other senders with the same mail and sink, and as many connections.

smtp-sink     Postfix's test server, in C: takes everything, keeps nothing
bare_loop     bare_smtp.py, as many processes and connections as the hand-off has: the limit
bare_carrier  our own carrier in the same way, messages made beforehand: no database, nothing to open or to render
smtp_source   Postfix's load generator, in C, sessions kept open: the best of several numbers of sessions
smtplib       Python's standard library, a thread for each connection
aiosmtplib    its asyncio counterpart (extra `dev`), all connections in one loop
"""

import asyncio
import contextlib
import functools
import os
import shutil
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.bench import rate

HOST = "127.0.0.1"
SENDER = "notices@kerala.example"
START_S = 5.0
SESSIONS = (2, 8, 32)  # that smtp-source is tried with


@dataclass(frozen=True)
class Load:
    """What a sender has to do: so many times this content to the sink at this port."""

    port: int
    messages: int
    content: bytes
    processes: int
    connections: int  # of each process

    def shares(self, senders: int) -> list[range]:
        """The positions of each of so many senders."""
        return [range(first, self.messages, senders) for first in range(senders)]


def recipient(position: int) -> str:
    return f"p{position:07d}@post.example"


def postfix(program: str) -> str | None:
    """The path of one of Postfix's programs; Debian has them where an account's PATH does not look."""
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """A fresh smtp-sink; its port. RefusedError `bench.no_sink` where Postfix is not installed."""
    program = postfix("smtp-sink")
    if program is None:
        raise RefusedError("bench.no_sink", "Install smtp-sink (Debian: postfix) to measure the hand-off.")
    with socket.create_server((HOST, 0)) as unused:
        port: int = unused.getsockname()[1]
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    running = subprocess.Popen([program, *as_nobody, f"{HOST}:{port}", "100"])
    try:
        _wait_for(port)
        yield port
    finally:
        running.terminate()
        running.wait()


def bare_loop(load: Load) -> float:
    shares = [str(len(share)) for share in load.shares(load.processes)]
    arguments = [[str(load.port), share, str(load.connections)] for share in shares]
    return _of_processes("ariyippu.bench.bare_smtp", arguments, load)


def bare_carrier(load: Load) -> float:
    shares = [str(len(share)) for share in load.shares(load.processes)]
    arguments = [[str(load.port), share, str(load.connections)] for share in shares]
    return _of_processes("ariyippu.bench.bare_carrier", arguments, load)


def smtp_source(load: Load) -> float:
    """Its own text, of the same length; one recipient, for it cannot vary them within a session."""
    program = postfix("smtp-source")
    if program is None:
        raise ImportError("smtp-source")
    found = []
    for sessions in SESSIONS:
        amounts = ["-s", str(sessions), "-m", str(load.messages), "-l", str(len(load.content))]
        command = [program, "-d", *amounts, "-f", SENDER, "-t", recipient(0), f"{HOST}:{load.port}"]
        found.append(rate(load.messages, functools.partial(subprocess.run, command, check=True)))
    return max(found)


def with_smtplib(load: Load) -> float:
    def send(positions: range) -> None:
        with smtplib.SMTP(HOST, load.port) as client:
            for position in positions:
                client.sendmail(SENDER, [recipient(position)], load.content, mail_options=["BODY=8BITMIME"])

    shares = load.shares(load.processes * load.connections)
    threads = [threading.Thread(target=send, args=(positions,)) for positions in shares]

    def run() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return rate(load.messages, run)


def with_aiosmtplib(load: Load) -> float:
    """ImportError where it is not installed."""
    import aiosmtplib  # noqa: PLC0415 - of the extra `dev`

    async def send(positions: range) -> None:
        async with aiosmtplib.SMTP(hostname=HOST, port=load.port, start_tls=False) as client:
            for position in positions:
                await client.sendmail(SENDER, [recipient(position)], load.content, mail_options=["BODY=8BITMIME"])

    async def send_all() -> None:
        await asyncio.gather(*map(send, load.shares(load.processes * load.connections)))

    return rate(load.messages, lambda: asyncio.run(send_all()))


def _of_processes(module: str, arguments: Sequence[Sequence[str]], load: Load) -> float:
    """Messages/s of several processes of a module, each given the mail; they begin when all are ready."""
    command = [sys.executable, "-m", module]
    running = [subprocess.Popen([*command, *each], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for each in arguments]
    for process in running:
        if process.stdout is None or process.stdout.read(1) != b"+":
            raise PermanentError(f"{module} does not start.")

    def run() -> None:
        for process in running:
            if process.stdin is not None:
                process.stdin.write(load.content)
                process.stdin.close()
        statuses = [process.wait() for process in running]
        if any(statuses):
            raise PermanentError(f"{module} failed.")

    return rate(load.messages, run)


def _wait_for(port: int) -> None:
    give_up_at = time.monotonic() + START_S
    while True:
        with socket.socket() as client:
            if client.connect_ex((HOST, port)) == 0:
                return
        if time.monotonic() > give_up_at:
            raise RefusedError("bench.no_sink", "smtp-sink does not listen.")
        time.sleep(0.02)
