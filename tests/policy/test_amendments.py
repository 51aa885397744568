"""Other terms for a stay: to stop more takes one key, to stop less takes everyone; nothing goes on by itself."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ariyippu import flow
from ariyippu.base import clock
from ariyippu.base.errors import RefusedError
from ariyippu.base.models import Journal
from ariyippu.notice import orders
from ariyippu.notice.criteria import EVERYONE
from ariyippu.notice.models import OrderRow
from ariyippu.policy import stays
from ariyippu.policy.documents import Amendment, Confirmation, Scope, Stay
from ariyippu.policy.models import AmendmentRow, StayRow
from ariyippu.policy.spans import spans
from tests.offices import now
from tests.refusals import refused
from tests.world import World, build, people

QUORUM = ["court", "owner", "custodian"]
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    return build(tmp_path, people(1))


def turn_clock(monkeypatch: pytest.MonkeyPatch, by: dt.timedelta) -> None:
    present = clock.now() + by
    monkeypatch.setattr(clock, "now", lambda: present)


def amendment(stay: Stay, number: int = 1, **changes: Any) -> Amendment:
    """The stay's own terms again, but for the changes."""
    values = {"id": f"{stay.id}-{number}", "stay": stay.digest(), "number": number, "reference": "IA 1"}
    return Amendment.model_validate({**values, "scope": stay.scope, "ends_at": stay.ends_at, "leave": (), **changes})


def is_stopped(row: OrderRow, world: World) -> bool:
    """Whether every channel of the order is stopped now for everyone."""
    row.refresh_from_db()
    verified = orders.verify_row(row, world.home)
    return all(stays.standing(subject, row.released_at) is not None for subject in stays.subjects_of(verified))


# --- who must sign -----------------------------------------------------------------------------------

ENDS = now() + dt.timedelta(days=3)
WIDER: dict[str, dict[str, Any]] = {
    "longer": {"ends_at": ENDS + HOUR},
    "without an end": {"ends_at": None},
    "every register": {"scope": Scope()},
    "the same again": {},
}
NARROWER: dict[str, dict[str, Any]] = {
    "shorter": {"ends_at": ENDS - HOUR},
    "one district": {"scope": Scope(register="spark", districts=("KOLLAM",))},
    "one channel": {"scope": Scope(register="spark", channel="sms"), "ends_at": None},
    "a restraint": {"scope": Scope(register="spark", restraint=True)},
    "leave": {"leave": ("a" * 64,)},
    "wider and narrower at once": {"scope": Scope(purpose="dpv:PersonnelPayment"), "ends_at": None},
}


@pytest.mark.parametrize("change", WIDER.values(), ids=WIDER)
def test_one_key_of_its_authority_widens_a_stay(world: World, change: dict[str, Any]) -> None:
    stay = world.stay(ends_at=ENDS)
    world.submit(amendment(stay, **change), ["court"])
    _, (_, span) = stays.placed(StayRow.objects.get())
    assert span.terms == amendment(stay, **change).terms


@pytest.mark.parametrize("change", NARROWER.values(), ids=NARROWER)
@pytest.mark.parametrize(
    ("who", "code"),
    [
        (["court"], "signature.missing_role"),
        (["court", "owner"], "signature.missing_role"),
        (["court", "custodian"], "signature.missing_role"),
        (["court", "stranger"], "signature.missing_role"),  # one person with every role
        (["owner", "custodian"], "amendment.not_its_authority"),
        ([], "amendment.not_its_authority"),
    ],
)
def test_what_may_stop_less_takes_everyone(world: World, change: dict[str, Any], who: list[str], code: str) -> None:
    stay = world.stay(ends_at=ENDS)
    with refused(code):
        world.submit(amendment(stay, **change), who)
    assert not AmendmentRow.objects.exists()
    world.submit(amendment(stay, **change), QUORUM)
    assert AmendmentRow.objects.count() == 1


def test_another_authority_widens_nothing_of_it(world: World) -> None:
    stay = world.stay(ends_at=ENDS)
    with refused("amendment.not_its_authority"):
        world.submit(amendment(stay, ends_at=None), ["custodian"])


def test_amendments_come_one_after_the_other(world: World) -> None:
    """An old narrowing cannot be handed in again after a later widening."""
    stay = world.stay(ends_at=ENDS)
    narrow = amendment(stay, scope=Scope(register="spark", channel="sms"))
    world.submit(narrow, QUORUM)
    for turn in (1, 3):
        with pytest.raises(RefusedError, match="next amendment is 2"):
            world.submit(amendment(stay, turn, ends_at=None), ["court"])
    world.submit(amendment(stay, 2), ["court"])
    world.submit(narrow, QUORUM)
    assert [row.number for row in AmendmentRow.objects.order_by("number")] == [1, 2]
    assert stays.placed(StayRow.objects.get())[1][-1].terms.scope == stay.scope
    assert Journal.objects.filter(kind="amendment").count() == 2


