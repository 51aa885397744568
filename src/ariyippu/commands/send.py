"""`ariyippu send`: the workers who hand messages off, and who may tell them to stop."""

import os
import signal
import threading
from typing import Annotated

import typer

from ariyippu.commands.zone import HomeOption, enter

app = typer.Typer(no_args_is_help=True, help="Sending: the workers.")


@app.command("work")
def work(
    number: Annotated[int, typer.Argument(min=0, help="The worker's place; one worker for each.")],
    until_eof: Annotated[bool, typer.Option(help="End when standard input ends.")] = False,
    home: HomeOption = None,
) -> None:
    """Be one worker until interrupted. The vault starts its own; another host starts more."""
    found = enter("vault", home)
    from ariyippu import flow

    ending = threading.Event()
    for interrupt in (signal.SIGTERM, signal.SIGINT):
        signal.signal(interrupt, lambda _signal, _frame: ending.set())
    if until_eof:
        threading.Thread(target=_set_at_eof, args=(ending,), name="eof", daemon=True).start()
    flow.work(found, number, ending)


def _set_at_eof(ending: threading.Event) -> None:
    while os.read(0, 1024):  # not sys.stdin: its lock would be held when the interpreter ends
        pass
    ending.set()
