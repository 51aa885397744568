"""Message tokens: the name under which a message leaves, and comes back in a receipt or behind a link.

A token is a place in a batch, sealed so that only the vault can make or read it, and the same whenever it
is made: it is a Message-ID, a return path and a link's end, and no table has to keep it.

    place    batch (5 bytes, big-endian) || position (2 bytes)
    check    MAC(place || order's digest || record), 8 bytes
    token    base32 (RFC 4648, in lower case) of  check || place xor MAC(check): 15 bytes, 24 characters
    MAC      BLAKE2b, keyed (RFC 7693), of as many bytes as are needed

That is SIV (RFC 5297) in small: the check authenticates and is the nonce, too. It covers the record, so it
is checked against the batch's own row, and a batch number that a restored database gave away twice finds
nobody. Each use has a key of its own: who sees a return path cannot make the link. Pure.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ariyippu.base.keys import Keyring

Use = Literal["receipt", "link"]

CHECK_BYTES, BATCH_BYTES, POSITION_BYTES = 8, 5, 2
PLACE_BYTES = BATCH_BYTES + POSITION_BYTES
LENGTH = (CHECK_BYTES + PLACE_BYTES) * 8 // 5
PATTERN = f"[a-z2-7]{{{LENGTH}}}"

_TOKEN = re.compile(PATTERN)
_LETTERS = b"abcdefghijklmnopqrstuvwxyz234567".ljust(256)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands: the batch's number, and the position in it."""

    batch: int
    position: int

    def octets(self) -> bytes:
        return self.batch.to_bytes(BATCH_BYTES, "big") + self.position.to_bytes(POSITION_BYTES, "big")


@dataclass(frozen=True, repr=False)
class MessageTokens:
    """Makes and reads the tokens of one use."""

    key: bytes

    @classmethod
    def of(cls, keyring: Keyring, use: Use) -> "MessageTokens":
        return cls(keyring.token_key(f"message/{use}"))

    def make(self, batch: int, order: str, records: Sequence[bytes]) -> list[str]:
        """The token of each of a batch's records, in the order of their positions."""
        first = Place(batch, 0).octets()[:BATCH_BYTES]
        places = [first + position.to_bytes(POSITION_BYTES, "big") for position in range(len(records))]
        return self._tokens(places, order, records)

    def place(self, token: str) -> Place | None:
        """The place that a token names, unchecked: `holds` decides. None when it is no token at all."""
        if not _TOKEN.fullmatch(token):
            return None
        sealed = base64.b32decode(token.upper())
        check, hidden = sealed[:CHECK_BYTES], sealed[CHECK_BYTES:]
        place = _xor(hidden, *self._macs(PLACE_BYTES, [check]))
        return Place(int.from_bytes(place[:BATCH_BYTES], "big"), int.from_bytes(place[BATCH_BYTES:], "big"))

    def holds(self, token: str, order: str, record: bytes) -> bool:
        """Whether this is the token of this record's message under this order, at the place that it names."""
        place = self.place(token)
        if place is None:
            return False
        (own,) = self._tokens([place.octets()], order, [record])
        return hmac.compare_digest(token, own)

    def _tokens(self, places: Sequence[bytes], order: str, records: Sequence[bytes]) -> list[str]:
        bound = bytes.fromhex(order)
        checked = [place + bound + record for place, record in zip(places, records, strict=True)]
        checks = self._macs(CHECK_BYTES, checked)
        hidden = _xor(b"".join(places), b"".join(self._macs(PLACE_BYTES, checks)))
        starts = range(0, len(hidden), PLACE_BYTES)
        sealed = [check + hidden[start : start + PLACE_BYTES] for check, start in zip(checks, starts, strict=True)]
        written = base32(b"".join(sealed))
        return [written[start : start + LENGTH] for start in range(0, len(written), LENGTH)]

    def _macs(self, length: int, texts: Sequence[bytes]) -> list[bytes]:
        """Each text's MAC of so many bytes. What the key alone decides is computed once."""
        copy = hashlib.blake2b(key=self.key, digest_size=length).copy
        states = [copy() for _ in texts]
        for state, octets in zip(states, texts, strict=True):
            state.update(octets)
        return [state.digest() for state in states]


def base32(octets: bytes) -> str:
    """RFC 4648, 6, in lower case, of whole groups of five octets: all of a batch at once, for one by one is dear.

    Each group goes into eight octets, at whose ends its halves come to lie, then the halves of these, and again.
    """
    spread = bytearray(len(octets) // 5 * 8)
    for place in range(5):
        spread[3 + place :: 8] = octets[place::5]
    number = int.from_bytes(spread, "big")
    for width, half, shift in ((8, 0xFFFFF00000, 12), (4, 0xFFC00, 6), (2, 0x3E0, 3)):
        upper = number & int.from_bytes(half.to_bytes(width, "big") * (len(spread) // width), "big")
        number += (upper << shift) - upper
    return number.to_bytes(len(spread), "big").translate(_LETTERS).decode()


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")
