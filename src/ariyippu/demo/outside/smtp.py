"""A mail server that takes everything (RFC 5321, 2920, 6152): fast, pipelined, and without delivery."""

import asyncio
import itertools
import re
from collections.abc import Callable

from ariyippu.base import clock
from ariyippu.demo.outside.keep import ENCODING, ODD_OCTETS, Keep

MAX_MESSAGE_BYTES = 10_000_000
MAX_LINE_BYTES = 4096
END = b"\r\n.\r\n"
GREETING = b"220 mail.example ESMTP\r\n"
EXTENSIONS = (
    b"250-mail.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
    b"250-SIZE %d\r\n250 ENHANCEDSTATUSCODES\r\n" % MAX_MESSAGE_BYTES
)
_PATH = re.compile(rb"(?:FROM|TO):<([^<>\s]*)>(?: .*)?", re.IGNORECASE)


class MailServer:
    """Shared by all connections: where messages go, and their numbers."""

    def __init__(self, keep: Keep) -> None:
        self.keep = keep
        self.ids = itertools.count(1)
        self.open: set[asyncio.Transport] = set()

    def connection(self) -> asyncio.Protocol:
        return _Connection(self)


class _Connection(asyncio.Protocol):
    """One client. Octets come in any pieces; replies to one piece leave in one write."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._scanned = 0  # octets of the buffer in which END was sought in vain
        self._in_content = False
        self._is_leaving = False
        self._sender: bytes | None = None
        self._recipients: list[bytes] = []
        self._verbs: dict[bytes, Callable[[bytes], bytes]] = {
            b"EHLO": lambda _rest: self._forget(EXTENSIONS),
            b"HELO": lambda _rest: self._forget(b"250 mail.example\r\n"),
            b"MAIL": self._mail,
            b"RCPT": self._rcpt,
            b"DATA": self._data,
            b"RSET": lambda _rest: self._forget(b"250 2.0.0 Ok\r\n"),
            b"NOOP": lambda _rest: b"250 2.0.0 Ok\r\n",
            b"QUIT": self._quit,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("SMTP needs a stream")
        self._transport = transport
        self._server.open.add(transport)
        transport.write(GREETING)

    def connection_lost(self, _error: Exception | None) -> None:
        self._server.open.discard(self._transport)

    def data_received(self, octets: bytes) -> None:
        self._buffer += octets
        replies: list[bytes] = []
        while (reply := self._content() if self._in_content else self._command()) is not None:
            replies.append(reply)
        if replies:
            self._transport.write(b"".join(replies))
        if self._is_leaving or len(self._buffer) > (MAX_MESSAGE_BYTES if self._in_content else MAX_LINE_BYTES):
            self._transport.close()

    def _command(self) -> bytes | None:
        """The reply to the next whole line, or None when there is none."""
        end = self._buffer.find(b"\n")
        if end < 0 or self._is_leaving:
            return None
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        act = self._verbs.get(line[:4].upper())
        return act(line[5:]) if act else b"502 5.5.2 Unknown\r\n"

    def _content(self) -> bytes | None:
        """The reply to a whole message, or None while its end is missing."""
        if self._buffer.startswith(b".\r\n"):
            end, after = 0, 3
        else:
            end = self._buffer.find(END, max(0, self._scanned - len(END)))
            if end < 0:
                self._scanned = len(self._buffer)
                return None
            end, after = end + 2, end + len(END)
        content = bytes(self._buffer[:end])
        del self._buffer[:after]
        self._scanned = 0
        self._in_content = False
        queue_id = self._keep(content)
        return self._forget(b"250 2.0.0 Ok: queued as %b\r\n" % queue_id.encode())

    def _keep(self, content: bytes) -> str:
        queue_id = f"M{next(self._server.ids):X}"
        unstuffed = content.replace(b"\r\n.", b"\r\n")
        if unstuffed.startswith(b"."):
            unstuffed = unstuffed[1:]
        at = clock.rfc3339(clock.now())
        for recipient in self._recipients:
            self._server.keep.mail(
                {
                    "id": queue_id,
                    "at": at,
                    "sender": (self._sender or b"").decode(ENCODING, ODD_OCTETS),
                    "to": recipient.decode(ENCODING, ODD_OCTETS),
                    "content": unstuffed.decode(ENCODING, ODD_OCTETS),
                }
            )
        return queue_id

    def _mail(self, rest: bytes) -> bytes:
        if self._sender is not None:
            return b"503 5.5.1 Nested MAIL\r\n"
        if (found := _PATH.fullmatch(rest)) is None:
            return b"501 5.5.4 Syntax\r\n"
        self._sender = found[1]
        return b"250 2.1.0 Ok\r\n"

    def _rcpt(self, rest: bytes) -> bytes:
        if self._sender is None:
            return b"503 5.5.1 MAIL first\r\n"
        if (found := _PATH.fullmatch(rest)) is None or b"@" not in found[1]:
            return b"501 5.5.4 Syntax\r\n"
        local_part = found[1].rpartition(b"@")[0]
        if local_part.endswith(b"0000"):
            return b"550 5.1.1 Nobody here\r\n"
        if local_part.endswith(b"0001"):
            return b"452 4.2.2 Mailbox full\r\n"
        self._recipients.append(found[1])
        return b"250 2.1.5 Ok\r\n"

    def _data(self, _rest: bytes) -> bytes:
        if not self._recipients:
            return b"503 5.5.1 RCPT first\r\n"
        self._in_content = True
        return b"354 Go ahead\r\n"

    def _quit(self, _rest: bytes) -> bytes:
        self._is_leaving = True
        return b"221 2.0.0 Bye\r\n"

    def _forget(self, reply: bytes) -> bytes:
        self._sender, self._recipients = None, []
        return reply
