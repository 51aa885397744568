"""Office and vault as two processes of one machine: started, started again when they die, stopped together."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from ariyippu.base.home import Home, Zone
from ariyippu.base.install import OWNER_VARIABLE, ZONES, zone_variable

AGAIN_S = 1.0
STOP_S = 60.0  # a carrier answers within 35 s

log = structlog.get_logger()


class ZoneProcess:
    """One zone's process; its standard error goes to a file of its own under the zone's folder."""

    def __init__(self, zone: Zone, home: Home) -> None:
        self._zone = zone
        self._home = home
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        others = {OWNER_VARIABLE, *(zone_variable(zone) for zone in ZONES if zone != self._zone)}
        environment = {  # no zone sees the owner's database, or the other zone's
            **{name: value for name, value in os.environ.items() if name not in others},
            "ARIYIPPU_HOME": str(self._home.path),
            "ARIYIPPU_ZONE": self._zone,
            "TMPDIR": str(self._home.tmp),
        }
        with (self._folder / "process.log").open("ab") as errors:
            return subprocess.Popen([sys.executable, "-m", "ariyippu", self._zone], env=environment, stderr=errors)

    @property
    def _folder(self) -> Path:
        return self._home.path / self._zone

    def has_died(self) -> bool:
        return self.process.poll() is not None

    def ensure(self) -> None:
        """Start it again if it has died."""
        if self.has_died():
            log.error("zone_died", zone=self._zone, status=self.process.returncode)
            time.sleep(AGAIN_S)
            self.process = self._start()

    def stop(self) -> None:
        """Ask it to end; it finishes the window in hand. Killed after STOP_S."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()


def run_zones(home: Home, prepare: Callable[[], None]) -> None:
    """Run both zones until SIGTERM or SIGINT; `prepare` first, and again when one died: it may have lost its server."""
    prepare()
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: ending.set())
    zones = [ZoneProcess(zone, home) for zone in ZONES]
    try:
        while not ending.wait(AGAIN_S):
            if any(zone.has_died() for zone in zones):
                prepare()
            for zone in zones:
                zone.ensure()
    finally:
        for zone in zones:
            zone.stop()
