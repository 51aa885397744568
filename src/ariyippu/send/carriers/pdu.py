"""SMPP 3.4 on the wire: packing and unpacking, no socket, no clock.

A PDU is a header of four 32-bit numbers (length, command, status, sequence) and a body. submit_sm and
deliver_sm share one body layout (section 4.4.1 and 4.6.1 of the specification), as `ShortMessage` does.
"""

import datetime as dt
import re
import struct
from dataclasses import dataclass, field
from enum import IntEnum

HEADER = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")  # tag, length
MAX_PDU_BYTES = 65_536
RESPONSE = 0x8000_0000

INTERFACE_VERSION = 0x34
ESM_RECEIPT_MASK = 0x3C
ESM_RECEIPT = 0x04
ESM_UDH = 0x40
CODING_DEFAULT = 0
CODING_UCS2 = 8

_RELATIVE = re.compile("0000[0-9]{8}000R")

TLV_RECEIPTED_MESSAGE_ID = 0x001E
TLV_NETWORK_ERROR_CODE = 0x0423
TLV_MESSAGE_PAYLOAD = 0x0424
TLV_MESSAGE_STATE = 0x0427
TLV_DLT_ENTITY = 0x1400  # vendor range; so used by Indian operators for DLT
TLV_DLT_TEMPLATE = 0x1401


class Command(IntEnum):
    """Requests; a response has RESPONSE added."""

    GENERIC_NACK = 0  # exists as a response only
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    CANCEL_SM = 0x08
    BIND_TRANSCEIVER = 0x09
    ENQUIRE_LINK = 0x15


THROTTLED = 0x58

STATUS_NAMES = {
    0x00: "ESME_ROK",
    0x01: "ESME_RINVMSGLEN",
    0x02: "ESME_RINVCMDLEN",
    0x03: "ESME_RINVCMDID",
    0x04: "ESME_RINVBNDSTS",
    0x05: "ESME_RALYBND",
    0x08: "ESME_RSYSERR",
    0x0A: "ESME_RINVSRCADR",
    0x0B: "ESME_RINVDSTADR",
    0x0C: "ESME_RINVMSGID",
    0x0D: "ESME_RBINDFAIL",
    0x0E: "ESME_RINVPASWD",
    0x0F: "ESME_RINVSYSID",
    0x11: "ESME_RCANCELFAIL",
    0x14: "ESME_RMSGQFUL",
    0x43: "ESME_RINVESMCLASS",
    0x45: "ESME_RSUBMITFAIL",
    THROTTLED: "ESME_RTHROTTLED",
    0x61: "ESME_RINVSCHED",
    0x62: "ESME_RINVEXPIRY",
    0x64: "ESME_RX_T_APPN",
    0x65: "ESME_RX_P_APPN",
    0xC4: "ESME_RINVOPTPARAMVAL",
}


class MalformedError(ValueError):
    """The octets are no SMPP 3.4."""


@dataclass(slots=True)  # not frozen: making one would take three times as long, and every response is one
class Pdu:
    command: int
    status: int
    sequence: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class ShortMessage:
    """The body of submit_sm and deliver_sm, with the fields that we use."""

    source: str
    destination: str
    esm_class: int
    registered_delivery: int
    data_coding: int
    payload: bytes  # at most 254 octets
    tlvs: dict[int, bytes]
    validity: str = ""


def status_name(status: int) -> str:
    """`ESME_RTHROTTLED`, or `0x00000400` for a vendor's own number."""
    return STATUS_NAMES.get(status, f"0x{status:08X}")


