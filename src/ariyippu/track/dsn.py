"""Mail that comes back: delivery status notifications (RFC 3464) and complaints (RFC 5965). Pure.

    octets -> read() -> Returned: the token of the message that it is about, and what it says as a code

A report quotes addresses and whole messages; none of its text leaves this module. What is no such report
(an answer of a person or of a machine) is None: it says nothing about a delivery.
"""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from ariyippu.send.tokens import PATTERN
from ariyippu.track.receipts import State, Word, of_status

# RFC 6533 has the same reports with addresses in UTF-8.
STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
RETURNED_TYPES = frozenset({"message/rfc822", "message/global"})
HEADER_TYPES = frozenset({"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"})
FEEDBACK_TYPE = "message/feedback-report"
COMPLAINTS = frozenset({"abuse", "opt-out"})  # fraud, virus and not-spam speak about the content
MAX_PARTS = 50

_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b", re.ASCII)
_MESSAGE_ID = re.compile(rf"<({PATTERN})@[A-Za-z0-9.-]{{1,255}}>")


@dataclass(frozen=True)
class Returned:
    """A report about one message.

    `kind`: "bounce" with its `word`, "complaint", or "nothing" when it says nothing final (a delay).
    `token`: of the message that it returned or quoted, when that could be found.
    """

    kind: Literal["bounce", "complaint", "nothing"]
    token: str | None
    word: Word | None = None


def read(octets: bytes) -> Returned | None:
    """The report in a mail, or None when it holds none that can be read."""
    try:
        mail = email.message_from_bytes(octets, policy=email.policy.compat32)
        parts = list(_parts(mail))
    except (RecursionError, LookupError, ValueError, AttributeError):  # what hostile mail does to the parser
        return None
    token = next((found for part in parts if (found := _token(part))), None)
    for part in parts:
        if part.get_content_type() in STATUS_TYPES:
            return _bounce(_blocks(part), token)
        if part.get_content_type() == FEEDBACK_TYPE:
            return _complaint(_blocks(part), token)
    return None


def _parts(mail: Message) -> Iterator[Message]:
    """The parts of a report, not the parts of what it returns."""
    if mail.get_content_type() != "multipart/report" or not mail.is_multipart():
        return
    for part in list(mail.get_payload())[:MAX_PARTS]:
        if isinstance(part, Message):
            yield part


def _blocks(part: Message) -> list[Message]:
    """The blocks of fields in a part of type message/…; a parser leaves a part that is no such thing as text."""
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


def _bounce(blocks: list[Message], token: str | None) -> Returned:
    """RFC 3464, 2.3: the blocks about recipients have an Action and a Status; the first block has neither.

    Our messages have one recipient. Where an alias made several of it, the kindest word about them counts.
    """
    about = [_word(block) for block in blocks if "Action" in block]
    words = [word for word in about if word is not None]
    if not words or len(words) < len(about):  # something is still to come
        return Returned("nothing", token)
    return Returned("bounce", token, min(words))


def _word(block: Message) -> Word | None:
    action = str(block.get("Action", "")).split("(")[0].strip().lower()
    if action == "delivered":
        return Word(State.DELIVERED, "delivered")
    if action != "failed":  # delayed, relayed, expanded
        return None
    status = _status(str(block.get("Status", "")))
    if status.endswith(".0.0"):  # "other": the diagnostic code often knows more
        status = _status(str(block.get("Diagnostic-Code", ""))) or status
    return Word(of_status(status or "5.0.0"), status or "5.0.0")


def _status(text: str) -> str:
    found = _STATUS.search(text)
    return found[1] if found else ""


def _complaint(blocks: list[Message], token: str | None) -> Returned:
    kinds = {str(block.get("Feedback-Type", "")).strip().lower() for block in blocks}
    return Returned("complaint" if kinds & COMPLAINTS else "nothing", token)


def _token(part: Message) -> str | None:
    """Our token in the Message-ID of what a report returns, whole or as headers alone."""
    if part.get_content_type() in RETURNED_TYPES:
        returned = _blocks(part)[:1]
    elif part.get_content_type() in HEADER_TYPES:
        text = part.get_payload(decode=True)
        returned = [email.message_from_bytes(text)] if isinstance(text, bytes) else _blocks(part)[:1]
    else:
        return None
    found = _MESSAGE_ID.search(str(returned[0].get("Message-ID", "")).lower()) if returned else None
    return found[1] if found else None
