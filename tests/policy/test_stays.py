"""Stays: one authorised key stops, everybody together lifts, and nothing goes on by itself."""

import datetime as dt
from pathlib import Path

import pytest
from django.db import connection

from ariyippu import flow
from ariyippu.base import clock
from ariyippu.base.documents import OfficerKey, Role, Threshold
from ariyippu.base.models import Journal
from ariyippu.notice.documents import Channel
from ariyippu.notice.models import OrderRow
from ariyippu.policy import stays
from ariyippu.policy.documents import Lift, Scope, Stay, Subject, Terms
from ariyippu.policy.models import StayRow
from ariyippu.policy.spans import Span
from tests.offices import now
from tests.refusals import refused
from tests.world import PURPOSE, World, build, people

CHANNELS: list[Channel] = ["email", "sms"]
SUBJECT = Subject("da-arrears-granted-1", "spark", PURPOSE, "pay-section", "email")


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    return build(tmp_path, people(1))


def stay_document(**changes: object) -> Stay:
    document: dict[str, object] = {
        "id": "stay-1",
        "office": "court",
        "reference": "WP 1",
        "scope": Scope(register="spark"),
        "starts_at": now(),
        "ends_at": None,
    }
    return Stay.model_validate({**document, **changes})


def turn_clock(monkeypatch: pytest.MonkeyPatch, by: dt.timedelta) -> None:
    present = clock.now() + by
    monkeypatch.setattr(clock, "now", lambda: present)


# --- what a scope names ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [
        (Scope(), {"email", "sms"}),
        (Scope(order="da-arrears-granted-1"), {"email", "sms"}),
        (Scope(register="spark"), {"email", "sms"}),
        (Scope(purpose=PURPOSE), {"email", "sms"}),
        (Scope(purpose="dpv:PersonnelPayment"), {"email", "sms"}),  # above it
        (Scope(purpose="dpv:PublicRelations"), set()),
        (Scope(office="pay-section"), {"email", "sms"}),
        (Scope(office="publicity"), set()),
        (Scope(channel="sms"), {"sms"}),
        (Scope(register="spark", channel="email"), {"email"}),
    ],
)
def test_a_stay_stands_over_what_its_scope_names(world: World, scope: Scope, stopped: set[Channel]) -> None:
    row = world.order()
    stay = world.stay(scope=scope)
    for channel in CHANNELS:
        found = stays.standing(Subject(row.order_id, "spark", PURPOSE, "pay-section", channel), row.released_at)
        assert found == (stay if channel in stopped else None)


# --- who may place one -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "office"), [(["court"], "court"), (["custodian"], "data-centre"), (["court", "owner"], "court")]
)
def test_one_authorised_key_is_enough(world: World, who: list[str], office: str) -> None:
    world.submit(stay_document(office=office), who)
    assert stays.standing(SUBJECT, clock.now()) is not None


def test_an_election_officer_s_key_is_enough(world: World) -> None:
    keys = world.offices.trust().keys
    officer = OfficerKey.model_validate({**dict(keys[4]), "roles": ("election_officer",)})
    world.new_trust(version=2, keys=(*keys[:4], officer))
    world.stay()
    assert stays.standing(SUBJECT, clock.now()) is not None


@pytest.mark.parametrize(
    ("who", "office"),
    [
        (["owner"], "pay-register"),
        (["publicity"], "publicity"),
        (["requester"], "pay-section"),
        (["court"], "data-centre"),  # in another authority's name
        (["owner"], "court"),
        (["owner", "requester"], "court"),
        ([], "court"),
    ],
)
def test_nobody_else_places_one(world: World, who: list[str], office: str) -> None:
    with refused("stay.no_authority"):
        world.submit(stay_document(office=office), who)
    assert not StayRow.objects.exists()


def test_an_unknown_purpose_is_refused_and_not_silently_without_effect(world: World) -> None:
    with refused("purpose.unknown"):
        world.submit(stay_document(scope=Scope(purpose="nothing:known")), ["court"])


def test_the_same_stay_again_changes_nothing_another_of_its_name_is_refused(world: World) -> None:
    stay = world.stay()
    world.submit(stay, ["court"])
    assert Journal.objects.filter(kind="stay").count() == 1
    for number in range(2, 9):  # with digests above and below its own
        with refused("stay.doubled"):
            world.submit(stay.model_copy(update={"reference": f"WP {number}"}), ["court"])


