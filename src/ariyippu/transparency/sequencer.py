"""The sequencer: journal rows become entries of the public log (invariant 7).

`publish` is one turn. The process calls it in a loop, and first of all when it starts: there is no
other recovery. What it commits, in this order, is the whole state:

    1 Entry rows     the place of each journal row; from here on it never changes
    2 tiles          bundles and tiles over every entry, on disk
    3 the witness    has persisted the checkpoint that it cosigned
    4 `checkpoint`   the file: the log is published
    5 cosigned_at    the stages may rely on it: batches of these orders can be leased

A crash between two commits leaves the earlier ones standing. The next turn does them again from the
last published checkpoint with the same result (rows and hashes are deterministic), and goes on. The
witness may know more than the published file does: it then says its size, and is shown a proof from
there. A log or a witness that knows more than the database means that a back-up was restored.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, transaction
from django.db.models import Max

from ariyippu.base import merkle
from ariyippu.base.errors import PermanentError, RefusedError, TransientError
from ariyippu.base.models import Entry, Journal
from ariyippu.transparency import note, tiles, tree
from ariyippu.transparency import witness as witnesses
from ariyippu.transparency.note import Checkpoint, Note, SignatureLine, Signer
from ariyippu.transparency.witness import Reply, Witness

MAX_NEW_ENTRIES = 10_000  # per turn
CHUNK_ENTRIES = 16 * tiles.WIDTH  # in memory at once, at most 65,535 bytes each
_LOCK = 7_364_019_282_551  # an arbitrary number; this module alone takes it


def publish(*, log: Path, witness: Witness, key: Signer, origin: str) -> Checkpoint:
    """Bring the folder `log` up to the journal, by at most MAX_NEW_ENTRIES, and return its checkpoint.

    Outside any transaction. RefusedError: `log.database_behind` (reconcile with the log before anything
    is sent), `log.other_origin`, `log.refused_by_witness`. TransientError while another sequencer works.
    """
    with _alone():
        published = tree.published(log)
        last = _last(published, origin)
        if last.size > _sequenced():
            raise _database_behind(last.size)
        size = _sequence(last.size + MAX_NEW_ENTRIES)  # commit 1
        if published is None or size > last.size or not _is_current(published, witness, key):
            _write_tiles(log, last.size, size)  # commit 2
            published = _cosigned(log, Checkpoint(origin, size, _root(log, size)), last.size, witness, key)  # 3
            tree.write(log / tree.CHECKPOINT, published.encode())  # commit 4
        _acknowledge(published, witness)  # commit 5
    return Checkpoint.parse(published.text)


@contextmanager
def _alone() -> Iterator[None]:
    """One sequencer at a time, in the whole installation: two could publish an older checkpoint last."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            raise TransientError("Another sequencer is at work.")
        try:
            yield
        finally:
            cursor.execute("select pg_advisory_unlock(%s)", [_LOCK])


def _last(published: Note | None, origin: str) -> Checkpoint:
    if published is None:
        return Checkpoint(origin, 0, merkle.EMPTY_ROOT)
    last = Checkpoint.parse(published.text)
    if last.origin != origin:
        raise RefusedError("log.other_origin", "The log's folder holds the log of another origin.")
    return last


def _sequenced() -> int:
    highest = Entry.objects.aggregate(highest=Max("index"))["highest"]
    return 0 if highest is None else int(highest) + 1


def _sequence(max_size: int) -> int:
    """Give journal rows without a place the next ones, in the order of their ids; return the log's size.

    A row whose transaction commits late may get a later place than a row with a higher id.
    """
    with transaction.atomic(durable=True):
        size = _sequenced()
        room = max(0, max_size - size)
        rows = Journal.objects.filter(entry__isnull=True).order_by("pk").values_list("pk", flat=True)[:room]
        created = Entry.objects.bulk_create(Entry(index=size + i, journal_id=pk) for i, pk in enumerate(rows))
    return size + len(created)


def _write_tiles(log: Path, old_size: int, new_size: int) -> None:
    """When this returns, every bundle and tile of a log of `new_size` entries is on disk.

    Those of `old_size` are there already; the ones at its right edge are made anew from the rows.
    """
    first = old_size - old_size % tiles.WIDTH if new_size > old_size else new_size
    for start in range(first, new_size, CHUNK_ENTRIES):
        rows = _entries(start, min(start + CHUNK_ENTRIES, new_size))
        for tile in tiles.grow(start, rows, lambda level, index, width: tree.read(log, level, index, width)):
            tree.write_tile(log, tile)


def _entries(start: int, end: int) -> list[bytes]:
    rows = Entry.objects.filter(index__gte=start, index__lt=end).order_by("index")
    found = list(rows.values_list("index", "journal__body"))
    if [index for index, _ in found] != list(range(start, end)):
        raise RuntimeError("the entries have a gap")
    return [bytes(body) for _, body in found]


def _root(log: Path, size: int) -> bytes:
    return merkle.root(size, tree.lookup(log, size))


def _cosigned(log: Path, head: Checkpoint, old_size: int, witness: Witness, key: Signer) -> Note:
    """The checkpoint, signed by the log and by the witness. When this returns, the witness remembers it."""
    signed = Note(head.text, (key.sign(head.text),))
    reply = _submit(log, signed, old_size, head.size, witness)
    if reply.status == witnesses.CONFLICT:
        known = note.parse_size(reply.body.removesuffix("\n"))
        if known > head.size:
            raise _database_behind(known)
        reply = _submit(log, signed, known, head.size, witness)
    if reply.status != witnesses.OK:
        raise RefusedError(
            "log.refused_by_witness",
            f"The witness {witness.key.name} refused the checkpoint ({reply.status}): "
            "the log would contradict what it published before.",
        )
    lines = tuple(SignatureLine.parse(line) for line in reply.body.removesuffix("\n").split("\n"))
    cosigned = Note(signed.text, (*signed.signatures, *lines))
    if note.cosigned_at_s(cosigned, witness.key) is None:
        raise PermanentError(f"The witness {witness.key.name} answered without its signature.")
    return cosigned


def _submit(log: Path, signed: Note, old_size: int, size: int, witness: Witness) -> Reply:
    proof = merkle.consistency_proof(old_size, size, tree.lookup(log, size))
    return witness.add_checkpoint(old_size, proof, signed.encode())


def _is_current(published: Note, witness: Witness, key: Signer) -> bool:
    """Whether today's keys signed it: after a change of log key or witness it is published again."""
    return note.is_signed(published, key.key) and note.cosigned_at_s(published, witness.key) is not None


def _acknowledge(published: Note, witness: Witness) -> None:
    """Tell the stages what the witnessed checkpoint covers, with the witness's own time."""
    cosigned_at_s = note.cosigned_at_s(published, witness.key)
    if cosigned_at_s is None:
        raise RuntimeError("a checkpoint without its cosignature was published")
    at = dt.datetime.fromtimestamp(cosigned_at_s, dt.UTC)
    covered = Entry.objects.filter(index__lt=Checkpoint.parse(published.text).size, cosigned_at__isnull=True)
    covered.update(cosigned_at=at)


def _database_behind(size: int) -> RefusedError:
    return RefusedError(
        "log.database_behind",
        f"The log has published {size} entries, more than the database knows: an old back-up was "
        "restored. Nothing may be sent until it is reconciled with the log.",
    )
