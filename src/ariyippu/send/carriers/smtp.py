"""E-mail over pipelined SMTP connections (RFC 5321, 2920, 1870, 3207, 4954, 6152, 6531).

The standard library connects, secures and authenticates; then its socket is ours. One thread serves all
connections of a carrier: whichever server has replied is given its next message (smtp_dialogue.py).
"""

import contextlib
import select
import smtplib
import ssl
import time
from collections.abc import Iterator, Sequence

from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.base.home import CarrierSettings
from ariyippu.send.carriers.answers import (
    CONNECT_S,
    TAKE_S,
    WAIT_S,
    Answer,
    Arrival,
    EmailMessage,
    Message,
    Verdict,
)
from ariyippu.send.carriers.endpoint import Endpoint
from ariyippu.send.carriers.smtp_dialogue import ADDRESS, Dialogue, Offer

READ_BYTES = 8_192
LOOK_S = 0.1  # how often it is asked who is silent
MORE_S = 30.0  # after a connection beyond the first was refused, none is tried for so long


class SmtpCarrier:
    """A `Carrier` for `EmailMessage`."""

    def __init__(self, settings: CarrierSettings, endpoint: Endpoint) -> None:
        if not ADDRESS.fullmatch(settings.sender):
            raise RefusedError("carrier.bad_sender", "The e-mail carrier's sender must be a plain address.")
        if endpoint.password and endpoint.scheme == "smtp" and not endpoint.is_loopback:
            raise RefusedError("carrier.password_in_clear", "A password needs smtps:// or smtp+starttls://.")
        self._endpoint = endpoint
        self._settings = settings
        self._sessions: list[_Session] = []
        self._more_at = 0.0  # time.monotonic

    def hand_off(self, messages: Iterator[Message]) -> Iterator[Answer]:
        take_until = time.monotonic() + TAKE_S
        self._connect()
        sessions, self._sessions = self._sessions, []
        try:
            yield from _converse(sessions, _until(messages, take_until), take_until + WAIT_S)
        finally:  # only those whose conversation ended in good order are used again
            for session in sessions:
                if session.dialogue.is_clean:
                    self._sessions.append(session)
                else:
                    session.drop()

    def receipts(self) -> list[Arrival]:
        return []  # bounces come back as mail

    def close(self) -> None:
        for session in self._sessions:
            session.quit()
        self._sessions.clear()

    def _connect(self) -> None:
        """As many connections as the settings say, or as the relay allows: one at least."""
        self._sessions = [session for session in self._sessions if session.is_quiet()]
        while len(self._sessions) < self._settings.connections:
            if self._sessions and time.monotonic() < self._more_at:
                return
            try:
                self._sessions.append(_Session(_connected(self._endpoint), self._settings.sender))
            except TransientError:
                if not self._sessions:
                    raise
                self._more_at = time.monotonic() + MORE_S


class _Session:
    """A connection after its greeting. Its faults show as `dialogue.is_broken`."""

    def __init__(self, smtp: smtplib.SMTP, sender: str) -> None:
        if smtp.sock is None:
            raise RuntimeError("a session needs a connected client")
        self._smtp = smtp
        self._socket = smtp.sock
        self._socket.settimeout(0)
        self._tls = smtp.sock if isinstance(smtp.sock, ssl.SSLSocket) else None
        self.number: int = self._socket.fileno()
        self.waits_since = 0.0  # time.monotonic
        limit = smtp.esmtp_features.get("size", "")
        max_bytes = int(limit) if limit.isdigit() and int(limit) else None  # RFC 1870, 4: 0 is no limit
        self.dialogue = Dialogue(sender, Offer(smtp.has_extn("size"), max_bytes, smtp.has_extn("smtputf8")))

    def write(self, octets: bytes) -> None:
        self.waits_since = time.monotonic()
        try:
            written = self._written_at_once(octets)
            if written < len(octets):
                self._socket.settimeout(WAIT_S)
                self._socket.sendall(octets[written:])
                self._socket.settimeout(0)
        except OSError:
            self.dialogue.is_broken = True

    def read(self) -> list[Answer]:
        self.waits_since = time.monotonic()
        try:
            octets = self._socket.recv(READ_BYTES)
            while self._tls is not None and self._tls.pending():  # poll() does not see these
                octets += self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):  # a TLS record that is not whole yet
            return []
        except OSError:
            octets = b""
        if not octets:
            self.dialogue.is_broken = True
        return self.dialogue.read(octets) if octets else []

    def is_quiet(self) -> bool:
        """Whether the connection is open and the server has said nothing unasked, e.g. 421 and good-bye."""
        try:
            self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        self.drop()
        return False

    def quit(self) -> None:
        self.write(b"QUIT\r\n")
        self.drop()

    def drop(self) -> None:
        self._smtp.close()

    def _written_at_once(self, octets: bytes) -> int:
        try:
            return self._socket.send(octets)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0


def _converse(sessions: Sequence[_Session], messages: Iterator[EmailMessage], end_at: float) -> Iterator[Answer]:
    """Every session takes messages until there are none; then the last replies are awaited, until `end_at`."""
    poll = select.poll()
    busy: dict[int, _Session] = {}
    for session in sessions:
        answers: list[Answer] = []
        if _move(session, messages, answers):
            busy[session.number] = session
            poll.register(session.number, select.POLLIN)
        yield from answers
    look_at = 0.0  # time.monotonic
    while busy:
        heard = [busy[number] for number, _event in poll.poll(LOOK_S * 1000)]
        if (now := time.monotonic()) >= look_at:
            look_at = now + LOOK_S
            heard += _silent([session for session in busy.values() if session not in heard], now, end_at)
        for session in heard:
            answers = session.read()
            if not _move(session, messages, answers):
                del busy[session.number]
                poll.unregister(session.number)
            yield from answers


def _silent(waiting: Sequence[_Session], now: float, end_at: float) -> list[_Session]:
    """The sessions whose server has been silent for too long: they are broken."""
    silent = [session for session in waiting if now >= min(session.waits_since + WAIT_S, end_at)]
    for session in silent:
        session.dialogue.is_broken = True
    return silent


def _move(session: _Session, messages: Iterator[EmailMessage], answers: list[Answer]) -> bool:
    """Write what is to be written now, with the next message if there is one; whether a reply is awaited then."""
    dialogue = session.dialogue
    if dialogue.is_ready and not dialogue.is_broken:
        message = _faultless(dialogue, messages, answers)
        if octets := dialogue.finish() if message is None else dialogue.take(message):
            session.write(octets)
    if dialogue.is_broken:
        answers += dialogue.lost()
        return False
    return not dialogue.is_clean


def _faultless(dialogue: Dialogue, messages: Iterator[EmailMessage], answers: list[Answer]) -> EmailMessage | None:
    for message in messages:
        if (fault := dialogue.fault(message)) is None:
            return message
        answers.append(Answer(message.position, Verdict.PERMANENT, fault))
    return None


def _until(messages: Iterator[Message], take_until: float) -> Iterator[EmailMessage]:
    while time.monotonic() < take_until and (message := next(messages, None)) is not None:
        if not isinstance(message, EmailMessage):
            raise TypeError("this carrier takes e-mail only")
        yield message


def _connected(endpoint: Endpoint) -> smtplib.SMTP:
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
