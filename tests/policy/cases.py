"""The policy's cases: tables in specs/*.txt that people read and every engine has to satisfy.

A file is a chapter of docs/policy.md as it stands there. `python -m tests.policy.cases` writes that page anew.

    order: FLAG; FLAG; WAY, WAY …    what the table below it is decided under
    | record | over links | contacts | told by | reason |   one population, in the order of its records' tokens

    FLAG      not in force, own entitlement, emergency
    WAY       CHANNEL [of REGISTER] and any of: uncovered unsubscribed old dated impersonal
              stayed restrained stayed-in-DISTRICT restrained-in-DISTRICT
    record    marks, minor, capped, in-DISTRICT (else KOLLAM), CHANNEL-first; over links: marks, CHANNEL-first
    contacts  [REGISTER.]CHANNEL[:suspended][:verified][:DAY][:NAME], where the same NAME is the same contact
"""

import datetime as dt
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

from ariyippu.notice.criteria import EVERYONE, In
from ariyippu.notice.documents import Channel
from ariyippu.policy.reference import REASONS, Candidate, Marks, Situation, Way
from tests.policy.population import COLUMNS, FRESH_SINCE, Answer, record

SPECS = Path(__file__).parent / "specs"
PAGE = Path(__file__).parents[2] / "docs" / "policy.md"
MARKS = frozenset(field.name for field in fields(Marks)) - {"prefers"}
HEAD = """# Who is told, and why not

Made from the cases in `tests/policy/specs` by `python -m tests.policy.cases`: do not edit this page.

Each table is one order and a few records that satisfy its criteria. Every row is decided by the SQL that runs
(`policy/decide.py`), by plain Python (`policy/reference.py`) and by Cedar (`bench/cedar.py`), and all three must give
the answer that stands here. The first rule that applies gives the reason:

"""
REST = """
Two more things can keep a message back. Fewer than ten candidates, too many messages, or too high a cost fail the
whole order (`policy/limits.py`). And a channel's quiet hours, or a stay that comes later, make a message wait: that is
asked at the hand-off, and is no answer about a person (`send/quiet.py`, docs/adr/0021).
"""


@dataclass(frozen=True)
class Table:
    """One population under one order, and what each of its records is to be answered."""

    name: str
    situation: Situation
    population: tuple[Candidate, ...]
    answers: tuple[Answer, ...]


def tables() -> Iterator[Table]:
    """Every table of every chapter."""
    for file in sorted(SPECS.glob("*.txt")):
        situation, rows = None, list[list[str]]()
        for number, line in enumerate([*file.read_text("utf-8").splitlines(), ""], 1):
            if line.startswith("order: "):
                situation = _situation(line.removeprefix("order: "))
            elif line.startswith("|"):
                rows.append([cell.strip() for cell in line.strip("|").split("|")])
            elif rows:
                assert situation is not None, f"{file.name}:{number}: a table without an order"
                yield _table(f"{file.name}:{number}", situation, rows[2:])
                rows = []


def page() -> str:
    """docs/policy.md, from the chapters."""
    rules = "".join(f"{number}. `{reason}`\n" for number, reason in enumerate(REASONS[1:], 1))
    chapters = (_indented(file.read_text("utf-8")) for file in sorted(SPECS.glob("*.txt")))
    return HEAD + rules + f"{len(REASONS)}. otherwise `{REASONS[0]}`\n" + REST + "\n" + "\n".join(chapters)


def _indented(chapter: str) -> str:
    """An order's line as code."""
    return "".join(f"    {line}" if line.startswith("order: ") else line for line in chapter.splitlines(keepends=True))


def _situation(text: str) -> Situation:
    *flags, ways = [part.strip() for part in text.split(";")]
    assert set(flags) <= {"not in force", "own entitlement", "emergency"}, text
    return Situation(
        in_force="not in force" not in flags,
        own_entitlement="own entitlement" in flags,
        ways=tuple(_way(words.split()) for words in ways.split(",")),
        emergency="emergency" in flags,
        fresh_since=FRESH_SINCE,
    )


def _way(words: Sequence[str]) -> Way:
    channel, *rest = words
    assert channel in ("email", "sms"), words
    contact_of = None
    if rest[:1] == ["of"]:
        contact_of, rest = rest[1], rest[2:]
    way = Way(cast("Channel", channel), COLUMNS[cast("Channel", channel)], True, contact_of=contact_of)
    changes: dict[str, dict[str, Any]] = {
        "uncovered": {"covered": False},
        "unsubscribed": {"consented": False},
        "old": {"handed_over_lately": False},
        "dated": {"verified_on": "mobile_verified_on"},
        "impersonal": {"personal": False},
    }
    for word in rest:
        way = replace(way, **(changes[word] if word in changes else _stopped(word)))
    return way


def _stopped(word: str) -> dict[str, Any]:
    by, _, district = word.partition("-in-")
    assert by in ("stayed", "restrained"), word
    return {by: In("district", (district,)) if district else EVERYONE}


def _table(name: str, situation: Situation, rows: Sequence[Sequence[str]]) -> Table:
    population = tuple(_candidate(number, row) for number, row in enumerate(rows))
    answers = tuple((row[4], None if row[3] == "-" else _told_by(row[3])) for row in rows)
    return Table(name, situation, population, answers)


def _told_by(text: str) -> tuple[str, str | None]:
    channel, _, contact_of = text.partition(" of ")
    return channel, contact_of or None


def _candidate(number: int, row: Sequence[str]) -> Candidate:
    own, linked = set(row[0].split()), set(row[1].split())
    places = [word.removeprefix("in-") for word in own if word.startswith("in-")]
    own = {word for word in own if not word.startswith("in-")}
    made = Candidate(
        own=_marks(own - {"minor", "capped"}),
        linked=_marks(linked),
        contacts={},
        attributes={"district": places[0] if places else "KOLLAM", "mobile_verified_on": None},
        minor="minor" in own,
        capped="capped" in own,
        record=record(number),
    )
    for contact in row[2].split():
        made = _with_contact(made, contact)
    return made


def _marks(words: Collection[str]) -> Marks:
    first = [word.removesuffix("-first") for word in words if word.endswith("-first")]
    holding = {word for word in words if not word.endswith("-first")}
    assert holding <= MARKS, words
    return Marks(**dict.fromkeys(holding, True), prefers=cast("Channel", first[0]) if first else None)


def _with_contact(one: Candidate, text: str) -> Candidate:
    place, *said = text.split(":")
    lender, _, channel = place.rpartition(".")
    column = COLUMNS[cast("Channel", channel)]
    days = [word for word in said if word.startswith("20")]
    names = [word for word in said if word not in ("suspended", "verified", *days)]
    token = names[0].encode() * 16 if names else bytes([one.record[-1] + 128]) * 15 + column[:1].encode()
    dated = {"mobile_verified_on": dt.date.fromisoformat(days[0])} if days else {}
    return replace(
        one,
        contacts={**one.contacts, (lender or None, column): token},
        suspended=one.suspended | {column for word in said if word == "suspended"},
        verified=one.verified | {column for word in said if word == "verified"},
        attributes={**one.attributes, **dated},
    )


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(os.path.relpath(PAGE))  # noqa: T201
