"""The command line. Each verb belongs to one zone; the zone is set before anything else is imported."""

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from ariyippu.base.errors import AriyippuError, RefusedError
from ariyippu.commands import contacts, document, link, notice, people, purposes, replay, send, stay, why
from ariyippu.commands.zone import HomeOption, JsonOption, console, enter, home_of, print_json, set_up

if TYPE_CHECKING:
    from ariyippu.base.home import Home

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Citizen notices that are lawful by construction. ARIYIPPU_HOME names the installation's folder.",
)
register = typer.Typer(no_args_is_help=True, help="A department's register: example files, checks, loading.")
order = typer.Typer(no_args_is_help=True, help="Orders in the vault: where they are; release after a stay.")
log = typer.Typer(no_args_is_help=True, help="The public log: its keys, and its verification from files alone.")
GROUPS = {
    "register": register,
    "document": document.app,
    "link": link.app,
    "notice": notice.app,
    "order": order,
    "send": send.app,
    "log": log,
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


# --- registers ---------------------------------------------------------------------------------------


@register.command("example")
def register_example(
    contract: Annotated[str, typer.Argument(help="A shipped contract's name: spark, prism, relis …")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the file.")],
    rows: Annotated[int, typer.Option(min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed writes the same file.")] = 1,
    bad_share: Annotated[float, typer.Option(min=0, max=1, help="The share of deliberately broken rows.")] = 0.01,
) -> None:
    """Write a file as that department would hand it over: invented people, numbers that cannot ring."""
    from ariyippu.demo.kerala.files import write_example
    from ariyippu.demo.kerala.records import REGISTERS

    if contract not in REGISTERS:
        raise RefusedError("contract.no_example", f"There are example files for {', '.join(REGISTERS)}.")
    write_example(out, contract, rows=rows, seed=seed, bad_share=bad_share)
    console.print(f"{out}: {rows} rows.")


@register.command("examples")
def register_examples(
    out: Annotated[Path, typer.Option("--out", help="A folder for the five files and truth.csv.")],
    people: Annotated[int, typer.Option(min=1, help="How many people live there.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The same people and seed write the same files.")] = 1,
    bad_share: Annotated[float, typer.Option(min=0, max=1, help="The share of deliberately broken rows.")] = 0.01,
) -> None:
    """Write the five registers of invented people, and apart from them the truth: whose record each row is."""
    from ariyippu.demo.kerala.files import write_examples
    from ariyippu.demo.kerala.records import Kerala

    write_examples(out, Kerala(people, seed, bad_share))
    console.print(f"{out}: the registers of {people:,} people.")


@register.command("check")
def register_check(contract: str, file: Path, home: HomeOption = None) -> None:
    """Say what `load` would quarantine, and why, without loading anything."""
    found = set_up("vault", home)
    from ariyippu.ingest import contract as contracts
    from ariyippu.ingest.snapshot import check

    result = check(contracts.find(contract), file, accept_test_numbers=found.settings.accept_test_numbers)
    console.print(f"{result.rows} rows, {result.quarantined} for the quarantine.")
    for fault in result.faults:
        rows = ", ".join(str(row) for row in fault.first_rows)
        console.print(f"  {fault.rows:>8}  {fault.column or 'the row'}: {fault.reason} (rows {rows} …)")


@register.command("load")
def register_load(contract: str, file: Path, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Load a register's file: check, quarantine, seal; the snapshot appears whole or not at all."""
    found = enter("vault", home)
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from ariyippu.base import keys
    from ariyippu.ingest import contract as contracts
    from ariyippu.ingest.snapshot import load

    with Progress(
        TextColumn("sealing"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("rows", total=None)
        loaded = load(
            contracts.find(contract),
            file,
            home=found,
            keyring=keys.load(found.keyring),
            progress=lambda rows: progress.update(task, completed=rows),
        )
    if as_json:
        print_json(
            {
                "snapshot": loaded.snapshot,
                "rows": loaded.rows,
                "quarantined": loaded.quarantined,
                "already": loaded.already,
                "contract": contracts.find(contract).digest,
            }
        )
    else:
        already = " (it was loaded before: nothing changed)" if loaded.already else ""
        console.print(f"{loaded.snapshot}: {loaded.rows} rows, {loaded.quarantined} in quarantine{already}.")


@register.command("crosswalk")
def register_crosswalk(
    ours: Annotated[Path, typer.Argument(help="CSV: code, name (also name_ml …), and if known kind, district.")],
    theirs: Annotated[Path, typer.Argument(help="The other list, of the same columns.")],
) -> None:
    """Join two lists of places by name: what each code is called in the other list, and what a person must decide."""
    from ariyippu.ingest import crosswalk

    crossings = crosswalk.crosswalk(crosswalk.read(ours), crosswalk.read(theirs))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("code", "how", "others"))
    for crossing in crossings:
        out.writerow((crossing.code, crossing.how, " ".join(crossing.others)))


@register.command("quarantine")
def register_quarantine(
    snapshot: Annotated[str, typer.Argument(help="The snapshot's name, as `load` printed it.")], home: HomeOption = None
) -> None:
    """List a snapshot's quarantined rows for the department: row number, column, reason; never a value."""
    found = enter("vault", home)
    from ariyippu.base import keys
    from ariyippu.ingest.snapshot import open_quarantine

    sys.stdout.write("row,column,reason\n")
    for fault in open_quarantine(found, keys.load(found.keyring), snapshot).read_all().to_pylist():
        sys.stdout.write(f"{fault['row']},{fault['column']},{fault['reason']}\n")


register.command("undeliverable")(contacts.undeliverable)
register.command("verified")(contacts.verified)


# --- orders ------------------------------------------------------------------------------------------


@order.command("status")
def order_status(home: HomeOption = None) -> None:
    """Where every order is, and what stops it."""
    found = enter("vault", home)
    from ariyippu.track.report import order_lines

    for line in order_lines(found):
        console.print(line)


@order.command("release")
def order_release(order_id: str, home: HomeOption = None) -> None:
    """Let an order go on after the stays over it ended. Refused while one stands; logged."""
    found = enter("vault", home)
    from ariyippu import flow

    flow.release(order_id, found)
    console.print(f"{order_id} goes on.")


# --- the log -----------------------------------------------------------------------------------------


@log.command("keys")
def log_keys(home: HomeOption = None) -> None:
    """Print the log's and the witness's verifier keys, for auditors."""
    found = enter("vault", home)
    from ariyippu import flow

    with_keys = flow.verifier_keys(found)
    print_json({"log": with_keys[0], "witness": with_keys[1]})


@log.command("verify")
def log_verify(
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


# --- demonstration and benchmarks --------------------------------------------------------------------


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
