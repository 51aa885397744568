"""The way of a document and of an order: what is public, what waits, what ends, and what is refused without a trace."""

import dataclasses
import datetime as dt
import json
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ariyippu import flow
from ariyippu.base import clock, journal
from ariyippu.base.documents import MAX_ENTRY_BYTES, Envelope, sign
from ariyippu.base.home import Home
from ariyippu.base.models import Entry, Journal
from ariyippu.notice import orders
from ariyippu.notice.models import OrderRow
from ariyippu.policy.documents import Scope
from ariyippu.policy.models import AudienceRow, Told
from ariyippu.send.models import Batch, Outcome
from tests.refusals import refused, with_payload
from tests.world import PURPOSE, World, build, people

COUNT = 12


@pytest.fixture
def world(clean_vault: None, tmp_path: Path) -> World:
    return build(tmp_path, people(COUNT))


def bodies(kind: str) -> list[dict[str, object]]:
    return [json.loads(bytes(row.body))["body"] for row in Journal.objects.filter(kind=kind).order_by("pk")]


def turn_clock(monkeypatch: pytest.MonkeyPatch, by: dt.timedelta) -> None:
    present = clock.now() + by
    monkeypatch.setattr(clock, "now", lambda: present)


def with_settings(world: World, text: str) -> flow.Vault:
    """The world's vault after its settings were changed."""
    settings = world.home.path / "settings.toml"
    settings.write_text(text + settings.read_text())
    return dataclasses.replace(world.vault, home=Home(world.home.path))


# --- documents ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["publicity", "requester", "court"])
def test_a_refusal_is_public_when_an_officer_signed(world: World, who: str) -> None:
    notice = world.notice()
    order = world.order_document(notice)
    envelope = world.offices.signed(order, [who])
    with refused("signature.missing_role"):
        flow.receive(envelope, notice.payload(), world.home)
    (refusal,) = bodies("refusal")
    assert refusal == {
        "document": order.digest(),
        "document_kind": order.payload_type(),
        "code": "signature.missing_role",
        "envelope": envelope.model_dump(mode="json", exclude_none=True),
    }


def test_a_refusal_is_public_when_one_signature_of_several_is_an_officer_s(world: World) -> None:
    notice = world.notice()
    envelope = sign(world.offices.signed(world.order_document(notice), ["publicity"]), Ed25519PrivateKey.generate())
    with refused("signature.unknown_key"):
        flow.receive(envelope, notice.payload(), world.home)
    assert len(bodies("refusal")) == 1


def test_what_nobody_known_signed_leaves_no_trace(world: World) -> None:
    notice = world.notice()
    envelope = Envelope.of(world.order_document(notice))
    stolen = world.offices.signed(world.order_document(notice, id="another-order")).signatures
    root = sign(envelope, world.offices.root_keys[0])
    for unknown in (
        envelope,
        sign(envelope, Ed25519PrivateKey.generate()),
        envelope.model_copy(update={"signatures": stolen}),
        root,
    ):
        with refused(""):
            flow.receive(unknown, notice.payload(), world.home)
    assert bodies("refusal") == []


def test_an_expired_officer_s_signature_leaves_no_trace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    notice = world.notice()
    turn_clock(monkeypatch, dt.timedelta(days=31))
    with refused("trust.expired"):
        flow.receive(world.offices.signed(world.order_document(notice)), notice.payload(), world.home)
    assert bodies("refusal") == []


def test_the_vault_takes_no_other_kinds(world: World) -> None:
    with refused("document.wrong_kind"):
        world.submit(world.notice())
    empty = Envelope(payloadType="text/plain", payload="")
    with refused("document.wrong_kind"):
        flow.receive(empty, b"", world.home)
    with refused("document.invalid"):
        flow.receive(with_payload(Envelope.of(world.grant), b"\xff\xfe"), b"", world.home)
    with refused("document.too_long"):
        flow.receive(with_payload(Envelope.of(world.grant), b" " * 50_000), b"", world.home)
    assert [refusal["code"] for refusal in bodies("refusal")] == ["document.wrong_kind"]  # the officers signed one


def test_what_is_not_base64_is_refused_and_nothing_more(world: World) -> None:
    envelope = Envelope.of(world.grant).model_copy(update={"payload": "§"})
    with refused("document.invalid"):
        flow.receive(envelope, b"", world.home)


# --- the journal -------------------------------------------------------------------------------------


def test_evidence_outside_a_transaction_is_a_bug(clean_vault: None) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        journal.append("release", {"order": "a"})
    assert not Journal.objects.exists()


@pytest.mark.django_db
def test_an_entry_that_the_log_cannot_hold_is_refused() -> None:
    with refused("journal.too_long"):
        journal.append("release", {"order": "a" * MAX_ENTRY_BYTES})
    journal.append("release", {"order": "a" * (MAX_ENTRY_BYTES - 200)})
    assert Journal.objects.count() == 1


