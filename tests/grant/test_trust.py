"""Trust documents: who may sign them, what replaces what, and that nothing kept is believed twice."""

import base64
import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ariyippu import flow
from ariyippu.base import clock
from ariyippu.base.documents import Delegation, Envelope, Revocation, Roots, Trust, canonical_json, sign
from ariyippu.base.errors import RefusedError
from ariyippu.base.models import Journal
from ariyippu.grant import trust as trusted
from ariyippu.grant.models import RootsDocument, TrustDocument
from ariyippu.notice import orders
from tests.offices import Offices, now, public
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


@pytest.mark.django_db
def test_roots_are_pinned_in_a_file_that_must_be_whole(tmp_path: Path) -> None:
    file = tmp_path / "roots.json"
    with refused("roots.missing"):
        trusted.load_roots(file)
    offices = Offices()
    twice = (offices.roots.keys[0],) * 2
    for octets, code in ((b"", "file.empty"), (b"\xff", "file.not_text")):
        file.write_bytes(octets)
        with refused(code):
            trusted.load_roots(file)
    for text in (
        "{}",
        '{"threshold":0,"keys":[]}',
        Roots.model_construct(threshold=1, keys=twice).model_dump_json(),
    ):
        file.write_text(text)
        with refused("roots.invalid"):
            trusted.load_roots(file)
    file.write_text(offices.roots.model_dump_json())
    assert trusted.load_roots(file) == offices.roots


# --- new root keys -----------------------------------------------------------------------------------


def rotation(world: World, by: Iterable[Ed25519PrivateKey], **changes: Any) -> Envelope:
    """The next root keys, two of them new, signed by these."""
    keys = (*world.offices.roots.keys[:1], *(public(key) for key in NEW))
    envelope = Envelope.of(Roots.model_validate({"version": 2, "threshold": 2, "keys": keys, **changes}))
    for key in by:
        envelope = sign(envelope, key)
    return envelope


NEW = [Ed25519PrivateKey.generate() for _ in range(2)]


def enough(world: World) -> list[Ed25519PrivateKey]:
    """Two of the old, two of the new: the first root key is both."""
    return [*world.offices.root_keys[:2], NEW[0]]


def signed_anew(world: World, *by: Ed25519PrivateKey) -> Envelope:
    envelope = Envelope.of(world.offices.trust(version=2))
    for key in by:
        envelope = sign(envelope, key)
    return envelope


def test_new_roots_follow_the_old_and_the_trust_document_is_signed_anew(world: World) -> None:
    row = world.order()
    flow.receive(rotation(world, enough(world)), b"", world.home)
    assert trusted.load_roots(world.home.roots).version == 2
    with refused("signature.unknown_key"):  # what an old root signed holds no more
        orders.verify_row(row, world.home)
    with refused("signature.unknown_key"):
        flow.receive(signed_anew(world, *world.offices.root_keys[:2]), b"", world.home)
    flow.receive(signed_anew(world, world.offices.root_keys[0], NEW[1]), b"", world.home)
    orders.verify_row(row, world.home)
    assert trusted.pinned_roots(world.home.roots).version == 1  # the anchor stays
    flow.receive(rotation(world, enough(world)), b"", world.home)
    assert Journal.objects.filter(kind="roots").count() == 1


def test_the_log_holds_the_envelopes_as_they_came_in(world: World) -> None:
    came = rotation(world, enough(world))
    flow.receive(came, b"", world.home)
    trust = signed_anew(world, world.offices.root_keys[0], NEW[1])
    flow.receive(trust, b"", world.home)
    for kind, envelope in (("roots", came), ("trust", trust)):
        body = Journal.objects.filter(kind=kind).latest("pk").body
        assert json.loads(bytes(body))["body"]["envelope"] == {
            "payloadType": envelope.payloadType,
            "payload": envelope.payload,
            "signatures": [{"keyid": each.keyid, "sig": each.sig} for each in envelope.signatures],
        }


@pytest.mark.parametrize("old", [0, 1, 2])
@pytest.mark.parametrize("new", [0, 1, 2])
def test_it_takes_enough_of_both(world: World, old: int, new: int) -> None:
    """The root key that stays is left out, so that nobody counts for both."""
    by = [*world.offices.root_keys[1 : 1 + old], *NEW[:new]]
    if old == new == 2:
        trusted.accept_roots(rotation(world, by), world.home.roots)
    else:
        with refused("roots.too_few"):
            trusted.accept_roots(rotation(world, by), world.home.roots)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": 3}, "roots.out_of_turn"),
        ({"version": 1}, "roots.out_of_turn"),
        ({"threshold": 3}, "roots.too_few"),
    ],
)
def test_versions_of_roots_go_up_by_one_and_their_own_threshold_counts(
    world: World, changes: dict[str, Any], code: str
) -> None:
    with refused(code):
        trusted.accept_roots(rotation(world, enough(world), **changes), world.home.roots)


def test_a_stranger_or_an_officer_among_the_signers_spoils_it(world: World) -> None:
    for stranger in (Ed25519PrivateKey.generate(), world.offices.keys["custodian"]):
        with refused("signature.unknown_key"):
            trusted.accept_roots(rotation(world, [*enough(world), stranger]), world.home.roots)
    with refused("signature.doubled"):
        trusted.accept_roots(rotation(world, [*enough(world), NEW[0]]), world.home.roots)


def test_a_kept_step_is_checked_each_time(world: World) -> None:
    """A database's administrator puts root keys of their own into the chain."""
    forged = rotation(world, NEW)
    RootsDocument.objects.create(version=2, envelope=forged.model_dump_json())
    with refused("roots.too_few"):
        trusted.load_roots(world.home.roots)


