"""What the demonstration shows on the terminal: lines, a bar, and the table at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table


@dataclass(frozen=True)
class Steps:
    """The narrator."""

    console: Console

    def say(self, line: str) -> None:
        self.console.print(f"• {line}", highlight=False)

    @contextmanager
    def bar(self) -> Iterator[Callable[[int, int], None]]:
        """A bar for the hand-off; call it with (settled, total)."""
        columns = (TextColumn("  handing off"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task("messages", total=None)
            yield lambda settled, total: progress.update(task, completed=settled, total=total or None)

    def table(self, result: dict[str, Any], problems: list[str], facts: dict[str, str]) -> None:
        """What happened, and where to look."""
        table = Table(title="What happened", show_header=False, title_justify="left")
        for name, register in result["registers"].items():
            table.add_row(f"register {name}", f"{register['rows']:,} rows, {register['quarantined']:,} in quarantine")
        shares = ", ".join(f"{name} {share:.5f}" for name, share in result["link"].items())
        table.add_row("persons", f"{result['persons']:,} ({shares})")
        for reason, count in sorted(result["candidates"].items(), key=lambda pair: -pair[1]):
            table.add_row(f"candidates: {reason}", f"{count:,}")
        for channel, rate in result["handed_off"].items():
            table.add_row(f"handed off by {channel}", f"{rate['messages']:,} at {rate['per_s']:,} a second")
        for outcome, count in result["outcomes"].items():
            table.add_row(f"outcome: {outcome}", f"{count:,}")
        verified = "verified" if result["log"]["verified"] else "NOT verified"
        table.add_row("public log", f"{result['log']['size']} entries, {verified} from its files alone")
        table.add_row("seconds", ", ".join(f"{name} {value:g}" for name, value in result["seconds"].items()))
        for name, value in facts.items():
            table.add_row(name, value)
        self.console.print(table)
        for problem in problems:
            self.console.print(f"[red]FAILED: {problem}[/red]")
