"""The account of the replay: what happened, line by line, and its sum; for people, as JSON, as docs/replay.md."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

What = Literal["sent", "refused", "stopped", "let go", "fact"]
WORDS: dict[What, str] = {"sent": "sent", "refused": "refused", "stopped": "stopped", "let go": "let go", "fact": ""}

_ABOVE = """# Early 2026, played again

Made by `ariyippu replay kerala-2026 --page docs/replay.md`, and checked by `tests/demo/test_replay.py`: do not edit
this page.

Between 31 December 2025 and 4 May 2026 a State's messages to its employees went to court and into an election. Here its
dates are played again through Ariyippu. People, offices, numbers and texts are invented; nobody and nothing that is
named exists. Two events are the replay's own: a by-election in one district in February, since no other calendar stood
then, and the election's restraint, placed on the eve of its first day.

What is played is the system itself. One process plays everybody: officers sign, documents go in as through the
hatch, everything is decided, logged and witnessed, and messages leave over SMTP and SMPP to the demonstration's mail
server and SMS centre, under cooling-off periods as they are installed. Its clock, and that of its own
database, are turned to the story's dates from outside (`demo/replay/clock.py`); no installation has such a knob.

- **sent** counts an order's messages when it was done, those that had left before a stay among them.
- **why** says what the vault answered: a refusal's code, or how many people had which reason (docs/policy.md).
- Judges get notices about their own salary. They own buildings, too; where linking knows that, or thinks it possible,
  they are not reminded of a tax (`protected_linked`).
- To hand contacts out there is no verb, page or document: the letter of 31 December could only ask for notices to be
  sent, and it did not have the signatures for that.

| day | | what | messages | why |
| --- | --- | --- | ---: | --- |"""


@dataclass(frozen=True)
class Line:
    """One thing that happened. `messages`: how many it is about; `why`: the code, the law or the counts by reason."""

    on: str  # the day, ISO
    what: What
    about: str
    why: str
    messages: int | None = None


@dataclass
class Account:
    """The lines in the order in which they happened, and the checks at the end that did not hold."""

    lines: list[Line] = field(default_factory=list)
    sums: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def note(self, on: str, what: What, about: str, why: str, messages: int | None = None) -> None:
        self.lines.append(Line(on, what, about, why, messages))

    def as_json(self) -> dict[str, Any]:
        return {"lines": [asdict(line) for line in self.lines], "sums": self.sums, "problems": self.problems}


def by_reason(counts: dict[str, int]) -> str:
    """`included 1,200, no_contact 30`, the most first; equal ones by name."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{name} {count:,}" for name, count in ordered)


def page(account: Account) -> str:
    """docs/replay.md."""
    rows = [
        f"| {line.on} | {WORDS[line.what]} | {line.about} | {_count(line)} | {line.why} |" for line in account.lines
    ]
    sums = [f"| {name} | {count:,} |" for name, count in account.sums.items()]
    return "\n".join((_ABOVE, *rows, "", "| in all | |", "| --- | ---: |", *sums, ""))


def _count(line: Line) -> str:
    return "" if line.messages is None else f"{line.messages:,}"


def show(account: Account, console: Console) -> None:
    table = Table("day", "", "what", "messages", "why", title="What was sent, what was refused, and why")
    for line in account.lines:
        table.add_row(line.on, WORDS[line.what], line.about, _count(line), line.why)
    console.print(table)
    console.print(", ".join(f"{name}: {count:,}" for name, count in account.sums.items()), highlight=False)
    for problem in account.problems:
        console.print(f"FAILED: {problem}", style="red")
