"""Several carriers for a channel: the next one when one fails, never to go around a refusal; each has its own ids."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.base.home import CarrierSettings, Home, Settings
from ariyippu.demo.outside.keep import read_mail, read_sms
from ariyippu.demo.outside.run import Outside, running
from ariyippu.grant import purposes
from ariyippu.send import breaker, choice
from ariyippu.send.breaker import STEP_VOLUME, STEPS, UNREACHABLE, VOLUME, State
from ariyippu.send.carriers import Answer, Message, Receipt, SmsMessage, Verdict
from ariyippu.send.choice import Choice, Chosen
from ariyippu.send.models import Batch, Outcome
from tests.refusals import refused
from tests.send.test_worker import at_work, collected, outcomes, soon
from tests.world import PURPOSE, Person, World, build, people

COUNT = 12
ANY = purposes.get(PURPOSE)
DOWN = 1  # a port where nobody listens


def settings(**carriers: object) -> Settings:
    return Settings.model_validate({"carriers": carriers})


SMS = {"url": "smpp://a:b@127.0.0.1:1", "sender": "KLNOTC"}


def further(name: str, **changes: object) -> dict[str, object]:
    return {"name": name, "url": "smpp://a:b@127.0.0.1:2", **changes}


# --- which one ---------------------------------------------------------------------------------------


def test_the_cheapest_is_first_and_equals_as_they_are_listed() -> None:
    dear, cheap, usual = (further(n, segment_price_paise=p) for n, p in (("dear", 30), ("cheap", 12.5), ("usual", 20)))
    found = settings(sms=SMS | {"others": [dear, cheap, usual]}).carriers_of("sms")
    assert list(found) == ["cheap", "sms", "usual", "dear"]
    assert found["cheap"].url.endswith(":2")
    assert {each.sender for each in found.values()} == {"KLNOTC"}  # the same message, whoever takes it
    assert settings(sms=SMS).carriers_of("email") == {}


@pytest.mark.parametrize("names", [["one", "one"], ["sms"], ["email"], ["Not a name"]])
def test_a_name_names_one_carrier(names: list[str]) -> None:
    with pytest.raises(ValidationError):
        settings(sms=SMS | {"others": [further(name) for name in names]})


def chosen(*names: str) -> Choice:
    return Choice(settings(sms=SMS | {"others": [further(name) for name in names]}))


def test_the_next_one_takes_over_while_those_before_it_rest() -> None:
    found = chosen("second", "third")
    assert found.of("sms", ANY).name == "sms"
    for name, follower in (("sms", "second"), ("second", "third")):
        assert found.of("sms", ANY).name == name
        found.of("sms", ANY).breaker.count(VOLUME, VOLUME, time.monotonic())
        assert found.of("sms", ANY).name == follower
    found.of("sms", ANY).breaker.count(VOLUME, VOLUME, time.monotonic())
    assert found.of("sms", ANY).name == "sms"  # all rest: the channel goes on


def test_who_comes_back_is_given_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "REST_S", 0.0)
    found = chosen("second")
    first = found.of("sms", ANY).breaker
    first.count(VOLUME, VOLUME, time.monotonic())
    for share in STEPS:
        names = [found.of("sms", ANY).name for _ in range(16)]
        assert names.count("sms") == 16 * share
        first.count(STEP_VOLUME, 0, time.monotonic())
    assert {found.of("sms", ANY).name for _ in range(16)} == {"sms"}


@pytest.mark.parametrize(("url", "messages"), [("smtp://127.0.0.1:1", 400), ("smpp://a:b@127.0.0.1:1", 100)])
def test_a_window_is_as_large_as_what_its_connections_hold(url: str, messages: int) -> None:
    """An SMPP session is one, whatever `connections` says: a crash leaves no more in doubt than is unanswered."""
    found = CarrierSettings(url=url, sender="KLNOTC", window_messages=100, connections=4)
    assert Chosen("one", found).window_messages == messages


# --- for which purpose --------------------------------------------------------------------------------

SERVICE, TAX = purposes.get("ariyippu:service-circular"), purposes.get("ariyippu:land-tax-due")


def test_a_carrier_is_used_for_its_purposes_and_what_stands_below_them() -> None:
    service = further("service", purposes=["ariyippu:salary-and-benefit"], segment_price_paise=5)
    found = Choice(settings(sms=SMS | {"purposes": ["ariyippu:land-tax-due"], "others": [service]}))
    assert found.of("sms", ANY).name == "service"
    assert found.of("sms", TAX).name == "sms"
    assert found.takes("sms", TAX)
    assert not found.takes("sms", SERVICE)
    assert found.takes("inbox", SERVICE)


def test_a_carrier_that_fails_is_not_replaced_by_one_for_another_purpose() -> None:
    found = Choice(settings(sms=SMS | {"others": [further("tax", purposes=[TAX.id])]}))
    found.of("sms", SERVICE).breaker.count(VOLUME, VOLUME, time.monotonic())
    assert found.of("sms", SERVICE).name == "sms"
    assert found.of("sms", TAX).name == "tax"


def test_a_carrier_that_rests_rests_for_its_purposes_alone() -> None:
    found = Choice(settings(sms=SMS | {"purposes": [TAX.id], "others": [further("rest")]}))
    found.of("sms", TAX).rest(TransientError("No connection."))
    assert not found.takes("sms", TAX)
    assert found.takes("sms", SERVICE)


@pytest.mark.usefixtures("clean_vault")
def test_an_order_that_no_carrier_may_take_is_refused_and_what_was_accepted_before_waits(tmp_path: Path) -> None:
    world = build(tmp_path, people(COUNT, email=""))
    row = world.sending()
    file = world.home.path / "settings.toml"
    file.write_text(file.read_text() + f'purposes = ["{TAX.id}"]\n')  # of SMS
    changed = dataclasses.replace(world, home=Home(world.home.path))
    with refused("order.no_carrier"):
        changed.order(id="another")
    with at_work(changed) as one:
        assert not one._turn()
    assert outcomes(row) == {"sms": {"waiting": COUNT}}
    assert changed.order(id="by-mail", channels=("email",)).state == "accepted"


def test_what_is_no_purpose_is_a_fault_of_the_settings() -> None:
    choice.check_purposes(settings(sms=SMS | {"purposes": [TAX.id]}))
    with refused("settings.invalid"):
        choice.check_purposes(settings(sms=SMS | {"purposes": ["ariyippu:land-tax"]}))


# --- what counts as a failure ------------------------------------------------------------------------


class Fake:
    """A carrier that says of every message the same, or takes none."""

    def __init__(self, says: tuple[Verdict, str] | Exception) -> None:
        self._says = says

    def hand_off(self, messages: Iterator[Message]) -> Iterator[Answer]:
        if isinstance(self._says, Exception):
            raise self._says
        for message in messages:
            yield Answer(message.position, *self._says, provider_id="A", part_ids=("B",))

    def receipts(self) -> list[Receipt]:
        return [Receipt("A", "delivered", "DELIVRD 000")]

    def close(self) -> None:
        pass


def through(monkeypatch: pytest.MonkeyPatch, says: tuple[Verdict, str] | Exception, name: str = "sms") -> Chosen:
    monkeypatch.setattr(choice, "open_carrier", lambda _settings: Fake(says))
    return Chosen(name, settings(sms=SMS).carriers["sms"])


def hand(one: Chosen, messages: int = VOLUME) -> list[Answer]:
    return one.hand_off(SmsMessage(position, "+910000000012", "x", None) for position in range(messages))


@pytest.mark.parametrize(
    ("verdict", "code", "after"),
    [
        (Verdict.ACCEPTED, "ESME_ROK", State.CLOSED),
        (Verdict.PERMANENT, "550 5.7.1", State.CLOSED),  # a refusal is an answer
        (Verdict.PERMANENT, "ESME_RINVDSTADR", State.CLOSED),
        (Verdict.TRANSIENT, "450 4.2.2", State.CLOSED),  # the mailbox
        (Verdict.TRANSIENT, "451 4.7.1", State.CLOSED),  # the destination: greylisting
        (Verdict.TRANSIENT, "MSDP 602", State.CLOSED),  # DLT has the entity on its black list
        (Verdict.TRANSIENT, "MSDP 630", State.CLOSED),
        (Verdict.TRANSIENT, "local.template_held", State.CLOSED),
        (Verdict.TRANSIENT, "ESME_RTHROTTLED", State.CLOSED),  # we were too fast
        (Verdict.UNKNOWN, "ESME_RINVDSTADR", State.CLOSED),  # one part of a long text was refused
        (Verdict.TRANSIENT, "421 4.3.2", State.OPEN),
        (Verdict.TRANSIENT, "ESME_RSYSERR", State.OPEN),
        (Verdict.TRANSIENT, "MSDP 404", State.OPEN),
        (Verdict.TRANSIENT, "HTTP 503", State.OPEN),
        (Verdict.UNKNOWN, "local.connection_lost", State.OPEN),
    ],
)
def test_only_the_carriers_own_trouble_opens_its_breaker(
    monkeypatch: pytest.MonkeyPatch, verdict: Verdict, code: str, after: State
) -> None:
    one = through(monkeypatch, (verdict, code))
    hand(one)
    assert one.breaker.state(time.monotonic()) is after


@pytest.mark.parametrize(
    ("error", "after"),
    [
        (TransientError("No connection."), State.OPEN),
        (RefusedError("carrier.bad_certificate", "It is not trusted."), State.OPEN),
        (RefusedError("carrier.refused", "The gateway refuses this account."), State.CLOSED),
    ],
)
def test_an_account_that_is_refused_is_not_gone_around(
    monkeypatch: pytest.MonkeyPatch, error: Exception, after: State
) -> None:
    one = through(monkeypatch, error)
    for _attempt in range(VOLUME // UNREACHABLE + 1):
        with pytest.raises(type(error)):
            hand(one)
    assert one.breaker.state(time.monotonic()) is after


def test_ids_are_their_carriers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kept in (("sms", ("A", "B")), ("second", ("second/A", "second/B"))):
        one = through(monkeypatch, (Verdict.ACCEPTED, "ESME_ROK"), name)
        [answer] = hand(one, 1)
        assert (answer.provider_id, *answer.part_ids) == kept
        assert [arrival.provider_id for arrival in one.receipts() if isinstance(arrival, Receipt)] == [kept[0]]
        assert choice.is_kept_id(name, kept[0])
        assert not choice.is_kept_id("third", kept[0])


# --- over real connections ---------------------------------------------------------------------------


def world_of(folder: Path, channel: str, port: int, other: int, *more_people: Person) -> World:
    """Whose channel has two carriers, at these ports."""
    scheme = "smtp://" if channel == "email" else "smpp://demo:demo@"
    reached = people(COUNT, email="" if channel == "sms" else None)
    made = build(folder, [*reached, *more_people], carriers=(port, port), window=5)
    file = made.home.path / "settings.toml"
    more = f'[[carriers.{channel}.others]]\nname = "second"\nurl = "{scheme}127.0.0.1:{other}"\nconnections = 1\n'
    file.write_text(f"{file.read_text()}\n{more}")
    return dataclasses.replace(made, home=Home(made.home.path))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault costs no waiting."""
    monkeypatch.setattr(choice, "AFTER_FAULT_S", 0)


