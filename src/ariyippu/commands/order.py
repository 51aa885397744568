"""`ariyippu order`: where orders are in the vault; their release after a stay."""

import typer

from ariyippu.commands.zone import HomeOption, console, enter

app = typer.Typer(no_args_is_help=True, help="Orders in the vault: where they are; release after a stay.")


@app.command("status")
def status(home: HomeOption = None) -> None:
    """Where every order is, and what stops it."""
    found = enter("vault", home)
    from ariyippu.track.report import order_lines

    for line in order_lines(found):
        console.print(line)


@app.command("release")
def release(order_id: str, home: HomeOption = None) -> None:
    """Let an order go on after the stays over it ended. Refused while one stands; logged."""
    found = enter("vault", home)
    from ariyippu import flow

    flow.release(order_id, found)
    console.print(f"{order_id} goes on.")
