"""SMTP: refusals, faults, octets and TLS, against the demo's mail server and scripted ones."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.demo.outside.keep import ENCODING, ODD_OCTETS, read_mail
from ariyippu.demo.outside.run import Outside, running
from ariyippu.send.carriers import Answer, Carrier, EmailMessage, Message, Verdict, open_carrier, smtp
from tests.send.test_carriers import MALAYALAM, Peer, Scripted, settings_for

OFFER = ("250-mail.example", "250-PIPELINING", "250-8BITMIME", "250 ENHANCEDSTATUSCODES")


_opened: list[Carrier] = []


def carrier_to(port: int, scheme: str = "smtp", name: str = "") -> Carrier:
    _opened.append(open_carrier(settings_for(f"{scheme}://{name}127.0.0.1:{port}")))
    return _opened[-1]


@pytest.fixture(autouse=True)
def _close_carriers() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


def mail(position: int, content: bytes = b"Subject: x\r\n\r\ny\r\n") -> Message:
    return EmailMessage(position, f"p{position}@post.example", content)


def greet(peer: Peer, *offer: str) -> None:
    peer.say("220 mail.example")
    assert peer.line().upper().startswith("EHLO ")
    peer.say(*(offer or OFFER))


def envelope(peer: Peer, position: int, *replies: str) -> None:
    """Reads MAIL, RCPT and DATA of one message, then says the replies."""
    assert peer.line().startswith("MAIL FROM:<notices@kerala.example> BODY=8BITMIME")
    assert peer.line() == f"RCPT TO:<p{position}@post.example>"
    assert peer.line() == "DATA"
    peer.say(*(replies or ("250 2.1.0 Ok", "250 2.1.5 Ok", "354 go")))


def content(peer: Peer) -> list[str]:
    lines = []
    while (line := peer.line()) != ".":
        lines.append(line)
    return lines


def goodbye(peer: Peer) -> None:
    assert peer.line() == "QUIT"
    assert peer.reader.read() == b""


def test_a_message_s_own_return_path_is_its_envelope_s_sender(tmp_path: Path) -> None:
    own = EmailMessage(0, "p2@post.example", b"Subject: x\r\n\r\ny\r\n", "bounces+token@kerala.example")
    with running(Outside(tmp_path)) as (port, _smpp_port):
        list(carrier_to(port).hand_off(iter([own, mail(1)])))
    assert [arrived["sender"] for arrived in read_mail(tmp_path)] == [
        "bounces+token@kerala.example",
        "notices@kerala.example",
    ]


# --- refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("replies", "verdict", "code"),
    [
        (("550 5.7.1 <p1@post.example> no", "503 5.5.1 x", "503 5.5.1 x"), Verdict.PERMANENT, "550 5.7.1"),
        (("451 later", "503 x", "503 x"), Verdict.TRANSIENT, "451"),
        (("250 ok", "550-5.1.1 no", "550 5.1.1 such", "503 x"), Verdict.PERMANENT, "550 5.1.1"),
        (("250 ok", "452 4.2.2 full", "554 5.5.1 none"), Verdict.TRANSIENT, "452 4.2.2"),
        (("250 ok", "550 5.1.1 gone", "354 go"), Verdict.PERMANENT, "550 5.1.1"),
        (("250 ok", "250 ok", "451 4.3.0 later"), Verdict.TRANSIENT, "451 4.3.0"),
    ],
)
def test_an_envelope_refused_leaves_the_session_in_step(replies: tuple[str, ...], verdict: Verdict, code: str) -> None:
    def script(peer: Peer) -> None:
        greet(peer)
        envelope(peer, 0)
        assert content(peer) == ["Subject: x", "", "y"]
        peer.say("250 2.0.0 Ok: queued as A1-b")
        envelope(peer, 1, *replies)
        if replies[-1].startswith("354"):
            assert content(peer) == []
            peer.say("554 5.5.1 no valid recipients")
        else:
            assert peer.line() == "RSET"
            peer.say("250 ok")
        envelope(peer, 2)
        content(peer)
        peer.say("250 ok")
        goodbye(peer)

    with Scripted(script) as server:
        carrier = carrier_to(server.port)
        answers = list(carrier.hand_off(mail(position) for position in range(3)))
        carrier.close()
    assert answers[0] == Answer(0, Verdict.ACCEPTED, "250 2.0.0", "A1-b")
    assert answers[1] == Answer(1, verdict, code)
    assert answers[2] == Answer(2, Verdict.ACCEPTED, "250")


@pytest.mark.parametrize(
    ("final", "verdict"),
    [("552 5.3.4 too big", Verdict.PERMANENT), ("451 4.7.1 try later", Verdict.TRANSIENT)],
)
def test_a_body_can_be_refused(final: str, verdict: Verdict) -> None:
    def script(peer: Peer) -> None:
        greet(peer)
        for position in range(2):
            envelope(peer, position)
            content(peer)
            peer.say(final if position == 0 else "250 ok")
        goodbye(peer)

    with Scripted(script) as server:
        carrier = carrier_to(server.port)
        first, second = carrier.hand_off(mail(position) for position in range(2))
        carrier.close()
    assert first == Answer(0, verdict, final[:9])
    assert second.verdict is Verdict.ACCEPTED


# --- faults --------------------------------------------------------------------------------------------


def drop_before_data(peer: Peer) -> None:
    greet(peer)
    envelope(peer, 0, "250 ok", "250 ok")


def drop_in_body(peer: Peer) -> None:
    greet(peer)
    envelope(peer, 0)
    peer.line()


def drop_after_body(peer: Peer) -> None:
    greet(peer)
    envelope(peer, 0)
    content(peer)


def close_at_body(peer: Peer) -> None:
    drop_after_body(peer)
    peer.say("421 4.3.2 shutting down")


def close_at_mail(peer: Peer) -> None:
    greet(peer)
    envelope(peer, 0, "421 4.3.2 shutting down")


def close_after_first(peer: Peer) -> None:
    drop_after_body(peer)
    peer.say("250 ok", "421 4.3.2 enough")


def talk_nonsense(peer: Peer) -> None:
    drop_after_body(peer)
    peer.say("354 what?")


def open_data_with_250(peer: Peer) -> None:
    greet(peer)
    envelope(peer, 0, "250 ok", "250 ok", "250 ok")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (drop_before_data, {0: Verdict.TRANSIENT}),
        (drop_in_body, {0: Verdict.UNKNOWN, 1: Verdict.TRANSIENT}),
        (drop_after_body, {0: Verdict.UNKNOWN, 1: Verdict.TRANSIENT}),
        (close_at_body, {0: Verdict.TRANSIENT, 1: Verdict.TRANSIENT}),
        (close_at_mail, {0: Verdict.TRANSIENT}),
        (close_after_first, {0: Verdict.ACCEPTED, 1: Verdict.TRANSIENT}),
        (talk_nonsense, {0: Verdict.UNKNOWN, 1: Verdict.TRANSIENT}),
        (open_data_with_250, {0: Verdict.TRANSIENT}),
    ],
)
def test_a_break_is_answered_and_mended(script: Callable[[Peer], None], expected: dict[int, Verdict]) -> None:
    def recovered(peer: Peer) -> None:
        greet(peer)
        envelope(peer, 7)
        content(peer)
        peer.say("250 ok")
        goodbye(peer)

    with Scripted(script, recovered) as server:
        carrier = carrier_to(server.port)
        messages = iter([mail(position, b"x" * 100_000 + b"\r\n") for position in range(5)])
        answers = list(carrier.hand_off(messages))
        assert {answer.position: answer.verdict for answer in answers} == expected
        assert len(list(messages)) == 5 - len(expected), "no more was taken than was written"
        assert [answer.verdict for answer in carrier.hand_off(iter([mail(7)]))] == [Verdict.ACCEPTED]
        carrier.close()


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Peer) -> None:
        drop_after_body(peer)
        peer.reader.read()

    monkeypatch.setattr(smtp, "WAIT_S", 0.2)
    with Scripted(script) as server:
        answers = list(carrier_to(server.port).hand_off(iter([mail(0)])))
    assert answers == [Answer(0, Verdict.UNKNOWN, "local.connection_lost")]


def test_after_its_time_a_hand_off_takes_no_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(smtp, "TAKE_S", 0.0)
    messages = iter([mail(0)])
    with running(Outside(tmp_path)) as (port, _smpp):
        assert list(carrier_to(port).hand_off(messages)) == []
    assert len(list(messages)) == 1


def test_the_envelope_waits_for_no_body_and_the_body_for_its_354() -> None:
    """While 354 is missing, one message is taken and no octet of its body is on the wire."""
    taken: list[int] = []

    def messages() -> Iterator[Message]:
        for position in range(3):
            taken.append(position)
            yield mail(position)

    def script(peer: Peer) -> None:
        greet(peer)
        envelope(peer, 0, "250 ok", "250 ok")
        peer.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            peer.reader.read(1)
        assert taken == [0]

    with Scripted(script) as server:
        list(carrier_to(server.port).hand_off(messages()))


# --- several connections -------------------------------------------------------------------------------


def wide(port: int, connections: int) -> Carrier:
    _opened.append(open_carrier(settings_for(f"smtp://127.0.0.1:{port}", connections=connections)))
    return _opened[-1]


def test_several_connections_share_the_messages(tmp_path: Path) -> None:
    with running(Outside(tmp_path)) as (port, _smpp):
        carrier = wide(port, 3)
        for start in (0, 50):
            answers = list(carrier.hand_off(mail(position) for position in range(start, start + 50)))
            assert sorted(answer.position for answer in answers) == list(range(start, start + 50))
            assert {answer.verdict for answer in answers} == {Verdict.ACCEPTED}
    assert len(list(read_mail(tmp_path))) == 100


def patient(peer: Peer) -> None:
    """Takes whatever comes until the client leaves."""
    greet(peer)
    while line := peer.line():
        if line == "DATA":
            peer.say("354 go")
            content(peer)
        if line == "QUIT":
            return
        peer.say("250 ok")


def test_one_of_several_connections_breaks() -> None:
    """Its two messages are answered as a break demands; the other connection goes on with the rest."""
    with Scripted(drop_after_body, patient, at_once=True) as server:
        carrier = wide(server.port, 2)
        found = {answer.position: answer.verdict for answer in carrier.hand_off(mail(n) for n in range(20))}
        carrier.close()
    assert sorted(found) == list(range(20))
    assert [verdict for verdict in found.values() if verdict is not Verdict.ACCEPTED] == [
        Verdict.UNKNOWN,
        Verdict.TRANSIENT,
    ]


def test_a_relay_that_allows_fewer_connections_is_content() -> None:
    def busy(peer: Peer) -> None:
        peer.say("421 4.7.0 too many connections")

    with Scripted(patient, busy, at_once=True) as server:
        carrier = wide(server.port, 3)
        for start in (0, 5):
            answers = list(carrier.hand_off(mail(n) for n in range(start, start + 5)))
            assert [answer.verdict for answer in answers] == [Verdict.ACCEPTED] * 5
        carrier.close()


# --- octets --------------------------------------------------------------------------------------------


def arrive(folder: Path, contents: list[bytes]) -> list[bytes]:
    """What the demo's mail server keeps of these."""
    before = sum(1 for _mail in read_mail(folder))
    with running(Outside(folder)) as (port, _smpp):
        carrier = carrier_to(port)
        answers = list(carrier.hand_off(mail(position, octets) for position, octets in enumerate(contents)))
        carrier.close()
    assert [answer.verdict for answer in answers] == [Verdict.ACCEPTED] * len(contents)
    return [kept["content"].encode(ENCODING, ODD_OCTETS) for kept in read_mail(folder)][before:]


