"""Before the story: an installation of its own, its registers' files, and who everybody is."""

import csv
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ariyippu.base import install, postgres
from ariyippu.base.documents import Trust
from ariyippu.base.home import Home
from ariyippu.demo import cast
from ariyippu.demo.kerala.files import TRUTH, write_demonstration
from ariyippu.demo.outside.run import Outside, running
from ariyippu.demo.outside.smsc import SWITCHED_OFF
from ariyippu.demo.replay import papers
from ariyippu.demo.stage import SMSC_PASSWORD, fresh
from ariyippu.ingest import contract
from ariyippu.ingest.contract import Contract
from ariyippu.notice import dlt
from ariyippu.policy.documents import DISTRICTS
from ariyippu.transparency import witness

EMPLOYEES, SEED = 1_500, 2026
SUBSCRIBERS = 360
WINDOW = 100
CREDITED = {
    "Arrears": "4200.00",
    "Arrears from": "07/2023",
    "Arrears to": "01/2026",
    "Sanction reference": "G.O. of 20-02-2026 (replay)",
}


@contextmanager
def installed(path: Path) -> Iterator[Home]:
    """An installation under this folder, and the world outside it. RefusedError `demo.not_empty`."""
    home = fresh(path)
    with running(Outside(path)) as ports:
        _write_settings(home, ports)
        install.install(home)
        witness.create(home.witness)
        try:
            yield home
        finally:
            postgres.stop(home.postgres)


def _write_settings(home: Home, ports: tuple[int, int]) -> None:
    smtp, smpp = ports
    (home.path / "settings.toml").write_text(
        f"""# A replay: numbers that cannot ring, carriers on this machine; everything else is as it is installed.
accept_test_numbers = true

[carriers.email]
url = "smtp://127.0.0.1:{smtp}"
sender = "notices@ariyippu.example"
connections = 1
window_messages = {WINDOW}

[carriers.sms]
url = "smpp://demo:{SMSC_PASSWORD}@127.0.0.1:{smpp}"
sender = "{cast.SMS_SENDER}"
dlt_entity = "{cast.DLT_ENTITY}"
connections = 1
window_messages = {WINDOW}
"""
    )
    (home.path / dlt.FILE).write_text(papers.registrations(f"{home.settings.public_url}/m/"))


def trust(people: cast.Cast) -> Trust:
    """The demonstration's offices, and who owns and approved the register of subscribers."""
    made, subscribers = people.trust(), news()
    registers = {**made.registers, subscribers.register.name: subscribers.register.owner}
    return made.model_copy(update={"registers": registers, "contracts": (*made.contracts, subscribers.digest)})


def news() -> Contract:
    return contract.find(str(papers.NEWS))


# --- files -------------------------------------------------------------------------------------------


def write_registers(folder: Path) -> None:
    """What departments hand over at first, without broken rows; and the subscribers' file."""
    write_demonstration(folder, employees=EMPLOYEES, seed=SEED, bad_share=0)
    lines = (_subscriber(number) for number in range(SUBSCRIBERS))
    (folder / "news.csv").write_text("\n".join(("Subscription No,Name,District,Mobile,E-mail", *lines)) + "\n")


def _subscriber(number: int) -> str:
    """One in six gave a mobile alone; the phone of a third of those is switched off for good."""
    phone = f"{SWITCHED_OFF.removeprefix('91')}{number:03}" if number % 18 == 0 else f"0{10_000_000 + number * 7919}1"
    email = "" if number % 6 == 0 else f"reader.{number}@mail.example"
    return f"N{number:05},Reader {number},{DISTRICTS[number % len(DISTRICTS)]},{phone},{email}"


def credit(folder: Path, before: str, after: str, count: int) -> None:
    """A pay bill: so many more employees in service have arrears and their sanction."""
    header, *lines = (folder / before).read_text("utf-8").splitlines()
    rows = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]
    without = (row for row in rows if (row["Arrears"], row["Service status"]) == ("0.00", "IN SERVICE"))
    for row in itertools.islice(without, count):
        row.update(CREDITED)
    text = "\n".join([header, *(",".join(row.values()) for row in rows)])
    (folder / after).write_text(f"{text}\n", "utf-8")


def records_of_judges(folder: Path) -> dict[str, list[str]]:
    """By register, the keys of every record of the people whom SPARK's file protects: the truth knows them all."""
    with (folder / "spark.csv").open(encoding="utf-8") as spark, (folder / TRUTH).open(encoding="utf-8") as truth:
        protected = {row["PEN"] for row in csv.DictReader(spark) if row["Cadre"] == "JUDICIAL"}
        known = list(csv.DictReader(truth))
    persons = {row["person"] for row in known if row["register"] == "spark" and row["key"] in protected}
    found: dict[str, list[str]] = {}
    for row in known:
        if row["person"] in persons:
            found.setdefault(row["register"], []).append(row["key"])
    return found