@pytest.mark.usefixtures("clean_vault", "hurried")
def test_mail_leaves_by_the_second_relay_while_the_first_is_down(tmp_path: Path) -> None:
    with running(Outside(tmp_path)) as (port, _smpp):
        world = world_of(tmp_path, "email", DOWN, port)
        row = world.sending()
        with at_work(world) as one:
            soon(lambda: (one._turn(), outcomes(row))[1], {"email": {"accepted": COUNT}})
    assert len({mail["to"] for mail in read_mail(tmp_path)}) == len(list(read_mail(tmp_path))) == COUNT
    assert Outcome.objects.filter(provider_id__startswith="second/").count() == COUNT


@pytest.mark.usefixtures("clean_vault", "hurried")
def test_receipts_of_a_further_carrier_find_their_messages(tmp_path: Path) -> None:
    with running(Outside(tmp_path)) as (_smtp, port):
        world = world_of(tmp_path, "sms", DOWN, port)
        row = world.sending()
        with at_work(world) as one:
            soon(lambda: (one._turn(), collected(one, row))[1], {"sms": {"delivered": COUNT}})
    assert len(list(read_sms(tmp_path))) == COUNT


@pytest.mark.usefixtures("clean_vault", "hurried")
def test_what_one_carrier_refused_no_other_is_asked(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        folders = [tmp_path / "first", tmp_path / "second"]
        for folder in folders:
            folder.mkdir()
        (first, _one), (second, _two) = (stack.enter_context(running(Outside(folder))) for folder in folders)
        world = world_of(tmp_path, "email", first, second, Person(99, email="nobody0000@mail.example"))
        row = world.sending()
        with at_work(world) as one:
            assert one._turn()
            one._choice.of("email", ANY).breaker.count(VOLUME, VOLUME, time.monotonic())
            assert one._choice.of("email", ANY).name == "second"
            Batch.objects.update(not_before=row.accepted_at)
            assert not one._turn()
    assert outcomes(row) == {"email": {"accepted": COUNT, "refused": 1}}
    assert list(read_mail(tmp_path / "second")) == []
