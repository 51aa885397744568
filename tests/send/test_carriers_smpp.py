"""SMPP: octets, windows, parts, faults and receipts, against scripted SMS centres, the demo's and node-smpp."""

import contextlib
import functools
import select
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.demo.outside.keep import read_sms
from ariyippu.demo.outside.smsc import SWITCHED_OFF
from ariyippu.send.carriers import (
    Answer,
    Arrival,
    Carrier,
    Message,
    Receipt,
    SmsMessage,
    Stop,
    Verdict,
    open_carrier,
    pdu,
    smpp,
    smpp_receipt,
    smpp_session,
    smpp_throttle,
    stop,
)
from ariyippu.send.carriers.answers import CANCELLED
from ariyippu.send.carriers.pdu import RESPONSE, Command, Pdu
from ariyippu.send.carriers.smpp import SmppCarrier
from tests.refusals import refused
from tests.send import centres
from tests.send.test_carriers import MALAYALAM, PATIENCE_S, Peer, Scripted, eventually, settings_for
from tests.send.test_carriers_smtp import certificate, secured  # noqa: F401  a fixture

LONG = MALAYALAM * 4  # three parts
TEMPLATE = "1107123456789012345"


LongSms = Literal["parts", "payload"]
Centre = Callable[..., contextlib.AbstractContextManager[int]]

_opened: list[Carrier] = []


def carrier_to(
    port: int, *, window: int = 100, login: str = centres.ACCOUNT, long_sms: LongSms = "parts"
) -> SmppCarrier:
    found = open_carrier(settings_for(f"smpp://{login}@127.0.0.1:{port}", window=window, long_sms=long_sms))
    assert isinstance(found, SmppCarrier)
    _opened.append(found)
    return found


@pytest.fixture(params=[centres.OURS, centres.THEIRS])
def centre(request: pytest.FixtureRequest, tmp_path: Path) -> Centre:
    """`with centre() as port`; what it takes is read with `read_sms(tmp_path)`."""
    return functools.partial(centres.serving, request.param, tmp_path)


@pytest.fixture(autouse=True)
def _close_carriers() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


def sms(position: int, text: str = "x") -> Message:
    return SmsMessage(position, f"+910{position:08d}2", text, TEMPLATE)


def receive(peer: Peer) -> Pdu:
    head = peer.reader.read(16)
    length, command, status, sequence = pdu.HEADER.unpack(head)
    return Pdu(command, status, sequence, peer.reader.read(length - 16))


def send(peer: Peer, command: int, sequence: int, body: bytes = b"", *, status: int = 0) -> None:
    peer.socket.sendall(pdu.pack(command, status, sequence, body))


def bound(peer: Peer) -> None:
    request = receive(peer)
    assert request.command == Command.BIND_TRANSCEIVER
    assert request.body == b"demo\0demo\0\0\x34\0\0\0"
    send(peer, request.command | RESPONSE, request.sequence, b"centre\0")


def submit(peer: Peer) -> Pdu:
    request = receive(peer)
    assert request.command == Command.SUBMIT_SM
    return request


def answer(peer: Peer, request: Pdu, provider_id: str = "", *, status: int = 0) -> None:
    send(peer, request.command | RESPONSE, request.sequence, provider_id.encode() + b"\0", status=status)


def goodbye(peer: Peer) -> None:
    assert receive(peer).command == Command.UNBIND
    assert peer.reader.read() == b""


@given(seconds=st.integers(1, 30 * 24 * 3600))
def test_a_validity_is_read_as_it_was_written(seconds: int) -> None:
    assert pdu.unpack_relative(pdu.relative(seconds)).total_seconds() == seconds


def test_a_validity_by_hand() -> None:
    assert pdu.relative(24 * 3600) == "000001000000000R"
    assert pdu.relative(3_725) == "000000010205000R"
    with pytest.raises(pdu.MalformedError):
        pdu.unpack_relative("260301000000000+")


# --- octets --------------------------------------------------------------------------------------------


def test_a_submit_octet_by_octet() -> None:
    """Written by hand from the specification, 4.4.1, not with our own packing."""
    expected = (
        b"\0"  # service_type
        b"\x05\x00KLGOVT\0"  # alphanumeric sender
        b"\x01\x01910000000012\0"  # international, ISDN
        b"\0\0\0"  # esm_class, protocol_id, priority_flag
        b"\0"  # schedule_delivery_time
        b"000001000000000R\0"  # validity_period: one day
        b"\x01\0\x08\0"  # registered_delivery, replace_if_present, data_coding UCS-2, sm_default_msg_id
        b"\x06\x0d\x05\x0d\x2e\x0d\x32"  # sm_length, അമല
        b"\x14\x00\x00\x131101234567890123456"
        b"\x14\x01\x00\x131107123456789012345"
    )

    def script(peer: Peer) -> None:
        bound(peer)
        request = submit(peer)
        assert request.body == expected
        answer(peer, request, "0a-1F")
        goodbye(peer)

    with Scripted(script) as server:
        carrier = carrier_to(server.port)
        answers = list(carrier.hand_off(iter([sms(1, "അമല")])))
        carrier.close()
    assert answers == [Answer(1, Verdict.ACCEPTED, "ESME_ROK", "0a-1F", 1)]


