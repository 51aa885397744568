"""The command line: what each verb says it does, files in and out, and errors of one line without values."""

import base64
import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from ariyippu import flow
from ariyippu.__main__ import app
from ariyippu.base import install, logs
from ariyippu.base.documents import Envelope, Roots
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.base.models import Journal
from ariyippu.base.signatures import signers
from ariyippu.demo import cast
from ariyippu.grant.documents import UseRequest
from ariyippu.ingest.models import Snapshot
from ariyippu.policy.documents import Confirmation, Stay
from ariyippu.policy.models import Preference
from ariyippu.send.carriers.answers import CANCELLED
from ariyippu.send.models import Batch, Outcome, Recall
from ariyippu.web import officer
from tests.offices import Offices, public
from tests.world import World, build, people

VERBS = {
    (): "lawful by construction",
    ("init",): "PostgreSQL, two databases and roles",
    ("up",): "office and vault",
    ("vault",): "hatch, log, decisions, sending",
    ("office",): "public register",
    ("report",): "Exact counts",
    ("purposes",): "stands at or below",
    ("objection",): "objections",
    ("why",): "in tens",
    ("erasure",): "nothing any more",
    ("preference",): "It stops nothing",
    ("demo",): "delivered",
    ("replay",): "what is sent, what is refused",
    ("bench",): "baselines",
    ("register",): "register",
    ("register", "example"): "invented people",
    ("register", "examples"): "the truth",
    ("register", "check"): "without loading",
    ("register", "load"): "whole or not at all",
    ("register", "quarantine"): "never a value",
    ("register", "undeliverable"): "never a value",
    ("register", "verified"): "whether they are theirs",
    ("register", "crosswalk"): "a person must decide",
    ("notice",): "before it is ordered",
    ("notice", "make"): "exact bytes",
    ("notice", "lint"): "refuses",
    ("notice", "preview"): "invented values",
    ("notice", "test"): "your own mailbox",
    ("notice", "count"): "in tens, or withheld",
    ("document",): "Signed documents",
    ("document", "new-key"): "Ed25519",
    ("document", "wrap"): "schema",
    ("document", "sign"): "signature",
    ("document", "submit"): "hatch",
    ("document", "check"): "public register",
    ("link",): "under a grant",
    ("link", "run"): "whole or not at all",
    ("link", "train"): "features alone",
    ("link", "uncertain"): "neither certain nor settled",
    ("link", "show"): "how much each says",
    ("link", "settle"): "for signing",
    ("order",): "Orders in the vault",
    ("order", "status"): "what stops it",
    ("order", "release"): "stays",
    ("stay",): "order on paper",
    ("stay", "paper"): "second officer",
    ("stay", "confirm"): "not the stay's",
    ("stay", "certificate"): "proofs",
    ("send",): "what nobody knows",
    ("send", "status"): "workers' hands",
    ("send", "pause"): "next message",
    ("send", "drain"): "take no more",
    ("send", "resume"): "remains stopped",
    ("send", "reconcile"): "back-up",
    ("send", "unknown"): "dead worker's hands",
    ("send", "bill"): "row, column and kind",
    ("send", "work"): "another host starts more",
    ("log",): "public log",
    ("log", "keys"): "verifier keys",
    ("log", "verify"): "files alone",
}


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> "Invoke":
    """Verbs within this process, in the test's home; its logging stays as it was."""
    monkeypatch.setattr(logs, "configure", lambda: None)
    for name in ("ARIYIPPU_ZONE", "ARIYIPPU_HOME", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, os.environ[name])  # put back afterwards
    return Invoke()


