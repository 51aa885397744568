"""The marks: which windows opened here, kept outside the database; each worker has a file of its own.

    HOME/vault/windows.PLACE.mark   a record for each window: its number (8 bytes, big-endian), its batch's
                                    (8 bytes), its order's digest (32 bytes)

A database that was restored from a back-up does not know what left since; its batches would leave again.
So each window is on disk here before the window's first byte, and nothing is leased while the database knows
fewer windows than the marks (invariant 8). What the marks know more is what is in doubt then: track/restored.py.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Max

from ariyippu.base import clock
from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.base.home import Home
from ariyippu.send.models import Batch, Window

RECORD = struct.Struct(">QQ32s")


@dataclass(frozen=True)
class Marked:
    """One window that opened."""

    window: int
    batch: int
    order: str  # the order's digest


class Mark:
    """One worker's mark. Nobody else writes it."""

    def __init__(self, home: Home, worker: str) -> None:
        place = worker.rpartition(":")[2]
        self._file = os.open(home.vault / f"windows.{place}.mark", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        size = os.fstat(self._file).st_size
        os.ftruncate(self._file, size - size % RECORD.size)  # what a crash left half-written was never relied on

    def advance(self, window: int, batch: Batch) -> None:
        """When this returns, the window is on disk. Windows come in rising order.

        TransientError when it cannot be: the disk is full or failing, and nothing of the window may leave.
        """
        record = RECORD.pack(window, batch.pk, bytes.fromhex(batch.order))
        size = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, record)
            os.fdatasync(self._file)
        except OSError:
            written = 0
        if written < len(record):
            os.ftruncate(self._file, size)
            raise TransientError("The mark of a window cannot be written: is the disk full?")

    def close(self) -> None:
        os.close(self._file)


def check(home: Home) -> None:
    """RefusedError `vault.database_behind` when windows opened that the database does not know."""
    if next(_unknown(home), None) is not None:
        raise RefusedError(
            "vault.database_behind",
            "Windows were handed off that the database does not know: an old back-up was restored. "
            "Nothing is sent until 'ariyippu send reconcile'.",
        )


def unknown_windows(home: Home) -> list[Marked]:
    """The windows that opened and that the database does not know, by their numbers."""
    return sorted(_unknown(home), key=lambda marked: marked.window)


def begin_anew(home: Home) -> None:
    """Set the marks aside: what they know more than the database has been accounted for."""
    for file in _files(home):
        file.rename(file.with_name(f"{file.name}.{clock.now():%Y%m%dT%H%M%SZ}"))


def _unknown(home: Home) -> Iterator[Marked]:
    # First the marks, then the database: what a worker opens meanwhile is in the database and not asked about.
    records = {file: file.stat().st_size // RECORD.size for file in _files(home)}
    if not records:
        return
    known = Window.objects.aggregate(highest=Max("pk"))["highest"] or 0
    for file, count in records.items():
        yield from _since(file, count, known)


def _since(file: Path, count: int, known: int) -> Iterator[Marked]:
    """Of a worker's first windows those after `known`, the last first: mostly none, so it is read from its end."""
    with file.open("rb") as stream:
        for number in reversed(range(count)):
            stream.seek(number * RECORD.size)
            window, batch, order = RECORD.unpack(stream.read(RECORD.size))
            if window <= known:
                return
            yield Marked(window, batch, order.hex())


def _files(home: Home) -> list[Path]:
    return sorted(home.vault.glob("windows.*.mark"))
