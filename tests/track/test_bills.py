"""A carrier's bill is held against what left over a real connection: what was sent outside stands out."""

import csv
import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Value
from django.db.models.functions import Concat

from ariyippu.base import clock
from ariyippu.base.clock import INDIA
from ariyippu.base.home import Home
from ariyippu.base.models import Journal
from ariyippu.demo.outside.keep import read_sms
from ariyippu.demo.outside.run import Outside, running
from ariyippu.notice.models import OrderRow
from ariyippu.send.models import Batch, Outcome, Part, Window
from ariyippu.track import bills
from ariyippu.track.bills import Bill, Reconciled
from ariyippu.track.models import BillRow
from tests.refusals import refused
from tests.send.test_worker import at_work, soon
from tests.world import World, build, people

pytestmark = pytest.mark.usefixtures("clean_vault")

COUNT = 12
COLUMNS = """
segment_price_paise = 20
[carriers.sms.bill]
id = "MsgID"
sent_on = "Sent"
segments = "Parts"
charge = "Rs"
recipient = "To"
date_format = "%d-%m-%Y"
"""
HEADER = ("MsgID", "To", "Sent", "Parts", "Rs")

Row = list[str]


@pytest.fixture
def world(tmp_path: Path, clean_vault: None) -> Iterator[World]:
    with running(Outside(tmp_path)) as ports:
        made = build(tmp_path, people(COUNT, email=""), carriers=ports, window=5)
        file = made.home.path / "settings.toml"
        file.write_text(file.read_text() + COLUMNS)
        made = dataclasses.replace(made, home=Home(made.home.path))
        made.sending()
        with at_work(made) as one:
            soon(lambda: (one._turn(), Outcome.objects.count())[1], COUNT)
        soon(lambda: len(list(read_sms(tmp_path))), COUNT)  # the outside writes several times a second
        yield made


def today() -> dt.date:
    return clock.now().astimezone(INDIA).date()


def honest(folder: Path) -> list[Row]:
    """What the SMS centre took, a line for each message, as a bill."""
    on = f"{today():%d-%m-%Y}"
    return [
        [sms["id"], f"+{sms['to']}", on, str(sms["parts"]), f"{sms['parts'] * 0.2:.2f}"] for sms in read_sms(folder)
    ]


def written(folder: Path, rows: Sequence[Row]) -> Bill:
    """As a file; its period reaches to both neighbouring days, since the test may run at midnight."""
    file = folder / "bill.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([HEADER, *rows])
    day = dt.timedelta(days=1)
    return Bill(file, "sms", today() - day, today() + day)


def reconciled(world: World, bill: Bill) -> Reconciled:
    return bills.reconcile(bill, home=world.home, keyring=world.vault.keyring)


def logged() -> list[dict[str, Any]]:
    return [json.loads(bytes(row.body))["body"] for row in Journal.objects.filter(kind="bill").order_by("pk")]


def test_an_honest_bill_differs_nowhere(world: World, tmp_path: Path) -> None:
    came = reconciled(world, written(tmp_path, honest(tmp_path)))
    assert (came.lines, came.sent, came.unknown, came.counts()) == (COUNT, COUNT, 0, {})
    assert Part.objects.exists()  # the notice's text is long
    assert [(entry["lines"], entry["differences"]) for entry in logged()] == [(10, {})]


def test_a_bill_may_name_any_part_of_a_long_text(world: World, tmp_path: Path) -> None:
    first = dict(Part.objects.order_by("-provider_id").values_list("position", "provider_id"))
    of = {own: first[at] for at, own in Outcome.objects.values_list("position", "provider_id")}
    rows = [[of[number], *rest] for number, *rest in honest(tmp_path)]
    assert reconciled(world, written(tmp_path, rows)).counts() == {}