class Invoke:
    """One call of the command line; `said` is what a person reads."""

    def __call__(self, *arguments: object) -> str:
        result = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, [str(a) for a in arguments])
        if isinstance(result.exception, RefusedError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output


def ariyippu(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ariyippu", *(str(a) for a in arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


# --- help --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "says"), VERBS.items())
def test_help_says_what_a_verb_does(invoke: Invoke, verb: tuple[str, ...], says: str) -> None:
    assert says in " ".join(invoke(*verb, "--help").split())


def test_every_verb_has_its_help() -> None:
    def walk(command: Any, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        assert command.help, at
        yield at
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, (*at, name))

    assert set(walk(typer.main.get_command(app), ())) == set(VERBS)


# --- registers ---------------------------------------------------------------------------------------


def test_an_example_is_checked_and_loaded(invoke: Invoke, clean_vault: None, tmp_path: Path) -> None:
    file = tmp_path / "spark.csv"
    assert "300 rows" in invoke("register", "example", "spark", "--out", file, "--rows", 300, "--bad-share", 0.2)
    said = invoke("register", "check", "spark", file)
    assert "for the quarantine" in said
    assert "not_an_email" in said
    assert not Snapshot.objects.exists()
    loaded = json.loads(invoke("register", "load", "spark", file, "--json").splitlines()[-1])
    assert loaded["rows"] + loaded["quarantined"] == 300
    assert f"{loaded['rows']} rows, {loaded['quarantined']} for the quarantine." in said
    assert "loaded before" in invoke("register", "load", "spark", file)
    listed = invoke("register", "quarantine", loaded["snapshot"]).splitlines()
    assert listed[0] == "row,column,reason"
    assert len(listed) == 1 + loaded["quarantined"]
    assert Snapshot.objects.get().pk == loaded["snapshot"]


def test_a_check_shows_places_and_no_value(invoke: Invoke, tmp_path: Path) -> None:
    file = tmp_path / "spark.csv"
    invoke("register", "example", "spark", "--out", file, "--rows", 200, "--bad-share", 1)
    said = invoke("register", "check", "spark", file)
    for value in ("somebody(at)", "0471-555", "12A456", "MALABAR", "453OO"):
        assert value in file.read_text(errors="replace")
        assert value not in said


def test_the_same_seed_writes_the_same_file(invoke: Invoke, tmp_path: Path) -> None:
    for name in ("one", "two"):
        invoke("register", "example", "spark", "--out", tmp_path / name, "--rows", 50, "--seed", 7)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_two_lists_of_places_are_joined(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "ours.csv").write_text("code,name\nM1,Vadakara\nM2,Nowhere\n")
    (tmp_path / "theirs.csv").write_text("code,name,name_ml\n7,Vatakara,വടകര\n", "utf-8")
    said = invoke("register", "crosswalk", str(tmp_path / "ours.csv"), str(tmp_path / "theirs.csv"))
    assert said.splitlines()[-3:] == ["code,how,others", "M1,spelt,7", "M2,unmatched,"]


def test_the_five_registers_come_with_their_truth_apart(invoke: Invoke, tmp_path: Path) -> None:
    invoke("register", "examples", "--people", 500, "--seed", 3, "--out", tmp_path / "kerala", "--bad-share", 0)
    files = {file.stem: file.read_text().splitlines() for file in (tmp_path / "kerala").iterdir()}
    truth = files.pop("truth")
    assert set(files) == {"spark", "prism", "ksmart-business", "ksmart-property", "relis"}
    assert len(truth) - 1 == sum(len(lines) - 1 for lines in files.values())


def test_objections_are_kept_as_tokens(invoke: Invoke, clean_vault: None, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("100001\n100002\n")
    written = ["objection", "spark", keys, "--purpose", "ariyippu:da-arrears"]
    assert "2 new" in invoke(*written)
    assert "0 new" in invoke(*written)
    assert "2 new" in invoke("erasure", "spark", keys)
    assert "0 new" in invoke("erasure", "spark", keys)


def test_preferences_are_kept_as_tokens(invoke: Invoke, clean_vault: None, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("100001\n100002\n100002\n")
    assert "2 new" in invoke("preference", "spark", keys, "--channel", "sms")
    assert "0 new" in invoke("preference", "spark", keys, "--channel", "sms")
    assert "2 new" in invoke("preference", "spark", keys, "--channel", "inbox")
    assert "2 preferences forgotten" in invoke("preference", "spark", keys, "--channel", "any")
    assert not Preference.objects.exists()


# --- documents ---------------------------------------------------------------------------------------


def test_a_document_is_wrapped_and_signed_by_one_after_the_other(invoke: Invoke, tmp_path: Path) -> None:
    offices = Offices()
    file, envelope = tmp_path / "request.json", tmp_path / "envelope.json"
    request = _request()
    file.write_text(request.model_dump_json(indent=2))
    for name in ("requester", "owner"):
        said = invoke("document", "new-key", tmp_path / f"{name}.pem").strip()
        assert len(base64.b64decode(said)) == 32
        offices.keys[name] = officer.read_key(tmp_path / f"{name}.pem")
        assert public(offices.keys[name]) == said
        assert (tmp_path / f"{name}.pem").stat().st_mode & 0o777 == 0o600
    invoke("document", "wrap", "use-request", file, envelope)
    for name in ("requester", "owner"):
        invoke("document", "sign", envelope, "--key", tmp_path / f"{name}.pem")
    signed = Envelope.parse(envelope.read_bytes())
    assert signed.open(UseRequest) == request
    found = signers(signed, offices.trust(), request.valid_from)
    assert [key.person for key in found] == ["requester", "owner"]


def _request() -> UseRequest:
    return cast.use_request("pay-section", "ariyippu:da-arrears", "a-request")


def test_who_signs_is_shown_what_they_sign(tmp_path: Path, invoke: Invoke) -> None:
    envelope = tmp_path / "envelope.json"
    envelope.write_text(Envelope.of(_request()).model_dump_json())
    invoke("document", "new-key", tmp_path / "key.pem")
    done = ariyippu("document", "sign", envelope, "--key", tmp_path / "key.pem")
    assert done.returncode == 0
    assert json.loads(done.stderr) == Envelope.parse(envelope.read_bytes()).open(UseRequest).model_dump(mode="json")


def test_nothing_unreadable_is_signed(tmp_path: Path, invoke: Invoke) -> None:
    envelope = tmp_path / "envelope.json"
    invoke("document", "new-key", tmp_path / "key.pem")
    for content in (b"\xff", b"{}", b"not JSON"):
        broken = Envelope.of(_request()).model_copy(update={"payload": base64.b64encode(content).decode()})
        envelope.write_text(broken.model_dump_json())
        with pytest.raises(RefusedError, match=r"document\.invalid"):
            invoke("document", "sign", envelope, "--key", tmp_path / "key.pem")
    envelope.write_text(Envelope(payloadType="text/plain", payload="").model_dump_json())
    with pytest.raises(RefusedError, match=r"document\.wrong_kind"):
        invoke("document", "sign", envelope, "--key", tmp_path / "key.pem")
    assert Envelope.parse(envelope.read_bytes()).signatures == ()


def test_a_key_that_others_can_read_is_refused(tmp_path: Path, invoke: Invoke) -> None:
    key = tmp_path / "key.pem"
    invoke("document", "new-key", key)
    key.chmod(0o640)
    with pytest.raises(RefusedError, match=r"key\.readable"):
        officer.read_key(key)
    key.write_text("no key")
    key.chmod(0o600)
    with pytest.raises(RefusedError, match=r"key\.invalid"):
        officer.read_key(key)


# --- the log and orders ------------------------------------------------------------------------------


@pytest.fixture
def world(clean_vault: None, tmp_path: Path) -> World:
    return build(tmp_path, people(3))


def on(world: World, home: Home) -> dict[str, str]:
    return {install.zone_variable("vault"): home.database_url_file("vault").read_text()}


def test_the_log_is_verified_from_files_alone(world: World, home: Home, tmp_path: Path) -> None:
    world.sending()
    flow.publish(world.vault)
    keys = json.loads(ariyippu("log", "keys", "--home", world.home.path, **on(world, home)).stdout)
    roots = tmp_path / "pinned.json"
    roots.write_text(world.offices.roots.model_dump_json())
    arguments = ["log", "verify", world.home.log, "--log-key", keys["log"], "--witness-key", keys["witness"]]
    good = ariyippu(*arguments, "--roots", roots, ARIYIPPU_HOME="/nowhere")
    assert (good.returncode, good.stderr) == (0, f"{Journal.objects.count()} entries: verified.\n")
    for bundle in (world.home.log / "tile" / "entries").rglob("*.p/*"):
        bundle.write_bytes(bundle.read_bytes().replace(b"da-arrears", b"da-arrearz"))
    bad = ariyippu(*arguments, "--roots", roots)
    assert bad.returncode == 1
    assert "NOT verified." in bad.stderr
    roots.write_text(Offices().roots.model_dump_json())
    assert ariyippu(*arguments, "--roots", roots).returncode == 1


def test_an_order_s_state_and_its_release(world: World, home: Home) -> None:
    row = world.order()
    stay = world.stay()
    status = ariyippu("order", "status", "--home", world.home.path, **on(world, home))
    assert status.stderr == f"{row.order_id}: accepted, stayed for email, sms\n"
    refused = ariyippu("order", "release", row.order_id, "--home", world.home.path, **on(world, home))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "[order.stayed]" in refused.stderr
    world.lift(stay)
    done = ariyippu("order", "release", row.order_id, "--home", world.home.path, **on(world, home))
    assert (done.returncode, done.stderr) == (0, f"{row.order_id} goes on.\n")


def test_what_a_stay_calls_back_is_shown(world: World, home: Home) -> None:
    world.sending()
    batch = Batch.objects.get()
    for position, code in enumerate((CANCELLED, None)):
        values = {"batch": batch, "position": position}
        Outcome.objects.create(**values, outcome=Outcome.ACCEPTED, code="ESME_ROK", provider_id=str(position))
        asked = {"provider_id": str(position), "has_receipt": True, "stay": "5" * 64, "number": 0}
        Recall.objects.create(**values, **asked, code=code)
    status = ariyippu("send", "status", "--home", world.home.path, **on(world, home))
    assert "1 called back by a stay: their carriers have not answered yet\n" in status.stderr
    why = ariyippu("why", "da-arrears-granted", "--home", world.home.path, **on(world, home))
    assert "      < 10  recalled: a stay came before the message had arrived\n" in why.stderr


def test_a_bill_is_compared_and_its_alarms_are_a_status(world: World, home: Home, tmp_path: Path) -> None:
    settings = world.home.path / "settings.toml"
    settings.write_text(settings.read_text() + '[carriers.sms.bill]\nid = "Id"\nsent_on = "Day"\n')
    bill = tmp_path / "bill.csv"
    asked = ("send", "bill", bill, "--carrier", "sms", "--from", "2026-11-01", "--to", "2026-11-30")
    bill.write_text("Id,Day\n")
    good = ariyippu(*asked, "--home", world.home.path, **on(world, home))
    assert (good.returncode, good.stdout) == (0, "row,column,difference\n")
    bill.write_text("Id,Day\nF00D,2026-11-02\n")
    bad = ariyippu(*asked, "--home", world.home.path, **on(world, home))
    assert (bad.returncode, bad.stdout) == (1, "row,column,difference\n2,Id,never_sent\n")
    assert "1 lines, 0 rupees; 0 messages left, 0 are unknown." in bad.stderr
    bill.write_text("Id,Day\nF00D,yesterday\n")
    refused = ariyippu(*asked, "--home", world.home.path, **on(world, home))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "Row 2, column 'Day': not a date" in refused.stderr


# --- stays -------------------------------------------------------------------------------------------


def test_an_order_on_paper_from_its_scan_to_the_certificate(
    world: World, home: Home, tmp_path: Path, invoke: Invoke
) -> None:
    scan, envelope, confirmed = (tmp_path / name for name in ("scan.pdf", "stay.json", "confirmed.json"))
    scan.write_bytes(b"%PDF an invented order")
    row = world.order()
    told = ("--id", "by-paper", "--office", "data-centre", "--reference", "WP 7", "--title", "Order in WP 7")
    invoke("stay", "paper", scan, envelope, *told, "--scope", '{"register": "spark"}', "--until", "2031-01-01")
    stay = Envelope.parse(envelope.read_bytes()).open(Stay)
    assert stay.ends_at == dt.datetime(2030, 12, 31, 18, 30, tzinfo=dt.UTC)  # midnight in India
    world.submit(stay, ["custodian"])
    invoke("stay", "confirm", envelope, scan, confirmed)
    world.submit(Envelope.parse(confirmed.read_bytes()).open(Confirmation), ["owner"])
    flow.turn(world.vault)
    flow.publish(world.vault)
    arguments = ("stay", "certificate", "by-paper", "--home", world.home.path)
    text = ariyippu(*arguments, "--language", "en", **on(world, home)).stdout
    assert f"Order {row.order_id}: stopped before anyone was decided about; nothing had left." in text
    assert hashlib.sha256(scan.read_bytes()).hexdigest() in text


def test_a_scan_that_is_another_one_is_not_confirmed(tmp_path: Path, invoke: Invoke) -> None:
    scan, envelope = tmp_path / "scan.pdf", tmp_path / "stay.json"
    scan.write_bytes(b"one")
    told = ("--id", "by-paper", "--office", "data-centre", "--reference", "WP 7", "--title", "Order")
    invoke("stay", "paper", scan, envelope, *told, "--scope", "{}")
    scan.write_bytes(b"another")
    with pytest.raises(RefusedError, match=r"confirmation\.other_paper"):
        invoke("stay", "confirm", envelope, scan, tmp_path / "confirmed.json")
    for scope in ("everything", '{"register": 5}', '{"regester": "spark"}'):
        with pytest.raises(RefusedError, match=r"document\.invalid"):
            invoke("stay", "paper", scan, envelope, *told, "--scope", scope)


# --- errors ------------------------------------------------------------------------------------------

SECRET = "value-x"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files that are not what they should be."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "there.pem").write_text(SECRET)
    (folder / "there.pem").chmod(0o600)
    (folder / "broken.json").write_text(json.dumps({"threshold": SECRET, "payloadType": SECRET, "id": SECRET}))
    (folder / "roots.json").write_text(Roots(threshold=1, keys=(Offices().roots.keys[0],)).model_dump_json())
    (folder / "home").mkdir()
    (folder / "bad-home").mkdir()
    (folder / "bad-home" / "settings.toml").write_text(f"workerz = '{SECRET}'\n")
    return folder


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("document new-key there.pem", "there.pem: File exists."),
        ("document sign missing.json --key there.pem", "missing.json: No such file"),
        ("document sign broken.json --key there.pem", "[envelope.invalid]"),
        ("document wrap order broken.json out.json", "[document.invalid]"),
        ("document wrap pigeon broken.json out.json", "[document.wrong_kind]"),
        ("document submit broken.json --home home", "[home.not_installed]"),
        ("order status --home home", "[home.not_installed]"),
        ("order status --home bad-home", "[home.not_installed]"),
        ("vault --home home", "[home.not_installed]"),
        ("register check spark missing.csv --home home", "missing.csv"),
        ("register check nothing missing.csv --home home", "nothing"),
        ("register check spark broken.json --home bad-home", "workerz"),
        ("register example nothing --out out.csv", "[contract.no_example]"),
        ("log verify . --log-key x --witness-key y", "[note.invalid_key]"),
        ("log verify . --log-key x --witness-key y --roots broken.json", "[roots.invalid]"),
    ],
)
def test_an_error_is_one_line_without_values(desk: Path, arguments: str, says: str) -> None:
    without = {name: value for name, value in os.environ.items() if not name.startswith("ARIYIPPU_")}
    done = subprocess.run(
        [sys.executable, "-m", "ariyippu", *arguments.split()],
        cwd=desk,
        env=without,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert SECRET not in done.stderr
    assert not list(desk.glob("out.*"))


def test_a_bug_is_one_line_of_places_without_values() -> None:
    broken = f"from ariyippu import __main__ as cli\ncli.app = lambda: int('{SECRET}')\ncli.main()"
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["exception"][0] == "ValueError"
    assert SECRET not in done.stderr
