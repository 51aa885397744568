"""Which alphabet an SMS needs, and the segments that it travels as (3GPP TS 23.038 and 23.040). Pure."""

from dataclasses import dataclass
from typing import Literal

# TS 23.038, 6.2.1: the position in the string is the septet. 1B is the escape and stands for nothing itself.
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = 0x1B
# TS 23.038, 6.2.1.1: two septets, the escape and this one.
_EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_SEPTETS = {character: bytes([at]) for at, character in enumerate(_BASIC) if at != _ESCAPE} | {
    character: bytes([_ESCAPE, at]) for character, at in _EXTENSION.items()
}

GSM7_WHOLE, GSM7_PART = 160, 153  # septets; a part leaves room for the 6-octet header
UCS2_WHOLE, UCS2_PART = 140, 134  # octets: 70 and 67 units of UTF-16
_HIGH_SURROGATE = range(0xD8, 0xDC)  # the first octet of a pair's first unit


@dataclass(frozen=True)
class Segments:
    """`parts`: each segment's payload without header; gsm7 as one septet per byte, ucs2 as UTF-16-BE."""

    coding: Literal["gsm7", "ucs2"]
    parts: tuple[bytes, ...]


def encode(text: str) -> Segments:
    """The segments of a text; no escape sequence, and no surrogate pair, is ever split."""
    if all(character in _SEPTETS for character in text):
        return Segments("gsm7", _split([_SEPTETS[character] for character in text], GSM7_WHOLE, GSM7_PART))
    return Segments("ucs2", _split_utf16(text.encode("utf-16-be")))


def _split_utf16(octets: bytes) -> tuple[bytes, ...]:
    """Cut where a part is full: one step for a part, not for a character, because every SMS comes through here."""
    if len(octets) <= UCS2_WHOLE:
        return (octets,)
    parts, at = [], 0
    while at < len(octets):
        end = at + UCS2_PART
        if end < len(octets) and octets[end - 2] in _HIGH_SURROGATE:
            end -= 2  # its other half would begin the next part
        parts.append(octets[at:end])
        at = end
    return tuple(parts)


def _split(characters: list[bytes], whole: int, part: int) -> tuple[bytes, ...]:
    if sum(map(len, characters)) <= whole:
        return (b"".join(characters),)
    parts, current = [], b""
    for character in characters:
        if len(current) + len(character) > part:
            parts.append(current)
            current = b""
        current += character
    return (*parts, current)
