import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base import merkle
from ariyippu.base.errors import RefusedError
from ariyippu.transparency import note, tree, witness
from ariyippu.transparency.note import Checkpoint, Note, SignatureLine, Signer
from ariyippu.transparency.witness import LocalWitness, Reply, Submission

ORIGIN = "log.ariyippu.example/kerala"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"l" * 32))
LOOKUP = merkle.of_leaves([merkle.leaf_hash(b"%d" % i) for i in range(40)])
FORKED = merkle.of_leaves([merkle.leaf_hash(b"other %d" % i) for i in range(40)])


def signed(size: int, lookup: merkle.Lookup = LOOKUP, signer: Signer = SIGNER, origin: str = ORIGIN) -> bytes:
    text = Checkpoint(origin, size, merkle.root(size, lookup)).text
    return Note(text, (signer.sign(text),)).encode()


def proof(old: int, new: int) -> list[bytes]:
    return merkle.consistency_proof(old, new, LOOKUP)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    witness.create(tmp_path / "witness")
    return tmp_path / "witness"


def opened(folder: Path) -> LocalWitness:
    return LocalWitness(folder, name="witness.ariyippu.example", logs={ORIGIN: SIGNER.key})


def test_it_cosigns_what_continues_what_it_knows(folder: Path) -> None:
    for old, new in ((0, 0), (0, 5), (5, 5), (5, 8), (8, 40)):
        local = opened(folder)  # its memory is on disk
        reply = local.add_checkpoint(old, proof(old, new), signed(new))
        assert reply.status == 200
        whole = Note.parse(signed(new) + reply.body.encode())
        assert note.cosigned_at_s(whole, local.key) is not None


def test_the_statuses_of_the_specification(folder: Path) -> None:
    local = opened(folder)
    assert local.add_checkpoint(0, [], signed(8)).status == 200
    stranger = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"s" * 32))
    text = Checkpoint(ORIGIN, 9, merkle.root(9, LOOKUP)).text
    lying = Note(text, (SignatureLine(ORIGIN, SIGNER.key.key_id, bytes(64)),)).encode()
    for old, hashes, checkpoint, status in (
        (8, proof(8, 9), b"nonsense", 400),
        (8, proof(8, 9), signed(9).replace(b"\n9\n", b"\n09\n"), 400),
        (8, proof(8, 9), signed(9, origin="elsewhere.example"), 404),
        (8, proof(8, 9), signed(9, signer=stranger), 403),
        (8, proof(8, 9), lying, 403),
        (9, [], signed(8), 400),
        (8, [merkle.EMPTY_ROOT] * 64, signed(9), 400),
        (8, [], signed(9), 422),
        (8, proof(7, 9), signed(9), 422),
        (8, proof(8, 9), signed(9, FORKED), 422),
        (8, [merkle.EMPTY_ROOT], signed(8), 422),
    ):
        assert local.add_checkpoint(old, hashes, checkpoint) == Reply(status)
    for old, hashes, checkpoint in (
        (0, [], signed(9)),
        (0, [], signed(9, FORKED)),
        (7, proof(7, 9), signed(9)),
        (9, [], signed(9)),
        (8, [], signed(8, FORKED)),
    ):
        assert local.add_checkpoint(old, hashes, checkpoint) == Reply(409, "8\n")
    assert local.add_checkpoint(8, proof(8, 9), signed(9)).status == 200


def test_it_persists_before_it_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = tree.write

    def fail(path: Path, content: bytes) -> None:
        raise OSError("disk full")

    def fail_after(path: Path, content: bytes) -> None:
        write(path, content)
        raise OSError("the power went")

    for fault, known in ((fail, "0\n"), (fail_after, "5\n")):
        monkeypatch.setattr(tree, "write", fault)
        with pytest.raises(OSError, match=r"disk|power"):
            opened(folder).add_checkpoint(0, [], signed(5))
        monkeypatch.undo()
        assert opened(folder).add_checkpoint(3, proof(3, 5), signed(5)) == Reply(409, known)


def test_racing_requests_never_roll_back(folder: Path) -> None:
    local = opened(folder)
    local.add_checkpoint(0, [], signed(5))
    replies: list[Reply] = []

    def submit(size: int) -> None:
        replies.append(local.add_checkpoint(5, proof(5, size), signed(size)))

    threads = [threading.Thread(target=submit, args=[size]) for size in range(6, 14)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply.status for reply in replies) == [200] + [409] * 7


def test_its_key_is_its_own(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        witness.create(folder)
    (folder / "key").chmod(0o644)
    with pytest.raises(RefusedError, match=r"witness\.key_readable"):
        opened(folder)
    with pytest.raises(RefusedError, match=r"witness\.no_key"):
        opened(tmp_path)


@given(
    old=st.integers(0, note.MAX_SIZE),
    hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=63),
)
def test_submissions_come_back_as_they_went(old: int, hashes: list[bytes]) -> None:
    submission = Submission(old, tuple(hashes), signed(9))
    assert Submission.parse(submission.encode()) == submission


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 5\n",
        b"old 05\n\n" + signed(9),
        b"old  5\n\n" + signed(9),
        b"size 5\n\n" + signed(9),
        b"old 5\nAAAA\n\n" + signed(9),
        b"old 5\n!\n\n" + signed(9),
        "old ٥\n\n".encode() + signed(9),
    ],
)
def test_malformed_submissions_are_refused(body: bytes) -> None:
    with pytest.raises(RefusedError, match=r"note\.malformed"):
        Submission.parse(body)
