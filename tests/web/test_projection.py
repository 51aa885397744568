"""The projection: what the log says, and nothing that it does not."""

import datetime as dt

import pytest

from ariyippu.grant.documents import Refusal
from ariyippu.notice.documents import Order
from ariyippu.policy.documents import Amendment, Confirmation, Lift, Scope
from ariyippu.web.register.projection import projection
from ariyippu.web.register.shown.orders import State
from ariyippu.web.register.shown.requests import RequestState
from ariyippu.web.register.shown.whole import EMPTY, Register
from tests.web import story
from tests.web.story import EVERYONE, START, Log, as_json, notice, order, refuse, signed, use_request

NOW = START + dt.timedelta(days=2)


@pytest.fixture
def log() -> Log:
    """Up to an accepted order."""
    log = Log()
    log.add_request(use_request())
    log.add_order(order(notice(), use_request()), notice())
    return log


def _the_order() -> Order:
    return order(notice(), use_request())


def _state(log: Log, at: dt.datetime = NOW) -> State:
    return projection(log.entries()).orders["da-arrears-1"].state(at)


def test_an_order_shows_its_notice_its_request_and_who_signed(log: Log) -> None:
    entry = projection(log.entries()).orders["da-arrears-1"]
    assert entry.notice == notice()
    assert entry.request is not None
    assert entry.request.document == use_request()
    assert entry.request.granted_until == use_request().valid_until
    assert [(s.person, s.office.en, s.roles) for s in entry.signers] == [
        ("Deputy Secretary (Pay)", "Finance Department", ("requester",)),
        ("Registrar of Staff", "Staff Registry", ("register_owner",)),
        ("Custodian 1", "Custodian of Contacts", ("custodian",)),
    ]
    assert entry.office.ml == "ധനകാര്യ വകുപ്പ്"
    assert entry.digest == _the_order().digest()
    assert [place.index for place in entry.places] == [2]


def test_a_signature_that_does_not_fit_is_not_shown() -> None:
    log = Log()
    envelope = signed(use_request(), "Deputy Secretary (Pay)")
    forged = envelope.signatures[0].model_copy(
        update={"keyid": signed(use_request(), "Custodian 1").signatures[0].keyid}
    )
    body = as_json(envelope.with_signature(forged))
    log.add("use-request", {"envelope": body, "granted_until": None})
    (entry,) = projection(log.entries()).requests.values()
    assert [signer.person for signer in entry.signers] == ["Deputy Secretary (Pay)"]
    assert entry.granted_until is None


def test_the_states_of_an_order_follow_its_entries(log: Log) -> None:
    assert _state(log) is State.ANNOUNCED
    log.add_audience(_the_order(), {"included": 120, "objected": 0})
    assert _state(log) is State.SENDING
    log.add_stay(story.stay(Scope(order="da-arrears-1")))
    assert _state(log) is State.STAYED
    assert _state(log, START) is State.SENDING, "the stay begins later"
    log.add("handed-off", {"order": _the_order().digest(), "outcomes": {"sms": {"delivered": 120}}})
    assert _state(log) is State.HANDED_OFF


@pytest.mark.parametrize(("kind", "more"), [("expired", {}), ("handed-off", {"outcomes": {}})])  # the latter: before
def test_an_order_whose_time_ended_before_anybody_was_decided_about_sent_nothing(
    log: Log, kind: str, more: dict[str, object]
) -> None:
    index = log.add(kind, {"order": _the_order().digest(), **more})
    assert _state(log) is State.EXPIRED
    assert projection(log.entries()).orders["da-arrears-1"].places[-1].index == index


def test_a_stay_that_ended_releases_nothing_until_a_release_is_logged(log: Log) -> None:
    log.add_stay(story.stay(Scope(register="staff"), ends_at=START + dt.timedelta(hours=5)))
    assert _state(log) is State.STAYED
    log.add("snapshot", {})
    log.add("snapshot", {})
    log.add("release", {"order": _the_order().digest()})
    assert _state(log) is State.ANNOUNCED


def test_a_lift_ends_a_stay_for_whatever_comes_after(log: Log) -> None:
    placed = story.stay(Scope())
    log.add_stay(placed)
    lift = Lift(id="lift-1", stay=placed.digest(), reference="I.A. 1/2026")
    log.add("lift", {"envelope": as_json(signed(lift, "Liaison Officer 1", "Custodian 1"))})
    later = order(notice("other"), use_request(), "later-order")
    log.add_order(later, notice("other"))
    register = projection(log.entries())
    assert not register.active_stays(NOW)
    assert register.orders["later-order"].stays == ()
    assert [s.digest for s in register.orders["da-arrears-1"].stays] == [placed.digest()]
    (entry,) = register.stays.values()
    assert entry.lift is not None
    assert entry.ends_at == entry.lift.place.at


