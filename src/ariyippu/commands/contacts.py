"""The verbs about contacts that are not used: listed for their department, and verified by it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ariyippu.commands.zone import HomeOption, console, enter


def undeliverable(
    register: Annotated[str, typer.Argument(help="The register's name.")], home: HomeOption = None
) -> None:
    """List the contacts of a register's latest file that are not used: row number, column, reason; never a value."""
    found = enter("vault", home)
    from ariyippu.base import keys
    from ariyippu.track import contacts

    snapshot, rows = contacts.undeliverable(register, found, keys.load(found.keyring))
    console.print(f"{snapshot}: {len(rows)} contacts that are not used.")
    sys.stdout.write("row,column,reason\n")
    for each in rows:
        sys.stdout.write(f"{each.row},{each.column},{each.cause}\n")


def verified(
    contract: Annotated[str, typer.Argument(help="The register's contract: its name, or a TOML file.")],
    file: Annotated[Path, typer.Argument(help="One key of the register on each line, and nothing else.")],
    home: HomeOption = None,
) -> None:
    """Use contacts again, for this register, after the department asked these people whether they are theirs."""
    found = enter("vault", home)
    from ariyippu.base import keys
    from ariyippu.ingest import contract as contracts
    from ariyippu.ingest.seal import record_tokens
    from ariyippu.ingest.validate import normal_keys
    from ariyippu.track import contacts

    keyring = keys.load(found.keyring)
    register_contract = contracts.find(contract)
    name = register_contract.register.name
    written = normal_keys(register_contract, file.read_text("utf-8").splitlines())
    count = contacts.verified(name, record_tokens(name, written, keyring), found, keyring)
    console.print(f"{count} contacts are verified.")
