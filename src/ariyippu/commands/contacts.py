"""The verbs about contacts that are not used: listed for their department, and verified by it."""

import sys
from typing import Annotated

import typer

from ariyippu.commands.people import ContractArgument, KeysArgument, records_of
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
    contract: ContractArgument,
    file: KeysArgument,
    home: HomeOption = None,
) -> None:
    """Use contacts again, for this register, after the department asked these people whether they are theirs."""
    found = enter("vault", home)
    from ariyippu.base import keys
    from ariyippu.track import contacts

    keyring = keys.load(found.keyring)
    count = contacts.verified(*records_of(contract, file, keyring), found, keyring)
    console.print(f"{count} contacts are verified.")
