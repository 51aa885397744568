"""Use requests: who must sign, what becomes of them, and that nothing kept is believed twice."""

import datetime as dt
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from ariyippu.base import clock
from ariyippu.base.documents import OfficerKey, Threshold, Trust, canonical_json
from ariyippu.base.models import Journal
from ariyippu.grant import accept, thresholds
from ariyippu.grant.documents import RegisterFields, UseRequest
from ariyippu.grant.models import Grant
from tests.offices import EVERYBODY
from tests.refusals import changed, leaves, refused, with_payload
from tests.world import PURPOSE, World, build, people


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    return build(tmp_path, people(1))


def request(world: World, **changes: object) -> UseRequest:
    return UseRequest.model_validate({**dict(world.grant), "id": "another-request", **changes})


def test_a_request_that_everybody_signed_is_a_grant_once(world: World) -> None:
    world.submit(request(world))
    world.submit(request(world))
    assert Grant.objects.filter(request_id="another-request").count() == 1
    assert Journal.objects.filter(kind="use-request").count() == 2
    assert accept.granted(request(world).digest(), world.offices.trust()).request == request(world)


@pytest.mark.parametrize("missing", EVERYBODY)
def test_without_one_of_them_it_is_none(world: World, missing: str) -> None:
    with refused("signature.missing_role"):
        world.submit(request(world), [name for name in EVERYBODY if name != missing])
    assert not Grant.objects.filter(request_id="another-request").exists()


def test_another_office_cannot_ask_in_the_requester_s_name(world: World) -> None:
    with refused("signature.missing_role"):
        world.submit(request(world), ["publicity", "owner", "custodian"])


def test_every_change_of_every_field_of_a_request_is_refused(world: World) -> None:
    envelope = world.offices.signed(request(world))
    document = request(world).model_dump(mode="json")
    for at in leaves(document):
        with refused(""):
            accept.accept_use_request(
                with_payload(envelope, canonical_json(changed(document, at))), world.offices.trust()
            )
    assert Grant.objects.count() == 1


def test_each_register_s_owner_signs(world: World) -> None:
    """Two registers of two owners: one owner's signature does not speak for the other."""
    keys = world.offices.trust().keys
    other = OfficerKey.model_validate({**dict(keys[3]), "roles": ("register_owner",)})  # publicity owns a register
    world.new_trust(
        version=2, registers={"spark": "pay-register", "people": "publicity"}, keys=(*keys[:3], other, *keys[4:])
    )
    both = tuple(RegisterFields(register=name, fields=("name",)) for name in ("spark", "people"))
    with refused("signature.missing_role"):
        world.submit(request(world, registers=both))
    world.submit(request(world, registers=both), [*EVERYBODY, "publicity"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"purpose": "dpv:PoliticalCampaign"}, "purpose.unsatisfiable"),
        ({"purpose": "nothing:known"}, "purpose.unknown"),
        ({"registers": (RegisterFields(register="people", fields=("name",)),)}, "register.no_owner"),
        ({"requester": "court"}, "signature.missing_role"),
    ],
)
def test_what_nobody_can_grant_is_refused(world: World, change: dict[str, object], code: str) -> None:
    with refused(code):
        world.submit(request(world, **change))


def test_a_register_stands_in_a_request_once_with_its_own_fields(world: World) -> None:
    one, other = RegisterFields(register="spark", fields=("name",)), RegisterFields(register="people", fields=("age",))
    with pytest.raises(ValidationError, match="stands twice"):
        request(world, registers=(one, other, one))
    asked = request(world, registers=(one, other))
    named = "".join(["sp", "ark"])  # as it comes from elsewhere
    assert asked.fields_of(named) == {"name"}
    assert asked.fields_of("land") == frozenset()


def test_a_purpose_without_a_threshold_is_denied(world: World) -> None:
    only = (Threshold(purpose="dpv:PublicRelations", document="use-request", roles=("custodian",)),)
    world.new_trust(version=2, thresholds=only)
    with refused("trust.no_threshold"):
        world.submit(request(world))


def test_a_use_request_and_an_order_have_thresholds_of_their_own(world: World) -> None:
    said = (("use-request", ("custodian",)), ("order", ("register_owner",)), ("lift", ("court_liaison",)))
    both = [Threshold.model_validate({"purpose": PURPOSE, "document": name, "roles": roles}) for name, roles in said]
    trust = world.offices.trust(thresholds=tuple(both))
    assert thresholds.required_roles(trust, PURPOSE, "use-request") == ("requester", "custodian")
    assert thresholds.required_roles(trust, PURPOSE, "order") == ("requester", "register_owner")


def test_another_request_of_the_same_name_is_refused(world: World) -> None:
    for number in range(8):  # with digests above and below its own
        with refused("use_request.doubled"):
            world.submit(request(world, id=world.grant.id, case_number=f"another {number}"))
    assert Grant.objects.get().digest == world.grant.digest()


def test_a_grant_holds_from_its_first_instant_to_before_its_last(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begins, ends, instant = clock.now(), clock.now() + dt.timedelta(hours=2), dt.timedelta.resolution
    asked = request(world, valid_from=begins, valid_until=ends)
    world.submit(asked)
    for at in (begins, ends - instant):
        monkeypatch.setattr(clock, "now", lambda at=at: at)
        assert accept.granted(asked.digest(), world.offices.trust()).request == asked
    for at in (begins - instant, ends, ends + instant):
        monkeypatch.setattr(clock, "now", lambda at=at: at)
        with refused("grant.not_in_force"):
            accept.granted(asked.digest(), world.offices.trust())


@pytest.mark.parametrize("digest", ["0" * 64, "f" * 64])
def test_a_kept_request_that_is_not_the_one_that_was_granted_is_refused(world: World, digest: str) -> None:
    kept = world.offices.signed(request(world)).model_dump_json()
    Grant.objects.create(digest=digest, request_id="another-request", envelope=kept, granted_at=clock.now())
    with refused("grant.altered"):
        accept.granted(digest, world.offices.trust())


def test_the_log_shows_a_request_with_its_signatures_and_no_empty_fields(world: World) -> None:
    world.submit(request(world))
    entry = Journal.objects.filter(kind="use-request").latest("pk")
    envelope = json.loads(bytes(entry.body))["body"]["envelope"]
    assert len(envelope["signatures"]) == len(EVERYBODY)
    assert None not in [value for signature in envelope["signatures"] for value in signature.values()]


def test_the_trust_document_must_be_in_force(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    later = clock.now() + dt.timedelta(days=31)
    monkeypatch.setattr(clock, "now", lambda: later)
    with refused("trust.expired"):
        world.submit(request(world))


def test_a_trust_document_is_no_use_request(world: World) -> None:
    trust: Trust = world.offices.trust(version=2)
    with refused("document.wrong_kind"):
        accept.accept_use_request(world.offices.root_signed(trust), trust)
