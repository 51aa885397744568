"""A message as the bodies of its submit_sm: segments with a header each, or the whole text in message_payload."""

import functools
import itertools
import re
import time
from collections.abc import Iterator
from typing import NamedTuple

from ariyippu.base.errors import RefusedError
from ariyippu.base.home import CarrierSettings
from ariyippu.notice.segments import Segments, encode
from ariyippu.send.carriers import pdu
from ariyippu.send.carriers.answers import SmsMessage

MAX_PARTS = 255  # a part's number is one octet (3GPP TS 23.040, 9.2.3.24.1)

_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")
_DLT_ID = re.compile(r"[0-9]{1,30}")


class Submits(NamedTuple):
    """The bodies of a message's submits, and how many segments it travels as: what the provider charges for."""

    bodies: list[bytes]
    segments: int


class Writer:
    """Writes what one carrier hands off."""

    def __init__(self, settings: CarrierSettings) -> None:
        if not re.fullmatch(r"[A-Za-z0-9-]{3,15}", settings.sender):
            raise RefusedError("carrier.bad_sender", "The SMS carrier's sender must be a registered sender id.")
        if settings.dlt_entity is not None and not _DLT_ID.fullmatch(settings.dlt_entity):
            raise RefusedError("carrier.bad_dlt_entity", "The DLT entity id must be digits.")
        self._entity = settings.dlt_entity
        self._is_whole = settings.long_sms == "payload"
        self._source = pdu.pack_address(settings.sender)
        self._references = itertools.count(int(time.monotonic()))

    def cancel(self, provider_id: str) -> bytes:
        """The body of the cancel_sm of what was submitted and taken under this id."""
        return pdu.pack_cancel(self._source, provider_id)

    def submits(self, message: SmsMessage) -> Submits | str:
        """A message's submits; or, as a code, why it is not offered."""
        if not _PHONE.fullmatch(message.to):
            return "local.bad_address"
        if message.dlt_template is not None and not _DLT_ID.fullmatch(message.dlt_template):
            return "local.bad_template"
        segments = encode(message.text)
        total = len(segments.parts)
        if total > MAX_PARTS:
            return "local.bad_length"
        frame = pdu.Frame(
            self._source + pdu.pack_address(message.to.removeprefix("+")),
            _validity(message.valid_s),
            pdu.CODING_UCS2 if segments.coding == "ucs2" else pdu.CODING_DEFAULT,
            _registered(self._entity, message.dlt_template),
        )
        if total == 1:
            return Submits([frame.pack(segments.parts[0], esm_class=0, registered_delivery=1)], 1)
        return Submits([_whole(frame, segments)] if self._is_whole else list(self._parts(frame, segments)), total)

    def _parts(self, frame: pdu.Frame, segments: Segments) -> Iterator[bytes]:
        total, reference = len(segments.parts), next(self._references) % 256
        for number, payload in enumerate(segments.parts, 1):
            header = bytes([5, 0, 3, reference, total, number])
            is_last = number == total  # it alone asks for a receipt: one for a message
            yield frame.pack(header + payload, esm_class=pdu.ESM_UDH, registered_delivery=int(is_last))


def _whole(frame: pdu.Frame, segments: Segments) -> bytes:
    """The text in a TLV, and no short message (5.3.2.32): the SMS centre makes its segments."""
    payload = pdu.pack_tlv(pdu.TLV_MESSAGE_PAYLOAD, b"".join(segments.parts))
    return frame.pack(b"", esm_class=0, registered_delivery=1) + payload


@functools.lru_cache(maxsize=256)
def _validity(seconds: int) -> bytes:
    """Many messages' alike: those of a batch end together."""
    return pdu.c_string(pdu.relative(seconds))


@functools.lru_cache(maxsize=256)
def _registered(entity: str | None, template: str | None) -> bytes:
    """What India's operators ask of each part: who sends, and which registered text. Of a batch, the same."""
    ids = ((pdu.TLV_DLT_ENTITY, entity), (pdu.TLV_DLT_TEMPLATE, template))
    return b"".join(pdu.pack_tlv(tag, given.encode("ascii")) for tag, given in ids if given is not None)
