"""`ariyippu link`: registers' records become persons; uncertain pairs as evidence, without any value."""

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ariyippu.commands.zone import HomeOption, JsonOption, console, enter, print_json

if TYPE_CHECKING:
    from ariyippu.link.run import Door

app = typer.Typer(no_args_is_help=True, help="Linking registers under a grant; uncertain pairs and their settlement.")

GrantArgument = Annotated[str, typer.Argument(help="The granted use request for linking; it names the registers.")]
PairArgument = Annotated[str, typer.Argument(help="A pair's reference, as `uncertain` prints it.")]
ModelOption = Annotated[Path | None, typer.Option("--model", help="A model of your own, as `train` writes it.")]


class Verdict(enum.Enum):
    SAME = "same"
    DIFFERENT = "different"


def _enter(path: Path | None) -> "Door":
    """Become the one process that may open features."""
    import os

    os.environ["ARIYIPPU_STAGE"] = "link"
    found = enter("vault", path)
    from ariyippu.base import keys
    from ariyippu.link.run import Door

    return Door(found, keys.load(found.keyring), keys.load_link_key(found.link_key))


@app.command("run")
def run(grant: GrantArgument, model: ModelOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Link the newest snapshots of the grant's registers; the result appears whole or not at all."""
    door = _enter(home)
    from ariyippu.link import model as models
    from ariyippu.link.run import link

    found = link(grant, models.load(model), door)
    if as_json:
        facts = {"run": found.pk, "records": found.records, "persons": found.persons, "possible": found.possible}
        print_json({**facts, "snapshots": found.snapshots})
    else:
        console.print(
            f"{found.pk}: {found.records:,} records are {found.persons:,} persons; "
            f"{found.possible:,} pairs of persons are possibly one."
        )


@app.command("train")
def train(
    grant: GrantArgument,
    out: Annotated[Path, typer.Option("--out", help="Where to write the model.")],
    seed: Annotated[int, typer.Option(help="The same seed and snapshots give the same model.")] = 1,
    home: HomeOption = None,
) -> None:
    """Train a model on the grant's registers, features alone; thresholds are the shipped model's."""
    door = _enter(home)
    from ariyippu.link import model as models
    from ariyippu.link.run import train as train_model

    trained = train_model(grant, models.load().thresholds, door, seed=seed)
    out.write_text(trained.model_dump_json(indent=1) + "\n", "utf-8")
    console.print(f"{out}: model {trained.digest[:12]}, seed {seed}.")


@app.command("uncertain")
def uncertain(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the likeliest first.")] = 20,
    home: HomeOption = None,
) -> None:
    """List pairs that are neither certain nor settled: a reference, the registers, the weight in bits."""
    found = enter("vault", home)
    from ariyippu.base import keys
    from ariyippu.link import clerical

    sys.stdout.write("reference,register,other_register,weight\n")
    for pair in clerical.uncertain(found, keys.load(found.keyring), limit):
        sys.stdout.write(f"{pair.reference},{pair.registers[0]},{pair.registers[1]},{pair.weight:.1f}\n")


@app.command("show")
def show(pair: PairArgument, home: HomeOption = None) -> None:
    """Show a pair's evidence: which comparisons agree, which differ, and how much each says, in bits."""
    found = enter("vault", home)
    from ariyippu.base import keys
    from ariyippu.link import clerical

    shown = clerical.find(found, keys.load(found.keyring), pair)
    table = Table("comparison", "", "bits", title=f"{shown.registers[0]} and {shown.registers[1]}: {shown.weight:+.1f}")
    for evidence in shown.evidence:
        table.add_row(evidence.comparison, evidence.says, f"{evidence.weight:+.1f}" if evidence.weight else "")
    console.print(table)


@app.command("settle")
def settle(
    pair: PairArgument,
    verdict: Annotated[Verdict, typer.Argument(help="Whose the two records are: the same person's, or two people's.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the envelope that two officers sign.")],
    home: HomeOption = None,
) -> None:
    """Write a settlement for signing: an owner of one of the registers, and the custodian. Then submit it."""
    found = enter("vault", home)
    from ariyippu.base import keys
    from ariyippu.base.documents import Envelope
    from ariyippu.link import clerical

    settlement = clerical.settlement(clerical.find(found, keys.load(found.keyring), pair), verdict.value)
    out.write_text(Envelope.of(settlement).model_dump_json(exclude_none=True), "utf-8")
    console.print(f"{out}: have it signed with 'ariyippu document sign', then submit it.")
