"""One bound SMPP 3.4 transceiver: PDUs out and in, the provider's own requests answered on the way.

    dial, bind_transceiver    open_session
    enquire_link              asked after a long silence, answered at once; whatever comes then proves the link
    deliver_sm                a receipt or a STOP is answered once it is kept, everything else at once
    unbind                    ours when the carrier closes; theirs ends the session

What is submitted and what its responses mean is the carrier's business (smpp.py).
"""

import contextlib
import socket
import ssl
import threading
import time
from concurrent.futures import Future

from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.send.carriers import pdu
from ariyippu.send.carriers.answers import CONNECT_S, WAIT_S, Arrival, BrokenError
from ariyippu.send.carriers.endpoint import Endpoint
from ariyippu.send.carriers.pdu import RESPONSE, Command, Pdu
from ariyippu.send.carriers.smpp_receipt import parse_receipt
from ariyippu.send.carriers.stop import parse_stop

IDLE_S = 30.0  # after so long a silence the link is tried before it is trusted
READ_BYTES = 65_536
MAX_READS = 100  # of what came while nobody looked

_WRONG_CREDENTIALS = {0x0D, 0x0E, 0x0F}


class Session:
    """A connection: PDUs out and in, with the provider's own requests answered on the way."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = b""
        self._has_ended = False
        self._sequence = 0
        self._heard_at = time.monotonic()
        self._asked_at: float | None = None  # enquire_link, which nothing has followed yet
        self.arrived: list[Arrival] = []  # what collect() has yet to return
        self._arrived: list[int] = []  # their sequences
        self._returned: list[int] = []  # of those that it returned last

    def next_sequence(self) -> int:
        self._sequence = self._sequence % 0x7FFF_FFFF + 1
        return self._sequence

    def write(self, octets: bytes | bytearray) -> None:
        try:
            self._socket.settimeout(WAIT_S)
            self._socket.sendall(octets)
        except OSError:
            raise BrokenError from None

    def read(self) -> list[Pdu]:
        """The responses among what comes next; waits up to WAIT_S for it."""
        return self._arrive(wait=True) or []

    def bind(self, endpoint: Endpoint) -> int:
        """The status of bind_transceiver."""
        sequence = self.next_sequence()
        body = pdu.pack_bind(endpoint.name, endpoint.password)
        self.write(pdu.pack(Command.BIND_TRANSCEIVER, 0, sequence, body))
        return self._response_to(sequence).status

    def look(self) -> None:
        """Read what has come; after a long silence, ask. BrokenError when the link is dead. Waits for nothing."""
        for _ in range(MAX_READS):  # the end of the connection may lie behind receipts
            if self._arrive(wait=False) is None:
                break
        now = time.monotonic()
        if self._asked_at is None and now - self._heard_at > IDLE_S:
            self.write(pdu.pack(Command.ENQUIRE_LINK, 0, self.next_sequence()))
            self._asked_at = now
        elif self._asked_at is not None and now - self._asked_at > WAIT_S:
            raise BrokenError

    def prove(self) -> None:
        """The same, and after a long silence wait for a sign of life."""
        self.look()
        while self._asked_at is not None:
            self.read()

    def collect(self) -> list[Arrival]:
        """What has come since the last call; what that one returned is confirmed now."""
        answers = [pdu.pack(Command.DELIVER_SM | RESPONSE, 0, sequence, b"\0") for sequence in self._returned]
        if answers:
            self.write(b"".join(answers))
        self._returned, self._arrived = self._arrived, []
        arrived, self.arrived = self.arrived, []
        return arrived

    def unbind(self) -> None:
        with contextlib.suppress(BrokenError):
            self.write(pdu.pack(Command.UNBIND, 0, self.next_sequence()))
        self.drop()

    def drop(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def _arrive(self, *, wait: bool) -> list[Pdu] | None:
        """Take one piece of input and serve the requests in it; its responses. None when nothing has come."""
        if self._has_ended:
            raise BrokenError
        try:
            self._socket.settimeout(WAIT_S if wait else 0)
            octets = self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            raise BrokenError from None
        if not octets:
            raise BrokenError
        self._heard_at, self._asked_at = time.monotonic(), None
        try:
            found, self._buffer = pdu.split(self._buffer + octets)
        except pdu.MalformedError:
            raise BrokenError from None
        try:
            for request in found:
                if not request.command & RESPONSE:
                    self._serve(request)
        except BrokenError:
            self._has_ended = True  # but the responses that came with it still count
        return [response for response in found if response.command & RESPONSE]

    def _response_to(self, sequence: int) -> Pdu:
        give_up_at = time.monotonic() + WAIT_S
        while time.monotonic() < give_up_at:
            for response in self.read():
                if response.sequence == sequence:
                    return response
        raise BrokenError

    def _serve(self, request: Pdu) -> None:
        if request.command == Command.DELIVER_SM:
            self._serve_deliver(request)
        elif request.command == Command.ENQUIRE_LINK:
            self.write(pdu.pack(Command.ENQUIRE_LINK | RESPONSE, 0, request.sequence))
        elif request.command == Command.UNBIND:
            self.write(pdu.pack(Command.UNBIND | RESPONSE, 0, request.sequence))
            raise BrokenError
        else:
            self.write(pdu.pack(RESPONSE, 0x03, request.sequence))  # generic_nack, ESME_RINVCMDID

    def _serve_deliver(self, request: Pdu) -> None:
        arrival = parse_receipt(request.body) or parse_stop(request.body)
        if arrival is None:  # what else people write, or a receipt that is not final: nobody reads it or keeps it
            self.write(pdu.pack(Command.DELIVER_SM | RESPONSE, 0, request.sequence, b"\0"))
            return
        self.arrived.append(arrival)
        self._arrived.append(request.sequence)


def opening(endpoint: Endpoint) -> "Future[Session]":
    """A session that is being opened, in a thread of its own: a centre may swallow what it is sent."""
    opened: Future[Session] = Future()

    def run() -> None:
        try:
            opened.set_result(_open(endpoint))
        except Exception as error:  # noqa: BLE001  who asks for the result gets it
            opened.set_exception(error)

    threading.Thread(target=run, name="smpp", daemon=True).start()
    return opened


def _open(endpoint: Endpoint) -> Session:
    """A bound session. TransientError, or RefusedError "carrier.…"."""
    session = Session(_dial(endpoint))
    try:
        status = session.bind(endpoint)
    except BrokenError:
        session.drop()
        raise TransientError("The SMS centre ended the connection.") from None
    if status != 0:
        session.drop()
        if status in _WRONG_CREDENTIALS:
            raise RefusedError("carrier.wrong_credentials", "The SMS centre refused name or password.")
        raise TransientError(f"The SMS centre refused to bind: {pdu.status_name(status)}.")
    return session


def _dial(endpoint: Endpoint) -> socket.socket:
    try:
        connection = socket.create_connection((endpoint.host, endpoint.port), timeout=CONNECT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if endpoint.scheme == "smpps":
            context = ssl.create_default_context()
            return context.wrap_socket(connection, server_hostname=endpoint.host)
    except ssl.SSLCertVerificationError:
        raise RefusedError("carrier.bad_certificate", "The SMS centre's certificate is not trusted.") from None
    except OSError as error:
        raise TransientError(f"No connection to the SMS centre: {type(error).__name__}.") from None
    return connection
