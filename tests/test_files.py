"""Every verb that reads a file, given one that is not what it should be: one clear line, status 2, nothing written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ariyippu import __main__ as cli
from ariyippu.base import install, logs
from ariyippu.base.documents import Envelope
from ariyippu.base.home import Home, Settings
from ariyippu.base.models import Journal
from ariyippu.policy.models import Objection, Preference
from ariyippu.transparency.note import Signer
from ariyippu.web import officer
from tests.offices import Offices

SECRET = "value-x"
_KEY = str(Signer("log.example", Ed25519PrivateKey.from_private_bytes(bytes(32))).key)
BROKEN = ("binary", "empty", "missing", "folder")

# FILE is the broken one; the other names are sound files of the desk.
VERBS = [
    "objection spark FILE --purpose ariyippu:da-arrears",
    "objection FILE keys.txt --purpose ariyippu:da-arrears",
    "erasure spark FILE",
    "preference spark FILE --channel sms",
    "register verified spark FILE",
    "register check spark FILE",
    "register check FILE keys.txt",
    "register load spark FILE",
    "register crosswalk FILE places.csv",
    "register crosswalk places.csv FILE",
    "document sign FILE --key key.pem",
    "document sign envelope.json --key FILE",
    "document wrap order FILE out",
    "notice make FILE out",
    "notice lint FILE --register spark",
    "notice preview FILE --eml out",
    "notice test FILE --as anu@mail.example --through smtps://anu@mail.example",
    "stay confirm FILE scan.pdf out",
    "link run 0 --model FILE",
    "send bill FILE --carrier sms --from 2026-03-01 --to 2026-03-31",
    "log verify log --log-key KEY --witness-key KEY --roots FILE",
]
# What takes any file as it is, an empty one as well: a paper's scan.
ANY = ["stay paper FILE out --id by-paper --office o --reference r --title t --scope {}"]


@pytest.fixture
def desk(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the verbs are called: files that are sound, and FILE of every kind that is not."""
    officer.new_key(tmp_path / "key.pem")
    (tmp_path / "keys.txt").write_text("100001\n")
    (tmp_path / "places.csv").write_text("code,name\n1,Kollam\n")
    (tmp_path / "envelope.json").write_text(Envelope.of(Offices().trust()).model_dump_json(exclude_none=True))
    (tmp_path / "scan.pdf").write_bytes(b"%PDF")
    (tmp_path / "log").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff\x00" + SECRET.encode())
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for name in BROKEN:
        if (tmp_path / name).exists():
            (tmp_path / name).chmod(0o700)  # as a key's file has to be
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logs, "configure", lambda: None)
    for name in ("ARIYIPPU_ZONE", "ARIYIPPU_HOME", "ARIYIPPU_STAGE", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # put back afterwards
    bill = {"url": "smpp://a:b@127.0.0.1:1", "sender": "KLNOTC", "bill": {"id": "id", "sent_on": "sent"}}
    monkeypatch.setitem(home.__dict__, "settings", Settings.model_validate({"carriers": {"sms": bill}}))
    return tmp_path


def written(desk: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in desk.rglob("*") if path.is_file()}


def said(verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    """Exit status, standard output and standard error."""
    monkeypatch.setattr(sys, "argv", ["ariyippu", *verb.split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, *capsys.readouterr()


@pytest.mark.usefixtures("clean_vault")
@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("verb", VERBS)
def test_a_broken_file_is_one_clear_line(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str, kind: str
) -> None:
    before = written(desk)
    code, out, err = said(verb.replace("FILE", kind).replace("KEY", _KEY), monkeypatch, capsys)
    assert (code, out) == (2, ""), err
    (line,) = err.splitlines()
    assert line.endswith(("]", "."))
    assert SECRET not in line
    assert written(desk) == before
    assert not any(model.objects.exists() for model in (Journal, Objection, Preference))


@pytest.mark.parametrize("kind", ["missing", "folder"])
@pytest.mark.parametrize("verb", ANY)
def test_what_is_no_file_is_no_scan(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str, kind: str
) -> None:
    code, out, err = said(verb.replace("FILE", kind), monkeypatch, capsys)
    assert (code, out) == (2, "")
    assert err.startswith(f"{kind}: ")
    assert not (desk / "out").exists()


@pytest.mark.parametrize("verb", ["document sign ./missing --key key.pem", "document sign envelope.json --key=missing"])
def test_a_file_is_found_however_it_was_named(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert said(verb, monkeypatch, capsys) == (2, "", "missing: No such file or directory.\n")


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("verb", ["document submit FILE", "notice count FILE"])
def test_what_the_office_hands_in_is_an_envelope(desk: Path, home: Home, verb: str, kind: str) -> None:
    """The office's verbs, in a process of the office's."""
    url = {install.zone_variable("office"): home.database_url_file("office").read_text()}
    command = [sys.executable, "-m", "ariyippu", *verb.replace("FILE", kind).split()]
    done = subprocess.run(command, env={**os.environ, **url}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert SECRET not in line
