"""E-mail over one pipelined SMTP connection (RFC 5321, 2920, 3463, 6152).

The standard library connects, secures and authenticates; then its socket is ours. A message costs one
round trip, because the envelope of the next one travels in the write that carries this one's body:

    write   body of 1 . CRLF | MAIL 2 | RCPT 2 | DATA
    read    250 (1 accepted) | 250    | 250    | 354      -> the body of 2 may be written

A body is never written before its own 354: a refused recipient would turn it into commands.
"""

import contextlib
import re
import smtplib
import ssl
import time
from collections.abc import Generator, Iterator

from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.base.home import CarrierSettings
from ariyippu.send.carriers.answers import (
    CONNECT_S,
    PROVIDER_ID,
    TAKE_S,
    WAIT_S,
    Answer,
    BrokenError,
    EmailMessage,
    Message,
    Receipt,
    Verdict,
)
from ariyippu.send.carriers.endpoint import Endpoint

MAX_REPLY_LINES = 100
MAX_LINE_BYTES = 65_536
READ_BYTES = 65_536

# No blanks, controls or angle brackets: quoted local parts with blanks exist in RFC 5321, not in registers.
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f<>@]{1,64}@[^\s\x00-\x1f\x7f<>@]{1,255}")
# RFC 3463: class.subject.detail; it must be all of the word, so that no other number is taken for it.
_CODE = re.compile(rb"(\d{3})(?: (\d\.\d{1,3}\.\d{1,3})(?= |$))?")
_QUEUE_ID = re.compile(rb"\bqueued as (" + PROVIDER_ID.encode() + rb")\s*$")

_VERDICTS = {b"2": Verdict.ACCEPTED, b"4": Verdict.TRANSIENT, b"5": Verdict.PERMANENT}
_CLOSING = b"421"


class SmtpCarrier:
    """A `Carrier` for `EmailMessage`."""

    def __init__(self, settings: CarrierSettings, endpoint: Endpoint) -> None:
        if not _ADDRESS.fullmatch(settings.sender):
            raise RefusedError("carrier.bad_sender", "The e-mail carrier's sender must be a plain address.")
        if endpoint.password and endpoint.scheme == "smtp" and not endpoint.is_loopback:
            raise RefusedError("carrier.password_in_clear", "A password needs smtps:// or smtp+starttls://.")
        self._endpoint = endpoint
        self._sender = settings.sender
        self._session: _Session | None = None

    def hand_off(self, messages: Iterator[Message]) -> Iterator[Answer]:
        take_until = time.monotonic() + TAKE_S
        session = self._ready()
        self._session = None  # given back only when the conversation ended in good order
        unanswered: dict[int, Verdict] = {}  # position -> what it is if the connection breaks now
        try:
            yield from self._converse(session, _until(messages, take_until), unanswered)
            self._session = session
        except BrokenError:
            for position, verdict in unanswered.items():
                yield Answer(position, verdict, "local.connection_lost")
        finally:
            if self._session is None:
                session.drop()

    def receipts(self) -> list[Receipt]:
        return []  # bounces come back as mail

    def close(self) -> None:
        if self._session is not None:
            self._session.quit()
            self._session = None

    def _ready(self) -> "_Session":
        if self._session is None or not self._session.is_quiet():
            self._session = _Session(_connect(self._endpoint))
        return self._session

    def _converse(
        self, session: "_Session", messages: Iterator[EmailMessage], unanswered: dict[int, Verdict]
    ) -> Iterator[Answer]:
        ahead = b""  # goes before the next envelope: a body, RSET, or the dot of an empty message
        bodied: int | None = None  # whose body it is
        while True:
            message = next(messages, None)
            if message is not None and (fault := self._fault(message, session)):
                yield Answer(message.position, Verdict.PERMANENT, fault)
                continue
            if message is None and not ahead:
                return
            envelope = b""
            if message is not None:
                envelope = self._envelope(message, session)
                unanswered[message.position] = Verdict.TRANSIENT
            if bodied is not None:
                unanswered[bodied] = Verdict.UNKNOWN
            session.write(ahead + envelope)
            if ahead:
                yield from _read_end(session, bodied, unanswered)
            if message is None:
                return
            ahead = yield from _read_envelope(session, message, unanswered)
            bodied = message.position if message.position in unanswered else None

    def _fault(self, message: EmailMessage, session: "_Session") -> str | None:
        """Why we do not even offer this message, as a code; None when it is fine."""
        if not _ADDRESS.fullmatch(message.to):
            return "local.bad_address"
        if not (message.to.isascii() and self._sender.isascii()) and not session.has_smtputf8:
            return "local.no_smtputf8"
        content = message.content
        line_ends = content.count(b"\r\n")
        # RFC 5321, 2.3.8: a bare CR or LF lets two servers see two different ends of one message.
        if content.count(b"\n") != line_ends or content.count(b"\r") != line_ends or b"\0" in content:
            return "local.bad_content"
        return None

    def _envelope(self, message: EmailMessage, session: "_Session") -> bytes:
        size = f" SIZE={len(message.content)}" if session.has_size else ""
        utf8 = "" if message.to.isascii() and self._sender.isascii() else " SMTPUTF8"
        return_path = message.return_path or self._sender
        return (f"MAIL FROM:<{return_path}> BODY=8BITMIME{size}{utf8}\r\nRCPT TO:<{message.to}>\r\nDATA\r\n").encode()


