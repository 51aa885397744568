"""What e-mail hand-off is measured against: other senders, one connection each, the same mail and sink.

smtp-sink     Postfix's test server, in C: takes everything, keeps nothing
smtp-source   Postfix's load generator, in C, one session kept open
smtplib       Python's standard library
aiosmtplib    its asyncio counterpart (extra `dev`)
"""

import asyncio
import contextlib
import os
import shutil
import smtplib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

from ariyippu.base.errors import RefusedError

HOST = "127.0.0.1"
SENDER = "notices@kerala.example"
CONTENT = b"Subject: =?utf-8?q?x?=\r\n\r\n" + "അറിയിപ്പ്: ഭൂനികുതി അടയ്ക്കാൻ സമയമായി.\r\n".encode() * 18  # about 2 kB
START_S = 5.0

Sender = Callable[[int, int], None]  # port, how many messages


def recipient(position: int) -> str:
    return f"p{position:07d}@post.example"


def rate(send: Sender, port: int, messages: int) -> float:
    """Messages per second, connecting included."""
    began = time.perf_counter()
    send(port, messages)
    return messages / (time.perf_counter() - began)


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """A fresh smtp-sink; its port. RefusedError `bench.no_sink` where Postfix is not installed."""
    program = shutil.which("smtp-sink", path=f"{os.defpath}:/usr/sbin")
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


def with_smtplib(port: int, messages: int) -> None:
    with smtplib.SMTP(HOST, port) as client:
        for position in range(messages):
            client.sendmail(SENDER, [recipient(position)], CONTENT, mail_options=["BODY=8BITMIME"])


def with_aiosmtplib(port: int, messages: int) -> None:
    import aiosmtplib  # noqa: PLC0415 - of the extra `dev`

    async def send() -> None:
        async with aiosmtplib.SMTP(hostname=HOST, port=port, start_tls=False) as client:
            for position in range(messages):
                await client.sendmail(SENDER, [recipient(position)], CONTENT, mail_options=["BODY=8BITMIME"])

    asyncio.run(send())


def with_smtp_source(port: int, messages: int) -> None:
    """Its own text, of the same length; one recipient, for it cannot vary them within a session."""
    program = shutil.which("smtp-source", path=f"{os.defpath}:/usr/sbin") or "smtp-source"
    size = str(len(CONTENT))
    command = [program, "-d", "-s", "1", "-m", str(messages), "-l", size, "-f", SENDER, "-t", recipient(0)]
    subprocess.run([*command, f"{HOST}:{port}"], check=True)


def _wait_for(port: int) -> None:
    give_up_at = time.monotonic() + START_S
    while True:
        with socket.socket() as client:
            if client.connect_ex((HOST, port)) == 0:
                return
        if time.monotonic() > give_up_at:
            raise RefusedError("bench.no_sink", "smtp-sink does not listen.")
        time.sleep(0.02)
