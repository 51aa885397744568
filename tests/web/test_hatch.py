"""The hatch: documents in, rounded counts out, and no other way."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.test import Client
from psycopg.conninfo import make_conninfo

from ariyippu.base import home as homes
from ariyippu.base import install
from ariyippu.base.documents import Envelope
from ariyippu.base.home import Home
from ariyippu.base.models import Journal
from ariyippu.notice.models import OrderRow
from ariyippu.send.models import Batch, Outcome
from ariyippu.web import hatch
from tests.world import World, build, people

COUNT = 14


@pytest.fixture
def world(clean_vault: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = build(tmp_path, people(COUNT))
    monkeypatch.setattr(homes, "current", lambda: made.home)
    return made


def body(envelope: Envelope, notice: bytes | None = None) -> dict[str, Any]:
    return {
        "envelope": envelope.model_dump(mode="json", exclude_none=True),
        "notice": base64.b64encode(notice).decode() if notice else None,
    }


def post(content: bytes | dict[str, Any], path: str = "/documents") -> tuple[int, dict[str, Any]]:
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = Client().post(path, sent, content_type="application/json")
    return answer.status_code, json.loads(answer.content)


def test_a_good_document_is_accepted(world: World) -> None:
    notice = world.notice()
    order = world.order_document(notice)
    sent = body(world.offices.signed(order), notice.payload())
    assert post(sent) == (202, {"digest": order.digest()})
    assert post(sent) == (202, {"digest": order.digest()})
    assert OrderRow.objects.count() == 1


def test_a_refused_one_is_answered_with_its_code(world: World) -> None:
    notice = world.notice()
    order = world.order_document(notice)
    status, answer = post(body(world.offices.signed(order, ["publicity"]), notice.payload()))
    assert (status, answer["code"]) == (422, "signature.missing_role")
    assert answer.keys() == {"code", "message"}
    status, answer = post(body(world.offices.signed(order)))
    assert (status, answer["code"]) == (422, "document.invalid")  # without its notice
    assert not OrderRow.objects.exists()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "hatch.malformed"),
        (b"{", "hatch.malformed"),
        (b"[]", "hatch.malformed"),
        (b"null", "hatch.malformed"),
        (b"1" * 6000, "hatch.malformed"),
        (b"\xff\xfe", "hatch.malformed"),
        (b"[" * 100_000, "hatch.malformed"),
        (b'{"envelope":' * 30_000, "hatch.too_long"),
        (b"{}", "hatch.malformed"),
        (b'{"envelope": null}', "envelope.invalid"),
        (b'{"envelope": {}}', "envelope.invalid"),
        (b'{"envelope": {"payloadType": "\\ud800", "payload": ""}}', "envelope.invalid"),
        (b'{"envelope": {"payloadType": "a", "payload": "", "surprise": 1}}', "envelope.invalid"),
        (b'{"envelope": {"payloadType": "a", "payload": ""}, "notice": "?"}', "hatch.malformed"),
        (b'{"envelope": {"payloadType": "a", "payload": ""}, "notice": 5}', "hatch.malformed"),
        (b'{"envelope": {"payloadType": "a", "payload": ""}, "notice": "\xe0\xb4\x85"}', "hatch.malformed"),
        (b'{"envelope": {"payloadType": "a", "payload": ""}}', "document.wrong_kind"),
        (b" " * (hatch.MAX_BODY_BYTES + 1), "hatch.too_long"),
    ],
)
def test_what_is_no_document_is_refused_and_leaves_no_trace(world: World, content: bytes, code: str) -> None:
    before = Journal.objects.count()
    status, answer = post(content)
    assert (status, answer["code"]) == (422, code)
    assert Journal.objects.count() == before


@pytest.mark.parametrize("kind", ["trust", "use-request", "order", "stay", "lift"])
@pytest.mark.parametrize("payload", ["", "e30=", "§", "////", "W10="])
def test_no_payload_is_a_fault_of_ours(world: World, kind: str, payload: str) -> None:
    envelope: dict[str, Any] = {
        "payloadType": f"application/vnd.ariyippu.{kind}.v1+json",
        "payload": payload,
        "signatures": [],
    }
    assert post({"envelope": envelope})[0] == 422
    envelope["signatures"] = [{"keyid": "§", "sig": "§"}]
    assert post({"envelope": envelope})[0] == 422


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head"])
def test_documents_are_posted(world: World, method: str) -> None:
    assert getattr(Client(), method)("/documents").status_code == 405


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_progress_is_read(world: World, method: str) -> None:
    assert getattr(Client(), method)("/progress").status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/documents/",
        "/documents/1",
        "/progress/",
        "/progress/da-arrears-granted-1",
        "/admin/",
        "/log/checkpoint",
        "/report",
        "/static/x",
        "/records",
        "/../keyring.json",
    ],
)
def test_there_is_no_other_route(world: World, path: str) -> None:
    assert Client().get(path).status_code == 404
    assert len(hatch.urlpatterns) == 5


def test_progress_is_rounded_and_names_nobody(world: World) -> None:
    row = world.sending()
    (batch,) = Batch.objects.all()
    Outcome.objects.bulk_create(
        Outcome(batch=batch, position=n, outcome="accepted" if n < 11 else "refused", code="250") for n in range(13)
    )
    answer = Client().get("/progress")
    assert json.loads(answer.content) == {
        "orders": [
            {
                "order": row.order_id,
                "state": "sending",
                "outcomes": {"email": {"accepted": 10, "refused": 0, "waiting": 0}},
            }
        ]
    }


# --- over HTTP ---------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def zone_environment(home: Home) -> dict[str, str]:
    """Another home's processes on this test process's databases."""
    databases = {install.zone_variable(zone): home.database_url_file(zone).read_text() for zone in install.ZONES}
    return {**os.environ, **databases}


@pytest.fixture
def running(clean_vault: None, home: Home, tmp_path: Path) -> Iterator[World]:
    """A world whose vault runs as a process of its own, without workers."""
    world = build(tmp_path, people(COUNT))
    settings = world.home.path / "settings.toml"
    settings.write_text(f"workers = 0\nhatch_port = {free_port()}\n" + settings.read_text())
    world.home = Home(world.home.path)
    command = [sys.executable, "-m", "ariyippu", "vault", "--home", str(world.home.path)]
    with subprocess.Popen(command, env=zone_environment(home), stderr=subprocess.PIPE) as process:
        try:
            _wait(process, world.home.settings.hatch_port)
            yield world
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert process.returncode == 0


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    for _attempt in range(600):
        assert process.poll() is None, process.communicate()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the vault did not start")


def fetch(world: World, path: str, sent: bytes | None = None) -> tuple[int, bytes, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{world.home.settings.hatch_port}{path}", sent)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read(), str(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), str(error.headers)


def submit(
    world: World, home: Home, envelope: Envelope, notice: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """`ariyippu document submit`, as an officer's console does it."""
    file, said = world.home.tmp / "envelope.json", world.home.tmp / "notice.json"
    file.write_text(envelope.model_dump_json(exclude_none=True))
    arguments = ["document", "submit", str(file), "--home", str(world.home.path)]
    if notice is not None:
        said.write_bytes(notice)
        arguments += ["--notice", str(said)]
    return subprocess.run(
        [sys.executable, "-m", "ariyippu", *arguments],
        env=zone_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def submissions(home: Home) -> Iterator[psycopg.Connection]:
    """The office's table, emptied afterwards."""
    dsn = make_conninfo(home.owner_url_file.read_text(), dbname=install.role("office"))
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection
        connection.execute("truncate office_submission")


def test_an_office_hands_in_and_reads_progress(running: World, home: Home, submissions: psycopg.Connection) -> None:
    notice = running.notice()
    order = running.order_document(notice)
    good = submit(running, home, running.offices.signed(order), notice.payload())
    assert (good.returncode, good.stderr.strip()) == (0, "Accepted.")
    bad = submit(running, home, running.offices.signed(order, ["publicity"]), notice.payload())
    assert bad.returncode == 2
    assert bad.stderr.count("\n") == 1
    assert "[signature.missing_role]" in bad.stderr
    rows = submissions.execute("select digest, refused_code from office_submission order by id").fetchall()
    assert rows == [(order.digest(), None), (order.digest(), "signature.missing_role")]
    for _attempt in range(200):  # the vault takes its turns by itself
        status, said, headers = fetch(running, "/progress")
        if json.loads(said)["orders"][0]["state"] == "sending":
            break
        time.sleep(0.05)
    assert (status, json.loads(said)["orders"][0]["outcomes"]) == (200, {"email": {"waiting": 10}})
    assert "cheroot" not in headers.lower()
    assert fetch(running, "/keyring.json")[0] == 404
    assert fetch(running, "/documents")[0] == 405
    assert fetch(running, "/documents", b"{")[0] == 422
    assert fetch(running, "/documents", b" " * 300_000)[0] == 422
    second = subprocess.run(
        [sys.executable, "-m", "ariyippu", "vault", "--home", str(running.home.path)],
        env=zone_environment(home), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert "[vault.running]" in second.stderr


def test_a_vault_that_is_not_there_can_be_tried_later(world: World, home: Home) -> None:
    settings = world.home.path / "settings.toml"
    settings.write_text(f"hatch_port = {free_port()}\n" + settings.read_text())
    done = submit(world, home, world.offices.signed(world.grant))
    assert done.returncode == 2
    assert done.stderr == "The vault's hatch cannot be reached.\n"


def test_the_office_zone_has_neither_the_keyring_nor_the_vault_s_stages(home: Home) -> None:
    """In a process of that zone, on the vault's own machine."""
    script = """
import django
django.setup()
from ariyippu.base import home, keys
from ariyippu.base.errors import RefusedError
try:
    keys.load(home.current().keyring)
except RefusedError as refusal:
    print(refusal.code)
try:
    import ariyippu.flow
except RuntimeError:
    print("no stages")
"""
    environment = {**os.environ, "ARIYIPPU_ZONE": "office", "ARIYIPPU_HOME": str(home.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[:2] == ["keyring.zone", "no stages"], done.stderr


@pytest.mark.parametrize(
    "sent", [b"", b"{", b"[]", b'{"wish": ["stop"]}', b'{"wish": "everything"}', b'"stop"', b"\xff"]
)
def test_a_wish_that_is_none(world: World, sent: bytes) -> None:
    assert post(sent, f"/messages/{'a' * 26}") == (422, {"code": "link.malformed"})
