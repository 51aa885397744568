"""SMS over one SMPP 3.4 transceiver, with a window of unanswered submits.

    write   submit_sm 1, 2, 3 … up to the window       a long text is several parts: several submits
    read    submit_sm_resp in any order                a message is answered when all its parts are
            deliver_sm, enquire_link in between        receipts are kept, links are answered

A part of a long text that fails after another was accepted leaves the message UNKNOWN: the phone may show
a fragment, and sending the whole again could double it.
"""

import functools
import itertools
import re
import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.base.home import CarrierSettings
from ariyippu.notice.segments import encode
from ariyippu.send.carriers import pdu
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
from ariyippu.send.carriers.endpoint import Endpoint
from ariyippu.send.carriers.pdu import RESPONSE, Command, Pdu
from ariyippu.send.carriers.smpp_session import Session, open_session

RECONNECT_S = 30.0  # receipts() alone tries no oftener to come back
WRITE_BYTES = 16_384  # about fifty parts: no message waits long between being taken and being written
MAX_PARTS = 255  # a part's number is one octet (3GPP TS 23.040, 9.2.3.24.1)

_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")
_DLT_ID = re.compile(r"[0-9]{1,30}")
_PROVIDER_ID = re.compile(PROVIDER_ID)

_SUBMITTED = Command.SUBMIT_SM | RESPONSE

# Surely not accepted, and no fault of the message: RINVBNDSTS, RSYSERR, RMSGQFUL, RTHROTTLED, RX_T_APPN.
_TRANSIENT = {0x04, 0x08, 0x14, 0x58, 0x64}


@dataclass(slots=True)
class _Tally:
    """What is known of one message's parts."""

    unwritten: int
    segments: int
    unanswered: int = 0
    accepted: int = 0
    refusal: tuple[Verdict, str] | None = None  # the last one; a permanent one stays
    provider_id: str | None = None  # of its last part
    part_ids: tuple[str, ...] = ()  # of the others

    def refuse(self, verdict: Verdict, code: str) -> None:
        if self.refusal is None or self.refusal[0] is Verdict.TRANSIENT:
            self.refusal = verdict, code

    def answer(self, position: int) -> Answer:
        """Once nothing is unwritten or unanswered."""
        if self.refusal is None:
            return Answer(position, Verdict.ACCEPTED, "ESME_ROK", self.provider_id, self.segments, self.part_ids)
        verdict, code = self.refusal
        return self._unsure(position, Verdict.UNKNOWN if self.accepted else verdict, code)

    def broken(self, position: int) -> Answer:
        doubtful = self.accepted or self.unanswered
        return self._unsure(position, Verdict.UNKNOWN if doubtful else Verdict.TRANSIENT, "local.connection_lost")

    def _unsure(self, position: int, verdict: Verdict, code: str) -> Answer:
        """Also the last part's id is only a part's: its receipt says nothing of the whole."""
        last = () if self.provider_id is None else (self.provider_id,)
        return Answer(position, verdict, code, part_ids=(*self.part_ids, *last))


@dataclass(slots=True, repr=False)
class _Part:
    position: int
    is_last: bool
    body: bytes


@dataclass(slots=True)
class _Window:
    """One hand_off's parts: those to be written, and those that wait for their response."""

    tallies: dict[int, _Tally] = field(default_factory=dict)  # position -> what is known
    queue: deque[_Part] = field(default_factory=deque)  # unwritten parts of one message, the last one taken
    waiting: dict[int, _Part] = field(default_factory=dict)  # sequence -> part

    def settle(self, response: Pdu) -> Answer | None:
        """Note one response; the message's answer when it was the last one. Unknown sequences are late ones."""
        part = self.waiting.pop(response.sequence, None)
        if part is None:
            return None
        tally = self.tallies[part.position]
        tally.unanswered -= 1
        if response.status == 0 and response.command == _SUBMITTED:
            tally.accepted += 1
            taken_as = _submitted_id(response.body)
            if part.is_last:
                tally.provider_id = taken_as
            elif taken_as is not None:
                tally.part_ids += (taken_as,)
        else:
            verdict = Verdict.TRANSIENT if response.status in _TRANSIENT else Verdict.PERMANENT
            tally.refuse(verdict, pdu.status_name(response.status))
            if self.queue and self.queue[0].position == part.position:
                self.queue.clear()  # the rest of this text, and of no other, has not left: it stays here
                tally.unwritten = 0
        if tally.unwritten or tally.unanswered:
            return None
        del self.tallies[part.position]
        return tally.answer(part.position)


