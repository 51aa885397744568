"""One message to a person whom two registers know, whichever sends first, and also when both send at once."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, connections

from ariyippu.demo.outside.run import Outside, running
from ariyippu.notice.models import OrderRow
from ariyippu.policy import objections
from ariyippu.policy.models import AudienceRow, PersonTold
from ariyippu.send import claims, lease, worker
from ariyippu.send.lease import Lease
from ariyippu.send.models import Batch, Claim, Outcome
from ariyippu.send.open import Door, Opened
from ariyippu.send.window import Settled
from tests.registers import Place, Registers, Row
from tests.send import by_hand
from tests.send.test_worker import arrived, at_work, outcomes, soon
from tests.world import PURPOSE, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

COUNT, SHARED = 40, 20
SAME: dict[str, list[Place]] = {f"person {n}": [("spark", n), ("land", n)] for n in range(1, SHARED + 1)}


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[tuple[int, int]]:
    with running(Outside(tmp_path)) as found:
        yield found


def linked(folder: Path, ports: tuple[int, int] = (1, 1)) -> Registers:
    """SPARK and the land register, whose first records are the same people's."""
    registers = Registers(build(folder, people(COUNT), carriers=ports, window=5), COUNT)
    registers.add("land", [Row(number) for number in range(1, COUNT + 1)])
    registers.link(SAME)
    return registers


def both_sending(registers: Registers, interval_days: int = 20) -> tuple[OrderRow, OrderRow]:
    """Two orders that were decided before either sent anything."""
    rows = tuple(registers.order(name, min_interval_days=interval_days) for name in ("spark", "land"))
    for row in rows:
        registers.world.turn_until(row, OrderRow.SENDING)
    assert [frozen.counts for frozen in AudienceRow.objects.all()] == [{"included": COUNT}] * 2
    return rows[0], rows[1]


def numbers(mails: list[str]) -> list[int]:
    """Whom mail reached: anu.7x@… and land.7x@… are number 7's, and up to SHARED one person's."""
    return sorted(int(mail.split("@")[0].split(".")[1].rstrip("x")) for mail in mails)


