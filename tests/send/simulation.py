"""A vault whose workers, carrier, officers and clock are moved by one random seed, in one thread.

The workers are the real ones over the real database. Whatever may happen between two of a worker's steps is
done at that point: another worker's whole turn, a stay, a receipt, so much time passing that its lease ends,
a jump of the process's clock, or its own death. So every interleaving of transactions can come up, and a seed
brings the same one up again.

    run(world, seed)    AssertionError, with the seed, when something that must hold does not
"""

import datetime as dt
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from unittest import mock

from django.db import connection

from ariyippu import flow
from ariyippu.base import clock
from ariyippu.base.errors import RefusedError
from ariyippu.base.settings import database_url
from ariyippu.notice.models import OrderRow
from ariyippu.policy.documents import Scope, Stay
from ariyippu.policy.models import Told
from ariyippu.send import choice, holds, lease, window
from ariyippu.send.carriers import Answer, EmailMessage, Message, Receipt, Verdict
from ariyippu.send.models import Batch, Outcome, Window
from ariyippu.send.open import Door
from ariyippu.send.tokens import MessageTokens, Place
from ariyippu.send.watch import Watch
from ariyippu.send.worker import Worker
from ariyippu.track import doubts, settle
from ariyippu.track.receipts import State, Word
from tests.world import World

WORKERS = 3
STEPS = 40
DEPTH = 3  # of turns within turns
JUMP = dt.timedelta(minutes=10)
_EARLIER = (
    "update send_batch set lease_until = lease_until - make_interval(secs => %s)",
    "update send_batch set not_before = not_before - make_interval(secs => %s)",
    "update send_put_off set not_before = not_before - make_interval(secs => %s)",
)
_TOKEN = re.compile(rb"Message-ID: <([a-z2-7]+)@")


class Died(BaseException):
    """A worker's process is gone, between two of its steps."""


class PushedWatch(Watch):
    """Hears of everything at once."""

    def alive(self) -> bool:
        return True


@dataclass
class Provider:
    """What the outside knows: what arrived, and what it said of it."""

    arrived: Counter[Place] = field(default_factory=Counter)
    said: dict[Place, list[Verdict]] = field(default_factory=dict)
    is_well: bool = False  # takes everything


