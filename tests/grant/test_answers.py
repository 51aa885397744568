"""What follows a use request: for whom it is asked, an officer's no, and a grant that is taken back."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from ariyippu.base.documents import Envelope, OfficerKey, Paper, Role, Threshold, canonical_json
from ariyippu.base.models import Journal
from ariyippu.grant import accept
from ariyippu.grant import trust as trusted
from ariyippu.grant.documents import Refusal, UseRequest, Withdrawal
from ariyippu.grant.models import Grant, RefusedRequest, WithdrawnRequest
from ariyippu.grant.thresholds import required_roles
from ariyippu.notice import orders
from ariyippu.policy.documents import Lift
from tests.offices import EVERYBODY, now
from tests.refusals import changed, leaves, refused, with_payload
from tests.send.by_hand import leased
from tests.world import PURPOSE, World, build, people

REASON = {"reason_en": "Contacts are not given out.", "reason_ml": "വിലാസങ്ങൾ നൽകാറില്ല."}


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    return build(tmp_path, people(1))


def request(world: World, **changes: object) -> UseRequest:
    return UseRequest.model_validate({**dict(world.grant), "id": "another-request", **changes})


def kinds() -> list[str]:
    return list(Journal.objects.order_by("pk").values_list("kind", flat=True))


# --- what a letter says ------------------------------------------------------------------------------


def with_principal(world: World) -> None:
    """The publicity office's officer may also ask for another office's sake, as its principal."""
    keys = world.offices.trust().keys
    principal = OfficerKey.model_validate({**dict(keys[3]), "roles": ("principal",)})
    world.new_trust(version=2, keys=(*keys[:3], principal, *keys[4:]))


def test_who_asks_for_another_needs_that_office_s_own_signature(world: World) -> None:
    with_principal(world)
    asked = request(world, on_behalf_of="publicity")
    for who in (EVERYBODY, [*EVERYBODY, "court"]):
        with refused("signature.missing_role"):
            world.submit(asked, who)
    world.submit(asked, [*EVERYBODY, "publicity"])
    assert Grant.objects.filter(request_id=asked.id).exists()


def test_another_office_s_principal_is_none(world: World) -> None:
    with_principal(world)
    with refused("signature.missing_role"):
        world.submit(request(world, on_behalf_of="court"), [*EVERYBODY, "publicity"])
    with pytest.raises(ValueError, match="its own behalf"):
        request(world, on_behalf_of="pay-section")


def test_a_deadline_copies_and_attachments_change_nothing_about_who_signs(world: World) -> None:
    paper = Paper(sha256="1" * 64, title="Letter 12/2026")
    asked = request(world, wanted_by=dt.date(2026, 2, 12), copied_to=("The Secretary",), attachments=(paper,))
    with refused("signature.missing_role"):
        world.submit(asked, ["requester"])
    world.submit(asked)
    kept = Envelope.parse(Grant.objects.get(request_id=asked.id).envelope).open(UseRequest)
    assert (kept.wanted_by, kept.copied_to, kept.attachments) == (dt.date(2026, 2, 12), ("The Secretary",), (paper,))


def test_a_request_from_before_the_later_fields_keeps_its_bytes(world: World) -> None:
    payload = world.grant.payload()
    for later in (b"on_behalf_of", b"copied_to", b"wanted_by", b"attachments"):
        assert later not in payload
    assert UseRequest.parse(payload).payload() == payload


# --- an officer's no ---------------------------------------------------------------------------------


def refusal(world: World, office: str, who: tuple[str, ...] = ("requester",), **changes: object) -> Refusal:
    """An officer's no to the request, which these have signed."""
    asked = world.offices.signed(request(world, **changes), who)
    return Refusal(id="no-contacts", office=office, request=asked, **REASON)


@pytest.mark.parametrize(("office", "who"), [("pay-register", "owner"), ("data-centre", "custodian")])
def test_one_officer_of_the_owner_or_of_a_custodian_refuses(world: World, office: str, who: str) -> None:
    world.submit(refusal(world, office), [who])
    assert kinds()[-1] == "request-refused"
    with refused("use_request.refused"):
        world.submit(request(world))
    world.submit(refusal(world, office), [who])
    assert kinds().count("request-refused") == 1
    world.submit(request(world, id="asked-anew"))


@pytest.mark.parametrize(
    ("office", "who", "code"),
    [
        ("pay-section", ["requester"], "refusal.no_authority"),
        ("publicity", ["publicity"], "refusal.no_authority"),
        ("court", ["court"], "refusal.no_authority"),
        ("pay-register", ["custodian"], "refusal.no_authority"),  # in another office's name
        ("data-centre", [], "refusal.no_authority"),
    ],
)
def test_nobody_else_refuses(world: World, office: str, who: list[str], code: str) -> None:
    with refused(code):
        world.submit(refusal(world, office), who)
    assert not RefusedRequest.objects.exists()


def test_the_owner_of_another_register_does_not_refuse(world: World) -> None:
    keys = world.offices.trust().keys
    other = OfficerKey.model_validate({**dict(keys[3]), "roles": ("register_owner",)})
    registers = {"spark": "pay-register", "people": "publicity"}
    world.new_trust(version=2, keys=(*keys[:3], other, *keys[4:]), registers=registers)
    with refused("refusal.no_authority"):
        world.submit(refusal(world, "publicity"), ["publicity"])