def test_every_change_of_every_field_of_new_roots_is_refused(world: World) -> None:
    envelope = rotation(world, enough(world))
    document = envelope.open(Roots).model_dump(mode="json")
    for at in leaves(document):
        with refused(""):
            trusted.accept_roots(with_payload(envelope, canonical_json(changed(document, at))), world.home.roots)
    assert trusted.load_roots(world.home.roots) == world.offices.roots


# --- revocations -------------------------------------------------------------------------------------


def without(world: World, name: str) -> dict[str, Any]:
    """A trust document in which this officer's key is revoked."""
    (key,) = (key for key in world.offices.trust().keys if key.person == name)
    revoked = Revocation(key=key.key_id, person=name, at=now(), reason="the phone was lost")
    return {"keys": tuple(k for k in world.offices.trust().keys if k != key), "revoked": (revoked,)}


def test_a_revoked_key_stops_what_it_signed_and_says_why(world: World) -> None:
    row = world.order()
    world.new_trust(version=2, **without(world, "custodian"))
    with refused("signature.revoked_key"):
        orders.verify_row(row, world.home)
    with pytest.raises(RefusedError, match="the phone was lost"):
        world.submit(world.grant.model_copy(update={"id": "another-request"}))


def test_a_revoked_key_never_comes_back(world: World) -> None:
    world.new_trust(version=2, **without(world, "custodian"))
    with refused("trust.revocation_dropped"):
        world.new_trust(version=3)
    document = world.offices.trust(version=3).model_dump(mode="json")
    document["revoked"] = [one.model_dump(mode="json") for one in without(world, "custodian")["revoked"]]
    with refused("document.invalid"):
        trusted.accept_trust(root_signed(world.offices, document), world.offices.roots)
    world.new_trust(version=3, **without(world, "custodian"))


def test_a_trust_document_from_before_the_later_fields_keeps_its_bytes(world: World) -> None:
    payload = world.offices.trust().payload()
    assert b"revoked" not in payload
    assert b"delegations" not in payload
    assert Trust.parse(payload).payload() == payload


# --- delegations -------------------------------------------------------------------------------------


def lent(world: World, **changes: Any) -> dict[str, Any]:
    """A second officer of the data centre, who acts as custodian for a week."""
    keys = world.offices.trust().keys
    (giver,) = (key for key in keys if key.person == "custodian")
    taker = giver.model_copy(update={"public": public(DEPUTY), "person": "deputy", "roles": ()})
    week = {"valid_from": now() - dt.timedelta(days=1), "valid_until": now() + dt.timedelta(days=6)}
    values = {"from_key": giver.key_id, "to_key": taker.key_id, "role": "custodian", **week, **changes}
    return {"keys": (*keys, taker), "delegations": (Delegation.model_validate(values),)}


DEPUTY = Ed25519PrivateKey.generate()


def by_the_deputy(world: World, name: str = "by-the-deputy") -> Envelope:
    request = world.grant.model_copy(update={"id": name})
    return sign(world.offices.signed(request, ["requester", "owner"]), DEPUTY)


def test_a_delegate_signs_in_the_role_for_as_long_as_it_lasts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.new_trust(version=2, **lent(world))
    flow.receive(by_the_deputy(world), b"", world.home)
    (stay,) = (world.stay().model_copy(update={"id": "by-the-deputy", "office": "data-centre"}),)
    flow.receive(sign(Envelope.of(stay), DEPUTY), b"", world.home)
    later = clock.now() + dt.timedelta(days=6)
    monkeypatch.setattr(clock, "now", lambda: later)
    with refused("signature.missing_role"):
        flow.receive(by_the_deputy(world, "a-week-later"), b"", world.home)


def test_a_delegation_ends_with_the_key_that_gave_it(world: World) -> None:
    given = lent(world)
    keys = tuple(
        key.model_copy(update={"valid_until": now() - dt.timedelta(minutes=1)}) if key.person == "custodian" else key
        for key in given["keys"]
    )
    world.new_trust(version=2, keys=keys, delegations=given["delegations"])
    with refused("signature.missing_role"):
        flow.receive(by_the_deputy(world), b"", world.home)


def test_an_officer_and_their_delegate_are_one_office(world: World) -> None:
    """Nobody counts twice: the custodian and the deputy do not fill two roles between them."""
    thresholds = tuple(
        threshold.model_copy(update={"roles": ("custodian", "custodian")})
        for threshold in world.offices.trust().thresholds
    )
    world.new_trust(version=2, thresholds=thresholds, **lent(world))
    request = world.grant.model_copy(update={"id": "twice"})
    with refused("signature.missing_role"):
        flow.receive(sign(world.offices.signed(request), DEPUTY), b"", world.home)


@pytest.mark.parametrize(
    "changes",
    [
        {"to_key": "0" * 64},
        {"from_key": "0" * 64},
        {"role": "court_liaison"},  # which the giver has not
        {"valid_until": now() - dt.timedelta(days=2)},
    ],
)
def test_what_is_no_delegation_is_refused_even_when_the_roots_signed_it(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="delegat"):
        world.offices.trust(version=2, **lent(world, **changes))


def test_a_delegation_stays_in_the_office_and_passes_nothing_on(world: World) -> None:
    given = lent(world)
    (delegation,) = given["delegations"]
    ids = {key.person: key.key_id for key in given["keys"]}
    for giver, taker in (("custodian", "court"), ("deputy", "custodian"), ("custodian", "custodian")):
        moved = delegation.model_copy(update={"from_key": ids[giver], "to_key": ids[taker]})
        with pytest.raises(ValueError, match="delegat"):
            world.offices.trust(version=2, keys=given["keys"], delegations=(delegation, moved))
