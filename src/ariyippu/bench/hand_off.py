"""How fast e-mails leave: messages/s from sealed batches to a mail server that only counts.

The way is the real one: a register is loaded, a grant and an order are signed by three offices, logged,
decided and cut into batches; none of that is timed. Timed is what the workers do, from the commit of the
first intent to that of the last outcome: leases, opening the cells, rendering, intents, the hand-off, outcomes.

The baselines (hand_off_baselines.py) send one such message again and again over as many connections.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Max, Min

from ariyippu import flow
from ariyippu.base import home as homes
from ariyippu.base import keys
from ariyippu.base.errors import PermanentError
from ariyippu.base.home import Home
from ariyippu.bench import Measured, cpu_s, cpu_s_of, left_out, peak_mib_of
from ariyippu.bench import hand_off_baselines as others
from ariyippu.bench.hand_off_baselines import Load
from ariyippu.demo import cast
from ariyippu.demo.kerala.files import write_example
from ariyippu.ingest import contract as contracts
from ariyippu.ingest.snapshot import load
from ariyippu.notice.models import OrderRow
from ariyippu.notice.sms import MESSAGE, SAMPLE
from ariyippu.render.compose import Headers, Links, compile_notice
from ariyippu.send.crew import Crew
from ariyippu.send.models import Batch, Outcome, Window
from ariyippu.transparency import witness

EMAILS = 30_000
EMAIL_SHARE = 0.415  # of an example's employees: arrears sanctioned, alive, with an e-mail address
POLL_S = 0.2  # the database says when it ended, so asking seldom costs nothing
STALLED_S = 600
BASELINE_MESSAGES = 200_000  # at most: their speed does not depend on how many there are
SLOW_MESSAGES = 40_000
# One worker more than the two processors: while one waits for the disk, two others work. Of each: as many messages in a
# window as with the default of 4 × 100, over more connections, so that more replies have come whenever it looks.
WORKERS, CONNECTIONS, WINDOW_MESSAGES = 3, 8, 50
EVERYBODY = ("finance-pay-under-secretary", "spark-pmu-head", "data-centre-custodian")

SENDERS: dict[str, Callable[[Load], float]] = {
    "bare_loop": others.bare_loop,
    "bare_carrier": others.bare_carrier,
    "smtp_source": others.smtp_source,
    "smtplib": others.with_smtplib,
    "aiosmtplib": others.with_aiosmtplib,
}
SLOW = {"smtplib", "aiosmtplib"}


def measure(rows: int | None) -> Measured:
    """`rows` is about how many e-mails are wanted; how many an example comes to is what is reported."""
    home = homes.current()
    with others.sink() as port:
        (home.path / "settings.toml").write_text(_settings(port))
        messages = _prepare(home, rows or EMAILS)
        value, peak, facts = _hand_off(home, messages)
        connections = home.settings.carriers["email"].connections
        load = Load(port, min(messages, BASELINE_MESSAGES), _message(), home.settings.workers, connections)
        return Measured(value, "messages/s", messages, baselines(load), peak, facts)


def _settings(port: int) -> str:
    return f"""accept_test_numbers = true
workers = {WORKERS}
cooling_off_s = {{ "ariyippu:da-arrears" = 0 }}
[carriers.email]
url = "smtp://{others.HOST}:{port}"
sender = "{others.SENDER}"
connections = {CONNECTIONS}
window_messages = {WINDOW_MESSAGES}
"""


# --- from a file to batches, untimed ------------------------------------------------------------------


def _prepare(home: Home, emails: int) -> int:
    """Load an example, have an order signed and cut; how many messages wait in its batches."""
    file, contract = home.tmp / "spark.csv", contracts.find("spark")
    write_example(file, rows=math.ceil(emails / EMAIL_SHARE), seed=1, bad_share=0)
    loaded = load(contract, file, home=home, keyring=keys.load(home.keyring))
    witness.create(home.witness)
    _order(home, loaded.snapshot, contract.digest)
    with flow.opened(home) as vault:
        until = time.monotonic() + STALLED_S
        while not OrderRow.objects.filter(state=OrderRow.SENDING).exists():
            if time.monotonic() > until:
                raise PermanentError("The order does not reach its batches.")
            flow.turn(vault)
        flow.publish(vault)
    return sum(Batch.objects.values_list("size", flat=True))


def _order(home: Home, snapshot: str, contract: str) -> None:
    """Everything that the vault wants to see before it sends, through the hatch's own function."""
    people = cast.assemble(home.path / "officers")
    home.roots.write_text(people.roots.model_dump_json())
    flow.receive(people.sign(people.trust(), cast.ROOTS[: cast.ROOT_THRESHOLD]), b"", home)
    grant = cast.use_request("finance-pay", "ariyippu:da-arrears", "bench-request")
    flow.receive(people.sign(grant, EVERYBODY), b"", home)
    notice = cast.arrears_notice()
    order = cast.order(notice, grant, snapshot, contract).model_copy(update={"channels": ("email",)})
    flow.receive(people.sign(order, EVERYBODY), notice.payload(), home)


