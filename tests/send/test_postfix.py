"""A real Postfix as the relay: what it offers, refuses and puts off, over several connections at once."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ariyippu.demo.outside.keep import read_mail
from ariyippu.demo.outside.run import Outside, running
from ariyippu.send.carriers import Answer, Carrier, EmailMessage, Message, Verdict, open_carrier, verdicts
from ariyippu.send.carriers.verdicts import Blame
from tests.send.test_carriers import MALAYALAM, eventually, settings_for
from tests.track import postfix

LIMIT_BYTES, COUNT = 20_000, 300
MORE = f"""
message_size_limit = {LIMIT_BYTES}
smtpd_recipient_restrictions =
    check_recipient_access inline:{{ {{ refused@mail.example = 550 5.7.1 we do not like you }},
        {{ grey@mail.example = 450 4.7.1 greylisted }}, {{ full@mail.example = 452 4.2.2 mailbox full }} }}
    permit_mynetworks, reject
"""


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[int]:
    if not postfix.USABLE:
        if os.environ.get("CI") == "true":
            pytest.fail("Postfix is missing, or this is not root")
        pytest.skip("needs Postfix (Debian: postfix) and root")
    with running(Outside(tmp_path)) as (outside, _sms), postfix.running(outside, 1, MORE) as port:
        yield port


def mail(position: int, to: str = "", content: bytes = b"") -> Message:
    text = content or f"Subject: {position}\r\n\r\n{MALAYALAM}\r\n.\r\n..{position}\r\n".encode()
    return EmailMessage(position, to or f"p{position:04d}x@mail.example", text)


def carrier(port: int, connections: int = 4) -> Carrier:
    return open_carrier(settings_for(f"smtp://127.0.0.1:{port}", connections=connections))


def test_everything_arrives_once_and_as_it_left(relay: int, tmp_path: Path) -> None:
    made = carrier(relay)
    answers = list(made.hand_off(mail(position) for position in range(COUNT)))
    made.close()
    assert sorted(answer.position for answer in answers) == list(range(COUNT))
    assert {(answer.verdict, answer.code) for answer in answers} == {(Verdict.ACCEPTED, "250 2.0.0")}
    assert len({answer.provider_id for answer in answers} - {None}) == COUNT
    eventually(lambda: len(list(read_mail(tmp_path))) >= COUNT)
    arrived = Counter(kept["to"] for kept in read_mail(tmp_path))
    assert arrived == Counter(f"p{position:04d}x@mail.example" for position in range(COUNT))
    for kept in read_mail(tmp_path):
        assert kept["content"].endswith(f"{MALAYALAM}\r\n.\r\n..{int(kept['to'][1:5])}\r\n")


def test_refusals_are_told_apart_and_cost_nobody_else(relay: int) -> None:
    odd = {3: "refused@mail.example", 4: "grey@mail.example", 5: "full@mail.example"}
    made = carrier(relay, 2)
    answers = {a.position: a for a in made.hand_off(mail(n, odd.get(n, "")) for n in range(10))}
    made.close()
    assert (answers[3].verdict, answers[3].code) == (Verdict.PERMANENT, "550 5.7.1")
    assert (answers[4].verdict, verdicts.blame(answers[4].code)) == (Verdict.TRANSIENT, Blame.DESTINATION)
    assert (answers[5].verdict, verdicts.blame(answers[5].code)) == (Verdict.TRANSIENT, Blame.MAILBOX)
    assert {answers[n].verdict for n in range(10) if n not in odd} == {Verdict.ACCEPTED}


def test_what_is_longer_than_it_takes_is_not_offered(relay: int) -> None:
    long = b"Subject: long\r\n\r\n" + b"x" * 70 + b"\r\n" * LIMIT_BYTES
    made = carrier(relay)
    (answer,) = made.hand_off(iter([mail(0, content=long)]))
    made.close()
    assert answer == Answer(0, Verdict.PERMANENT, "local.too_long")