class SmppCarrier:
    """A `Carrier` for `SmsMessage`."""

    def __init__(self, settings: CarrierSettings, endpoint: Endpoint) -> None:
        if not re.fullmatch(r"[A-Za-z0-9-]{3,15}", settings.sender):
            raise RefusedError("carrier.bad_sender", "The SMS carrier's sender must be a registered sender id.")
        if settings.dlt_entity is not None and not _DLT_ID.fullmatch(settings.dlt_entity):
            raise RefusedError("carrier.bad_dlt_entity", "The DLT entity id must be digits.")
        if not (endpoint.name.isascii() and len(endpoint.name) <= 15):
            raise RefusedError("carrier.bad_url", "An SMPP name has at most 15 ASCII characters.")
        if not (endpoint.password.isascii() and len(endpoint.password) <= 8):
            raise RefusedError("carrier.bad_url", "An SMPP password has at most 8 ASCII characters.")
        self._settings = settings
        self._source = pdu.pack_address(settings.sender)
        self._endpoint = endpoint
        self._session: Session | None = None
        self._reconnect_at = 0.0  # time.monotonic
        self._references = itertools.count(int(time.monotonic()))
        self._arrived: list[Arrival] = []

    def hand_off(self, messages: Iterator[Message]) -> Iterator[Answer]:
        take_until = time.monotonic() + TAKE_S
        session = self._ready()
        window = _Window()
        in_order = False
        try:
            yield from self._converse(session, _until(messages, take_until), window)
            in_order = True
        except BrokenError:
            for position, tally in window.tallies.items():
                yield tally.broken(position)
        finally:
            if not in_order:
                self._drop()

    def receipts(self) -> list[Arrival]:
        if self._session is not None or time.monotonic() >= self._reconnect_at:
            try:
                self._ready().confirm()
            except TransientError:
                self._reconnect_at = time.monotonic() + RECONNECT_S
            except BrokenError:
                self._drop()
        arrived, self._arrived = self._arrived, []
        return arrived

    def close(self) -> None:
        if self._session is not None:
            self._session.unbind()
            self._session = None

    def _ready(self) -> Session:
        """The session, tried if it was silent for long, or a new one."""
        if self._session is not None:
            try:
                self._session.prove()
            except BrokenError:
                self._drop()
        if self._session is None:
            self._session = open_session(self._endpoint, self._arrived_one)
        return self._session

    def _arrived_one(self, arrival: Arrival) -> None:
        self._arrived.append(arrival)

    def _drop(self) -> None:
        if self._session is not None:
            self._session.drop()
            self._session = None

    def _converse(self, session: Session, messages: Iterator[SmsMessage], window: _Window) -> Iterator[Answer]:
        answer_until = time.monotonic() + TAKE_S + WAIT_S
        while True:
            submits = yield from self._fill(session, messages, window)
            if submits:
                session.write(submits)
            if len(submits) >= WRITE_BYTES:
                continue  # the window may have room for more
            if not window.waiting:
                return
            for response in session.read():
                if answer := window.settle(response):
                    yield answer
            if time.monotonic() > answer_until:
                raise BrokenError

    def _fill(
        self, session: Session, messages: Iterator[SmsMessage], window: _Window
    ) -> Generator[Answer, None, bytearray]:
        """As many submits as the window has room for; what is returned is written at once."""
        submits = bytearray()
        while len(window.waiting) < self._settings.window_messages and len(submits) < WRITE_BYTES:
            if not window.queue:
                message = next(messages, None)
                if message is None:
                    break
                if fault := self._enqueue(message, window):
                    yield Answer(message.position, Verdict.PERMANENT, fault)
                    continue
            part = window.queue.popleft()
            sequence = session.next_sequence()
            tally = window.tallies[part.position]
            tally.unwritten -= 1
            tally.unanswered += 1
            window.waiting[sequence] = part
            submits += pdu.pack(Command.SUBMIT_SM, 0, sequence, part.body)
        return submits

    def _enqueue(self, message: SmsMessage, window: _Window) -> str | None:
        """Encode a message and queue its parts; or say, as a code, why it is not offered."""
        if not _PHONE.fullmatch(message.to):
            return "local.bad_address"
        if message.dlt_template is not None and not _DLT_ID.fullmatch(message.dlt_template):
            return "local.bad_template"
        segments = encode(message.text)
        total = len(segments.parts)
        if not 1 <= total <= MAX_PARTS:
            return "local.bad_length"
        frame = pdu.Frame(
            self._source + pdu.pack_address(message.to.removeprefix("+")),
            _validity(message.valid_s),
            pdu.CODING_UCS2 if segments.coding == "ucs2" else pdu.CODING_DEFAULT,
            _registered(self._settings.dlt_entity, message.dlt_template),
        )
        reference = next(self._references) % 256
        for number, payload in enumerate(segments.parts, 1):
            header = bytes([5, 0, 3, reference, total, number]) if total > 1 else b""
            is_last = number == total
            body = frame.pack(
                header + payload,
                esm_class=pdu.ESM_UDH if header else 0,
                registered_delivery=1 if is_last else 0,  # one receipt for a message
            )
            window.queue.append(_Part(message.position, is_last, body))
        window.tallies[message.position] = _Tally(unwritten=total, segments=total)
        return None


def _submitted_id(body: bytes) -> str | None:
    given = body.split(b"\0", 1)[0].decode("ascii", "replace")
    return given if _PROVIDER_ID.fullmatch(given) else None


@functools.lru_cache(maxsize=256)
def _validity(seconds: int) -> bytes:
    """Many messages' alike: those of a batch end together."""
    return pdu.c_string(pdu.relative(seconds))


@functools.lru_cache(maxsize=256)
def _registered(entity: str | None, template: str | None) -> bytes:
    """What India's operators ask of each part: who sends, and which registered text. Of a batch, the same."""
    ids = ((pdu.TLV_DLT_ENTITY, entity), (pdu.TLV_DLT_TEMPLATE, template))
    return b"".join(pdu.pack_tlv(tag, given.encode("ascii")) for tag, given in ids if given is not None)


def _until(messages: Iterator[Message], take_until: float) -> Iterator[SmsMessage]:
    while time.monotonic() < take_until and (message := next(messages, None)) is not None:
        if not isinstance(message, SmsMessage):
            raise TypeError("this carrier takes SMS only")
        yield message
