"""How alike two wholes are: the Dice of their filters, as SQL computes it."""

from ariyippu.ingest.features.keyed import Keyed

KEYED = Keyed(bytes(range(32)))


def dice(one: str, other: str) -> float:
    a, b = KEYED.filter(one), KEYED.filter(other)
    return 2 * (a & b).bit_count() / (a.bit_count() + b.bit_count())
