"""The whole worker: lease a batch, open it, hand it off window by window, keep the outcomes.

    lease -> open -> [ commit the window's intent -> hand off, asking the watch before each message
                       -> commit its outcomes ] ... -> give back

A crash leaves at most one window in doubt for each worker; the next lease of its batch says so.
"""

import threading
from collections.abc import Callable, Iterator, Sequence

import psycopg
import structlog
from django.db import DatabaseError, close_old_connections

from ariyippu.base.errors import AriyippuError, RefusedError, TransientError
from ariyippu.base.home import CarrierSettings, Home
from ariyippu.base.keys import Keyring
from ariyippu.notice.documents import Channel
from ariyippu.send.carriers import Answer, Carrier, Message, Receipt, Verdict, open_carrier
from ariyippu.send.lease import Lease, LeaseLostError, Settled, close_window, give_back, lease, open_window, pending
from ariyippu.send.models import Outcome
from ariyippu.send.open import Door
from ariyippu.send.watch import Watch

IDLE_S = 0.2
AFTER_FAULT_S = 5

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
        self._carriers: dict[Channel, Carrier] = {}

    def stop(self) -> None:
        """Finish the window in hand, then end."""
        self._ending.set()

    def run(self) -> None:
        try:
            while not self._ending.is_set():
                try:
                    busy = self._turn()
                except (DatabaseError, psycopg.Error, AriyippuError) as error:  # COPY raises the driver's own
                    # The batch's lease runs out and the next worker declares what is in doubt.
                    log.warning("worker_fault", worker=self.name, error=type(error).__name__)
                    close_old_connections()
                    self._ending.wait(AFTER_FAULT_S)
                    continue
                if not busy:
                    self._ending.wait(IDLE_S)
        finally:
            for carrier in self._carriers.values():
                carrier.close()

    def _turn(self) -> bool:
        held = lease(self.name, self._home)
        if held is not None:
            self._send(held)
        self._collect_receipts()
        return held is not None

    def _send(self, held: Lease) -> None:
        settings = self._settings(held.subject.channel)
        carrier = self._carrier(held.subject.channel, settings)
        opened = Door(self._home, self._keyring).open(held)
        attempted, wait_s = False, 0
        try:
            waiting = pending(held.batch)
            for start in range(0, len(waiting), settings.window_messages):
                if self._ending.is_set():
                    break
                positions = waiting[start : start + settings.window_messages]
                answers = self._hand_off(held, carrier, [opened.messages[p] for p in positions])
                attempted = attempted or any(answer.verdict is Verdict.TRANSIENT for answer in answers)
                self._collect_receipts()
                if len(answers) < len(positions):
                    break  # a stay came in the middle, or the carrier stopped taking
        except LeaseLostError:
            pass  # stopped, or another worker's by now
        except (TransientError, RefusedError) as error:
            log.warning("carrier_fault", channel=held.subject.channel, error=str(error))
            wait_s = AFTER_FAULT_S
        if attempted:
            wait_s = self._home.settings.retry_s * 2**held.batch.attempts
        give_back(held, opened.records, attempted=attempted, wait_s=wait_s)

    def _hand_off(self, held: Lease, carrier: Carrier, messages: Sequence[Message]) -> list[Answer]:
        generation = self._watch.generation
        window = open_window(held, [message.position for message in messages])

        def unstopped() -> Iterator[Message]:
            for message in messages:
                if self._watch.generation != generation or not self._watch.alive():
                    return
                yield message

        try:
            answers = list(carrier.hand_off(unstopped()))
        except (TransientError, RefusedError):  # raised only before the first message is taken
            close_window(window, held.batch, [])
            raise
        close_window(window, held.batch, [s for answer in answers if (s := _settled(answer))])
        return answers

    def _collect_receipts(self) -> None:
        for carrier in self._carriers.values():
            if receipts := carrier.receipts():
                self._on_receipts(receipts)

    def _settings(self, channel: Channel) -> CarrierSettings:
        if (settings := self._home.settings.carriers.get(channel)) is None:
            raise RefusedError("carrier.missing", f"settings.toml names no carrier for {channel}.")
        return settings

    def _carrier(self, channel: Channel, settings: CarrierSettings) -> Carrier:
        if channel not in self._carriers:
            self._carriers[channel] = open_carrier(settings)
        return self._carriers[channel]


def _settled(answer: Answer) -> Settled | None:
    outcome = OUTCOME_OF.get(answer.verdict)
    return Settled(answer.position, outcome, answer.code, answer.provider_id) if outcome else None
