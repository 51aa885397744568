"""What every carrier promises (send/carriers/answers.py), tried on each over a real connection.

`Scripted` and `settings_for` serve the carriers' own tests too.
"""

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.base.home import CarrierSettings
from ariyippu.demo.outside.keep import read_mail, read_sms
from ariyippu.demo.outside.run import Outside, running
from ariyippu.send.carriers import (
    Answer,
    Carrier,
    EmailMessage,
    InboxMessage,
    Message,
    Recalling,
    SmsMessage,
    Verdict,
    can_recall,
    open_carrier,
)
from ariyippu.send.carriers.inbox import INBOX
from ariyippu.send.inbox import Letter
from ariyippu.send.models import Batch, InboxRow
from tests.send import centres, gateway
from tests.track import sends

MALAYALAM = "അറിയിപ്പ്: ക്ഷാമബത്ത കുടിശ്ശിക അനുവദിച്ചു. "
SMTP_SINK = Path("/usr/sbin/smtp-sink")
PATIENCE_S = 10.0


class Peer:
    """The server's end of one connection, as a script plays it."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.reader = connection.makefile("rb")

    def say(self, *lines: str) -> None:
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode())

    def line(self) -> str:
        return self.reader.readline().decode().rstrip("\r\n")


class Scripted:
    """A server that plays one script for each connection, in order or at once; a script's failure fails the test."""

    def __init__(self, *scripts: Callable[[Peer], None], at_once: bool = False) -> None:
        self._scripts = scripts
        self._at_once = at_once
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self.port: int = self._listener.getsockname()[1]
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Scripted":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._thread.join(PATIENCE_S)
        self._listener.close()
        assert not self._thread.is_alive(), "a script did not end"
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            playing = []
            for script in self._scripts:
                connection, _address = self._listener.accept()
                playing.append(threading.Thread(target=self._play, args=(script, connection), daemon=True))
                playing[-1].start()
                if not self._at_once:
                    playing[-1].join()
            for thread in playing:
                thread.join()
        except OSError as failure:
            self._failure = failure

    def _play(self, script: Callable[[Peer], None], connection: socket.socket) -> None:
        try:
            connection.settimeout(PATIENCE_S)
            with connection:
                peer = Peer(connection)
                script(peer)
                peer.reader.close()
        except BaseException as failure:  # noqa: BLE001 - it is raised again where the test waits
            self._failure = failure


def settings_for(
    url: str, *, window: int = 100, connections: int = 1, long_sms: Literal["parts", "payload"] = "parts"
) -> CarrierSettings:
    return CarrierSettings(
        url=url,
        sender="notices@kerala.example" if url.startswith("smtp") else "KLGOVT",
        connections=connections,
        window_messages=window,
        dlt_entity="1101234567890123456",
        secure_key=gateway.ACCOUNT[2],
        long_sms=long_sms,
    )


