"""Folders that appear whole or not at all: written as `.partial-NAME`, renamed, then known by a database row.

What a crash leaves half-written the next writer removes, under the lock. What is whole but has no row may be
a crash's, too, or something that a restored database has forgotten: it is set aside as `.orphan-NAME`.
"""

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from ariyippu.base import engine
from ariyippu.base.errors import TransientError


@contextmanager
def locked(folder: Path, busy: str) -> Iterator[None]:
    """One writer in `folder` at a time; the lock ends with its process. TransientError `busy` while there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TransientError(busy) from None
        yield
    finally:
        os.close(descriptor)


def clear_orphans(folder: Path, kept: Collection[str]) -> None:
    """Remove what is half-written; set aside what is whole and not among the names that have a row."""
    for entry in folder.iterdir():
        if entry.name.startswith(".partial-"):
            shutil.rmtree(entry)
        elif entry.is_dir() and not entry.name.startswith(".") and entry.name not in kept:
            entry.rename(folder / f".orphan-{entry.name}")


def partial(folder: Path, name: str) -> Path:
    """Where `name` is written until it is whole."""
    return folder / f".partial-{name}"


def appear(folder: Path, name: str) -> None:
    """When this returns, `name` stands in `folder`, on disk; its files were synced by whoever wrote them."""
    engine.sync(partial(folder, name))
    partial(folder, name).rename(folder / name)
    engine.sync(folder)
