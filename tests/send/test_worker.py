"""The worker with the real database and an outside world that answers: sent once, stopped at once, nothing lost."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ariyippu import flow
from ariyippu.base.errors import PermanentError
from ariyippu.base.settings import database_url
from ariyippu.demo.outside.keep import read_mail, read_sms
from ariyippu.demo.outside.run import Outside, running
from ariyippu.notice.models import OrderRow
from ariyippu.policy import objections
from ariyippu.policy.documents import Scope, Stay
from ariyippu.policy.models import AudienceRow, Told
from ariyippu.send import choice, lease
from ariyippu.send.carriers import Answer, Arrival, Carrier, Message, open_carrier
from ariyippu.send.models import Batch, MessageFile, Outcome, PutOff, Window
from ariyippu.send.open import Door
from ariyippu.send.watch import SILENCE_S, Watch
from ariyippu.send.worker import Worker
from ariyippu.track import settle
from tests.refusals import refused
from tests.send.by_hand import leased, take
from tests.world import Person, World, build, people, write_settings

pytestmark = pytest.mark.usefixtures("clean_vault")

WINDOW = 10


class Quiet(Watch):
    """A watch that never hears of a stay and is always in touch."""

    def alive(self) -> bool:
        return True


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[tuple[int, int]]:
    with running(Outside(tmp_path)) as found:
        yield found


@pytest.fixture
def watch() -> Iterator[Watch]:
    """The real one, listening."""
    listening = Watch(database_url())
    listening.start()
    while not listening.alive():
        listening.join(0.01)
    yield listening
    listening.stop()
    listening.join()


@contextmanager
def at_work(world: World, watch: Watch | None = None, name: str = "a") -> Iterator[Worker]:
    """A worker that a test moves turn by turn, in the test's own thread."""
    ending = threading.Event()
    made = Worker(
        name,
        door=Door(world.home, world.vault.keyring),
        watch=watch or Quiet(database_url()),
        ending=ending,
        on_receipts=settle.keep,
    )
    yield made
    if not ending.is_set():
        ending.set()
        made.run()  # ends at once, and takes leave of the carriers


def arrived(folder: Path) -> list[str]:
    """Whom e-mail reached, in order. The outside writes several times a second."""
    return [mail["to"] for mail in read_mail(folder)]


def soon(found: Callable[[], object], wanted: object) -> None:
    """`found()` becomes `wanted` within ten seconds."""
    waiting = threading.Event()
    for _ in range(200):
        if found() == wanted:
            return
        waiting.wait(0.05)
    assert found() == wanted


def outcomes(row: OrderRow) -> dict[str, dict[str, int]]:
    return settle.outcomes(row.digest)


def collected(one: Worker, row: OrderRow) -> dict[str, dict[str, int]]:
    one._collect_receipts()
    return outcomes(row)


def test_a_whole_batch_is_accepted_and_recorded(tmp_path: Path, ports: tuple[int, int]) -> None:
    persons = [*people(23), *(Person(100 + n, email="") for n in range(7))]
    world = build(tmp_path, persons, carriers=ports, window=WINDOW)
    row = world.sending()
    with at_work(world) as one:
        assert [one._turn(), one._turn(), one._turn()] == [True, True, False]
        soon(lambda: collected(one, row).get("sms"), {"delivered": 7})
    assert outcomes(row) == {"email": {"accepted": 23}, "sms": {"delivered": 7}}
    soon(lambda: len(arrived(tmp_path)), 23)
    assert len(set(arrived(tmp_path))) == 23
    soon(lambda: len({sms["to"] for sms in read_sms(tmp_path)}), 7)
    assert not Window.objects.filter(closed_at__isnull=True).exists()
    assert Window.objects.count() == 3 + 1
    assert Told.objects.count() == 30
    world.turn_until(row, OrderRow.DONE)


def test_who_was_told_is_not_told_again_within_the_interval(tmp_path: Path, ports: tuple[int, int]) -> None:
    world = build(tmp_path, [*people(5), Person(6, email="nobody0000@mail.example")], carriers=ports)
    row = world.sending()
    with at_work(world) as one:
        one._turn()
        assert outcomes(row)["email"] == {"accepted": 5, "refused": 1}
        again = world.turn_until(world.order(id="the-same-again"), OrderRow.DECIDED)
    assert AudienceRow.objects.get(order=again.digest).counts == {"told_recently": 5, "included": 1}