def arrive(centre: Centre, folder: Path, texts: list[str], long_sms: LongSms = "parts") -> list[tuple[str, int]]:
    """The texts as the centre has them, in order, and in how many parts they came."""
    before = sum(1 for _sms in read_sms(folder))
    with centre() as port:
        carrier = carrier_to(port, window=7, long_sms=long_sms)
        answers = list(carrier.hand_off(sms(position, text) for position, text in enumerate(texts)))
        carrier.close()
    assert [found.verdict for found in answers] == [Verdict.ACCEPTED] * len(texts)
    return [(kept["text"], kept["parts"]) for kept in read_sms(folder)][before:]


@pytest.mark.parametrize("long_sms", ["parts", "payload"])
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("@$Δ{}[~]|^€\\" * 7, 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 77 + "a" * 154, 3),
        ("അ" * 70, 1),
        ("അ" * 71, 2),
        ("അ" * 66 + "🙏" * 40, 3),
        (MALAYALAM * 20, 13),
    ],
)
def test_a_long_text_is_put_together_again(
    centre: Centre, tmp_path: Path, text: str, parts: int, long_sms: LongSms
) -> None:
    [(arrived, counted)] = arrive(centre, tmp_path, [text], long_sms)
    assert arrived == text
    assert counted == (parts if long_sms == "parts" else 1)
    [kept] = read_sms(tmp_path)
    assert (kept["dlt_entity"], kept["dlt_template"]) == ("1101234567890123456", TEMPLATE)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.text("അറിയ്‍🙏🌴ab€^ ", min_size=1, max_size=400), min_size=1, max_size=5),
    st.sampled_from(["parts", "payload"]),
)
def test_any_text_is_put_together_again(centre: Centre, tmp_path: Path, texts: list[str], long_sms: LongSms) -> None:
    assert [text for text, _parts in arrive(centre, tmp_path, texts, long_sms)] == texts


def test_a_whole_text_octet_by_octet() -> None:
    """By hand from 5.3.2.32: no short message, the text in the TLV; one receipt; charged for what it travels as."""

    def script(peer: Peer) -> None:
        bound(peer)
        request = submit(peer)
        text = LONG.encode("utf-16-be")
        head = b"\0\x05\x00KLGOVT\0\x01\x01910000000012\0" + b"\0\0\0\0" + b"000001000000000R\0"
        assert request.body.startswith(head + b"\x01\0\x08\0\x00")
        assert request.body.endswith(b"\x04\x24" + len(text).to_bytes(2, "big") + text)
        answer(peer, request, "A")
        goodbye(peer)

    with Scripted(script) as server:
        carrier = carrier_to(server.port, long_sms="payload")
        answers = list(carrier.hand_off(iter([sms(1, LONG)])))
        carrier.close()
    assert answers == [Answer(1, Verdict.ACCEPTED, "ESME_ROK", "A", 3)]


def test_another_reader_finds_every_field(tmp_path: Path) -> None:
    with centres.serving(centres.THEIRS, tmp_path) as port, contextlib.closing(carrier_to(port)) as carrier:
        list(carrier.hand_off(iter([SmsMessage(0, "+910000000012", MALAYALAM, TEMPLATE, 7_200)])))
    [kept] = map(dict[str, object], read_sms(tmp_path))
    assert (kept["to"], kept["sender"]) == ("910000000012", "KLGOVT")
    assert (kept["dlt_entity"], kept["dlt_template"]) == ("1101234567890123456", TEMPLATE)
    assert kept["valid_s"] == pytest.approx(7_200, abs=60)


# --- windows and parts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 4])
def test_the_window_is_filled_and_never_exceeded(window: int) -> None:
    most = 0

    def script(peer: Peer) -> None:
        nonlocal most
        bound(peer)
        unanswered: list[Pdu] = []
        rest = b""
        for _ in range(12 * 3):
            while len(unanswered) <= window and select.select([peer.socket], [], [], 0.02)[0]:
                octets = peer.socket.recv(65_536)
                assert octets
                submits, rest = pdu.split(rest + octets)
                unanswered += submits
            most = max(most, len(unanswered))
            answer(peer, unanswered.pop(), "A")  # the newest first: order is no matter

    with Scripted(script) as server:
        answers = list(carrier_to(server.port, window=window).hand_off(sms(p, LONG) for p in range(12)))
    assert sorted(found.position for found in answers) == list(range(12))
    assert {found.verdict for found in answers} == {Verdict.ACCEPTED}
    assert most == window


