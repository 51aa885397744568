"""Trust documents: who may sign them, what replaces what, and that nothing kept is believed twice."""

import base64
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from ariyippu.base.documents import Envelope, Roots, canonical_json, sign
from ariyippu.base.models import Journal
from ariyippu.grant import trust as trusted
from ariyippu.grant.models import TrustDocument
from tests.offices import Offices, now
from tests.refusals import changed, leaves, refused, with_payload
from tests.world import World, build, people


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    return build(tmp_path, people(1))


def root_signed(offices: Offices, document: dict[str, Any]) -> Envelope:
    """These JSON values as a trust document that the roots signed, valid or not."""
    envelope = with_payload(Envelope.of(offices.trust()), canonical_json(document))
    for key in offices.root_keys[:2]:
        envelope = sign(envelope, key)
    return envelope


def test_a_higher_version_comes_into_force(world: World) -> None:
    world.new_trust(version=7)
    assert trusted.current_trust(world.offices.roots).version == 7
    assert Journal.objects.filter(kind="trust").count() == 2


@pytest.mark.parametrize("version", [1, 2, 3])
def test_versions_only_go_up(world: World, version: int) -> None:
    world.new_trust(version=3)
    with refused("trust.rollback"):
        world.new_trust(version=version)
    assert TrustDocument.objects.count() == 2


@pytest.mark.parametrize(
    "period",
    [
        {"expires_at": now() - dt.timedelta(seconds=1)},
        {"issued_at": now() + dt.timedelta(hours=1)},
    ],
)
def test_one_that_is_not_in_force_is_refused(world: World, period: dict[str, object]) -> None:
    with refused("trust.expired"):
        world.new_trust(version=2, **period)


@pytest.mark.parametrize("who", [[], [0], [0, 0], [0, 0, 1]])
def test_too_few_or_doubled_roots_are_refused(world: World, who: list[int]) -> None:
    envelope = Envelope.of(world.offices.trust(version=2))
    for number in who:
        envelope = sign(envelope, world.offices.root_keys[number])
    with refused("signature.doubled" if len(set(who)) < len(who) else "trust.too_few_roots"):
        trusted.accept_trust(envelope, world.offices.roots)


def test_officers_do_not_sign_trust_documents(world: World) -> None:
    with refused("signature.unknown_key"):
        trusted.accept_trust(world.offices.signed(world.offices.trust(version=2)), world.offices.roots)


def test_every_change_of_every_field_is_refused(world: World) -> None:
    trust = world.offices.trust(version=2)
    envelope = world.offices.root_signed(trust)
    document = trust.model_dump(mode="json")
    for at in leaves(document):
        with refused(""):
            trusted.accept_trust(with_payload(envelope, canonical_json(changed(document, at))), world.offices.roots)
    assert trusted.current_trust(world.offices.roots).version == 1


def _other_spelling(public: str) -> str:
    """Other base64 of the same 32 bytes: the last character before `=` has two bits that say nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spelled = public[:-2] + alphabet[alphabet.index(public[-2]) ^ 1] + "="
    assert base64.b64decode(spelled) == base64.b64decode(public)
    return spelled


@pytest.mark.parametrize("spelled", [False, True])
def test_one_key_under_two_names_is_refused_even_when_the_roots_signed_it(world: World, spelled: bool) -> None:
    document = world.offices.trust(version=2).model_dump(mode="json")
    owner, custodian = (next(k for k in document["keys"] if k["person"] == name) for name in ("owner", "custodian"))
    custodian["public"] = _other_spelling(owner["public"]) if spelled else owner["public"]
    with refused("document.invalid"):
        trusted.accept_trust(root_signed(world.offices, document), world.offices.roots)


@pytest.mark.parametrize(
    "change",
    [
        {"registers": {"spark": "nobody"}},
        {"offices": []},
        {"version": 0},
        {"thresholds": [{"purpose": "dpv:PersonnelPayment", "document": "order", "roles": []}]},
        {"expires_at": "2027-01-01"},
        {"surprise": 1},
    ],
)
def test_an_inconsistent_one_is_refused(world: World, change: dict[str, Any]) -> None:
    document = {**world.offices.trust(version=2).model_dump(mode="json"), **change}
    with refused("document.invalid"):
        trusted.accept_trust(root_signed(world.offices, document), world.offices.roots)


def test_a_kept_one_is_checked_against_the_pinned_roots_each_time(world: World) -> None:
    forged = Offices().root_signed(world.offices.trust(version=9))
    TrustDocument.objects.create(version=9, envelope=forged.model_dump_json())
    with refused("signature.unknown_key"):
        trusted.current_trust(world.offices.roots)


def test_a_version_in_the_row_does_not_make_an_old_document_new(world: World) -> None:
    """A database's administrator puts an old, root-signed document back on top."""
    world.new_trust(version=2)
    old = TrustDocument.objects.get(version=1)
    TrustDocument.objects.create(version=9, envelope=old.envelope)
    with refused("trust.altered"):
        trusted.current_trust(world.offices.roots)


@pytest.mark.django_db
def test_without_a_trust_document_nothing_goes() -> None:
    with refused("trust.missing"):
        trusted.current_trust(Offices().roots)


def test_roots_are_pinned_in_a_file_that_must_be_whole(tmp_path: Path) -> None:
    file = tmp_path / "roots.json"
    with refused("roots.missing"):
        trusted.load_roots(file)
    offices = Offices()
    twice = (offices.roots.keys[0],) * 2
    for text in (
        "",
        "{}",
        '{"threshold":0,"keys":[]}',
        Roots.model_construct(threshold=1, keys=twice).model_dump_json(),
    ):
        file.write_text(text)
        with refused("roots.invalid"):
            trusted.load_roots(file)
    file.write_text(offices.roots.model_dump_json())
    assert trusted.load_roots(file) == offices.roots
