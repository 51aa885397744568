"""SMS over C-DAC's Mobile Seva gateway: one form for each message, over several kept-alive connections.

    password   hex SHA-1 of the password
    key        hex SHA-512 of  username + senderid + content + secure key, each without outer blanks
    content    ASCII as it is (singlemsg); else each UTF-16 unit as &#N; (unicodemsg), and the key over that

The reply is `402,MsgID = …`, or another code (dlt.py). Its bulkmsg is not used: no two of our messages are alike.

What somebody must mend stops the template, or the carrier, for HOLD_S at a time, and is no person's fault: their
codes begin with letters, so that they use up no attempt (verdicts.blame). An answer that cannot be read stops
the carrier as well, because each further message would be in doubt, too.
"""

import hashlib
import re
import select
import time
import urllib.parse
from collections.abc import Iterator

from ariyippu.base.errors import AriyippuError, RefusedError, TransientError
from ariyippu.base.home import CarrierSettings
from ariyippu.notice.segments import encode
from ariyippu.send.carriers.answers import (
    PROVIDER_ID,
    TAKE_S,
    WAIT_S,
    Answer,
    Arrival,
    BrokenError,
    Message,
    SmsMessage,
    Verdict,
)
from ariyippu.send.carriers.dlt import VERDICTS, Meaning, meaning
from ariyippu.send.carriers.endpoint import Endpoint
from ariyippu.send.carriers.http_post import HttpConnection, Reply

HOLD_S = 60.0  # what must be mended is not tried again sooner
POLL_S = 0.5
MAX_UNITS = 1_600  # of UTF-16: more segments than any notice that passes the linter

_MOBILE = re.compile(r"\+91[0-9]{10}")
_TEMPLATE = re.compile(r"[0-9]{12}|[0-9]{19}")
_SENDER = re.compile(r"[A-Za-z0-9]{3,8}")
_CODE = re.compile(r"\s*([0-9]{3})(?![0-9])")
_MESSAGE_ID = re.compile(r"MsgID\s*=\s*(" + PROVIDER_ID + r")\s*$")
_PUT_OFF = frozenset({429, 503})


class MobileSevaCarrier:
    """A `Carrier` for `SmsMessage`."""

    def __init__(self, settings: CarrierSettings, endpoint: Endpoint) -> None:
        if not _SENDER.fullmatch(settings.sender):
            raise RefusedError("carrier.bad_sender", "The SMS carrier's sender must be a registered sender id.")
        if endpoint.scheme == "mobileseva+http" and not endpoint.is_loopback:
            raise RefusedError("carrier.password_in_clear", "Mobile Seva needs mobileseva+https://.")
        if not settings.secure_key:
            raise RefusedError("carrier.no_secure_key", "settings.toml names no secure_key for Mobile Seva.")
        self._form = _Form(endpoint.name, endpoint.password, settings.sender, settings.secure_key)
        self._endpoint = endpoint
        self._count = settings.connections
        self._idle: list[HttpConnection] = []
        self._held: tuple[float, AriyippuError] | None = None  # until time.monotonic
        self._held_templates: dict[str, float] = {}

    def hand_off(self, messages: Iterator[Message]) -> Iterator[Answer]:
        now = time.monotonic()
        if self._held is not None and now < self._held[0]:
            raise self._held[1]
        self._connect()
        idle, self._idle = self._idle, []
        window = _Window(idle, _until(messages, now + TAKE_S))
        in_order = False
        try:
            yield from self._converse(window, now + TAKE_S + WAIT_S)
            in_order = True
        finally:
            for connection in window.busy:
                connection.drop()
            if in_order:
                self._idle = window.idle
            else:
                for connection in window.idle:
                    connection.drop()

    def receipts(self) -> list[Arrival]:
        return []  # they come as call-backs, if at all: web/callbacks.py

    def close(self) -> None:
        for connection in self._idle:
            connection.drop()
        self._idle.clear()

    def _connect(self) -> None:
        """As many connections as the settings say, or as the gateway allows: one at least."""
        usable = []
        for connection in self._idle:
            if connection.is_usable():
                usable.append(connection)
            else:
                connection.drop()
        self._idle = usable
        while len(self._idle) < self._count:
            try:
                self._idle.append(HttpConnection(self._endpoint))
            except TransientError:
                if not self._idle:
                    raise
                return

    def _converse(self, window: "_Window", end_at: float) -> Iterator[Answer]:
        while True:
            yield from self._fill(window)
            if not window.busy:
                return
            for connection in _ready(window):
                message = window.busy[connection]
                try:
                    reply = connection.read()
                except BrokenError:
                    yield window.lost(connection)
                    continue
                if reply is not None:
                    window.done(connection)
                    yield self._judged(window, message, reply)
            yield from [window.lost(connection) for connection in window.late(end_at)]

    def _fill(self, window: "_Window") -> Iterator[Answer]:
        """Post a message on every idle connection, while there are messages and nothing speaks against it."""
        while window.idle and not window.is_ending:
            message = next(window.messages, None)
            if message is None:
                window.is_ending = True
                return
            if fault := self._fault(message):
                yield Answer(message.position, *fault)
                continue
            connection = window.idle.pop()
            window.busy[connection] = message
            try:
                connection.post(self._endpoint.path, self._form.of(message))
            except BrokenError:  # the body did not leave whole
                yield window.lost(connection, Verdict.TRANSIENT)

    def _fault(self, message: SmsMessage) -> tuple[Verdict, str] | None:
        """Why we do not even offer this message; None when it is fine."""
        if not _MOBILE.fullmatch(message.to):
            return Verdict.PERMANENT, "local.bad_address"
        if not 1 <= len(message.text.strip().encode("utf-16-le")) // 2 <= MAX_UNITS:
            return Verdict.PERMANENT, "local.bad_length"
        if message.dlt_template is None or not _TEMPLATE.fullmatch(message.dlt_template):
            return Verdict.TRANSIENT, "local.bad_template"  # the officer's to mend
        if time.monotonic() < self._held_templates.get(message.dlt_template, 0.0):
            return Verdict.TRANSIENT, "local.template_held"
        return None

    def _judged(self, window: "_Window", message: SmsMessage, reply: Reply) -> Answer:
        """What the reply says of its message, and what else follows from it."""
        found = _CODE.match(reply.text) if reply.status == 200 else None
        code = f"MSDP {found[1]}" if found else f"HTTP {reply.status}"
        said = meaning(found[1]) if found else _of_status(reply.status)
        until = time.monotonic() + HOLD_S
        if said is Meaning.TEMPLATE:
            self._held_templates[message.dlt_template or ""] = until
        elif said is Meaning.CARRIER:
            self._held = until, RefusedError("carrier.refused", f"The SMS gateway refuses this account: {code}.")
        elif not found:
            self._held = until, TransientError(f"The SMS gateway's answer cannot be used: {code}.")
        window.is_ending |= said is Meaning.CARRIER or not found
        named = _MESSAGE_ID.search(reply.text) if said is Meaning.ACCEPTED else None
        segments = len(encode(message.text.strip()).parts) if said is Meaning.ACCEPTED else None
        return Answer(message.position, VERDICTS[said], code, named[1] if named else None, segments)