def test_octets_arrive_as_they_left(tmp_path: Path) -> None:
    contents = [
        f"Subject: {MALAYALAM}\r\n\r\n{MALAYALAM * 500}\r\n".encode(),
        b".\r\n..\r\n...\r\n.a\r\n\r\n.\r\n",
        b"\r\n",
        bytes(octet for octet in range(1, 256) if octet not in (10, 13)) + b"\r\n",
        b"a" * 1_000_000 + b"\r\n",
    ]
    assert arrive(tmp_path, contents) == contents


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(st.text("..അxMQ \t", max_size=8), max_size=6), min_size=1, max_size=20))
def test_any_lines_arrive_as_they_left(tmp_path: Path, messages: list[list[str]]) -> None:
    contents = ["".join(line + "\r\n" for line in ["", *lines]).encode() for lines in messages]
    assert arrive(tmp_path, contents) == contents


def test_an_address_in_malayalam_needs_smtputf8(tmp_path: Path) -> None:
    message = EmailMessage(0, "അമ്മ@post.example", b"\r\n")
    with running(Outside(tmp_path)) as (port, _smpp):
        assert [a.verdict for a in carrier_to(port).hand_off(iter([message]))] == [Verdict.ACCEPTED]
    assert next(read_mail(tmp_path))["to"] == message.to
    with Scripted(greet) as server:
        answers = list(carrier_to(server.port).hand_off(iter([message])))
    assert answers == [Answer(0, Verdict.PERMANENT, "local.no_smtputf8")]


