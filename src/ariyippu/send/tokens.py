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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ariyippu.base.keys import Keyring

Use = Literal["receipt", "link"]

CHECK_BYTES, BATCH_BYTES, POSITION_BYTES = 8, 5, 2
PLACE_BYTES = BATCH_BYTES + POSITION_BYTES
LENGTH = (CHECK_BYTES + PLACE_BYTES) * 8 // 5
PATTERN = f"[a-z2-7]{{{LENGTH}}}"

_TOKEN = re.compile(PATTERN)


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
        place = _xor(hidden, self._mac(PLACE_BYTES)(check))
        return Place(int.from_bytes(place[:BATCH_BYTES], "big"), int.from_bytes(place[BATCH_BYTES:], "big"))

    def holds(self, token: str, order: str, record: bytes) -> bool:
        """Whether this is the token of this record's message under this order, at the place that it names."""
        place = self.place(token)
        if place is None:
            return False
        (own,) = self._tokens([place.octets()], order, [record])
        return hmac.compare_digest(token, own)

    def _tokens(self, places: Sequence[bytes], order: str, records: Sequence[bytes]) -> list[str]:
        bound, check, hide = bytes.fromhex(order), self._mac(CHECK_BYTES), self._mac(PLACE_BYTES)
        checks = [check(place + bound + record) for place, record in zip(places, records, strict=True)]
        hidden = _xor(b"".join(places), b"".join(map(hide, checks)))
        starts = range(0, len(hidden), PLACE_BYTES)
        sealed = [check + hidden[start : start + PLACE_BYTES] for check, start in zip(checks, starts, strict=True)]
        written = base64.b32encode(b"".join(sealed)).decode().lower()
        return [written[start : start + LENGTH] for start in range(0, len(written), LENGTH)]

    def _mac(self, length: int) -> Callable[[bytes], bytes]:
        """The MAC of so many bytes. What the key alone decides is computed once."""
        copy = hashlib.blake2b(key=self.key, digest_size=length).copy

        def mac(octets: bytes) -> bytes:
            state = copy()
            state.update(octets)
            return state.digest()

        return mac


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")
