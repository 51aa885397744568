"""Mobile Seva: the form and its key, what each code stops and what it does not, and what is in doubt."""

import contextlib
import hashlib
import re
import ssl
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.base.home import CarrierSettings
from ariyippu.send.carriers import Answer, Carrier, Message, SmsMessage, Verdict, http_post, mobile_seva, open_carrier
from ariyippu.send.carriers.answers import BrokenError
from ariyippu.send.carriers.dlt import VERDICTS, Meaning, meaning
from ariyippu.send.carriers.mobile_seva import _Form, _in_units
from ariyippu.send.carriers.verdicts import Blame, blame
from tests.send import gateway
from tests.send.gateway import ACCOUNT, BAD_TEMPLATE, TEMPLATE, Gateway
from tests.send.test_carriers import MALAYALAM, Peer, Scripted, settings_for, verdicts
from tests.send.test_carriers_smtp import certificate, secured  # noqa: F401  a fixture

NUMBER = "+910000000002"


def sms(position: int, text: str = MALAYALAM, to: str = NUMBER, template: str | None = TEMPLATE) -> Message:
    return SmsMessage(position, to, text, template)


@contextlib.contextmanager
def carrier_to(port: int, *, connections: int = 1) -> Iterator[Carrier]:
    with contextlib.closing(open_carrier(settings_for(gateway.url(port), connections=connections))) as carrier:
        yield carrier


@contextlib.contextmanager
def between(made: Gateway, *, connections: int = 1) -> Iterator[Carrier]:
    with gateway.serving(made) as port, carrier_to(port, connections=connections) as carrier:
        yield carrier


def handed(carrier: Carrier, *messages: Message) -> list[Answer]:
    return list(carrier.hand_off(iter(messages)))


# --- the form ------------------------------------------------------------------------------------------


def test_the_form_as_the_interface_states_it() -> None:
    """Calculated by hand, step by step, from the description of the interface."""
    form = _Form(" user ", "pass", "KLGOVT", " key ").of(SmsMessage(0, "+919999999999", " അ😀 ", "123456789012"))
    fields = dict(urllib.parse.parse_qsl(form.decode("ascii"), strict_parsing=True))
    content = "&#3333;&#55357;&#56832;"
    assert fields == {
        "username": "user",
        "password": "9d4e1e23bd5b727046a9e3b4b7db57bd8d6ee684",  # printf pass | sha1sum
        "senderid": "KLGOVT",
        "content": content,
        "smsservicetype": "unicodemsg",
        "mobileno": "919999999999",
        "key": hashlib.sha512(f"userKLGOVT{content}key".encode()).hexdigest(),
        "templateid": "123456789012",
    }


def test_plain_ascii_goes_as_it_is() -> None:
    form = _Form("user", "pass", "KLGOVT", "key").of(SmsMessage(0, NUMBER, "Rs 100 & more + 5% <x>", TEMPLATE))
    fields = dict(urllib.parse.parse_qsl(form.decode("ascii")))
    assert (fields["smsservicetype"], fields["content"]) == ("singlemsg", "Rs 100 & more + 5% <x>")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_is_written_in_units_is_read_again(text: str) -> None:
    assert gateway.read(_in_units(text)) == text or text == ""
    assert re.fullmatch(r"(?:&#[0-9]{1,5};)*", _in_units(text))


def test_malayalam_arrives_as_it_was_written() -> None:
    texts = [f"{MALAYALAM}😀 ₹ 1,23,456.50", "plain, ASCII: a&b=c+d%20", "\u200dzwj ൻ ന്‍"]
    made = Gateway()
    with between(made) as carrier:
        answers = handed(carrier, *(sms(position, text) for position, text in enumerate(texts)))
    assert [answer.code for answer in answers] == ["MSDP 402"] * 3
    assert [text for _number, text in made.arrived] == texts
    assert made.kinds == ["unicodemsg", "singlemsg", "unicodemsg"]
    assert answers[0].provider_id == "150620161466000000001msdgsms"


