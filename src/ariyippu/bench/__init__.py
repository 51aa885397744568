"""Measurements: each prints one JSON line, with every baseline measured in the same run.

    {"bench", "value", "unit", "rows", "baselines": {NAME: value}, "ratios": {NAME: ratio}, "peak_mib"}

`ratios` are value ÷ baseline. Times on shared machines drift; the ratio of one run is what counts.
A benchmark is a module here with `measure(rows: int | None) -> Measured`; docs/benchmarks.md says what each
baseline is.
"""

import contextlib
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ariyippu.base.errors import RefusedError
from ariyippu.bench import place

NAMES = {"ingest": "ingest", "seal": "seal", "decide": "decide", "hand-off": "hand_off"}
NEED_A_VAULT = {"ingest", "hand-off"}


@dataclass(frozen=True)
class Measured:
    """What one benchmark found; `value` and `baselines` in `unit`."""

    value: float
    unit: str
    rows: int
    baselines: Mapping[str, float]
    peak_mib: int  # see peak_mib(), asked before the baselines ran


Benchmark = Callable[[int | None], Measured]


def run(name: str, rows: int | None) -> None:
    """Run one benchmark and print its line. RefusedError `bench.unknown` lists the names."""
    if name not in NAMES:
        raise RefusedError("bench.unknown", f"The benchmarks are {', '.join(NAMES)}.")
    with place.vault() if name in NEED_A_VAULT else contextlib.nullcontext():
        measure: Benchmark = import_module(f"ariyippu.bench.{NAMES[name]}").measure  # it may need Django's models
        found = measure(rows)
    line = {
        "bench": name,
        "value": round(found.value),
        "unit": found.unit,
        "rows": found.rows,
        "baselines": {baseline: round(value) for baseline, value in found.baselines.items()},
        "ratios": {baseline: round(found.value / value, 3) for baseline, value in found.baselines.items()},
        "peak_mib": found.peak_mib,
    }
    sys.stdout.write(json.dumps(line) + "\n")


def rate(count: int, act: Callable[[], object]) -> float:
    """`count` ÷ the seconds that `act` takes."""
    began = time.perf_counter()
    act()
    return count / (time.perf_counter() - began)


def peak_mib() -> int:
    """The largest resident set of this process so far, preparation included, in MiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def peak_mib_of(pid: int) -> int:
    """The largest resident set of another process so far, in MiB (proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def left_out(baseline: str, missing: str) -> None:
    """Say on standard error that a baseline cannot be measured here."""
    sys.stderr.write(f"The baseline {baseline} is left out: {missing} is not installed.\n")
