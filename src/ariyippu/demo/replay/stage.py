"""The replay's stage: one installation, everybody's hands, and a worker whenever something is to leave.

Everything runs in this process, as the vault: see this package's docstring for what that leaves out.
"""

import datetime as dt
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from ariyippu import flow
from ariyippu.base import clock, journal, keys
from ariyippu.base.clock import INDIA
from ariyippu.base.documents import Document
from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.base.home import Home
from ariyippu.base.models import Journal
from ariyippu.base.settings import database_url
from ariyippu.demo import cast
from ariyippu.demo.replay.clock import StoryClock
from ariyippu.demo.stage import Loaded
from ariyippu.grant.documents import UseRequest
from ariyippu.ingest import contract, snapshot
from ariyippu.link import model as models
from ariyippu.link import run as linking
from ariyippu.notice.documents import Notice, Order
from ariyippu.notice.models import OrderRow
from ariyippu.policy.models import AudienceRow
from ariyippu.send.models import Batch
from ariyippu.send.open import Door
from ariyippu.send.watch import Watch
from ariyippu.send.worker import Worker
from ariyippu.track import settle

TURNS = 3  # from an order that has cooled off to its batches, and one for what comes of that
STALLED_S = 60
POLL_S = 0.2
STILL_S = 0.5  # for so long a worker looks for what it may not send

Counts = dict[str, int]


@dataclass
class Stage:
    """What the story knows while it goes on."""

    vault: flow.Vault
    cast: cast.Cast
    time: StoryClock
    registers: dict[str, Loaded] = field(default_factory=dict)

    @property
    def home(self) -> Home:
        return self.vault.home

    @property
    def files(self) -> Path:
        """What departments handed over: in clear, as theirs is."""
        return self.home.path / "handed-over"

    def at(self, day: str, hour: int = 11) -> None:
        """It is this hour of this day, in Indian time."""
        self.time.turn(dt.datetime.fromisoformat(day).replace(hour=hour, tzinfo=INDIA))
        flow.turn(self.vault)

    def later(self, **by: float) -> None:
        """So much later: orders cool off meanwhile, from their publication on."""
        flow.turn(self.vault)
        self.time.turn(clock.now() + dt.timedelta(**by))
        self.turn()

    def turn(self) -> None:
        for _ in range(TURNS):
            flow.turn(self.vault)

    def load(self, name: str, file: Path) -> None:
        """A department hands its register over."""
        found = contract.find(name)
        loaded = snapshot.load(found, file, home=self.home, keyring=self.vault.keyring)
        self.registers[found.register.name] = Loaded(loaded.snapshot, found.digest)

    def link(self, grant: UseRequest) -> None:
        with patch.dict(os.environ, {"ARIYIPPU_STAGE": "link"}):  # the one stage that may open features
            door = linking.Door(self.home, self.vault.keyring, keys.load_link_key(self.home.link_key))
        linking.link(grant.id, models.load(None), door)

    def submit(self, document: Document, who: Iterable[str], notice: Notice | None = None) -> None:
        """Officers sign, and what they signed goes in through the hatch."""
        flow.receive(self.cast.sign(document, who), notice.payload() if notice else b"", self.home)

    def order_document(self, notice: Notice, grant: UseRequest, *, days: int = 30) -> Order:
        """The order to send the notice to the newest snapshot of its register."""
        loaded = self.registers[notice.register]
        made = cast.order(notice, grant, loaded.snapshot, loaded.contract)
        return made.model_copy(update={"not_after": made.not_before + dt.timedelta(days=days), "min_interval_days": 0})

    # --- sending -------------------------------------------------------------------------------------

    def send(self, order: str) -> Counts:
        """Let the worker work until this order is done; its outcomes over all channels."""
        with self.working():
            self.until(lambda: self._is_done(order), f"{order} is not done")
        return self.outcomes(order)

    def await_receipts(self, order: str) -> None:
        """The SMS centre says of each message what became of it."""
        digest = row(order).digest
        with self.working():
            self.until(lambda: not settle.outcomes(digest).get("sms", {}).get("accepted"), "receipts are missing")

    def stands_still(self) -> None:
        """A worker looks for what it may send, and finds nothing. PermanentError when something leaves."""
        before = self.left()
        with self.working():
            time.sleep(STILL_S)
        if self.left() != before:
            raise PermanentError("Something left that must not.")

    def until(self, happened: Callable[[], bool], else_say: str) -> None:
        deadline = time.monotonic() + STALLED_S
        while not happened():
            if time.monotonic() > deadline:
                raise PermanentError(f"The replay does not go on: {else_say}.")
            flow.turn(self.vault)
            time.sleep(POLL_S)

    @contextmanager
    def working(self, watch: Watch | None = None) -> Iterator[None]:
        """A worker is at work during the block, and ends after the window in hand."""
        ending, heard = threading.Event(), watch or Watch(database_url())
        heard.start()
        self.until(heard.alive, "the worker does not hear from its database")
        door = Door(self.home, self.vault.keyring)
        worker = Worker(
            "replay",
            door=door,
            watch=heard,
            ending=ending,
            on_receipts=lambda arrived: flow.keep_arrivals(arrived, home=door.home, keyring=door.keyring),
        )
        thread = threading.Thread(target=worker.run, name="worker")
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()
            heard.stop()

    # --- what is known ---------------------------------------------------------------------------------

    def outcomes(self, order: str) -> Counts:
        """{outcome: messages}, exact, over all channels."""
        found: Counts = {}
        for by_outcome in settle.outcomes(row(order).digest).values():
            for outcome, count in by_outcome.items():
                found[outcome] = found.get(outcome, 0) + count
        return found

    def reasons(self, order: str) -> Counts:
        """{reason: people} of whom the order concerned; nothing before it was decided."""
        frozen = AudienceRow.objects.filter(order=row(order).digest).first()
        return {} if frozen is None else dict(frozen.counts)

    def failure(self, order: str) -> str:
        """The code with which an accepted order came to nothing. PermanentError when it did not."""
        failed = [journal.body(entry.pk) for entry in Journal.objects.filter(kind="failed")]
        codes = [str(body["code"]) for body in failed if body["order"] == row(order).digest]
        if not codes:
            raise PermanentError(f"{order} did not fail.")
        return codes[0]

    def left(self) -> int:
        """How many messages have left so far, by any order."""
        return sum(sent(self.outcomes(name)) for name in OrderRow.objects.values_list("order_id", flat=True))

    def _is_done(self, order: str) -> bool:
        if row(order).state == OrderRow.FAILED:
            raise PermanentError(f"{order} failed.")
        return row(order).state == OrderRow.DONE