def test_a_refused_and_a_full_mailbox(tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """452 is asked again and given up in the end; 550 is final; both are asked nothing more than that."""
    persons = [Person(1, email="nobody0000@mail.example"), Person(2, email="full0001@mail.example"), Person(3)]
    world = build(tmp_path, persons, carriers=ports)
    row = world.sending()
    handed: list[int] = []
    with at_work(world) as one, monkeypatch.context() as patch:
        patch.setattr(choice, "open_carrier", lambda settings: Counting(open_carrier(settings), handed))
        for attempt in range(1, world.home.settings.max_attempts + 1):
            assert one._turn()
            batch = Batch.objects.get()
            if batch.state != Batch.DONE:
                assert PutOff.objects.get().attempts == attempt
                assert not one._turn()  # it waits for its time, longer with every attempt
                Batch.objects.update(not_before=row.accepted_at)
                PutOff.objects.update(not_before=row.accepted_at)
    assert outcomes(row) == {"email": {"accepted": 1, "refused": 1, "gave_up": 1}}
    assert len(handed) == 3 + world.home.settings.max_attempts - 1
    assert Told.objects.count() == 1


class Counting:
    """A carrier that does something after it took the n-th message in all."""

    def __init__(self, inner: Carrier, handed: list[int], at: int = -1, then: Callable[[], None] = lambda: None):
        self._inner, self._handed, self._at, self._then = inner, handed, at, then

    def hand_off(self, messages: Iterator[Message]) -> Iterator[Answer]:
        return self._inner.hand_off(self._counted(messages))

    def _counted(self, messages: Iterator[Message]) -> Iterator[Message]:
        for message in messages:
            self._handed.append(message.position)
            yield message
            if len(self._handed) == self._at:
                self._then()

    def receipts(self) -> list[Arrival]:
        return self._inner.receipts()

    def close(self) -> None:
        self._inner.close()


# --- stays -------------------------------------------------------------------------------------------


def test_a_stay_in_the_middle_of_a_window_stops_before_the_next_message(
    tmp_path: Path, ports: tuple[int, int], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build(tmp_path, people(35), carriers=ports, window=WINDOW)
    row = world.sending()
    handed: list[int] = []
    placed: list[Stay] = []

    def place() -> None:
        generation = watch.generation
        placed.append(world.stay(scope=Scope(register="spark")))
        while watch.generation == generation:
            watch.join(0.005)

    monkeypatch.setattr(choice, "open_carrier", lambda settings: Counting(open_carrier(settings), handed, 14, place))
    with at_work(world, watch) as one:
        assert one._turn()
        assert handed == list(range(14))
        assert not one._turn()
        assert outcomes(row) == {"email": {"accepted": 14, "waiting": 21}}
        world.lift(placed[0])
        flow.turn(world.vault)
        assert not one._turn()  # an ended stay does not release
        flow.release(row.order_id, world.home)
        assert one._turn()
    assert outcomes(row) == {"email": {"accepted": 35}}
    assert handed == list(range(35))
    soon(lambda: len(arrived(tmp_path)), 35)
    assert len(set(arrived(tmp_path))) == 35


def test_a_notification_that_stops_nothing_costs_a_turn_and_no_message(
    tmp_path: Path, ports: tuple[int, int], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build(tmp_path, people(15), carriers=ports, window=WINDOW)
    row = world.sending()
    handed: list[int] = []

    def place() -> None:
        generation = watch.generation
        world.stay(scope=Scope(channel="sms"))
        while watch.generation == generation:
            watch.join(0.005)

    monkeypatch.setattr(choice, "open_carrier", lambda settings: Counting(open_carrier(settings), handed, 4, place))
    with at_work(world, watch) as one:
        assert [one._turn(), one._turn(), one._turn()] == [True, True, False]
    assert outcomes(row) == {"email": {"accepted": 15}}
    assert handed == list(range(15))


class Deaf(Quiet):
    """A watch that has not heard from its database for SILENCE_S after it was asked `asked` times."""

    def __init__(self, asked: int) -> None:
        super().__init__(database_url())
        self._left = asked

    def alive(self) -> bool:
        self._left -= 1
        return self._left >= 0


def test_a_watch_that_hears_nothing_stops_the_hand_off(tmp_path: Path, ports: tuple[int, int]) -> None:
    world = build(tmp_path, people(15), carriers=ports, window=WINDOW)
    row = world.sending()
    with at_work(world, Deaf(5)) as one:  # asked before the lease, before the window, then before each message
        assert one._turn()
    assert outcomes(row) == {"email": {"accepted": 3, "waiting": 12}}


def test_the_watch_is_in_touch_only_for_so_long(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Watch(database_url()).alive()  # before it ever heard
    watch.stop()
    watch.join()
    assert watch.alive()
    later = time.monotonic() + SILENCE_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert not watch.alive()


# --- faults ------------------------------------------------------------------------------------------


def test_a_carrier_out_of_reach_loses_nothing(tmp_path: Path, ports: tuple[int, int]) -> None:
    world = build(tmp_path, people(5))  # port 1: nobody listens
    row = world.sending()
    with at_work(world) as one:
        assert one._turn()
        assert outcomes(row) == {"email": {"waiting": 5}}
        assert not Outcome.objects.exists()
        assert not Window.objects.filter(closed_at__isnull=True).exists()
        batch = Batch.objects.get()
        assert (batch.state, batch.leased_by) == (Batch.READY, None)
        assert not one._turn()  # it waits before it tries again
    Batch.objects.update(not_before=row.accepted_at)
    write_settings(world.home, ports, WINDOW)
    vars(world.home).pop("settings")
    with at_work(world) as one:
        assert one._turn()
    assert outcomes(row) == {"email": {"accepted": 5}}


def test_a_worker_that_died_in_a_window_costs_that_window(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build(tmp_path, people(25), carriers=ports, window=WINDOW)
    row = world.sending()
    handed: list[int] = []

    def die() -> None:
        raise SystemExit

    with at_work(world) as dying, monkeypatch.context() as patch:
        patch.setattr(choice, "open_carrier", lambda settings: Counting(open_carrier(settings), handed, 13, die))
        with pytest.raises(SystemExit):
            dying._turn()
    lease.reclaim("a")
    with at_work(world, name="b") as one:
        assert one._turn()
        assert not one._turn()
    assert outcomes(row) == {"email": {"accepted": 15, "unknown": 10}}
    assert handed == list(range(13))
    soon(lambda: len(arrived(tmp_path)), len(set(arrived(tmp_path))))
    assert Told.objects.count() == 25  # whoever may have been told counts as told


def test_what_another_worker_declared_in_doubt_stays_so(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that slept through its lease in the middle of a window: its answers come too late to be believed."""
    world = build(tmp_path, people(15), carriers=ports, window=WINDOW)
    row = world.sending()

    def overtake() -> None:
        lease.reclaim("a")
        assert leased(world, "b") is not None

    monkeypatch.setattr(choice, "open_carrier", lambda settings: Counting(open_carrier(settings), [], 5, overtake))
    with at_work(world) as late:
        assert late._turn()
    assert outcomes(row) == {"email": {"unknown": 10, "waiting": 5}}
    assert Batch.objects.get().leased_by == "b"


def test_an_altered_file_of_messages_harms_no_other_order(tmp_path: Path, ports: tuple[int, int]) -> None:
    world = build(tmp_path, people(5), carriers=ports)
    row = world.sending()
    path = world.home.vault / "orders" / row.digest / "email-0000.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    other = world.sending(id="another-order")
    with at_work(world) as one:
        threading.Timer(1.0, one._ending.set).start()
        one.run()
        assert outcomes(row) == {"email": {"waiting": 5}}
    with at_work(world, name="b") as another:
        assert another._turn()
    assert outcomes(other) == {"email": {"accepted": 5}}


def test_who_objected_or_was_told_since_the_decision_is_withheld(tmp_path: Path, ports: tuple[int, int]) -> None:
    world = build(tmp_path, people(5), carriers=ports, window=WINDOW)
    row = world.sending()
    held = take(world, "b")
    records = Door(world.home, world.vault.keyring).open(held).records
    lease.give_back(held)
    world.objection("spark", records[:1], "dpv:PersonnelPayment")
    objections.record_told("spark", records[1:2], held.verified.order.purpose)
    with at_work(world) as one:
        assert one._turn()
    assert outcomes(row) == {"email": {"accepted": 3, "withheld": 2}}
    assert set(Outcome.objects.filter(outcome="withheld").values_list("code", flat=True)) == {
        "objected",
        "told_recently",
    }
    assert row.digest == Batch.objects.get().order


def test_a_database_that_forgot_windows_sends_nothing(tmp_path: Path, ports: tuple[int, int]) -> None:
    """A back-up from the middle of the sending is restored: what left since would leave again."""
    world = build(tmp_path, people(15), carriers=ports, window=WINDOW)
    row = world.sending()
    with at_work(world) as one:
        assert one._turn()
        soon(lambda: len(arrived(tmp_path)), 15)
        Outcome.objects.all().delete()
        Window.objects.all().delete()
        Batch.objects.update(state=Batch.READY)
        OrderRow.objects.update(state=OrderRow.SENDING)
        with refused("vault.database_behind"):
            one._turn()
    assert len(arrived(tmp_path)) == 15
    assert outcomes(row) == {"email": {"waiting": 15}}


def test_a_batch_that_names_another_order_s_file_does_not_open(tmp_path: Path, ports: tuple[int, int]) -> None:
    world = build(tmp_path, people(5), carriers=ports, window=WINDOW)
    row = world.sending()
    MessageFile.objects.update(order="0" * 64)
    with at_work(world) as one, pytest.raises(PermanentError, match="a file of something else"):
        one._turn()
    assert outcomes(row) == {"email": {"waiting": 5}}


def test_receipts_that_came_while_nobody_listened_are_fetched(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vault stopped after the hand-off; the next one has nothing to send, and still hears what became of it."""
    world = build(tmp_path, [Person(100 + n, email="") for n in range(7)], carriers=ports, window=WINDOW)
    row = world.sending()
    with at_work(world) as one, monkeypatch.context() as patch:
        patch.setattr(one, "_collect_receipts", lambda: None)
        assert one._turn()
    assert outcomes(row) == {"sms": {"accepted": 7}}
    with at_work(world, name="b") as later:
        soon(lambda: (later._turn(), outcomes(row))[1], {"sms": {"delivered": 7}})
