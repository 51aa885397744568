"""Orders: whatever is changed, missing, doubled or contradicted is refused, each with its own code."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ariyippu.base import clock, journal
from ariyippu.base.documents import Document, Envelope, OfficerKey, Signature, canonical_json, sign
from ariyippu.base.models import Journal
from ariyippu.demo import cast
from ariyippu.grant.documents import RegisterFields, UseRequest
from ariyippu.grant.models import Grant
from ariyippu.ingest.models import Snapshot
from ariyippu.notice import dlt, orders
from ariyippu.notice.documents import Flag, Notice, Order, Placeholder, Text
from ariyippu.notice.models import OrderRow
from tests.offices import EVERYBODY, now
from tests.refusals import changed, leaves, refused, with_payload
from tests.world import PURPOSE, World, build, people

WHO_ELSE = (("publicity", "owner", "custodian"), ("court", "owner", "custodian"), ("stranger", "owner", "custodian"))


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    return build(tmp_path, people(2))


def signed(world: World, order: Order) -> Envelope:
    return world.offices.signed(order)


def accept(world: World, order: Order, notice: Notice) -> orders.VerifiedOrder:
    return orders.accept(signed(world, order), notice.payload(), world.home)


def submit_changed(world: World, notice_changes: dict[str, Any], **order_changes: object) -> orders.VerifiedOrder:
    """Everybody signs an order of a notice with these changes."""
    notice = world.notice(**notice_changes)
    order = world.order_document(notice)
    return accept(world, Order.model_validate({**dict(order), **order_changes}), notice)


def covered(verified: orders.VerifiedOrder) -> set[str]:
    return {source.channel for source in verified.sources if source.covered}


def other_grant(world: World, who: tuple[str, ...] = EVERYBODY, **changes: object) -> str:
    request = UseRequest.model_validate({**dict(world.grant), "id": "another-request", **changes})
    world.submit(request, who)
    return request.digest()


def test_a_lawful_order_is_kept_once_with_its_evidence(world: World) -> None:
    notice = world.notice()
    order = world.order_document(notice)
    verified = accept(world, order, notice)
    assert accept(world, order, notice).digest == verified.digest == order.digest()
    row = OrderRow.objects.get()
    assert (row.digest, row.state) == (order.digest(), OrderRow.ACCEPTED)
    assert Journal.objects.filter(kind="order").values_list("pk", flat=True).get() == row.journal_id
    assert orders.verify_row(row, world.home) == verified


# --- signatures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", EVERYBODY)
def test_a_missing_signature_is_refused(world: World, missing: str) -> None:
    notice = world.notice()
    who = [name for name in EVERYBODY if name != missing]
    with refused("signature.missing_role"):
        orders.accept(world.offices.signed(world.order_document(notice), who), notice.payload(), world.home)


@pytest.mark.parametrize("who", WHO_ELSE)
def test_nobody_else_s_signature_replaces_the_requester_s(world: World, who: tuple[str, ...]) -> None:
    """Another office; a role that asks for nothing; a person with every role. The last is the office's own, and may."""
    notice = world.notice()
    envelope = world.offices.signed(world.order_document(notice), who)
    if who[0] == "stranger":
        orders.accept(envelope, notice.payload(), world.home)
        return
    with refused("signature.missing_role"):
        orders.accept(envelope, notice.payload(), world.home)


def test_one_person_with_every_role_does_not_approve_for_others(world: World) -> None:
    notice = world.notice()
    envelope = world.offices.signed(world.order_document(notice), ["requester", "stranger"])
    with refused("signature.missing_role"):
        orders.accept(envelope, notice.payload(), world.home)


@pytest.mark.parametrize("doubled", EVERYBODY)
def test_a_doubled_signature_is_refused(world: World, doubled: str) -> None:
    notice = world.notice()
    envelope = world.offices.signed(world.order_document(notice), [*EVERYBODY, doubled])
    with refused("signature.doubled"):
        orders.accept(envelope, notice.payload(), world.home)