@dataclass
class Simulation:
    world: World
    seed: int

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311
        self.tokens = MessageTokens.of(self.world.vault.keyring, "receipt")
        self.provider = Provider()
        self.watch = PushedWatch(database_url())
        self.workers: dict[str, Worker] = {}
        self.busy: list[str] = []  # in the middle of a turn, the outermost first
        self.doubtful = 0  # the most that may be unknown
        self.again: Counter[Place] = Counter()
        self.stays: list[Stay] = []
        self.calm = False  # nothing happens but turns
        self.held = False  # a stay stopped the order, and nobody has released it since
        self.jumped = dt.timedelta()  # of the process's clock; the database's goes on as it does
        self.log: list[str] = []
        Told.objects.all().delete()  # some of it is dated ahead
        since = clock.now().replace(microsecond=0) - 2 * JUMP  # it may be sent whatever the clock says
        self.row = self.world.sending(id=f"simulated-{self.seed}", min_interval_days=0, not_before=since)

    # --- what happens -----------------------------------------------------------------------------

    def run(self) -> None:
        with (
            mock.patch.object(clock, "now", self._now),
            mock.patch.object(window, "turn", self._turn_of_window),
            mock.patch.object(choice, "open_carrier", return_value=_Carrier(self)),
        ):
            for _ in range(STEPS):
                self.act()
                self.check()
            self.finish()
        self.check_end()

    def act(self) -> None:
        """One thing that may happen now."""
        name, happen = self.random.choice(self._possible())
        self.log.append(f"{'  ' * len(self.busy)}{name}")
        happen()

    def _possible(self) -> list[tuple[str, Callable[[], object]]]:
        """What may happen, more often what happens more often."""
        idle = [f"w{n}" for n in range(WORKERS) if f"w{n}" not in self.busy]
        found: list[tuple[str, Callable[[], object]]] = []
        if idle and len(self.busy) < DEPTH:
            found += [("turn", lambda: self.turn(self.random.choice(idle)))] * 6
        if idle and 0 < len(self.busy) < DEPTH:
            found += [("oversleeps", lambda: self.oversleep(self.random.choice(idle)))] * 2
        found += [("time passes", self.time_passes), ("receipts", self.receipts), ("vault turns", self.vault_turns)]
        found += [("settle doubts", self.settle_doubts), ("clock jumps", self.clock_jumps)]
        if self.stays:
            found += [("lift", self.lift)]
        elif self.held:
            found += [("release", self.release)]
        elif self.random.random() < 0.3:
            found += [("stay", self.stay)]
        if holds.standing():
            found += [("resume", lambda: holds.resume(holds.Scope()))]
        elif self.random.random() < 0.3:
            found += [("pause", self.pause)]
        return found

    def turn(self, name: str) -> None:
        if name not in self.workers:
            lease.reclaim(name)  # as a worker does that starts
            door = Door(self.world.home, self.world.vault.keyring)
            ending = mock.Mock(is_set=lambda: False, wait=lambda _seconds: False)
            self.workers[name] = Worker(name, door=door, watch=self.watch, ending=ending, on_receipts=settle.keep)
        self.busy.append(name)
        try:
            self.workers[name]._turn()
        except Died:
            self.workers.pop(name)._mark.close()
        finally:
            self.busy.pop()

    def point(self) -> None:
        """Between two steps of the worker whose turn it is."""
        if self.calm:
            return
        if self.random.random() < 0.15:
            self.act()
        if self.random.random() < 0.04:
            self.log.append(f"{'  ' * len(self.busy)}{self.busy[-1]} dies")
            raise Died

    def oversleep(self, other: str) -> None:
        """The worker whose turn it is loses its lease, and another one finds it."""
        self.time_passes(lease.LEASE_S + 1)
        self.turn(other)

    def time_passes(self, seconds: int = 0) -> None:
        """The database's clock decides, so everything that waits for it comes nearer."""
        seconds = seconds or self.random.choice([1, 5, 61, 400])
        with connection.cursor() as cursor:
            for statement in _EARLIER:
                cursor.execute(statement, [seconds])

    def stay(self) -> None:
        self.stays.append(self.world.stay(f"stay-{self.seed}-{len(self.log)}", scope=Scope(order=self.row.order_id)))
        self.held = True
        self.watch.generation += 1

    def lift(self) -> None:
        self.world.lift(self.stays.pop())
        self.watch.generation += 1

    def release(self) -> None:
        """A lift after a jump may be dated ahead: until then the order cannot be released."""
        try:
            flow.release(self.row.order_id, self.world.home)
            self.held = False
        except RefusedError as refusal:
            assert refusal.code == "order.stayed", self.story(refusal.code)  # noqa: PT017

    def clock_jumps(self) -> None:
        """Ten minutes forward or back, or to where it should be."""
        self.jumped = self.random.choice([-JUMP, dt.timedelta(), JUMP])

    def pause(self) -> None:
        holds.place(holds.Scope(), "pause")
        self.watch.generation += 1

    def receipts(self) -> None:
        """Late, early, doubled, and about what has no outcome yet."""
        known = [place for place, count in self.provider.arrived.items() if count]
        for place in self.random.choices(known, k=3) if known else []:
            settle.keep_message(place, Word(State.DELIVERED, "delivered"))

    def vault_turns(self) -> None:
        flow.turn(self.world.vault)

    def settle_doubts(self) -> None:
        doubtful = _unknown(self.row)
        decision: doubts.Decision = self.random.choice(["given_up", "send_again"])
        doubts.settle(self.row.order_id, decision)
        if decision == "send_again":
            self.again.update(doubtful - _unknown(self.row))

    def _turn_of_window(self, work: window.Work, ending: window.Ending | None, positions: list[int]) -> int | None:
        """The worker may die before the transaction, and after it, not knowing that it happened."""
        self.point()
        number = _turn(work, ending, positions)
        if positions:
            self.doubtful += len(positions)
        self.point()
        return number

    def _now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self.jumped

    # --- what must hold ---------------------------------------------------------------------------

    def check(self) -> None:
        """At every moment: nobody is told twice, but by an operator's word."""
        for place, count in self.provider.arrived.items():
            assert count <= 1 + self.again[place], self.story(f"{place} was told {count} times")

    def finish(self) -> None:
        """Everything ends well from now on: what is left to do is done."""
        self.calm = self.provider.is_well = True
        if holds.standing():
            holds.resume(holds.Scope())
        if self.stays:
            self.lift()
        self.jumped = 2 * JUMP  # past every instant that a jump has left behind
        if self.held:
            self.release()
        for _ in range(60):
            self.time_passes()
            for name in ("w0", "w1", "w2"):
                self.turn(name)
            flow.turn(self.world.vault)
            self.row.refresh_from_db()
            if self.row.state == OrderRow.DONE:
                return
        raise AssertionError(self.story("the order does not end"))

    def check_end(self) -> None:
        """Every message has one outcome, and it fits what the outside knows."""
        batches = Batch.objects.filter(order=self.row.digest)
        places = {Place(batch.pk, position) for batch in batches for position in range(batch.size)}
        outcomes = {
            Place(batch, position): outcome
            for batch, position, outcome in Outcome.objects.filter(batch__in=batches).values_list(
                "batch_id", "position", "outcome"
            )
        }
        assert places, self.story("the order reaches nobody")
        assert set(outcomes) == places, self.story("not every message has an outcome")
        assert not Window.objects.filter(batch__in=batches, closed_at=None).exists(), self.story("a window is open")
        for place, outcome in outcomes.items():
            count, said = self.provider.arrived[place], self.provider.said.get(place, [])
            if outcome == Outcome.ACCEPTED:
                assert Verdict.ACCEPTED in said, self.story(f"{place} was not accepted")
            elif outcome == Outcome.REFUSED:
                assert Verdict.PERMANENT in said, self.story(f"{place} was not refused")
            elif outcome == Outcome.WITHHELD:  # told before, by a clock that was ahead then
                assert Verdict.ACCEPTED not in said, self.story(f"{place} was accepted")
            else:
                assert outcome in (Outcome.UNKNOWN, Outcome.GAVE_UP), self.story(f"{place} is {outcome}")
                assert count <= 1 + self.again[place], self.story(f"{place} arrived {count} times")
        unknown = sum(outcome == Outcome.UNKNOWN for outcome in outcomes.values())
        assert unknown <= self.doubtful, self.story("more is unknown than was ever in a window")

    def story(self, what: str) -> str:
        return "\n".join([f"seed {self.seed}: {what}", *self.log])


