"""`ariyippu log`: the public log's keys, and its verification."""

from pathlib import Path
from typing import Annotated

import typer

from ariyippu.commands.zone import HomeOption, console, enter, print_json

app = typer.Typer(no_args_is_help=True, help="The public log: its keys, and its verification from files alone.")


@app.command("keys")
def keys(home: HomeOption = None) -> None:
    """Print the log's and the witness's verifier keys, for auditors."""
    found = enter("vault", home)
    from ariyippu import flow

    with_keys = flow.verifier_keys(found)
    print_json({"log": with_keys[0], "witness": with_keys[1]})


@app.command("verify")
def verify_files(
    folder: Annotated[Path, typer.Argument(help="A copy of the log's folder.")],
    log_key: Annotated[str, typer.Option(help="The log's verifier key.")],
    witness_key: Annotated[list[str], typer.Option(help="A witness's verifier key; one must have cosigned.")],
    roots: Annotated[Path | None, typer.Option(help="The pinned root keys, to check trust documents.")] = None,
) -> None:
    """Check the whole log from files alone: signatures, tiles, root, and that every order was signed."""
    from ariyippu.base import text
    from ariyippu.base.documents import Roots
    from ariyippu.transparency.verify import verify

    pinned = Roots.pinned(text.read(roots)) if roots else None
    result = verify(folder, log_key=log_key, witness_keys=witness_key, roots=pinned)
    for problem in result.problems:
        console.print(problem)
    console.print(f"{result.size} entries: {'verified' if not result.problems else 'NOT verified'}.")
    raise typer.Exit(1 if result.problems else 0)
