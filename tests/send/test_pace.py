"""Rates hold over all workers together, and cost nothing where none is set."""

from pathlib import Path

import pytest
from django.db import connection

from ariyippu.base.home import Settings
from ariyippu.demo.outside.run import Outside, running
from ariyippu.send.models import Batch, PaceRow
from ariyippu.send.pace import MAX_WAIT_S, Pace
from tests.send.by_hand import leased
from tests.send.test_worker import at_work, outcomes
from tests.world import Person, World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")


def later(seconds: float) -> None:
    """As if so much time had passed: the database's clock decides."""
    with connection.cursor() as cursor:
        cursor.execute("update send_pace set free_at = free_at - make_interval(secs => %s)", [seconds])


def close_to(waited_s: float | None, wanted_s: float) -> bool:
    return waited_s is not None and abs(waited_s - wanted_s) < 0.2


def test_what_is_let_through_is_due_one_after_the_other() -> None:
    pace = Pace({"channel email": 100.0})
    assert close_to(pace.take(50), 0)
    assert close_to(pace.take(50), 0.5)
    assert close_to(pace.take(50), 1.0)
    later(10)
    assert close_to(pace.take(50), 0)  # idle time gives no credit
    assert close_to(pace.take(50), 0.5)


def test_when_too_much_is_due_nothing_is_taken() -> None:
    pace = Pace({"channel email": 10.0})
    assert close_to(pace.take(30), 0)
    before = PaceRow.objects.get().free_at
    assert pace.take(1) is None
    assert PaceRow.objects.get().free_at == before
    later(3 - MAX_WAIT_S + 0.1)
    assert pace.take(1) is not None


def test_the_slower_of_two_rates_counts() -> None:
    fast, slow = Pace({"channel email": 1000.0}), Pace({"office pay": 10.0})
    assert close_to(fast.take(10), 0)
    assert close_to(slow.take(10), 0)
    assert close_to(Pace({"channel email": 1000.0, "office pay": 10.0}).take(1), 1.0)


def test_a_window_is_no_longer_than_a_second_of_the_rate() -> None:
    assert Pace({}).window(400) == 400
    assert Pace({"a": 50.0, "b": 70.0}).window(400) == 50
    assert Pace({"a": 0.1}).window(400) == 1


def test_rates_come_from_the_settings() -> None:
    settings = Settings.model_validate(
        {
            "carriers": {"email": {"url": "smtp://a", "sender": "a@b.example", "messages_per_s": 7}},
            "office_messages_per_s": {"pay": 5},
        }
    )
    assert Pace.of(settings, "email", "pay").per_s == {"channel email": 7.0, "office pay": 5.0}
    assert Pace.of(settings, "email", "other").per_s == {"channel email": 7.0}


def slow_world(folder: Path, ports: tuple[int, int], text: str) -> World:
    world = build(folder, [*people(20), Person(100, email="")], carriers=ports, window=10)
    settings = world.home.path / "settings.toml"
    settings.write_text(settings.read_text().replace("[carriers.email]", text))
    world.home.__dict__.pop("settings", None)
    return world


def test_a_worker_leaves_a_channel_whose_rate_is_used_up(tmp_path: Path) -> None:
    with running(Outside(tmp_path)) as ports:
        world = slow_world(tmp_path, ports, "[carriers.email]\nmessages_per_s = 0.001")
        row = world.sending()
        with at_work(world) as one:
            assert [one._turn(), one._turn(), one._turn()] == [True, True, False]
        found = outcomes(row)
        assert found["email"] == {"accepted": 1, "waiting": 19}
        assert "waiting" not in found["sms"]
        later(3600)
        Batch.objects.filter(channel="email").update(not_before=row.accepted_at)
        assert leased(world) is not None


def test_an_office_has_a_rate_of_its_own(tmp_path: Path) -> None:
    with running(Outside(tmp_path)) as ports:
        rate = "[office_messages_per_s]\npay-section = 0.001\n\n[carriers.email]"
        world = slow_world(tmp_path, ports, rate)
        row = world.sending()
        with at_work(world) as one:
            assert [one._turn(), one._turn()] == [True, False]
        assert outcomes(row) == {"email": {"accepted": 1, "waiting": 19}, "sms": {"waiting": 1}}
