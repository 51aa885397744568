"""Whom a stay stops of messages that were cut before it came: people of one district, or of a cohort.

A message's row does not hold what a stay may ask about, so the register's snapshot is asked, for all the
messages of a file at once. They are not settled: they wait, like everything that a stay stops.
"""

import pyarrow as pa

from ariyippu.base import engine
from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.ingest.snapshot import open_records
from ariyippu.notice import criteria
from ariyippu.notice.criteria import NOBODY, Node
from ariyippu.send.cut import file_key, file_path
from ariyippu.send.lease import Lease


class HeldBack:
    """Asks once for each file and each set of stays; one worker's own."""

    def __init__(self, home: Home, keyring: Keyring) -> None:
        self._home = home
        self._keyring = keyring
        self._asked: tuple[str, Node] = ("", NOBODY)
        self._found: frozenset[bytes] = frozenset()

    def of(self, held: Lease) -> frozenset[bytes]:
        """The records of the batch's file that stays stopped at the lease. RefusedError `file.damaged`."""
        if held.stopped == NOBODY:
            return frozenset()
        if self._asked != (held.batch.file.wrapped_key, held.stopped):
            self._found = self._ask(held)
            self._asked = (held.batch.file.wrapped_key, held.stopped)
        return self._found

    def _ask(self, held: Lease) -> frozenset[bytes]:
        file, snapshot = held.batch.file, held.verified.order.snapshot
        condition, parameters = criteria.to_sql(held.stopped)
        columns = ["record", *sorted(criteria.fields(held.stopped))]
        with engine.readable(f"The snapshot {snapshot}"), engine.connect() as relations:
            parquet = engine.open_parquet(file_path(self._home, file), file_key(file, self._keyring))
            relations.register("messages", parquet.read(columns=["record"]))
            relations.register("records", open_records(self._home, self._keyring, snapshot, columns))
            found: pa.Table = relations.sql(
                f"select r.record from messages join records r using (record) where {condition}",  # noqa: S608  names of a checked contract
                params=parameters,
            ).to_arrow_table()
        return frozenset(found["record"].to_pylist())