def _amended(log: Log, changes: dict[str, object], ends_at: dt.datetime | None = None) -> Register:
    """After a stay of everything, from hour 3, and an amendment of it at the log's next hour."""
    placed = story.stay(Scope(), ends_at=ends_at)
    log.add_stay(placed)
    values = {
        "id": "change",
        "stay": placed.digest(),
        "number": 1,
        "reference": "I.A. 2",
        "leave": (),
        "ends_at": ends_at,
    }
    change = Amendment.model_validate({**values, "scope": Scope(), **changes})
    log.add("amendment", {"envelope": as_json(signed(change, "Liaison Officer 1", "Custodian 1"))})
    return projection(log.entries())


def test_a_narrowed_stay_holds_the_order_until_its_release(log: Log) -> None:
    log.add("snapshot", {})
    register = _amended(log, {"scope": Scope(register="another")})
    assert register.orders["da-arrears-1"].state(NOW) is State.STAYED
    assert [place.kind for place in register.stays["wpc-stay-1"].places] == ["stay", "amendment"]
    log.add("release", {"order": _the_order().digest()})
    assert _state(log) is State.ANNOUNCED


def test_an_extended_stay_ends_later(log: Log) -> None:
    log.add("snapshot", {})
    ends = START + dt.timedelta(hours=9)
    register = _amended(log, {"ends_at": START + dt.timedelta(hours=20)}, ends)
    (entry,) = register.stays.values()
    assert entry.ends_at == START + dt.timedelta(hours=20)
    assert entry.is_active(ends)
    assert not entry.is_active(START + dt.timedelta(hours=20))


def test_leave_is_not_a_release_but_lets_later_orders_go(log: Log) -> None:
    log.add("snapshot", {})
    register = _amended(log, {"leave": (_the_order().digest(),)})
    assert register.orders["da-arrears-1"].state(NOW) is State.STAYED
    log.add("release", {"order": _the_order().digest()})
    assert _state(log) is State.ANNOUNCED
    assert register.orders_with(notice().digest()) == (register.orders["da-arrears-1"],)


def test_a_district_s_stay_stops_some_and_not_the_order(log: Log) -> None:
    log.add_stay(story.stay(Scope(districts=("KOLLAM",))))
    entry = projection(log.entries()).orders["da-arrears-1"]
    assert entry.stayed_channels(NOW) == ()
    assert entry.is_partly_stayed(NOW)
    assert entry.state(NOW) is State.ANNOUNCED
    assert len(entry.stays) == 1


def test_a_delegate_is_shown_with_whom_they_act_for(log: Log) -> None:
    log.add_stay(story.stay(Scope(), "by-the-deputy"), story.DEPUTY)
    (signer,) = projection(log.entries()).stays["by-the-deputy"].signers
    assert (signer.person, signer.roles, signer.acting_for) == (story.DEPUTY, ("custodian",), ("Custodian 1",))


def _request_state(log: Log, name: str, at: dt.datetime = NOW) -> RequestState:
    register = projection(log.entries())
    assert register.unread == ()
    return register.request_state(register.requests[name], at)


def test_a_use_request_s_life() -> None:
    log, asked = Log(), use_request()
    log.add("use-request", {"envelope": as_json(signed(asked, "Deputy Secretary (Pay)")), "granted_until": None})
    assert _request_state(log, asked.id) is RequestState.ASKED
    refuse(log, signed(asked, "Deputy Secretary (Pay)"), "use-request", "signature.missing_role")
    assert _request_state(log, asked.id) is RequestState.REFUSED
    log.add_request(asked)
    assert _request_state(log, asked.id) is RequestState.GRANTED
    log.add_order(order(notice(), asked), notice())
    assert _request_state(log, asked.id) is RequestState.USED
    assert _request_state(log, asked.id, asked.valid_until) is RequestState.EXPIRED
    story.answered(log)
    assert _request_state(log, "taken-back") is RequestState.WITHDRAWN
    assert _request_state(log, "letter-for-contacts") is RequestState.REFUSED
    entry = projection(log.entries()).requests[asked.id]
    assert [place.kind for place in entry.places] == ["use-request", "refusal", "use-request"]
    assert len(entry.signers) == len(EVERYONE)


