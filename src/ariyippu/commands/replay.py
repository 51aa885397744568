"""`ariyippu replay`: early 2026 again, with invented people and offices, through the system itself."""

import enum
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ariyippu.commands.zone import JsonOption, console, enter


class Name(enum.Enum):
    KERALA_2026 = "kerala-2026"


def replay(
    name: Annotated[Name, typer.Argument(help="What is played.")],
    home: Annotated[Path, typer.Option(help="Keep everything under this folder.")] = Path("var/replay"),
    page: Annotated[Path | None, typer.Option(help="Write the account here, as docs/replay.md.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Early 2026 in Kerala, played again: what is sent, what is refused, and why. Status 1: a check failed."""
    from ariyippu.demo.replay import account as accounts
    from ariyippu.demo.replay import setting

    with setting.installed(home.absolute()) as installed:
        enter("vault", installed.path)
        from ariyippu.demo.replay.play import play

        account = play(installed)
    accounts.show(account, console)
    if page is not None:
        page.write_text(accounts.page(account))
    if as_json:
        sys.stdout.write(json.dumps(account.as_json()) + "\n")
    raise typer.Exit(1 if account.problems else 0)