def test_a_stranger_s_signature_beside_everybody_s_is_refused(world: World) -> None:
    notice = world.notice()
    envelope = sign(signed(world, world.order_document(notice)), Ed25519PrivateKey.generate())
    with refused("signature.unknown_key"):
        orders.accept(envelope, notice.payload(), world.home)


def test_every_change_of_every_signature_is_refused(world: World) -> None:
    notice = world.notice()
    envelope = signed(world, world.order_document(notice))
    payload = notice.payload()
    one, two, three = envelope.signatures
    swapped = one.model_copy(update={"sig": two.sig}), two.model_copy(update={"sig": one.sig}), three
    renamed = one.model_copy(update={"keyid": two.keyid}), two.model_copy(update={"keyid": one.keyid}), three
    other = signed(world, world.order_document(notice, id="another-order")).signatures
    for signatures in (swapped, renamed, (one, two, other[2]), (), other):
        with refused(""):
            orders.verify(envelope.model_copy(update={"signatures": signatures}), payload, world.home)
    for place, signature in enumerate(envelope.signatures):
        for at in leaves(signature.model_dump(mode="json", exclude_none=True)):
            broken = Signature.model_validate(changed(_early(signature), at))
            signatures = (*envelope.signatures[:place], broken, *envelope.signatures[place + 1 :])
            with refused(""):
                orders.verify(envelope.model_copy(update={"signatures": signatures}), payload, world.home)
    orders.verify(envelope, payload, world.home)


def _early(signature: Signature) -> dict[str, str]:
    """The signature with its key id and its bytes turned round: `changed` changes a last character, which in
    base64 may be padding."""
    return {"keyid": signature.keyid[::-1], "sig": signature.sig[:-2][::-1] + "=="}


def test_a_signature_of_another_kind_of_document_does_not_count(world: World) -> None:
    """The payload's type is signed too."""
    notice = world.notice()
    order = world.order_document(notice)
    other = Envelope.of(order).model_copy(update={"payloadType": "application/vnd.ariyippu.lift.v1+json"})
    for name in EVERYBODY:
        other = sign(other, world.offices.keys[name])
    with refused("signature.invalid"):
        orders.verify(
            Envelope.of(order).model_copy(update={"signatures": other.signatures}), notice.payload(), world.home
        )
    with refused("document.wrong_kind"):
        orders.verify(other, notice.payload(), world.home)


def test_the_trust_document_and_each_key_expire(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.order()
    present = clock.now()
    monkeypatch.setattr(clock, "now", lambda: present + dt.timedelta(days=31))
    with refused("trust.expired"):
        orders.verify_row(row, world.home)
    monkeypatch.setattr(clock, "now", lambda: present - dt.timedelta(hours=2))
    with refused("trust.expired"):
        orders.verify_row(row, world.home)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"valid_until": now() - dt.timedelta(seconds=1)}, "signature.key_not_valid"),
        ({"valid_from": now() + dt.timedelta(hours=1)}, "signature.key_not_valid"),
        ({"roles": ("requester",)}, "signature.missing_role"),
        (None, "signature.unknown_key"),
    ],
)
def test_an_accepted_order_falls_with_its_custodian_s_key(
    world: World, change: dict[str, Any] | None, code: str
) -> None:
    row = world.order()
    world.new_trust(version=2, keys=_keys(world, change))
    with refused(code):
        orders.verify_row(row, world.home)


def _keys(world: World, change: dict[str, Any] | None) -> tuple[OfficerKey, ...]:
    """The officers' keys, the custodian's changed, or left out."""
    keys = world.offices.trust().keys
    others = tuple(key for key in keys if key.person != "custodian")
    if change is None:
        return others
    (custodian,) = (key for key in keys if key.person == "custodian")
    return (*others, custodian.model_copy(update=change))


# --- every field -------------------------------------------------------------------------------------


