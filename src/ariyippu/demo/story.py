"""The demonstration, told once: from departments' files to delivered, explained, logged notices.

It plays every person's part from outside, as they would; stage.py is how.
"""

import itertools
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from ariyippu.base import postgres
from ariyippu.base.errors import PermanentError
from ariyippu.demo import cast, ending, local_bodies
from ariyippu.demo.kerala.files import TRUTH, write_demonstration
from ariyippu.demo.kerala.records import REGISTERS
from ariyippu.demo.progress import Steps
from ariyippu.demo.stage import POLL_S, Loaded, Stage, fresh, set_up
from ariyippu.notice.documents import ContactsOf, Notice, Order
from ariyippu.transparency.verify import Report, verify

STALLED_S = 120
RECEIPTS_S = 20
STAY_AT = 0.4  # the share of the audience after which the court's stay arrives
OBJECTIONS = 25
PEN_DIGITS = 6
BAD_SHARE = 0.01
PAY_OFFICES = ("finance-pay-under-secretary", "spark-pmu-head", "data-centre-custodian")


def run(*, home: Path, people: int, serve: bool, as_json: bool, seed: int) -> int:
    """Play the story under `home`; returns the exit status: 0 when every check at the end holds."""
    steps = Steps(Console(stderr=True))
    found = fresh(home)
    with ExitStack() as stack:
        stack.callback(postgres.stop, found.postgres)
        stage = set_up(found, steps, people, stack)
        _load_registers(stage, seed)
        _ask_in_vain(stage)
        links = _link(stage)
        _send_arrears(stage)
        _remind(stage)
        report = {**stage.command("vault", "report"), **links}
        result, problems = ending.sum_up(found, report, _verified(stage), stage.seconds)
        steps.table(result, problems, {**stage.facts, **(stage.pages if serve else {})})
        if as_json:
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
        if serve:
            steps.say("Pages stay up until you press Ctrl-C.")
            _wait_for_interrupt()
    return 1 if problems else 0


# --- registers come in, and are linked ---------------------------------------------------------------


def _load_registers(stage: Stage, seed: int) -> None:
    """Departments hand their files over; an operator of the custodian loads them."""
    stage.steps.say(
        f"Five departments hand over their registers; SPARK's has {stage.people:,} employees (all invented) …"
    )
    with stage.timed("example"):
        write_demonstration(stage.handed_over, employees=stage.people, seed=seed, bad_share=BAD_SHARE)
    with stage.timed("ingest"):
        for register in REGISTERS:
            file = str(stage.handed_over / f"{register}.csv")
            loaded = stage.command("vault", "register", "load", register, file, "--json", shown=True)
            stage.registers[register] = Loaded(loaded["snapshot"], loaded["contract"])
            kept, put_aside = loaded["rows"], loaded["quarantined"]
            stage.steps.say(f"{register}: {kept:,} rows sealed; {put_aside:,} in quarantine with a reason each.")


def _link(stage: Stage) -> dict[str, Any]:
    """Records become persons: refused without a grant; then under one that every register's owner signed."""
    stage.refused("link.no_grant", lambda: stage.run("vault", "link", "run", "no-such-grant"))
    grant = local_bodies.linking_request(REGISTERS)
    offices = ("it-mission-officer", *local_bodies.OWNERS)
    stage.refused("signature.missing_role", lambda: stage.submit(grant, offices))
    stage.submit(grant, (*offices, local_bodies.CUSTODIAN))
    with stage.timed("link"):
        run = stage.command("vault", "link", "run", grant.id, "--json")
    found = json.loads(stage.module("vault", "ariyippu.demo.truth", str(stage.handed_over / TRUTH)))
    stage.steps.say(
        f"Linked: {run['records']:,} records are {run['persons']:,} persons; of 100,000 messages about "
        f"{100_000 * found['wrong_person']:.1f} would reach somebody else."
    )
    return {"persons": run["persons"], "link": {name: found[name] for name in ("precision", "recall", "wrong_person")}}


# --- what must be refused ----------------------------------------------------------------------------


def _ask_in_vain(stage: Stage) -> None:
    """A letter without its signatures, and publicity even with all of them."""
    publicity, spark = "publicity-officer", stage.registers["spark"]
    letter = cast.use_request("publicity", "ariyippu:achievements", "letter-for-contacts")
    stage.refused("signature.missing_role", lambda: stage.submit(letter, [publicity]))
    everybody = [publicity, "spark-pmu-head", "data-centre-custodian"]
    grant = cast.use_request("publicity", "ariyippu:achievements", "achievements-request")
    stage.submit(grant, everybody)
    notice = cast.publicity_notice()
    order = cast.order(notice, grant, spark.snapshot, spark.contract)
    stage.refused("order.purpose_not_covered", lambda: stage.submit(order, everybody, notice))


# --- notices that must flow --------------------------------------------------------------------------


