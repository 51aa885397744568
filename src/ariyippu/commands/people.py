"""The verbs about what people told a department in writing: objections, erasures, preferences. Only tokens are kept."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ariyippu.commands.zone import HomeOption, console, enter

if TYPE_CHECKING:
    from ariyippu.base.keys import Keyring

ContractArgument = Annotated[str, typer.Argument(help="The register's contract: its name, or a TOML file.")]
KeysArgument = Annotated[Path, typer.Argument(help="One key of the register on each line, and nothing else.")]


def objection(
    contract: ContractArgument,
    file: KeysArgument,
    purpose: Annotated[str, typer.Option(help="What they object to, with everything below it.")],
    home: HomeOption = None,
) -> None:
    """Keep the objections of people who told the department in writing. Only tokens of the keys are kept."""
    console.print(f"{_keep_objections(contract, file, purpose, home)} new objections kept.")


def erasure(contract: ContractArgument, file: KeysArgument, home: HomeOption = None) -> None:
    """Tell these people nothing any more: they asked the department to be erased. A promise of this platform."""
    enter("vault", home)
    from ariyippu.policy.objections import ERASURE
    from ariyippu.track import letters

    new = _keep_objections(contract, file, ERASURE, home)
    console.print(f"{new} new erasures kept; {letters.forget_erased()} letters removed from people's own pages.")


def preference(
    contract: ContractArgument,
    file: KeysArgument,
    channel: Annotated[Literal["email", "sms", "inbox", "any"], typer.Option(help="any: none is preferred any more.")],
    home: HomeOption = None,
) -> None:
    """Tell these people on this channel first, wherever an order uses it. It stops nothing: that is an objection."""
    found = enter("vault", home)
    from ariyippu.base import keys
    from ariyippu.policy import preferences

    register, records = records_of(contract, file, keys.load(found.keyring))
    if channel == "any":
        console.print(f"{preferences.forget(register, records)} preferences forgotten.")
    else:
        console.print(f"{preferences.record(register, records, channel)} new preferences kept.")


def records_of(contract: str, file: Path, keyring: "Keyring") -> tuple[str, list[bytes]]:
    """The register's name, and the records whose keys are the file's lines.

    RefusedError `file.not_text`, and those of contract.find and normal_keys.
    """
    from ariyippu.base import text
    from ariyippu.ingest import contract as contracts
    from ariyippu.ingest.seal import record_tokens
    from ariyippu.ingest.validate import normal_keys

    of = contracts.find(contract)
    written = normal_keys(of, text.read(file).splitlines())
    return of.register.name, record_tokens(of.register.name, written, keyring)


def _keep_objections(contract: str, file: Path, purpose: str, home: HomeOption) -> int:
    found = enter("vault", home)
    from ariyippu.base import keys
    from ariyippu.policy import objections

    keyring = keys.load(found.keyring)
    new = objections.record_objections(*records_of(contract, file, keyring), purpose)
    objections.carry(home=found, keyring=keyring)
    return new