def row(order: str) -> OrderRow:
    return OrderRow.objects.get(order_id=order)


def sent(outcomes: Counts) -> int:
    """Messages that a carrier took."""
    return sum(outcomes.get(name, 0) for name in ("accepted", "delivered", "undelivered", "recalled", "unknown"))


def in_hand() -> bool:
    """Whether a worker holds a batch."""
    return Batch.objects.filter(state=Batch.LEASED).exists()


def refusal_of(act: Callable[[], object]) -> str:
    """The code with which this is refused. PermanentError when it is not."""
    try:
        act()
    except RefusedError as refusal:
        return refusal.code
    raise PermanentError("Something was accepted that must be refused.")


class Interruption(Watch):
    """A watch during whose work something happens once: `act`, at the message of this number, in the worker's thread.

    A worker looks at its watch before each message. The look in which it happens is the last before the message
    in hand: from the next look on the worker knows.
    """

    def __init__(self, at_message: int, act: Callable[[], object]) -> None:
        super().__init__(database_url())
        self._left, self._act = at_message, act
        self.over = threading.Event()

    def alive(self) -> bool:
        if threading.current_thread().name == "worker" and not self.over.is_set():
            self._left -= 1
            if self._left < 0:
                before = self.generation
                self._act()
                while self.generation == before:
                    time.sleep(POLL_S / 20)
                self.over.set()
        return super().alive()
