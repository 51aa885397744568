"""Leases: nothing leaves unless everything still holds at this instant, and what is in doubt is never sent again."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from ariyippu import flow
from ariyippu.base import clock
from ariyippu.base.errors import PermanentError, RefusedError
from ariyippu.base.home import Home
from ariyippu.base.models import Entry, Journal
from ariyippu.notice import orders
from ariyippu.notice.documents import Flag, Text
from ariyippu.notice.models import OrderRow
from ariyippu.notice.orders import VerifiedOrder
from ariyippu.policy.documents import Scope
from ariyippu.policy.models import AudienceRow
from ariyippu.send import cut, lease, window
from ariyippu.send.carriers import EmailMessage
from ariyippu.send.lease import LeaseLostError
from ariyippu.send.models import Batch, MessageFile, Outcome, PutOff, Window
from ariyippu.send.open import Door
from ariyippu.send.window import Ending, Settled, Waiting, Work
from tests.offices import now
from tests.send.by_hand import RECORDS, end, hand_off, intend, leased, leased_by, take
from tests.world import Person, World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

PEOPLE = 12


@pytest.fixture
def world(tmp_path: Path, clean_vault: None) -> World:
    return build(tmp_path, people(PEOPLE))


@pytest.fixture
def row(world: World) -> OrderRow:
    return world.sending()


def outcomes() -> dict[int, str]:
    return dict(Outcome.objects.values_list("position", "outcome"))


def expire() -> None:
    """As if the lease had been taken long ago: the database's clock decides, and nobody can turn it."""
    with connection.cursor() as cursor:
        cursor.execute("update send_batch set lease_until = now() - interval '1 second' where state = 'leased'")


def accepted(*positions: int) -> list[Settled]:
    return [Settled(position, Outcome.ACCEPTED, "250 2.0.0", f"id-{position}") for position in positions]


def test_a_batch_is_leased_to_one_worker_at_a_time(world: World, row: OrderRow) -> None:
    held = take(world)
    assert (held.batch.size, held.subject.channel, held.worker) == (PEOPLE, "email", "a")
    assert leased(world, "b") is None


def test_not_leased_before_order_and_audience_are_in_a_cosigned_checkpoint(world: World, row: OrderRow) -> None:
    frozen = AudienceRow.objects.get(order=row.digest)
    for journal_id in (row.journal_id, frozen.journal_id):
        entry = Entry.objects.get(journal_id=journal_id)
        Entry.objects.filter(pk=entry.pk).update(cosigned_at=None)
        assert leased(world) is None
        entry.save()
    take(world)


def test_nothing_is_decided_or_cut_before_it_is_public(world: World) -> None:
    row = world.order()
    flow._decide(world.vault, row)  # without the turn's publish()
    row.refresh_from_db()
    assert row.state == OrderRow.ACCEPTED
    world.turn_until(row, OrderRow.DECIDED)
    flow._cut(world.vault, row)
    row.refresh_from_db()
    assert (row.state, Batch.objects.count()) == (OrderRow.DECIDED, 0)


def test_not_leased_outside_the_orders_window(world: World, row: OrderRow, monkeypatch: pytest.MonkeyPatch) -> None:
    real = clock.now
    for off in (dt.timedelta(hours=13), dt.timedelta(minutes=-2)):
        monkeypatch.setattr(clock, "now", lambda off=off: real() + off)
        assert leased(world) is None
    monkeypatch.setattr(clock, "now", real)
    take(world)


def test_not_leased_once_a_signer_has_left_the_trust_document(world: World, row: OrderRow) -> None:
    keys = tuple(key for key in world.offices.trust().keys if key.person != "custodian")
    world.new_trust(version=2, keys=keys)
    assert leased(world) is None
    world.new_trust(version=3)
    take(world)