# --- settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"url": "mobileseva+http://a:b@gateway.example/esms"}, "carrier.password_in_clear"),
        ({"url": "mobileseva+https://a:b@gateway.example"}, "carrier.bad_url"),
        ({"url": "mobileseva+https://a:b@gateway.example/x?y"}, "carrier.bad_url"),
        ({"url": "mobileseva+https://a:b@gateway.example/x y"}, "carrier.bad_url"),
        ({"secure_key": None}, "carrier.no_secure_key"),
        ({"secure_key": ""}, "carrier.no_secure_key"),
        ({"sender": "KL GOVT"}, "carrier.bad_sender"),
    ],
)
def test_what_cannot_work_is_refused_at_once(changes: dict[str, str | None], code: str) -> None:
    good = settings_for("mobileseva+https://a:b@gateway.example/esms")
    with pytest.raises(RefusedError) as refusal:
        open_carrier(CarrierSettings.model_validate({**good.model_dump(), **changes}))
    assert refusal.value.code == code
    assert "gateway.example" not in str(refusal.value)


def test_no_secret_is_shown() -> None:
    settings = settings_for(gateway.url(1))
    shown = repr(settings) + repr(open_carrier(settings).__dict__)
    for secret in (ACCOUNT[1], ACCOUNT[2], urllib.parse.quote(ACCOUNT[1])):
        assert secret not in shown


# --- codes ---------------------------------------------------------------------------------------------


def test_every_dlt_code_of_the_table_is_mended_by_somebody_or_speaks_about_the_person() -> None:
    said = {code: meaning(str(code)) for code in range(600, 680)}
    assert all(said[code] is Meaning.CARRIER for code in (*range(600, 605), *range(610, 613), *range(620, 624)))
    assert all(said[code] is Meaning.TEMPLATE for code in range(630, 633))
    assert said[650] is said[660] is Meaning.PERSON
    assert said[670] is Meaning.RETRY
    assert set(VERDICTS) == set(Meaning)


def test_what_somebody_must_mend_uses_up_no_attempt() -> None:
    for code in ("MSDP 630", "MSDP 416", "HTTP 404", "local.template_held", "local.bad_template"):
        assert blame(code) is Blame.CARRIER


def test_a_wrong_number_is_that_person_s_alone() -> None:
    made = Gateway()
    with between(made) as carrier:
        answers = handed(carrier, sms(0), sms(1, to="+910000010000"), sms(2))
    assert verdicts(answers) == {0: Verdict.ACCEPTED, 1: Verdict.PERMANENT, 2: Verdict.ACCEPTED}


def test_a_template_that_is_not_registered_stops_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    made = Gateway()
    with between(made) as carrier:
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        answers = handed(carrier, *(sms(position, template=BAD_TEMPLATE) for position in range(5)), sms(5))
        assert verdicts(answers) == {**dict.fromkeys(range(5), Verdict.TRANSIENT), 5: Verdict.ACCEPTED}
        assert [answer.code for answer in answers[:5]] == ["MSDP 630", *["local.template_held"] * 4]
        now[0] += mobile_seva.HOLD_S + 1
        (again,) = handed(carrier, sms(6, template=BAD_TEMPLATE))
        assert again.code == "MSDP 630"


