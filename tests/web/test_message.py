"""A message's own page, whole: the office's process asks the vault's hatch, by nothing but the token."""

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connections

from ariyippu.base import home as homes
from ariyippu.policy.models import Objection, Preference, Suspension
from ariyippu.send.models import Batch
from ariyippu.send.tokens import MessageTokens
from ariyippu.track import sent
from ariyippu.web import server
from tests.web.conftest import Site
from tests.world import World, build, people

UNKNOWN = "a" * 26


@pytest.fixture
def world(clean_vault: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = build(tmp_path, people(3))
    made.sending()
    monkeypatch.setattr(homes, "current", lambda: made.home)
    return made


@pytest.fixture
def hatch(world: World, hatch_port: int) -> Iterator[None]:
    """The vault's hatch, in a thread of the test's process."""

    application = get_wsgi_application()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return list(application(environ, start_response))
        finally:
            connections.close_all()

    serving = server.make_server(answer, hatch_port)
    serving.prepare()
    thread = threading.Thread(target=serving.serve, daemon=True)
    thread.start()
    yield
    serving.stop()
    thread.join()


@pytest.fixture
def token(world: World) -> str:
    batch = Batch.objects.select_related("file").get()
    records, _contacts = sent.rows(batch, world.home, world.vault.keyring)
    return MessageTokens.of(world.vault.keyring, "link").make(batch.pk, batch.order, records)[0]


def post(site: Site, path: str, **fields: str) -> tuple[int, str]:
    """Without following redirects."""
    request = urllib.request.Request(site.base + path, urllib.parse.urlencode(fields).encode())  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            assert answer.url == request.full_url
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.usefixtures("hatch")
def test_looking_acts_on_nothing(office: Site, token: str) -> None:
    for path in (f"/en/m/{token}", f"/ml/m/{token}"):
        answer = office.get(path)
        assert answer.status == 200
        assert "/orders/da-arrears-granted-1" in answer.text
    for path, to in ((f"/m/{token}", f"/en/m/{token}"), (f"/unsubscribe/{token}", f"/m/{token}")):
        answer = office.get(path)
        assert (answer.status, answer.headers["Location"]) == (302, to)
    assert not Objection.objects.exists()
    assert not Suspension.objects.exists()


@pytest.mark.usefixtures("hatch")
def test_a_page_with_a_token_is_for_nobody_else(office: Site, token: str) -> None:
    for path in (f"/en/m/{token}", f"/ml/m/{UNKNOWN}", f"/unsubscribe/{token}"):
        headers = office.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"
        assert "Set-Cookie" not in headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.usefixtures("hatch")
def test_why_it_came_is_told_with_its_proofs(office: Site, token: str) -> None:
    assert f"/m/{token}/why.json" in office.get(f"/en/m/{token}").text
    answer = office.get(f"/m/{token}/why.json")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    chain = json.loads(answer.text)
    assert chain["decision"]["reason"] == "included"
    assert chain["contact"]["collected_for"] == "ariyippu:salary-and-benefit"
    assert office.get(f"/m/{UNKNOWN}/why.json").status == 404
    assert post(office, f"/m/{token}/why.json")[0] == 405


@pytest.mark.usefixtures("hatch")
def test_no_more_of_these(office: Site, token: str) -> None:
    for _ in range(2):
        status, text = post(office, f"/en/m/{token}", wish="stop")
        assert status == 200
        assert "You will get no more notices for this purpose" in text
    assert Objection.objects.get().purpose == "ariyippu:da-arrears"
    assert not Suspension.objects.exists()


@pytest.mark.usefixtures("hatch")
def test_not_for_me(office: Site, token: str) -> None:
    status, text = post(office, f"/ml/m/{token}", wish="not-mine")
    assert status == 200
    assert "ഒരു രജിസ്റ്ററും ഈ നമ്പറോ വിലാസമോ ഇനി ഉപയോഗിക്കില്ല" in text
    assert Suspension.objects.get().cause == "not_mine"
    assert not Objection.objects.exists()


@pytest.mark.usefixtures("hatch")
def test_told_this_way_first(office: Site, token: str) -> None:
    status, text = post(office, f"/ml/m/{token}", wish="this-way")
    assert status == 200
    assert "ആ സന്ദേശം വന്ന മാർഗത്തിൽ" in text
    assert Preference.objects.get().channel == "email"
    assert not Objection.objects.exists()


@pytest.mark.usefixtures("hatch")
def test_a_mail_program_unsubscribes_with_one_post(office: Site, token: str) -> None:
    """RFC 8058, 3.2: no cookie, no redirect, and only with the field that says so."""
    assert post(office, f"/unsubscribe/{token}", other="x")[0] == 400
    assert not Objection.objects.exists()
    assert post(office, f"/unsubscribe/{token}", **{"List-Unsubscribe": "One-Click"}) == (200, "Done.\n")
    assert Objection.objects.count() == 1


@pytest.mark.usefixtures("hatch")
def test_what_is_not_asked_for_is_not_done(office: Site, token: str) -> None:
    assert post(office, f"/en/m/{token}", wish="everything")[0] == 400
    assert post(office, f"/en/m/{token}")[0] == 400
    assert post(office, f"/en/m/{UNKNOWN}", wish="stop")[0] == 404
    assert post(office, f"/unsubscribe/{UNKNOWN}", **{"List-Unsubscribe": "One-Click"})[0] == 404
    for path in (f"/en/m/{UNKNOWN}", f"/en/m/{UNKNOWN[1:]}", f"/en/m/{token}x", f"/en/m/{token.upper()}"):
        answer = office.get(path)
        assert answer.status == 404
        assert token not in answer.text
    assert not Objection.objects.exists()


def test_while_the_vault_is_silent_nothing_is_promised(office: Site) -> None:
    assert office.get(f"/en/m/{UNKNOWN}").status == 503
    status, text = post(office, f"/en/m/{UNKNOWN}", wish="stop")
    assert status == 503
    assert "no more notices" not in text
    assert post(office, f"/unsubscribe/{UNKNOWN}", **{"List-Unsubscribe": "One-Click"})[0] == 503
