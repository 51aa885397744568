"""One kept-alive HTTP/1.1 connection that posts a form and does not wait: whoever owns it polls for the reply.

    post()   written whole before it returns, else BrokenError: a body that is cut short means nothing
    read()   what came; a reply once it is whole (http.client reads it), BrokenError when none can follow

A certificate that does not verify ends the connection; there is no setting that lets it pass.
"""

import contextlib
import http.client
import io
import socket
import ssl
import time
from dataclasses import dataclass
from typing import cast

from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.send.carriers.answers import CONNECT_S, WAIT_S, BrokenError
from ariyippu.send.carriers.endpoint import Endpoint

MAX_REPLY_BYTES = 16_384
READ_BYTES = 16_384
KEPT_S = 4.0  # servers close what idles; a post on a closing connection would be in doubt


@dataclass(frozen=True)
class Reply:
    """A whole reply; `text` is the provider's and goes no further than its carrier."""

    status: int
    text: str


class HttpConnection:
    """For one thread. `number` is the socket's, to poll."""

    def __init__(self, endpoint: Endpoint) -> None:
        """TransientError, or RefusedError `carrier.bad_certificate`."""
        self._host = endpoint.host if endpoint.port in (80, 443) else f"{endpoint.host}:{endpoint.port}"
        self._socket = _dialled(endpoint)
        self._buffer = b""
        self._ends = False  # the server closes after this reply
        self.number: int = self._socket.fileno()
        self.used_at = time.monotonic()

    def post(self, path: str, form: bytes) -> None:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n"
        )
        self._buffer = b""
        self.used_at = time.monotonic()
        try:
            self._socket.settimeout(WAIT_S)
            self._socket.sendall(head.encode("ascii") + form)
            self._socket.settimeout(0)
        except OSError:
            raise BrokenError from None

    def read(self) -> Reply | None:
        try:
            octets = self._socket.recv(READ_BYTES)
            while isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():  # poll() does not see these
                octets += self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            raise BrokenError from None
        self._buffer += octets
        reply = self._parsed(at_end=not octets)
        if reply is None and (not octets or len(self._buffer) > MAX_REPLY_BYTES):
            raise BrokenError
        self.used_at = time.monotonic()
        return reply

    def is_usable(self) -> bool:
        """Whether another post may go over it: the server keeps it open and said nothing unasked."""
        if self._ends or time.monotonic() - self.used_at > KEPT_S:
            return False
        try:
            self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        return False

    def drop(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def _parsed(self, *, at_end: bool) -> Reply | None:
        if b"\r\n\r\n" not in self._buffer:
            return None
        response = http.client.HTTPResponse(cast("socket.socket", _Octets(self._buffer)), method="POST")
        try:
            response.begin()
            body = response.read()
        except http.client.IncompleteRead:
            return None
        except (http.client.HTTPException, ValueError):
            raise BrokenError from None
        if response.length is None and not response.chunked and not at_end:
            return None  # it has no length: it ends with the connection
        self._ends = response.will_close or at_end
        return Reply(response.status, body.decode("utf-8", "replace"))


class _Octets:
    """What http.client wants of a socket, over octets that are there."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._octets)


def _dialled(endpoint: Endpoint) -> socket.socket:
    try:
        connection = socket.create_connection((endpoint.host, endpoint.port), timeout=CONNECT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if endpoint.scheme.endswith("https"):
            connection = ssl.create_default_context().wrap_socket(connection, server_hostname=endpoint.host)
        connection.settimeout(0)
    except ssl.SSLCertVerificationError:
        raise RefusedError("carrier.bad_certificate", "The SMS gateway's certificate is not trusted.") from None
    except OSError as error:
        raise TransientError(f"No connection to the SMS gateway: {type(error).__name__}.") from None
    return connection
