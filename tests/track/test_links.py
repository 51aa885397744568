"""What a message's holder can say from its link: by its token alone, for that message alone, once."""

from pathlib import Path
from typing import get_args

import pytest

from ariyippu.policy import objections, suspensions
from ariyippu.policy.models import Objection, Preference, Suspension
from ariyippu.send.carriers import EmailMessage
from ariyippu.send.models import Batch
from ariyippu.send.open import Door
from ariyippu.send.tokens import MessageTokens
from ariyippu.track import links, sent
from ariyippu.track.links import Linked
from tests.send import by_hand
from tests.world import PURPOSE, Person, World, build

pytestmark = pytest.mark.usefixtures("clean_vault")


@pytest.fixture
def world(tmp_path: Path, clean_vault: None) -> World:
    made = build(tmp_path, [Person(1), Person(2), Person(3, email="")])
    made.sending()
    return made


def link_tokens(world: World) -> list[tuple[str, bytes, bytes]]:
    """(token, record, contact) of every message, as they leave."""
    found = []
    for batch in Batch.objects.select_related("file"):
        records, contacts = sent.rows(batch, world.home, world.vault.keyring)
        tokens = MessageTokens.of(world.vault.keyring, "link").make(batch.pk, batch.order, records)
        found += list(zip(tokens, records, contacts, strict=True))
    return found


def test_every_message_carries_its_own_link(world: World) -> None:
    left = ""
    for _channel in range(2):
        held = by_hand.take(world)
        for message in Door(world.home, world.vault.keyring).open(held).messages:
            left += message.content.decode() if isinstance(message, EmailMessage) else getattr(message, "text", "")
    for token, _record, _contact in link_tokens(world):
        assert f"{world.home.settings.public_url}/m/{token}" in left


def test_looking_keeps_nothing_and_shows_public_facts(world: World) -> None:
    for token, _record, _contact in link_tokens(world):
        found = links.look(token, world.home, world.vault.keyring)
        assert found == Linked("da-arrears-granted-1", PURPOSE)
    assert not any(model.objects.exists() for model in (Objection, Preference, Suspension))


def test_no_more_of_these_is_an_objection_to_that_purpose(world: World) -> None:
    (token, record, _contact), *_others = link_tokens(world)
    for _ in range(2):
        assert links.act(token, "stop", world.home, world.vault.keyring) is not None
    kept = Objection.objects.get()
    assert (kept.register, bytes(kept.record), kept.purpose) == ("spark", record, PURPOSE)
    held = by_hand.take(world)
    assert objections.withheld(held.verified, [record], {}) == {record: "objected"}


def test_not_for_me_suspends_this_contact_for_every_register(world: World) -> None:
    (token, _record, contact), *_others = link_tokens(world)
    for _ in range(2):
        assert links.act(token, "not-mine", world.home, world.vault.keyring) is not None
    for register in ("spark", "prism"):
        assert suspensions.suspended(register).to_pylist() == [{"token": contact, "cause": "not_mine"}]
    assert not Objection.objects.exists()


def test_told_this_way_is_a_preference_of_the_message_s_channel(world: World) -> None:
    by_mail, *_others, by_sms = link_tokens(world)
    for token, record, _contact in (by_mail, by_sms, by_sms):
        assert links.act(token, "this-way", world.home, world.vault.keyring) is not None
        assert Preference.objects.filter(register="spark", record=record).count() == 1
    kept = {bytes(row.record): row.channel for row in Preference.objects.all()}
    assert kept == {by_mail[1]: "email", by_sms[1]: "sms"}
    assert not Objection.objects.exists()
    assert not Suspension.objects.exists()


@pytest.mark.parametrize("wish", get_args(links.Wish))
def test_only_a_token_of_a_message_s_link_does_anything(world: World, wish: links.Wish) -> None:
    batch = Batch.objects.select_related("file").order_by("pk")[0]
    records, _contacts = sent.rows(batch, world.home, world.vault.keyring)
    keyring = world.vault.keyring
    (good, *_rest) = MessageTokens.of(keyring, "link").make(batch.pk, batch.order, records)
    forged = [
        "a" * 26,
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        MessageTokens.of(keyring, "receipt").make(batch.pk, batch.order, records)[0],  # a return path
        MessageTokens.of(keyring, "link").make(batch.pk, "00" * 32, records)[0],  # of another order
        MessageTokens.of(keyring, "link").make(batch.pk, batch.order, [bytes(16)])[0],  # of another record
        MessageTokens.of(keyring, "link").make(batch.pk + 10**6, batch.order, records)[0],  # no such batch
        MessageTokens.of(keyring, "link").make(batch.pk, batch.order, [*records, bytes(16)])[-1],  # no such place
    ]
    for token in forged:
        assert links.act(token, wish, world.home, keyring) is None
        assert links.look(token, world.home, keyring) is None
    assert not any(model.objects.exists() for model in (Objection, Preference, Suspension))
