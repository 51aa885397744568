"""The SMTP listener for mail that comes back. It takes nothing that it has not kept.

    RCPT    an address of ours whose token holds, one to a mail   else 550
    DATA    read, kept and committed                              then 250; 451 when that was not possible now

It listens on 127.0.0.1, behind the installation's own mail server, in threads of the vault.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import DatabaseError, close_old_connections, connections

from ariyippu.base.errors import AriyippuError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.track.arrivals import Arrivals, Recipient

HOST = "127.0.0.1"
MAX_MAIL_BYTES = 1024 * 1024
IDLE_S = 60
THREADS = 2

log = structlog.get_logger()

T = TypeVar("T")


@contextmanager
def listening(home: Home, keyring: Keyring) -> Iterator[int | None]:
    """Listen for as long as the block lasts, if the settings name an address and a port; the port."""
    email = home.settings.carriers.get("email")
    if home.settings.bounces_port is None or email is None or email.bounces is None:
        yield None
        return
    with ThreadPoolExecutor(THREADS, thread_name_prefix="bounces") as threads:
        door = _Door(Arrivals(home, keyring, email.bounces), threads)
        controller = Controller(
            door,
            hostname=HOST,
            port=home.settings.bounces_port,
            data_size_limit=MAX_MAIL_BYTES,
            timeout=IDLE_S,
            enable_SMTPUTF8=True,
            ident="",
            server_hostname="bounces.invalid",
        )
        controller.start()
        try:
            yield home.settings.bounces_port
        finally:
            controller.stop()
            for _ in range(THREADS):
                threads.submit(connections.close_all)


class _Door:
    """aiosmtpd's hooks: each asks the vault in a thread of its own, since the database waits."""

    def __init__(self, arrivals: Arrivals, threads: ThreadPoolExecutor) -> None:
        self._arrivals = arrivals
        self._threads = threads

    async def handle_RCPT(  # noqa: N802  aiosmtpd's names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time"
        found = await self._in_thread(self._arrivals.recipient, address)
        if found is Recipient.OURS:
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 Ok"
        return "451 4.3.0 Later" if found is None else "550 5.1.1 Nobody here"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        kept = await self._in_thread(self._take, envelope.rcpt_tos[0], content)
        return "250 2.0.0 Ok" if kept else "451 4.3.0 Later"

    async def handle_exception(self, error: Exception) -> str:
        """Instead of aiosmtpd's own answer, which quotes the error."""
        log.error("bounce_listener", exc_info=error)
        return "451 4.3.0 Later"

    def _take(self, address: str, octets: bytes) -> bool:
        self._arrivals.take(address, octets)
        return True

    async def _in_thread(self, ask: Callable[..., T], *arguments: Any) -> T | None:
        """The answer, or None when the vault cannot say now."""

        def asked() -> T | None:
            close_old_connections()
            try:
                return ask(*arguments)
            except (DatabaseError, AriyippuError) as error:
                log.warning("bounce_not_kept", error=type(error).__name__)
                return None

        return await asyncio.get_running_loop().run_in_executor(self._threads, asked)