def row_of(envelope: Envelope, notice: bytes, digest: str) -> OrderRow:
    return OrderRow(digest=digest, envelope=envelope.model_dump_json(), notice=notice)


def test_every_change_of_every_field_of_an_order_is_refused(world: World) -> None:
    notice = world.notice()
    order = world.order_document(notice)
    envelope = signed(world, order)
    document = order.model_dump(mode="json")
    paths = list(leaves(document))
    assert len(paths) == len(Order.model_fields) - 1  # two channels; no contacts of other registers, no correction
    for at in paths:
        broken = with_payload(envelope, canonical_json(changed(document, at)))
        with refused(""):
            orders.accept(broken, notice.payload(), world.home)
        with refused("order.altered"):
            orders.verify_row(row_of(broken, notice.payload(), order.digest()), world.home)
        with refused(""):
            orders.verify_row(row_of(broken, notice.payload(), broken.digest), world.home)
    assert not OrderRow.objects.exists()


def test_every_change_of_every_field_of_a_notice_is_refused(world: World) -> None:
    notice = world.notice()
    order = world.order_document(notice)
    envelope = signed(world, order)
    document = notice.model_dump(mode="json")
    for at in leaves(document):
        broken = canonical_json(changed(document, at))
        with refused(""):
            orders.accept(envelope, broken, world.home)
        refreshed = {**order.model_dump(mode="json"), "notice": _digest(broken)}
        with refused(""):
            orders.accept(with_payload(envelope, canonical_json(refreshed)), broken, world.home)
    orders.verify(envelope, notice.payload(), world.home)


def _digest(notice: bytes) -> str:
    """Of the notice in these bytes; where they are none, of nothing."""
    try:
        return Notice.model_validate_json(notice).digest()
    except ValueError:
        return "0" * 64


@pytest.mark.parametrize("spelling", ["spaces", "order", "escapes", "trailing"])
def test_the_same_notice_in_other_bytes_is_refused(world: World, spelling: str) -> None:
    notice = world.notice()
    document = notice.model_dump(mode="json")
    payload = {
        "spaces": json.dumps(document, sort_keys=True, ensure_ascii=False),
        "order": json.dumps(dict(reversed(document.items())), separators=(",", ":"), ensure_ascii=False),
        "escapes": json.dumps(document, sort_keys=True, separators=(",", ":")),
        "trailing": notice.payload().decode() + "\n",
    }[spelling]
    with refused("order.other_notice"):
        orders.accept(signed(world, world.order_document(notice)), payload.encode(), world.home)


def test_a_row_s_notice_is_pinned_too(world: World) -> None:
    row = world.order()
    row.notice = world.notice(sanction_reference="another").payload()
    with refused("order.other_notice"):
        orders.verify_row(row, world.home)


# --- signed by everybody, and still refused ----------------------------------------------------------

ORDER_CONTRADICTIONS: list[tuple[dict[str, object], str]] = [
    ({"notice": "0" * 64}, "order.other_notice"),
    ({"use_request": "0" * 64}, "grant.missing"),
    ({"contract": "0" * 64}, "contract.not_approved"),
    ({"register": "people"}, "order.other_notice"),
    ({"snapshot": "spark-20260101T000000Z-abcdef"}, "snapshot.unknown"),
    ({"purpose": "ariyippu:salary-and-benefit"}, "order.other_notice"),
    ({"purpose": "nothing:known"}, "order.other_notice"),
    ({"not_before": now() - dt.timedelta(hours=2), "not_after": now() - dt.timedelta(hours=1)}, "order.not_in_window"),
]


@pytest.mark.parametrize(("change", "code"), ORDER_CONTRADICTIONS)
def test_an_order_that_contradicts_what_it_rests_on_is_refused(
    world: World, change: dict[str, object], code: str
) -> None:
    with refused(code):
        submit_changed(world, {}, **change)
    assert not OrderRow.objects.exists()