def test_whether_it_widens_is_asked_of_the_last_terms(world: World) -> None:
    stay = world.stay(ends_at=ENDS)
    world.submit(amendment(stay, ends_at=None), ["court"])
    with refused("signature.missing_role"):
        world.submit(amendment(stay, 2), ["court"])  # back to the first end: that is shorter now


def test_what_is_over_is_not_amended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lifted, ended = world.stay(), world.stay("stay-2", ends_at=now() + HOUR)
    world.lift(lifted)
    with refused("amendment.over"):
        world.submit(amendment(lifted), ["court"])
    monkeypatch.setattr(clock, "now", lambda: ended.ends_at)
    with refused("amendment.over"):
        world.submit(amendment(ended, ends_at=None), ["court"])
    with refused("amendment.no_stay"):
        world.submit(amendment(ended.model_copy(update={"reference": "WP 9"})), ["court"])
    with refused("stay.unknown_scope"):
        world.submit(amendment(lifted, scope=Scope(register="nothing")), ["court"])


# --- what stands afterwards --------------------------------------------------------------------------


def test_an_extension_keeps_what_would_have_been_free(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.order()
    stay = world.stay(ends_at=now() + HOUR)
    world.submit(amendment(stay, ends_at=now() + 3 * HOUR), ["court"])
    turn_clock(monkeypatch, 2 * HOUR)
    with refused("order.stayed"):
        flow.release(row.order_id, world.home)
    turn_clock(monkeypatch, HOUR)
    assert is_stopped(row, world)
    flow.release(row.order_id, world.home)
    assert not is_stopped(row, world)


def test_a_narrowing_frees_nothing_until_a_person_releases_it(world: World) -> None:
    """Limited to another register: the order goes on only when somebody releases it."""
    world.new_trust(version=2, registers={"spark": "pay-register", "land": "pay-register"})
    row = world.order()
    stay = world.stay(scope=Scope())
    world.submit(amendment(stay, scope=Scope(register="land")), QUORUM)
    assert is_stopped(row, world)
    flow.release(row.order_id, world.home)
    assert not is_stopped(row, world)
    after = world.order(id="accepted-afterwards")
    assert not is_stopped(after, world)


def test_what_the_narrow_terms_still_name_cannot_be_released(world: World) -> None:
    row = world.order()
    stay = world.stay(scope=Scope())
    world.submit(amendment(stay, scope=Scope(register="spark")), QUORUM)
    with refused("order.stayed"):
        flow.release(row.order_id, world.home)


def test_leave_lets_one_order_go_on_and_no_other(world: World) -> None:
    row, other = world.order(), world.order(id="another-order")
    stay = world.stay()
    world.submit(amendment(stay, leave=(row.digest,)), QUORUM)
    assert is_stopped(row, world)
    flow.release(row.order_id, world.home)
    assert not is_stopped(row, world)
    with refused("order.stayed"):
        flow.release(other.order_id, world.home)
    world.submit(amendment(stay, 2), ["court"])  # leave withdrawn: one key stops it again
    assert is_stopped(row, world)


def test_leave_for_a_notice_holds_for_its_exact_text(world: World) -> None:
    notice = world.notice()
    stay = world.stay()
    world.submit(amendment(stay, leave=(notice.digest(),)), QUORUM)
    assert not is_stopped(world.order(), world)
    changed = world.notice(sanction_reference="another")
    world.submit(world.order_document(changed, id="other-text"), notice=changed)
    assert is_stopped(OrderRow.objects.get(order_id="other-text"), world)


def test_a_stay_amended_before_it_began_never_had_its_first_terms(world: World) -> None:
    row = world.order()
    stay = Stay(
        id="later", office="court", reference="x", scope=Scope(), starts_at=now() + HOUR, ends_at=now() + 2 * HOUR
    )
    world.submit(stay, ["court"])
    world.submit(amendment(stay, scope=Scope(channel="sms")), QUORUM)
    _, (first, second) = stays.placed(StayRow.objects.get())
    assert not first.holds_up(row.released_at, now() + 3 * HOUR)
    assert second.starts_at == stay.starts_at


def test_each_terms_end_where_the_next_begin(world: World) -> None:
    stay = world.stay(scope=Scope())
    first, second = amendment(stay, 1, scope=Scope(register="land")), amendment(stay, 2, scope=Scope(register="spark"))
    began = stay.starts_at
    at = [began + dt.timedelta(hours=hours) for hours in (1, 2, 3)]
    found = spans(stay, [(first, at[0]), (second, at[1])], at[2])
    assert [span.terms for span in found] == [stay.terms, first.terms, second.terms]
    assert [(span.starts_at, span.ends_at) for span in found] == [(began, at[0]), (at[0], at[1]), (at[1], at[2])]


def test_a_lift_ends_the_amended_terms(world: World) -> None:
    stay = world.stay(ends_at=ENDS)
    world.submit(amendment(stay, ends_at=None), ["court"])
    row = world.order()
    assert is_stopped(row, world)
    world.lift(stay)
    flow.release(row.order_id, world.home)
    assert not is_stopped(row, world)


# --- a restraint -------------------------------------------------------------------------------------


def test_a_restraint_lets_an_entitlement_flow_and_stops_publicity(world: World) -> None:
    row = world.order()
    verified = orders.verify_row(row, world.home)
    own, _ = stays.subjects_of(verified)
    publicity = replace(own, purpose="ariyippu:achievements")
    world.stay("model-code", scope=Scope(restraint=True), ends_at=ENDS)
    assert not is_stopped(row, world)
    assert stays.stopped(publicity, row.released_at, restraint=True) == EVERYONE
    assert stays.stopped(publicity, row.released_at, restraint=False) != EVERYONE


# --- paper -------------------------------------------------------------------------------------------

SCAN = "1" * 64


def paper_stay(world: World, who: str = "custodian", office: str = "data-centre") -> Stay:
    document = {
        "id": "by-paper",
        "office": office,
        "reference": "WP 7",
        "scope": {"register": "spark"},
        "ends_at": None,
    }
    paper = {"sha256": SCAN, "title": "Order in WP 7"}
    stay = Stay.model_validate({**document, "starts_at": now(), "paper": paper})
    world.submit(stay, [who])
    return stay


def confirmation(stay: Stay, paper: str = SCAN) -> Confirmation:
    return Confirmation(id="by-paper-confirmed", stay=stay.digest(), paper=paper)


def test_a_paper_order_stops_at_once_and_is_confirmed_by_another_person(world: World) -> None:
    row = world.order()
    stay = paper_stay(world)
    assert is_stopped(row, world)
    for code, who in (("confirmation.not_another_person", ["custodian"]), ("confirmation.not_another_person", [])):
        with refused(code):
            world.submit(confirmation(stay), who)
    for other in ("0" * 64, "2" * 64, "f" * 64):
        with refused("confirmation.other_paper"):
            world.submit(confirmation(stay, other), ["owner"])
    assert StayRow.objects.get().confirmed_at is None
    world.submit(confirmation(stay), ["owner"])
    world.submit(confirmation(stay), ["court"])
    assert StayRow.objects.get().confirmed_at is not None
    assert Journal.objects.filter(kind="confirmation").count() == 1
    assert is_stopped(row, world)


def test_a_second_key_of_the_same_person_confirms_nothing(world: World) -> None:
    stay = paper_stay(world)
    trust = world.offices.trust(version=2)
    keys = tuple(key.model_copy(update={"person": "custodian"}) if key.person == "owner" else key for key in trust.keys)
    world.new_trust(version=2, keys=keys)
    with refused("confirmation.not_another_person"):
        world.submit(confirmation(stay), ["owner"])


def test_whose_key_is_gone_nobody_can_tell_from_another_person(world: World) -> None:
    stay = paper_stay(world)
    trust = world.offices.trust(version=2)
    world.new_trust(version=2, keys=tuple(key for key in trust.keys if key.person != "custodian"))
    with refused("signature.unknown_key"):
        world.submit(confirmation(stay), ["owner"])


def test_only_a_paper_is_confirmed(world: World) -> None:
    with refused("confirmation.no_paper"):
        world.submit(confirmation(world.stay()), ["owner"])
    with refused("confirmation.no_stay"):
        world.submit(Confirmation(id="nothing", stay="0" * 64, paper=SCAN), ["owner"])


def test_an_unconfirmed_paper_s_stay_is_lifted_like_any_other(world: World) -> None:
    stay = paper_stay(world)
    with refused("signature.missing_role"):
        world.submit(amendment(stay, scope=Scope(register="spark", channel="sms")), ["custodian"])