def test_what_was_sent_outside_stands_out(world: World, tmp_path: Path) -> None:
    rows = honest(tmp_path)
    on = rows[0][2]
    rows[1][3] = "9"  # more segments than left
    rows[2][1] = "+910999999991"  # somebody else's number
    rows[3][2] = f"{today() - dt.timedelta(days=40):%d-%m-%Y}"
    rows.append(["F00D", "+910888888881", on, "1", "0.20"])
    rows.append(list(rows[0]))
    missing = rows.pop(4)
    came = reconciled(world, written(tmp_path, rows))
    assert [(found.row, found.column, found.kind) for found in came.differences] == [
        (3, "Parts", "other_segments"),
        (3, "Rs", "other_charge"),
        (4, "To", "other_recipient"),
        (5, "Sent", "out_of_period"),
        (COUNT + 1, "MsgID", "never_sent"),
        (COUNT + 2, "MsgID", "double"),
    ]
    assert came.not_billed == {OrderRow.objects.get().digest: 1}
    assert missing[0] not in str(came)
    [entry] = logged()
    assert entry["differences"] == dict.fromkeys(came.counts(), 0)  # fewer than ten of each, and yet shown
    assert "0888888881" not in json.dumps(entry)
    found = {tuple(s.labels.values()): s.value for family in bills.gauges() for s in family.samples}
    assert found["sms", "never_sent"] == 1


def test_a_message_of_another_month_is_out_of_the_period(world: World, tmp_path: Path) -> None:
    rows = honest(tmp_path)
    long_ago = clock.now() - dt.timedelta(days=60)
    Window.objects.update(opened_at=long_ago, closed_at=long_ago)
    came = reconciled(world, written(tmp_path, rows))
    assert came.counts() == {"out_of_period": COUNT}
    assert came.sent == 0


def test_what_a_crash_left_in_doubt_is_told_beside(world: World, tmp_path: Path) -> None:
    Outcome.objects.filter(position__lt=3).update(outcome=Outcome.UNKNOWN, provider_id=None)
    Part.objects.filter(position__lt=3).delete()
    came = reconciled(world, written(tmp_path, honest(tmp_path)))
    assert (came.unknown, came.counts()) == (3, {"never_sent": 3})


def test_the_same_bill_again_is_kept_once_and_logged_when_it_came_to_something_else(
    world: World, tmp_path: Path
) -> None:
    bill = written(tmp_path, honest(tmp_path))
    reconciled(world, bill)
    reconciled(world, bill)
    assert len(logged()) == BillRow.objects.count() == 1
    Outcome.objects.filter(position=0).update(outcome=Outcome.UNKNOWN)
    Batch.objects.update(state=Batch.DONE)
    assert reconciled(world, bill).counts() == {}
    Outcome.objects.filter(position=0).delete()
    Part.objects.filter(position=0).delete()
    assert reconciled(world, bill).counts() == {"never_sent": 1}
    assert (len(logged()), BillRow.objects.count()) == (2, 1)


def test_each_carrier_of_a_channel_has_its_own_bill(world: World, tmp_path: Path) -> None:
    file = world.home.path / "settings.toml"
    second = COLUMNS.replace("[carriers.sms.bill]", "[carriers.sms.others.bill]")
    file.write_text(f'{file.read_text()}\n[[carriers.sms.others]]\nname = "second"\nurl = "smpp://a:b@x"\n{second}')
    both = dataclasses.replace(world, home=Home(world.home.path))
    for kind in (Outcome, Part):
        kind.objects.filter(position__lt=5).update(provider_id=Concat(Value("second/"), "provider_id"))
    theirs = set(Outcome.objects.filter(position__lt=5).values_list("provider_id", flat=True))
    rows = honest(tmp_path)
    own = [row for row in rows if f"second/{row[0]}" not in theirs]
    assert reconciled(both, written(tmp_path, own)).counts() == {}
    assert reconciled(both, written(tmp_path, rows)).counts() == {"never_sent": 5}
    rest = dataclasses.replace(written(tmp_path, [row for row in rows if row not in own]), carrier="second")
    came = reconciled(both, rest)
    assert (came.sent, came.counts()) == (5, {})


def test_a_bad_cell_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    rows = honest(tmp_path)
    rows[-1][3] = "many"
    with refused("bill.bad_cell"):
        reconciled(world, written(tmp_path, rows))
    assert not BillRow.objects.exists()
    assert not logged()


def test_what_is_asked_amiss_is_refused(world: World, tmp_path: Path) -> None:
    bill = written(tmp_path, [])
    with refused("bill.no_columns"):
        reconciled(world, dataclasses.replace(bill, carrier="email"))
    with refused("bill.bad_period"):
        reconciled(world, dataclasses.replace(bill, first_on=bill.last_on, last_on=bill.first_on))
