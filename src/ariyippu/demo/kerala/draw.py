"""Chance for whole columns: the same seed, chunk and question give the same numbers for ever.

The numbers are SHAKE-128 (FIPS 202) over `seed|chunk|question`, 32 bits for each row. No state passes from one
question or chunk to the next: a chunk can be made without those before it, and a new question changes
no old answer.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

BITS = 32


@dataclass(frozen=True)
class Draws:
    """Chance for columns of `rows` rows."""

    origin: str
    rows: int

    def about(self, subject: str, rows: int) -> "Draws":
        """Chance of its own, for another column length."""
        return Draws(f"{self.origin}|{subject}", rows)

    def bits(self, question: str) -> pa.Array:
        """uint32, every value as likely."""
        digest = hashlib.shake_128(f"{self.origin}|{question}".encode()).digest(self.rows * BITS // 8)
        return pa.Array.from_buffers(pa.uint32(), self.rows, [None, pa.py_buffer(digest)])

    def below(self, question: str, limit: int) -> pa.Array:
        """int64 from 0 to `limit` - 1."""
        scaled = pc.multiply(self.bits(question).cast(pa.uint64()), pa.scalar(limit, pa.uint64()))
        return pc.shift_right(scaled, pa.scalar(BITS, pa.uint64())).cast(pa.int64())

    def chances(self, question: str) -> pa.Array:
        """double from 0 to less than 1."""
        return pc.multiply(self.bits(question).cast(pa.float64()), 2.0**-BITS)

    def happens(self, question: str, chance: float) -> pa.Array:
        """bool: true for about this share of the rows."""
        return pc.less(self.bits(question).cast(pa.uint64()), pa.scalar(round(chance * 2**BITS), pa.uint64()))

    def within(self, question: str, begin: pa.Array, count: pa.Array) -> pa.Array:
        """int64 from each row's `begin`, one of `count`."""
        return pc.add(begin, pc.floor(pc.multiply(self.chances(question), count)).cast(pa.int64()))

    def turned(self, question: str, wheel: pa.Array) -> pa.Array:
        """A value of the wheel for each row."""
        return wheel.take(self.below(question, len(wheel)))


def wheel(weights: Mapping[int, float], slots: int = 4096) -> pa.Array:
    """Values in proportion to their weights, for `Draws.turned`; what weighs less than half a slot is left out."""
    total = sum(weights.values())
    return pa.array([value for value, weight in weights.items() for _ in range(round(slots * weight / total))])


def remainder(number: pa.Array, modulus: int) -> pa.Array:
    """number mod modulus, for numbers that are not negative (Arrow has no such function)."""
    return pc.subtract(number, pc.multiply(pc.divide(number, modulus), modulus))


def scrambled(number: pa.Array, modulus: int = 999_999_937) -> pa.Array:
    """Each number below the prime `modulus` to another one below it, one to one: looks like no order at all."""
    return remainder(pc.add(pc.multiply(number, 523_456_789 % modulus), 271_828_183 % modulus), modulus)


def digits(number: pa.Array, width: int) -> pa.Array:
    """The number as text, filled with zeros."""
    return pc.ascii_lpad(number.cast(pa.string()), width, "0")
