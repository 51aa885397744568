"""Measurements: each prints one JSON line, with every baseline measured in the same run.

    {"bench", "value", "unit", "rows", "baselines": {NAME: value}, "ratios": {NAME: ratio}, "peak_mib", "facts"}

`ratios` are value ÷ baseline. Times on shared machines drift; the ratio of one run is what counts.
A benchmark is a module here with `measure(rows: int | None) -> Measured`; docs/benchmarks.md says what each
baseline is.
"""

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from ariyippu.base.errors import RefusedError
from ariyippu.bench import place

NAMES = {
    "ingest": "ingest",
    "seal": "seal",
    "link": "link",
    "accuracy": "accuracy",
    "decide": "decide",
    "decide-links": "decide_links",
    "hand-off": "hand_off",
    "smpp": "smpp",
}
NEED_A_VAULT = {"ingest", "hand-off", "decide"}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """What one benchmark found; `value` and `baselines` in `unit`."""

    value: float
    unit: str
    rows: int
    baselines: Mapping[str, float]
    peak_mib: int  # see peak_mib(), asked before the baselines ran
    facts: Mapping[str, float] = field(default_factory=dict)  # what was found beside the speed


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
        "value": _rounded(found.value),
        "unit": found.unit,
        "rows": found.rows,
        "baselines": {baseline: _rounded(value) for baseline, value in found.baselines.items()},
        "ratios": {baseline: round(found.value / value, 3) for baseline, value in found.baselines.items()},
        "peak_mib": found.peak_mib,
        "facts": dict(found.facts),
    }
    sys.stdout.write(json.dumps(line) + "\n")


def _rounded(value: float) -> float:
    """Whole numbers, but for shares."""
    return round(value) if value > 1 else round(value, 5)


def rate(count: int, act: Callable[[], object]) -> float:
    """`count` ÷ the seconds that `act` takes."""
    began = time.perf_counter()
    act()
    return count / (time.perf_counter() - began)


def peak_mib() -> int:
    """The largest resident set of this process so far, preparation included, in MiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def peak_mib_of(pid: int) -> int:
    """The largest resident set of another process so far, in MiB (proc(5)); 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def cpu_s() -> tuple[float, float]:
    """For how long this machine's processors have worked so far, and idled: all of them together, in s (proc(5))."""
    user, nice, system, idle, iowait, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS_PER_S, (idle + iowait) / TICKS_PER_S


def cpu_s_of(pid: int) -> float:
    """For how long another process has had a processor so far, in s (proc(5)); 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def left_out(baseline: str, missing: str) -> None:
    """Say on standard error that a baseline cannot be measured here."""
    sys.stderr.write(f"The baseline {baseline} is left out: {missing} is not installed.\n")
