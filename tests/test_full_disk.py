"""The database's disk is full, again and again: what cannot be recorded does not leave; then sending goes on."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ariyippu.base import cluster, install
from ariyippu.demo.outside import run as outside
from tests.faulty import Faults
from tests.test_chaos import BETWEEN, EMAIL, Settled, check, check_log, wait_until_all_settled
from tests.test_kill import STALLED_S, Installation, installed, order, wait_until_done
from tests.world import people

DISK_MIB = 700  # the server's programs and an empty cluster take some 250
STILL_S = 2.0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small disk of its own, on which the database lies; PostgreSQL's account gets there."""
    place = Path(tempfile.mkdtemp(prefix="ariyippu-disk-"))
    options = ["-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=711", "none", str(place)]
    if subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        place.rmdir()
        pytest.skip("needs to mount a tmpfs: root, and a system that lets it")
    try:
        monkeypatch.setattr(cluster, "ELSEWHERE", place)
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()


def fill(disk: Path) -> None:
    """Not an octet is free."""
    with (disk / "full").open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(2**20))
        except OSError:
            return


def wait_until_still(settled: Settled) -> None:
    """Nothing is settled any more, or PostgreSQL is gone."""
    before, since = -2, time.monotonic()
    while time.monotonic() - since < STILL_S:
        now = settled()
        if now is not None and now != before:
            before, since = now, time.monotonic()
        time.sleep(0.1)


def go_on(installation: Installation, disk: Path) -> Settled:
    """There is room again; a server that could not recover without it is started, and the vault with it."""
    (disk / "full").unlink()
    url = installation.home.database_url_file("vault")
    before = url.read_text()
    install.install(installation.home)
    if url.read_text() != before:
        installation.kill()
        installation.start_again()
    return Settled(installation)


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.soak)], ids=["once", "20 times"])
def test_a_full_disk_loses_nobody(tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    faults = Faults(seed=1)
    monkeypatch.setattr(outside, "MailServer", faults.server)
    count = (times + 1) * 8 * BETWEEN
    with installed(tmp_path, email=EMAIL) as installation:
        assert cluster.place_of(installation.home.postgres).is_relative_to(disk)
        order(installation, people(count), tmp_path)
        settled = Settled(installation)
        full = 0
        for number in range(times):
            until = time.monotonic() + STALLED_S
            while (settled() or 0) < (number + 1) * 2 * BETWEEN:
                assert time.monotonic() < until
                time.sleep(0.1)
            fill(disk)
            wait_until_still(settled)
            full += settled() != count
            settled = go_on(installation, disk)
        assert full, "it was never full while there was something to send"
        wait_until_all_settled(settled, count)
        wait_until_done(installation)
        done = installation.command("report")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        installation.stop()
        time.sleep(0.3)  # the outside writes several times a second
        check_log(installation)
    check(tmp_path, report["outcomes"], count, faults, times)
    print(json.dumps({"messages": count, "full": full, **report["outcomes"]}))  # noqa: T201  for docs/benchmarks.md
