"""The mark: the highest window that ever opened here, kept outside the database.

A database that was restored from a back-up does not know what left since; its batches would leave again.
So each window's number is on disk before the window's first byte, and nothing is leased while the
database knows fewer windows than the mark (invariant 8).
"""

import os
import threading
from pathlib import Path

from django.db.models import Max

from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.send.models import Window

MARK_BYTES = 8

_lock = threading.Lock()


def advance(home: Home, window: int) -> None:
    """When this returns, the mark is at `window` or above, on disk."""
    with _lock:
        descriptor = os.open(_file(home), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if window > _read(descriptor):
                os.pwrite(descriptor, window.to_bytes(MARK_BYTES, "big"), 0)
                os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def check(home: Home) -> None:
    """RefusedError `vault.database_behind` when windows opened that the database does not know."""
    if not _file(home).exists():
        return
    descriptor = os.open(_file(home), os.O_RDONLY)
    try:
        marked = _read(descriptor)
    finally:
        os.close(descriptor)
    known = Window.objects.aggregate(highest=Max("pk"))["highest"] or 0
    if known < marked:
        raise RefusedError(
            "vault.database_behind",
            f"Windows up to {marked} were handed off, the database knows {known}: an old back-up was restored. "
            "Nothing is sent until the database is brought forward.",
        )


def _read(descriptor: int) -> int:
    return int.from_bytes(os.pread(descriptor, MARK_BYTES, 0), "big")


def _file(home: Home) -> Path:
    return home.vault / "windows.mark"
