"""Who is first: one person before a few before many, and among many each office in its turn."""

from pathlib import Path

import pytest

from ariyippu.notice.models import OrderRow
from ariyippu.send import cut, lease
from ariyippu.send.models import Batch
from tests.send.by_hand import leased, take
from tests.world import World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

PEOPLE = 12


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(cut, "BATCH_MESSAGES", 3)
    monkeypatch.setattr(cut, "FILE_MESSAGES", 300)
    return build(tmp_path, people(PEOPLE))


def sending(world: World, name: str, *, office: str = "") -> OrderRow:
    row = world.sending(id=name)
    if office:
        Batch.objects.filter(order=row.digest).update(office=office)
    return row


def drain(world: World) -> list[str]:
    """The ids of the orders whose batches are leased, in turn, all by one worker who gives nothing back."""
    names = dict(OrderRow.objects.values_list("digest", "order_id"))
    found = []
    while (held := leased(world)) is not None:
        found.append(names[held.batch.order])
    return found


def test_the_lane_follows_from_the_size_of_the_order(world: World) -> None:
    row = sending(world, "bulk")
    assert set(Batch.objects.filter(order=row.digest).values_list("lane", "office")) == {(Batch.BULK, "pay-section")}
    assert [cut._lane(size) for size in (1, 2, 3, 4)] == [Batch.SINGLE, Batch.SMALL, Batch.SMALL, Batch.BULK]


def test_small_ones_overtake_bulk(world: World) -> None:
    bulk, small, single = sending(world, "bulk"), sending(world, "small"), sending(world, "single")
    Batch.objects.filter(order=small.digest).update(lane=Batch.SMALL)
    Batch.objects.filter(order=single.digest).update(lane=Batch.SINGLE)
    assert drain(world) == [row.order_id for row in (*[single] * 4, *[small] * 4, *[bulk] * 4)]


def test_offices_share_equally_and_their_orders_go_by_age(world: World) -> None:
    sending(world, "old", office="one")
    sending(world, "new", office="one")
    sending(world, "late", office="two")
    order = drain(world)
    assert order[:8] == ["old", "late"] * 4
    assert order[8:] == ["new"] * 4


def test_an_office_s_share_is_what_its_workers_hold_now(world: World) -> None:
    sending(world, "one-s", office="one")
    sending(world, "two-s", office="two")
    for _ in range(2):
        lease.give_back(take(world), wait_s=60)
    held = [take(world) for _ in range(2)]
    assert {lease.batch.office for lease in held} == {"one", "two"}