class _Session:
    """A connection after its greeting: pipelined writes, and the replies one by one."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        if smtp.sock is None:
            raise RuntimeError("a session needs a connected client")
        self._smtp = smtp
        self._socket = smtp.sock
        self._socket.settimeout(WAIT_S)
        self._buffer = b""
        self._at = 0
        self.has_size = smtp.has_extn("size")
        self.has_smtputf8 = smtp.has_extn("smtputf8")

    def write(self, octets: bytes) -> None:
        try:
            self._socket.sendall(octets)
        except OSError:
            raise BrokenError from None

    def reply(self) -> bytes:
        """The last line of the next reply, without its line end (RFC 5321, 4.2.1)."""
        for _ in range(MAX_REPLY_LINES):
            while (end := self._buffer.find(b"\n", self._at)) < 0:
                self._fill()
            line = self._buffer[self._at : end].rstrip(b"\r")
            self._at = end + 1
            if not line[:3].isdigit():
                raise BrokenError
            if line[3:4] != b"-":
                return line
        raise BrokenError

    def envelope_replies(self) -> tuple[bytes, bool]:
        """The first refusal among the replies to MAIL, RCPT and DATA, else b""; whether DATA was opened."""
        refusal = b""
        for wanted in (b"2", b"2", b"3"):
            reply = self.reply()
            if not refusal and not reply.startswith(wanted):
                refusal = reply
            if reply.startswith(_CLOSING):
                return reply, False
        return refusal, reply.startswith(b"3")

    def is_quiet(self) -> bool:
        """Whether the connection is open and the server has said nothing unasked, e.g. 421 and good-bye."""
        try:
            self._socket.settimeout(0)
            self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            self._socket.settimeout(WAIT_S)
            return True
        except OSError:
            pass
        self.drop()
        return False

    def quit(self) -> None:
        with contextlib.suppress(BrokenError):
            self.write(b"QUIT\r\n")
        self.drop()

    def drop(self) -> None:
        self._smtp.close()

    def _fill(self) -> None:
        try:
            read = self._socket.recv(READ_BYTES)
        except OSError:
            raise BrokenError from None
        self._buffer = self._buffer[self._at :] + read
        self._at = 0
        if not read or len(self._buffer) > 2 * MAX_LINE_BYTES:
            raise BrokenError


def _until(messages: Iterator[Message], take_until: float) -> Iterator[EmailMessage]:
    while time.monotonic() < take_until and (message := next(messages, None)) is not None:
        if not isinstance(message, EmailMessage):
            raise TypeError("this carrier takes e-mail only")
        yield message


def _read_end(session: _Session, bodied: int | None, unanswered: dict[int, Verdict]) -> Iterator[Answer]:
    """The reply to what went ahead of an envelope: a body's is that message's answer."""
    reply = session.reply()
    if bodied is not None:
        answer = _answer(bodied, reply, "245")
        del unanswered[bodied]
        yield answer
    if reply.startswith(_CLOSING):
        raise BrokenError


def _read_envelope(
    session: _Session, message: EmailMessage, unanswered: dict[int, Verdict]
) -> Generator[Answer, None, bytes]:
    """The replies to MAIL, RCPT and DATA; returns what must go ahead of the next envelope."""
    refusal, data_open = session.envelope_replies()
    if not refusal:
        return _stuffed(message.content)
    answer = _answer(message.position, refusal, "45")
    del unanswered[message.position]
    yield answer
    if refusal.startswith(_CLOSING):
        raise BrokenError
    # RFC 2920, 3.1: a server may open DATA though it refused every recipient. A lone dot ends that.
    return b".\r\n" if data_open else b"RSET\r\n"


def _answer(position: int, reply: bytes, expected: str) -> Answer:
    """BrokenError when the reply's first digit is none of those expected: we no longer know what it is about."""
    found = _CODE.match(reply)
    if found is None or chr(reply[0]) not in expected:
        raise BrokenError
    verdict = _VERDICTS[reply[:1]]
    code = b" ".join(part for part in found.groups() if part).decode()
    queued = _QUEUE_ID.search(reply) if verdict is Verdict.ACCEPTED else None
    return Answer(position, verdict, code, queued[1].decode() if queued else None)


