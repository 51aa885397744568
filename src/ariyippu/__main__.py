"""The command line. Each verb belongs to one zone; the zone is set before anything else is imported."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from ariyippu.base.errors import AriyippuError
from ariyippu.commands import document, link, log, notice, order, people, purposes, register, replay, send, stay, why
from ariyippu.commands.zone import HomeOption, JsonOption, console, enter, home_of, set_up

if TYPE_CHECKING:
    from ariyippu.base.home import Home

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Citizen notices that are lawful by construction. ARIYIPPU_HOME names the installation's folder.",
)
GROUPS = {
    "register": register.app,
    "document": document.app,
    "link": link.app,
    "notice": notice.app,
    "order": order.app,
    "send": send.app,
    "log": log.app,
    "stay": stay.app,
}
for name, group in GROUPS.items():
    app.add_typer(group, name=name)
app.command("purposes")(purposes.show)
app.command("why")(why.show)
for verb in (people.objection, people.erasure, people.preference):
    app.command()(verb)


def _install(found: "Home") -> None:
    from ariyippu.base import install
    from ariyippu.transparency import witness

    install.install(found)
    if not (found.witness / witness.KEY_FILE).exists():
        witness.create(found.witness)


@app.command()
def init(home: HomeOption = None) -> None:
    """Make an installation: PostgreSQL, two databases and roles, the keyring, the witness's key."""
    found = home_of(home)
    _install(found)
    console.print(f"Installed under {found.path}. Next: pin the root keys in {found.roots}.")


@app.command()
def up(home: HomeOption = None) -> None:
    """Run office and vault, two processes, until interrupted."""
    from ariyippu.base import postgres
    from ariyippu.base.supervise import run_zones

    found = home_of(home)
    try:
        run_zones(found, lambda: _install(found))
    finally:
        postgres.stop(found.postgres)


@app.command()
def vault(home: HomeOption = None) -> None:
    """Run the vault: hatch, log, decisions, sending."""
    found = enter("vault", home)
    from ariyippu.web import zones

    zones.serve_vault(found)


@app.command()
def office(home: HomeOption = None) -> None:
    """Run the office: the public register."""
    found = set_up("office", home)  # its pages are made from the log's files
    from ariyippu.web import zones

    zones.serve_office(found)


@app.command()
def report(home: HomeOption = None) -> None:
    """Exact counts and times of everything in this vault, as JSON. For the custodian's operators only."""
    enter("vault", home)
    from ariyippu.track.report import report as build

    sys.stdout.write(json.dumps(build()) + "\n")


@app.command()
def demo(
    people: Annotated[int, typer.Option(min=100, help="Employees in the register.")] = 100_000,
    serve: Annotated[bool, typer.Option(help="Keep the pages up afterwards.")] = True,
    home: Annotated[Path, typer.Option(help="Keep everything under this folder.")] = Path("var/demo"),
    as_json: JsonOption = False,
    seed: int = 1,
) -> None:
    """From a department's file to delivered, explained, logged notices, on this machine alone."""
    from ariyippu.demo.story import run

    raise typer.Exit(run(home=home.absolute(), people=people, serve=serve, as_json=as_json, seed=seed))


app.command()(replay.replay)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="ingest, seal, link, accuracy, decide, decide-links or hand-off.")],
    rows: Annotated[int | None, typer.Option(min=100, help="How many; each benchmark has its own default.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure one thing beside its baselines, in the same run, and print one JSON line."""
    from ariyippu.bench import run

    run(name, rows)


def main() -> None:
    """The entry point: our own errors are one clear line and status 2, anything else a traceback of places."""
    from ariyippu.base import logs

    logs.configure()
    try:
        app()
    except AriyippuError as error:
        _end(str(error))
    except OSError as error:
        if str(error.filename) not in _named():
            raise
        _end(f"{error.filename}: {error.strerror}.")  # a file that was named on the command line


def _named() -> set[str]:
    """The paths that the command line may name, as Path writes them."""
    return {str(Path(part)) for argument in sys.argv for part in (argument, argument.partition("=")[2]) if part}


def _end(message: str) -> None:
    console.print(Text(message, style="red"), soft_wrap=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
