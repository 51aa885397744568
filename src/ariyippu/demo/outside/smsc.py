"""An SMS centre (SMPP 3.4): takes submits, puts long texts together, cancels what it has not delivered, sends receipts.

A receipt that was not confirmed when its connection ended is sent again after the next bind.
"""

import asyncio
import datetime as dt
import hmac
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from ariyippu.base import clock
from ariyippu.demo.outside.keep import Keep
from ariyippu.send.carriers import pdu
from ariyippu.send.carriers.pdu import RESPONSE, Command, Pdu, ShortMessage

OK, INVALID_COMMAND, NOT_BOUND, BAD_ADDRESS, BAD_PASSWORD, BAD_NAME = 0x00, 0x03, 0x04, 0x0B, 0x0E, 0x0F
CANCEL_FAILED = 0x11
DEAD_NUMBER, UNREACHABLE_NUMBER = "0000", "77"  # as they end
SWITCHED_OFF = "910999999"  # as they begin: never switched on again, so their messages expire, or are cancelled
_MESSAGE_STATES = {"DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5}  # section 5.2.28
MAX_UNCONFIRMED = 500  # receipts on their way to one client
MAX_FRAGMENTS = 100_000  # of texts whose other parts have not come

# 3GPP TS 23.038, 6.2.1; escape (0x1B) introduces one of the extension below.
GSM7 = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}


@dataclass(frozen=True)
class Account:
    """The one client that may bind."""

    name: str
    password: str


@dataclass(frozen=True)
class Due:
    """A receipt that is to be sent."""

    provider_id: str
    number: str
    stat: str


@dataclass(frozen=True)
class Kept:
    """A submit that is tried until its time is over: the phone is not reached by then."""

    until: dt.datetime
    due: Due
    source: str
    has_receipt: bool


class SmsCentre:
    """Shared by all connections: messages, fragments, receipts that are due."""

    def __init__(self, keep: Keep, account: Account) -> None:
        self.keep = keep
        self.account = account
        self.due: deque[Due] = deque()
        self._trying: dict[str, Kept] = {}  # by its id
        self.bound: list[_Connection] = []
        self.open: set[asyncio.Transport] = set()
        self._ids = itertools.count(1)
        self._fragments: dict[tuple[str, str, int], dict[int, bytes]] = {}

    def connection(self) -> asyncio.Protocol:
        return _Connection(self)

    def submit(self, message: ShortMessage) -> tuple[int, str]:
        """The status and the id of one submit; its text is kept when all its parts are there."""
        if message.destination.endswith(DEAD_NUMBER):
            return BAD_ADDRESS, ""
        provider_id = f"S{next(self._ids):X}"
        stat = _stat(message.destination)
        parts = self._assemble(message)
        if parts is not None:
            self.keep.sms(
                {
                    "id": provider_id,
                    "at": clock.rfc3339(clock.now()),
                    "sender": message.source,
                    "to": message.destination,
                    "text": decode(b"".join(parts), message.data_coding),
                    "parts": len(parts),
                    "dlt_entity": _text_or_none(message.tlvs.get(pdu.TLV_DLT_ENTITY)),
                    "dlt_template": _text_or_none(message.tlvs.get(pdu.TLV_DLT_TEMPLATE)),
                    "state": stat,
                }
            )
        receipt, has_receipt = Due(provider_id, message.destination, stat), bool(message.registered_delivery & 1)
        if stat == "EXPIRED":
            until = clock.now() + pdu.unpack_relative(message.validity)
            self._trying[provider_id] = Kept(until, receipt, message.source, has_receipt)
        elif has_receipt:
            self.due.append(receipt)
        return OK, provider_id

    def cancel(self, provider_id: str, source: str) -> int:
        """The status of a cancel_sm: what was delivered, or is another client's, is not cancelled."""
        kept = self._trying.get(provider_id)
        if kept is None or kept.source != source:
            return CANCEL_FAILED
        del self._trying[provider_id]
        self._give_up(kept, "DELETED")
        return OK

    def expire(self) -> None:
        """Give up what was not delivered in its time."""
        for provider_id, kept in list(self._trying.items()):
            if kept.until <= clock.now():
                del self._trying[provider_id]
                self._give_up(kept, "EXPIRED")
        self.send_receipts()

    def _give_up(self, kept: Kept, stat: str) -> None:
        if kept.has_receipt:
            self.due.append(replace(kept.due, stat=stat))

    def send_receipts(self) -> None:
        for connection in self.bound:
            connection.send_receipts()

    def _assemble(self, message: ShortMessage) -> list[bytes] | None:
        """The parts in order once all are there, else None (3GPP TS 23.040, 9.2.3.24.1)."""
        payload = message.payload
        if not message.esm_class & pdu.ESM_UDH:
            return [payload]
        if len(payload) < 6 or payload[:3] != b"\x05\x00\x03":
            return [payload[1 + payload[0] :] if payload else b""]
        reference, total, number = payload[3:6]
        key = (message.source, message.destination, reference)
        parts = self._fragments.setdefault(key, {})
        parts[number] = payload[6:]
        if len(parts) < total:
            if len(self._fragments) > MAX_FRAGMENTS:
                self._fragments.pop(next(iter(self._fragments)))
            return None
        del self._fragments[key]
        return [parts[number] for number in sorted(parts)]


