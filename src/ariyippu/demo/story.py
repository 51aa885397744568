"""The demonstration, told once: from a department's file to delivered, explained, logged notices.

It plays every person's part from outside, as they would: commands of the vault's and the office's
operators run as processes of their zone; documents are signed and go in through the hatch.
"""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from ariyippu.base import install, postgres
from ariyippu.base.documents import Document, Envelope
from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.base.home import Home, Zone
from ariyippu.base.supervise import ZoneProcess
from ariyippu.demo import cast, ending
from ariyippu.demo.kerala.files import write_example
from ariyippu.demo.progress import Steps
from ariyippu.notice import dlt
from ariyippu.transparency import witness
from ariyippu.transparency.verify import Report, verify

READY_S = 60
STALLED_S = 120
POLL_S = 0.1
RECEIPTS_S = 20
STAY_AT = 0.4  # the share of the audience after which the court's stay arrives
SMSC_PASSWORD = "demo"  # noqa: S105  the stand-in's own; SMPP allows eight characters
OBJECTIONS = 25
PEN_DIGITS = 6
BAD_SHARE = 0.01
MARKER = "demonstration.json"


@dataclass
class Stage:
    """What the story knows while it goes on."""

    home: Home
    steps: Steps
    cast: cast.Cast
    people: int
    snapshot: str = ""
    contract: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)  # up for as long as the demonstration runs

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 2)


def run(*, home: Path, people: int, serve: bool, as_json: bool, seed: int) -> int:
    """Play the story under `home`; returns the exit status: 0 when every check at the end holds."""
    steps = Steps(Console(stderr=True))
    found = _fresh(home)
    with ExitStack() as stack:
        stack.callback(postgres.stop, found.postgres)
        stage = _set_up(found, steps, people, stack)
        _load_register(stage, seed)
        _ask_in_vain(stage)
        _send_notices(stage)
        result, problems = ending.sum_up(found, _command(stage, "vault", "report"), _verified(stage), stage.seconds)
        steps.table(result, problems, {**stage.facts, **(stage.pages if serve else {})})
        if as_json:
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
        if serve:
            steps.say("Pages stay up until you press Ctrl-C.")
            _wait_for_interrupt()
    return 1 if problems else 0


# --- setting up --------------------------------------------------------------------------------------


def _fresh(path: Path) -> Home:
    """An empty demonstration folder; an earlier demonstration there is removed, anything else is refused."""
    if path.exists() and any(path.iterdir()):
        if not (path / MARKER).exists():
            raise RefusedError("demo.not_empty", f"{path} holds something that is not a demonstration: choose another.")
        postgres.remove(path / "postgres")
        shutil.rmtree(path)
    path.mkdir(parents=True, exist_ok=True)
    (path / MARKER).write_text("{}\n")
    return Home(path)


def _set_up(home: Home, steps: Steps, people: int, stack: ExitStack) -> Stage:
    ports = _free_ports(5)
    outside = ["ariyippu.demo.outside", str(home.path), "--smtp-port", str(ports[2]), "--smpp-port", str(ports[3])]
    _write_settings(home, ports)
    steps.say("Starting PostgreSQL, two databases, two roles; making the keyring …")
    install.install(home)
    witness.create(home.witness)
    people_s = cast.assemble(home.path / "officers")
    home.roots.write_text(people_s.roots.model_dump_json())
    stage = Stage(home, steps, people_s, people)
    for arguments in (outside, ["ariyippu.demo.street", str(home.path), "--port", str(ports[4])]):
        stack.callback(_end, _module(arguments, home))
    for zone in install.ZONES:
        stack.callback(ZoneProcess(zone, home).stop)
    _wait_until_listening(ports)
    stage.pages["public register"] = f"{home.settings.public_url}/"
    stage.pages["phones and mailboxes"] = f"http://127.0.0.1:{ports[4]}/"
    stage.facts["log"] = str(home.log)
    _submit(stage, stage.cast.sign(stage.cast.trust(), cast.ROOTS[: cast.ROOT_THRESHOLD]))
    return stage


def _write_settings(home: Home, ports: list[int]) -> None:
    hatch, office, smtp, smpp, _street = ports
    (home.path / "settings.toml").write_text(
        f"""# A demonstration: numbers that cannot ring, a short cooling-off, carriers on this machine.
hatch_port = {hatch}
office_port = {office}
public_url = "http://127.0.0.1:{office}"
accept_test_numbers = true
retry_s = 1
max_attempts = 4

[cooling_off_s]
"ariyippu:da-arrears" = 1

[carriers.email]
url = "smtp://127.0.0.1:{smtp}"
sender = "notices@ariyippu.example"

[carriers.sms]
url = "smpp://demo:{SMSC_PASSWORD}@127.0.0.1:{smpp}"
sender = "{cast.SMS_SENDER}"
dlt_entity = "{cast.DLT_ENTITY}"
"""
    )
    (home.path / dlt.FILE).write_text(cast.registrations(f"http://127.0.0.1:{office}/m/"))


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]