def test_a_stay_has_begun_at_the_instant_that_it_names(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    at = clock.now()
    monkeypatch.setattr(clock, "now", lambda: at)
    for name, starts_at in (("now", at), ("ahead", at + dt.timedelta.resolution)):
        stay = Stay(id=name, office="court", reference="WP 1", scope=Scope(), starts_at=starts_at, ends_at=None)
        world.submit(stay, ["court"])
    assert dict(StayRow.objects.values_list("stay_id", "begun")) == {"now": True, "ahead": False}


def test_an_expired_trust_document_stops_stays_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    turn_clock(monkeypatch, dt.timedelta(days=31))
    with refused("trust.expired"):
        world.submit(stay_document(), ["court"])


# --- when it stands ----------------------------------------------------------------------------------


def test_it_stands_from_its_start_to_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hour = dt.timedelta(hours=1)
    world.submit(stay_document(starts_at=now() + hour, ends_at=now() + 2 * hour), ["court"])
    assert stays.active([SUBJECT]) is None
    turn_clock(monkeypatch, hour)
    assert stays.active([SUBJECT]) is not None
    turn_clock(monkeypatch, hour)
    assert stays.active([SUBJECT]) is None


TEN_MINUTES = dt.timedelta(minutes=10)


def test_a_clock_that_is_set_back_suspends_no_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.order()
    world.stay()
    turn_clock(monkeypatch, -TEN_MINUTES)
    assert stays.standing(SUBJECT, row.released_at) is not None
    assert stays.active([SUBJECT]) is not None
    assert stays.first_ahead(SUBJECT) is None
    with refused("order.stayed"):
        flow.release(row.order_id, world.home)


def test_one_placed_ahead_that_was_seen_as_begun_has_begun(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hour = dt.timedelta(hours=1)
    row = world.order()
    world.submit(stay_document(starts_at=now() + hour), ["court"])
    flow.turn(world.vault)
    assert stays.standing(SUBJECT, row.released_at) is None
    before = edition()
    turn_clock(monkeypatch, hour)
    flow.turn(world.vault)
    assert edition() != before  # by the process's clock: whoever is handing off looks again
    turn_clock(monkeypatch, -TEN_MINUTES)
    assert stays.standing(SUBJECT, row.released_at) is not None


def test_what_was_lifted_before_it_began_is_not_begun_by_a_jump(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.order()
    stay = stay_document(starts_at=now() + TEN_MINUTES)
    world.submit(stay, ["court"])
    world.lift(stay)
    turn_clock(monkeypatch, 2 * TEN_MINUTES)
    flow.turn(world.vault)
    assert StayRow.objects.get().begun
    assert stays.standing(SUBJECT, row.released_at) is None


def test_a_lift_frees_nothing_by_itself_after_a_clock_was_set_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = world.order()
    stay = world.stay()
    turn_clock(monkeypatch, -TEN_MINUTES)
    world.lift(stay)
    row.refresh_from_db()
    assert stays.standing(SUBJECT, row.released_at) is not None
    turn_clock(monkeypatch, 2 * TEN_MINUTES)
    assert stays.standing(SUBJECT, row.released_at) is not None
    flow.release(row.order_id, world.home)
    row.refresh_from_db()
    assert stays.standing(SUBJECT, row.released_at) is None


def test_a_lift_frees_nothing_that_was_released_while_the_clock_was_ahead(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_clock(monkeypatch, TEN_MINUTES)
    row = world.order()
    turn_clock(monkeypatch, -TEN_MINUTES)
    stay = world.stay()
    turn_clock(monkeypatch, dt.timedelta(minutes=1))
    world.lift(stay)
    row.refresh_from_db()
    assert stays.standing(SUBJECT, row.released_at) is not None


def edition() -> object:
    with connection.cursor() as cursor:
        cursor.execute(f"select {stays.EDITION}")
        return cursor.fetchone()


def test_an_ended_stay_still_stops_what_was_not_released(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.order()
    world.stay(ends_at=now() + dt.timedelta(minutes=10))
    turn_clock(monkeypatch, dt.timedelta(minutes=5))
    with refused("order.stayed"):
        flow.release(row.order_id, world.home)
    turn_clock(monkeypatch, dt.timedelta(minutes=6))
    assert stays.standing(SUBJECT, row.released_at) is not None
    flow.release(row.order_id, world.home)
    row.refresh_from_db()
    assert stays.standing(SUBJECT, row.released_at) is None
    assert Journal.objects.filter(kind="release").count() == 1


def test_an_order_accepted_after_a_stay_ended_is_not_stopped_by_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.stay(ends_at=now() + dt.timedelta(minutes=1))
    turn_clock(monkeypatch, dt.timedelta(minutes=2))
    assert stays.standing(SUBJECT, world.order().released_at) is None


def test_one_that_ends_before_it_starts_is_none(world: World) -> None:
    with pytest.raises(ValueError, match="ends_at"):
        stay_document(ends_at=now() - dt.timedelta(hours=1))


# --- lifts -------------------------------------------------------------------------------------------


def lift_of(stay: Stay, name: str = "lift-1") -> Lift:
    return Lift(id=name, stay=stay.digest(), reference="WP 1")


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (["court"], "signature.missing_role"),
        (["court", "owner"], "signature.missing_role"),
        (["court", "custodian"], "signature.missing_role"),
        (["court", "requester", "custodian"], "signature.missing_role"),
        (["owner", "custodian"], "lift.not_its_authority"),
        (["requester", "owner", "custodian", "publicity"], "lift.not_its_authority"),
        ([], "lift.not_its_authority"),
        (["court", "owner", "custodian", "owner"], "signature.doubled"),
    ],
)
def test_a_lift_takes_the_authority_and_everybody(world: World, who: list[str], code: str) -> None:
    stay = world.stay()
    with refused(code):
        world.submit(lift_of(stay), who)
    assert stays.active([SUBJECT]) is not None
    assert StayRow.objects.get().lifted_at is None


def test_a_good_lift_ends_it_once_and_releases_nothing(world: World) -> None:
    row = world.order()
    stay = world.stay()
    world.lift(stay)
    ended = StayRow.objects.get().lifted_at
    assert stays.active([SUBJECT]) is None
    assert stays.standing(SUBJECT, row.released_at) is not None
    world.submit(lift_of(stay), ["court", "owner", "custodian"])
    assert StayRow.objects.get().lifted_at == ended
    assert Journal.objects.filter(kind="lift").count() == 1


def test_a_custodian_s_own_stay_takes_the_owner_too(world: World) -> None:
    stay = stay_document(office="data-centre")
    world.submit(stay, ["custodian"])
    with refused("signature.missing_role"):
        world.submit(lift_of(stay), ["custodian"])
    world.submit(lift_of(stay), ["custodian", "owner"])
    assert stays.active([SUBJECT]) is None


def test_a_lift_of_one_stay_leaves_the_other(world: World) -> None:
    stay, other = world.stay(), world.stay("stay-2", scope=Scope())
    world.lift(stay)
    assert stays.active([SUBJECT]) == other


def test_a_lift_of_nothing_is_refused(world: World) -> None:
    with refused("lift.no_stay"):
        world.submit(lift_of(stay_document()), ["court", "owner", "custodian"])


def test_the_longest_threshold_for_lifts_counts(world: World) -> None:
    """A lift has no purpose of its own: a shorter threshold of another purpose must not make it easier."""
    roles: tuple[Role, ...] = ("register_owner", "custodian")
    trust = world.offices.trust()
    lifts = (
        Threshold(purpose="dpv:PublicRelations", document="lift", roles=("custodian",)),
        Threshold(purpose="dpv:PersonnelPayment", document="lift", roles=roles),
    )
    stay = world.stay()
    world.new_trust(version=2, thresholds=(*trust.thresholds[:-1], *lifts))
    with refused("signature.missing_role"):
        world.submit(lift_of(stay), ["court", "custodian"])
    world.new_trust(version=3, thresholds=trust.thresholds[:-1])
    with refused("trust.no_threshold"):
        world.submit(lift_of(stay), ["court", "owner", "custodian"])


def test_another_register_s_owner_lifts_no_stay_over_a_register(world: World) -> None:
    stay = world.stay()
    with refused("signature.missing_role"):
        world.submit(lift_of(stay), ["court", "other-owner", "custodian"])
    world.lift(stay)


def test_an_order_s_state_is_no_matter_to_a_release_under_a_stay(world: World) -> None:
    row = world.order()
    world.stay(scope=Scope(channel="sms"))
    OrderRow.objects.update(state=OrderRow.SENDING)
    with refused("order.stayed"):  # one channel of two is enough
        flow.release(row.order_id, world.home)
    with refused("order.unknown"):
        flow.release("no-such-order", world.home)


@pytest.mark.parametrize("scope", [Scope(order="another-order"), Scope(register="people"), Scope(office="no-office")])
def test_a_scope_that_names_nothing_is_refused_not_ignored(world: World, scope: Scope) -> None:
    world.order()
    with refused("stay.unknown_scope"):
        world.stay(scope=scope)


def test_a_stay_that_was_lifted_before_it_began_never_stood(world: World) -> None:
    row = world.order()
    later = now() + dt.timedelta(hours=1)
    stay = Stay(id="later", office="court", reference="x", scope=Scope(), starts_at=later, ends_at=None)
    world.submit(stay, ["court"])
    world.submit(lift_of(stay), ["court", "owner", "custodian"])
    assert stays.standing(SUBJECT, row.released_at) is None


def test_a_stay_placed_ahead_is_known_before_it_stands(world: World) -> None:
    """So that a provider is told how long it may try (send/open.py)."""
    world.stay("stands-already")
    assert stays.first_ahead(SUBJECT) is None
    ahead = [
        stay_document(id=f"in-{hours}-hours", starts_at=now() + dt.timedelta(hours=hours), scope=scope)
        for hours, scope in ((1, Scope(channel="sms")), (2, Scope(purpose=PURPOSE)), (3, Scope()))
    ]
    for stay in ahead:
        world.submit(stay, ["court"])
    assert stays.first_ahead(SUBJECT) == ahead[1].starts_at
    world.lift(ahead[1])
    assert stays.first_ahead(SUBJECT) == ahead[2].starts_at


def test_of_stays_ahead_one_that_has_an_end_counts_and_one_that_ended_before_it_began_does_not(world: World) -> None:
    begins, lifted = now() + dt.timedelta(hours=2), now() + dt.timedelta(hours=1)
    world.submit(stay_document(starts_at=begins, ends_at=begins + TEN_MINUTES), ["court"])
    early = stay_document(id="early", starts_at=lifted, ends_at=lifted + TEN_MINUTES)
    world.submit(early, ["court"])
    world.lift(early)
    assert stays.first_ahead(SUBJECT) == begins


def test_a_stay_has_begun_at_the_instant_from_which_it_stands(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is known to, whatever the clock says later."""
    at = now() + TEN_MINUTES
    stay = stay_document(starts_at=at)
    monkeypatch.setattr(clock, "now", lambda: at)
    world.submit(stay, ["court"])
    assert StayRow.objects.get().begun


def test_a_release_at_the_instant_of_an_end_is_after_it() -> None:
    begins = dt.datetime(2026, 2, 24, 10, tzinfo=dt.UTC)
    ends = begins + TEN_MINUTES
    span = Span(Terms(Scope(), ends, frozenset()), begins, ends)
    later = ends + TEN_MINUTES
    assert span.holds_up(ends - dt.timedelta.resolution, later)
    assert not span.holds_up(ends, later)
    assert span.stands(begins)
    assert not span.stands(ends)


def test_terms_that_ended_as_they_began_never_held_anything() -> None:
    begins = dt.datetime(2026, 2, 24, 10, tzinfo=dt.UTC)
    span = Span(Terms(Scope(), begins, frozenset()), begins, begins)
    assert not span.holds_up(begins - TEN_MINUTES, begins + TEN_MINUTES)


def test_the_database_cannot_shorten_a_stay(world: World) -> None:
    """What counts is the signed document, not what the row says about it."""
    row = world.order()
    world.stay()
    StayRow.objects.update(starts_at=now() + dt.timedelta(days=1))
    assert stays.standing(SUBJECT, row.released_at) is not None
