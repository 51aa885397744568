"""Keyed features of a text: tokens, Bloom filters of its q-grams, bitmaps of first letters.

A key belongs to one role (domain `feature/name`, `feature/house`, …) and is the same for every register: features
of one role can be compared between registers, those of two roles cannot. MAC is HMAC-SHA256 under that key.

    token     MAC(`KIND:text`)[:8] as a little-endian signed integer
    filter    256 bits: for each q-gram, the first BITS_PER_GRAM bytes of MAC(`gram:Q-GRAM`) name a bit each
    letters   64 bits: each letter from a to z has a bit of its own, in an order that the key decides

Bit n of a filter is bit n % 64 of word n // 64.

**q-grams.** Pairs of neighbouring letters of the whole, and pairs of neighbouring consonants of its sound with
# before them, _ standing before the first and after the last. Spellings of a name differ in vowels most: the
two kinds together part variants from other names better than pairs of letters alone, pairs with gaps or
trigrams do.

**Bits for each.** One to four part equally well, more only fill the filter: two filters that share no q-gram have a
Dice of about their share of ones. With four, a usual name fills a fifth and one of a hundred a third.
"""

import functools
import itertools
import string

from ariyippu.base.keys import Mac
from ariyippu.ingest.features.names import sound

BITS_PER_GRAM = 4
FILTER_BYTES = 32
TOKEN_BYTES = 8
PIECE = 4  # letters; neighbouring pieces share one
CACHE_PIECES = 1 << 16


class Keyed:
    """What can be made with one role's key. It remembers the bits of pieces of texts, and nothing longer."""

    def __init__(self, key: bytes) -> None:
        self._mac = Mac(key)
        self._letters_bits = functools.lru_cache(CACHE_PIECES)(functools.partial(self._bits_of_piece, ""))
        self._sound_bits = functools.lru_cache(CACHE_PIECES)(functools.partial(self._bits_of_piece, "#"))
        order = sorted(range(64), key=lambda bit: self._mac(b"letter:%d" % bit))
        self._letter = dict(zip(string.ascii_lowercase, order, strict=False))

    def token(self, kind: str, text: str) -> bytes:
        """TOKEN_BYTES bytes."""
        return self._mac(f"{kind}:{text}".encode())[:TOKEN_BYTES]

    def filter(self, whole: str) -> int:
        """The Bloom filter of a whole (names.py), as an unsigned integer of 256 bits."""
        bits = 0
        for text, bits_of in ((f"_{whole}_", self._letters_bits), (f"_{sound(whole)}_", self._sound_bits)):
            for at in range(0, len(text) - 1, PIECE - 1):
                bits |= bits_of(text[at : at + PIECE])
        return bits

    def letters(self, initials: str) -> bytes:
        """The bitmap of these letters, TOKEN_BYTES bytes. Letters that are not from a to z have no bit."""
        bits = 0
        for letter in initials:
            if letter in self._letter:
                bits |= 1 << self._letter[letter]
        return bits.to_bytes(TOKEN_BYTES, "little")

    def _bits_of_piece(self, mark: str, piece: str) -> int:
        """The bits of the pairs in a few letters; texts share pieces, so that few are looked up one by one."""
        bits = 0
        for one, other in itertools.pairwise(piece):
            for position in self._mac(f"gram:{mark}{one}{other}".encode())[:BITS_PER_GRAM]:
                bits |= 1 << position
        return bits
