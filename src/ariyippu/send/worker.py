"""The whole worker: lease a batch, open it, hand it off window by window, keep the outcomes.

    lease -> open -> [ commit the window's intent -> hand off, asking the watch before each message
                       -> commit its outcomes ] ... -> give back

A crash leaves at most one window in doubt for each worker; the next lease of its batch says so.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psycopg
import structlog
from django.db import DatabaseError, close_old_connections, transaction

from ariyippu.base.errors import AriyippuError, RefusedError, TransientError
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.base.logs import places
from ariyippu.notice.documents import Channel
from ariyippu.policy import suspensions
from ariyippu.policy.objections import withheld
from ariyippu.send import claims, mark
from ariyippu.send.carriers import Answer, Carrier, Message, Receipt, Verdict, open_carrier
from ariyippu.send.held_back import HeldBack
from ariyippu.send.lease import (
    Lease,
    LeaseLostError,
    Settled,
    close_window,
    give_back,
    lease,
    open_window,
    pending,
    settle,
    tell_doubts,
)
from ariyippu.send.models import Outcome
from ariyippu.send.open import Door, Opened
from ariyippu.send.watch import Watch

IDLE_S = 0.2
AFTER_FAULT_S = 5
MAX_RETRY_S = 900
CLAIMED_S = 2  # before a person is asked about again whom another register was telling
STAYED_S = 30  # before a batch is looked at again of which a stay stops some

OUTCOME_OF = {
    Verdict.ACCEPTED: Outcome.ACCEPTED,
    Verdict.PERMANENT: Outcome.REFUSED,
    Verdict.UNKNOWN: Outcome.UNKNOWN,
}  # TRANSIENT settles nothing: the message waits for another attempt

log = structlog.get_logger()


class Worker(threading.Thread):
    """One thread with its own database connection and its own carrier connections."""

    def __init__(
        self, name: str, *, home: Home, keyring: Keyring, watch: Watch, on_receipts: Callable[[list[Receipt]], None]
    ) -> None:
        super().__init__(name=name)
        self._home = home
        self._keyring = keyring
        self._watch = watch
        self._on_receipts = on_receipts
        self._ending = threading.Event()
        self._held_back = HeldBack(home, keyring)
        self._carriers: dict[Channel, Carrier] = {}
        self._resting: dict[Channel, float] = {}  # -> time.monotonic(), after a carrier's fault

    def stop(self) -> None:
        """Finish the message in hand, commit its window, then end."""
        self._ending.set()

    def run(self) -> None:
        try:
            while not self._ending.is_set():
                try:
                    busy = self._turn()
                except (DatabaseError, psycopg.Error, AriyippuError) as error:  # COPY raises the driver's own
                    # The batch's lease runs out and the next worker declares what is in doubt.
                    log.warning("worker_fault", worker=self.name, error=places(error)[0])
                    close_old_connections()
                    self._ending.wait(AFTER_FAULT_S)
                    continue
                if not busy:
                    self._ending.wait(IDLE_S)
        finally:
            for carrier in self._carriers.values():
                carrier.close()

    def _turn(self) -> bool:
        generation = self._watch.generation  # before the lease's checks: what changes later ends the batch
        mark.check(self._home)
        resting = [channel for channel, until in self._resting.items() if time.monotonic() < until]
        held = lease(self.name, self._home, but=resting)
        if held is not None:
            self._send(held, generation)
        self._collect_receipts()
        return held is not None

    def _send(self, held: Lease, generation: int) -> None:
        channel, settings = held.subject.channel, self._home.settings
        opened = Door(self._home, self._keyring).open(held)
        attempted, wait_s = False, 0
        try:
            carrier = self._carrier(channel)
            size = settings.carriers[channel].window_messages
            tell_doubts(held, opened.records)
            stayed = self._held_back.of(held)
            waiting = [p for p in self._without_withheld(held, opened) if opened.records[p] not in stayed]
            if stayed:
                wait_s = STAYED_S
            for start in range(0, len(waiting), size):
                if self._stopped(generation):
                    break
                asked = waiting[start : start + size]
                positions = claims.take(held, asked, opened.persons)
                wait_s = max(wait_s, CLAIMED_S * (len(positions) < len(asked)))
                answers = self._hand_off(held, carrier, _Window(opened, positions, generation))
                attempted = attempted or any(answer.verdict is Verdict.TRANSIENT for answer in answers)
                self._collect_receipts()
                if len(answers) < len(positions):
                    break  # a stay came in the middle, or the carrier stopped taking
        except LeaseLostError:
            pass  # stopped, or another worker's by now
        except (TransientError, RefusedError) as error:
            log.warning("carrier_fault", channel=channel, error=str(error))
            wait_s = AFTER_FAULT_S
            self._resting[channel] = time.monotonic() + AFTER_FAULT_S  # the other channels go on
        if attempted:
            wait_s = min(settings.retry_s * 2**held.batch.attempts, MAX_RETRY_S)
        give_back(held, attempted=attempted, wait_s=wait_s, max_attempts=settings.max_attempts)
        claims.settle(held.batch.pk)

    def _without_withheld(self, held: Lease, opened: Opened) -> list[int]:
        """The positions to hand off; settled without are those whom something speaks against meanwhile."""
        waiting, records = pending(held.batch), opened.records
        persons = {records[position]: person for position, person in opened.persons.items()}
        by_record = withheld(held.verified, [records[position] for position in waiting], persons)
        lender = held.subject.contact_of or held.verified.order.register
        unused = suspensions.withheld(lender, [opened.contacts[position] for position in waiting])
        reasons = {position: by_record.get(records[position]) for position in waiting}
        for position in waiting:
            if opened.contacts[position] in unused:
                reasons[position] = reasons[position] or "contact_suspended"
        now_out = [Settled(at, Outcome.WITHHELD, reason, None) for at, reason in reasons.items() if reason]
        with transaction.atomic():
            settle(held, now_out, opened.records)
        return [position for position in waiting if reasons[position] is None]

    def _hand_off(self, held: Lease, carrier: Carrier, window: "_Window") -> list[Answer]:
        if not window.positions:
            return []  # other registers are telling all of them
        number = open_window(held, window.positions)
        mark.advance(self._home, number)

        def unstopped() -> Iterator[Message]:
            for position in window.positions:
                if self._stopped(window.generation):
                    return
                yield window.opened.messages[position]

        try:
            answers = list(carrier.hand_off(unstopped()))
        except (TransientError, RefusedError):  # raised only before the first message is taken
            close_window(number, held, [], window.opened.records)
            raise
        settled = [s for answer in answers if (s := _settled(answer))]
        close_window(number, held, settled, window.opened.records)
        return answers

    def _stopped(self, generation: int) -> bool:
        """Asked before each message: a stay or lift came, the database is silent, or the vault is ending."""
        return self._watch.generation != generation or not self._watch.alive() or self._ending.is_set()

    def _collect_receipts(self) -> None:
        """From every carrier, also one that this process has sent nothing by: receipts outlive a restart."""
        for channel in self._home.settings.carriers:
            if time.monotonic() < self._resting.get(channel, 0.0):
                continue
            try:
                receipts = self._carrier(channel).receipts()
            except RefusedError as refusal:
                log.warning("carrier_fault", channel=channel, error=str(refusal))
                self._resting[channel] = time.monotonic() + AFTER_FAULT_S
                continue
            if receipts:
                self._on_receipts(receipts)

    def _carrier(self, channel: Channel) -> Carrier:
        if channel not in self._home.settings.carriers:
            raise RefusedError("carrier.missing", f"settings.toml names no carrier for {channel}.")
        if channel not in self._carriers:
            self._carriers[channel] = open_carrier(self._home.settings.carriers[channel])
        return self._carriers[channel]


@dataclass(frozen=True, repr=False)
class _Window:
    """What is handed off next: positions of an opened batch, under what the watch knew at the lease."""

    opened: Opened
    positions: Sequence[int]
    generation: int


def _settled(answer: Answer) -> Settled | None:
    outcome = OUTCOME_OF.get(answer.verdict)
    return Settled(answer.position, outcome, answer.code, answer.provider_id) if outcome else None
