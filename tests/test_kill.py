"""The vault killed in the middle of sending, again and again: nobody is told twice, nobody is forgotten uncounted."""

import base64
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ariyippu import flow
from ariyippu.base import install, postgres
from ariyippu.base.documents import Document, Envelope
from ariyippu.base.home import Home
from ariyippu.base.supervise import ZoneProcess
from ariyippu.demo import cast, stage
from ariyippu.demo.outside.keep import read_mail, read_sms
from ariyippu.demo.outside.run import Outside, running
from ariyippu.notice.documents import Notice
from ariyippu.transparency import witness
from ariyippu.transparency.verify import verify
from tests.world import Person, write_register

WORKERS, WINDOW = 2, 100
STALLED_S = 60
EVERYBODY = ["finance-pay-under-secretary", "spark-pmu-head", "data-centre-custodian"]
MESSAGE_ID = "\r\nmessage-id: "


@dataclass
class Installation:
    """A whole installation: its own PostgreSQL, an outside world, and a vault that can be killed."""

    home: Home
    cast: cast.Cast
    vault: ZoneProcess
    nursery: subprocess.Popen[bytes] | None = None  # whose children the workers are, instead of the vault's

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ariyippu", *arguments, "--home", str(self.home.path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def submit(self, envelope: Envelope, notice: Notice | None = None) -> None:
        text = base64.b64encode(notice.payload()).decode() if notice else None
        body = {"envelope": envelope.model_dump(mode="json", exclude_none=True), "notice": text}
        url = f"http://127.0.0.1:{self.home.settings.hatch_port}/documents"
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310

    def everybody_signs(self, document: Document) -> Envelope:
        return self.cast.sign(document, EVERYBODY)

    def settled(self) -> int:
        return int(self.ask("select count(*) from send_outcome")[0])

    def ask(self, query: str) -> Any:
        with psycopg.connect(self.home.database_url_file("vault").read_text()) as connection:
            return connection.execute(query.encode()).fetchone()

    def start_again(self) -> None:
        self.vault = ZoneProcess("vault", self.home)

    def kill(self) -> None:
        self.vault.process.send_signal(signal.SIGKILL)
        self.vault.process.wait()

    def stop(self) -> None:
        self.vault.stop()


@contextmanager
def installed(folder: Path, *, email: str = "", more: str = "") -> Iterator[Installation]:
    """An installation under `folder`, its vault running; more settings, and more of the e-mail carrier."""
    folder.chmod(0o711)
    home = Home(folder / "home")
    home.path.mkdir()
    hatch, _office, smtp, smpp, _street = ports = stage.free_ports(5)
    stage.write_settings(home, ports)
    settings = home.path / "settings.toml"
    settings.write_text(more + settings.read_text().replace("[carriers.email]\n", f"[carriers.email]\n{email}"))
    with ExitStack() as stack:
        stack.enter_context(running(Outside(folder, smtp, smpp)))
        stack.callback(postgres.remove, home.postgres)
        install.install(home)
        witness.create(home.witness)
        officers = cast.assemble(home.path / "officers")
        home.roots.write_text(officers.roots.model_dump_json())
        made = Installation(home, officers, ZoneProcess("vault", home))
        stack.callback(made.stop)
        stage.wait_until_listening([hatch])
        yield made


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path) as made:
        yield made


def order(installation: Installation, persons: Sequence[Person], folder: Path) -> None:
    """Load the register, and have the arrears notice ordered by everybody."""
    file = write_register(folder / "spark.csv", persons)
    done = installation.command("register", "load", "spark", str(file), "--json")
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    installation.submit(installation.cast.sign(installation.cast.trust(), cast.ROOTS[: cast.ROOT_THRESHOLD]))
    grant = cast.use_request("finance-pay", "ariyippu:da-arrears", "da-arrears-request")
    installation.submit(installation.everybody_signs(grant))
    notice = cast.arrears_notice()
    document = cast.order(notice, grant, loaded["snapshot"], loaded["contract"])
    installation.submit(installation.everybody_signs(document), notice)


def wait_for(installation: Installation, settled: int) -> None:
    """Until so many messages are settled; killed and started again, the vault never stands still for long."""
    seen, moved_at = -1, time.monotonic()
    while (now := installation.settled()) < settled:
        if now != seen:
            seen, moved_at = now, time.monotonic()
        assert time.monotonic() - moved_at < STALLED_S, f"stands still at {now}"
        time.sleep(0.02)


def wait_until_done(installation: Installation) -> None:
    until = time.monotonic() + STALLED_S
    while installation.ask("select state from notice_order")[0] != "done":
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("count", "kills"), [(6_000, 2), pytest.param(60_000, 25, marks=pytest.mark.soak)], ids=["twice", "25 times"]
)
def test_killed_in_the_middle_of_sending(installation: Installation, tmp_path: Path, count: int, kills: int) -> None:
    persons = [Person(n, email="" if n % 10 >= 7 else None) for n in range(count)]
    order(installation, persons, tmp_path)
    for kill in range(kills):
        wait_for(installation, 1 + count * kill // (kills + 1))
        installation.kill()
        assert installation.settled() < count
        installation.start_again()
    wait_for(installation, count)
    wait_until_done(installation)
    report = json.loads(installation.command("report").stdout)
    installation.stop()
    time.sleep(0.3)  # the outside writes several times a second
    check_outcomes(report, count, kills)
    check_arrivals(tmp_path, persons, report["outcomes"])
    log_key, witness_key = flow.verifier_keys(installation.home)
    roots = installation.cast.roots
    assert verify(installation.home.log, log_key=log_key, witness_keys=[witness_key], roots=roots).problems == ()


def check_outcomes(report: dict[str, Any], count: int, kills: int) -> None:
    outcomes = report["outcomes"]
    assert report["candidates"] == {"included": count}
    assert set(outcomes) <= {"accepted", "delivered", "undelivered", "unknown"}
    assert sum(outcomes.values()) == count
    assert outcomes.get("unknown", 0) <= kills * WORKERS * WINDOW


def check_arrivals(folder: Path, persons: Sequence[Person], outcomes: dict[str, int]) -> None:
    """Nobody twice; whoever got nothing, and whoever got something that was not confirmed, is counted as unknown."""
    mails = list(read_mail(folder))
    ids = Counter(mail["content"].lower().partition(MESSAGE_ID)[2].partition("\r\n")[0] for mail in mails)
    reached = Counter([mail["to"] for mail in mails] + [sms["to"] for sms in read_sms(folder)])
    assert max(ids.values()) == max(reached.values()) == 1
    unknown = outcomes.get("unknown", 0)
    confirmed = sum(outcomes.values()) - unknown
    assert confirmed <= len(reached) <= len(persons)
    assert len(persons) - len(reached) <= unknown


def test_a_second_vault_is_refused(installation: Installation) -> None:
    second = installation.command("vault")
    assert second.returncode == 2
    assert "[vault.running]" in second.stderr
    assert installation.vault.process.poll() is None