def _stuffed(content: bytes) -> bytes:
    """RFC 5321, 4.5.2: a leading dot is doubled; a lone dot ends the message."""
    if content.startswith(b"."):
        content = b"." + content
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    return content.replace(b"\r\n.", b"\r\n..") + end


def _connect(endpoint: Endpoint) -> smtplib.SMTP:
    """A connected, secured and authenticated client. TransientError, or RefusedError "carrier.…"."""
    with _our_errors(), contextlib.ExitStack() as on_failure:
        smtp = _dial(endpoint)
        on_failure.callback(smtp.close)
        smtp.ehlo_or_helo_if_needed()
        if endpoint.scheme == "smtp+starttls":
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()
        if endpoint.name:
            smtp.login(endpoint.name, endpoint.password)
        for extension in ("pipelining", "8bitmime"):
            if not smtp.has_extn(extension):
                raise RefusedError(f"carrier.no_{extension}", f"The mail relay does not offer {extension.upper()}.")
        on_failure.pop_all()
        return smtp


def _dial(endpoint: Endpoint) -> smtplib.SMTP:
    if endpoint.scheme == "smtps":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(endpoint.host, endpoint.port, timeout=CONNECT_S, context=context)
    return smtplib.SMTP(endpoint.host, endpoint.port, timeout=CONNECT_S)


@contextlib.contextmanager
def _our_errors() -> Iterator[None]:
    """The library's errors quote the server's text; ours never do."""
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise RefusedError("carrier.bad_certificate", "The mail relay's certificate is not trusted.") from None
    except smtplib.SMTPAuthenticationError as error:
        if error.smtp_code >= 500:
            raise RefusedError("carrier.wrong_credentials", "The mail relay refused name or password.") from None
        raise TransientError("The mail relay cannot check credentials now.") from None
    except smtplib.SMTPNotSupportedError:
        raise RefusedError("carrier.no_starttls_or_auth", "The mail relay lacks STARTTLS or AUTH.") from None
    except OSError as error:
        raise TransientError(f"No connection to the mail relay: {type(error).__name__}.") from None
