"""One SMTP conversation without a connection: whatever a server says, however its octets arrive."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.send.carriers import Answer, EmailMessage, Verdict, verdicts
from ariyippu.send.carriers.smtp_dialogue import Dialogue, Offer
from ariyippu.send.carriers.verdicts import Blame

OFFER = Offer(has_size=True, max_bytes=1000, has_smtputf8=False)
SENDER = "notices@kerala.example"
BODY = b"Subject: x\r\n\r\n.y\r\n"
GOOD = ("250 2.1.0 ok", "250 2.1.5 ok", "354 go", "250 2.0.0 Ok: queued as A1")

REPLIES = st.sampled_from(
    ["250 ok", "250-more\r\n250 2.0.0 ok", "354 go", "450 4.7.1 later", "550 5.1.1 no", "421 4.3.2 bye", "354", "what?"]
)


def mail(position: int, content: bytes = BODY) -> EmailMessage:
    return EmailMessage(position, f"p{position}@post.example", content)


@dataclass
class Server:
    """A server that reads what is written and answers with the replies that it was given, then with good ones."""

    replies: list[str]
    bodies: int = 0  # that were written, and were not asked for by a 354
    opened: bool = False
    said: list[str] = field(default_factory=list)

    def hear(self, written: bytes) -> bytes:
        """Its replies to what was written, as octets."""
        out = []
        for command in self._commands(written):
            usual = {b"MAIL": GOOD[0], b"RCPT": GOOD[1], b"DATA": GOOD[2], b"RSET": "250 ok", b"body": GOOD[3]}
            reply = self.replies.pop(0) if self.replies else usual[command]
            if command == b"DATA":
                self.opened = reply.startswith("354")
            self.said.append(reply)
            out.append(reply + "\r\n")
        return "".join(out).encode()

    def _commands(self, written: bytes) -> list[bytes]:
        found = []
        if self.opened or not re.match(rb"MAIL|RSET|$", written):
            self.bodies += not self.opened
            content, dot, written = (
                written.partition(b"\r\n.\r\n") if not written.startswith(b".\r\n") else (b"", b".", written[3:])
            )
            assert dot
            assert b"MAIL FROM" not in content
            self.opened = False
            found.append(b"body")
        return [*found, *(line[:4] for line in written.split(b"\r\n") if line)]


def converse(replies: Sequence[str], count: int, sizes: Sequence[int]) -> tuple[list[Answer], list[int], Server]:
    """Hand off `count` messages; the answers, the positions that were taken, and the server."""
    server, dialogue = Server(list(replies)), Dialogue(SENDER, OFFER)
    waiting = [mail(position) for position in range(count)]
    taken: list[int] = []
    answers: list[Answer] = []
    cuts = iter([*sizes, *[10_000] * 1_000])
    while True:
        if waiting:
            taken.append(waiting[0].position)
            written = dialogue.take(waiting.pop(0))
        elif not (written := dialogue.finish()):
            return answers, taken, server
        octets = server.hear(written)
        while octets and not dialogue.is_broken:
            size = next(cuts)
            answers += dialogue.read(octets[:size])
            octets = octets[size:]
        if dialogue.is_broken:
            return answers + list(dialogue.lost()), taken, server
        assert dialogue.is_ready


@given(st.lists(REPLIES, max_size=24), st.integers(0, 6), st.lists(st.integers(1, 9), max_size=60))
def test_whatever_a_server_says_each_message_has_one_answer(replies: list[str], count: int, sizes: list[int]) -> None:
    answers, taken, server = converse(replies, count, sizes)
    assert sorted(answer.position for answer in answers) == taken
    assert server.bodies == 0, "a body was written that no 354 had asked for"
    whole, _taken, _server = converse(replies, count, ())
    assert answers == whole, "how the octets were cut made a difference"


@given(st.integers(0, 6), st.integers(0, 40))
def test_a_break_leaves_in_doubt_only_what_may_have_arrived(count: int, heard: int) -> None:
    """The connection ends after so many replies: unknown is the one body that has no reply, and no other."""
    server, dialogue = Server([]), Dialogue(SENDER, OFFER)
    waiting = [mail(position) for position in range(count)]
    answers: list[Answer] = []
    bodies = 0
    while heard >= 0:
        written = dialogue.take(waiting.pop(0)) if waiting else dialogue.finish()
        if not written:
            return
        bodies += b"\r\n.\r\n" in written
        lines = server.hear(written).splitlines(keepends=True)
        answers += dialogue.read(b"".join(lines[:heard]))
        heard -= len(lines)
        if not dialogue.is_ready:
            break
    lost = list(dialogue.lost())
    assert [answer.verdict for answer in answers] == [Verdict.ACCEPTED] * len(answers)
    assert [answer.position for answer in lost if answer.verdict is Verdict.UNKNOWN] == list(
        range(len(answers), bodies)
    )
    assert all(answer.verdict is Verdict.TRANSIENT for answer in lost if answer.position >= bodies)


def test_octets_that_nobody_asked_for_break_it() -> None:
    dialogue = Dialogue(SENDER, OFFER)
    assert dialogue.read(b"250 hello\r\n") == []
    assert dialogue.is_broken
    assert not dialogue.is_clean


@pytest.mark.parametrize("flood", [b"x" * 70_000, b"250-x\r\n" * 101])
def test_a_reply_without_end_breaks_it(flood: bytes) -> None:
    dialogue = Dialogue(SENDER, OFFER)
    dialogue.take(mail(0))
    assert dialogue.read(flood) == []
    assert dialogue.is_broken


def test_what_the_server_would_not_take_is_not_offered() -> None:
    dialogue = Dialogue(SENDER, OFFER)
    assert dialogue.fault(mail(0, b"x" * 998 + b"\r\n")) is None
    assert dialogue.fault(mail(0, b"x" * 999 + b"\r\n")) == "local.too_long"
    assert Dialogue(SENDER, Offer(True, None, True)).fault(mail(0, b"x" * 999 + b"\r\n")) is None


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("250", Verdict.ACCEPTED),
        ("451 4.7.1", Verdict.TRANSIENT),
        ("550 5.1.1", Verdict.PERMANENT),
        ("530 5.7.0", Verdict.TRANSIENT),
        ("535", Verdict.TRANSIENT),
    ],
)
def test_verdicts(code: str, verdict: Verdict) -> None:
    assert verdicts.verdict(code) is verdict


@pytest.mark.parametrize(
    ("code", "blame"),
    [
        ("452 4.2.2", Blame.MAILBOX),
        ("450 4.1.1", Blame.MAILBOX),
        ("451 4.7.1", Blame.DESTINATION),
        ("450", Blame.DESTINATION),
        ("451 4.4.3", Blame.DESTINATION),
        ("452 4.3.1", Blame.CARRIER),
        ("421 4.7.0", Blame.CARRIER),
        ("530 5.7.0", Blame.CARRIER),
        ("local.connection_lost", Blame.CARRIER),
    ],
)
def test_blames(code: str, blame: Blame) -> None:
    assert verdicts.blame(code) is blame
