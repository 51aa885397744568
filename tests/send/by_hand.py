"""What a worker does to its batches, one step at a time."""

from collections.abc import Sequence

from ariyippu.send import lease, window
from ariyippu.send.lease import Lease
from ariyippu.send.window import Ending, Settled, Work
from tests.world import World

RECORDS = [bytes([n]) * 16 for n in range(64)]  # for tests that open no batch


def leased(world: World, worker: str = "a") -> Lease | None:
    """The next batch, with every check made anew."""
    return leased_by(worker, lease.Checks(world.home))


def leased_by(worker: str, checks: lease.Checks) -> Lease | None:
    """The next batch, whatever its channel and its purpose."""
    return lease.lease(worker, checks, lambda _channel, _purpose: True)


def take(world: World, worker: str = "a") -> Lease:
    held = leased(world, worker)
    assert held is not None
    return held


def intend(held: Lease, positions: Sequence[int]) -> int:
    """Open a window."""
    number = window.turn(Work(held, RECORDS), None, positions)
    assert number is not None
    return number


def end(held: Lease, number: int, settled: Sequence[Settled] = (), records: Sequence[bytes] = RECORDS) -> None:
    """Close a window."""
    window.turn(Work(held, records), Ending(number, settled), ())


def hand_off(held: Lease, settled: Sequence[Settled], records: Sequence[bytes] = RECORDS) -> None:
    """One window from its intent to its outcomes."""
    end(held, intend(held, [message.position for message in settled]), settled, records)
