"""The whole worker: lease a batch, open it, hand it off window by window, keep the outcomes.

    lease -> open -> [ commit the last window's outcomes and the next one's intent
                       -> hand off, asking the watch before each message ] ... -> give back

A crash leaves at most one window in doubt for each worker; the next lease of its batch says so.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psycopg
import structlog
from django.db import DatabaseError, close_old_connections

from ariyippu.base.errors import AriyippuError, RefusedError, TransientError
from ariyippu.base.logs import places
from ariyippu.policy import suspensions
from ariyippu.policy.objections import withheld
from ariyippu.send import choice, claims, destinations, mark, metrics, recall, window
from ariyippu.send.carriers import Answer, Arrival, Message, Verdict, verdicts
from ariyippu.send.carriers.verdicts import Blame
from ariyippu.send.choice import Choice, Chosen
from ariyippu.send.destinations import Destinations
from ariyippu.send.held_back import HeldBack
from ariyippu.send.lease import Checks, Lease, LeaseLostError, Progress, give_back, lease, progress, reclaim
from ariyippu.send.models import Outcome
from ariyippu.send.open import Door, Opened
from ariyippu.send.pace import MAX_WAIT_S, Pace
from ariyippu.send.watch import Watch
from ariyippu.send.window import Ending, Settled, Waiting, Work

IDLE_S = 0.2
SLICE_S = 5.0  # no batch is kept longer by a slow carrier: something more urgent may wait
MAX_RETRY_S = 900
CLAIMED_S = 2.0  # before a person is asked about again whom another register was telling
STAYED_S = 30.0  # before a batch is looked at again of which a stay stops some

OUTCOME_OF = {
    Verdict.ACCEPTED: Outcome.ACCEPTED,
    Verdict.PERMANENT: Outcome.REFUSED,
    Verdict.UNKNOWN: Outcome.UNKNOWN,
}  # TRANSIENT settles nothing until the message is given up

log = structlog.get_logger()


class Worker:
    """One thread with its own database connection and its own carrier connections."""

    def __init__(
        self,
        name: str,
        *,
        door: Door,
        watch: Watch,
        ending: threading.Event,
        on_receipts: Callable[[list[Arrival]], None],
    ) -> None:
        self.name = name
        self._home = door.home
        self._door = door
        self._watch = watch
        self._on_receipts = on_receipts
        self._ending = ending
        self._checks = Checks(door.home)
        self._mark = mark.Mark(door.home, name)
        self._generation = watch.generation
        self._has_faulted = False  # so that a batch may still be leased to it
        self._held_back = HeldBack(door.home, door.keyring)
        self._destinations = Destinations(door.home.settings.retry_s)
        self._choice = Choice(door.home.settings)

    def run(self) -> None:
        """Take turns until `ending` is set; then finish the messages in hand, commit their window and end."""
        try:
            while not self._ending.is_set():
                self._watch.check()
                try:
                    busy = self._turn()
                except (DatabaseError, psycopg.Error, AriyippuError) as error:  # windows speak to the driver itself
                    log.warning("worker_fault", worker=self.name, error=places(error)[0])
                    close_old_connections()
                    self._has_faulted = True
                    self._ending.wait(choice.AFTER_FAULT_S)
                    continue
                if not busy:
                    self._ending.wait(IDLE_S)
        finally:
            self._mark.close()
            self._choice.close()

    def _turn(self) -> bool:
        if not self._watch.alive():
            return False  # nothing may be handed off, so nothing is taken
        if self._generation != self._watch.generation:  # before the lease's checks: what changes later ends the batch
            self._generation = self._watch.generation
            self._checks.forget()
        if self._has_faulted:
            reclaim(self.name)  # its next lease declares what was in its hands to be in doubt
            self._has_faulted = False
        mark.check(self._home)
        has_recalled = self._recall()
        held = lease(self.name, self._checks, self._choice.takes)
        if held is not None:
            self._send(held)
        self._collect_receipts()
        return has_recalled or held is not None

    def _recall(self) -> bool:
        """Ask carriers to cancel what a stay calls back, a window of each; whether any was asked."""
        found = False
        for chosen in self._choice.recalling():
            pace = Pace.of(self._home.settings, chosen.name, office="")
            asked = recall.take(chosen.name, pace.window(chosen.window_messages))
            if not asked:
                continue
            try:
                if self._wait_for(pace.take(len(asked))):
                    recall.keep(asked, chosen.recall(list(asked)))
                    found = True
                    continue
            except (TransientError, RefusedError) as error:  # raised only before the first is asked about
                chosen.rest(error)
            recall.give_back(asked)
        return found

    def _send(self, held: Lease) -> None:
        chosen = self._choice.of(held.subject.channel, held.verified.purpose)
        opened = self._door.open(held)
        wait_s = 0.0
        try:
            found = progress(held.batch)
            work = Work(held, opened.records, found.attempts, opened.valid_until)
            window.tell_doubts(work, found.unknown)
            claims.tell_doubts(held, [opened.persons[p] for p in found.unknown if p in opened.persons])
            stayed = self._held_back.of(held)
            waiting = [p for p in self._without_withheld(work, opened, found) if work.records[p] not in stayed]
            wait_s = self._hand_off_all(chosen, work, opened, waiting) or STAYED_S * bool(stayed)
        except LeaseLostError:
            pass  # stopped, or another worker's by now
        except (TransientError, RefusedError) as error:
            chosen.rest(error)
            wait_s = choice.AFTER_FAULT_S  # the other channels go on
        give_back(held, wait_s=wait_s)
        if opened.persons:
            claims.settle(held.batch.pk)

    def _without_withheld(self, work: Work, opened: Opened, found: Progress) -> list[int]:
        """The positions to hand off; settled without are those whom something speaks against meanwhile."""
        records, verified, waiting = work.records, work.held.verified, found.waiting
        persons = {records[position]: person for position, person in opened.persons.items()}
        by_record = withheld(verified, [records[position] for position in waiting], persons)
        lender = work.held.subject.contact_of or verified.order.register
        unused = suspensions.withheld(lender, [opened.contacts[position] for position in waiting])
        if not by_record and not unused:
            return list(waiting)
        reasons = {position: by_record.get(records[position]) for position in waiting}
        for position in found.again:
            if reasons.get(position) in ("told_recently", "capped"):  # by the message that is sent again
                reasons[position] = None
        for position in waiting:
            if opened.contacts[position] in unused:
                reasons[position] = reasons[position] or "contact_suspended"
        out = [Settled(at, Outcome.WITHHELD, reason, None) for at, reason in reasons.items() if reason]
        window.settle(work, out)
        return [position for position in waiting if reasons[position] is None]

    def _hand_off_all(self, chosen: Chosen, work: Work, opened: Opened, waiting: Sequence[int]) -> float:
        """Window after window; in how many seconds more of what is left, if anything, may be tried."""
        pace = Pace.of(self._home.settings, chosen.name, work.held.batch.office)
        size = pace.window(chosen.window_messages)
        until = time.monotonic() + SLICE_S
        left_out_s: list[float] = []  # for how long, of those that are left out
        ending: Ending | None = None
        for start in range(0, len(waiting), size):
            self._collect_receipts()
            if self._stopped() or time.monotonic() > until:
                left_out_s.append(0)
                break
            positions = self._free(work, opened, waiting[start : start + size], left_out_s)
            if not positions:
                continue
            if not self._wait_for(pace.take(len(positions))):
                left_out_s.append(MAX_WAIT_S)
                break
            done, ending = ending, None  # from here on turn() has it
            number = window.turn(work, done, positions)
            if number is None:
                raise RuntimeError("a window with positions has a number")
            ending, answers = self._hand_off(chosen, work, _Window(number, opened.messages, positions))
            if len(answers) < len(positions):  # a stay came in the middle, or the carrier stopped taking
                left_out_s.append(0)
                break
        if ending is not None:
            window.turn(work, ending, ())
        return min(left_out_s, default=0)

    def _wait_for(self, pace_s: float | None) -> bool:
        """Whether what a rate let through may leave now; not when that takes too long, or the worker ends."""
        return pace_s is not None and not (pace_s and self._ending.wait(pace_s))

    def _free(self, work: Work, opened: Opened, asked: Sequence[int], left_out_s: list[float]) -> list[int]:
        """Of these positions, those whose destination does not rest and whom no other register is telling now."""
        awake = self._awake(opened, asked, left_out_s)
        free = claims.take(work.held, awake, opened.persons)
        if len(free) < len(awake):
            left_out_s.append(CLAIMED_S)
        return free

    def _hand_off(self, chosen: Chosen, work: Work, opened: "_Window") -> tuple[Ending, list[Answer]]:
        """The window's intent is committed: hand its messages off, and say what came of them."""

        def unstopped() -> Iterator[Message]:
            for position in opened.positions:
                if self._stopped():
                    return
                yield opened.messages[position]

        channel = work.held.subject.channel
        try:
            self._mark.advance(opened.number, work.held.batch)
            with metrics.WINDOW_S.labels(channel).time():
                answers = chosen.hand_off(unstopped())
        except (TransientError, RefusedError):  # raised only before the first message is taken
            window.turn(work, Ending(opened.number), ())
            raise
        settled: list[Settled] = []
        put_off: list[Waiting] = []
        for answer in answers:
            judged = self._judged(answer, opened.messages[answer.position], work.attempts)
            if isinstance(judged, Settled):
                settled.append(judged)
            else:
                put_off.append(judged)
        for outcome, count in Counter(message.outcome for message in settled).items():
            metrics.MESSAGES.labels(channel, outcome).inc(count)
        if put_off:
            metrics.MESSAGES.labels(channel, "put_off").inc(len(put_off))
        return Ending(opened.number, settled, put_off), answers

    def _judged(self, answer: Answer, message: Message, attempts: dict[int, int]) -> Settled | Waiting:
        """What an answer means for its message, and for others to its destination."""
        if answer.verdict is not Verdict.TRANSIENT:
            if not self._destinations.are_well():
                self._destinations.took(destinations.of(message.to))
            named = answer.code, answer.provider_id, answer.segments, answer.part_ids
            return Settled(answer.position, OUTCOME_OF[answer.verdict], *named)
        blame = verdicts.blame(answer.code)
        if blame is Blame.DESTINATION:
            self._destinations.put_off(destinations.of(message.to), time.monotonic())
        settings, before = self._home.settings, attempts.get(answer.position, 0)
        wait_s = min(settings.retry_s * 2**before, MAX_RETRY_S)
        attempted = before + (blame is not Blame.CARRIER)  # the relay's own trouble uses up nobody's attempts
        if attempted >= settings.max_attempts:
            return Settled(answer.position, Outcome.GAVE_UP, answer.code, None)
        attempts[answer.position] = attempted
        return Waiting(answer.position, attempted, wait_s)

    def _awake(self, opened: Opened, positions: Sequence[int], left_out_s: list[float]) -> list[int]:
        """The positions whose destinations do not rest; how long the others rest goes to `left_out_s`."""
        if self._destinations.are_well():
            return list(positions)
        now = time.monotonic()
        left = {p: self._destinations.rest_left_s(destinations.of(opened.messages[p].to), now) for p in positions}
        left_out_s.extend(seconds for seconds in left.values() if seconds)
        return [position for position in positions if not left[position]]

    def _stopped(self) -> bool:
        """Asked before each message: a stay or lift came, the database is silent, or the vault is ending."""
        watch = self._watch
        return watch.generation != self._generation or not watch.alive() or self._ending.is_set()

    def _collect_receipts(self) -> None:
        if receipts := self._choice.receipts():
            self._on_receipts(receipts)


@dataclass(frozen=True, repr=False)
class _Window:
    """What is handed off next: positions of an opened batch."""

    number: int
    messages: Sequence[Message]
    positions: Sequence[int]
