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
from ariyippu.send.models import MessageFile


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
        return records_of(held.batch.file, held.verified.order.snapshot, held.stopped, self._home, self._keyring)


def records_of(file: MessageFile, snapshot: str, whom: Node, home: Home, keyring: Keyring) -> frozenset[bytes]:
    """Of a file's messages, the records that satisfy criteria, by the snapshot. RefusedError `file.damaged`."""
    condition, parameters = criteria.to_sql(whom)
    columns = ["record", *sorted(criteria.fields(whom))]
    with engine.readable(f"The snapshot {snapshot}"), engine.connect() as relations:
        parquet = engine.open_parquet(file_path(home, file), file_key(file, keyring))
        relations.register("messages", parquet.read(columns=["record"]))
        relations.register("records", open_records(home, keyring, snapshot, columns))
        found: pa.Table = relations.sql(
            f"select r.record from messages join records r using (record) where {condition}",  # noqa: S608  names of a checked contract
            params=parameters,
        ).to_arrow_table()
    return frozenset(found["record"].to_pylist())