class _Connection(asyncio.Protocol):
    """One client. Responses to one piece of input leave in one write."""

    def __init__(self, centre: SmsCentre) -> None:
        self._centre = centre
        self._buffer = b""
        self._is_bound = False
        self._is_leaving = False
        self._sequences = itertools.count(1)
        self._unconfirmed: dict[int, Due] = {}
        self._commands: dict[int, Callable[[Pdu], bytes]] = {
            Command.SUBMIT_SM: self._submit,
            Command.CANCEL_SM: self._cancel,
            Command.ENQUIRE_LINK: lambda request: _response(request, OK),
            Command.UNBIND: self._unbind,
            Command.BIND_TRANSCEIVER: self._bind,
            Command.DELIVER_SM | RESPONSE: self._confirmed,
            Command.ENQUIRE_LINK | RESPONSE: lambda _request: b"",
            RESPONSE: lambda _request: b"",
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("SMPP needs a stream")
        self._transport = transport
        self._centre.open.add(transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._centre.open.discard(self._transport)
        if self._is_bound:
            self._centre.bound.remove(self)
        self._centre.due.extendleft(reversed(self._unconfirmed.values()))
        self._centre.send_receipts()

    def data_received(self, octets: bytes) -> None:
        try:
            requests, self._buffer = pdu.split(self._buffer + octets)
            responses = b"".join([self._act(request) for request in requests])
        except pdu.MalformedError:
            self._transport.close()
            return
        if responses:
            self._transport.write(responses)
        if self._is_leaving:
            self._transport.close()
        else:
            self.send_receipts()

    def send_receipts(self) -> None:
        due = self._centre.due
        out = []
        while self._is_bound and not self._is_leaving and due and len(self._unconfirmed) < MAX_UNCONFIRMED:
            receipt = due.popleft()
            sequence = next(self._sequences)
            self._unconfirmed[sequence] = receipt
            out.append(pdu.pack(Command.DELIVER_SM, 0, sequence, receipt_body(receipt)))
        if out:
            self._transport.write(b"".join(out))

    def _act(self, request: Pdu) -> bytes:
        act = self._commands.get(request.command)
        if act is None:
            return pdu.pack(RESPONSE, INVALID_COMMAND, request.sequence)
        return act(request)

    def _bind(self, request: Pdu) -> bytes:
        name, password = pdu.unpack_bind(request.body)
        account = self._centre.account
        if name != account.name:
            return _response(request, BAD_NAME)
        if not hmac.compare_digest(password.encode(), account.password.encode()):
            return _response(request, BAD_PASSWORD)
        if not self._is_bound:
            self._is_bound = True
            self._centre.bound.append(self)
        return _response(request, OK, pdu.c_string("outside"))

    def _submit(self, request: Pdu) -> bytes:
        if not self._is_bound:
            return _response(request, NOT_BOUND)
        status, provider_id = self._centre.submit(pdu.unpack_message(request.body))
        return _response(request, status, pdu.c_string(provider_id) if status == OK else b"")

    def _cancel(self, request: Pdu) -> bytes:
        if not self._is_bound:
            return _response(request, NOT_BOUND)
        return _response(request, self._centre.cancel(*pdu.unpack_cancel(request.body)))

    def _confirmed(self, response: Pdu) -> bytes:
        self._unconfirmed.pop(response.sequence, None)
        return b""

    def _unbind(self, request: Pdu) -> bytes:
        self._is_leaving = True
        return _response(request, OK)


def _stat(number: str) -> str:
    """What becomes of a message to this number."""
    if number.startswith(SWITCHED_OFF):
        return "EXPIRED"
    return "UNDELIV" if number.endswith(UNREACHABLE_NUMBER) else "DELIVRD"


def receipt_body(receipt: Due) -> bytes:
    """The body of a deliver_sm, with the text of appendix B and the TLVs."""
    is_delivered = receipt.stat == "DELIVRD"
    error = 0 if is_delivered else 1
    at = clock.now().strftime("%y%m%d%H%M")
    text = (
        f"id:{receipt.provider_id} sub:001 dlvrd:00{int(is_delivered)} submit date:{at} done date:{at} "
        f"stat:{receipt.stat} err:{error:03d} text:"
    )
    return pdu.pack_message(
        ShortMessage(
            source=receipt.number,
            destination="",
            esm_class=pdu.ESM_RECEIPT,
            registered_delivery=0,
            data_coding=pdu.CODING_DEFAULT,
            payload=text.encode("ascii"),
            tlvs={
                pdu.TLV_RECEIPTED_MESSAGE_ID: pdu.c_string(receipt.provider_id),
                pdu.TLV_MESSAGE_STATE: bytes([_MESSAGE_STATES[receipt.stat]]),
            },
        )
    )


def decode(payload: bytes, data_coding: int) -> str:
    """The text of UCS-2 (read as UTF-16, so that emoji come through) or of unpacked GSM-7."""
    if data_coding == pdu.CODING_UCS2:
        return payload.decode("utf-16-be", "replace")
    septets = iter(payload)
    return "".join(
        GSM7_EXTENSION.get(next(septets, 0), " ") if septet == 0x1B else GSM7[septet & 0x7F] for septet in septets
    )


def _text_or_none(value: bytes | None) -> str | None:
    return None if value is None else value.decode("ascii", "replace")


def _response(request: Pdu, status: int, body: bytes = b"") -> bytes:
    return pdu.pack(request.command | RESPONSE, status, request.sequence, body)
