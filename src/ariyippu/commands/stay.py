"""`ariyippu stay`: a court's order on paper, its confirmation, and the certificate that it was complied with."""

import datetime as dt
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ariyippu.base.clock import INDIA
from ariyippu.base.errors import RefusedError
from ariyippu.commands.zone import HomeOption, JsonOption, console, enter, print_json

if TYPE_CHECKING:
    from ariyippu.base.documents import Document

app = typer.Typer(no_args_is_help=True, help="Stays: enter and confirm an order on paper; certify what was stopped.")

ScanArgument = Annotated[Path, typer.Argument(help="The scan of the order; only its SHA-256 is kept.")]
OutArgument = Annotated[Path, typer.Argument(help="Where to write the envelope for signing.")]


@app.command()
def paper(
    scan: ScanArgument,
    out: OutArgument,
    name: Annotated[str, typer.Option("--id", help="The stay's own name, e.g. wpc-1-2026.")],
    office: Annotated[str, typer.Option(help="The custodian's office.")],
    reference: Annotated[str, typer.Option(help="The court's number.")],
    title: Annotated[str, typer.Option(help="What the paper is called.")],
    scope: Annotated[str, typer.Option(help='What it stops, as JSON: {"register": "spark"}. {} stops everything.')],
    until: Annotated[
        dt.datetime | None, typer.Option(help="Its end, in Indian time; until further orders unless given.")
    ] = None,
) -> None:
    """Make a stay of an order on paper. The custodian signs and submits it; a second officer confirms it."""
    from ariyippu.base import clock
    from ariyippu.base.documents import canonical_json
    from ariyippu.policy.documents import Stay

    try:
        stopped = json.loads(scope)
    except ValueError:
        raise RefusedError("document.invalid", "--scope is not JSON.") from None
    document = {
        "id": name,
        "office": office,
        "reference": reference,
        "scope": stopped,
        "starts_at": clock.rfc3339(clock.now()),
        "ends_at": clock.rfc3339(until.replace(tzinfo=INDIA)) if until else None,
        "paper": {"sha256": _sha256(scan), "title": title},
    }
    _write(Stay.parse(canonical_json(document)), out)


@app.command()
def confirm(
    stay: Annotated[Path, typer.Argument(help="The envelope of the stay, as it was submitted.")],
    scan: ScanArgument,
    out: OutArgument,
) -> None:
    """Make a second officer's confirmation of a paper's stay. Refused when the scan is not the stay's."""
    from ariyippu.base.documents import Envelope
    from ariyippu.policy.documents import Confirmation, Stay

    envelope = Envelope.parse(stay.read_bytes())
    placed = envelope.open(Stay)
    if placed.paper is None or placed.paper.sha256 != _sha256(scan):
        raise RefusedError("confirmation.other_paper", "The scan is not the one that the stay was entered from.")
    _write(Confirmation(id=f"{placed.id[:54]}-confirmed", stay=envelope.digest, paper=placed.paper.sha256), out)


@app.command()
def certificate(
    stay: Annotated[str, typer.Argument(help="The stay's name.")],
    language: Annotated[Literal["ml", "en"], typer.Option(help="The language of the text.")] = "ml",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a stay stopped, exactly, with the log's proofs; for the court, from the vault."""
    found = enter("vault", home)
    from ariyippu.transparency import certificate_text
    from ariyippu.transparency.certificate import certificate as certified

    made: dict[str, Any] = certified(stay, found)
    if as_json:
        print_json(made)
    else:
        sys.stdout.write(certificate_text.text(made, language))


def _write(document: "Document", out: Path) -> None:
    from ariyippu.base.documents import Envelope

    out.write_text(Envelope.of(document).model_dump_json(exclude_none=True))
    console.print(f"{out}: sign it with 'ariyippu document sign', hand it in with 'ariyippu document submit'.")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
