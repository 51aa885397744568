"""The least that a pipelined sender can do: the same mail, again and again, over several connections at once.

    python -m ariyippu.bench.bare_smtp PORT MESSAGES CONNECTIONS < MAIL

It prints `+` when it is ready for the mail. No state is kept of any message, replies are told apart by their
first digit alone, and one of the wrong kind ends it. What it does in a second is what is left for everything
else that a hand-off does.
"""

import select
import socket
import sys
from dataclasses import dataclass

HOST = "127.0.0.1"
SENDER, RECIPIENT = "notices@kerala.example", "p0000000@post.example"
READ_BYTES = 65_536
BODY, ENVELOPE = (b"2",), (b"2", b"2", b"3")  # the first digits of what is replied to each


@dataclass
class _Session:
    client: socket.socket
    wanted: tuple[bytes, ...]
    buffer: bytes = b""


def send(port: int, messages: int, connections: int, mail: bytes) -> None:
    """Hand `mail` off so many times."""
    envelope = f"MAIL FROM:<{SENDER}> BODY=8BITMIME\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\n".encode()
    body = mail.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    poll = select.poll()
    sessions = {}
    for _ in range(min(connections, messages)):
        client = _greeted(port)
        client.sendall(envelope)
        sessions[client.fileno()] = _Session(client, ENVELOPE)
        poll.register(client, select.POLLIN)
    waiting, unanswered = messages - len(sessions), messages
    while unanswered:
        for number, _event in poll.poll():
            session = sessions[number]
            if not _has_replied(session):
                continue
            unanswered -= session.wanted != ENVELOPE
            if waiting:
                session.wanted = BODY + ENVELOPE
                session.client.sendall(body + envelope)
                waiting -= 1
            elif session.wanted != BODY:
                session.wanted = BODY
                session.client.sendall(body)


def _greeted(port: int) -> socket.socket:
    client = socket.create_connection((HOST, port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.recv(READ_BYTES)
    client.sendall(b"EHLO bench.example\r\n")
    replied = b""
    while b"250 " not in replied:
        replied += client.recv(READ_BYTES)
    return client


def _has_replied(session: _Session) -> bool:
    """Whether everything that this session waits for has come."""
    octets = session.client.recv(READ_BYTES)
    lines = (session.buffer + octets).split(b"\n")
    if len(lines) <= len(session.wanted) and octets:
        session.buffer += octets
        return False
    if [line[:1] for line in lines[:-1]] != list(session.wanted):
        raise SystemExit("The mail server does not take everything.")
    session.buffer = b""
    return True


if __name__ == "__main__":
    sys.stdout.write("+")
    sys.stdout.flush()
    port, messages, connections = map(int, sys.argv[1:])
    send(port, messages, connections, sys.stdin.buffer.read())
