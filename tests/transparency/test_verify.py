import datetime as dt
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ariyippu.base import journal, merkle
from ariyippu.base.clock import rfc3339
from ariyippu.base.documents import Envelope, sign
from ariyippu.base.errors import RefusedError
from ariyippu.grant.documents import Refusal
from ariyippu.transparency import entries, note, reader, tree, verify
from ariyippu.transparency.note import Note
from tests.transparency import logs
from tests.transparency.logs import STORY, body, entry, order, standing, trigger

KEYS = {"log_key": str(logs.LOG.key), "witness_key": str(logs.WITNESS.key)}


def report(log: Path) -> verify.Report:
    return verify.verify(log, log_key=KEYS["log_key"], witness_keys=[KEYS["witness_key"]], roots=logs.ROOTS)


def problems(tmp_path: Path, story: list[bytes]) -> tuple[str, ...]:
    logs.write_log(tmp_path, story, sizes=[len(story)])
    return report(tmp_path).problems


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with partial tiles of two sizes and, in its first 256 entries, full ones."""
    log = tmp_path_factory.mktemp("log")
    story = [*STORY, *([STORY[2]] * (260 - len(STORY)))]
    logs.write_log(log, story, sizes=[3, 256, 258, 260])
    return log


def test_a_sound_log_is_verified(small: Path) -> None:
    found = report(small)
    assert found.problems == ()
    assert found.size == 260
    assert found.root == tree.checkpoint(small).root.hex()
    assert sum(found.kinds.values()) == 260
    assert found.kinds["order"] == 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.randoms(use_true_random=False))
def test_any_flipped_bit_in_any_file_is_found(small: Path, choice: "typing.Any") -> None:
    file = choice.choice(sorted(path for path in small.rglob("*") if path.is_file()))
    whole = file.read_bytes()
    place, bit = choice.randrange(len(whole)), choice.randrange(8)
    changed = bytearray(whole)
    changed[place] ^= 1 << bit
    try:
        file.write_bytes(bytes(changed))
        assert report(small).problems
        file.write_bytes(whole[:place])
        assert report(small).problems
        file.write_bytes(whole + b"\n")
        assert report(small).problems
    finally:
        file.write_bytes(whole)


def test_a_missing_file_is_found(small: Path) -> None:
    needed = [path for path in small.rglob("*") if path.is_file() and path.name != "2"]  # of an older checkpoint
    assert len(needed) == 6
    for file in needed:
        hidden = file.rename(file.with_name(".hidden"))
        assert report(small).problems, file
        hidden.rename(file)
    assert report(small).problems == ()


def test_a_log_that_has_grown_since_its_checkpoint_is_verified(tmp_path: Path) -> None:
    logs.write_log(tmp_path, STORY, sizes=[4])
    older = (tmp_path / "checkpoint").read_bytes()
    logs.write_log(tmp_path, STORY + [STORY[2]] * (260 - len(STORY)), sizes=[4, 260])
    (tmp_path / "checkpoint").write_bytes(older)
    found = report(tmp_path)
    assert (found.size, found.problems) == (4, ())


def test_the_keys_must_be_the_logs_and_a_witnesss(small: Path) -> None:
    other = note.Signer(logs.ORIGIN, logs.STRANGER)
    stranger = note.Cosigner("witness.ariyippu.example", logs.STRANGER)
    log_key, witness_key = KEYS.values()
    assert verify.verify(small, log_key=str(other.key), witness_keys=[witness_key]).problems
    assert verify.verify(small, log_key=log_key, witness_keys=[str(stranger.key)]).problems
    assert verify.verify(small, log_key=log_key, witness_keys=[]).problems
    assert not verify.verify(small, log_key=log_key, witness_keys=[str(stranger.key), witness_key]).problems
    with pytest.raises(RefusedError, match=r"note\.invalid_key"):
        verify.verify(small, log_key=witness_key.upper(), witness_keys=[witness_key])
    assert verify.verify(small / "nowhere", log_key=log_key, witness_keys=[witness_key]).problems


SECOND = dt.timedelta(seconds=1)
TRUST, REQUEST, SNAPSHOT, ORDER, AUDIENCE, STAY, AMENDMENT, LIFT, PAPER_STAY, CONFIRMATION, *_REST = STORY
RELEASE, HANDED_OFF, REFUSAL, LINKING, LINKED, COUNTED, STOPPED, REFUSED, STANDING, TRIGGER, *_REST = _REST
WITHDRAWAL, RECALLED = _REST


EXPIRED = entry("expired", logs.UNDER_ORDER, logs.LATER)


def counted(**changes: object) -> bytes:
    return entry("counted", {"questions": [{**logs.COUNT, **changes}]})


GRANTED = [TRUST, REQUEST]
LENDER = {"register": "prism", "snapshot": "prism-1", "contract": logs.CONTRACT}
WIDE = entry("use-request", body(logs.WIDE, granted_until=rfc3339(logs.LATER)))


ROOTS = entry("roots", body(logs.NEXT_ROOTS, logs.ROOT_KEY, logs.NEXT_ROOT))
NEXT_TRUST = entry("trust", body(logs.trust(2), logs.NEXT_ROOT))
REVOKING = entry("trust", body(logs.revoking(), logs.ROOT_KEY))


def test_new_root_keys_are_followed_from_the_pinned_ones(tmp_path: Path) -> None:
    assert problems(tmp_path / "a", [TRUST, ROOTS, NEXT_TRUST, STAY]) == ()
    logs.write_log(tmp_path / "b", [ROOTS, NEXT_TRUST], sizes=[2])
    assert not verify.verify(tmp_path / "b", log_key=KEYS["log_key"], witness_keys=[KEYS["witness_key"]]).problems


def refused(asked: Envelope) -> Refusal:
    return logs.REQUEST_REFUSED.model_copy(update={"request": asked})


def lent(at: dt.datetime = logs.DAY, **changes: object) -> bytes:
    """An order that borrows contacts of another register."""
    borrowing = order(**{"use_request": logs.WIDE.digest(), "contacts_of": [LENDER], **changes})
    return entry("order", body(borrowing, notice=logs.NOTICE), at)


def ordered_standing(*keys: Ed25519PrivateKey, **changes: object) -> bytes:
    return entry("standing-order", body(standing(**changes), *keys, notice=logs.NOTICE))


BORROWING = lent()
ENDING = entry("use-request", body(logs.LINKING, granted_until=rfc3339(logs.NEXT)))
LINKED_BOTH = entry("linked", {**logs.LINKED, "snapshots": {"spark": "spark-1", "prism": "prism-1"}})


def test_an_order_that_borrows_rests_on_a_run_of_its_registers(tmp_path: Path) -> None:
    assert problems(tmp_path, [TRUST, WIDE, LINKING, LINKED_BOTH, BORROWING]) == ()


@pytest.mark.parametrize(
    ("story", "message"),
    [
        ([REQUEST], "No trust document"),
        ([entry("trust", body(logs.trust(), logs.STRANGER))], "not a root key"),
        ([entry("trust", logs.unsigned(logs.trust()))], "needs 1 root"),
        ([TRUST, TRUST], "Version 1 is in force"),
        ([entry("roots", body(logs.NEXT_ROOTS, logs.NEXT_ROOT))], "signatures of the old"),
        ([entry("roots", body(logs.NEXT_ROOTS, logs.ROOT_KEY))], "signatures of the old"),
        ([entry("roots", body(logs.NEXT_ROOTS, logs.STRANGER))], "not a root key"),
        ([ROOTS, ROOTS], "next version of the root keys is 3"),
        ([ROOTS, TRUST], "not a root key"),
        ([TRUST, ROOTS, STAY], "No trust document"),
        ([TRUST, ROOTS, NEXT_TRUST, TRUST], "not a root key"),
        ([REVOKING, entry("trust", body(logs.trust(2), logs.ROOT_KEY))], "was revoked"),
        ([REVOKING, entry("stay", body(logs.STAY, logs.COURT))], "is revoked"),
        (
            [TRUST, entry("trust", body(logs.trust(2, logs.STRANGER), logs.ROOT_KEY)), entry("stay", body(logs.STAY))],
            "outside the trust",
        ),
        ([TRUST, entry("stay", logs.unsigned(logs.STAY))], "Nobody signed"),
        ([TRUST, entry("stay", body(logs.STAY, logs.STRANGER))], "outside the trust"),
        ([TRUST, entry("stay", body(logs.STAY, logs.COURT), logs.LATER)], "not in force"),
        ([TRUST, entry("stay", body(logs.STAY, logs.COURT), logs.DAY - SECOND)], "not in force"),
        ([TRUST, entry("stay", body(logs.REQUEST))], "Expected application"),
        ([TRUST, entry("stay", {})], "envelope: Field required"),
        ([TRUST, ORDER], "not granted before"),
        ([TRUST, entry("use-request", body(logs.REQUEST, granted_until=None)), ORDER], "not granted before"),
        ([TRUST, entry("use-request", body(logs.REQUEST, granted_until=rfc3339(logs.DAY))), ORDER], "had ended"),
        ([TRUST, ORDER, REQUEST], "not granted before"),
        ([*GRANTED, entry("order", body(order(), notice={"id": "other"}))], "not the one that the order names"),
        ([*GRANTED, entry("order", body(order(register="prism"), notice=logs.NOTICE))], "not granted."),
        ([*GRANTED, entry("order", body(order(), logs.OFFICER, notice=logs.NOTICE))], "must be signed by"),
        ([TRUST, entry("use-request", body(logs.REQUEST, logs.OWNER, granted_until=None))], "must be signed by"),
        ([*GRANTED, entry("order", body(order(purpose="dpv:PublicRelations"), notice=logs.NOTICE))], "another purpose"),
        ([*GRANTED, entry("order", body(order(), logs.STRANGER, notice=logs.NOTICE))], "outside the trust"),
        ([TRUST, COUNTED, REQUEST], "count names a use request that was not granted"),
        ([*GRANTED, counted(office="publicity")], "does not cover"),
        ([*GRANTED, counted(register="prism")], "does not cover"),
        ([*GRANTED, entry("counted", {"questions": [{"office": 5}]})], "questions.0.office: Input should be"),
        ([TRUST, LINKED, LINKING], "linking run names a use request that was not granted"),
        ([*GRANTED, entry("linked", {**logs.LINKED, "grant": logs.REQUEST.digest()})], "for something else"),
        ([TRUST, LINKING, entry("linked", logs.LINKED, logs.LATER)], "had ended before the linking run"),
        ([TRUST, LINKING, entry("linked", {**logs.LINKED, "snapshots": {"relis": "r"}})], "not granted."),
        ([*GRANTED, entry("linked", {"grant": REQUEST.decode()})], "run: Field required"),
        ([TRUST, WIDE, BORROWING], "not linked"),
        ([TRUST, WIDE, LINKING, LINKED, BORROWING], "not linked"),  # the run is of one register alone
        ([TRUST, WIDE, LINKING, LINKED_BOTH, LINKED, BORROWING], "not linked"),  # a newer run counts
        ([TRUST, REQUEST, LINKING, LINKED_BOTH, lent(use_request=logs.REQUEST.digest())], "not granted."),
        ([TRUST, WIDE, LINKING, LINKED_BOTH, lent(contacts_of=[{**LENDER, "contract": "1" * 64}])], "contract"),
        ([TRUST, WIDE, ENDING, LINKED_BOTH, lent(at=logs.NEXT)], "had ended before the order that borrows"),
        ([*GRANTED, ORDER, entry("audience", {**logs.UNDER_ORDER, "run": "persons-1"})], "linking run that was not"),
        ([TRUST, STANDING], "not granted before"),
        ([*GRANTED, WITHDRAWAL, STANDING], "had ended"),
        ([*GRANTED, ordered_standing(logs.OFFICER)], "must be signed by"),
        ([*GRANTED, ordered_standing(register="prism")], "not granted."),
        ([*GRANTED, ordered_standing(contract="1" * 64)], "contract"),
        ([*GRANTED, ordered_standing(purpose="dpv:PublicRelations")], "another purpose"),
        ([*GRANTED, ordered_standing(notice="1" * 64)], "not the one that the order names"),
        ([*GRANTED, TRIGGER, STANDING], "standing order was not logged before"),
        ([*GRANTED, STANDING, trigger(snapshot="spark-3", max_messages=101)], "not what its standing order comes to"),
        ([*GRANTED, STANDING, trigger(not_after=rfc3339(logs.LATER))], "not what its standing order comes to"),
        ([*GRANTED, STANDING, trigger(at=logs.DAY - SECOND)], "not what its standing order comes to"),
        ([*GRANTED, STANDING, entry("trigger", {"trigger": {"id": "standing-1-t1"}})], "Field required"),
        ([*GRANTED, AUDIENCE, ORDER], "audience names an order"),
        ([*GRANTED, RELEASE, ORDER], "release names an order"),
        ([*GRANTED, HANDED_OFF], "handed-off names an order"),
        ([*GRANTED, EXPIRED], "expired names an order"),
        ([*GRANTED, ORDER, AUDIENCE, EXPIRED], "people had been decided about"),
        ([*GRANTED, ORDER, entry("expired", logs.UNDER_ORDER, logs.LATER - SECOND)], "time had not ended"),
        ([*GRANTED, ORDER, EXPIRED, AUDIENCE], "whose time had ended"),
        ([*GRANTED, entry("audience", {"order": 5})], "order: Input should be"),
        ([TRUST, entry("stay", body(logs.STAY))], "signed by a court liaison"),
        ([TRUST, entry("stay", body(logs.STAY, logs.CUSTODIAN))], "signed by a court liaison"),
        ([TRUST, LIFT], "not placed before"),
        ([TRUST, STAY, entry("lift", body(logs.LIFT, logs.COURT))], "must be signed by"),
        ([TRUST, STAY, entry("lift", body(logs.LIFT, logs.OWNER))], "that placed the stay must"),
        ([TRUST, AMENDMENT], "not placed before"),
        ([TRUST, STAY, entry("amendment", body(logs.amendment(), logs.COURT))], "must be signed by"),
        ([TRUST, STAY, entry("amendment", body(logs.amendment(), logs.OWNER))], "that placed the stay must"),
        ([TRUST, STAY, AMENDMENT, AMENDMENT], "next amendment was 2"),
        ([TRUST, STAY, LIFT, AMENDMENT], "had ended"),
        ([TRUST, CONFIRMATION], "not placed before"),
        ([TRUST, STOPPED], "not placed before"),
        ([TRUST, STAY, STOPPED], "terms that the stay did not have"),
        ([TRUST, RECALLED], "recalled names a stay that was not placed before"),
        ([TRUST, STAY, AMENDMENT, RECALLED], "recalled names an order that was not logged"),
        ([TRUST, STAY, AMENDMENT, STOPPED], "an order that was not logged"),
        ([TRUST, entry("request-refused", body(logs.REQUEST_REFUSED, logs.OFFICER))], "register's owner or"),
        (
            [TRUST, entry("request-refused", body(refused(Envelope.of(logs.REQUEST)), logs.OWNER))],
            "did not sign the use request",
        ),
        (
            [
                *GRANTED,
                entry("request-refused", body(refused(sign(Envelope.of(logs.REQUEST), logs.OFFICER)), logs.OWNER)),
            ],
            "had been granted before",
        ),
        (
            [
                TRUST,
                entry("request-refused", body(refused(sign(Envelope.of(logs.REQUEST), logs.OFFICER)), logs.OWNER)),
                REQUEST,
            ],
            "had refused",
        ),
        ([TRUST, WITHDRAWAL], "not granted before"),
        ([*GRANTED, entry("withdrawal", body(logs.WITHDRAWAL, logs.OWNER))], "Only the office that asked"),
        ([*GRANTED, WITHDRAWAL, ORDER], "had ended"),
        ([TRUST, PAPER_STAY, entry("confirmation", body(logs.CONFIRMATION, logs.CUSTODIAN))], "Another officer"),
        ([b"{}"], "version 1"),
        ([b""], "not JSON"),
        ([b"[" * 60_000], "not JSON"),
        ([SNAPSHOT + b" "], "not canonical"),
        ([SNAPSHOT.replace(b'"rows":100', b'"rows":NaN')], "not JSON"),
        ([SNAPSHOT.replace(b'"rows":100', b'"rows":1,"rows":100')], "not canonical"),
        ([SNAPSHOT.replace(b'"v":1', b'"v":2')], "version 1"),
        ([SNAPSHOT.replace(b'"v":1', b'"v":true')], "version 1"),
        ([SNAPSHOT.replace(b'"snapshot","v"', b'"gossip","v"')], "unknown"),
        ([SNAPSHOT.replace(b'"kind":"snapshot"', b'"kind":["snapshot"]')], "unknown"),
        ([SNAPSHOT.replace(b"09:30:00Z", b"09:30:00+00:00")], "UTC"),
        ([SNAPSHOT.replace(b"2026-02-24", b"2026-02-31")], "RFC 3339"),
    ],
)
def test_what_the_entries_may_not_say(tmp_path: Path, story: list[bytes], message: str) -> None:
    found = problems(tmp_path, story)
    assert len(found) in (1, 2)
    assert message in found[0]
    assert found[0].startswith("entry ")


@pytest.mark.parametrize("ending", [EXPIRED, HANDED_OFF], ids=["expired", "as older logs say it"])
def test_an_order_may_end_before_anybody_is_decided_about(tmp_path: Path, ending: bytes) -> None:
    assert problems(tmp_path, [*GRANTED, ORDER, ending]) == ()


def test_without_roots_the_trust_is_taken_as_logged(tmp_path: Path) -> None:
    logs.write_log(tmp_path, [entry("trust", body(logs.trust(), logs.STRANGER))], sizes=[1])
    assert not verify.verify(tmp_path, log_key=KEYS["log_key"], witness_keys=[KEYS["witness_key"]]).problems


def test_the_kinds_are_the_journals() -> None:
    assert set(typing.get_args(journal.Kind)) == entries.KINDS


def test_the_command_runs_without_django(small: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from ariyippu.transparency import verify; code = verify.main();"
        "assert not any(name.split('.')[0] in ('django', 'duckdb', 'psycopg') for name in sys.modules); sys.exit(code)"
    )
    given = [str(small), "--log-key", KEYS["log_key"], "--witness-key", KEYS["witness_key"]]
    done = subprocess.run([sys.executable, "-c", program, *given], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "260 entries" in done.stdout
    assert "give --roots" in done.stdout


def test_the_commands_answers(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = tmp_path / "roots.json"
    roots.write_text(logs.ROOTS.model_dump_json())
    keys = ["--log-key", KEYS["log_key"], "--witness-key", KEYS["witness_key"], "--roots", str(roots)]
    assert verify.main([str(small), *keys]) == 0
    assert "\nverified\n" in capsys.readouterr().out
    assert verify.main([str(tmp_path), *keys]) == 1
    assert "PROBLEM The log has no checkpoint." in capsys.readouterr().out
    with pytest.raises(SystemExit):
        verify.main([str(small), "--log-key", "x", "--witness-key", KEYS["witness_key"]])


def test_the_reader_gives_every_entry_and_its_proof(small: Path) -> None:
    public = reader.read(small)
    assert [found.index for found in public.entries] == list(range(260))
    assert [found.kind for found in public.entries[:3]] == ["trust", "use-request", "snapshot"]
    assert public.entries[4].body["order"] == order().digest()
    assert public.entries[0].at == logs.DAY
    for index in (0, 9, 255, 256, 259):
        found = reader.prove(small, index)
        leaf = merkle.leaf_hash(found.entry)
        assert merkle.verify_inclusion(leaf, index, 260, found.proof, public.checkpoint.root)
    with pytest.raises(RefusedError, match=r"log\.not_covered"):
        reader.prove(small, 260)
    with pytest.raises(RefusedError, match=r"log\.not_published"):
        reader.read(small / "nowhere")


def test_the_checkpoint_is_one_that_others_read(small: Path) -> None:
    text = (small / "checkpoint").read_text("utf-8")
    assert text.startswith(f"{logs.ORIGIN}\n260\n")
    assert len(Note.parse(text.encode()).signatures) == 2
