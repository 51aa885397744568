"""Early 2026 again: every figure of the replay, against the registers' files and against what arrived outside."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main

from ariyippu.__main__ import app
from ariyippu.demo.outside import keep
from ariyippu.web import hatch

PAGE = Path(__file__).parents[2] / "docs" / "replay.md"

# day | what | about | messages | why
CHAIN = (
    "spark's email, given for ariyippu:salary-and-benefit; ariyippu:da-arrears; signed by 3 offices; "
    "included, with its proof"
)
TAX = "included 430, protected_linked < 10, deceased_linked < 10, no_contact 60"
EXPECTED = f"""\
2025-12-31 | refused | K-SMART's contacts as a spreadsheet, by 12-02 | - | signature.missing_role
2026-01-05 | refused | K-SMART's contacts as a spreadsheet, by 12-02 | - | the register's owner says no, in public
2026-02-04 | sent | da-february-1 | 921 | included 921, no_contact 8, deceased 2
2026-02-04 | sent | dr-february-1 | 141 | included 141, no_contact 17, deceased 2
2026-02-04 | fact | standing order arrears-credited | - | approved once, by three offices
2026-02-09 | fact | by-election in WAYANAD, until 19-02 | - | restraint of one district
2026-02-10 | refused | achievements over SPARK's contacts, called a salary notice | - | notice.achievement
2026-02-10 | refused | achievements over SPARK's contacts, called publicity | - | order.purpose_not_covered
2026-02-10 | sent | news-february-1 | 335 | included 335, restrained 25
2026-02-12 | refused | the letter's deadline is over; it is handed in again | - | signature.missing_role
2026-02-20 | sent | arrears-credited-t1 | 149 | included 149, no_contact 1
2026-02-24 | stopped | housing-advance-1 | 1090 | 200 had left, 47 were in hand; these wait
2026-02-24 | stopped | property-tax-1 | - | nobody is decided about yet
2026-02-24 | stopped | tax-statement-1 | - | nobody is decided about yet
2026-03-01 | stopped | everything, until 02-03 | - | undertaking, extended by one key; nothing leaves
2026-03-02 | refused | the undertaking is narrowed by the court's liaison alone | - | signature.missing_role
2026-03-02 | let go | whatever does not come from SPARK | - | narrowed by authority, owner and custodian
2026-03-02 | refused | housing-advance-1 is to be released | - | order.stayed
2026-03-02 | let go | property-tax-1 | 425 | released by a person
2026-03-02 | sent | property-tax-1 | 425 | included 425, no_contact 57, protected_linked 8, deceased_linked 1
2026-03-04 | refused | leave for the housing advance, without the court's liaison | - | amendment.not_its_authority
2026-03-04 | let go | housing-advance-1 | - | leave for this one notice
2026-03-04 | let go | housing-advance-1 | 1090 | released by a person
2026-03-04 | sent | housing-advance-1 | 1337 | included 1,337, no_contact 11
2026-03-04 | refused | tax-statement-1 is to be released | - | order.stayed
2026-03-06 | stopped | arrears-credited-t2 | - | triggered by the March bill; waits for the undertaking
2026-03-10 | refused | the undertaking is lifted by one key | - | signature.missing_role
2026-03-10 | let go | everything | - | petition dismissed; lifted by authority, owner and custodian
2026-03-10 | let go | tax-statement-1 | 1337 | released by a person
2026-03-10 | sent | tax-statement-1 | 1337 | included 1,337, no_contact 11
2026-03-10 | let go | arrears-credited-t2 | 110 | released by a person
2026-03-10 | sent | arrears-credited-t2 | 110 | included 110
2026-03-12 | refused | arrears-credited-t3 | - | order.over_cap
2026-03-14 | sent | news-march-1 | 360 | included 360
2026-03-14 | sent | news-march-evening-1 | 360 | included 360
2026-03-15 | stopped | news-march-1: recalled from the SMS centre at midnight | 20 | valid beyond it
2026-03-15 | fact | news-march-evening-1: expired at the SMS centre at midnight | 20 | valid until the restraint began
2026-03-20 | sent | dr-march-1 | 141 | included 141, no_contact 17, deceased 2
2026-03-22 | stopped | news-in-restraint-1 | 0 | the election's restraint, until its end
2026-03-22 | sent | property-tax-due-31-03-1 | 425 | included 425, no_contact 57, protected_linked 8, deceased_linked 1
2026-05-05 | stopped | news-may-1 | - | the restraint is over, and releases nothing
2026-05-05 | let go | news-may-1 | 360 | released by a person
2026-05-05 | sent | news-may-1 | 360 | included 360
2026-05-05 | fact | ariyippu why property-tax | - | {TAX}
2026-05-05 | fact | the first who was told asks why | - | {CHAIN}
"""
SUMS = {
    "messages sent": 6401,
    "messages arrived outside": 6401,
    "refusals in the public log": 7,
    "entries in the public log": 85,
    "messages to judges about their own salary": 69,
    "messages to judges about anything else": 0,
}


@dataclass(frozen=True)
class Played:
    """One replay: its folder, its account, its page."""

    home: Path
    account: dict[str, Any]
    page: str

    def sent(self, order: str) -> int:
        return int(next(ln["messages"] for ln in self.account["lines"] if (ln["what"], ln["about"]) == ("sent", order)))

    def register(self, name: str) -> list[dict[str, str]]:
        with (self.home / "handed-over" / f"{name}.csv").open(encoding="utf-8") as rows:
            return list(csv.DictReader(rows))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A process of its own, as on the command line: the replay turns its process's clock."""
    folder = tmp_path_factory.mktemp("replay")
    folder.chmod(0o711)  # PostgreSQL's account passes through
    own = ("ARIYIPPU_HOME", "ARIYIPPU_ZONE", "DJANGO_SETTINGS_MODULE")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    home, page = folder / "home", folder / "replay.md"
    command = [sys.executable, "-m", "ariyippu", "replay", "kerala-2026", "--home", str(home), "--page", str(page)]
    done = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return Played(home, json.loads(done.stdout.splitlines()[-1]), page.read_text())


