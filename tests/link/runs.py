"""Linking runs of a test's own: who is one person, said outright, kept as the real ones are."""

import hashlib
from collections.abc import Mapping

import pyarrow as pa

from ariyippu.link.index import SCHEMAS, Draft

GRANT, MODEL = "9" * 64, "m" * 64

Record = tuple[str, bytes]  # register, token


def token(key: str) -> bytes:
    """A stand-in for a keyed token."""
    return hashlib.sha256(key.encode()).digest()[:16]


def draft(persons: Mapping[Record, str], possible: Mapping[tuple[str, str], float], **changes: object) -> Draft:
    """A run in which each record is of this person, and these pairs of persons are possible links."""
    bonds = {who: number for number, who in enumerate(dict.fromkeys(persons.values()))}
    rows = [
        {"register": register, "record": record, "person": token(who), "bond": bonds[who]}
        for (register, record), who in persons.items()
    ]
    pairs = [pair for (one, other), weight in possible.items() for pair in ((one, other, weight), (other, one, weight))]
    first = next(iter(persons.values()))
    made: dict[str, object] = {
        "grant": GRANT,
        "model": MODEL,
        "snapshots": {register: f"{register}-1" for register, _record in persons},
        "before": None,
        "index": pa.Table.from_pylist(rows, SCHEMAS["index"]),
        "possible": pa.Table.from_pylist(
            [{"person": token(one), "other": token(other), "weight": weight} for one, other, weight in pairs],
            SCHEMAS["possible"],
        ),
        "changes": pa.Table.from_pylist([{"kind": "new", "person": token(first), "other": None}], SCHEMAS["changes"]),
    }
    return Draft(**{**made, **changes})  # type: ignore[arg-type]
