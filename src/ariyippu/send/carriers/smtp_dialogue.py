"""One SMTP connection's conversation after its greeting, without the connection: octets in, octets and answers out.

A message costs one round trip, because the envelope of the next one travels in the write that carries this
one's body (RFC 2920):

    take()  body of 1 . CRLF | MAIL 2 | RCPT 2 | DATA
    read()  250 (1 accepted) | 250    | 250    | 354      -> the body of 2 may be written

A body is never written before its own 354: a refused recipient would turn it into commands. No socket, no clock.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from ariyippu.send.carriers import verdicts
from ariyippu.send.carriers.answers import PROVIDER_ID, Answer, EmailMessage, Verdict

MAX_REPLY_LINES = 100
MAX_LINE_BYTES = 65_536

# No blanks, controls or angle brackets: quoted local parts with blanks exist in RFC 5321, not in registers.
ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f<>@]{1,64}@[^\s\x00-\x1f\x7f<>@]{1,255}")
# RFC 3463: class.subject.detail; it must be all of the word, so that no other number is taken for it.
_CODE = re.compile(rb"\d{3}(?: \d\.\d{1,3}\.\d{1,3}(?= |$))?")
_QUEUE_ID = re.compile(rb"\bqueued as (" + PROVIDER_ID.encode() + rb")\s*$")
_CLOSING = b"421"
_DOT_FIRST = re.compile(rb"\n\.")

_END, _MAIL, _RCPT, _DATA = range(4)  # what a reply that is awaited belongs to
_WANTED = {_MAIL: b"2", _RCPT: b"2", _DATA: b"3"}
# What nearly always comes to all four: read as one, each message costs a third less.
_ALL_WELL = re.compile(rb"(250 [^\r\n]*)\r\n250 [^\r\n]*\r\n250 [^\r\n]*\r\n(354 [^\r\n]*)\r\n")


@dataclass(frozen=True)
class Offer:
    """What the server said that it can do (RFC 1870, RFC 6531)."""

    has_size: bool
    max_bytes: int | None  # None: no limit stated
    has_smtputf8: bool


class Dialogue:
    """The state of one connection. Call `take()` or `finish()` only while `is_ready`, and write what they return."""

    def __init__(self, sender: str, offer: Offer) -> None:
        self._sender = sender
        self._offer = offer
        self._rest = b""  # the beginning of a line
        self._lines = 0  # of the present reply
        self._awaited: deque[int] = deque()
        # What goes before the next envelope: a body, RSET, or the dot of an empty message.
        self._ahead: tuple[bytes, ...] = ()
        self._bodied: EmailMessage | None = None  # whose body stands ahead, or was written last
        self._offered: EmailMessage | None = None  # whose envelope was written
        self._refusal = b""  # the first one of this envelope
        self.is_broken = False  # the connection makes no sense any more, or the server closes it

    @property
    def is_ready(self) -> bool:
        """Whether every reply has come, so that something may be written."""
        return not self._awaited

    @property
    def is_clean(self) -> bool:
        """Whether nothing has to be written or read before the connection may rest or end."""
        return not self._awaited and not self._ahead and not self.is_broken

    def fault(self, message: EmailMessage) -> str | None:
        """Why this message is not even offered, as a code; None when it is fine."""
        if not ADDRESS.fullmatch(message.to):
            return "local.bad_address"
        if not (message.to.isascii() and self._sender.isascii()) and not self._offer.has_smtputf8:
            return "local.no_smtputf8"
        if self._offer.max_bytes is not None and len(message.content) > self._offer.max_bytes:
            return "local.too_long"
        return None

    def take(self, message: EmailMessage) -> bytes:
        """What to write so that this message, which has no fault, is offered."""
        written = b"".join((*self._behind(), self._envelope(message)))
        self._offered, self._refusal = message, b""
        self._awaited.extend((_MAIL, _RCPT, _DATA))
        return written

    def finish(self) -> bytes:
        """What is still to be written when no message follows; empty when nothing is."""
        return b"".join(self._behind())

    def read(self, octets: bytes) -> list[Answer]:
        """The answers that these octets complete. Octets after the end of the conversation break it."""
        answers: list[Answer] = []
        if len(self._awaited) == len(_WANTED) + 1 and not self._rest and (well := _ALL_WELL.fullmatch(octets)):
            self._awaited.clear()
            self._lines = 0
            self._end_of_body(well[1], answers)
            self._end_of_envelope(well[2], answers)
            return answers
        lines = (self._rest + octets).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if not line[:3].isdigit() or not self._awaited:
                self.is_broken = True
            elif line[3:4] == b"-":
                self._lines += 1
            else:
                self._lines = 0
                self._reply(line.rstrip(b"\r"), answers)
            if self.is_broken:
                return answers
        self.is_broken = len(self._rest) > MAX_LINE_BYTES or self._lines > MAX_REPLY_LINES
        return answers

    def lost(self) -> Iterator[Answer]:
        """What is to be said of the messages without an answer when the connection ends now."""
        if self._bodied is not None:
            written = not self._ahead
            verdict = Verdict.UNKNOWN if written else Verdict.TRANSIENT
            yield Answer(self._bodied.position, verdict, "local.connection_lost")
        if self._offered is not None:
            yield Answer(self._offered.position, Verdict.TRANSIENT, "local.connection_lost")

    def _behind(self) -> tuple[bytes, ...]:
        """What stood ahead, which is written now."""
        written, self._ahead = self._ahead, ()
        if written:
            self._awaited.append(_END)
        return written

    def _envelope(self, message: EmailMessage) -> bytes:
        size = f" SIZE={len(message.content)}" if self._offer.has_size else ""
        utf8 = "" if message.to.isascii() and self._sender.isascii() else " SMTPUTF8"
        return_path = message.return_path or self._sender
        return (f"MAIL FROM:<{return_path}> BODY=8BITMIME{size}{utf8}\r\nRCPT TO:<{message.to}>\r\nDATA\r\n").encode()

    def _reply(self, reply: bytes, answers: list[Answer]) -> None:
        """One whole reply, which is the next one awaited."""
        step = self._awaited.popleft()
        closing = reply.startswith(_CLOSING)
        if step == _END:
            self._end_of_body(reply, answers)
        else:
            if not self._refusal and not reply.startswith(_WANTED[step]):
                self._refusal = reply
            if step == _DATA or closing:
                self._end_of_envelope(reply, answers)
        self.is_broken = self.is_broken or closing

    def _end_of_body(self, reply: bytes, answers: list[Answer]) -> None:
        if self._bodied is not None and self._answer(self._bodied, reply, b"245", answers):
            self._bodied = None

    def _end_of_envelope(self, reply: bytes, answers: list[Answer]) -> None:
        message = self._offered
        if message is None:
            raise RuntimeError("an envelope's replies came without an envelope")
        if not self._refusal:
            self._bodied, self._ahead = message, _body(message)
            self._offered = None
        elif self._answer(message, self._refusal, b"45", answers):
            # RFC 2920, 3.1: a server may open DATA though it refused every recipient. A lone dot ends that.
            self._ahead = (b".\r\n" if reply.startswith(b"3") else b"RSET\r\n",)
            self._offered = None

    def _answer(self, message: EmailMessage, reply: bytes, expected: bytes, answers: list[Answer]) -> bool:
        """Whether the reply answers the message. Another first digit breaks the conversation: what is it about?"""
        found = _CODE.match(reply)
        if found is None or reply[0] not in expected:
            self.is_broken = True
            return False
        code = found[0].decode()
        verdict = verdicts.verdict(code)
        queued = _QUEUE_ID.search(reply) if verdict is Verdict.ACCEPTED else None
        answers.append(Answer(message.position, verdict, code, queued[1].decode() if queued else None))
        return True


def _body(message: EmailMessage) -> tuple[bytes, bytes]:
    """RFC 5321, 4.5.2: a leading dot is doubled; a lone dot ends the message."""
    content = message.content
    if message.dotted:
        if content.startswith(b"."):
            content = b"." + content
        if _DOT_FIRST.search(content):
            content = content.replace(b"\r\n.", b"\r\n..")
    return content, b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