DISTRICT = {"field": "district", "in": ["KOLLAM"]}
ENGLISH = "((name)): ((amount)), ((from)), ((to)), ((sanction))."

NOTICE_CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"office": "publicity"}, "signature.missing_role"),
    ({"criteria": DISTRICT}, "grant.field_not_granted"),
    ({"criteria": {"not": DISTRICT}}, "grant.field_not_granted"),
    ({"criteria": {"field": "height", "op": ">", "value": 0}}, "criteria.unknown_field"),
    ({"criteria": {"field": "name", "op": "==", "value": "a"}}, "criteria.unknown_field"),  # sealed
    ({"criteria": {"field": "mobile", "exists": True}}, "criteria.unknown_field"),
    ({"criteria": {"field": "arrears", "op": ">", "value": "1; drop table"}}, "criteria.wrong_type"),
    ({"criteria": {}}, "criteria.malformed"),
    ({"purpose": "nothing:known"}, "purpose.unknown"),
    ({"register": "people"}, "register.no_owner"),
    ({"subject": Text(ml="((name))", en="a")}, "notice.placeholder_in_subject"),
    ({"contact": Text(ml="a", en="((name))")}, "notice.placeholder_in_contact"),
    ({"email": Text(ml="((name))", en=ENGLISH)}, "notice.parity"),
    ({"email": Text(ml="((name", en=ENGLISH)}, "notice.malformed"),
    ({"sms": Text(ml="((age))", en="((age))")}, "notice.unknown_placeholder"),
    ({"title": Text(ml="a", en="a\u202eb")}, "notice.hidden_character"),
    ({"sms": Text(ml=("അ" * 200 + "\n") * 4, en="a")}, "notice.sms_too_long"),
    ({"email": Text(ml="a", en="a"), "sms": Text(ml="a", en="a")}, "notice.unused_placeholder"),
    ({"contact": Text(ml="a", en="a")}, "notice.no_business_contact"),
    ({"title": Text(ml="സർക്കാരിന്റെ നേട്ടം", en="a")}, "notice.achievement"),
    ({"flags": (Flag(name="here", when=DISTRICT),)}, "grant.field_not_granted"),
    ({"flags": (Flag(name="here", when={}),)}, "criteria.malformed"),
    ({"flags": (Flag(name="here", when={"field": "arrears", "exists": True}),)}, "notice.unused_placeholder"),
]


@pytest.mark.parametrize(("change", "code"), NOTICE_CONTRADICTIONS)
def test_a_notice_that_contradicts_grant_or_register_is_refused(
    world: World, change: dict[str, Any], code: str
) -> None:
    notice = world.notice(**change)
    with refused(code):
        accept(world, world.order_document(notice, purpose=notice.purpose, register=notice.register), notice)
    assert not OrderRow.objects.exists()


def test_what_the_linter_advises_against_is_logged_with_the_order(world: World) -> None:
    submit_changed(world, {"title": Text(ml="കുടിശ്ശിക!", en="Arrears")})
    (entry,) = Journal.objects.filter(kind="order")
    advice = json.loads(bytes(entry.body))["body"]["advice"]
    assert advice == [
        {"code": "shouting", "where": "title.ml"},
        {"code": "dlt_unchecked", "where": "sms"},
    ]


def test_an_order_by_e_mail_alone_needs_no_sms_that_can_be_sent(world: World) -> None:
    long = {
        "sms": Text(ml="((name)) ((amount)) ((sanction))" + "\nഅഅഅഅഅഅഅഅഅ" * 70, en="((name)) ((amount)) ((sanction))")
    }
    assert submit_changed(world, long, channels=("email",)).advice == ()
    with refused("notice.sms_too_long"):
        submit_changed(world, long, id="another-order")