def _send_arrears(stage: Stage) -> None:
    """Asked, granted, ordered, stayed by a court in the middle, released, sent."""
    grant = cast.use_request("finance-pay", "ariyippu:da-arrears", "da-arrears-request")
    stage.submit(grant, PAY_OFFICES)
    _record_objections(stage)
    notice, spark = cast.arrears_notice(), stage.registers["spark"]
    order = cast.order(notice, grant, spark.snapshot, spark.contract)
    stage.submit(order, PAY_OFFICES, notice)
    stage.steps.say("The order is signed by three offices and public; now it cools off, is decided, and sent …")
    with stage.timed("order_to_done"):
        _watch(stage, order.id, until=STAY_AT)
        _stay_and_release(stage, order.id)
        _watch(stage, order.id, until=1.0)
        _await_receipts(stage, order.id)


def _remind(stage: Stage) -> None:
    """What linking is for: see local_bodies.py."""
    _object_elsewhere(stage)
    stage.steps.say("Local bodies and the revenue department remind people of two districts of what is due …")
    with stage.timed("reminders"):
        for reminder in (local_bodies.property_tax(), local_bodies.counters(), local_bodies.land_tax()):
            stage.submit(reminder.request, reminder.signers)
            orders = [_reminding_order(stage, reminder, notice, lenders) for notice, lenders in reminder.notices]
            for order, (notice, _lenders) in zip(orders, reminder.notices, strict=True):
                stage.submit(order, reminder.signers, notice)
            for order in orders:
                _watch(stage, order.id, until=1.0)
                _await_receipts(stage, order.id)


def _reminding_order(stage: Stage, reminder: local_bodies.Reminder, notice: Notice, lenders: Sequence[str]) -> Order:
    own = stage.registers[notice.register]
    order = cast.order(notice, reminder.request, own.snapshot, own.contract)
    lent = tuple(
        ContactsOf(register=name, snapshot=stage.registers[name].snapshot, contract=stage.registers[name].contract)
        for name in lenders
    )
    return order.model_copy(update={"contacts_of": lent})


# --- objections, stays, waiting ----------------------------------------------------------------------


def _record_objections(stage: Stage) -> None:
    file = stage.handed_over / "objections.txt"
    file.write_text("\n".join(itertools.islice(_keys(stage), OBJECTIONS)))
    stage.run("vault", "objection", "spark", str(file), "--purpose", "ariyippu:da-arrears")


def _object_elsewhere(stage: Stage) -> None:
    """Employees who object, at their own register, to being reminded of land tax: it holds at the other's."""
    file = stage.handed_over / "objections-elsewhere.txt"
    file.write_text("\n".join(itertools.islice(_keys(stage), OBJECTIONS, OBJECTIONS + stage.people // 50)))
    stage.run("vault", "objection", "spark", str(file), "--purpose", "ariyippu:land-tax-due")


def _keys(stage: Stage) -> Iterator[str]:
    """The well-formed keys of SPARK's file."""
    with (stage.handed_over / "spark.csv").open(encoding="utf-8", errors="replace") as rows:
        keys = (row.partition(",")[0] for row in rows)
        yield from (key for key in keys if key.isdigit() and len(key) >= PEN_DIGITS)


def _stay_and_release(stage: Stage, order_id: str) -> None:
    stay = cast.stay()
    stage.submit(stay, ["court-registry-liaison"])
    time.sleep(0.5)  # the windows that were open commit what had left
    before = _handed_off(stage, order_id)
    time.sleep(1.0)
    after = _handed_off(stage, order_id)
    if after != before:
        raise PermanentError(f"{after - before} messages left after the stay.")
    stage.facts["stopped by a stay at"] = f"about {after:,} messages, then lifted by three offices and released"
    stage.steps.say(f"A court's stay stopped everything at about {after:,} messages. Lifted and released:")
    stage.submit(cast.lift(stay), ["court-registry-liaison", "spark-pmu-head", "data-centre-custodian"])
    stage.run("vault", "order", "release", order_id)


def _watch(stage: Stage, order_id: str, until: float) -> None:
    """Follow the order on the hatch's rounded counts until this share of its messages is settled."""
    moved_at, seen = time.monotonic(), -1
    with stage.steps.bar() as show:
        while True:
            found = stage.progress(order_id)
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
        if not stage.progress(order_id)["outcomes"].get("sms", {}).get("accepted"):
            return
        time.sleep(POLL_S)


def _settled(found: dict[str, Any]) -> tuple[int, int]:
    counts = [pair for by_outcome in found["outcomes"].values() for pair in by_outcome.items()]
    waiting = sum(count for outcome, count in counts if outcome == "waiting")
    return sum(count for _outcome, count in counts) - waiting, waiting


def _handed_off(stage: Stage, order_id: str) -> int:
    return _settled(stage.progress(order_id))[0]


def _verified(stage: Stage) -> Report:
    keys = stage.command("vault", "log", "keys")
    with stage.timed("verify"):
        return verify(stage.home.log, log_key=keys["log"], witness_keys=[keys["witness"]], roots=stage.cast.roots)


def _wait_for_interrupt() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _signal, _frame: None)
    signal.pause()