def test_an_officer_s_no_stands_with_its_request_even_when_nobody_handed_that_in() -> None:
    log = Log()
    refusal = Refusal(id="refusal-1", office="registry", request=signed(story.letter(), EVERYONE[0]), **story.NO)
    log.add("request-refused", {"envelope": as_json(signed(refusal, "Registrar of Staff"))})
    (entry,) = projection(log.entries()).requests.values()
    assert entry.document == story.letter()
    assert [signer.person for signer in entry.signers] == [EVERYONE[0]]
    assert entry.refused is not None
    assert [signer.person for signer in entry.refused.signers] == ["Registrar of Staff"]
    assert entry.principal is not None
    assert entry.principal.en == "High Court Liaison Cell"


def test_a_refused_request_does_not_take_a_granted_one_s_name(log: Log) -> None:
    """Somebody else asks under the same name: the page stays the granted one's, the paper is found all the same."""
    other = use_request().model_copy(update={"case_number": "another", "attachments": (story.LETTER,)})
    refuse(log, signed(other, EVERYONE[0]), "use-request", "use_request.doubled")
    register = projection(log.entries())
    assert register.requests[other.id].document == use_request()
    assert [entry.document for entry in register.requests_with(story.LETTER.sha256)] == [other]
    assert [entry.document for entry in register.requests_with(other.digest())] == [other]


def test_what_was_stopped_stands_with_its_stay(log: Log) -> None:
    placed = story.stay(Scope())
    log.add_stay(placed)
    counted = {"order": _the_order().digest(), "handed_off": 120, "in_hand": 0, "waiting": None}
    body = {"stay": placed.digest(), "number": 0, "at": "2026-02-20T07:00:00Z", "orders": [counted]}
    index = log.add("stopped", body)
    log.add("stopped", {**body, "stay": "0" * 64})  # of a stay that nobody placed
    register = projection(log.entries())
    (found,) = register.stays["wpc-stay-1"].stopped
    assert (found.place.index, found.at) == (index, START + dt.timedelta(hours=3))
    assert vars(found.orders[0]) == counted
    assert register.unread == (index + 1,)


def test_what_was_recalled_stands_with_its_stay(log: Log) -> None:
    placed = story.stay(Scope())
    log.add_stay(placed)
    counted = [{"order": order, "asked": 120, "recalled": 90} for order in (_the_order().digest(), "7" * 64)]
    body = {"stay": placed.digest(), "number": 0, "orders": counted}
    index = log.add("recalled", body)
    log.add("recalled", {**body, "stay": "0" * 64})  # of a stay that nobody placed
    register = projection(log.entries())
    found = register.stays["wpc-stay-1"]
    assert [(one.order, one.asked, one.recalled) for one in found.recalled] == [
        (counted[0]["order"], 120, 90),
        ("7" * 64, 120, 90),
    ]
    assert [place.index for place in found.places] == [found.place.index, index]
    assert register.unread == (index + 1,)


def test_a_paper_that_nobody_confirms_is_flagged_after_a_day(log: Log) -> None:
    story.by_paper(log, notice())
    placed = projection(log.entries()).stays["by-paper"]
    day = placed.place.at + dt.timedelta(days=1)
    assert not placed.is_unconfirmed(day - dt.timedelta(seconds=1))
    assert placed.is_unconfirmed(day)
    assert placed.is_active(day)
    confirmed = Confirmation(id="confirmed", stay=placed.digest, paper="5" * 64)
    log.add("confirmation", {"envelope": as_json(signed(confirmed, "Registrar of Staff"))})
    assert not projection(log.entries()).stays["by-paper"].is_unconfirmed(day)


@pytest.mark.parametrize(
    ("scope", "touched"),
    [
        (Scope(), True),
        (Scope(order="da-arrears-1"), True),
        (Scope(order="another"), False),
        (Scope(purpose="dpv:PersonnelPayment"), True),
        (Scope(purpose="ariyippu:service-circular"), False),
        (Scope(register="staff", office="finance"), True),
        (Scope(register="staff", office="registry"), False),
        (Scope(channel="sms"), True),
    ],
)
def test_a_stay_touches_what_its_scope_names(log: Log, scope: Scope, touched: bool) -> None:
    log.add_stay(story.stay(scope))
    register = projection(log.entries())
    assert bool(register.orders["da-arrears-1"].stays) is touched
    (stay,) = register.stays.values()
    assert bool(register.orders_touched_by(stay)) is touched


def test_a_stay_of_one_channel_leaves_the_other(log: Log) -> None:
    log.add_stay(story.stay(Scope(channel="email")))
    entry = projection(log.entries()).orders["da-arrears-1"]
    assert entry.stayed_channels(NOW) == ("email",)
    assert entry.state(NOW) is State.ANNOUNCED


