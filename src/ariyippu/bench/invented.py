"""What the benchmarks of decisions are about: invented criteria and an invented situation, and random tokens."""

import os

import pyarrow as pa

from ariyippu.notice import criteria
from ariyippu.policy.reference import Situation, Way

SAMPLE_ROWS = 50_000
WHERE = criteria.parse(
    {"all": [{"field": "arrears", "op": ">", "value": 0}, {"field": "sanction_reference", "exists": True}]},
    {"arrears": "money", "sanction_reference": "text"},
)
SITUATION = Situation(
    in_force=True,
    own_entitlement=False,
    ways=(
        Way("email", "email", covered=True),
        Way("sms", "mobile", covered=True),
    ),
)


def random_bytes(width: int, count: int) -> pa.Array:
    buffer = pa.py_buffer(os.urandom(width * count))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), count, [None, buffer])
