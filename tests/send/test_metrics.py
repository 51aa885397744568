"""Metrics: what workers leave in their files and what the database knows, in one answer; and nothing about a person."""

import dataclasses
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ariyippu.base.home import Home
from ariyippu.demo.outside.run import Outside, running
from ariyippu.send import holds, metrics
from ariyippu.send.holds import Scope
from tests.send.by_hand import intend, take
from tests.send.test_worker import at_work
from tests.track.post import free_port
from tests.world import World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

# What a worker's process does with its figures; the folder is in its environment.
WORKER = """
import django
django.setup()
from ariyippu.send import metrics
metrics.MESSAGES.labels("email", "accepted").inc(5)
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(Outside(tmp_path)) as ports:
        made = build(tmp_path, people(12), carriers=ports, window=5)
        settings = made.home.path / "settings.toml"
        settings.write_text(f"metrics_port = {free_port()}\n{settings.read_text()}")
        yield dataclasses.replace(made, home=Home(made.home.path))


def asked(home: Home) -> dict[tuple[str, ...], float]:
    """{(name, label's value, …): value} of what Prometheus would read."""
    url = f"http://{metrics.HOST}:{home.settings.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    assert "anu" not in text.lower()
    return {
        (sample.name, *(str(value) for _label, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_workers_figures_are_added_up(world: World) -> None:
    with metrics.served(world.home):
        for _worker in range(2):
            environment = {**os.environ, **metrics.environment(world.home)}
            subprocess.run([sys.executable, "-c", WORKER], env=environment, check=True)
        assert asked(world.home)["ariyippu_messages_total", "email", "accepted"] == 10


def test_what_the_database_knows(world: World) -> None:
    world.sending()
    with metrics.served(world.home):
        found = asked(world.home)
        assert found["ariyippu_waiting_messages", "email"] == 12
        assert found["ariyippu_oldest_message_seconds", "email"] >= 0
        assert found["ariyippu_unknown_messages",] == 0
        intend(take(world), [0])
        holds.place(Scope(channel="sms"), "drain")
        found = asked(world.home)
        assert found["ariyippu_leases", "email"] == 1
        assert found["ariyippu_held", "drain", "sms"] == 1


def test_a_worker_counts_what_came_of_its_messages(world: World) -> None:
    before = metrics.MESSAGES.labels("email", "accepted")._value.get()
    world.sending()
    with at_work(world) as one:
        assert one._turn()
    assert metrics.MESSAGES.labels("email", "accepted")._value.get() == before + 12


def test_without_a_port_nothing_is_served(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with metrics.served(home) as port:
        assert port is None