def test_an_installation_s_registrations_hold_at_every_look(world: World) -> None:
    """What the operators no longer have registered does not leave; where it is right again, it does."""
    notice, file = world.notice(), world.home.path / dlt.FILE
    good = cast.registrations("http://127.0.0.1:8470/m/")
    file.write_text(good.replace('8470/m/"]', '8470"]'))
    with refused("dlt.invalid"):  # http://127.0.0.1:84700 would begin like it
        accept(world, world.order_document(notice), notice)
    file.write_text(good)
    assert accept(world, world.order_document(notice), notice).advice == ()
    file.write_text(good.replace("കുടിശ്ശിക", "കുടിശ്ശികയായി"))
    with refused("notice.dlt_text"):
        orders.verify_row(OrderRow.objects.get(), world.home)


def test_a_placeholder_that_the_grant_does_not_cover_is_refused(world: World) -> None:
    swapped = tuple(
        Placeholder(name="name", column="designation", type="text") if p.name == "name" else p
        for p in world.notice().placeholders
    )
    with refused("grant.field_not_granted"):
        submit_changed(world, {"placeholders": swapped})


@pytest.mark.parametrize(
    ("channels", "field"), [(("sms",), "mobile"), (("email", "sms"), "email"), (("email",), "email")]
)
def test_a_contact_that_the_grant_does_not_cover_is_refused(
    world: World, channels: tuple[str, ...], field: str
) -> None:
    rest = world.grant.fields_of("spark") - {field}
    grant = other_grant(world, registers=(RegisterFields(register="spark", fields=tuple(sorted(rest))),))
    with refused("grant.field_not_granted"):
        submit_changed(world, {}, use_request=grant, channels=channels)


def test_a_grant_for_another_register_covers_nothing_here(world: World) -> None:
    world.new_trust(version=2, registers={"spark": "pay-register", "people": "pay-register"})
    fields = tuple(world.grant.fields_of("spark"))
    grant = other_grant(world, registers=(RegisterFields(register="people", fields=fields),))
    with refused("grant.field_not_granted"):
        submit_changed(world, {}, use_request=grant)


def test_another_office_s_grant_is_refused(world: World) -> None:
    grant = other_grant(world, ("publicity", "owner", "custodian"), requester="publicity")
    with refused("grant.other_office"):
        submit_changed(world, {}, use_request=grant)


@pytest.mark.parametrize("purpose", ["ariyippu:service-circular", "dpv:PublicRelations"])
def test_a_grant_for_another_purpose_is_refused(world: World, purpose: str) -> None:
    grant = other_grant(world, purpose=purpose)
    with refused("grant.other_purpose"):
        submit_changed(world, {}, use_request=grant)


def test_a_grant_for_the_purpose_above_is_enough(world: World) -> None:
    grant = other_grant(world, purpose="dpv:PersonnelPayment")
    assert covered(submit_changed(world, {}, use_request=grant)) == {"email", "sms"}


@pytest.mark.parametrize(
    "period",
    [
        {"valid_from": now() + dt.timedelta(hours=1)},
        {"valid_from": now() - dt.timedelta(hours=2), "valid_until": now() - dt.timedelta(hours=1)},
    ],
)
def test_a_grant_that_is_not_in_force_is_refused(world: World, period: dict[str, Any]) -> None:
    grant = other_grant(world, **period)
    with refused("grant.not_in_force"):
        submit_changed(world, {}, use_request=grant)