# --- connecting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["PIPELINING", "8BITMIME"])
def test_a_relay_without_what_we_need_is_refused(missing: str) -> None:
    def script(peer: Peer) -> None:
        greet(peer, *(line for line in OFFER if missing not in line))
        peer.reader.read()

    with Scripted(script) as server, pytest.raises(RefusedError, match=f"carrier.no_{missing.lower()}"):
        list(carrier_to(server.port).hand_off(iter([mail(0)])))


@pytest.mark.parametrize(("reply", "error"), [("535 5.7.8 asha no", RefusedError), ("454 4.7.0 x", TransientError)])
def test_wrong_credentials_are_refused_without_the_servers_words(reply: str, error: type[Exception]) -> None:
    def script(peer: Peer) -> None:
        greet(peer, *OFFER[:-1], "250 AUTH PLAIN")
        assert peer.line().startswith("AUTH PLAIN")
        peer.say(reply)
        peer.reader.read()

    with Scripted(script) as server, pytest.raises(error) as raised:
        list(carrier_to(server.port, name="asha:secret@").hand_off(iter([mail(0)])))
    assert "asha" not in str(raised.value)


def test_a_password_in_clear_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"carrier\.password_in_clear"):
        open_carrier(settings_for("smtp://asha:secret@relay.example"))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