def test_a_window_of_several_writes_is_filled_before_an_answer_is_waited_for() -> None:
    def script(peer: Peer) -> None:
        bound(peer)
        requests = [submit(peer) for _ in range(99)]
        assert sum(len(request.body) for request in requests) > smpp.WRITE_BYTES
        for request in requests:
            answer(peer, request, "A")
        goodbye(peer)

    with Scripted(script) as server:
        carrier = carrier_to(server.port, window=99)
        answers = list(carrier.hand_off(sms(position, LONG) for position in range(33)))
        carrier.close()
    assert {found.verdict for found in answers} == {Verdict.ACCEPTED}


OK, THROTTLED, FULL, BAD_NUMBER, SCRUBBED = 0, 0x58, 0x14, 0x0B, 0x0400


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([FULL], Answer(0, Verdict.TRANSIENT, "ESME_RMSGQFUL")),
        ([BAD_NUMBER], Answer(0, Verdict.PERMANENT, "ESME_RINVDSTADR")),
        ([SCRUBBED], Answer(0, Verdict.PERMANENT, "0x00000400")),
        ([OK, OK, OK], Answer(0, Verdict.ACCEPTED, "ESME_ROK", "id-2", 3, ("id-1", "id-0"))),
        ([FULL, FULL, FULL], Answer(0, Verdict.TRANSIENT, "ESME_RMSGQFUL")),
        ([FULL, BAD_NUMBER, FULL], Answer(0, Verdict.PERMANENT, "ESME_RINVDSTADR")),
        ([OK, FULL, OK], Answer(0, Verdict.UNKNOWN, "ESME_RMSGQFUL", part_ids=("id-0", "id-2"))),
        ([THROTTLED, BAD_NUMBER, OK], Answer(0, Verdict.UNKNOWN, "ESME_RINVDSTADR", part_ids=("id-2",))),
        ([BAD_NUMBER, OK, OK], Answer(0, Verdict.UNKNOWN, "ESME_RINVDSTADR", part_ids=("id-1", "id-2"))),
    ],
)
def test_a_message_is_what_its_parts_are(statuses: list[int], expected: Answer) -> None:
    def script(peer: Peer) -> None:
        bound(peer)
        requests = [submit(peer) for _status in statuses]
        for number in reversed(range(len(statuses))):
            answer(peer, requests[number], f"id-{number}", status=statuses[number])
        goodbye(peer)

    text = "x" if len(statuses) == 1 else LONG
    with Scripted(script) as server:
        carrier = carrier_to(server.port)
        assert list(carrier.hand_off(iter([sms(0, text)]))) == [expected]
        carrier.close()


def test_a_generic_nack_refuses_its_submit() -> None:
    def script(peer: Peer) -> None:
        bound(peer)
        send(peer, RESPONSE, submit(peer).sequence, status=0x02)

    with Scripted(script) as server:
        answers = list(carrier_to(server.port).hand_off(iter([sms(0)])))
    assert answers == [Answer(0, Verdict.PERMANENT, "ESME_RINVCMDLEN")]


# --- faults --------------------------------------------------------------------------------------------


def drop_with_one_answered(peer: Peer) -> None:
    bound(peer)
    requests = [submit(peer) for _ in range(3)]
    answer(peer, requests[1], "A")


def unbind_with_one_answered(peer: Peer) -> None:
    bound(peer)
    requests = [submit(peer) for _ in range(3)]
    accepted = pdu.pack(Command.SUBMIT_SM | RESPONSE, 0, requests[1].sequence, b"A\0")
    peer.socket.sendall(accepted + pdu.pack(Command.UNBIND, 0, 1))
    while receive(peer).command != Command.UNBIND | RESPONSE:
        pass


def talk_nonsense(peer: Peer) -> None:
    bound(peer)
    for _ in range(3):
        submit(peer)
    peer.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("script", "accepted"), [(drop_with_one_answered, {1}), (unbind_with_one_answered, {1}), (talk_nonsense, set())]
)
def test_a_break_is_answered_and_mended(script: Callable[[Peer], None], accepted: set[int]) -> None:
    def recovered(peer: Peer) -> None:
        bound(peer)
        answer(peer, submit(peer), "B")
        goodbye(peer)

    taken: list[int] = []

    def messages() -> Iterator[Message]:
        for position in range(9):
            taken.append(position)
            yield sms(position)

    with Scripted(script, recovered) as server:
        carrier = carrier_to(server.port, window=3)
        answers = {found.position: found.verdict for found in carrier.hand_off(messages())}
        assert sorted(answers) == taken
        assert {position for position, verdict in answers.items() if verdict is Verdict.ACCEPTED} == accepted
        assert {answers[position] for position in {0, 1, 2} - accepted} == {Verdict.UNKNOWN}
        assert [found.provider_id for found in carrier.hand_off(iter([sms(9)]))] == ["B"]
        carrier.close()


