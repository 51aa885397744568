"""Running the outside world: in this process (`serve`), or in a thread beside a test or a demo (`running`)."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ariyippu.demo.outside.keep import Keep
from ariyippu.demo.outside.smsc import Account, SmsCentre
from ariyippu.demo.outside.smtp import MailServer

HOST = "127.0.0.1"
FLUSH_S = 0.1


@dataclass(frozen=True)
class Outside:
    """Where the outside world keeps and listens. A port of 0 stands for any free one."""

    folder: Path
    smtp_port: int = 0
    smpp_port: int = 0
    account: Account = field(default=Account("demo", "demo"), repr=False)


@contextlib.asynccontextmanager
async def serve(outside: Outside) -> AsyncIterator[tuple[int, int]]:
    """Both servers, for as long as the context lasts; the SMTP and the SMPP port. All is on disk at its end."""
    loop = asyncio.get_running_loop()
    keep = Keep(outside.folder)
    mail_server, sms_centre = MailServer(keep), SmsCentre(keep, outside.account)
    mail = await loop.create_server(mail_server.connection, HOST, outside.smtp_port)
    sms = await loop.create_server(sms_centre.connection, HOST, outside.smpp_port)
    flushing = asyncio.create_task(_flush(keep, sms_centre))
    try:
        yield mail.sockets[0].getsockname()[1], sms.sockets[0].getsockname()[1]
    finally:
        mail.close()
        sms.close()
        flushing.cancel()
        for transport in mail_server.open | sms_centre.open:
            transport.abort()
        keep.close()


@contextlib.contextmanager
def running(outside: Outside) -> Iterator[tuple[int, int]]:
    """The same in a thread of its own, with its own event loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="outside", daemon=True)
    thread.start()
    servers = serve(outside)
    try:
        yield asyncio.run_coroutine_threadsafe(servers.__aenter__(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(servers.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _flush(keep: Keep, sms_centre: SmsCentre) -> None:
    while True:
        await asyncio.sleep(FLUSH_S)
        sms_centre.expire()
        keep.flush()
