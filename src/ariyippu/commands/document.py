"""`ariyippu document`: what an officer does with documents at their own desk."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ariyippu.commands.zone import HomeOption, console, enter, set_up

app = typer.Typer(no_args_is_help=True, help="Signed documents: look at, sign, hand in through the hatch.")


@app.command("new-key")
def new_key(path: Path) -> None:
    """Make an officer's Ed25519 key in a file of one's own, and print its public half for the trust document."""
    from ariyippu.web import officer

    sys.stdout.write(officer.new_key(path) + "\n")


@app.command("sign")
def add_signature(
    file: Annotated[Path, typer.Argument(help="An envelope; the signature is added to it.")],
    key: Annotated[Path, typer.Option(help="The officer's key file.")],
) -> None:
    """Show what is signed, and add one's signature."""
    from ariyippu.base.documents import Envelope, sign
    from ariyippu.web import officer

    envelope, officers = Envelope.parse(file.read_bytes()), officer.read_key(key)
    console.print_json(officer.opened(envelope).payload().decode())
    file.write_text(sign(envelope, officers).model_dump_json(exclude_none=True))


@app.command()
def wrap(
    kind: str, file: Annotated[Path, typer.Argument(help="The document as JSON, or as TOML: .toml.")], out: Path
) -> None:
    """Check a document against its schema and put it into an envelope for signing."""
    from ariyippu.base.documents import Envelope
    from ariyippu.web import officer

    out.write_text(Envelope.of(officer.read(officer.schema(kind), file)).model_dump_json(exclude_none=True))


@app.command("submit")
def hand_in(
    file: Path,
    notice: Annotated[Path | None, typer.Option(help="The notice that an order pins.")] = None,
    home: HomeOption = None,
) -> None:
    """Hand an envelope in through the vault's hatch."""
    found = enter("office", home)
    from ariyippu.base.documents import Envelope
    from ariyippu.web.submit import submit

    text = notice.read_bytes() if notice else None
    submit(Envelope.parse(file.read_bytes()), text, f"http://127.0.0.1:{found.settings.hatch_port}")
    console.print("Accepted.")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A scanned letter or order, or an envelope.")], home: HomeOption = None
) -> None:
    """Whether a paper or document is in the public register, and what became of it. Status 1: it is not there."""
    folder = set_up("office", home).log
    from ariyippu.base import clock
    from ariyippu.transparency import reader
    from ariyippu.web.register import check as checks
    from ariyippu.web.register.projection import projection

    content, register = file.read_bytes(), projection(reader.read(folder).entries)
    found = checks.found(content, register, clock.now())
    for line in (*checks.signed(content, register, clock.now()), *found):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    if not found:
        console.print("Not in the public register.")
    raise typer.Exit(0 if found else 1)
