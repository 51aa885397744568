"""SMS over one SMPP 3.4 transceiver, with a window of unanswered submits.

    write   submit_sm 1, 2, 3 … up to the window       a long text is several parts: several submits
    read    submit_sm_resp in any order                a message is answered when all its parts are
            deliver_sm, enquire_link in between        receipts are kept, links are answered
    recall  cancel_sm for each id                      what its response says, as a code

A centre that throttles is given less each second (smpp_throttle.py), and what it throttled once more.
"""

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future

from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.base.home import CarrierSettings
from ariyippu.send.carriers import pdu
from ariyippu.send.carriers.answers import (
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
from ariyippu.send.carriers.pdu import RESPONSE, Command
from ariyippu.send.carriers.smpp_session import Session, opening
from ariyippu.send.carriers.smpp_submit import Writer
from ariyippu.send.carriers.smpp_throttle import Throttle
from ariyippu.send.carriers.smpp_window import TRANSIENT, Part, Tally, Window

RECONNECT_S = 30.0  # receipts() alone tries no oftener to come back
WRITE_BYTES = 16_384  # about fifty parts: no message waits long between being taken and being written
SLOW_S = 5.0  # so long a centre that throttles is given messages, and what it throttled

_CANCELLED = Command.CANCEL_SM | RESPONSE


class SmppCarrier:
    """A `Recalling` carrier for `SmsMessage`."""

    def __init__(self, settings: CarrierSettings, endpoint: Endpoint) -> None:
        self._writer = Writer(settings)
        if not (endpoint.name.isascii() and len(endpoint.name) <= 15):
            raise RefusedError("carrier.bad_url", "An SMPP name has at most 15 ASCII characters.")
        if not (endpoint.password.isascii() and len(endpoint.password) <= 8):
            raise RefusedError("carrier.bad_url", "An SMPP password has at most 8 ASCII characters.")
        self._window_messages = settings.window_messages
        self._endpoint = endpoint
        self._session: Session | None = None
        self._opening: Future[Session] | None = None
        self._reconnect_at = 0.0  # time.monotonic
        self._throttle = Throttle()
        self._arrived: list[Arrival] = []  # over sessions that have ended

    def hand_off(self, messages: Iterator[Message]) -> Iterator[Answer]:
        began_at = time.monotonic()
        session = self._ready()
        window = Window()
        in_order = False
        try:
            yield from self._converse(session, self._taken(messages, began_at), window, began_at)
            in_order = True
        except BrokenError:
            for position, tally in window.tallies.items():
                yield tally.broken(position)
        finally:
            if not in_order:
                self._drop()

    def recall(self, provider_ids: Sequence[str]) -> dict[str, str]:
        session = self._ready()
        codes: dict[str, str] = {}
        try:
            self._cancel(session, deque(provider_ids), codes)
        except BrokenError:
            self._drop()
        return codes

    def receipts(self) -> list[Arrival]:
        try:
            if session := self._session_if_any():
                session.look()
                self._arrived += session.collect()
        except TransientError:
            self._reconnect_at = time.monotonic() + RECONNECT_S
        except BrokenError:
            self._drop()
        arrived, self._arrived = self._arrived, []
        return arrived

    def close(self) -> None:
        if self._opening is not None:
            self._opening.add_done_callback(_drop_opened)
            self._opening = None
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
        return self._session or self._opened(self._opening or opening(self._endpoint))

    def _session_if_any(self) -> Session | None:
        """The session; None while a new one is being opened, or it is too early for that."""
        if self._session is not None:
            return self._session
        if self._opening is None and time.monotonic() >= self._reconnect_at:
            self._opening = opening(self._endpoint)
        if self._opening is None or not self._opening.done():
            return None
        return self._opened(self._opening)

    def _opened(self, opened: "Future[Session]") -> Session:
        """Waits for it. TransientError, or RefusedError "carrier.…"."""
        self._opening = None
        self._session = opened.result()
        return self._session

    def _drop(self) -> None:
        if self._session is not None:
            self._arrived += self._session.arrived
            self._session.drop()
            self._session = None

    def _taken(self, messages: Iterator[Message], began_at: float) -> Iterator[SmsMessage]:
        while time.monotonic() < began_at + (SLOW_S if self._throttle.is_on else TAKE_S):
            message = next(messages, None)
            if message is None:
                return
            if not isinstance(message, SmsMessage):
                raise TypeError("this carrier takes SMS only")
            yield message

    def _converse(
        self, session: Session, messages: Iterator[SmsMessage], window: Window, began_at: float
    ) -> Iterator[Answer]:
        while time.monotonic() < began_at + TAKE_S + WAIT_S:
            submits = yield from self._fill(session, messages, window)
            if submits:
                session.write(submits)
            if len(submits) >= WRITE_BYTES:
                continue  # the window may have room for more
            if window.waiting:
                yield from self._read(session, window, again=time.monotonic() < began_at + SLOW_S)
            elif window.queue or not window.is_over:
                time.sleep(self._throttle.wait_s(time.monotonic()))
            else:
                return
        raise BrokenError

    def _read(self, session: Session, window: Window, *, again: bool) -> Iterator[Answer]:
        responses = session.read()
        throttled = sum(response.status == pdu.THROTTLED for response in responses)
        self._throttle.answered(len(responses), throttled)
        for response in responses:
            if answer := window.settle(response, again=again):
                yield answer

    def _fill(
        self, session: Session, messages: Iterator[SmsMessage], window: Window
    ) -> Generator[Answer, None, bytearray]:
        """As many submits as the window and the centre have room for; what is returned is written at once."""
        submits = bytearray()
        room = min(self._window_messages - len(window.waiting), self._throttle.room(time.monotonic()))
        while room >= 1 and len(submits) < WRITE_BYTES:
            if not window.queue:
                message = next(messages, None)
                if message is None:
                    window.is_over = True
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
            self._throttle.wrote()
            room -= 1
        return submits

    def _cancel(self, session: Session, left: deque[str], codes: dict[str, str]) -> None:
        """Ask about what is left, as the window and the centre have room, and add the final answers to the codes."""
        waiting: dict[int, str] = {}
        until = time.monotonic() + TAKE_S
        while (left or waiting) and time.monotonic() < until:
            cancels = bytearray()
            room = min(self._window_messages - len(waiting), self._throttle.room(time.monotonic()))
            for _ in range(min(len(left), int(room))):
                sequence = session.next_sequence()
                waiting[sequence] = left.popleft()
                cancels += pdu.pack(Command.CANCEL_SM, 0, sequence, self._writer.cancel(waiting[sequence]))
                self._throttle.wrote()
            if cancels:
                session.write(cancels)
            if not waiting:
                time.sleep(self._throttle.wait_s(time.monotonic()))
                continue
            responses = session.read()
            self._throttle.answered(len(responses), sum(one.status == pdu.THROTTLED for one in responses))
            for one in responses:
                asked = waiting.pop(one.sequence, None)
                is_final = one.status not in TRANSIENT and (one.status or one.command == _CANCELLED)  # no nack is a yes
                if asked is not None and is_final:
                    codes[asked] = pdu.status_name(one.status)

    def _enqueue(self, message: SmsMessage, window: Window) -> str | None:
        """Queue a message's parts; or say, as a code, why it is not offered."""
        submits = self._writer.submits(message)
        if isinstance(submits, str):
            return submits
        total = len(submits.bodies)
        window.queue.extend(
            Part(message.position, number == total, body) for number, body in enumerate(submits.bodies, 1)
        )
        window.tallies[message.position] = Tally(unwritten=total, segments=submits.segments)
        return None


def _drop_opened(opened: "Future[Session]") -> None:
    if opened.exception() is None:
        opened.result().drop()
