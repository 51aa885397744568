"""`ariyippu register`: a department's file as an example, checked, loaded; what became of its rows and contacts."""

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from ariyippu.base.errors import RefusedError
from ariyippu.commands import contacts
from ariyippu.commands.zone import HomeOption, JsonOption, console, enter, print_json, set_up

app = typer.Typer(no_args_is_help=True, help="A department's register: example files, checks, loading.")


@app.command("example")
def example(
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


@app.command("examples")
def examples(
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


@app.command("check")
def check_file(contract: str, file: Path, home: HomeOption = None) -> None:
    """Say what `load` would quarantine, and why, without loading anything."""
    found = set_up("vault", home)
    from ariyippu.ingest import contract as contracts
    from ariyippu.ingest.snapshot import check

    result = check(contracts.find(contract), file, accept_test_numbers=found.settings.accept_test_numbers)
    console.print(f"{result.rows} rows, {result.quarantined} for the quarantine.")
    for fault in result.faults:
        rows = ", ".join(str(row) for row in fault.first_rows)
        console.print(f"  {fault.rows:>8}  {fault.column or 'the row'}: {fault.reason} (rows {rows} …)")


@app.command("load")
def load_file(contract: str, file: Path, home: HomeOption = None, as_json: JsonOption = False) -> None:
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


@app.command("crosswalk")
def crosswalk_lists(
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


@app.command("quarantine")
def quarantine(
    snapshot: Annotated[str, typer.Argument(help="The snapshot's name, as `load` printed it.")], home: HomeOption = None
) -> None:
    """List a snapshot's quarantined rows for the department: row number, column, reason; never a value."""
    found = enter("vault", home)
    from ariyippu.base import keys
    from ariyippu.ingest.snapshot import open_quarantine

    sys.stdout.write("row,column,reason\n")
    for fault in open_quarantine(found, keys.load(found.keyring), snapshot).read_all().to_pylist():
        sys.stdout.write(f"{fault['row']},{fault['column']},{fault['reason']}\n")


app.command("undeliverable")(contacts.undeliverable)
app.command("verified")(contacts.verified)