def test_the_rest_of_a_refused_text_does_not_leave() -> None:
    def script(peer: Peer) -> None:
        bound(peer)
        answer(peer, submit(peer), status=FULL)
        answer(peer, submit(peer), "A")
        goodbye(peer)

    with Scripted(script) as server:
        carrier = carrier_to(server.port, window=1)
        answers = list(carrier.hand_off(iter([sms(0, LONG), sms(1)])))
        carrier.close()
    assert answers == [Answer(0, Verdict.TRANSIENT, "ESME_RMSGQFUL"), Answer(1, Verdict.ACCEPTED, "ESME_ROK", "A", 1)]


@pytest.mark.parametrize("template", ["", "12\0", "١٢"])
def test_a_template_id_is_digits(centre: Centre, template: str) -> None:
    with centre() as port:
        answers = list(carrier_to(port).hand_off(iter([SmsMessage(0, "+910000000002", "x", template)])))
    assert answers == [Answer(0, Verdict.PERMANENT, "local.bad_template")]


def test_a_silent_centre_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Peer) -> None:
        bound(peer)
        submit(peer)
        peer.reader.read()

    monkeypatch.setattr(smpp_session, "WAIT_S", 0.2)
    with Scripted(script) as server:
        answers = list(carrier_to(server.port).hand_off(iter([sms(0)])))
    assert answers == [Answer(0, Verdict.UNKNOWN, "local.connection_lost")]


def test_the_link_is_kept_while_submits_wait() -> None:
    def script(peer: Peer) -> None:
        bound(peer)
        request = submit(peer)
        send(peer, Command.ENQUIRE_LINK, 77)
        assert receive(peer) == Pdu(Command.ENQUIRE_LINK | RESPONSE, 0, 77, b"")
        send(peer, 0x0102, 78)  # alert_notification, which nobody asked for
        assert receive(peer) == Pdu(RESPONSE, 0x03, 78, b"")
        answer(peer, request, "A")
        goodbye(peer)

    with Scripted(script) as server:
        carrier = carrier_to(server.port)
        assert [found.verdict for found in carrier.hand_off(iter([sms(0)]))] == [Verdict.ACCEPTED]
        carrier.close()


def test_a_link_that_was_silent_for_long_is_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(peer: Peer) -> None:
        bound(peer)
        answer(peer, submit(peer), "A")
        assert receive(peer).command == Command.ENQUIRE_LINK
        assert peer.reader.read() == b"", "no submit before the link is proven"

    def fresh(peer: Peer) -> None:
        bound(peer)
        answer(peer, submit(peer), "B")

    with Scripted(silent, fresh) as server:
        carrier = carrier_to(server.port)
        list(carrier.hand_off(iter([sms(0)])))
        monkeypatch.setattr(smpp_session, "IDLE_S", -1.0)
        monkeypatch.setattr(smpp_session, "WAIT_S", 0.2)
        assert [found.provider_id for found in carrier.hand_off(iter([sms(1)]))] == ["B"]


@pytest.mark.parametrize("login", ["demo:wrong", "nobody:demo", "demo"])
def test_wrong_credentials_are_refused(centre: Centre, login: str) -> None:
    messages = iter([sms(0)])
    with (
        centre() as port,
        pytest.raises(RefusedError, match=r"carrier\.wrong_credentials"),
    ):
        list(carrier_to(port, login=login).hand_off(messages))
    assert len(list(messages)) == 1


def test_a_centre_that_cannot_bind_now_is_tried_later() -> None:
    def script(peer: Peer) -> None:
        request = receive(peer)
        send(peer, request.command | RESPONSE, request.sequence, status=0x05)

    with Scripted(script) as server, pytest.raises(TransientError):
        list(carrier_to(server.port).hand_off(iter([sms(0)])))


# --- throttling ----------------------------------------------------------------------------------------


def test_a_throttled_part_alone_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Peer) -> None:
        bound(peer)
        first, second, third = (submit(peer) for _ in range(3))
        answer(peer, first, "A")
        answer(peer, second, status=THROTTLED)
        answer(peer, third, "C")
        again = submit(peer)
        assert again.body == second.body
        answer(peer, again, "B")
        goodbye(peer)

    monkeypatch.setattr(smpp_throttle, "SECOND", 0.1)
    with Scripted(script) as server:
        carrier = carrier_to(server.port)
        answers = list(carrier.hand_off(iter([sms(0, LONG)])))
        carrier.close()
    assert answers == [Answer(0, Verdict.ACCEPTED, "ESME_ROK", "C", 3, ("A", "B"))]


