"""`ariyippu notice`: a notice on its author's desk, before anybody signs: written, checked, looked at."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from ariyippu.commands.zone import HomeOption, console, enter, home_of

if TYPE_CHECKING:
    from ariyippu.ingest.contract import Contract
    from ariyippu.notice.dlt import SmsTerms
    from ariyippu.notice.documents import Notice

app = typer.Typer(no_args_is_help=True, help="A notice before it is ordered: write it, check it, look at it.")

NoticeFile = Annotated[Path, typer.Argument(help="The notice as JSON, or as TOML when it ends in .toml.")]
ContractOption = Annotated[
    str, typer.Option("--register", help="The register's contract: its name, or a TOML file.", show_default=False)
]
WITHHELD = {
    "narrow": "a part of the question fits, or leaves out, fewer than 10 records.",
    "near": "it differs from an earlier question of this office by fewer than 10 records.",
}


@app.command()
def make(file: NoticeFile, out: Annotated[Path, typer.Argument(help="Where to write the notice's own bytes.")]) -> None:
    """Write a notice in the exact bytes that an order pins, and print its digest."""
    notice = _read(file)
    out.write_bytes(notice.payload())
    sys.stdout.write(notice.digest() + "\n")


@app.command()
def lint(file: NoticeFile, register: ContractOption, home: HomeOption = None) -> None:
    """Say what refuses this notice and what is advised against (docs/linter.md); what its SMS costs. 1 if refused."""
    from ariyippu.ingest import contract as contracts
    from ariyippu.notice import dlt

    notice, terms = _read(file), dlt.terms(home_of(home))
    refused = False
    for code, line, refuses in _findings(notice, contracts.find(register), terms):
        refused |= refuses
        word, style = ("refused", "red") if refuses else ("advised", "yellow")
        console.print(Text(f"{word}  {code}  {line}", style=style), soft_wrap=True)
    if not refused:
        _print_cost(notice, terms)
    raise typer.Exit(1 if refused else 0)


@app.command()
def preview(
    file: NoticeFile,
    language: Annotated[Literal["ml", "en"], typer.Option(help="Malayalam or English.")] = "ml",
    without: Annotated[list[str], typer.Option(help="A flag that does not hold; the others do.")] = [],  # noqa: B006
    eml: Annotated[Path | None, typer.Option(help="Write the whole e-mail here, for your own mail program.")] = None,
    home: HomeOption = None,
) -> None:
    """Show a notice with invented values: subject, e-mail, SMS with its segments. Nobody's data is needed for it."""
    from ariyippu.notice import dlt
    from ariyippu.render import preview as previews

    notice, terms = _read(file), dlt.terms(home_of(home))
    on = {flag.name for flag in notice.flags} - set(without)
    shown = previews.preview(notice, language, terms, on)
    sys.stdout.write(f"{shown.subject}\n\n{shown.email}\n--- SMS, {shown.sms.segments} × {shown.sms.coding} ---\n")
    sys.stdout.write(f"{shown.sms.text}\n")
    if eml is not None:
        eml.write_bytes(previews.eml(notice, terms, on))


@app.command("test")
def send_sample(
    file: NoticeFile,
    own: Annotated[str, typer.Option("--as", help="Your own address: the sender and the only recipient.")],
    through: Annotated[
        str, typer.Option(help="Your mailbox's server: smtps://you@mail.example; it asks the password.")
    ],
    without: Annotated[list[str], typer.Option(help="A flag that does not hold; the others do.")] = [],  # noqa: B006
    home: HomeOption = None,
) -> None:
    """Send yourself a notice's e-mail with invented values, from your own mailbox. It can go to nobody else."""
    from ariyippu.base.errors import RefusedError
    from ariyippu.notice import dlt
    from ariyippu.send.carriers import Verdict
    from ariyippu.send.sample import Mailbox

    notice = _read(file)
    mailbox = Mailbox(own, through, lambda: str(typer.prompt("Password", hide_input=True)))
    answer = mailbox.send(notice, dlt.terms(home_of(home)), {flag.name for flag in notice.flags} - set(without))
    if answer.verdict is not Verdict.ACCEPTED:
        raise RefusedError("sample.refused", f"Your mail server did not take it: {answer.code}.")
    console.print("Sent to your own address.")


@app.command()
def count(
    question: Annotated[Path, typer.Argument(help="The signed question: an envelope, as 'document sign' leaves it.")],
    home: HomeOption = None,
) -> None:
    """Ask how many records criteria concern: in tens, or withheld. Logged, and held against what was asked before."""
    found = enter("office", home)
    from ariyippu.base.documents import Envelope
    from ariyippu.web.submit import submit

    taken = submit(Envelope.parse(question.read_bytes()), None, f"http://127.0.0.1:{found.settings.hatch_port}")
    records, withheld = taken["answer"]["records"], taken["answer"]["withheld"]
    if withheld:
        console.print(f"Withheld: {WITHHELD[withheld]}")
    else:
        console.print(f"About {records} records." if records else "Fewer than 10 records.")


def _read(file: Path) -> "Notice":
    from ariyippu.notice.documents import Notice
    from ariyippu.web import officer

    return officer.read(Notice, file)


def _findings(notice: "Notice", contract: "Contract", terms: "SmsTerms") -> Iterator[tuple[str, str, bool]]:
    """Code, sentence, whether it refuses; the criteria's fault first, where they have one."""
    from ariyippu.base.errors import RefusedError
    from ariyippu.notice import criteria
    from ariyippu.notice.lint import lint as find

    attributes = {column.name: column.type for column in contract.columns if column.kind == "attribute"}
    protected = contract.marks.protected.column if contract.marks.protected else None
    for condition in (notice.criteria, *(flag.when for flag in notice.flags)):
        try:
            criteria.parse(condition, attributes, protected)
        except RefusedError as refusal:
            yield refusal.code, refusal.message, True
    for finding in find(notice, {column.name: column.type for column in contract.columns}, terms):
        yield finding.code, f"{finding.where}: {finding.message}", finding.refuses


def _print_cost(notice: "Notice", terms: "SmsTerms") -> None:
    from ariyippu.notice.sms import SENT, span

    found = span(notice, SENT, terms.link)
    low, high = (segments * terms.segment_price_paise / 100 for segments in (found.fewest, found.most))
    console.print(f"An SMS has {found.fewest} to {found.most} segments: ₹ {low:.2f} to ₹ {high:.2f} each.")
