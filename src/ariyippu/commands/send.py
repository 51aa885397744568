"""`ariyippu send`: the workers who hand messages off, and who may tell them to stop."""

import csv
import os
import signal
import sys
import threading
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from ariyippu.base.errors import RefusedError
from ariyippu.commands.zone import HomeOption, JsonOption, console, enter, print_json

app = typer.Typer(no_args_is_help=True, help="Sending: how it stands; pausing, resuming; what nobody knows; workers.")

ChannelOption = Annotated[
    Literal["email", "sms", "inbox"] | None, typer.Option("--channel", help="Of one channel alone.")
]
OrderOption = Annotated[str | None, typer.Option("--order", help="Of one order alone, by its id.")]

DAYS = ["%Y-%m-%d"]


@app.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """What waits, what is in workers' hands, what is held, and what nobody knows."""
    enter("vault", home)
    from ariyippu.base import clock
    from ariyippu.send.overview import overview
    from ariyippu.track import doubts

    found, unknown = overview(), doubts.unknown()
    if as_json:
        print_json(
            {
                "waiting": {w.channel: {**asdict(w), "oldest_at": clock.rfc3339(w.oldest_at)} for w in found.waiting},
                "hands": [asdict(hand) for hand in found.hands],
                "handed_off_last_minute": found.handed_off,
                "held": [{"scope": hold.scope, "kind": hold.kind} for hold in found.held],
                "unknown": dict(unknown),
                "recalling": found.recalling,
            }
        )
        return
    for hold in found.held:
        console.print(f"{hold.scope or 'everything'}: {hold.kind} since {clock.rfc3339(hold.placed_at)}")
    for waiting in found.waiting:
        oldest = clock.rfc3339(waiting.oldest_at)
        console.print(f"{waiting.channel}: {waiting.messages} wait, {waiting.put_off} put off; oldest of {oldest}")
    for channel, messages in found.handed_off.items():
        console.print(f"{channel}: {messages} handed off in the last minute")
    for hand in found.hands:
        console.print(f"worker {hand.worker}: {hand.channel} of {hand.order}, lease ends in {hand.left_s:.0f} s")
    for order, messages in unknown.items():
        console.print(f"{order}: {messages} unknown")
    if found.recalling:
        console.print(f"{found.recalling} called back by a stay: their carriers have not answered yet")


@app.command()
def pause(channel: ChannelOption = None, order: OrderOption = None, home: HomeOption = None) -> None:
    """Hand nothing off from the next message on, until `resume`. Logged for everybody to see."""
    enter("vault", home)
    from ariyippu.send import holds

    holds.place(holds.of(channel, order), "pause")
    console.print("Paused.")


@app.command()
def drain(channel: ChannelOption = None, order: OrderOption = None, home: HomeOption = None) -> None:
    """Finish the batches that are in workers' hands and take no more, until `resume`. Logged."""
    enter("vault", home)
    from ariyippu.send import holds

    holds.place(holds.of(channel, order), "drain")
    console.print("No batch is taken any more: `ariyippu send status` shows which are still in workers' hands.")


@app.command()
def resume(channel: ChannelOption = None, order: OrderOption = None, home: HomeOption = None) -> None:
    """End a pause or a drain of just this. Logged. What a stay stops remains stopped."""
    enter("vault", home)
    from ariyippu.send import holds

    holds.resume(holds.of(channel, order))
    console.print("Resumed.")


@app.command()
def unknown(
    order: Annotated[str | None, typer.Argument(help="Settle this order's; without it, list them.")] = None,
    give_up: Annotated[bool, typer.Option("--give-up", help="They count as not sent.")] = False,
    send_again: Annotated[bool, typer.Option("--send-again", help="Whoever got the first one gets two.")] = False,
    home: HomeOption = None,
) -> None:
    """Messages that were in a dead worker's hands, and have no receipt: list them, or settle an order's. Logged."""
    enter("vault", home)
    from ariyippu.track import doubts

    if order is None:
        for name, messages in doubts.unknown().items():
            console.print(f"{name}: {messages}")
        return
    if give_up == send_again:
        raise RefusedError("doubts.undecided", "Say --give-up or --send-again.")
    settled = doubts.settle(order, "given_up" if give_up else "send_again")
    console.print(f"{settled} messages {'given up' if give_up else 'to be sent again'}.")


@app.command()
def reconcile(home: HomeOption = None) -> None:
    """After an old back-up was restored, the vault stopped: take again what the log knows, say what is in doubt."""
    found = enter("vault", home)
    from ariyippu import restore

    came = restore.reconcile(found)
    console.print(f"{came.entries} entries of the log were taken again. Sending is paused: `ariyippu send resume`.")
    for order in came.in_doubt:
        doubt = "failed: nothing more of it leaves" if order.failed else f"{order.messages} messages may have left"
        console.print(f"{order.order}: {doubt}")
    console.print(
        "What the log does not hold is lost: objections, preferences, suspensions and receipts since the back-up."
    )


@app.command()
def bill(
    file: Annotated[Path, typer.Argument(help="The carrier's bill or delivery statement: a CSV.")],
    carrier: Annotated[str, typer.Option(help="Its name: sms, email, or a further one's in settings.toml.")],
    first_on: Annotated[datetime, typer.Option("--from", formats=DAYS, help="The bill's first day.")],
    last_on: Annotated[datetime, typer.Option("--to", formats=DAYS, help="Its last day, included.")],
    home: HomeOption = None,
) -> None:
    """Hold a carrier's bill against what left: row, column and kind of each difference. Status 1 if there is one.

    Counts of the differences are logged, rounded, and shown to Prometheus.
    """
    found = enter("vault", home)
    from ariyippu.base import keys
    from ariyippu.track import bills

    asked = bills.Bill(file, carrier, first_on.date(), last_on.date())
    came = bills.reconcile(asked, home=found, keyring=keys.load(found.keyring))
    console.print(f"{came.lines} lines, {came.charge} rupees; {came.sent} messages left, {came.unknown} are unknown.")
    for order, messages in came.not_billed.items():
        console.print(f"{order}: {messages} messages are not on the bill.")
    sys.stdout.write("row,column,difference\n")
    csv.writer(sys.stdout, lineterminator="\n").writerows((d.row, d.column, d.kind) for d in came.differences)
    raise typer.Exit(1 if came.counts() else 0)


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