def test_an_accepted_order_falls_with_its_grant(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = other_grant(world, valid_until=now() + dt.timedelta(hours=1))
    row = world.order(use_request=grant)
    present = clock.now()
    monkeypatch.setattr(clock, "now", lambda: present + dt.timedelta(hours=1))
    with refused("grant.not_in_force"):
        orders.verify_row(row, world.home)


def test_an_altered_grant_row_is_refused(world: World) -> None:
    row = world.order()
    grant = Grant.objects.get()
    wider = UseRequest.model_validate({**dict(world.grant), "purpose": "dpv:PersonnelPayment"})
    Grant.objects.update(envelope=world.offices.signed(wider).model_dump_json())
    with refused("grant.altered"):
        orders.verify_row(row, world.home)
    kept = Envelope.parse(grant.envelope)
    Grant.objects.update(envelope=kept.model_copy(update={"signatures": kept.signatures[:2]}).model_dump_json())
    with refused("signature.missing_role"):
        orders.verify_row(row, world.home)
    Grant.objects.all().delete()
    with refused("grant.missing"):
        orders.verify_row(row, world.home)


@pytest.mark.parametrize("purpose", ["dpv:PersonnelPayment", "ariyippu:service-circular"])
def test_a_purpose_that_the_contacts_were_not_collected_for_is_refused(world: World, purpose: str) -> None:
    """Above it, and beside it; everybody signed both the grant and the order."""
    grant = other_grant(world, purpose=purpose)
    with refused("order.purpose_not_covered"):
        submit_changed(world, {"purpose": purpose}, purpose=purpose, use_request=grant)


@pytest.mark.parametrize("who", [("requester", "owner", "custodian", "publicity", "court"), EVERYBODY])
def test_nothing_satisfies_political_campaigning(world: World, who: tuple[str, ...]) -> None:
    purpose = "dpv:PoliticalCampaign"
    notice = world.notice(purpose=purpose)
    documents: list[tuple[Document, Notice | None]] = [
        (world.grant.model_copy(update={"id": "campaign", "purpose": purpose}), None),
        (world.order_document(notice, purpose=purpose), notice),
    ]
    for document, said in documents:
        with refused("purpose.unsatisfiable"):
            world.submit(document, who, said)
    assert Grant.objects.count() == 1
    assert not OrderRow.objects.exists()


def test_a_manifest_that_widens_what_a_contact_is_for_is_refused(world: World) -> None:
    purpose = "dpv:PersonnelPayment"
    grant = other_grant(world, purpose=purpose)
    manifest = world.home.vault / "registers" / "spark" / world.snapshot / "manifest.json"
    manifest.write_text(manifest.read_text().replace("ariyippu:salary-and-benefit", purpose))
    with refused("snapshot.altered"):
        submit_changed(world, {"purpose": purpose}, purpose=purpose, use_request=grant)


def test_a_snapshot_under_another_register_s_name_is_refused(world: World) -> None:
    """The row says one register, the pinned manifest another."""
    Snapshot.objects.update(register="people")
    with refused("snapshot.altered"):
        submit_changed(world, {})


def test_another_order_of_the_same_name_is_refused(world: World) -> None:
    world.order()
    with refused("order.doubled"):
        submit_changed(world, {}, max_messages=1)
    assert OrderRow.objects.count() == 1


def test_an_order_without_its_evidence_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_kind: str, _body: object) -> int:
        raise RuntimeError("the journal is full")

    monkeypatch.setattr(journal, "append", fails)
    with pytest.raises(RuntimeError):
        submit_changed(world, {})
    assert not OrderRow.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"channels": ("email", "email")},
        {"channels": ()},
        {"channels": ("fax",)},
        {"max_messages": 0},
        {"max_messages": True},
        {"min_interval_days": -1},
        {"not_after": "2026-01-01T00:00:00Z"},
        {"not_before": "2026-01-01T00:00:00"},
        {"id": "../../etc"},
        {"surprise": 1},
    ],
)
def test_an_order_that_is_none_is_refused_whoever_signed_it(world: World, change: dict[str, object]) -> None:
    notice = world.notice()
    document = {**world.order_document(notice).model_dump(mode="json"), **change}
    envelope = with_payload(Envelope.of(world.order_document(notice)), canonical_json(document))
    for name in EVERYBODY:
        envelope = sign(envelope, world.offices.keys[name])
    with refused("document.invalid"):
        orders.accept(envelope, notice.payload(), world.home)


def test_the_purpose_of_these_tests_is_below_what_contacts_are_for(world: World) -> None:
    verified = submit_changed(world, {})
    assert verified.purpose.id == PURPOSE
    assert covered(verified) == {"email", "sms"}
