"""A small installation of a test's own: invented offices, a register of a few employees, orders on their way.

It has its own folder (keys, log, witness, settings) and shares the test process's database, so a test
that builds one also asks for the fixture `clean_vault`.

    world = build(tmp_path, [Person(1), Person(2, email="")])
    row = world.order()                      accepted, signed by everybody
    world.decided(row); world.sending(row)   turns of the flow until it is that far
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ariyippu import flow
from ariyippu.base import keys
from ariyippu.base.documents import Document
from ariyippu.base.home import Home
from ariyippu.demo import cast
from ariyippu.demo.kerala.files import header
from ariyippu.grant.documents import UseRequest
from ariyippu.ingest import contract, snapshot
from ariyippu.notice.documents import Notice, Order
from ariyippu.notice.models import OrderRow
from ariyippu.policy import objections
from ariyippu.policy.documents import Lift, Scope, Stay
from ariyippu.transparency import witness
from tests.offices import EVERYBODY, Offices, now

PURPOSE = "ariyippu:da-arrears"
STEPS = 8  # more turns than any order needs for one state


@dataclass(frozen=True)
class Person:
    """One row of the SPARK file; without an e-mail address they are told by SMS."""

    number: int
    name: str = "Anu Kizhakke"
    email: str | None = None  # None: one of their own
    mobile: str | None = None
    arrears: str = "1200.50"
    status: str = "IN SERVICE"
    cadre: str = "STATE"
    designation: str = "Clerk"
    district: str = "KOLLAM"
    basic: str = "23000.00"

    @property
    def pen(self) -> str:
        return str(100_000 + self.number)

    def line(self) -> str:
        email = f"anu.{self.number}x@mail.example" if self.email is None else self.email
        mobile = f"0{self.number * 7919 % 10**8:08}1" if self.mobile is None else self.mobile
        pay = (self.basic, "25", "28", self.arrears, "01/2021", "03/2024", "G.O. 1/2026 (invented)")
        job = (self.designation, "0100000001", "Treasuries", "31/01/1980", self.district)
        family = ("FEMALE", "Mohanan", "Kizhakkeparambil", "Manjaoor")
        return ",".join((self.pen, self.name, *job, *pay, self.status, self.cadre, mobile, email, *family))


def people(count: int, **changes: Any) -> list[Person]:
    return [Person(number, **changes) for number in range(1, count + 1)]


def write_register(path: Path, persons: Iterable[Person]) -> Path:
    """The SPARK file of these persons."""
    path.write_text("".join(f"{line}\n" for line in (header("spark"), *(person.line() for person in persons))))
    return path


@dataclass
class World:
    """One installation with its register loaded and its use request granted; nothing is ordered yet."""

    home: Home
    vault: flow.Vault
    offices: Offices
    snapshot: str
    grant: UseRequest

    def submit(self, document: Document, who: Iterable[str] = EVERYBODY, notice: Notice | None = None) -> None:
        """Sign a document and hand it in."""
        flow.receive(self.offices.signed(document, who), notice.payload() if notice else b"", self.home)

    def new_trust(self, **changes: object) -> None:
        """Put another trust document in force: give it a higher `version`."""
        flow.receive(self.offices.root_signed(self.offices.trust(**changes)), b"", self.home)

    def notice(self, **changes: object) -> Notice:
        return cast.arrears_notice().model_copy(update={"office": "pay-section", **changes})

    def order_document(self, notice: Notice, **changes: object) -> Order:
        made = cast.order(notice, self.grant, self.snapshot, contract.find("spark").digest)
        return Order.model_validate({**dict(made), "not_before": now() - dt.timedelta(minutes=1), **changes})

    def order(self, **changes: object) -> OrderRow:
        """The arrears notice, ordered by everybody and accepted."""
        notice = self.notice()
        document = self.order_document(notice, **changes)
        self.submit(document, notice=notice)
        return OrderRow.objects.get(digest=document.digest())

    def objection(self, register: str, records: Sequence[bytes], purpose: str = PURPOSE) -> int:
        """People told the department in writing; how many are new."""
        new = objections.record_objections(register, records, purpose)
        objections.carry(home=self.home, keyring=self.vault.keyring)
        return new

    def turn_until(self, row: OrderRow, state: str) -> OrderRow:
        """Turns of the flow until the order is in `state`."""
        for _ in range(STEPS):
            row.refresh_from_db()
            if row.state == state:
                return row
            flow.turn(self.vault)
        raise AssertionError(f"the order is {row.state}, not {state}")

    def sending(self, **changes: object) -> OrderRow:
        """An order whose batches wait for workers."""
        return self.turn_until(self.order(**changes), OrderRow.SENDING)

    def stay(self, name: str = "stay-1", *, scope: Scope | None = None, ends_at: dt.datetime | None = None) -> Stay:
        """A court's stay, over the register unless another scope is given, in force at once."""
        scope = scope or Scope(register="spark")
        made = Stay(id=name, office="court", reference="WP 1", scope=scope, starts_at=now(), ends_at=ends_at)
        self.submit(made, ["court"])
        return made

    def lift(self, stay: Stay) -> None:
        lift = Lift(id=f"{stay.id}-lift", stay=stay.digest(), reference="WP 1")
        self.submit(lift, ["court", "owner", "custodian"])


def build(folder: Path, persons: Sequence[Person], *, carriers: tuple[int, int] = (1, 1), window: int = 100) -> World:
    """An installation under `folder`. `carriers`: the SMTP and SMPP ports of the outside (1: nobody listens)."""
    home, offices = Home(folder / "home"), Offices()
    for place in (home.vault, home.witness, home.log, home.tmp):
        place.mkdir(parents=True)
    write_settings(home, carriers, window)
    keys.create(home.keyring)
    witness.create(home.witness)
    home.roots.write_text(offices.roots.model_dump_json())
    loaded = snapshot.load(
        contract.find("spark"),
        write_register(folder / "spark.csv", persons),
        home=home,
        keyring=keys.load(home.keyring),
    )
    request = cast.use_request("pay-section", PURPOSE, "da-arrears-request")
    grant = request.model_copy(update={"valid_from": now() - dt.timedelta(hours=1)})
    with flow.opened(home) as vault:
        world = World(home, vault, offices, loaded.snapshot, grant)
    world.new_trust()
    world.submit(grant)
    return world


def write_settings(home: Home, carriers: tuple[int, int], window: int) -> None:
    smtp, smpp = carriers
    (home.path / "settings.toml").write_text(
        f"""accept_test_numbers = true
cooling_off_s = {{ "{PURPOSE}" = 0 }}
retry_s = 1

[carriers.email]
url = "smtp://127.0.0.1:{smtp}"
sender = "notices@ariyippu.example"
connections = 1
window_messages = {window}

[carriers.sms]
url = "smpp://demo:demo@127.0.0.1:{smpp}"
sender = "KLNOTC"
dlt_entity = "1001234567890123456"
connections = 1
window_messages = {window}
"""
    )
