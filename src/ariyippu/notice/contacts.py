"""Where an order's messages find their contacts: in its own records, and in linked records that it may borrow from.

A record's own contacts come first, channel by channel in the order's choice; then those that records of the same
person hold in the registers that the order names in `contacts_of`, in that order. A contact is used only for what
it was collected for, whoever lends it; borrowing needs a certain link, made under a grant that is in force.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ariyippu.base.documents import Trust
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home
from ariyippu.grant import accept as grants
from ariyippu.grant import purposes
from ariyippu.ingest.manifest import Manifest
from ariyippu.ingest.snapshot import manifest
from ariyippu.link.models import LinkRun
from ariyippu.notice.documents import Channel, Order

INBOX = "_inbox"  # no contract's column begins so: the record itself is the contact
CONTACT_TYPES: Mapping[Channel, str] = {"email": "email", "sms": "mobile"}


@dataclass(frozen=True)
class Source:
    """The contacts of one channel in one register."""

    channel: Channel
    contact_of: str | None  # the register that lends them; None: the order's own records
    column: str
    manifest: Manifest
    covered: bool  # the order's purpose is at or below what they were collected for


def snapshot_of(register: str, snapshot: str, contract: str, trust: Trust, home: Home) -> Manifest:
    """The snapshot that an order names, under the contract that it names.

    RefusedError `contract.not_approved`, `order.other_contract`, and those of snapshot.manifest.
    """
    found = manifest(home, snapshot)
    if contract not in trust.contracts:
        raise RefusedError("contract.not_approved", f"The trust document does not name the contract of {register}.")
    if (found.register, found.contract_digest) != (register, contract):
        raise RefusedError("order.other_contract", "The snapshot was loaded under another contract than the order's.")
    return found


def sources(order: Order, own: Manifest, lent: Sequence[Manifest]) -> tuple[Source, ...]:
    """Every source of the order, in its order of choice. RefusedError `order.purpose_not_covered` when none covers."""
    registers = [(None, own), *((one.register, one) for one in lent)]
    found = tuple(
        source
        for contact_of, one in registers
        for channel in order.channels
        if channel != "inbox"
        if (source := _source(order, channel, contact_of, one)) is not None
    )
    if not any(source.covered for source in found):
        raise RefusedError(
            "order.purpose_not_covered",
            "None of the contacts that it names were collected for this purpose or one above it.",
        )
    covered = any(source.covered and source.contact_of is None for source in found)
    return (*found, Source("inbox", None, INBOX, own, covered)) if "inbox" in order.channels else found


def _source(order: Order, channel: Channel, contact_of: str | None, one: Manifest) -> Source | None:
    """The register's first contact of the channel's type that may be used for the purpose; else its first one."""
    columns = {
        name: purposes.covers(column.collected_for or "", order.purpose)
        for name, column in one.columns.items()
        if column.kind == "contact" and column.type == CONTACT_TYPES[channel]
    }
    if not columns:
        return None
    name = next((name for name, covered in columns.items() if covered), next(iter(columns)))
    return Source(channel, contact_of, name, one, columns[name])


def check_carriers(order: Order, home: Home) -> None:
    """Each channel of the order that has carriers has one that may be used for its purpose.

    RefusedError `order.no_carrier`.
    """
    for channel in order.channels:
        carriers = {} if channel == "inbox" else home.settings.carriers_of(channel)
        if carriers and not any(purposes.is_among(order.purpose, one.purposes) for one in carriers.values()):
            raise RefusedError("order.no_carrier", f"No carrier of {channel!r} may be used for this purpose.")


def check_links(order: Order, run: LinkRun | None, trust: Trust) -> None:
    """An order that borrows rests on a linking run of its registers whose grant is in force.

    RefusedError `order.not_linked`, and those of grants.granted.
    """
    if not order.contacts_of:
        return
    registers = {order.register, *(part.register for part in order.contacts_of)}
    if run is None or not registers <= set(run.snapshots):
        raise RefusedError("order.not_linked", "The registers whose contacts it names were not linked with its own.")
    granted = grants.granted(run.grant, trust).request
    if not purposes.covers(granted.purpose, purposes.LINKING) or any(not granted.fields_of(r) for r in registers):
        raise RefusedError("order.not_linked", "The linking run's grant does not name these registers, or not linking.")
