"""An SMS centre that only counts: one SMPP session, every submit taken under one id, nothing kept or looked at.

    python -m ariyippu.bench.bare_smsc

It prints its port, serves one connection after another, and ends when its standard input does.
"""

import contextlib
import selectors
import socket
import sys

from ariyippu.send.carriers import pdu
from ariyippu.send.carriers.pdu import RESPONSE, Command

HOST = "127.0.0.1"
READ_BYTES = 262_144
TAKEN_AS = b"00000000-0\0"
RESPONSE_BYTES = pdu.HEADER.size + len(TAKEN_AS)


def serve(listener: socket.socket) -> None:
    """Answer until standard input ends; one connection at a time."""
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        selector.register(listener, selectors.EVENT_READ)
        while all(key.fileobj is listener for key, _events in selector.select()):
            client, _address = listener.accept()
            with client, contextlib.suppress(ConnectionError):
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _answer_all(client)


def _answer_all(client: socket.socket) -> None:
    rest = b""
    while octets := client.recv(READ_BYTES):
        responses, rest = answers(rest + octets)
        client.sendall(responses)


def answers(octets: bytes) -> tuple[bytes, bytes]:
    """The responses to the whole requests in `octets`, and the rest."""
    found: list[bytes] = []
    at, header, unpack = 0, pdu.HEADER.size, pdu.HEADER.unpack_from
    while len(octets) - at >= header:
        length, command, _status, sequence = unpack(octets, at)
        if len(octets) - at < length:
            break
        is_submit = command == Command.SUBMIT_SM
        found.append(pdu.pack(command | RESPONSE, 0, sequence, TAKEN_AS if is_submit else b""))
        at += length
    return b"".join(found), octets[at:]


if __name__ == "__main__":
    with socket.create_server((HOST, 0)) as server:
        sys.stdout.write(f"{server.getsockname()[1]}\n")
        sys.stdout.flush()
        serve(server)
