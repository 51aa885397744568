"""Message tokens: the name under which a message leaves, and comes back in a receipt or behind a link.

A token is a place in a batch, enciphered so that only the vault can make or read it, and the same whenever it
is made: it is a Message-ID, a return path and a link's end, and no table has to keep it.

    block    batch (5 octets, big-endian) || position (2 octets) || proof
    proof    order's digest xor record, the first 9 octets of each
    token    base32 (RFC 4648, in lower case, without padding) of AES-256(block): 26 characters

Every bit of a token depends on every bit of its block, so whoever changes or invents one meets the proof that
belongs to its place once in 2^72: encode, then encipher (Bellare and Rogaway, ASIACRYPT 2000). The proof is
checked against the batch's own row, so a batch number that a restored database gave away twice finds nobody.
Each use has a key of its own: who sees a return path cannot make the link. Pure.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from ariyippu.base.keys import Keyring

Use = Literal["receipt", "link"]

BATCH_BYTES, POSITION_BYTES, PROOF_BYTES = 5, 2, 9
PLACE_BYTES = BATCH_BYTES + POSITION_BYTES
BLOCK_BYTES = PLACE_BYTES + PROOF_BYTES
LENGTH = 26  # of 128 bits, five to a character
PATTERN = f"[a-z2-7]{{{LENGTH}}}"

_TOKEN = re.compile(PATTERN)
_LETTERS = b"abcdefghijklmnopqrstuvwxyz234567".ljust(256)
_FILL_BYTES = -BLOCK_BYTES % 5  # they make whole groups of a block; their characters are left out
_PADDED = (BLOCK_BYTES + _FILL_BYTES) * 8 // 5  # characters


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
        first = batch.to_bytes(BATCH_BYTES, "big")
        places = [first + position.to_bytes(POSITION_BYTES, "big") for position in range(len(records))]
        return self._tokens(places, order, records)

    def place(self, token: str) -> Place | None:
        """The place that a token names, unchecked: `holds` decides. None when it is no token at all."""
        if not _TOKEN.fullmatch(token):
            return None
        block = self._cipher().decryptor().update(base64.b32decode(token.upper() + "=" * (_PADDED - LENGTH)))
        return Place(int.from_bytes(block[:BATCH_BYTES], "big"), int.from_bytes(block[BATCH_BYTES:PLACE_BYTES], "big"))

    def holds(self, token: str, order: str, record: bytes) -> bool:
        """Whether this is the token of this record's message under this order, at the place that it names."""
        place = self.place(token)
        if place is None:
            return False
        (own,) = self._tokens([place.octets()], order, [record])
        return hmac.compare_digest(token, own)

    def _tokens(self, places: Sequence[bytes], order: str, records: Sequence[bytes]) -> list[str]:
        proofs = _xor(
            b"".join([record[:PROOF_BYTES] for record in records]), bytes.fromhex(order)[:PROOF_BYTES] * len(records)
        )
        starts = range(0, len(proofs), PROOF_BYTES)
        blocks = [place + proofs[start : start + PROOF_BYTES] for place, start in zip(places, starts, strict=True)]
        sealed = self._cipher().encryptor().update(b"".join(blocks))
        fill = bytes(_FILL_BYTES)
        written = base32(
            b"".join([sealed[start : start + BLOCK_BYTES] + fill for start in range(0, len(sealed), BLOCK_BYTES)])
        )
        return [written[start : start + LENGTH] for start in range(0, len(written), _PADDED)]

    def _cipher(self) -> Cipher[ECB]:
        """One block for each token, and no two blocks of an installation alike: nothing is chained."""
        return Cipher(AES256(self.key), ECB())  # noqa: S305


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