def _wait_until_listening(ports: list[int]) -> None:
    until = time.monotonic() + READY_S
    for port in ports:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise PermanentError("A process did not start: see process.log under vault/ and office/.") from None
                time.sleep(POLL_S)


def _module(arguments: list[str], home: Home) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TMPDIR": str(home.tmp)}
    with (home.path / "outside.log").open("ab") as errors:
        return subprocess.Popen([sys.executable, "-m", *arguments], env=environment, stdout=errors, stderr=errors)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(10)


# --- everybody's part --------------------------------------------------------------------------------


def _load_register(stage: Stage, seed: int) -> None:
    """The department hands its file over; an operator of the custodian loads it."""
    file = stage.home.path / "handed-over" / "spark.csv"
    file.parent.mkdir(exist_ok=True)
    stage.steps.say(f"SPARK hands over a file of {stage.people:,} employees (all invented) …")
    with stage.timed("example"):
        write_example(file, rows=stage.people, seed=seed, bad_share=BAD_SHARE)
    with stage.timed("ingest"):
        loaded = _command(stage, "vault", "register", "load", "spark", str(file), "--json", shown=True)
    stage.snapshot, stage.contract = loaded["snapshot"], loaded["contract"]
    stage.steps.say(f"Sealed: {loaded['rows']:,} rows; {loaded['quarantined']:,} in quarantine with a reason each.")


def _ask_in_vain(stage: Stage) -> None:
    """What must be refused: a letter without its signatures, and publicity even with all of them."""
    publicity = "publicity-officer"
    letter = cast.use_request("publicity", "ariyippu:achievements", "letter-for-contacts")
    _refused(stage, "signature.missing_role", stage.cast.sign(letter, [publicity]))
    all_of_them = [publicity, "spark-pmu-head", "data-centre-custodian"]
    grant = cast.use_request("publicity", "ariyippu:achievements", "achievements-request")
    _submit(stage, stage.cast.sign(grant, all_of_them))
    notice = cast.publicity_notice()
    order = cast.order(notice, grant, stage.snapshot, stage.contract)
    _refused(stage, "order.purpose_not_covered", stage.cast.sign(order, all_of_them), notice)


def _send_notices(stage: Stage) -> None:
    """The notice that must flow: asked, granted, ordered, stayed by a court in the middle, released, sent."""
    everybody = ["finance-pay-under-secretary", "spark-pmu-head", "data-centre-custodian"]
    grant = cast.use_request("finance-pay", "ariyippu:da-arrears", "da-arrears-request")
    _submit(stage, stage.cast.sign(grant, everybody))
    _record_objections(stage)
    notice = cast.arrears_notice()
    order = cast.order(notice, grant, stage.snapshot, stage.contract)
    _submit(stage, stage.cast.sign(order, everybody), notice)
    stage.steps.say("The order is signed by three offices and public; now it cools off, is decided, and sent …")
    with stage.timed("order_to_done"):
        _watch(stage, order.id, until=STAY_AT)
        _stay_and_release(stage, order.id)
        _watch(stage, order.id, until=1.0)
        _await_receipts(stage, order.id)


def _record_objections(stage: Stage) -> None:
    file = stage.home.path / "handed-over" / "objections.txt"
    with (stage.home.path / "handed-over" / "spark.csv").open(encoding="utf-8", errors="replace") as rows:
        keys = (row.partition(",")[0] for row in rows)
        well_formed = (key for key in keys if key.isdigit() and len(key) >= PEN_DIGITS)
        file.write_text("\n".join(itertools.islice(well_formed, OBJECTIONS)))
    _run(stage, "vault", "objection", "spark", str(file), "--purpose", "ariyippu:da-arrears")


def _stay_and_release(stage: Stage, order_id: str) -> None:
    stay = cast.stay()
    _submit(stage, stage.cast.sign(stay, ["court-registry-liaison"]))
    time.sleep(0.5)  # the windows that were open commit what had left
    before = _handed_off(stage, order_id)
    time.sleep(1.0)
    after = _handed_off(stage, order_id)
    if after != before:
        raise PermanentError(f"{after - before} messages left after the stay.")
    stage.facts["stopped by a stay at"] = f"about {after:,} messages, then lifted by three offices and released"
    stage.steps.say(f"A court's stay stopped everything at about {after:,} messages. Lifted and released:")
    lift = stage.cast.sign(cast.lift(stay), ["court-registry-liaison", "spark-pmu-head", "data-centre-custodian"])
    _submit(stage, lift)
    _run(stage, "vault", "order", "release", order_id)