def pack(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    return HEADER.pack(HEADER.size + len(body), command, status, sequence) + body


def split(buffer: bytes) -> tuple[list[Pdu], bytes]:
    """The whole PDUs at the start of `buffer`, and the rest. MalformedError when the length makes no sense."""
    found: list[Pdu] = []
    at = 0
    while len(buffer) - at >= HEADER.size:
        length, command, status, sequence = HEADER.unpack_from(buffer, at)
        if not HEADER.size <= length <= MAX_PDU_BYTES:
            raise MalformedError("the length of a PDU makes no sense")
        if len(buffer) - at < length:
            break
        found.append(Pdu(command, status, sequence, buffer[at + HEADER.size : at + length]))
        at += length
    return found, buffer[at:]


def c_string(text: str) -> bytes:
    return text.encode("ascii") + b"\0"


def take_c_string(body: bytes, at: int = 0) -> tuple[str, int]:
    """The string that begins at `at`, and where the next field begins."""
    end = body.find(b"\0", at)
    if end < 0:
        raise MalformedError("a string does not end")
    return body[at:end].decode("ascii", "replace"), end + 1


def pack_bind(system_id: str, password: str) -> bytes:
    address_range = b"\0\0\0"
    return c_string(system_id) + c_string(password) + c_string("") + bytes([INTERFACE_VERSION]) + address_range


def unpack_bind(body: bytes) -> tuple[str, str]:
    system_id, at = take_c_string(body)
    password, _at = take_c_string(body, at)
    return system_id, password


@dataclass(frozen=True, slots=True, repr=False)
class Frame:
    """What the parts of one text have in common: packed once, and each part put into it."""

    addresses: bytes  # pack_address of the source, then of the destination
    validity: bytes  # a C string
    data_coding: int
    tlvs: bytes  # pack_tlv of each

    def pack(self, payload: bytes, *, esm_class: int, registered_delivery: int) -> bytes:
        """The body of submit_sm and deliver_sm; `payload` has at most 254 octets."""
        return b"".join(
            (
                b"\0",  # service_type
                self.addresses,
                bytes((esm_class, 0, 0, 0)),  # protocol_id, priority_flag, schedule_delivery_time: at once
                self.validity,
                bytes((registered_delivery, 0, self.data_coding, 0, len(payload))),
                payload,
                self.tlvs,
            )
        )


def pack_message(message: ShortMessage) -> bytes:
    frame = Frame(
        pack_address(message.source) + pack_address(message.destination),
        c_string(message.validity),
        message.data_coding,
        b"".join(pack_tlv(tag, value) for tag, value in message.tlvs.items()),
    )
    return frame.pack(message.payload, esm_class=message.esm_class, registered_delivery=message.registered_delivery)


def pack_cancel(source: bytes, message_id: str) -> bytes:
    """The body of cancel_sm for one message (4.9.1): its source must be the submit's, its destination may be left out.

    `source`: pack_address of it.
    """
    return b"".join((b"\0", c_string(message_id), source, b"\0\0\0"))


def unpack_cancel(body: bytes) -> tuple[str, str]:
    """The message's id and its source. MalformedError when the body ends early."""
    _service_type, at = take_c_string(body)
    message_id, at = take_c_string(body, at)
    source, _at = take_c_string(body, at + 2)
    return message_id, source


def pack_address(address: str) -> bytes:
    """Type of number and numbering plan, then the address: ISDN for telephones, alphanumeric for headers."""
    numbering = b"\x01\x01" if address.isdigit() and len(address) > 8 else b"\x05\x00"
    return numbering + c_string(address)


def pack_tlv(tag: int, value: bytes) -> bytes:
    return _TLV.pack(tag, len(value)) + value


def relative(seconds: int) -> str:
    """So long from now, as SMPP writes a relative time: YYMMDDhhmmss000R (7.1.1.2)."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"0000{day:02}{hour:02}{minute:02}{second:02}000R"


def unpack_relative(text: str) -> dt.timedelta:
    """What `relative` wrote. MalformedError for anything else."""
    if not _RELATIVE.fullmatch(text):
        raise MalformedError("no relative time of days")
    days, hours, minutes, seconds = (int(text[at : at + 2]) for at in range(4, 12, 2))
    return dt.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def unpack_message(body: bytes) -> ShortMessage:
    """MalformedError when the body ends early or its parts do not fit."""
    try:
        _service_type, at = take_c_string(body)
        source, at = take_c_string(body, at + 2)
        destination, at = take_c_string(body, at + 2)
        esm_class = body[at]
        _schedule, at = take_c_string(body, at + 3)
        validity, at = take_c_string(body, at)
        registered_delivery, _replace, data_coding, _default, length = body[at : at + 5]
    except (IndexError, ValueError):
        raise MalformedError("the body of a message is too short") from None
    at += 5
    payload = body[at : at + length]
    tlvs = _unpack_tlvs(body, at + length)
    return ShortMessage(
        source=source,
        destination=destination,
        esm_class=esm_class,
        registered_delivery=registered_delivery,
        data_coding=data_coding,
        payload=payload or tlvs.get(TLV_MESSAGE_PAYLOAD, b""),
        tlvs=tlvs,
        validity=validity,
    )


def _unpack_tlvs(body: bytes, at: int) -> dict[int, bytes]:
    tlvs: dict[int, bytes] = {}
    while at < len(body):
        if at + 4 > len(body):
            raise MalformedError("a TLV is too short")
        tag, length = _TLV.unpack_from(body, at)
        if at + 4 + length > len(body):
            raise MalformedError("a TLV is too short")
        tlvs[tag] = body[at + 4 : at + 4 + length]
        at += 4 + length
    return tlvs
