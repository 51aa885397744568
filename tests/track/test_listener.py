"""The bounce address over SMTP: it takes what is about a message of ours, keeps a code of it, and nothing else."""

import io
import smtplib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from django.db import DatabaseError, connection

from ariyippu.policy.models import Objection
from ariyippu.send.carriers import EmailMessage
from ariyippu.send.models import Batch
from ariyippu.send.tokens import MessageTokens
from ariyippu.track import arrivals, listener, settle
from ariyippu.track.models import Ignored, MessageReceipt
from ariyippu.track.receipts import State
from ariyippu.track.sent import rows
from tests.track.post import ADDRESS, deliver, listening, messages
from tests.track.reports import PERSON, TEXT, bounce, complaint
from tests.world import World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")


@pytest.fixture
def world(tmp_path: Path, clean_vault: None) -> World:
    return build(tmp_path, people(4))


@pytest.fixture
def port(world: World) -> Iterator[int]:
    with listening(world) as found:
        yield found


@pytest.fixture
def sent(world: World, port: int) -> list[EmailMessage]:
    world.sending()
    return messages(world)[1]


def ignored() -> dict[str, int]:
    return dict(Ignored.objects.values_list("kind", "count"))


def kept() -> dict[int, tuple[State, str]]:
    rows = MessageReceipt.objects.values_list("position", "state", "code")
    return {position: (State(state), code) for position, state, code in rows}


def return_path(message: EmailMessage) -> str:
    assert message.return_path is not None
    return message.return_path


def token(message: EmailMessage) -> str:
    return return_path(message).partition("+")[2].partition("@")[0]


def test_a_message_says_where_its_bounces_go(sent: list[EmailMessage]) -> None:
    for message in sent:
        assert return_path(message) == ADDRESS.replace("@", f"+{token(message)}@")
        assert f"Message-ID: <{token(message)}@ariyippu.example>\r\n".encode() in message.content
    assert len({token(message) for message in sent}) == 4


def test_the_return_path_names_the_message(port: int, sent: list[EmailMessage]) -> None:
    assert deliver(port, return_path(sent[1]), bounce("", status="5.2.2"))[0] == 250
    assert deliver(port, return_path(sent[2]).upper(), bounce(token(sent[0])))[0] == 250
    assert kept() == {1: (State.UNDELIVERED, "5.2.2"), 2: (State.BOUNCED, "5.1.1")}
    assert ignored() == {}


def test_the_message_id_names_it_where_the_return_path_was_lost(port: int, sent: list[EmailMessage]) -> None:
    assert deliver(port, ADDRESS, bounce(token(sent[3])))[0] == 250
    assert kept() == {3: (State.BOUNCED, "5.1.1")}


def test_bounces_in_any_order_and_doubled(port: int, sent: list[EmailMessage]) -> None:
    mails = [bounce("", action="delayed"), bounce("", status="4.4.7"), bounce("", status="5.7.1")]
    for mail in (*mails, *reversed(mails), mails[1]):
        assert deliver(port, return_path(sent[0]), mail)[0] == 250
    assert kept() == {0: (State.REJECTED, "5.7.1")}


@pytest.mark.parametrize(
    "to", [ADDRESS.replace("@", f"+{'a' * 26}@"), ADDRESS.replace("@", "+abc@"), "anu@mail.example"]
)
def test_no_mail_is_taken_for_a_message_that_was_never_sent(port: int, sent: list[EmailMessage], to: str) -> None:
    assert deliver(port, to, bounce(token(sent[0])))[0] == 550
    assert kept() == {}
    assert ignored() == ({"never_sent": 1} if "aaa" in to else {})


def test_a_report_about_a_message_that_was_never_sent_is_counted(port: int, sent: list[EmailMessage]) -> None:
    for mail in (bounce("a" * 26), bounce(""), complaint("a" * 24)):
        assert deliver(port, ADDRESS, mail)[0] == 250
    assert kept() == {}
    assert ignored() == {"never_sent": 3}