_turn = window.turn


class _Carrier:
    """The provider as a worker sees it; one of each worker."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def hand_off(self, messages: Iterator[Message]) -> Iterator[Answer]:
        simulation = self._simulation
        simulation.point()
        for message in messages:
            assert not simulation.held, simulation.story("a message was taken under a stay, or before a release")
            assert not holds.standing(), simulation.story("a message was taken while everything was paused")
            simulation.point()
            answer = self._answer(message)
            yield answer
            simulation.point()
            if answer.code == "local.connection_lost":
                return

    def _answer(self, message: Message) -> Answer:
        assert isinstance(message, EmailMessage)
        found = _TOKEN.search(message.content)
        place = found and self._simulation.tokens.place(found[1].decode())
        assert place is not None
        assert place.position == message.position
        verdict, code, arrives = self._drawn()
        self._simulation.provider.arrived[place] += arrives
        self._simulation.provider.said.setdefault(place, []).append(verdict)
        return Answer(message.position, verdict, code)

    def _drawn(self) -> tuple[Verdict, str, bool]:
        if self._simulation.provider.is_well:
            return Verdict.ACCEPTED, "250 2.0.0", True
        drawn = self._simulation.random.random()
        if drawn < 0.06:
            return Verdict.PERMANENT, "554 5.7.1", False
        if drawn < 0.16:
            return Verdict.TRANSIENT, "451 4.7.1", False
        if drawn < 0.2:
            return Verdict.UNKNOWN, "local.connection_lost", drawn < 0.18
        if drawn < 0.22:
            return Verdict.TRANSIENT, "local.connection_lost", False
        return Verdict.ACCEPTED, "250 2.0.0", True

    def receipts(self) -> list[Receipt]:
        return []

    def close(self) -> None:
        pass


def _unknown(row: OrderRow) -> Counter[Place]:
    found = Outcome.objects.filter(batch__order=row.digest, outcome=Outcome.UNKNOWN)
    return Counter(Place(batch, position) for batch, position in found.values_list("batch_id", "position"))


def run(world: World, seed: int) -> None:
    """One life of an order from its batches to its end."""
    simulation = Simulation(world, seed)
    simulation.run()
