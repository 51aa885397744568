"""What e-mail hand-off is measured against: other senders with the same mail, sink and number of connections.

smtp-sink     Postfix's test server, in C: takes everything, keeps nothing
smtp-source   Postfix's load generator, in C, sessions kept open
smtplib       Python's standard library, a thread for each connection
aiosmtplib    its asyncio counterpart (extra `dev`), all connections in one loop
bare_pipeline our own carrier with messages made beforehand: no database, nothing to open or to render
"""

import asyncio
import contextlib
import os
import shutil
import smtplib
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.base.home import CarrierSettings
from ariyippu.send.carriers import EmailMessage, Verdict, open_carrier

HOST = "127.0.0.1"
SENDER = "notices@kerala.example"
START_S = 5.0


@dataclass(frozen=True)
class Load:
    """What a sender has to do: so many times this content to the sink at this port."""

    port: int
    messages: int
    content: bytes
    connections: int

    def shares(self) -> list[range]:
        """The positions of each connection."""
        return [range(first, self.messages, self.connections) for first in range(self.connections)]


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
    running = subprocess.Popen([program, *as_nobody, f"{HOST}:{port}", "10"])
    try:
        _wait_for(port)
        yield port
    finally:
        running.terminate()
        running.wait()


def with_smtplib(load: Load) -> None:
    def send(positions: range) -> None:
        with smtplib.SMTP(HOST, load.port) as client:
            for position in positions:
                client.sendmail(SENDER, [recipient(position)], load.content, mail_options=["BODY=8BITMIME"])

    _in_threads(send, load)


def with_aiosmtplib(load: Load) -> None:
    """ImportError where it is not installed."""
    import aiosmtplib  # noqa: PLC0415 - of the extra `dev`

    async def send(positions: range) -> None:
        async with aiosmtplib.SMTP(hostname=HOST, port=load.port, start_tls=False) as client:
            for position in positions:
                await client.sendmail(SENDER, [recipient(position)], load.content, mail_options=["BODY=8BITMIME"])

    async def send_all() -> None:
        await asyncio.gather(*map(send, load.shares()))

    asyncio.run(send_all())


def with_smtp_source(load: Load) -> None:
    """Its own text, of the same length; one recipient, for it cannot vary them within a session."""
    program = postfix("smtp-source")
    if program is None:
        raise ImportError("smtp-source")
    amounts = ["-s", str(load.connections), "-m", str(load.messages), "-l", str(len(load.content))]
    subprocess.run([program, "-d", *amounts, "-f", SENDER, "-t", recipient(0), f"{HOST}:{load.port}"], check=True)


def with_our_carrier(load: Load) -> None:
    settings = CarrierSettings(url=f"smtp://{HOST}:{load.port}", sender=SENDER)

    def send(positions: range) -> None:
        carrier = open_carrier(settings)
        messages = (EmailMessage(position, recipient(position), load.content) for position in positions)
        if any(answer.verdict is not Verdict.ACCEPTED for answer in carrier.hand_off(messages)):
            raise PermanentError("The sink refused a message.")
        carrier.close()

    _in_threads(send, load)


def _in_threads(send: Callable[[range], None], load: Load) -> None:
    threads = [threading.Thread(target=send, args=(positions,)) for positions in load.shares()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _wait_for(port: int) -> None:
    give_up_at = time.monotonic() + START_S
    while True:
        with socket.socket() as client:
            if client.connect_ex((HOST, port)) == 0:
                return
        if time.monotonic() > give_up_at:
            raise RefusedError("bench.no_sink", "smtp-sink does not listen.")
        time.sleep(0.02)