@pytest.mark.parametrize("who", [(), ("owner",), ("publicity",)])
def test_what_its_requester_never_asked_cannot_be_refused(world: World, who: tuple[str, ...]) -> None:
    """Or anyone could make it look as if an office had asked for contacts."""
    with refused("refusal.not_asked"):
        world.submit(refusal(world, "pay-register", who), ["owner"])


def test_a_granted_request_is_not_refused_any_more(world: World) -> None:
    asked = world.offices.signed(world.grant, ["requester"])
    late = Refusal(id="too-late", office="pay-register", request=asked, **REASON)
    with refused("refusal.granted"):
        world.submit(late, ["owner"])


def test_of_a_grant_and_a_no_at_the_same_instant_the_no_holds(world: World) -> None:
    RefusedRequest.objects.create(request=world.grant.digest(), envelope="", refused_at=now())
    with refused("grant.refused"):
        accept.granted(world.grant.digest(), world.offices.trust())


def test_every_change_of_every_field_of_a_refusal_is_refused(world: World) -> None:
    made = refusal(world, "pay-register")
    envelope = world.offices.signed(made, ["owner"])
    document = made.model_dump(mode="json")
    for at in leaves(document):
        with refused(""):
            accept.accept_refusal(with_payload(envelope, canonical_json(changed(document, at))), world.offices.trust())
    assert not RefusedRequest.objects.exists()


# --- taken back --------------------------------------------------------------------------------------


def withdrawal(world: World, **changes: Any) -> Withdrawal:
    values = {"id": "taken-back", "office": "pay-section", "request": world.grant.digest(), **REASON}
    return Withdrawal.model_validate({**values, **changes})


def test_what_the_requester_takes_back_no_order_holds_under(clean_vault: None, tmp_path: Path) -> None:
    world = build(tmp_path, people(1))
    row = world.sending()
    notice = world.notice()
    assert leased(world) is not None
    world.submit(withdrawal(world), ["requester"])
    with refused("grant.withdrawn"):
        orders.verify_row(row, world.home)
    assert leased(world, "b") is None
    with refused("grant.withdrawn"):
        world.submit(world.order_document(notice, id="after-it"), notice=notice)
    world.submit(withdrawal(world), ["requester"])
    assert kinds().count("withdrawal") == 1


@pytest.mark.parametrize(
    ("office", "who"),
    [
        ("pay-section", ["owner"]),
        ("pay-register", ["owner"]),
        ("publicity", ["publicity"]),
        ("pay-section", []),
        ("pay-register", ["requester"]),
    ],
)
def test_nobody_else_takes_it_back(world: World, office: str, who: list[str]) -> None:
    with refused("withdrawal.not_the_requester"):
        world.submit(withdrawal(world, office=office), who)
    assert not WithdrawnRequest.objects.exists()


@pytest.mark.parametrize("office", ["court", "publicity"])  # in the order of letters before and after it
@pytest.mark.parametrize("role", ["requester", "principal"])
def test_no_other_office_s_requester_or_principal_takes_it_back(world: World, office: str, role: Role) -> None:
    keys = world.offices.trust().keys
    stranger = OfficerKey.model_validate({**dict(keys[3]), "office": office, "roles": (role,)})
    world.new_trust(version=2, keys=(*keys[:3], stranger, *keys[4:]))
    with refused("withdrawal.not_the_requester"):
        world.submit(withdrawal(world, office=office), ["publicity"])


def test_each_kind_of_document_has_signers_of_its_own(world: World) -> None:
    said = (("lift", ("court_liaison",)), ("order", ("register_owner",)), ("use-request", ("custodian",)))
    stated = tuple(Threshold(purpose=PURPOSE, document=kind, roles=roles) for kind, roles in said)
    trust = world.offices.trust().model_copy(update={"thresholds": stated})
    for kind, roles in said:
        assert required_roles(trust, PURPOSE, kind) == ("requester", *roles)


def test_the_office_for_which_it_was_asked_takes_it_back_too(world: World) -> None:
    with_principal(world)
    asked = request(world, on_behalf_of="publicity")
    world.submit(asked, [*EVERYBODY, "publicity"])
    world.submit(withdrawal(world, office="publicity", request=asked.digest()), ["publicity"])
    with refused("grant.withdrawn"):
        accept.granted(asked.digest(), trusted.current_trust(world.offices.roots))


def test_what_was_not_granted_is_not_withdrawn(world: World) -> None:
    with refused("withdrawal.not_granted"):
        world.submit(withdrawal(world, request="0" * 64), ["requester"])


def test_an_accepted_answer_handed_in_with_fewer_signatures_leaves_no_refusal(world: World) -> None:
    """Anybody can take a published envelope and hand it in with something wrong."""
    stay = world.stay()
    world.lift(stay)
    world.submit(withdrawal(world), ["requester"])
    for document in (withdrawal(world), Lift(id=f"{stay.id}-lift", stay=stay.digest(), reference="WP 1")):
        with refused(""):
            world.submit(document, ["publicity"])
    assert "refusal" not in kinds()