def eventually(check: Callable[[], bool]) -> None:
    """Waits until `check` holds; fails when it never does."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < give_up_at, "it never happened"
        time.sleep(0.02)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Subject:
    """One kind of carrier and its server."""

    scheme: str
    folder: Path
    seva: gateway.Gateway = field(default_factory=gateway.Gateway)
    centre: str = centres.OURS

    @contextlib.contextmanager
    def serving(self, port: int = 0) -> Iterator[int]:
        if self.scheme == "inbox":
            yield port
            return
        if self.scheme == "mobileseva+http":
            with gateway.serving(self.seva, port) as found:
                yield found
            return
        if self.scheme == "smpp":
            with centres.serving(self.centre, self.folder, port) as found:
                yield found
            return
        with running(Outside(self.folder, port)) as (found, _smpp):
            yield found

    @contextlib.contextmanager
    def carrier(self, port: int) -> Iterator[Carrier]:
        settings = INBOX if self.scheme == "inbox" else settings_for(self.url(port))
        with contextlib.closing(open_carrier(settings)) as carrier:
            yield carrier

    def url(self, port: int) -> str:
        if self.scheme == "mobileseva+http":
            return gateway.url(port)
        return f"{self.scheme}://{'demo:demo@' if self.scheme == 'smpp' else ''}127.0.0.1:{port}"

    def message(self, position: int, number: int | None = None) -> Message:
        number = 100_002 + position if number is None else number
        if self.scheme == "inbox":
            record = number.to_bytes(16, "big") if number else b""
            return InboxMessage(position, Batch.objects.get().pk, Letter(record, str(position).encode(), "key"))
        if self.scheme == "smtp":
            content = f"Subject: {position}\r\n\r\n{MALAYALAM}\r\n".encode()
            return EmailMessage(position, f"p{number:09d}@post.example", content)
        template = gateway.TEMPLATE if self.scheme == "mobileseva+http" else None
        return SmsMessage(position, f"+910{number:09d}", f"{MALAYALAM}{position}", template)

    def to(self, address: str) -> Message:
        """A message at position 1 to somewhere else."""
        if self.scheme == "inbox":
            return InboxMessage(1, Batch.objects.get().pk, Letter(address.encode(), b"", "key"))
        return EmailMessage(1, address, b"\r\n") if self.scheme == "smtp" else SmsMessage(1, address, "x", None)

    def arrived(self) -> list[str]:
        if self.scheme == "inbox":
            return [bytes(row.cell).decode() for row in InboxRow.objects.order_by("pk")]
        if self.scheme == "smtp":
            return [mail["content"].split("\r\n")[0].removeprefix("Subject: ") for mail in read_mail(self.folder)]
        if self.scheme == "mobileseva+http":
            return [text.removeprefix(MALAYALAM) for _number, text in self.seva.arrived]
        return [sms["text"].removeprefix(MALAYALAM) for sms in read_sms(self.folder)]


REMOTE = ("smtp", "smpp", "mobileseva+http", centres.THEIRS)


@pytest.fixture(params=[*REMOTE, "inbox"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    if request.param == "inbox":
        request.getfixturevalue("clean_vault")
        sends.batch(1_000, channel="inbox")
    if request.param == centres.THEIRS:
        return Subject("smpp", tmp_path, centre=centres.THEIRS)
    return Subject(request.param, tmp_path)


def verdicts(answers: list[Answer]) -> dict[int, Verdict]:
    """{position: verdict}; every position once."""
    found = {answer.position: answer.verdict for answer in answers}
    assert len(found) == len(answers)
    return found


def test_every_message_is_answered_once_and_arrives(subject: Subject) -> None:
    with subject.serving() as port, subject.carrier(port) as carrier:
        for start in range(0, 300, 100):
            messages = [subject.message(position) for position in range(start, start + 100)]
            answers = list(carrier.hand_off(iter(messages)))
            assert verdicts(answers) == dict.fromkeys(range(start, start + 100), Verdict.ACCEPTED)
            assert all(answer.provider_id for answer in answers) or subject.scheme == "inbox"
    assert sorted(subject.arrived(), key=int) == [str(position) for position in range(300)]


def test_a_refused_recipient_leaves_the_others_alone(subject: Subject) -> None:
    with subject.serving() as port, subject.carrier(port) as carrier:
        messages = [subject.message(position, 0 if position in (0, 3, 4, 9) else None) for position in range(10)]
        found = verdicts(list(carrier.hand_off(iter(messages))))
    assert {position for position, verdict in found.items() if verdict is Verdict.PERMANENT} == {0, 3, 4, 9}
    assert sorted(subject.arrived()) == ["1", "2", "5", "6", "7", "8"]


def test_nothing_is_written_beyond_the_iterators_end(subject: Subject) -> None:
    stayed = False

    def until_stay() -> Iterator[Message]:
        nonlocal stayed
        for position in range(4):
            yield subject.message(position)
        stayed = True

    with subject.serving() as port, subject.carrier(port) as carrier:
        assert len(list(carrier.hand_off(until_stay()))) == 4
        assert stayed
        assert list(carrier.hand_off(iter([]))) == []
    assert sorted(subject.arrived()) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "to", ["", "a@b.example>\r\nRCPT TO:<c@d.example", "+91\n0123456789", "+91\x000123456789", "x@"]
)
def test_a_bad_address_is_refused_here(subject: Subject, to: str) -> None:
    bad = subject.to(to)
    with subject.serving() as port, subject.carrier(port) as carrier:
        answers = list(carrier.hand_off(iter([subject.message(0), bad, subject.message(2)])))
    assert Answer(1, Verdict.PERMANENT, "local.bad_address") in answers
    assert sorted(subject.arrived()) == ["0", "2"]


@pytest.mark.parametrize("subject", REMOTE, indirect=True)  # a page of its own has no connection: test_inbox.py
def test_no_connection_takes_no_message(subject: Subject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    messages = iter([subject.message(0)])
    with subject.carrier(port) as carrier, pytest.raises(TransientError):
        list(carrier.hand_off(messages))
    assert next(messages).position == 0


def test_a_restarted_server_is_found_again(subject: Subject) -> None:
    with contextlib.ExitStack() as stack:
        with subject.serving() as port:
            carrier = stack.enter_context(subject.carrier(port))
            list(carrier.hand_off(iter([subject.message(0)])))
        with subject.serving(port):
            found = verdicts(list(carrier.hand_off(iter([subject.message(1)]))))
    assert found == {1: Verdict.ACCEPTED}
    assert subject.arrived() == ["0", "1"]


def test_a_consumer_that_stops_listening_costs_only_the_connection(subject: Subject) -> None:
    with subject.serving() as port, subject.carrier(port) as carrier:
        answers = carrier.hand_off(subject.message(position) for position in range(5))
        next(answers)
        answers.close()  # type: ignore[attr-defined]
        assert verdicts(list(carrier.hand_off(iter([subject.message(9)])))) == {9: Verdict.ACCEPTED}


def test_a_failing_iterator_is_not_swallowed(subject: Subject) -> None:
    def failing() -> Iterator[Message]:
        yield subject.message(0)
        raise ZeroDivisionError

    with subject.serving() as port, subject.carrier(port) as carrier:
        with pytest.raises(ZeroDivisionError):
            list(carrier.hand_off(failing()))
        assert verdicts(list(carrier.hand_off(iter([subject.message(1)])))) == {1: Verdict.ACCEPTED}


def test_the_other_channels_message_is_a_bug(subject: Subject) -> None:
    other = (
        SmsMessage(0, "+910000000002", "x", None) if subject.scheme == "smtp" else EmailMessage(0, "a@b.example", b"")
    )
    with subject.serving() as port, subject.carrier(port) as carrier, pytest.raises(TypeError):
        list(carrier.hand_off(iter([other])))


def test_only_smpp_can_cancel_and_says_so_by_its_type(subject: Subject) -> None:
    settings = INBOX if subject.scheme == "inbox" else settings_for(subject.url(1))
    with subject.carrier(1) as carrier:
        assert isinstance(carrier, Recalling) == can_recall(settings) == (subject.scheme == "smpp")


@pytest.mark.parametrize("subject", ["smpp", centres.THEIRS], indirect=True)
def test_nobody_is_asked_without_a_connection(subject: Subject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with subject.carrier(port) as carrier:
        assert isinstance(carrier, Recalling)
        with pytest.raises(TransientError):
            carrier.recall(["A"])


def test_messages_show_nothing_of_a_person() -> None:
    for message in (EmailMessage(0, "a@b.example", b"secret"), SmsMessage(0, "+910000000002", "secret", None)):
        assert "secret" not in repr(message)
        assert message.to not in repr(message)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1",
        "smtp://",
        "smtp://127.0.0.1:port",
        "smtp://127.0.0.1/path",
        "smpp://demo:ninechars@127.0.0.1",
    ],
)
def test_an_unusable_url_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        open_carrier(settings_for(url))
    assert refusal.value.code == "carrier.bad_url"
    assert "127.0.0.1" not in str(refusal.value)
    assert "ninechars" not in str(refusal.value)


@pytest.mark.skipif(not SMTP_SINK.exists(), reason="needs smtp-sink (Debian: postfix)")
def test_smtp_sink_takes_everything() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    sink = subprocess.Popen([SMTP_SINK, *as_nobody, f"127.0.0.1:{port}", "10"])
    try:
        eventually(lambda: listens(port))
        subject = Subject("smtp", Path())
        with subject.carrier(port) as carrier:
            answers = list(carrier.hand_off(subject.message(position) for position in range(500)))
        assert verdicts(answers) == dict.fromkeys(range(500), Verdict.ACCEPTED)
    finally:
        sink.terminate()
        sink.wait(PATIENCE_S)