def test_a_stay_of_a_register_that_lends_contacts_leaves_the_order_s_own(log: Log) -> None:
    lending = notice("lending")
    log.add_order(order(lending, use_request(), "lent").model_copy(update={"contacts_of": story.LENT}), lending)
    log.add_stay(story.stay(Scope(register="land")))
    register = projection(log.entries())
    assert [len(register.orders[name].stays) for name in ("lent", "da-arrears-1")] == [1, 0]
    assert register.orders["lent"].state(NOW) is State.ANNOUNCED
    assert register.orders["lent"].stayed_channels(NOW) == ()


def test_a_linking_run_stands_with_its_grant_and_with_what_rests_on_it(log: Log) -> None:
    request = use_request("linking-2026", "ariyippu:linking")
    log.add_request(request)
    log.add_linked(request)
    log.add_audience(_the_order(), {"included": 120}, run="persons-1")
    register = projection(log.entries())
    (linking,) = register.linkings_under(register.requests["linking-2026"])
    assert (linking.run, linking.persons, linking.place.index) == ("persons-1", 765_430, 4)
    assert register.linkings_under(register.requests["da-arrears-2026"]) == ()
    audience = register.orders["da-arrears-1"].audience
    assert audience is not None
    assert audience.linking == linking


def test_a_trigger_stands_with_its_standing_order(log: Log) -> None:
    ordered = story.standing(notice(), use_request())
    log.add_standing(ordered, notice())
    made = story.triggered(ordered, 1)
    log.add_trigger(made)
    register = projection(log.entries())
    entry = register.orders["da-arrears-credited-t1"]
    assert entry.standing == register.standing["da-arrears-credited"]
    assert (entry.document, entry.signers) == (made, entry.standing.signers)
    assert [signer.person for signer in entry.signers] == list(EVERYONE)
    log.add_stay(story.stay(Scope(order="da-arrears-credited")))
    assert projection(log.entries()).orders["da-arrears-credited-t1"].state(NOW) is State.STAYED


def test_a_trigger_that_its_standing_order_does_not_come_to_is_not_shown(log: Log) -> None:
    ordered = story.standing(notice(), use_request())
    log.add_standing(ordered, notice())
    log.add_trigger(story.triggered(ordered, 1).model_copy(update={"max_messages": 1}))
    register = projection(log.entries())
    assert "da-arrears-credited-t1" not in register.orders
    assert len(register.unread) == 1


def test_refusals_are_shown_with_what_was_refused() -> None:
    log = Log()
    index = refuse(
        log, signed(use_request("campaign", "dpv:PoliticalCampaign")), "use-request", "purpose.unsatisfiable"
    )
    unread = refuse(log, None, "order", "document.invalid")
    register = projection(log.entries())
    refusal = register.refusals[index]
    assert refusal.document == use_request("campaign", "dpv:PoliticalCampaign")
    assert refusal.office is not None
    assert refusal.office.en == "Finance Department"
    assert refusal.signers == ()
    assert register.refusals[unread].document is None
    assert register.requests["campaign"].by_the_vault == (refusal,)


def test_an_order_that_came_to_nothing_says_so_also_after_its_audience(log: Log) -> None:
    log.add("failed", {"order": _the_order().digest(), "code": "order.over_cap"})
    assert _state(log) is State.FAILED


def test_a_refusal_of_an_accepted_order_s_document_says_nothing_about_the_order(log: Log) -> None:
    refuse(log, signed(_the_order(), *EVERYONE), "order", "order.other_notice")
    assert _state(log) is not State.FAILED


def test_an_order_with_another_text_than_the_signed_one_is_not_shown(log: Log) -> None:
    swapped = {**notice("swapped").model_dump(mode="json"), "register": "somewhere-else"}
    log.add(
        "order", {"envelope": as_json(signed(order(notice("swapped"), use_request(), "swapped"))), "notice": swapped}
    )
    register = projection(log.entries())
    assert "swapped" not in register.orders
    assert register.unread == (3,)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("order", {}),
        ("order", {"envelope": {"payloadType": "x", "payload": "!", "signatures": []}, "notice": {}}),
        ("audience", {"order": "f" * 64, "root": "", "size": 1, "counts": {}}),
        ("handed-off", {"order": 1}),
        ("linked", {"run": "persons-1"}),
        ("lift", {"envelope": as_json(signed(Lift(id="lift-1", stay="0" * 64, reference="x")))}),
    ],
)
def test_an_entry_that_cannot_be_read_is_named_and_hides_nothing_else(
    log: Log, kind: str, body: dict[str, object]
) -> None:
    index = log.add(kind, body)
    register = projection(log.entries())
    assert register.unread == (index,)
    assert set(register.orders) == {"da-arrears-1"}


def test_nothing_logged_is_an_empty_register() -> None:
    assert projection([]) == EMPTY
