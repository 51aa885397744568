"""Small registers beside SPARK in a test's world, and linking runs that say outright whose records are whose.

registers = Registers(world, {"spark": 20})
registers.add("land", [Row(1), Row(2, state="DEAD")])
registers.link({"anu": [("spark", 7), ("land", 1)]}, possible=[("anu", "binu")])
row = registers.order("land")
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ariyippu.base.documents import Trust
from ariyippu.grant import purposes
from ariyippu.grant.documents import RegisterFields, UseRequest
from ariyippu.ingest import contract, snapshot
from ariyippu.ingest.contract import Contract
from ariyippu.ingest.seal import record_tokens
from ariyippu.link import index
from ariyippu.link.models import LinkRun
from ariyippu.notice.documents import ContactsOf, Notice, Order, Placeholder, Text
from ariyippu.notice.models import OrderRow
from tests.ingest.files import PEOPLE, write
from tests.link.runs import draft
from tests.offices import EVERYBODY, now
from tests.world import PURPOSE, World

FIELDS = ("name", "amount", "mobile", "email")
SIGNERS = (*EVERYBODY, "other-owner")

Place = tuple[str, int]  # register, number of a row


@dataclass(frozen=True)
class Row:
    """One row of a small register. `email` None: one of its own."""

    number: int
    state: str = "LIVING"
    email: str | None = None
    mobile: str = ""

    def line(self, register: str) -> str:
        email = f"{register}.{self.number}x@mail.example" if self.email is None else self.email
        return f"{self.number:04},Anu Kizhakke,31/01/1980,{self.state},1200.50,{self.mobile},{email}"


@dataclass
class Registers:
    """The world's registers: how many rows SPARK has, and those that were added."""

    world: World
    spark_rows: int
    contracts: dict[str, Contract] = field(default_factory=dict)
    snapshots: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    _trusted: int = 1

    def __post_init__(self) -> None:
        self.contracts["spark"] = contract.find("spark")
        self.snapshots["spark"] = self.world.snapshot
        self.rows["spark"] = self.spark_rows

    def add(self, name: str, rows: Sequence[Row], collected_for: str = "ariyippu:salary-and-benefit") -> None:
        """Load a register of its own office, under a contract that the root keys approve."""
        agreed = contract.parse(
            PEOPLE.replace('name = "people"', f'name = "{name}"').replace("ariyippu:salary-and-benefit", collected_for)
        )
        self.contracts[name] = agreed
        self.load(name, rows)
        self._trusted += 1
        self.world.new_trust(version=self._trusted, **self.trusted())

    def load(self, name: str, rows: Sequence[Row]) -> None:
        """Load a further snapshot of a register."""
        home, keyring = self.world.home, self.world.vault.keyring
        file = write(home.path.parent / f"{name}.csv", *(row.line(name) for row in rows))
        loaded = snapshot.load(self.contracts[name], file, home=home, keyring=keyring)
        assert loaded.quarantined == 0
        self.snapshots[name], self.rows[name] = loaded.snapshot, len(rows)

    def trusted(self) -> dict[str, object]:
        """What the trust document says of the registers."""
        owners = {name: "pay-register" if name == "spark" else "land-register" for name in self.contracts}
        return {"registers": owners, "contracts": tuple(agreed.digest for agreed in self.contracts.values())}

    def trust(self) -> Trust:
        return self.world.offices.trust(version=self._trusted, **self.trusted())

    # --- records -------------------------------------------------------------------------------------

    def record(self, place: Place) -> bytes:
        register, number = place
        key = str(100_000 + number) if register == "spark" else f"{number:04}"
        return record_tokens(register, [key], self.world.vault.keyring)[0]

    def objection(self, place: Place, purpose: str = PURPOSE) -> None:
        self.world.objection(place[0], [self.record(place)], purpose)

    def link(
        self, persons: Mapping[str, Iterable[Place]], possible: Iterable[tuple[str, str]] = (), grant: str = ""
    ) -> LinkRun:
        """Keep a run over all registers: each record that no person names is a person of its own."""
        named = {place: person for person, places in persons.items() for place in places}
        everyone = [(register, number) for register, rows in self.rows.items() for number in range(1, rows + 1)]
        whose = {(place[0], self.record(place)): named.get(place, f"{place[0]} {place[1]}") for place in everyone}
        before = index.current()
        made = draft(
            whose,
            dict.fromkeys(possible, 1.0),
            grant=grant or self.granted_to_link(),
            snapshots=self.snapshots,
            before=before and before.pk,
        )
        return index.commit(made, home=self.world.home, keyring=self.world.vault.keyring)

    # --- documents -----------------------------------------------------------------------------------

    def granted_to_link(self) -> str:
        """The digest of a grant to link all registers."""
        return self._granted("-".join(("link", *self.contracts)), purposes.LINKING)

    def granted(self, *registers: str, purpose: str = PURPOSE) -> str:
        """The digest of a grant to have notices sent from these registers."""
        return self._granted("-".join((purpose.rpartition(":")[2], *registers)).lower(), purpose, *registers)

    def _granted(self, name: str, purpose: str, *registers: str, **changes: object) -> str:
        fields = tuple(
            RegisterFields(register=each, fields=self.world.grant.registers[0].fields if each == "spark" else FIELDS)
            for each in registers or self.contracts
        )
        asked = {**dict(self.world.grant), "id": name, "purpose": purpose, "registers": fields, **changes}
        request = UseRequest.model_validate(asked)
        self.world.submit(request, SIGNERS)
        return request.digest()

    def notice(self, register: str, **changes: object) -> Notice:
        """What the register's records say about themselves."""
        text = Text(ml="((name)): ((amount))", en="((name)): ((amount))")
        columns: tuple[tuple[str, str], ...] = (("name", "text"), ("amount", "money"))
        placeholders = tuple(Placeholder.model_validate({"name": n, "column": n, "type": t}) for n, t in columns)
        said: dict[str, object] = {
            **dict(self.world.notice()),
            "id": f"about-{register}",
            "register": register,
            "criteria": {"field": "amount", "op": ">", "value": 0},
            "email": text,
            "sms": text,
            "placeholders": placeholders,
        }
        return Notice.model_validate({**said, **changes})

    def contacts_of(self, *registers: str) -> tuple[ContactsOf, ...]:
        """What an order says to borrow the contacts of these registers."""
        return tuple(
            ContactsOf(register=each, snapshot=self.snapshots[each], contract=self.contracts[each].digest)
            for each in registers
        )

    def order(self, register: str, lenders: Sequence[str] = (), **changes: object) -> OrderRow:
        """The register's notice, ordered by everybody and accepted. Of SPARK, the arrears notice."""
        order, said = self.order_document(register, lenders, **changes)
        self.world.submit(order, SIGNERS, said)
        return OrderRow.objects.get(digest=order.digest())

    def order_document(self, register: str, lenders: Sequence[str] = (), **changes: object) -> tuple[Order, Notice]:
        """The order before anybody signed it, and its notice; a grant for its registers is in force."""
        said = self.world.notice() if register == "spark" else self.notice(register)
        document = Order(
            id=f"order-{register}",
            notice=said.digest(),
            use_request=self.granted(register, *lenders),
            contract=self.contracts[register].digest,
            register=register,
            snapshot=self.snapshots[register],
            purpose=PURPOSE,
            channels=("email", "sms"),
            not_before=now() - dt.timedelta(minutes=1),
            not_after=now() + dt.timedelta(hours=12),
            max_cost_paise=10_00_000_00,
            max_messages=1000,
            min_interval_days=20,
            contacts_of=self.contacts_of(*lenders),
        )
        return Order.model_validate({**dict(document), **changes}), said
