"""The demonstration's stage: an installation, its two processes and the outside world, and how one talks to them.

Everybody acts from outside, as they would: operators' commands run as processes of their zone; documents are
signed and go in through the hatch.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ariyippu.base import install
from ariyippu.base import postgres as servers
from ariyippu.base.documents import Document
from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.base.home import Home, Zone
from ariyippu.base.supervise import ZoneProcess
from ariyippu.demo import cast, local_bodies
from ariyippu.demo.progress import Steps
from ariyippu.notice import dlt
from ariyippu.transparency import witness

READY_S = 60
POLL_S = 0.1
SMSC_PASSWORD = "demo"  # noqa: S105  the stand-in's own; SMPP allows eight characters
MARKER = "demonstration.json"


class CommandError(PermanentError):
    """A command of the story failed; `text` is what it said."""

    def __init__(self, arguments: tuple[str, ...], text: str) -> None:
        super().__init__(f"{' '.join(arguments[:3])} failed: {text.strip()[-400:]}")
        self.text = text


@dataclass(frozen=True)
class Loaded:
    """A register that was loaded: its snapshot, and the digest of its contract."""

    snapshot: str
    contract: str


@dataclass
class Stage:
    """What the story knows while it goes on, and everybody's hands."""

    home: Home
    steps: Steps
    cast: cast.Cast
    people: int
    registers: dict[str, Loaded] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)  # up for as long as the demonstration runs

    @property
    def handed_over(self) -> Path:
        """What departments and officers handed over: in clear, as theirs is."""
        return self.home.path / "handed-over"

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 2)

    def run(self, zone: Zone, *arguments: str, shown: bool = False) -> str:
        """One `ariyippu` command as a process of its zone; what it printed. `shown`: its progress, too."""
        return self.module(zone, "ariyippu", *arguments, shown=shown)

    def module(self, zone: Zone, *arguments: str, shown: bool = False) -> str:
        """A Python module with its arguments, as `run`."""
        environment = {**os.environ, "ARIYIPPU_HOME": str(self.home.path), "TMPDIR": str(self.home.tmp)}
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            env={**environment, "ARIYIPPU_ZONE": zone},
            stdout=subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandError(arguments, done.stderr or "")
        return done.stdout

    def command(self, zone: Zone, *arguments: str, shown: bool = False) -> dict[str, Any]:
        """The object that a command prints on its last line."""
        return dict(json.loads(self.run(zone, *arguments, shown=shown).splitlines()[-1]))

    def submit(self, document: Document, who: Iterable[str], notice: Document | None = None) -> None:
        """Have a document signed and hand it in, as the office's command does."""
        envelope = self.cast.sign(document, who)
        folder = self.handed_over / "documents"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{envelope.digest[:16]}.json"
        file.write_text(envelope.model_dump_json(exclude_none=True))
        arguments = ["document", "submit", str(file)]
        if notice is not None:
            (text := file.with_suffix(".notice")).write_bytes(notice.payload())
            arguments += ["--notice", str(text)]
        self.run("office", *arguments)

    def refused(self, code: str, act: Callable[[], object]) -> None:
        """Do what must be refused with this code; anything else ends the demonstration."""
        try:
            act()
        except CommandError as error:
            if f"[{code}]" not in error.text:
                raise
            self.steps.say(f"Refused: {code}.")
            return
        raise PermanentError(f"Something was accepted; {code} was expected.")

    def progress(self, order_id: str) -> dict[str, Any]:
        """An order's state and rounded counts, as the hatch tells offices."""
        url = f"http://127.0.0.1:{self.home.settings.hatch_port}/progress"
        with urllib.request.urlopen(url, timeout=30) as answer:
            found = {order["order"]: order for order in json.load(answer)["orders"]}
        return dict(found[order_id])


# --- setting up --------------------------------------------------------------------------------------


def fresh(path: Path) -> Home:
    """An empty demonstration folder; an earlier demonstration there is removed, anything else is refused."""
    if path.exists() and any(path.iterdir()):
        if not (path / MARKER).exists():
            raise RefusedError("demo.not_empty", f"{path} holds something that is not a demonstration: choose another.")
        servers.remove(path / "postgres")
        shutil.rmtree(path)
    path.mkdir(parents=True, exist_ok=True)
    (path / MARKER).write_text("{}\n")
    return Home(path)


def set_up(home: Home, steps: Steps, people: int, stack: ExitStack) -> Stage:
    ports = free_ports(5)
    outside = ["ariyippu.demo.outside", str(home.path), "--smtp-port", str(ports[2]), "--smpp-port", str(ports[3])]
    write_settings(home, ports)
    steps.say("Starting PostgreSQL, two databases, two roles; making the keyring …")
    install.install(home)
    witness.create(home.witness)
    people_s = cast.assemble(home.path / "officers")
    home.roots.write_text(people_s.roots.model_dump_json())
    stage = Stage(home, steps, people_s, people)
    stage.handed_over.mkdir()
    for arguments in (outside, ["ariyippu.demo.street", str(home.path), "--port", str(ports[4])]):
        stack.callback(_end, _module(arguments, home))
    for zone in install.ZONES:
        stack.callback(ZoneProcess(zone, home).stop)
    wait_until_listening(ports)
    stage.pages["public register"] = f"{home.settings.public_url}/"
    stage.pages["phones and mailboxes"] = f"http://127.0.0.1:{ports[4]}/"
    stage.facts["log"] = str(home.log)
    stage.submit(people_s.trust(), cast.ROOTS[: cast.ROOT_THRESHOLD])
    return stage


def write_settings(home: Home, ports: list[int]) -> None:
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
"ariyippu:property-tax-due" = 1
"ariyippu:local-body-services" = 1
"ariyippu:land-tax-due" = 1

[carriers.email]
url = "smtp://127.0.0.1:{smtp}"
sender = "notices@ariyippu.example"

[carriers.sms]
url = "smpp://demo:{SMSC_PASSWORD}@127.0.0.1:{smpp}"
sender = "{cast.SMS_SENDER}"
dlt_entity = "{cast.DLT_ENTITY}"
"""
    )
    page = f"http://127.0.0.1:{office}/m/"
    (home.path / dlt.FILE).write_text(cast.registrations(page) + local_bodies.registrations(page))


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        return [free.getsockname()[1] for free in sockets]


def wait_until_listening(ports: list[int]) -> None:
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