def test_a_centre_that_throttles_is_given_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes two of six: after that no more than two come at once."""

    def script(peer: Peer) -> None:
        bound(peer)
        for number, request in enumerate([submit(peer) for _ in range(6)]):
            answer(peer, request, "A", status=OK if number < 2 else THROTTLED)
        for _ in range(2):
            requests = [submit(peer), submit(peer)]
            assert not select.select([peer.socket], [], [], 0.02)[0]
            for request in requests:
                answer(peer, request, "A")
        goodbye(peer)

    monkeypatch.setattr(smpp_throttle, "SECOND", 0.2)
    with Scripted(script) as server:
        carrier = carrier_to(server.port, window=6)
        answers = list(carrier.hand_off(sms(position) for position in range(6)))
        carrier.close()
    assert {found.position: found.verdict for found in answers} == dict.fromkeys(range(6), Verdict.ACCEPTED)


def test_what_is_throttled_for_long_is_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no further message is taken, so that the worker can go on with something else."""

    def script(peer: Peer) -> None:
        bound(peer)
        with contextlib.suppress(struct.error):  # the end of the connection
            while (request := receive(peer)).command == Command.SUBMIT_SM:
                answer(peer, request, status=THROTTLED)

    monkeypatch.setattr(smpp_throttle, "SECOND", 0.05)
    monkeypatch.setattr(smpp, "SLOW_S", 0.3)
    messages = (sms(position) for position in range(100))
    with Scripted(script) as server:
        carrier = carrier_to(server.port, window=3)
        answers = list(carrier.hand_off(messages))
        carrier.close()
    assert sorted(found.position for found in answers) == [0, 1, 2]
    assert {(found.verdict, found.code) for found in answers} == {(Verdict.TRANSIENT, "ESME_RTHROTTLED")}
    assert next(messages).position == 3


def test_a_real_centre_that_throttles_gets_everything_once(tmp_path: Path) -> None:
    """Long texts at ten parts a second: none is left a fragment."""
    waiting, accepted = list(range(8)), list[int]()
    with centres.serving(centres.THEIRS, tmp_path, perSecond=10) as port, contextlib.closing(carrier_to(port)) as one:
        while waiting:
            for found in one.hand_off(sms(position, LONG) for position in waiting):
                assert found.verdict in (Verdict.ACCEPTED, Verdict.TRANSIENT), found
                accepted += [found.position] * (found.verdict is Verdict.ACCEPTED)
            waiting = [position for position in waiting if position not in accepted]
    assert sorted(accepted) == list(range(8))
    assert [kept["text"] for kept in read_sms(tmp_path)] == [LONG] * 8
    assert len({kept["to"] for kept in read_sms(tmp_path)}) == 8


def test_a_lost_answer_leaves_its_message_unknown(tmp_path: Path) -> None:
    with (
        centres.serving(centres.THEIRS, tmp_path, loses=2) as port,
        contextlib.closing(carrier_to(port, window=1)) as one,
    ):
        first, lost = one.hand_off(sms(position) for position in range(5))
        assert (first.verdict, lost) == (Verdict.ACCEPTED, Answer(1, Verdict.UNKNOWN, "local.connection_lost"))
        rest = list(one.hand_off(sms(position) for position in range(2, 5)))
    assert {found.verdict for found in rest} == {Verdict.ACCEPTED}
    assert len(list(read_sms(tmp_path))) == 5  # it did arrive, once


# --- recalls -------------------------------------------------------------------------------------------


def cancel(peer: Peer) -> Pdu:
    request = receive(peer)
    assert request.command == Command.CANCEL_SM
    return request


def test_what_is_not_delivered_is_cancelled_and_its_receipt_says_so(centre: Centre) -> None:
    """Part by part; what was delivered is not, nor what the centre never took."""
    with centre() as port, contextlib.closing(carrier_to(port)) as carrier:
        messages = [SmsMessage(0, f"+{SWITCHED_OFF}001", LONG, TEMPLATE), sms(1)]
        off, on = sorted(carrier.hand_off(iter(messages)))
        assert collect(carrier, 1) == [Receipt(on.provider_id or "", "delivered", "DELIVRD 000")]
        ids = [*off.part_ids, off.provider_id or ""]
        assert len(ids) == 3
        assert carrier.recall([*ids, on.provider_id or "", "nobody-s"]) == {
            **dict.fromkeys(ids, CANCELLED),
            on.provider_id or "": "ESME_RCANCELFAIL",
            "nobody-s": "ESME_RCANCELFAIL",
        }
        assert [(one.provider_id, one.state) for one in collect(carrier, 1)] == [(off.provider_id, "deleted")]
        assert set(carrier.recall(ids).values()) == {"ESME_RCANCELFAIL"}  # asked again, it does no harm


