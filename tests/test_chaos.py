"""Workers killed, PostgreSQL crashed, a provider that spoils what it can: nobody lost, nobody told twice.

As many messages as the kills take: their rate is bounded, so that there is always something in somebody's hands.
"""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ariyippu import flow
from ariyippu.demo.outside import run as outside
from ariyippu.demo.outside.keep import read_mail
from ariyippu.transparency.verify import verify
from tests.faulty import Faults
from tests.test_kill import MESSAGE_ID, STALLED_S, Installation, installed, order, wait_until_done
from tests.world import people

WORKERS, WINDOW, CONNECTIONS, PER_S = 2, 10, 2, 120
EMAIL = f"window_messages = {WINDOW}\nconnections = {CONNECTIONS}\nmessages_per_s = {PER_S}\n"
BETWEEN = 60  # messages from one disturbance to the next: each finds workers that have begun again


Disturbance = Callable[[Installation, random.Random], None]


def workers(installation: Installation) -> list[int]:
    """The vault's own children that hand off."""
    vault = installation.vault.process.pid
    children = Path(f"/proc/{vault}/task/{vault}/children").read_text().split()
    return [int(pid) for pid in children if b"work" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]


def kill_a_worker(installation: Installation, drawn: random.Random) -> None:
    if running := workers(installation):
        os.kill(drawn.choice(running), signal.SIGKILL)


def crash_postgres(installation: Installation, drawn: random.Random) -> None:
    """One of its processes is killed: the server ends every connection, recovers, and goes on at the same port."""
    (pid,) = installation.ask("select pid from pg_stat_activity where backend_type = 'client backend' limit 1")
    os.kill(pid, signal.SIGKILL)


def settled(installation: Installation) -> int | None:
    """None while PostgreSQL recovers."""
    try:
        return installation.settled()
    except Exception:  # noqa: BLE001
        return None


def disturb(installation: Installation, disturbances: Sequence[Disturbance]) -> None:
    """One after the other, each when sending has gone on since the last."""
    drawn, last, moved_at = random.Random(1), 0, time.monotonic()  # noqa: S311
    for happen in disturbances:
        while (now := settled(installation)) is None or now < last + BETWEEN:
            assert time.monotonic() - moved_at < STALLED_S, f"stands still at {now}"
            time.sleep(0.05)
        last, moved_at = now, time.monotonic()
        try:
            happen(installation, drawn)
        except Exception:  # noqa: BLE001  PostgreSQL is recovering from the last one
            time.sleep(1)


@pytest.mark.parametrize(
    ("kills", "crashes"),
    [(4, 1), pytest.param(500, 0, marks=pytest.mark.soak), pytest.param(0, 50, marks=pytest.mark.soak)],
    ids=["a few", "500 kills", "50 crashes"],
)
def test_nobody_is_lost_and_nobody_is_told_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int, crashes: int
) -> None:
    faults = Faults(seed=1)
    monkeypatch.setattr(outside, "MailServer", faults.server)
    count = (kills + crashes) * 3 * BETWEEN
    disturbances = [*[kill_a_worker] * kills, *[crash_postgres] * crashes]
    random.Random(2).shuffle(disturbances)  # noqa: S311
    with installed(tmp_path, email=EMAIL) as installation:
        order(installation, people(count), tmp_path)
        disturb(installation, disturbances)
        wait_until_all_settled(installation, count)
        wait_until_done(installation)
        report = json.loads(installation.command("report").stdout)
        installation.stop()
        time.sleep(0.3)  # the outside writes several times a second
        check_log(installation)
    check(tmp_path, report["outcomes"], count, faults, kills + crashes)


def wait_until_all_settled(installation: Installation, count: int) -> None:
    seen, moved_at = -1, time.monotonic()
    while (now := settled(installation)) != count:
        if now != seen:
            seen, moved_at = now or -1, time.monotonic()
        assert time.monotonic() - moved_at < STALLED_S, f"stands still at {now}"
        time.sleep(0.1)


def check(folder: Path, outcomes: dict[str, int], count: int, faults: Faults, deaths: int) -> None:
    """Whoever got something without its being confirmed, and who got nothing unexplained, is among the unknown."""
    assert sum(outcomes.values()) == count
    assert set(outcomes) <= {"accepted", "refused", "gave_up", "unknown"}
    reached: Counter[str] = Counter()
    for mail in read_mail(folder):
        reached[mail["content"].lower().partition(MESSAGE_ID)[2].partition("\r\n")[0]] += 1
    assert set(reached.values()) == {1}
    unknown, accepted = outcomes.get("unknown", 0), outcomes["accepted"]
    assert accepted <= len(reached) <= accepted + unknown
    # A break leaves in doubt one message of that connection; a death at most a window of each worker.
    broken = faults.happened["reset"] + faults.happened["lost"]
    assert unknown <= broken + deaths * WORKERS * CONNECTIONS * WINDOW


def check_log(installation: Installation) -> None:
    log_key, witness_key = flow.verifier_keys(installation.home)
    found = verify(installation.home.log, log_key=log_key, witness_keys=[witness_key], roots=installation.cast.roots)
    assert found.problems == ()