def secured(peer: Peer, certificate: Path) -> Peer:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return Peer(context.wrap_socket(peer.socket, server_side=True))


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
@pytest.mark.parametrize("is_trusted", [True, False])
def test_tls_needs_a_trusted_certificate(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, is_trusted: bool
) -> None:
    def script(plain: Peer) -> None:
        if scheme == "smtp+starttls":
            greet(plain, *OFFER[:-1], "250 STARTTLS")
            assert plain.line() == "STARTTLS"
            plain.say("220 go")
        if not is_trusted:
            with pytest.raises(ssl.SSLError):
                secured(plain, certificate)
            return
        peer = secured(plain, certificate)
        if scheme == "smtps":
            peer.say("220 mail.example")
        assert peer.line().upper().startswith("EHLO ")
        peer.say(*OFFER)
        for position in range(3):
            envelope(peer, position)
            content(peer)
            peer.say("250 ok")
        assert peer.line() == "QUIT"
        peer.reader.close()
        peer.socket.close()

    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Scripted(script) as server:
        carrier = carrier_to(server.port, scheme)
        if is_trusted:
            answers = list(carrier.hand_off(mail(position) for position in range(2)))
            answers += carrier.hand_off(iter([mail(2)]))
            assert [answer.verdict for answer in answers] == [Verdict.ACCEPTED] * 3
            carrier.close()
        else:
            with pytest.raises(RefusedError, match=r"carrier\.bad_certificate"):
                list(carrier.hand_off(iter([mail(0)])))


def test_a_relay_that_lost_starttls_is_refused() -> None:
    def script(peer: Peer) -> None:
        greet(peer)
        assert peer.reader.read() == b""

    with Scripted(script) as server, pytest.raises(RefusedError, match=r"carrier\.no_starttls_or_auth"):
        list(carrier_to(server.port, "smtp+starttls").hand_off(iter([mail(0)])))
