"""Workers killed, PostgreSQL crashed, its clock turned, a provider that spoils what it can: nobody lost or told twice.

As many messages as the disturbances take: their rate is bounded, so that there is always something in somebody's hands.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from ariyippu import flow
from ariyippu.demo.outside import run as outside
from ariyippu.demo.outside.keep import read_mail
from ariyippu.transparency.verify import verify
from tests.disturbances import JUMP_S, Disturbance, crash_postgres, database_clock, kill_a_worker, nursery
from tests.faulty import Faults
from tests.test_kill import MESSAGE_ID, STALLED_S, Installation, installed, order, wait_until_done
from tests.world import people

WORKERS, WINDOW, CONNECTIONS, PER_S = 2, 10, 2, 120
EMAIL = f"window_messages = {WINDOW}\nconnections = {CONNECTIONS}\nmessages_per_s = {PER_S}\n"
BETWEEN = 60  # messages from one disturbance to the next: each finds workers that have begun again


class Settled:
    """How many messages are settled, asked over one connection; None while PostgreSQL recovers."""

    def __init__(self, installation: Installation) -> None:
        self._dsn = installation.home.database_url_file("vault").read_text()
        self._connection: psycopg.Connection | None = None

    def __call__(self) -> int | None:
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._dsn, autocommit=True)
            ((count,),) = self._connection.execute("select count(*) from send_outcome").fetchall()
            return int(count)
        except psycopg.Error:
            self._connection = None
            return None


def disturb(installation: Installation, settled: Settled, disturbances: Sequence[Disturbance]) -> None:
    """One after the other, each when sending has gone on since the last."""
    drawn, last, moved_at = random.Random(1), 0, time.monotonic()  # noqa: S311
    for happen in disturbances:
        while (now := settled()) is None or now < last + BETWEEN:
            assert time.monotonic() - moved_at < STALLED_S, f"stands still at {now}"
            time.sleep(0.05)
        last, moved_at = now, time.monotonic()
        try:
            happen(installation, drawn)
        except Exception:  # noqa: BLE001  PostgreSQL is recovering from the last one
            time.sleep(1)


@pytest.mark.parametrize(
    ("kills", "crashes", "jumps"),
    [
        (4, 1, 0),
        (1, 0, 4),
        pytest.param(500, 0, 0, marks=pytest.mark.soak),
        pytest.param(0, 50, 0, marks=pytest.mark.soak),
        pytest.param(10, 0, 50, marks=pytest.mark.soak),
    ],
    ids=["a few", "a few jumps", "500 kills", "50 crashes", "50 jumps"],
)
def test_nobody_is_lost_and_nobody_is_told_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int, crashes: int, jumps: int
) -> None:
    faults = Faults(seed=1)
    monkeypatch.setattr(outside, "MailServer", faults.server)
    # More than are settled by the last of them, and so few more that they leave within a minute of it.
    count = (kills + crashes + jumps) * 4 * BETWEEN // 3 + 20 * BETWEEN
    disturbances: list[Disturbance] = [*[kill_a_worker] * kills, *[crash_postgres] * crashes]
    with ExitStack() as stack:
        if jumps:
            clock = stack.enter_context(database_clock())
            disturbances += [clock.jump] * jumps
        random.Random(2).shuffle(disturbances)  # noqa: S311
        is_long = len(disturbances) > 10
        installation = stack.enter_context(installed(tmp_path, email=EMAIL, more="workers = 0\n" * is_long))
        if is_long:
            stack.enter_context(nursery(installation, WORKERS))
        order(installation, people(count), tmp_path)
        settled = Settled(installation)
        disturb(installation, settled, disturbances)
        if jumps:
            clock.set(JUMP_S)  # past every instant that a jump has left behind
        disturbed_at, before = time.monotonic(), settled()
        wait_until_all_settled(settled, count)
        drained_s = time.monotonic() - disturbed_at
        wait_until_done(installation)
        done = installation.command("report")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        installation.stop()
        time.sleep(0.3)  # the outside writes several times a second
        check_log(installation)
    check(tmp_path, report["outcomes"], count, faults, len(disturbances))
    told: dict[str, object] = {"messages": count, "kills": kills, "crashes": crashes, "jumps": jumps}
    told |= {
        "left": None if before is None else count - before,
        "drained_s": round(drained_s),
        **report["outcomes"],
        "faults": faults.happened,
    }
    print(json.dumps(told))  # noqa: T201  for docs/benchmarks.md


def wait_until_all_settled(settled: Settled, count: int) -> None:
    seen, moved_at = -1, time.monotonic()
    while (now := settled()) != count:
        if now != seen:
            seen, moved_at = now or -1, time.monotonic()
        assert time.monotonic() - moved_at < STALLED_S, f"stands still at {now}"
        time.sleep(0.1)


def check(folder: Path, outcomes: dict[str, int], count: int, faults: Faults, disturbed: int) -> None:
    """Whoever got something without its being confirmed, and who got nothing unexplained, is among the unknown."""
    assert sum(outcomes.values()) == count
    assert set(outcomes) <= {"accepted", "refused", "gave_up", "unknown"}
    reached: Counter[str] = Counter()
    for mail in read_mail(folder):
        reached[mail["content"].lower().partition(MESSAGE_ID)[2].partition("\r\n")[0]] += 1
    assert set(reached.values()) == {1}
    unknown, accepted = outcomes.get("unknown", 0), outcomes["accepted"]
    assert accepted <= len(reached) <= accepted + unknown
    # A break leaves in doubt one message of that connection; a death, or a lease that a jump ends, at most a window
    # of each worker.
    broken = faults.happened["reset"] + faults.happened["lost"]
    assert unknown <= broken + disturbed * WORKERS * CONNECTIONS * WINDOW


def check_log(installation: Installation) -> None:
    log_key, witness_key = flow.verifier_keys(installation.home)
    found = verify(installation.home.log, log_key=log_key, witness_keys=[witness_key], roots=installation.cast.roots)
    assert found.problems == ()