def test_a_cancel_octet_by_octet() -> None:
    """Written by hand from the specification, 4.9.1."""
    expected = (
        b"\0"  # service_type
        b"0a-1F\0"  # message_id
        b"\x05\0KLGOVT\0"  # the source of the submit
        b"\0\0\0"  # no destination: the id is enough
    )

    def script(peer: Peer) -> None:
        bound(peer)
        request = cancel(peer)
        assert request.body == expected
        answer(peer, request)
        goodbye(peer)

    with Scripted(script) as server:
        carrier = carrier_to(server.port)
        assert carrier.recall(["0a-1F"]) == {"0a-1F": CANCELLED}
        carrier.close()
    assert pdu.unpack_cancel(expected) == ("0a-1F", "KLGOVT")


def test_only_a_final_word_is_an_answer() -> None:
    """In any order, as the window has room; a centre that knows no cancel_sm refuses it, and no nack is a yes."""

    def script(peer: Peer) -> None:
        bound(peer)
        first, second = cancel(peer), cancel(peer)
        answer(peer, second, status=0x0C)
        answer(peer, first)
        third, fourth = cancel(peer), cancel(peer)
        send(peer, RESPONSE, third.sequence, status=0x03)
        send(peer, RESPONSE, fourth.sequence)
        answer(peer, cancel(peer), status=FULL)
        answer(peer, cancel(peer), status=THROTTLED)
        goodbye(peer)

    with Scripted(script) as server:
        carrier = carrier_to(server.port, window=2)
        codes = carrier.recall(list("ABCDEF"))
        carrier.close()
    assert codes == {"A": CANCELLED, "B": "ESME_RINVMSGID", "C": "ESME_RINVCMDID"}


def test_a_break_leaves_what_was_not_answered() -> None:
    def script(peer: Peer) -> None:
        bound(peer)
        answer(peer, cancel(peer))
        cancel(peer)

    def again(peer: Peer) -> None:
        bound(peer)
        answer(peer, cancel(peer))
        goodbye(peer)

    with Scripted(script, again) as server:
        carrier = carrier_to(server.port, window=1)
        assert carrier.recall(["A", "B"]) == {"A": CANCELLED}
        assert carrier.recall(["B"]) == {"B": CANCELLED}
        carrier.close()


def test_a_centre_that_throttles_is_asked_about_the_rest_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smpp_throttle, "SECOND", 0.1)

    def script(peer: Peer) -> None:
        bound(peer)
        answer(peer, cancel(peer), status=THROTTLED)
        answer(peer, cancel(peer))
        answer(peer, cancel(peer))
        goodbye(peer)

    with Scripted(script) as server:
        carrier = carrier_to(server.port, window=1)
        assert carrier.recall(["A", "B", "C"]) == {"B": CANCELLED, "C": CANCELLED}
        carrier.close()


# --- receipts ------------------------------------------------------------------------------------------


def deliver(text: str, tlvs: bytes = b"", esm_class: int = 0x04) -> bytes:
    """The body of a deliver_sm, by hand (4.6.1)."""
    short = text.encode()
    return (
        b"\0\x01\x01910000000012\0\x05\0KLGOVT\0"
        + bytes([esm_class])
        + b"\0\0\0\0\0\0\0\0"
        + bytes([len(short)])
        + short
        + tlvs
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            deliver("id:A-1 sub:001 dlvrd:001 submit date:2602240930 done date:2602240931 stat:DELIVRD err:000 text:"),
            Receipt("A-1", "delivered", "DELIVRD 000"),
        ),
        (deliver("id:A-1 stat:UNDELIV err:27"), Receipt("A-1", "undelivered", "UNDELIV 27")),
        (deliver("id:A-1 stat:EXPIRED err:001"), Receipt("A-1", "expired", "EXPIRED 001")),
        (deliver("id:A-1 stat:DELETED err:000"), Receipt("A-1", "deleted", "DELETED 000")),
        (deliver("", b"\0\x1e\0\x04A-1\0\x04\x27\0\x01\x04"), Receipt("A-1", "deleted", "DELETED")),
        (deliver("id:A-1 stat:REJECTD"), Receipt("A-1", "rejected", "REJECTD")),
        (deliver("id:A-1 stat:UNKNOWN"), Receipt("A-1", "unknown", "UNKNOWN")),
        (deliver("id:A-1 stat:ENROUTE"), None),
        (deliver("id:A-1 stat:ACCEPTD"), None),
        (deliver("id:+910000000012 stat:DELIVRD"), None),
        (
            deliver("", b"\0\x1e\0\x04A-1\0\x04\x27\0\x01\x05\x04\x23\0\x03\x03\0\x1b"),
            Receipt("A-1", "undelivered", "UNDELIV 027"),
        ),
        (deliver("id:B stat:UNDELIV", b"\0\x1e\0\x04A-1\0\x04\x27\0\x01\x02"), Receipt("A-1", "delivered", "DELIVRD")),
        (deliver("id:A-1 stat:DELIVRD", b"\x04\x27\0\x01\x01"), None),
        (deliver("", b"\x04\x24\0\x13id:A-1 stat:DELIVRD"), Receipt("A-1", "delivered", "DELIVRD")),
        (deliver("STOP id:A-1 stat:DELIVRD", esm_class=0), None),
        (deliver("id:A-1 stat:DELIVRD")[:-40], None),
        (deliver("id:A-1 stat:DELIVRD", b"\x04\x27\0"), None),
        (b"", None),
    ],
)  # fmt: skip
def test_a_receipt_is_read(body: bytes, expected: Receipt | None) -> None:
    assert smpp_receipt.parse_receipt(body) == expected


