"""Receipts that a provider posts: with the secret they are kept, without it nothing is."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from ariyippu.base import home as homes
from ariyippu.base.home import Home
from ariyippu.send.models import Outcome
from ariyippu.track import settle
from ariyippu.track.models import EarlyReceipt, MessageReceipt
from ariyippu.track.receipts import State
from ariyippu.web import callbacks
from tests.track import sends

pytestmark = pytest.mark.usefixtures("clean_vault")

SECRET = "a-secret-of-at-least-32-characters"
SETTINGS = f"""[carriers.sms]
url = "mobileseva+https://a:b@gateway.example/x"
sender = "KLNOTC"
dead_codes = ["005"]
callback_secret = "{SECRET}"
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of the test's own."""
    made = Home(tmp_path)
    (tmp_path / "settings.toml").write_text(SETTINGS)
    monkeypatch.setattr(homes, "current", lambda: made)
    return made


def post(body: Any, authorization: str | None = f"Bearer {SECRET}") -> int:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {} if authorization is None else {"Authorization": authorization}
    return Client().post("/receipts/sms", octets, content_type="application/json", headers=headers).status_code


def test_who_posts_is_known_by_its_secret(own_home: Home) -> None:
    """Two providers may give the same id; the second one's is another message."""
    theirs = SECRET[::-1]
    (own_home.path / "settings.toml").write_text(
        f"""{SETTINGS}
[[carriers.sms.others]]
name = "second"
url = "smpps://a:b@smsc.example"
dead_codes = ["099"]
callback_secret = "{theirs}"
"""
    )
    batch = sends.batch(2)
    sends.accepted(batch, 1)
    Outcome.objects.filter(position=1).update(provider_id="second/M1")
    assert post(receipts(DELIVERED)) == 202
    gone = {"id": "M1", "state": "undelivered", "code": "099"}
    assert post(receipts(gone), f"Bearer {theirs}") == 202
    found = MessageReceipt.objects.order_by("position").values_list("state", "code")
    assert list(found) == [(State.DELIVERED, "000"), (State.BOUNCED, "099")]


def receipts(*found: dict[str, Any]) -> dict[str, Any]:
    return {"receipts": list(found)}


DELIVERED = {"id": "M1", "state": "delivered", "code": "000"}


def test_receipts_are_kept_once(own_home: Home) -> None:
    batch = sends.batch(3)
    sends.accepted(batch, 1)
    dead = {"id": "M2", "state": "undelivered", "code": "005", "mobile": "919999999999"}
    for _ in range(2):
        assert post(receipts(DELIVERED, dead, {"id": "Z", "state": "expired"}, {"id": "M3", "state": "unknown"})) == 202
    assert list(MessageReceipt.objects.order_by("position").values_list("state", "code")) == [
        (State.DELIVERED, "000"),
        (State.BOUNCED, "005"),
    ]
    assert EarlyReceipt.objects.get().provider_id == "Z"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {SECRET}x",
        f"Bearer {SECRET[:-1]}",
        f"Basic {SECRET}",
        SECRET,
        "Bearer ക",
    ],
)
def test_without_the_secret_nothing_is_kept(authorization: str | None) -> None:
    assert post(receipts(DELIVERED), authorization) == 401
    assert not EarlyReceipt.objects.exists()


def test_without_a_setting_nobody_is_known(own_home: Home) -> None:
    (own_home.path / "settings.toml").write_text("".join(SETTINGS.splitlines(keepends=True)[:3]))
    own_home.__dict__.pop("settings", None)
    for authorization in ("Bearer None", "Bearer ", f"Bearer {SECRET}", None):
        assert post(receipts(DELIVERED), authorization) == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        {"receipts": "M1"},
        receipts(DELIVERED, {"id": "M2"}),
        receipts({**DELIVERED, "state": "eaten"}),
        receipts({**DELIVERED, "id": "../x"}),
        receipts({**DELIVERED, "id": ""}),
        receipts({**DELIVERED, "code": "to +919999999999"}),
        receipts({**DELIVERED, "code": "x" * 31}),
    ],
)
def test_what_is_malformed_is_kept_not_even_in_part(body: Any) -> None:
    assert post(body) == 422
    assert not EarlyReceipt.objects.exists()


def test_too_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "keep", lambda *_arguments: None)
    assert post(receipts(*[DELIVERED] * callbacks.MAX_RECEIPTS)) == 202
    assert post(receipts(*[DELIVERED] * (callbacks.MAX_RECEIPTS + 1))) == 422


def test_it_is_for_posts_alone() -> None:
    assert Client().get("/receipts/sms").status_code == 405
