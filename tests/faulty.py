"""A mail server that takes most of what comes, and spoils the rest in every way that a provider can.

Put in the place of the outside's own: `monkeypatch.setattr(outside.run, "MailServer", Faults(seed).server)`.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from ariyippu.demo.outside import smtp
from ariyippu.demo.outside.keep import Keep

DRIP_S = 0.02  # between two octets of a reply


@dataclass
class Faults:
    """How often, of a thousand messages, each thing goes wrong; and how often it did."""

    seed: int
    refused: int = 10  # 554 to the recipient
    put_off: int = 30  # 451 to the recipient
    reset: int = 5  # the connection ends before the message is taken
    lost: int = 5  # it is taken, and the connection ends before the reply
    dripped: int = 5  # the reply comes octet by octet
    happened: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311

    def server(self, keep: Keep) -> smtp.MailServer:
        server = smtp.MailServer(keep)
        connection: Callable[[], asyncio.Protocol] = lambda: _Faulty(server, self)  # noqa: E731
        server.connection = connection  # type: ignore[method-assign]
        return server

    def drawn(self, *names: str) -> str:
        """Which of these goes wrong now; empty when none does."""
        at = self._random.randrange(1000)
        for name in names:
            at -= getattr(self, name)
            if at < 0:
                self.happened[name] += 1
                return name
        return ""


class _Faulty(smtp._Connection):
    def __init__(self, server: smtp.MailServer, faults: Faults) -> None:
        super().__init__(server)
        self._faults = faults

    def _rcpt(self, rest: bytes) -> bytes:
        replies = {"refused": b"554 5.7.1 No\r\n", "put_off": b"451 4.7.1 Later\r\n"}
        drawn = self._faults.drawn(*replies)
        return replies[drawn] if drawn else super()._rcpt(rest)

    def _keep(self, content: bytes) -> str:
        drawn = self._faults.drawn("reset", "lost", "dripped")
        if drawn == "reset":
            self._transport.abort()
            return "none"
        kept = super()._keep(content)
        if drawn == "lost":
            self._transport.abort()
        if drawn == "dripped":
            self._transport = _Dripping(self._transport)  # type: ignore[assignment]
        return kept


class _Dripping:
    """A transport whose next write goes out octet by octet; what follows waits behind it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waiting = bytearray()
        self._is_through = False

    def write(self, octets: bytes) -> None:
        if self._is_through:
            self._transport.write(octets)
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._drip)
        self._waiting += octets

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def __hash__(self) -> int:
        return hash(self._transport)

    def __eq__(self, other: object) -> bool:
        return other is self._transport or other is self

    def _drip(self) -> None:
        self._transport.write(bytes(self._waiting[:1]))
        del self._waiting[:1]
        self._is_through = not self._waiting
        if self._waiting and not self._transport.is_closing():
            asyncio.get_running_loop().call_later(DRIP_S, self._drip)