def test_the_longest_notice_fits_the_log(world: World) -> None:
    listed = [f"{n:04}{'a' * 60}" for n in range(500)]
    notice = world.notice(criteria={"field": "sanction_reference", "in": listed})
    assert len(notice.payload()) > 35_000
    world.submit(world.order_document(notice), notice=notice)
    flow.publish(world.vault)
    assert journal.cosigned_at(OrderRow.objects.get().journal_id) is not None


def test_a_padded_envelope_is_no_envelope(world: World) -> None:
    """Nobody pads a signature so that its refusal would not fit the log."""
    envelope = world.offices.signed(world.grant, ["publicity"])
    padded = envelope.model_dump_json().replace(envelope.signatures[0].sig, "a" * 70_000)
    with refused("envelope.invalid"):
        Envelope.parse(padded)


def test_an_accepted_document_handed_in_again_with_something_wrong_leaves_no_refusal(world: World) -> None:
    """Anybody can take a published envelope and hand it in with another notice."""
    notice = world.notice()
    document = world.order_document(notice)
    world.submit(document, notice=notice)
    with refused("order.other_notice"):
        flow.receive(world.offices.signed(document), world.notice(sanction_reference="another").payload(), world.home)
    assert bodies("refusal") == []


def test_the_same_refusal_is_published_once(world: World) -> None:
    notice = world.notice()
    envelope = world.offices.signed(world.order_document(notice), ["publicity"])
    for _ in range(3):
        with refused("signature.missing_role"):
            flow.receive(envelope, notice.payload(), world.home)
    assert len(bodies("refusal")) == 1


# --- orders ------------------------------------------------------------------------------------------


def test_an_order_goes_its_way_state_by_state(world: World) -> None:
    row = world.order()
    flow.turn(world.vault)  # it is published, and decided in the same turn: it has no cooling-off here
    row.refresh_from_db()
    assert row.state == OrderRow.DECIDED
    assert journal.cosigned_at(row.journal_id) is not None
    frozen = AudienceRow.objects.get()
    assert journal.cosigned_at(frozen.journal_id) is None  # decided after this turn's publication
    assert not Batch.objects.exists()
    flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.SENDING
    assert journal.cosigned_at(frozen.journal_id) is not None
    assert sum(batch.size for batch in Batch.objects.all()) == frozen.counts["included"] == COUNT


def test_it_ends_when_every_batch_is_done_with_rounded_counts(world: World) -> None:
    row = world.sending()
    (batch,) = Batch.objects.all()
    Outcome.objects.bulk_create(
        Outcome(batch=batch, position=n, outcome="accepted" if n else "refused", code="250") for n in range(COUNT)
    )
    flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.SENDING
    Batch.objects.update(state=Batch.DONE)
    world.turn_until(row, OrderRow.DONE)
    assert bodies("handed-off") == [{"order": row.digest, "outcomes": {"email": {"accepted": 10, "refused": 0}}}]
    flow.turn(world.vault)
    assert len(bodies("handed-off")) == 1