def test_an_order_that_does_not_hold_is_checked_once_until_something_is_heard(
    world: World, row: OrderRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, verify_row = list[str](), orders.verify_row

    def verified(one: OrderRow, home: Home) -> VerifiedOrder:
        asked.append(one.digest)
        return verify_row(one, home)

    monkeypatch.setattr(orders, "verify_row", verified)
    checks = lease.Checks(world.home)
    keys = tuple(key for key in world.offices.trust().keys if key.person != "custodian")
    world.new_trust(version=2, keys=keys)
    for _ in range(2):
        assert leased_by("a", checks) is None
    assert asked == [row.digest]
    world.new_trust(version=3)
    checks.forget()
    assert leased_by("a", checks) is not None


def test_not_leased_while_the_trust_document_has_expired(world: World, row: OrderRow) -> None:
    world.new_trust(version=2, expires_at=now() + dt.timedelta(minutes=10))
    later = clock.now() + dt.timedelta(minutes=11)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        assert leased(world) is None


# --- stays -------------------------------------------------------------------------------------------


def test_an_ended_stay_does_not_release_what_it_stopped(world: World, row: OrderRow) -> None:
    stay = world.stay()
    assert leased(world) is None
    with pytest.raises(RefusedError, match=r"order\.stayed"):
        flow.release(row.order_id, world.home)
    world.lift(stay)
    assert leased(world) is None
    flow.release(row.order_id, world.home)
    take(world)


def test_a_stay_that_runs_out_does_not_release_either(world: World, row: OrderRow) -> None:
    world.stay(ends_at=clock.now() + dt.timedelta(hours=1))
    later = clock.now() + dt.timedelta(hours=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        assert leased(world) is None
        flow.release(row.order_id, world.home)
        take(world)


def test_a_stay_over_another_channel_stops_only_that(world: World, row: OrderRow) -> None:
    world.stay("sms-stay", scope=Scope(channel="sms"))
    assert take(world).subject.channel == "email"
    world.stay("email-stay", scope=Scope(channel="email"))
    expire()
    assert leased(world, "b") is None


def test_no_window_opens_once_a_stay_stands(world: World, row: OrderRow) -> None:
    held = take(world)
    world.stay()
    with pytest.raises(LeaseLostError):
        intend(held, [0])
    assert not Window.objects.exists()


# --- windows, doubts, the end of a lease --------------------------------------------------------------


def test_what_a_dead_worker_had_in_its_hands_is_unknown_and_not_pending(world: World, row: OrderRow) -> None:
    held = take(world)
    first = intend(held, [0, 1, 2])
    end(held, first, accepted(0, 1, 2))
    intend(held, [3, 4, 5])
    assert leased(world, "b") is None  # the lease still runs
    expire()
    again = take(world, "b")
    assert again.batch.pk == held.batch.pk
    assert outcomes() == {0: "accepted", 1: "accepted", 2: "accepted", 3: "unknown", 4: "unknown", 5: "unknown"}
    assert lease.progress(again.batch).waiting == list(range(6, PEOPLE))


def test_a_restart_does_not_wait_for_its_own_leases_and_spares_other_hosts(world: World, row: OrderRow) -> None:
    held = take(world, "host:/home:0")
    intend(held, [0])
    lease.reclaim("host:/home:1")
    assert leased(world, "host:/home:0") is None
    lease.reclaim("host:/home:0")
    assert lease.progress(take(world, "host:/home:0").batch).waiting == list(range(1, PEOPLE))


def test_a_late_worker_cannot_close_a_window_that_was_declared_in_doubt(world: World, row: OrderRow) -> None:
    held = take(world)
    window = intend(held, [0, 1])
    expire()
    take(world, "b")
    with pytest.raises(LeaseLostError):
        end(held, window, accepted(0, 1))
    assert outcomes() == {0: "unknown", 1: "unknown"}


def test_a_late_worker_without_outcomes_cannot_close_it_either(world: World, row: OrderRow) -> None:
    held = take(world)
    window = intend(held, [0, 1])
    expire()
    take(world, "b")
    with pytest.raises(LeaseLostError):
        end(held, window)


def test_what_came_of_a_window_is_kept_when_the_next_may_not_open(world: World, row: OrderRow) -> None:
    held = take(world)
    first = intend(held, [0, 1])
    world.stay()
    with pytest.raises(LeaseLostError):
        window.turn(Work(held, RECORDS), Ending(first, accepted(0, 1)), [2, 3])
    assert outcomes() == {0: "accepted", 1: "accepted"}
    assert not Window.objects.filter(closed_at=None).exists()


def test_nothing_of_a_doubtful_window_is_kept_and_no_next_one_opens(world: World, row: OrderRow) -> None:
    held = take(world)
    first = intend(held, [0, 1])
    expire()
    take(world, "b")
    with pytest.raises(LeaseLostError):
        window.turn(Work(held, RECORDS), Ending(first, accepted(0, 1)), [2, 3])
    assert outcomes() == {0: "unknown", 1: "unknown"}
    assert Window.objects.count() == 1


def test_a_late_worker_opens_no_window_and_gives_nothing_back(world: World, row: OrderRow) -> None:
    held = take(world)
    expire()
    with pytest.raises(LeaseLostError):
        intend(held, [0])
    take(world, "b")
    with pytest.raises(LeaseLostError):
        intend(held, [0])
    lease.give_back(held)
    assert Batch.objects.get(pk=held.batch.pk).leased_by == "b"


def put_off(held: lease.Lease, *waiting: Waiting) -> None:
    number = intend(held, [message.position for message in waiting])
    window.turn(Work(held, RECORDS), Ending(number, (), waiting), ())


def test_what_was_put_off_waits_for_its_own_time(world: World, row: OrderRow) -> None:
    held = take(world)
    put_off(held, Waiting(0, 1, 600), Waiting(1, 2, 300), Waiting(2, 1, 0))
    found = lease.progress(held.batch)
    assert found.waiting == list(range(2, PEOPLE))
    assert found.attempts == {0: 1, 1: 2, 2: 1}
    lease.give_back(held)
    again = take(world)  # the others are not held up
    hand_off(again, accepted(*range(3, PEOPLE)))
    window.turn(Work(again, RECORDS, {2: 1}), Ending(intend(again, [2]), accepted(2)), ())
    assert set(PutOff.objects.values_list("position", flat=True)) == {0, 1}
    lease.give_back(again)
    assert leased(world) is None
    batch = Batch.objects.get()
    assert batch.state == Batch.READY
    assert batch.not_before == PutOff.objects.get(position=1).not_before  # the first of what is left


def test_a_batch_is_done_when_every_position_is_settled(world: World, row: OrderRow) -> None:
    held = take(world)
    hand_off(held, accepted(*range(PEOPLE)))
    lease.give_back(held)
    held.batch.refresh_from_db()
    assert (held.batch.state, held.batch.leased_by, held.batch.lease_until) == (Batch.DONE, None, None)


def test_a_batch_that_waits_is_not_leased_before_its_time(world: World, row: OrderRow) -> None:
    lease.give_back(take(world), wait_s=60)
    assert leased(world) is None


# --- a database administrator -----------------------------------------------------------------------


def alter_state(world: World, row: OrderRow) -> None:
    """Accepted is not enough: a row that says `sending` has no cosigned audience."""
    OrderRow.objects.filter(pk=row.pk).update(journal_id=10_000)


def alter_envelope(world: World, row: OrderRow) -> None:
    more = world.order_document(world.notice(), max_messages=1_000_000)
    OrderRow.objects.filter(pk=row.pk).update(envelope=world.offices.signed(more, ["requester"]).model_dump_json())


def exchange_envelope(world: World, row: OrderRow) -> None:
    """Another order that everybody has signed, in this one's row."""
    other = world.order_document(world.notice(), id="another-order")
    OrderRow.objects.filter(pk=row.pk).update(envelope=world.offices.signed(other).model_dump_json())


def alter_envelope_and_digest(world: World, row: OrderRow) -> None:
    """The whole order exchanged for one that only some have signed; its audience goes with it."""
    more = world.order_document(world.notice(), id="another-order")
    envelope = world.offices.signed(more, ["requester", "owner"])
    AudienceRow.objects.filter(order=row.digest).update(order=more.digest())
    OrderRow.objects.filter(pk=row.pk).update(digest=more.digest(), envelope=envelope.model_dump_json())
    Batch.objects.update(order=more.digest())


def alter_notice(world: World, row: OrderRow) -> None:
    other = world.notice(sanction_reference="another")
    OrderRow.objects.filter(pk=row.pk).update(notice=other.payload())


def alter_notice_spelling(world: World, row: OrderRow) -> None:
    OrderRow.objects.filter(pk=row.pk).update(notice=bytes(row.notice) + b" ")


@pytest.mark.parametrize(
    "alter",
    [alter_state, alter_envelope, exchange_envelope, alter_envelope_and_digest, alter_notice, alter_notice_spelling],
)
def test_an_altered_order_is_not_leased(world: World, row: OrderRow, alter: Callable[[World, OrderRow], None]) -> None:
    alter(world, row)
    assert leased(world) is None


def swap_messages(world: World, path: Path) -> None:
    """The file of another order put in its place."""
    other = world.sending(id="another-order")
    path.write_bytes(
        cut.file_path(world.home, MessageFile.objects.get(order=other.digest, channel="email")).read_bytes()
    )


def flip_a_byte(world: World, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def cut_short(world: World, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def remove(world: World, path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("alter", [swap_messages, flip_a_byte, cut_short, remove])
def test_an_altered_file_of_messages_does_not_open(
    world: World, row: OrderRow, alter: Callable[[World, Path], None]
) -> None:
    held = take(world)
    alter(world, cut.file_path(world.home, held.batch.file))
    with pytest.raises(PermanentError):
        Door(world.home, world.vault.keyring).open(held)


def change_the_key(world: World, path: Path) -> None:
    AudienceRow.objects.update(wrapped_key=world.vault.keyring.new_data_key("audience|another")[1])


def change_the_root(world: World, path: Path) -> None:
    AudienceRow.objects.update(root="00" * 32)


@pytest.mark.parametrize("alter", [change_the_key, change_the_root, flip_a_byte, cut_short, remove])
def test_an_order_with_an_altered_audience_fails_in_public(world: World, alter: Callable[[World, Path], None]) -> None:
    row = world.turn_until(world.order(), OrderRow.DECIDED)
    alter(world, world.home.vault / "orders" / row.digest / "audience.parquet")
    world.turn_until(row, OrderRow.FAILED)
    assert not Batch.objects.filter(order=row.digest).exists()
    failed = json.loads(bytes(Journal.objects.get(kind="failed").body))["body"]
    assert failed == {"order": row.digest, "code": "audience.altered"}


# --- the end of the order's window ---------------------------------------------------------------------


def test_when_the_window_ends_what_is_in_doubt_is_counted_and_the_rest_waits_for_ever(
    world: World, row: OrderRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = take(world)
    hand_off(held, accepted(0))
    intend(held, [1, 2])
    later = clock.now() + dt.timedelta(hours=13)
    monkeypatch.setattr(clock, "now", lambda: later)
    flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.SENDING  # a worker has some of it in its hands
    expire()
    world.turn_until(row, OrderRow.DONE)
    assert outcomes() == {0: "accepted", 1: "unknown", 2: "unknown"}
    assert Batch.objects.get().state == Batch.STOPPED
    assert leased(world, "b") is None


def test_a_flag_shows_its_text_to_those_whose_record_satisfies_it(tmp_path: Path, clean_vault: None) -> None:
    """The condition is decided when the batch is cut; only its answer travels with the sealed cells."""
    persons = [Person(n, arrears="900.00" if n % 2 else "90.00") for n in range(1, 8)]
    world = build(tmp_path, persons)
    large = Flag(name="large", when={"field": "arrears", "op": ">=", "value": 50_000})
    plain = world.notice()
    email = Text(ml=f"((large??വലിയ തുക))\n{plain.email.ml}", en=f"((large??A large sum))\n{plain.email.en}")
    notice = plain.model_copy(update={"flags": (large,), "email": email})
    document = world.order_document(notice)
    world.submit(document, notice=notice)
    world.turn_until(OrderRow.objects.get(), OrderRow.SENDING)
    opened = Door(world.home, world.vault.keyring).open(take(world))
    texts = [message.content.decode() for message in opened.messages if isinstance(message, EmailMessage)]
    assert len(texts) == len(persons)
    assert {("A large sum" in text, "₹ 900.00" in text) for text in texts} == {(True, True), (False, False)}
    assert all(text.count("A large sum") in (0, 2) and "((" not in text for text in texts)
