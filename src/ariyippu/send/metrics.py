"""Metrics of sending for Prometheus, on the vault's loopback address. Counts and times; nothing about a person.

    ariyippu_messages_total{channel,outcome}        what came of messages at the hand-off
    ariyippu_window_seconds{channel}                from a window's intent to its last answer
    ariyippu_carrier_faults_total{carrier}          a carrier did not connect, or was refused by it
    ariyippu_carrier_breakers_total{carrier,state}  a worker found that it fails (open), or is well again (closed)
    ariyippu_waiting_messages{channel}              the back-log, of it put off: ariyippu_put_off_messages
    ariyippu_oldest_message_seconds{channel}        since the oldest of their orders was accepted
    ariyippu_leases{channel}                        batches in workers' hands
    ariyippu_unknown_messages                       in doubt, and not settled
    ariyippu_held{scope,kind}                       1 for each hold of an operator
    ariyippu_bill_differences{carrier,kind}         of a carrier's latest bill, from what left (track/bills.py)

Workers are processes: each writes its own into files of FOLDER (PROMETHEUS_MULTIPROC_DIR), which the vault's
process adds up when it is asked. The others are asked of the database then.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import DatabaseError, close_old_connections
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ariyippu.base import clock
from ariyippu.base.home import Home
from ariyippu.send.overview import overview

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # the library's own name
HOST = "127.0.0.1"

MESSAGES = Counter("ariyippu_messages", "What came of messages at the hand-off.", ["channel", "outcome"])
WINDOW_S = Histogram("ariyippu_window_seconds", "From a window's intent to its last answer.", ["channel"])
FAULTS = Counter("ariyippu_carrier_faults", "A carrier did not connect, or was refused by it.", ["carrier"])
BREAKERS = Counter("ariyippu_carrier_breakers", "A worker's breaker turned.", ["carrier", "state"])


def folder(home: Home) -> Path:
    """Where workers leave their figures."""
    return home.tmp / "metrics"


def environment(home: Home) -> dict[str, str]:
    """What a worker's process is given so that its figures are added up with the others'."""
    folder(home).mkdir(parents=True, exist_ok=True)
    return {FOLDER_VARIABLE: str(folder(home))}


@contextmanager
def served(home: Home, *further: Callable[[], Iterator[GaugeMetricFamily]]) -> Iterator[int | None]:
    """Serve the metrics while the block lasts, if the settings name a port; the port.

    `further`: what later stages ask the database.
    """
    shutil.rmtree(folder(home), ignore_errors=True)  # of workers that are gone
    folder(home).mkdir(parents=True)  # the collector wants it
    if home.settings.metrics_port is None:
        yield None
        return
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder(home)))  # type: ignore[no-untyped-call]
    registry.register(_Database(_gauges, *further))
    server, thread = start_http_server(home.settings.metrics_port, HOST, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Database(Collector):
    """Asks the database, in the server's own thread."""

    def __init__(self, *asked: Callable[[], Iterator[GaugeMetricFamily]]) -> None:
        self._asked = asked

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            for gauges in self._asked:
                yield from gauges()
        except DatabaseError:
            return  # the workers' figures are still told
        finally:
            close_old_connections()


def _gauges() -> Iterator[GaugeMetricFamily]:
    found, now = overview(), clock.now()
    waiting = GaugeMetricFamily("ariyippu_waiting_messages", "The back-log.", labels=["channel"])
    put_off = GaugeMetricFamily("ariyippu_put_off_messages", "Of it, put off by a carrier.", labels=["channel"])
    oldest = GaugeMetricFamily("ariyippu_oldest_message_seconds", "Since its order was accepted.", labels=["channel"])
    for channel in found.waiting:
        waiting.add_metric([channel.channel], channel.messages)
        put_off.add_metric([channel.channel], channel.put_off)
        oldest.add_metric([channel.channel], (now - channel.oldest_at).total_seconds())
    leases = GaugeMetricFamily("ariyippu_leases", "Batches in workers' hands.", labels=["channel"])
    for name in sorted({hand.channel for hand in found.hands}):
        leases.add_metric([name], sum(hand.channel == name for hand in found.hands))
    held = GaugeMetricFamily("ariyippu_held", "What an operator holds.", labels=["scope", "kind"])
    for hold in found.held:
        held.add_metric([hold.scope or "everything", hold.kind], 1)
    unknown = GaugeMetricFamily("ariyippu_unknown_messages", "In doubt, and not settled.", value=found.unknown)
    yield from (waiting, put_off, oldest, leases, held, unknown)