def _watch(stage: Stage, order_id: str, until: float) -> None:
    """Follow the order on the hatch's rounded counts until this share of its messages is settled."""
    moved_at, seen = time.monotonic(), -1
    with stage.steps.bar() as show:
        while True:
            found = _progress(stage, order_id)
            settled, waiting = _settled(found)
            show(settled, settled + waiting)
            if found["state"] == "done" or (settled and settled >= until * (settled + waiting) and until < 1):
                return
            if settled != seen:
                moved_at, seen = time.monotonic(), settled
            if found["state"] == "failed" or time.monotonic() - moved_at > STALLED_S:
                raise PermanentError(f"The order does not move ({found['state']}): see vault/process.log.")
            time.sleep(POLL_S)


def _await_receipts(stage: Stage, order_id: str) -> None:
    """SMS receipts arrive after the hand-off; wait for the last ones, not for ever."""
    until = time.monotonic() + RECEIPTS_S
    while time.monotonic() < until:
        if not _progress(stage, order_id)["outcomes"].get("sms", {}).get("accepted"):
            return
        time.sleep(POLL_S)


# --- talking to the two processes --------------------------------------------------------------------


def _progress(stage: Stage, order_id: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{_hatch(stage)}/progress", timeout=30) as answer:  # noqa: S310  loopback
        found = {order["order"]: order for order in json.load(answer)["orders"]}
    return dict(found[order_id])


def _hatch(stage: Stage) -> str:
    return f"http://127.0.0.1:{stage.home.settings.hatch_port}"


def _settled(found: dict[str, Any]) -> tuple[int, int]:
    counts = [pair for by_outcome in found["outcomes"].values() for pair in by_outcome.items()]
    waiting = sum(count for outcome, count in counts if outcome == "waiting")
    return sum(count for _outcome, count in counts) - waiting, waiting


def _handed_off(stage: Stage, order_id: str) -> int:
    return _settled(_progress(stage, order_id))[0]


def _submit(stage: Stage, envelope: Envelope, notice: Document | None = None) -> None:
    """Hand one document in, as the office's command does."""
    folder = stage.home.path / "handed-over" / "documents"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{envelope.digest[:16]}.json"
    file.write_text(envelope.model_dump_json(exclude_none=True))
    arguments = ["document", "submit", str(file)]
    if notice is not None:
        (text := file.with_suffix(".notice")).write_bytes(notice.payload())
        arguments += ["--notice", str(text)]
    _run(stage, "office", *arguments)


def _refused(stage: Stage, code: str, envelope: Envelope, notice: Document | None = None) -> None:
    """Hand in what must be refused with this code; anything else ends the demonstration."""
    try:
        _submit(stage, envelope, notice)
    except CommandError as error:
        if f"[{code}]" not in error.text:
            raise
        stage.steps.say(f"Refused, and public: {code}.")
        return
    raise PermanentError(f"{envelope.payloadType} was accepted; {code} was expected.")


class CommandError(PermanentError):
    """A command of the story failed; `text` is what it said."""

    def __init__(self, arguments: tuple[str, ...], text: str) -> None:
        super().__init__(f"ariyippu {' '.join(arguments[:2])} failed: {text.strip()[-400:]}")
        self.text = text


def _run(stage: Stage, zone: Zone, *arguments: str, shown: bool = False) -> str:
    """One `ariyippu` command as a process of its zone; what it printed. `shown`: its progress, too."""
    environment = {**os.environ, "ARIYIPPU_HOME": str(stage.home.path), "TMPDIR": str(stage.home.tmp)}
    done = subprocess.run(
        [sys.executable, "-m", "ariyippu", *arguments],
        env={**environment, "ARIYIPPU_ZONE": zone},
        stdout=subprocess.PIPE,
        stderr=None if shown else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(arguments, done.stderr or "")
    return done.stdout


def _command(stage: Stage, zone: Zone, *arguments: str, shown: bool = False) -> dict[str, Any]:
    return dict(json.loads(_run(stage, zone, *arguments, shown=shown).splitlines()[-1]))


def _verified(stage: Stage) -> Report:
    keys = _command(stage, "vault", "log", "keys")
    with stage.timed("verify"):
        return verify(stage.home.log, log_key=keys["log"], witness_keys=[keys["witness"]], roots=stage.cast.roots)


def _wait_for_interrupt() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _signal, _frame: None)
    signal.pause()
