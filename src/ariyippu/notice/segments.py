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


@dataclass(frozen=True)
class Segments:
    """`parts`: each segment's payload without header; gsm7 as one septet per byte, ucs2 as UTF-16-BE."""

    coding: Literal["gsm7", "ucs2"]
    parts: tuple[bytes, ...]


def encode(text: str) -> Segments:
    """The segments of a text; no escape sequence, and no surrogate pair, is ever split."""
    if all(character in _SEPTETS for character in text):
        return Segments("gsm7", _split([_SEPTETS[character] for character in text], GSM7_WHOLE, GSM7_PART))
    characters = [character.encode("utf-16-be") for character in text]
    return Segments("ucs2", _split(characters, UCS2_WHOLE, UCS2_PART))


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