def test_a_link_s_token_is_no_return_path(port: int, sent: list[EmailMessage], world: World) -> None:
    batch = Batch.objects.select_related("file").get()
    records, _contacts = rows(batch, world.home, world.vault.keyring)
    link = MessageTokens.of(world.vault.keyring, "link").make(batch.pk, batch.order, records)[0]
    assert deliver(port, ADDRESS.replace("@", f"+{link}@"), bounce(""))[0] == 550


def test_a_complaint_is_an_objection_to_that_purpose(port: int, sent: list[EmailMessage]) -> None:
    for _ in range(2):
        assert deliver(port, ADDRESS, complaint(token(sent[0])))[0] == 250
    objection = Objection.objects.get()
    assert (objection.register, objection.purpose) == ("spark", "ariyippu:da-arrears")
    assert kept() == {}


def test_an_answering_machine_is_counted_and_forgotten(port: int, sent: list[EmailMessage]) -> None:
    mail = f"From: {PERSON}\r\nSubject: Away\r\nAuto-Submitted: auto-replied\r\n\r\n{TEXT}\r\n".encode()
    assert deliver(port, return_path(sent[0]), mail)[0] == 250
    assert kept() == {}
    assert ignored() == {"unreadable": 1}


def test_what_could_not_be_kept_is_asked_for_again(
    port: int, sent: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO
) -> None:
    def fail(*_arguments: object) -> NoReturn:
        raise DatabaseError(PERSON)

    with monkeypatch.context() as broken:
        broken.setattr(settle, "keep_message", fail)
        assert deliver(port, return_path(sent[0]), bounce(""))[0] == 451
        broken.setattr(arrivals.Arrivals, "recipient", fail)
        assert deliver(port, return_path(sent[0]), bounce(""))[0] == 451
    assert kept() == {}
    assert deliver(port, return_path(sent[0]), bounce(""))[0] == 250
    assert kept() == {0: (State.BOUNCED, "5.1.1")}
    assert PERSON not in stderr.getvalue()


def test_a_fault_of_ours_tells_the_other_side_nothing(
    port: int, sent: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO
) -> None:
    def fail(*_arguments: object) -> NoReturn:
        raise ZeroDivisionError(PERSON)

    monkeypatch.setattr(arrivals.Arrivals, "take", fail)
    code, text = deliver(port, return_path(sent[0]), bounce(""))
    assert code == 451
    assert PERSON not in text
    assert PERSON not in stderr.getvalue()


def test_one_recipient_at_a_time_and_no_endless_mail(port: int, sent: list[EmailMessage]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo()
        client.mail("")
        assert [client.rcpt(return_path(message))[0] for message in sent[:2]] == [250, 452]
        assert client.data(b"x\r\n" * 400_000)[0] == 552
    assert kept() == {}


def test_several_at_once(port: int, sent: list[EmailMessage]) -> None:
    threads = [threading.Thread(target=deliver, args=(port, return_path(message), bounce(""))) for message in sent * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept() == dict.fromkeys(range(4), (State.BOUNCED, "5.1.1"))


def test_nothing_that_a_report_quotes_is_kept_or_logged(
    port: int, sent: list[EmailMessage], stderr: io.StringIO, owner_dsn: str
) -> None:
    for to, mail in ((return_path(sent[0]), bounce("")), (ADDRESS, complaint(token(sent[1]))), (ADDRESS, bounce(""))):
        deliver(port, to, mail)
    with connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"select coalesce(string_agg(t::text, chr(10)), '') from \"{table}\" t")  # noqa: S608
            (text,) = cursor.fetchone()
            for secret in (PERSON, "zzz1", TEXT, "Kizhakke"):
                assert secret not in text, table
                assert secret.encode().hex() not in text, table
    assert PERSON not in stderr.getvalue()


def test_without_its_settings_nothing_listens(world: World) -> None:
    with listener.listening(world.home, world.vault.keyring) as found:
        assert found is None