@pytest.mark.parametrize("code", ["401", "416", "600", "610,x", "620", "999"])
def test_a_fault_of_the_account_stops_the_carrier_and_nobody_s_message(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    made = Gateway(replies=[(200, code)])
    with between(made) as carrier:
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        taken = iter([sms(0), sms(1), sms(2)])
        assert verdicts(list(carrier.hand_off(taken))) == {0: Verdict.TRANSIENT}
        for _ in range(2):
            with pytest.raises(RefusedError) as refusal:
                list(carrier.hand_off(taken))
            assert refusal.value.code == "carrier.refused"
        assert [message.position for message in taken] == [1, 2]  # none was taken
        now[0] += mobile_seva.HOLD_S + 1
        assert verdicts(handed(carrier, sms(1))) == {1: Verdict.ACCEPTED}


@pytest.mark.parametrize(
    ("reply", "verdict", "error"),
    [
        ((503, "busy"), Verdict.TRANSIENT, TransientError),
        ((429, "slower"), Verdict.TRANSIENT, TransientError),
        ((404, "<html>"), Verdict.TRANSIENT, RefusedError),
        ((302, ""), Verdict.TRANSIENT, RefusedError),
        ((500, "<html>"), Verdict.UNKNOWN, TransientError),
        ((502, "<html>"), Verdict.UNKNOWN, TransientError),
        ((200, "<html>maintenance"), Verdict.UNKNOWN, TransientError),
        ((200, ""), Verdict.UNKNOWN, TransientError),
        ((200, "4021"), Verdict.UNKNOWN, TransientError),
    ],
)
def test_an_answer_that_is_none_puts_one_message_in_doubt_at_most(
    reply: tuple[int, str], verdict: Verdict, error: type[Exception]
) -> None:
    made = Gateway(replies=[reply])
    with between(made) as carrier:
        (answer,) = handed(carrier, sms(0), sms(1))
        assert (answer.position, answer.verdict, answer.code) == (0, verdict, f"HTTP {reply[0]}")
        with pytest.raises(error):
            handed(carrier, sms(1))


def test_a_doubtful_code_is_not_sent_again() -> None:
    made = Gateway(replies=[(200, "409,SMSC timed out")])
    with between(made) as carrier:
        assert verdicts(handed(carrier, sms(0), sms(1))) == {0: Verdict.UNKNOWN, 1: Verdict.ACCEPTED}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (sms(0, to="+449999999999"), "local.bad_address"),
        (sms(0, to="+91999999999"), "local.bad_address"),
        (sms(0, text=" \n "), "local.bad_length"),
        (sms(0, text="x" * 1601), "local.bad_length"),
        (sms(0, template="123"), "local.bad_template"),
        (sms(0, template=None), "local.bad_template"),
    ],
)
def test_what_the_gateway_cannot_take_is_not_offered(message: Message, code: str) -> None:
    made = Gateway()
    with between(made) as carrier:
        (answer, other) = handed(carrier, message, sms(1))
    assert answer.code == code
    assert answer.verdict is (Verdict.TRANSIENT if "template" in code else Verdict.PERMANENT)
    assert other.verdict is Verdict.ACCEPTED
    assert len(made.arrived) == 1


# --- connections ---------------------------------------------------------------------------------------


def test_connections_are_kept_and_several_wait_at_once() -> None:
    made = Gateway()
    with between(made, connections=4) as carrier:
        for start in (0, 40):
            found = handed(carrier, *(sms(position) for position in range(start, start + 40)))
            assert verdicts(found) == dict.fromkeys(range(start, start + 40), Verdict.ACCEPTED)
    assert len(made.connections) == 4
    assert len(made.arrived) == 80


def form(peer: Peer) -> None:
    """Read one post."""
    length = 0
    while line := peer.line():
        if line.lower().startswith("content-length:"):
            length = int(line.split(":")[1])
    assert len(peer.reader.read(length)) == length


def reply(peer: Peer, body: str, *headers: str) -> None:
    peer.say("HTTP/1.1 200 OK", *headers)
    peer.socket.sendall(b"\r\n" + body.encode())


