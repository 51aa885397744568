"""Quiet hours: what waits for the morning, and what does not."""

import datetime as dt
from pathlib import Path

import pytest

from ariyippu.base.errors import RefusedError
from ariyippu.base.home import CarrierSettings, Home
from ariyippu.grant import purposes
from ariyippu.send import lease, quiet
from tests.send.by_hand import leased_by
from tests.world import PURPOSE, World, build, people

NIGHT = (dt.time(21), dt.time(9))
NOON = (dt.time(12), dt.time(14))


def carrier(hours: tuple[dt.time, dt.time] | None) -> CarrierSettings:
    return CarrierSettings(url="smpp://127.0.0.1:1", sender="KLNOTC", quiet_hours=hours)


@pytest.mark.parametrize(
    ("hours", "utc", "waits"),
    [
        (NIGHT, "15:29:59", False),  # 20:59:59 in India
        (NIGHT, "15:30:00", True),
        (NIGHT, "18:45:00", True),  # after midnight
        (NIGHT, "03:29:59", True),
        (NIGHT, "03:30:00", False),
        (NOON, "06:29:59", False),
        (NOON, "06:30:00", True),
        (NOON, "08:30:00", False),
        (None, "18:45:00", False),
    ],
)
def test_the_hours_are_india_s(hours: tuple[dt.time, dt.time] | None, utc: str, waits: bool) -> None:
    at = dt.datetime.fromisoformat(f"2026-02-24T{utc}+00:00")
    assert quiet.waits(carrier(hours), purposes.get(PURPOSE), at) == waits
    assert not quiet.waits(carrier(hours), purposes.get("ariyippu:emergency"), at)


def test_a_batch_waits_and_its_other_channel_does_not(world: World) -> None:
    now = dt.datetime.now(dt.UTC).astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30))).time()
    ends = dt.time((now.hour + 2) % 24)
    settings = world.home.path / "settings.toml"
    settings.write_text(settings.read_text() + f"quiet_hours = [{now:%H}:00:00, {ends:%H:%M:%S}]\n")  # of SMS
    row = world.sending()
    reread = Home(world.home.path)
    held = leased_by("a", lease.Checks(reread))
    assert held is not None
    assert held.subject.channel == "email"
    assert leased_by("b", lease.Checks(reread)) is None
    assert row.state == "sending"


@pytest.fixture
def world(clean_vault: None, tmp_path: Path) -> World:
    return build(tmp_path, [*people(12)[:6], *people(12, email="")[6:]])


def test_a_setting_that_is_no_time_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        '[carriers.sms]\nurl = "smpp://127.0.0.1:1"\nsender = "KLNOTC"\nquiet_hours = ["late", "early"]\n'
    )
    with pytest.raises(RefusedError, match="quiet_hours"):
        _ = Home(tmp_path).settings
