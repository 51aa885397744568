"""The SMS centre's final word about a message, as a deliver_sm holds it (section 4.6, appendix B)."""

import re
from typing import Literal

from ariyippu.send.carriers import pdu
from ariyippu.send.carriers.answers import PROVIDER_ID, Receipt

_PROVIDER_ID = re.compile(PROVIDER_ID)
_RECEIPT_ID = re.compile(r"\bid:(" + PROVIDER_ID + r")(?=\s|$)", re.ASCII)
_RECEIPT_STAT = re.compile(r"\bstat:([A-Z]{5,7})\b", re.ASCII)
_RECEIPT_ERR = re.compile(r"\berr:([0-9A-Za-z]{1,8})\b", re.ASCII)

State = Literal["delivered", "undelivered", "expired", "rejected", "deleted", "unknown"]
_FINAL: dict[str, State] = {
    "DELIVRD": "delivered",
    "EXPIRED": "expired",
    "DELETED": "deleted",
    "UNDELIV": "undelivered",
    "UNKNOWN": "unknown",
    "REJECTD": "rejected",
}  # ENROUTE and ACCEPTD are not final
_STATS = {2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 7: "UNKNOWN", 8: "REJECTD"}  # section 5.2.28


def parse_receipt(body: bytes) -> Receipt | None:
    """The final receipt that a deliver_sm holds, or None: not a receipt, not final, or not readable.

    The TLVs count first; the text (`id:… stat:… err:…`, appendix B) fills what they leave open.
    """
    try:
        message = pdu.unpack_message(body)
    except pdu.MalformedError:
        return None
    if message.esm_class & pdu.ESM_RECEIPT_MASK != pdu.ESM_RECEIPT:
        return None
    text = message.payload.decode("ascii", "replace")
    provider_id = _tlv_id(message.tlvs) or _first(_RECEIPT_ID, text)
    state_octet = message.tlvs.get(pdu.TLV_MESSAGE_STATE, b"")
    stat = _STATS.get(state_octet[0], "") if len(state_octet) == 1 else _first(_RECEIPT_STAT, text)
    if not provider_id or stat not in _FINAL:
        return None
    return Receipt(
        provider_id, _FINAL[stat], f"{stat} {_network_error(message.tlvs) or _first(_RECEIPT_ERR, text)}".strip()
    )


def _tlv_id(tlvs: dict[int, bytes]) -> str:
    given = tlvs.get(pdu.TLV_RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").decode("ascii", "replace")
    return given if _PROVIDER_ID.fullmatch(given) else ""


def _network_error(tlvs: dict[int, bytes]) -> str:
    """Section 5.3.2.31: one octet of network type, two of the error."""
    given = tlvs.get(pdu.TLV_NETWORK_ERROR_CODE, b"")
    return f"{int.from_bytes(given[1:], 'big'):03d}" if len(given) == 3 else ""


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