# --- from batches to outcomes -------------------------------------------------------------------------


def _hand_off(home: Home, messages: int) -> tuple[float, int, dict[str, float]]:
    """Messages/s, the largest worker's peak in MiB, facts. PermanentError when not every message was accepted."""
    crew = Crew(home, home.settings.workers)
    crew.ensure()
    try:
        _until(Window.objects.exists)
        before = _Spent.by(crew.pids())
        _until(lambda: not Batch.objects.exclude(state=Batch.DONE).exists())
        facts = before.facts(_Spent.by(crew.pids()), messages)
        peak = max(peak_mib_of(pid) for pid in crew.pids())
    finally:
        crew.stop()
    if Outcome.objects.filter(outcome=Outcome.ACCEPTED).count() != messages:
        raise PermanentError("Not every message was accepted.")
    times = Window.objects.aggregate(began_at=Min("opened_at"), ended_at=Max("closed_at"))
    connection.close()
    seconds: float = (times["ended_at"] - times["began_at"]).total_seconds()
    return messages / seconds, peak, facts


@dataclass(frozen=True)
class _Spent:
    """Seconds of processors so far: the workers', the whole machine's, and those that nobody had."""

    workers: float
    machine: float
    idle: float

    @classmethod
    def by(cls, workers: Sequence[int]) -> "_Spent":
        return cls(sum(map(cpu_s_of, workers)), *cpu_s())

    def facts(self, later: "_Spent", messages: int) -> dict[str, float]:
        """What a message costs the workers, and the machine; the share of the time in which a processor idled."""
        worked, idled = later.machine - self.machine, later.idle - self.idle
        return {
            "workers_us": round((later.workers - self.workers) / messages * 1e6, 1),
            "machine_us": round(worked / messages * 1e6, 1),
            "idle_share": round(idled / (worked + idled), 3) if idled else 0.0,
        }


def _until(reached: Callable[[], bool]) -> None:
    """Wait; PermanentError when outcomes stop coming."""
    seen, moved_at = -1, time.monotonic()
    while not reached():
        if (windows := Window.objects.filter(closed_at__isnull=False).count()) != seen:
            seen, moved_at = windows, time.monotonic()
        if time.monotonic() - moved_at > STALLED_S:
            raise PermanentError("The workers do not get on.")
        time.sleep(POLL_S)


# --- the others ---------------------------------------------------------------------------------------


def _message() -> bytes:
    """A message like those of the order, made beforehand."""
    composer = compile_notice(cast.arrears_notice(), Links.of("http://127.0.0.1:8470", "da-arrears-granted-1"))
    values = {
        "name": "Anjith A Kizhakkeparambil",
        "amount": "₹ 1,23,456.50",
        "from": "01/2021",
        "to": "03/2024",
        "sanction": "G.O.(P) 9001/2026/Fin (invented)",
        MESSAGE: SAMPLE,
    }
    message_id = f"{'0' * 32}@kerala.example"
    date = "Tue, 24 Feb 2026 09:30:00 +0000"
    return composer.email(values, Headers(others.SENDER, date, [others.recipient(0)], [message_id]))


def baselines(load: Load) -> dict[str, float]:
    """messages/s of each other sender; what is not installed is left out, and said."""
    found: dict[str, float] = {}
    for name, send in SENDERS.items():
        fewer = dataclasses.replace(load, messages=min(load.messages, SLOW_MESSAGES))
        try:
            found[name] = send(fewer if name in SLOW else load)
        except ImportError as missing:
            left_out(name, missing.name or str(missing))
    return found
