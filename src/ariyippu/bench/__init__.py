"""Measurements: each prints one JSON line, with every baseline measured in the same run.

    {"bench", "value", "unit", "rows", "baselines": {NAME: value}, "ratios": {NAME: ratio}, "peak_mib"}

`ratios` are value ÷ baseline. Times on shared machines drift; the ratio of one run is what counts.
"""

import json
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from ariyippu.base.errors import RefusedError

NAMES = {"ingest": "ingest", "decide": "decide", "hand-off": "hand_off"}


@dataclass(frozen=True)
class Measured:
    """What one benchmark found; `value` and `baselines` in `unit`."""

    value: float
    unit: str
    rows: int
    baselines: Mapping[str, float]


Benchmark = Callable[[int | None], Measured]


def run(name: str, rows: int | None) -> None:
    """Run one benchmark and print its line. RefusedError `bench.unknown` lists the names."""
    if name not in NAMES:
        raise RefusedError("bench.unknown", f"The benchmarks are {', '.join(NAMES)}.")
    measure: Benchmark = import_module(f"ariyippu.bench.{NAMES[name]}").measure
    found = measure(rows)
    line = {
        "bench": name,
        "value": round(found.value),
        "unit": found.unit,
        "rows": found.rows,
        "baselines": {baseline: round(value) for baseline, value in found.baselines.items()},
        "ratios": {baseline: round(found.value / value, 3) for baseline, value in found.baselines.items()},
        "peak_mib": _peak_mib(),
    }
    sys.stdout.write(json.dumps(line) + "\n")


def _peak_mib() -> int:
    """The largest resident set of this process, in MiB (ru_maxrss is in KiB on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