def test_an_order_that_is_decided_later_leaves_out_whom_the_other_register_told(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    registers = linked(tmp_path, ports)
    registers.world.turn_until(registers.order("spark"), OrderRow.SENDING)
    with at_work(registers.world) as one:
        assert one._turn()
    row = registers.world.turn_until(registers.order("land"), OrderRow.DECIDED)
    assert AudienceRow.objects.get(order=row.digest).counts == {"included": COUNT - SHARED, "told_linked": SHARED}


def test_an_order_that_was_decided_before_is_held_back_at_the_hand_off(tmp_path: Path, ports: tuple[int, int]) -> None:
    registers = linked(tmp_path, ports)
    spark, land = both_sending(registers)
    with at_work(registers.world) as one:
        assert [one._turn(), one._turn(), one._turn()] == [True, True, False]
    assert outcomes(spark) == {"email": {"accepted": COUNT}}
    assert outcomes(land) == {"email": {"accepted": COUNT - SHARED, "withheld": SHARED}}
    assert set(Outcome.objects.filter(outcome="withheld").values_list("code", flat=True)) == {"told_linked"}
    assert PersonTold.objects.filter(register="spark", purpose=PURPOSE).count() == SHARED
    assert not Claim.objects.exists()
    expected = sorted([*range(1, COUNT + 1), *range(SHARED + 1, COUNT + 1)])
    soon(lambda: numbers(arrived(tmp_path)), expected)


def test_two_orders_that_send_at_the_same_moment_reach_everybody_once(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    registers = linked(tmp_path, ports)
    rows = both_sending(registers)
    monkeypatch.setattr(worker, "CLAIMED_S", 0.1)
    started = threading.Barrier(2)

    def send(name: str) -> None:
        with at_work(registers.world, name=name) as one:
            started.wait()
            for _ in range(200):
                if not one._turn():
                    one._ending.wait(0.05)
                if not Batch.objects.exclude(state=Batch.DONE).exists():
                    break
        connections.close_all()

    threads = [threading.Thread(target=send, args=[name]) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not Batch.objects.exclude(state=Batch.DONE).exists()
    found = [outcomes(row)["email"] for row in rows]
    assert sum(one.get("withheld", 0) for one in found) == SHARED
    expected = sorted([*range(1, COUNT + 1), *range(SHARED + 1, COUNT + 1)])
    soon(lambda: numbers(arrived(tmp_path)), expected)


# --- claim by claim ----------------------------------------------------------------------------------


@dataclasses.dataclass
class Hands:
    """A batch in a worker's hands, opened."""

    held: Lease
    opened: Opened

    @property
    def shared(self) -> list[int]:
        return list(self.opened.persons)

    def at(self, person: bytes) -> int:
        return next(position for position, one in self.opened.persons.items() if one == person)

    def take(self) -> list[int]:
        return claims.take(self.held, range(self.held.batch.size), self.opened.persons)

    def came(self, outcomes: dict[int, str]) -> None:
        """A window over the claimed positions ends with these outcomes."""
        number = by_hand.intend(self.held, list(outcomes))
        settled = [Settled(position, outcome, "", None) for position, outcome in outcomes.items() if outcome]
        by_hand.end(self.held, number, settled, self.opened.records)

    def give_back(self) -> None:
        lease.give_back(self.held)
        claims.settle(self.held.batch.pk)

    def die(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "update send_batch set lease_until = now() - interval '1 s' where id = %s", [self.held.batch.pk]
            )


def in_hands(registers: Registers, name: str) -> Hands:
    held = by_hand.take(registers.world, name)
    return Hands(held, Door(registers.world.home, registers.world.vault.keyring).open(held))


@pytest.fixture
def hands(tmp_path: Path) -> tuple[Hands, Hands]:
    """SPARK's batch and the land register's, each in a worker's hands."""
    registers = linked(tmp_path)
    both_sending(registers)
    return in_hands(registers, "a"), in_hands(registers, "b")


def told(hands: Hands) -> set[bytes]:
    return objections.told_elsewhere(hands.held.verified.order, list(hands.opened.persons.values()))


def test_only_people_whom_another_register_knows_are_claimed(hands: tuple[Hands, Hands]) -> None:
    spark, land = hands
    assert len(spark.shared) == len(land.shared) == SHARED
    assert len(spark.take()) == COUNT
    assert Claim.objects.count() == SHARED
    assert set(land.take()) == set(range(COUNT)) - set(land.shared)
    assert Claim.objects.count() == SHARED


def test_what_a_message_came_to_takes_the_place_of_its_claim(hands: tuple[Hands, Hands]) -> None:
    spark, land = hands
    spark.take()
    results = dict(zip(spark.shared, ["accepted", "unknown", "refused", "gave_up", ""], strict=False))
    spark.came(results)
    assert not set(land.take()) & set(land.shared)  # until SPARK's worker gives its batch back
    spark.give_back()
    reached = {spark.opened.persons[position] for position, came in results.items() if came in ("accepted", "unknown")}
    assert told(land) == reached
    assert set(land.shared) - set(land.take()) == {land.at(person) for person in reached}


def test_what_a_dead_worker_claimed_may_have_been_told(hands: tuple[Hands, Hands]) -> None:
    spark, land = hands
    positions = spark.take()
    by_hand.intend(spark.held, positions)
    assert not set(land.take()) & set(land.shared)
    spark.die()
    assert not set(land.take()) & set(land.shared)
    assert told(land) == set(land.opened.persons.values())
    assert not Claim.objects.exists()


def test_a_batch_that_was_put_off_frees_its_people(hands: tuple[Hands, Hands]) -> None:
    spark, land = hands
    spark.take()
    spark.came(dict.fromkeys(spark.shared, ""))
    lease.give_back(spark.held, wait_s=60)  # and dies before it settles its claims
    assert len(land.take()) == COUNT
    assert set(Claim.objects.values_list("register", flat=True)) == {"land"}


def test_two_records_of_one_person_in_one_register_are_two_notices(tmp_path: Path) -> None:
    registers = Registers(build(tmp_path, people(3)), 3)
    registers.add("land", [Row(1), Row(2)])
    registers.link({"owner": [("land", 1), ("land", 2), ("spark", 1)]})
    registers.world.turn_until(registers.order("land"), OrderRow.SENDING)
    land = in_hands(registers, "a")
    assert len(set(land.opened.persons.values())) == 1
    assert land.take() == [0, 1]
    land.came({0: "accepted"})
    assert land.take() == [0, 1]
    assert objections.withheld(land.held.verified, land.opened.records[1:], {}) == {}


def test_an_order_without_an_interval_is_held_up_but_not_back(tmp_path: Path) -> None:
    registers = linked(tmp_path)
    both_sending(registers, interval_days=0)
    spark, land = in_hands(registers, "a"), in_hands(registers, "b")
    spark.take()
    assert not set(land.take()) & set(land.shared)
    spark.came(dict.fromkeys(spark.shared, "accepted"))
    spark.give_back()
    assert told(land) == set()
    assert len(land.take()) == COUNT


def test_another_purpose_is_another_message(hands: tuple[Hands, Hands]) -> None:
    spark, land = hands
    spark.take()
    Claim.objects.update(purpose="ariyippu:service-circular")
    assert len(land.take()) == COUNT
