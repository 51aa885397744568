"""The marks: the highest window that ever opened here, kept outside the database; each worker has its own.

A database that was restored from a back-up does not know what left since; its batches would leave again.
So each window's number is on disk before the window's first byte, and nothing is leased while the
database knows fewer windows than the marks (invariant 8).
"""

import os
from pathlib import Path

from django.db.models import Max

from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.send.models import Window

MARK_BYTES = 8


class Mark:
    """One worker's mark. Nobody else writes it."""

    def __init__(self, home: Home, worker: str) -> None:
        place = worker.rpartition(":")[2]
        self._file = os.open(home.vault / f"windows.{place}.mark", os.O_RDWR | os.O_CREAT, 0o600)

    def advance(self, window: int) -> None:
        """When this returns, the mark is at `window`, on disk. Windows come in rising order."""
        os.pwrite(self._file, window.to_bytes(MARK_BYTES, "big"), 0)
        os.fdatasync(self._file)

    def close(self) -> None:
        os.close(self._file)


def check(home: Home) -> None:
    """RefusedError `vault.database_behind` when windows opened that the database does not know."""
    marked = max(map(_read, home.vault.glob("windows*.mark")), default=0)
    if marked == 0:
        return
    known = Window.objects.aggregate(highest=Max("pk"))["highest"] or 0
    if known < marked:
        raise RefusedError(
            "vault.database_behind",
            f"Windows up to {marked} were handed off, the database knows {known}: an old back-up was restored. "
            "Nothing is sent until the database is brought forward.",
        )


def _read(file: Path) -> int:
    return int.from_bytes(file.read_bytes()[:MARK_BYTES], "big")