def test_not_published_not_decided(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.order()
    monkeypatch.setattr(flow, "publish", lambda _vault: None)
    for _ in range(3):
        flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.ACCEPTED
    assert not Entry.objects.exists()


def test_an_audience_whose_root_is_not_published_is_not_cut(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.turn_until(world.order(), OrderRow.DECIDED)
    with monkeypatch.context() as unpublished:
        unpublished.setattr(flow, "publish", lambda _vault: None)
        for _ in range(3):
            flow.turn(world.vault)
    assert not Batch.objects.exists()
    world.turn_until(row, OrderRow.SENDING)


def test_the_purpose_s_cooling_off_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = world.home.path / "settings.toml"
    settings.write_text(settings.read_text().replace(f'"{PURPOSE}" = 0', ""))
    vault = dataclasses.replace(world.vault, home=Home(world.home.path))
    row = world.order()
    for minutes, state in ((0, OrderRow.ACCEPTED), (58, OrderRow.ACCEPTED), (3, OrderRow.DECIDED)):
        turn_clock(monkeypatch, dt.timedelta(minutes=minutes))
        flow.turn(vault)
        row.refresh_from_db()
        assert row.state == state


def test_the_order_s_window_is_waited_for_and_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begins = clock.now().replace(microsecond=0) + dt.timedelta(hours=1)
    row = world.order(not_before=begins)
    flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.ACCEPTED
    turn_clock(monkeypatch, dt.timedelta(hours=1))
    world.turn_until(row, OrderRow.SENDING)
    turn_clock(monkeypatch, dt.timedelta(hours=12))
    flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.DONE
    assert {batch.state for batch in Batch.objects.all()} == {Batch.STOPPED}
    assert bodies("handed-off") == [{"order": row.digest, "outcomes": {"email": {"waiting": 10}}}]


def test_an_order_whose_window_ends_before_anybody_is_decided_about_expires(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = world.order(not_before=clock.now().replace(microsecond=0) + dt.timedelta(hours=1))
    turn_clock(monkeypatch, dt.timedelta(hours=14))
    for _ in range(2):
        flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.DONE
    assert bodies("expired") == [{"order": row.digest}]
    assert not bodies("handed-off")
    assert not AudienceRow.objects.exists()


def test_an_order_that_no_longer_holds_waits_and_goes_on_when_it_does(world: World) -> None:
    row = world.order()
    keys = world.offices.trust().keys
    world.new_trust(version=2, keys=tuple(key for key in keys if key.person != "owner"))
    for _ in range(3):
        flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.ACCEPTED
    world.new_trust(version=3)
    world.turn_until(row, OrderRow.SENDING)


def test_a_stay_over_all_of_it_holds_the_decision_until_a_person_releases(world: World) -> None:
    row = world.order()
    stay = world.stay()
    for _ in range(2):
        flow.turn(world.vault)
    assert not AudienceRow.objects.exists()
    with refused("order.stayed"):
        flow.release(row.order_id, world.home)
    world.lift(stay)
    for _ in range(2):
        flow.turn(world.vault)
    assert not AudienceRow.objects.exists()  # a lift releases nothing
    flow.release(row.order_id, world.home)
    world.turn_until(row, OrderRow.SENDING)


def test_a_stay_over_one_channel_leaves_the_other(world: World) -> None:
    world.stay(scope=Scope(channel="email"))
    world.sending()
    assert {batch.channel for batch in Batch.objects.all()} == {"sms"}
    assert AudienceRow.objects.get().counts == {"included": COUNT}


def test_an_altered_audience_fails_the_order_in_public(world: World) -> None:
    row = world.turn_until(world.order(), OrderRow.DECIDED)
    AudienceRow.objects.update(root="0" * 64)
    world.turn_until(row, OrderRow.FAILED)
    assert not Batch.objects.exists()
    assert [failed["code"] for failed in bodies("failed")] == ["audience.altered"]


def test_over_the_cap_nobody_is_told_and_the_others_go_on(world: World) -> None:
    failing = world.order(max_messages=COUNT - 1)
    good = world.order(id="another-order")
    world.turn_until(good, OrderRow.SENDING)
    failing.refresh_from_db()
    assert failing.state == OrderRow.FAILED
    assert [(failed["order"], failed["code"]) for failed in bodies("failed")] == [(failing.digest, "order.over_cap")]
    assert {batch.order for batch in Batch.objects.all()} == {good.digest}
    assert not Told.objects.exists()


def test_a_failed_order_is_not_taken_up_again_by_its_document_or_a_release(world: World) -> None:
    notice = world.notice()
    document = world.order_document(notice, max_messages=1)
    world.submit(document, notice=notice)
    row = world.turn_until(OrderRow.objects.get(digest=document.digest()), OrderRow.FAILED)
    world.submit(document, notice=notice)  # once more
    flow.release(row.order_id, world.home)
    flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.FAILED


def test_the_journal_names_nobody(world: World) -> None:
    world.sending()
    texts = b"".join(bytes(row.body) for row in Journal.objects.all())
    for person in people(COUNT):
        assert person.pen.encode() not in texts
        assert person.name.encode() not in texts
    assert b"mail.example" not in texts


# --- the process -------------------------------------------------------------------------------------


def test_one_vault_at_a_time(world: World) -> None:
    with flow.opened(world.home), refused("vault.running"), flow.opened(world.home):
        pass
    with flow.opened(world.home):
        pass


def test_an_order_that_nobody_accepted_cannot_be_released(world: World) -> None:
    with refused("order.unknown"):
        flow.release("no-such-order", world.home)


def test_a_row_that_is_not_what_was_signed_does_not_move(world: World) -> None:
    row = world.order()
    other = world.order_document(world.notice(), id="da-arrears-granted-1", max_messages=1)
    OrderRow.objects.update(envelope=world.offices.signed(other).model_dump_json())
    for _ in range(3):
        flow.turn(world.vault)
    row.refresh_from_db()
    assert row.state == OrderRow.ACCEPTED
    with refused("order.altered"):
        orders.verify_row(row, world.home)


def test_it_runs_until_it_is_told_to_end(world: World) -> None:
    """The first thing that it does is to publish what a crash left unpublished; the last is to publish the rest."""
    vault = with_settings(world, "workers = 0\n")
    ending = threading.Event()
    ending.set()
    flow.run(vault, ending)
    assert Entry.objects.filter(cosigned_at__isnull=False).count() == Journal.objects.count()
