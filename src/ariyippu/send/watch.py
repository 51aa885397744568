"""The watch over stays: a pushed flag that a worker looks at before each message.

It listens on a database connection of its own. When a stay or a lift is committed anywhere, the
generation changes and every open window ends after the message in hand; a vault that has not heard
from its database for SILENCE_S stops handing off (invariant 5: it fails closed). It also hears the
database's clock, and sees to it that nobody waits when that was set back.
"""

import threading
import time

import psycopg
import structlog

from ariyippu.policy.stays import EDITION, NOTIFY_CHANNEL
from ariyippu.send.set_back import OPENED_AHEAD, DatabaseClock, end_waits

HEARTBEAT_S = 1.0
SILENCE_S = 5.0

log = structlog.get_logger()


class Watch(threading.Thread):
    """Listens for stays until `stop()`; read `generation` and `alive()` from any thread."""

    def __init__(self, dsn: str) -> None:
        super().__init__(name="watch", daemon=True)
        self.generation = 0
        self._dsn = dsn
        self._heard_at = float("-inf")  # time.monotonic
        self._begun: object = None
        self._clock = DatabaseClock()
        self._ending = threading.Event()

    def alive(self) -> bool:
        """Whether the database was heard within SILENCE_S: only then may anything be handed off."""
        return time.monotonic() - self._heard_at < SILENCE_S

    def check(self) -> None:
        """RuntimeError when it ended by itself: then nobody would hear of a stay."""
        if self.ident is not None and not self.is_alive() and not self._ending.is_set():
            raise RuntimeError("The watch ended by itself: its error stands above.")

    def stop(self) -> None:
        self._ending.set()

    def run(self) -> None:
        while not self._ending.is_set():
            try:
                self._listen()
            except psycopg.OperationalError:
                log.warning("watch_lost_database")
                self._ending.wait(HEARTBEAT_S)

    def _listen(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True, connect_timeout=3) as connection:
            connection.execute(f"listen {NOTIFY_CHANNEL}")
            self.generation += 1  # what was missed while nobody listened
            while not self._ending.is_set():
                asked_at = time.monotonic()
                ((begun, now, ahead),) = connection.execute(f"select {EDITION}, now(), {OPENED_AHEAD}").fetchall()
                if begun != self._begun:  # one that was placed ahead of its time stands now
                    self._begun = begun
                    self.generation += 1
                self._heard_at = time.monotonic()
                set_back = self._clock.was_set_back(now, asked_at, self._heard_at)
                if (set_back or ahead) and end_waits(connection):
                    log.warning("database_clock_set_back")
                for _notification in connection.notifies(timeout=HEARTBEAT_S, stop_after=1):
                    self.generation += 1