def test_whole_replies_are_read_however_they_come() -> None:
    def play(peer: Peer) -> None:
        form(peer)
        for octet in b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n402,MsgID = a-1":
            peer.socket.sendall(bytes([octet]))
        form(peer)
        reply(peer, "6\r\n402,Ms\r\n9\r\ngID = a-2\r\n0\r\n\r\n", "Transfer-Encoding: chunked")
        form(peer)
        reply(peer, "402,MsgID = a-3")  # its end is the connection's

    with Scripted(play) as server, carrier_to(server.port) as carrier:
        answers = handed(carrier, sms(0), sms(1), sms(2))
    assert [answer.provider_id for answer in answers] == ["a-1", "a-2", "a-3"]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n402,MsgID = a",
        b"what is this\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000,
    ],
)
def test_a_connection_that_ends_before_the_answer_leaves_doubt(said: bytes) -> None:
    def play(peer: Peer) -> None:
        form(peer)
        peer.socket.sendall(said)

    with Scripted(play) as server, carrier_to(server.port) as carrier:
        assert handed(carrier, sms(0), sms(1)) == [Answer(0, Verdict.UNKNOWN, "local.connection_lost")]


def test_silence_is_doubt_and_is_not_waited_out_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mobile_seva, "WAIT_S", 0.3)
    monkeypatch.setattr(mobile_seva, "POLL_S", 0.05)

    def play(peer: Peer) -> None:
        form(peer)
        assert peer.reader.read() == b""

    with Scripted(play) as server, carrier_to(server.port) as carrier:
        assert verdicts(handed(carrier, sms(0))) == {0: Verdict.UNKNOWN}


def test_dripping_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mobile_seva, "TAKE_S", 0.2)
    monkeypatch.setattr(mobile_seva, "WAIT_S", 0.3)
    monkeypatch.setattr(mobile_seva, "POLL_S", 0.05)

    def play(peer: Peer) -> None:
        form(peer)
        with contextlib.suppress(OSError):
            for octet in b"HTTP/1.1 200 OK\r\n" * 40:
                peer.socket.sendall(bytes([octet]))
                time.sleep(0.02)

    with Scripted(play) as server, carrier_to(server.port) as carrier:
        assert verdicts(handed(carrier, sms(0))) == {0: Verdict.UNKNOWN}


def test_a_body_that_did_not_leave_whole_is_no_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Gateway()
    with between(made) as carrier:
        handed(carrier, sms(0))

        def cut(_self: object, _path: str, _form: bytes) -> None:
            raise BrokenError

        with monkeypatch.context() as cutting:
            cutting.setattr(http_post.HttpConnection, "post", cut)
            assert verdicts(handed(carrier, sms(1), sms(2))) == {1: Verdict.TRANSIENT}
        assert verdicts(handed(carrier, sms(1))) == {1: Verdict.ACCEPTED}


def test_a_connection_that_the_server_closed_meanwhile_is_not_used() -> None:
    def once(peer: Peer) -> None:
        form(peer)
        reply(peer, "402,MsgID = a-1", "Content-Length: 15")

    with Scripted(once, once) as server, carrier_to(server.port) as carrier:
        for position in range(2):
            assert verdicts(handed(carrier, sms(position))) == {position: Verdict.ACCEPTED}
            time.sleep(0.1)


# --- TLS -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trusted", [True, False])
def test_only_a_certificate_that_verifies_is_spoken_to(
    trusted: bool,
    certificate: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def play(plain: Peer) -> None:
        if not trusted:
            with pytest.raises(ssl.SSLError):
                secured(plain, certificate)
            return
        peer = secured(plain, certificate)
        form(peer)
        reply(peer, "402,MsgID = a-1", "Content-Length: 15")
        assert peer.reader.read() == b""

    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Scripted(play) as server:
        url = gateway.url(server.port).replace("+http", "+https")
        with contextlib.closing(open_carrier(settings_for(url))) as carrier:
            if trusted:
                assert verdicts(handed(carrier, sms(0))) == {0: Verdict.ACCEPTED}
            else:
                with pytest.raises(RefusedError) as refusal:
                    handed(carrier, sms(0))
                assert refusal.value.code == "carrier.bad_certificate"