def test_every_line_and_figure(played: Played) -> None:
    columns = ("on", "what", "about", "messages", "why")
    lines = [[str("-" if line[name] is None else line[name]) for name in columns] for line in played.account["lines"]]
    assert lines == [line.split(" | ") for line in EXPECTED.splitlines()]
    assert played.account["sums"] == SUMS
    assert played.account["problems"] == []


def test_the_page_is_this_replay_s(played: Played) -> None:
    assert played.page == PAGE.read_text(), "run: ariyippu replay kerala-2026 --page docs/replay.md"


def _credited(row: dict[str, str]) -> bool:
    return float(row["Arrears"]) > 0 and bool(row["Sanction reference"])


@pytest.mark.parametrize(
    ("order", "register", "concerns"),
    [
        ("da-february-1", "spark", lambda row: _credited(row) and row["Service status"] != "DECEASED"),
        ("housing-advance-1", "spark", lambda row: row["Service status"] == "IN SERVICE"),
        ("tax-statement-1", "spark", lambda row: row["Service status"] == "IN SERVICE"),
        ("news-march-1", "news", lambda _row: True),
        ("news-february-1", "news", lambda row: row["District"] != "WAYANAD"),
    ],
)
def test_the_registers_files_say_the_same(
    played: Played, order: str, register: str, concerns: Callable[[dict[str, str]], bool]
) -> None:
    """Whom an order concerns and reaches, counted in the file by hand."""
    reached = [row for row in played.register(register) if concerns(row) and (row["Mobile"] or row["E-mail"])]
    assert played.sent(order) == len(reached)


def test_what_arrived_is_what_was_sent_and_nobody_got_one_twice(played: Played) -> None:
    arrived = [(mail["to"], mail["content"]) for mail in keep.read_mail(played.home)]
    arrived += [(sms["to"], sms["text"]) for sms in keep.read_sms(played.home)]
    sent = sum(line["messages"] for line in played.account["lines"] if line["what"] == "sent")
    assert len(arrived) == len(set(arrived)) == sent == SUMS["messages sent"]
    assert {sms["state"] for sms in keep.read_sms(played.home)} == {"DELIVRD", "UNDELIV", "EXPIRED"}


def test_a_day_of_a_stay_brings_nothing(played: Played) -> None:
    """By the outside's own clock, which is the story's: nothing arrived while everything was stopped."""
    days = {mail["at"][:10] for mail in keep.read_mail(played.home)}
    assert {"2026-02-24", "2026-03-02", "2026-03-04", "2026-03-10"} <= days
    assert not {day for day in days if "2026-02-24" < day < "2026-03-02" or "2026-03-04" < day < "2026-03-10"}
    publicity = [mail["at"] for mail in keep.read_mail(played.home) if "newsletter" in mail["content"]]
    assert not [at for at in publicity if "2026-03-14T18:30" <= at < "2026-05-04T18:30"]  # in UTC
    assert len(publicity) > 800


def _verbs(command: object) -> Iterator[str]:
    for name, inner in getattr(command, "commands", {}).items():
        yield name
        yield from _verbs(inner)


def test_there_is_no_way_to_export() -> None:
    """No verb hands contacts out, and the hatch takes documents and gives counts: see its routes."""
    named = set(_verbs(typer.main.get_command(app)))
    assert "load" in named
    assert not {"export", "dump", "download", "extract", "spreadsheet", "find", "search", "lookup"} & named
    routes = {str(route.pattern).lstrip("^").partition("/")[0] for route in hatch.urlpatterns}
    assert routes == {"documents", "progress", "messages", "receipts"}