@given(st.binary(max_size=120))
def test_no_octets_break_the_reading_of_receipts(body: bytes) -> None:
    smpp_receipt.parse_receipt(body)
    smpp_receipt.parse_receipt(deliver("id:A-1 stat:DELIVRD", body))


def collect(carrier: Carrier, count: int) -> list[Receipt]:
    found: list[Receipt] = []

    def enough() -> bool:
        found.extend(one for one in carrier.receipts() if isinstance(one, Receipt))
        return len(found) >= count

    eventually(enough)
    return found


def test_receipts_name_the_message_by_the_id_of_its_answer(centre: Centre) -> None:
    with centre() as port, contextlib.closing(carrier_to(port)) as carrier:
        messages = [sms(0, LONG), SmsMessage(1, "+910000000077", "x", None), sms(2)]
        answers = {found.position: found.provider_id or "" for found in carrier.hand_off(iter(messages))}
        found = {receipt.provider_id: receipt.state for receipt in collect(carrier, 3)}
    assert found == {answers[0]: "delivered", answers[1]: "undelivered", answers[2]: "delivered"}


def test_receipts_are_confirmed_once_they_are_kept() -> None:
    def script(peer: Peer) -> None:
        bound(peer)
        answer(peer, submit(peer), "A")
        send(peer, Command.DELIVER_SM, 5, deliver("id:A stat:DELIVRD"))
        send(peer, Command.ENQUIRE_LINK, 6)
        assert receive(peer).command == Command.ENQUIRE_LINK | RESPONSE, "the receipt is not confirmed yet"
        assert receive(peer) == Pdu(Command.DELIVER_SM | RESPONSE, 0, 5, b"\0")
        send(peer, Command.DELIVER_SM, 7, deliver("Hello", esm_class=0))
        assert receive(peer) == Pdu(Command.DELIVER_SM | RESPONSE, 0, 7, b"\0")
        goodbye(peer)

    with Scripted(script) as server:
        carrier = carrier_to(server.port)
        list(carrier.hand_off(iter([sms(0)])))
        assert collect(carrier, 1) == [Receipt("A", "delivered", "DELIVRD")]
        for _ in range(20):
            assert carrier.receipts() == []
            select.select([], [], [], 0.01)
        carrier.close()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("STOP", True),
        (" stop. ", True),
        ("Stop\r\n", True),
        ("UNSUBSCRIBE", True),
        ("നിർത്തുക", True),
        ("നിര്‍ത്തുക", True),  # the chillu's other encoding
        ("വേണ്ട!", True),
        ("STOP it", False),
        ("do not stop", False),
        ("id:A stat:DELIVRD", False),
        ("", False),
        ("stop" + " " * 60, False),
    ],
)
def test_stop_is_the_one_answer_that_is_read(text: str, is_one: bool) -> None:
    assert stop.is_stop(text) is is_one
    assert (stop.parse_stop(deliver(text, esm_class=0)) == Stop("910000000012")) is (is_one and text.isascii())
    assert stop.parse_stop(deliver(text, esm_class=0x04)) is None  # a receipt


def test_stop_in_malayalam_comes_as_ucs2() -> None:
    payload = "നിർത്തുക".encode("utf-16-be")
    body = b"\0\x01\x01910000000012\0\x05\0KLGOVT\0" + b"\0" * 7 + b"\x08\0" + bytes([len(payload)]) + payload
    assert stop.parse_stop(body) == Stop("910000000012")