class _Form:
    """The account's part of every form. Its repr shows nothing of it."""

    def __init__(self, username: str, password: str, sender: str, secure_key: str) -> None:
        self._username, self._sender, self._secure_key = username.strip(), sender.strip(), secure_key.strip()
        self._password = hashlib.sha1(password.strip().encode()).hexdigest()  # noqa: S324  the interface wants it so

    def of(self, message: SmsMessage) -> bytes:
        text = message.text.strip()
        content = text if text.isascii() else _in_units(text)
        signed = f"{self._username}{self._sender}{content}{self._secure_key}"
        fields = {
            "username": self._username,
            "password": self._password,
            "senderid": self._sender,
            "content": content,
            "smsservicetype": "singlemsg" if text.isascii() else "unicodemsg",
            "mobileno": message.to.removeprefix("+"),
            "key": hashlib.sha512(signed.encode()).hexdigest(),
            "templateid": message.dlt_template or "",
        }
        return urllib.parse.urlencode(fields).encode("ascii")


class _Window:
    """One hand_off: which connection waits for the reply to which message."""

    def __init__(self, idle: list[HttpConnection], messages: Iterator[SmsMessage]) -> None:
        self.idle = idle
        self.messages = messages
        self.busy: dict[HttpConnection, SmsMessage] = {}
        self.is_ending = False  # takes no more messages

    def done(self, connection: HttpConnection) -> None:
        del self.busy[connection]
        if connection.is_usable():
            self.idle.append(connection)
        else:
            connection.drop()

    def late(self, end_at: float) -> list[HttpConnection]:
        """Those from which nothing more is awaited."""
        now = time.monotonic()
        return [connection for connection in self.busy if now > min(end_at, connection.used_at + WAIT_S)]

    def lost(self, connection: HttpConnection, verdict: Verdict = Verdict.UNKNOWN) -> Answer:
        """The connection broke; after a break no more messages are taken."""
        position = self.busy.pop(connection).position
        connection.drop()
        self.is_ending = True
        return Answer(position, verdict, "local.connection_lost")


def _ready(window: _Window) -> list[HttpConnection]:
    """The busy connections on which something came within POLL_S."""
    poll = select.poll()
    by_number = {connection.number: connection for connection in window.busy}
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _event in poll.poll(POLL_S * 1000)]


def _of_status(status: int) -> Meaning:
    """A reply without a code of the gateway's: whether its application had the form at all."""
    if status in _PUT_OFF:
        return Meaning.RETRY
    return Meaning.CARRIER if 300 <= status < 500 else Meaning.DOUBTFUL


def _in_units(text: str) -> str:
    octets = text.encode("utf-16-be")
    return "".join(f"&#{int.from_bytes(octets[at : at + 2], 'big')};" for at in range(0, len(octets), 2))


def _until(messages: Iterator[Message], take_until: float) -> Iterator[SmsMessage]:
    while time.monotonic() < take_until and (message := next(messages, None)) is not None:
        if not isinstance(message, SmsMessage):
            raise TypeError("this carrier takes SMS only")
        yield message
