"""Real bounces: Postfix takes what the worker sends, cannot deliver it, and says so to the bounce address."""

import os
from pathlib import Path

import pytest

from ariyippu import flow
from ariyippu.demo.outside.keep import read_mail
from ariyippu.demo.outside.run import Outside, running
from ariyippu.send.models import Outcome
from ariyippu.track import contacts, settle
from ariyippu.track.models import Ignored, MessageReceipt
from tests.send.test_carriers import eventually
from tests.send.test_worker import at_work
from tests.track import postfix
from tests.track.post import free_port, listening
from tests.world import Person, build

pytestmark = pytest.mark.usefixtures("clean_vault")

PERSONS = [
    Person(1, email="anu@local.example"),  # Postfix itself has no such mailbox
    Person(2, email="anu0000@mail.example"),  # the next server has none
    Person(3, email="anu.3@mail.example"),
]


def test_what_postfix_could_not_deliver(tmp_path: Path) -> None:
    if not postfix.USABLE:
        if os.environ.get("CI") == "true":
            pytest.fail("Postfix is missing, or this is not root")
        pytest.skip("needs Postfix (Debian: postfix) and root")
    back = free_port()
    with running(Outside(tmp_path)) as (outside, sms), postfix.running(outside, back) as relay:
        world = build(tmp_path, PERSONS, carriers=(relay, sms))
        with listening(world, back), at_work(world) as worker:
            row = world.sending()
            assert worker._turn()
            assert Outcome.objects.filter(outcome="accepted").count() == 3
            eventually(lambda: MessageReceipt.objects.count() == 2)
            flow.turn(world.vault)
            eventually(lambda: len(list(read_mail(tmp_path))) == 1)
    assert settle.outcomes(row.digest) == {"email": {"accepted": 1, "undelivered": 2}}
    assert set(MessageReceipt.objects.values_list("code", flat=True)) == {"5.1.1"}
    _snapshot, found = contacts.undeliverable("spark", world.home, world.vault.keyring)
    assert [(each.row, each.column, each.cause) for each in found] == [(2, "email", "bounced"), (3, "email", "bounced")]
    (arrived,) = read_mail(tmp_path)
    assert arrived["to"] == "anu.3@mail.example"
    assert arrived["sender"].startswith("bounces+")
    assert not Ignored.objects.exists()