@given(st.binary(max_size=120))
def test_no_octets_break_the_reading_of_answers(body: bytes) -> None:
    stop.parse_stop(body)


def test_stop_is_confirmed_once_it_is_kept_and_shows_nobody() -> None:
    def script(peer: Peer) -> None:
        bound(peer)
        stop = pdu.pack(Command.DELIVER_SM, 0, 5, deliver("STOP", esm_class=0))
        peer.socket.sendall(stop + pdu.pack(Command.ENQUIRE_LINK, 0, 6, b""))  # at once: nothing comes between
        assert receive(peer).command == Command.ENQUIRE_LINK | RESPONSE, "it is not confirmed yet"
        assert receive(peer) == Pdu(Command.DELIVER_SM | RESPONSE, 0, 5, b"\0")
        goodbye(peer)

    found: list[Arrival] = []
    with Scripted(script) as server:
        carrier = carrier_to(server.port)
        while not found:
            found += carrier.receipts()
        carrier.receipts()
        carrier.close()
    assert found == [Stop("910000000012")]
    assert "910000000012" not in repr(found)


def test_receipts_that_nobody_kept_come_again(centre: Centre) -> None:
    with centre() as port:
        first = carrier_to(port)
        list(first.hand_off(iter([sms(0)])))
        lost = collect(first, 1)
        first.close()
        with contextlib.closing(carrier_to(port)) as second:
            assert collect(second, 1) == lost
            assert second.receipts() == []
        with contextlib.closing(carrier_to(port)) as third:
            list(third.hand_off(iter([sms(1)])))
            assert [receipt.provider_id for receipt in collect(third, 1)] != [lost[0].provider_id]


def test_no_centre_no_receipts() -> None:
    carrier = carrier_to(1)
    eventually(lambda: carrier.receipts() == [] and carrier._opening is None)  # it was tried, and will be later


def test_nobody_waits_for_a_centre_that_swallows_what_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for its bind nor for its enquire_link: what it has to say is there at a later call."""
    asked, answered = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        request = receive(peer)
        assert answered.wait(PATIENCE_S), "receipts() waited for the bind"
        send(peer, request.command | RESPONSE, request.sequence, b"centre\0")
        link = receive(peer)
        assert link.command == Command.ENQUIRE_LINK
        asked.set()
        assert answered.wait(PATIENCE_S), "receipts() waited for the link"
        send(peer, Command.DELIVER_SM, 5, deliver("id:A stat:DELIVRD"))
        while receive(peer).command != Command.UNBIND:
            pass

    with Scripted(script) as server:
        carrier = carrier_to(server.port)
        assert carrier.receipts() == []
        answered.set()
        eventually(lambda: carrier.receipts() == [] and carrier._session is not None)
        answered.clear()
        monkeypatch.setattr(smpp_session, "IDLE_S", -1.0)
        assert carrier.receipts() == []
        assert asked.wait(PATIENCE_S)
        assert carrier.receipts() == []
        answered.set()
        assert collect(carrier, 1) == [Receipt("A", "delivered", "DELIVRD")]
        carrier.close()


def test_a_link_that_stays_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(peer: Peer) -> None:
        bound(peer)
        assert receive(peer).command == Command.ENQUIRE_LINK
        assert peer.reader.read() == b""

    def fresh(peer: Peer) -> None:
        bound(peer)
        send(peer, Command.DELIVER_SM, 5, deliver("id:A stat:DELIVRD"))
        with contextlib.suppress(struct.error):
            while receive(peer).command != Command.UNBIND:
                pass

    monkeypatch.setattr(smpp_session, "IDLE_S", -1.0)
    monkeypatch.setattr(smpp_session, "WAIT_S", 0.2)
    with Scripted(silent, fresh) as server:
        carrier = carrier_to(server.port)
        assert collect(carrier, 1) == [Receipt("A", "delivered", "DELIVRD")]
        carrier.close()


@pytest.mark.parametrize("is_trusted", [True, False])
def test_only_a_certificate_that_verifies_is_bound_to(
    certificate: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    is_trusted: bool,
) -> None:
    def script(plain: Peer) -> None:
        if not is_trusted:
            with pytest.raises(ssl.SSLError):
                secured(plain, certificate)
            return
        peer = secured(plain, certificate)
        bound(peer)
        answer(peer, submit(peer), "A")
        goodbye(peer)

    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Scripted(script) as server:
        carrier = open_carrier(settings_for(f"smpps://demo:demo@127.0.0.1:{server.port}"))
        if is_trusted:
            assert [found.verdict for found in carrier.hand_off(iter([sms(0)]))] == [Verdict.ACCEPTED]
        else:
            with refused("carrier.bad_certificate"):
                list(carrier.hand_off(iter([sms(0)])))
        carrier.close()
