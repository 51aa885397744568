"""Invented people's contacts are planted in a register and looked for everywhere: they are outside, and nowhere else.

The first half plays the demonstration and searches every byte that the installation left. The second half
makes each stage fail with the values in its hands, and reads what went to standard error.
"""

import base64
import io
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.header import Header
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
from django.test import Client
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ariyippu import flow
from ariyippu.base import install, postgres
from ariyippu.base.home import Home
from ariyippu.base.settings import database_url
from ariyippu.demo import ending, story
from ariyippu.demo.kerala.files import write_demonstration
from ariyippu.demo.outside.run import Outside, running
from ariyippu.ingest import contract, seal, snapshot
from ariyippu.ingest.features.make import Maker
from ariyippu.ingest.validate import Checks
from ariyippu.notice.models import OrderRow
from ariyippu.policy import audience
from ariyippu.render.compose import Composer
from ariyippu.send import choice, window
from ariyippu.send.carriers import Answer, Receipt, Verdict
from ariyippu.send.carriers.smtp import SmtpCarrier
from ariyippu.send.open import Door
from ariyippu.send.worker import Worker
from ariyippu.track import settle
from ariyippu.web import server
from tests.registers import Registers
from tests.registers import Row as Land
from tests.send.test_worker import Quiet
from tests.world import Person as Row
from tests.world import World, build, people, write_register

# Each is a part that many invented people share, long enough that no digest holds it by chance.
CANARIES = {
    "name": "Zxqvylan Canary",
    "name in Malayalam": "ഴക്കനാരിഞ്ഞ",
    "e-mail": "zxqvyl.canary",
    "phone": "07190773",
    "key": "77190731",
}
FIRST = 77_090_730  # + 100,000: the PENs begin with 77190730
COUNT = 100
BROKEN = (
    "7719073A,Zxqvylan Canary",  # too few fields
    Row(FIRST + 190, name="Zxqvylan Canary", email="zxqvyl.canary(at)mail.example").line(),
    Row(FIRST + 191, name="Zxqvylan Canary", email="", mobile="07190773-555-12").line(),
    Row(FIRST + 192, name="ഴക്കനാരിഞ്ഞ", status="zxqvyl.canary").line(),
    Row(FIRST + 1, name="Zxqvylan Canary").line(),  # a key that stands twice
)
FREE = ("outside", "handed-over")  # where the department's file lies, and where the people are


def written_as(text: str) -> dict[str, bytes]:
    """The ways in which a value could stand in a file."""
    utf8, ways = text.encode(), {}
    for name, encoding in {"utf-8": "utf-8", "utf-16-be": "utf-16-be", "utf-16-le": "utf-16-le"}.items():
        ways[name] = text.encode(encoding)
    ways["hex"], ways["HEX"] = utf8.hex().encode(), utf8.hex().upper().encode()
    ways["quoted-printable"] = "".join(c if c.isascii() else _escaped(c) for c in text).encode()
    ways["json"] = json.dumps(text)[1:-1].encode()
    ways["url"] = urllib.parse.quote(text).encode()
    ways["rfc 2047"] = Header(text, "utf-8").encode().removeprefix("=?utf-8?").removesuffix("?=")[2:-2].encode()
    for encoding in ("utf-8", "utf-16-be", "utf-16-le"):
        for alignment in range(3):
            ways[f"base64 of {encoding} +{alignment}"] = _base64_at(text.encode(encoding), alignment)
    return ways


def _escaped(character: str) -> str:
    return "".join(f"={octet:02X}" for octet in character.encode())


def _base64_at(octets: bytes, alignment: int) -> bytes:
    """The characters that base64 has for `octets` after `alignment` others (mod 3), without those at its ends."""
    encoded = base64.b64encode(b"\0" * alignment + octets)
    start = -(-alignment * 8 // 6)
    end = (alignment + len(octets)) * 8 // 6
    return encoded[start:end]


NEEDLES = {(name, way): needle for name, text in CANARIES.items() for way, needle in written_as(text).items()}


def found_in(octets: bytes) -> set[tuple[str, str]]:
    return {at for at, needle in NEEDLES.items() if needle in octets}


@pytest.mark.parametrize("text", CANARIES.values())
def test_the_search_finds_every_way_of_writing(text: str) -> None:
    for before in ("", "a", "ab"):
        whole = f"{before}{text}, and more"
        plain = whole.encode()
        for octets in (
            *(plain, plain.hex().encode(), plain.hex().upper().encode(), json.dumps(whole).encode()),
            *(base64.b64encode(whole.encode(e)) for e in ("utf-8", "utf-16-be", "utf-16-le")),
            *(whole.encode("utf-16-be"), whole.encode("utf-16-le"), urllib.parse.quote(whole).encode()),
        ):
            assert found_in(octets), octets


# --- the demonstration -------------------------------------------------------------------------------


def rows() -> list[str]:
    persons = [
        Row(
            FIRST + n,
            name="ഴക്കനാരിഞ്ഞ" if n % 2 else "Zxqvylan Canary",
            email="" if n % 3 else f"zxqvyl.canary{n}@mail.example",
            mobile=f"07190773{n:02}",
        )
        for n in range(COUNT)
    ]
    return [*(person.line() for person in persons[:50]), *BROKEN, *(person.line() for person in persons[50:])]


def write_canaries(path: Path, **_ignored: object) -> Mapping[str, int]:
    write_register(path, [])
    with path.open("a") as file:
        file.writelines(f"{row}\n" for row in rows())
    return {}


NAMES = {"prism": "Name", "ksmart-business": "Proprietor", "ksmart-property": "Owner", "relis": "Holder"}
EMPLOYEES = 2_000  # whose Kerala the other registers are of
EVERY = 5  # row of theirs is a canary's


def write_all(folder: Path, **_ignored: object) -> None:
    """Five registers: canaries alone in SPARK, and among other people in the rest."""
    write_demonstration(folder, employees=EMPLOYEES, seed=1, bad_share=0.0)
    write_canaries(folder / "spark.csv")
    for register, name in NAMES.items():
        file = folder / f"{register}.csv"
        header, *lines = (line.split(",") for line in file.read_text().splitlines())
        for line in lines[::EVERY]:
            line[header.index(name)] = "Zxqvylan Canary"
        file.write_text("".join(f"{','.join(line)}\n" for line in (header, *lines)))


@dataclass
class Seen:
    """What was gathered while the demonstration's processes ran."""

    octets: dict[str, bytes] = field(default_factory=dict)
    data: Path = Path()

    def gather(self, home: Home) -> None:
        settings = home.settings
        self.octets |= crawl(f"http://127.0.0.1:{settings.office_port}")
        self.octets["progress"] = fetch(f"http://127.0.0.1:{settings.hatch_port}/progress")
        owner = home.owner_url_file.read_text()
        for zone in install.ZONES:
            self.octets |= dump(make_conninfo(owner, dbname=install.role(zone)))
        with psycopg.connect(owner) as connection:
            found = connection.execute("show data_directory").fetchone()
            self.data = Path(str(found and found[0]))


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  loopback
        return bytes(answer.read())


def crawl(start: str) -> dict[str, bytes]:
    """Every page and file that the public register links to."""
    pages: dict[str, bytes] = {}
    waiting = ["/en/", "/ml/", "/log-files.txt"]
    while waiting:
        path = waiting.pop()
        if path in pages:
            continue
        pages[path] = fetch(start + path)
        if path.startswith(("/en/", "/ml/")):
            waiting += re.findall(r'href="(/[^"#?]*)"', pages[path].decode())
    return pages


def dump(dsn: str) -> dict[str, bytes]:
    """Every table as text, its binary columns once as hex and once as they are."""
    copies: dict[str, bytes] = {}
    with psycopg.connect(dsn) as connection:
        names = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for output in ("hex", "escape"):
            connection.execute(sql.SQL("set bytea_output = {}").format(sql.Literal(output)))
            for (name,) in names:
                with connection.cursor().copy(sql.SQL("copy {} to stdout").format(sql.Identifier(name))) as copy:
                    copies[f"{name} ({output})"] = b"".join(bytes(part) for part in copy)
    return copies


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Seen, str]]:
    """A demonstration with canaries for people, played to its end; what it printed stands last."""
    folder = tmp_path_factory.mktemp("canary")
    for above in (folder, folder.parent):
        above.chmod(0o711)
    home, seen = Home(folder / "demo"), Seen()
    sum_up = ending.sum_up

    def gathered(of: Home, *arguments: Any) -> Any:
        seen.gather(of)
        return sum_up(of, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(story, "write_demonstration", write_all)
        patch.setattr(ending, "sum_up", gathered)
        with printed_to(folder / "printed"):
            status = story.run(home=home.path, people=COUNT, serve=False, as_json=True, seed=1)
    printed = (folder / "printed").read_text()
    assert status == 0, printed
    yield home, seen, printed
    postgres.remove(home.postgres)


@contextmanager
def printed_to(path: Path) -> Iterator[None]:
    """Send what this process and those that it starts print to a file."""
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    with path.open("wb") as file, pytest.MonkeyPatch.context() as patch:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        patch.setattr(sys, "stdout", os.fdopen(1, "w", closefd=False))
        patch.setattr(sys, "stderr", os.fdopen(2, "w", closefd=False))
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, old in zip((1, 2), kept, strict=True):
                os.dup2(old, descriptor)
                os.close(old)


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def test_the_canaries_reach_their_people(played: tuple[Home, Seen, str]) -> None:
    home, _seen, printed = played
    assert f'"rows": {COUNT}, "quarantined": {len(BROKEN)}' in printed, printed
    for place in FREE:
        octets = b"".join(path.read_bytes() for path in files(home.path / place))
        assert {name for name, _way in found_in(octets)} >= {"name", "name in Malayalam", "e-mail", "phone"}


def test_no_file_of_the_installation_holds_one(played: tuple[Home, Seen, str]) -> None:
    home, seen, _printed = played
    searched = [path for path in files(home.path) if path.relative_to(home.path).parts[0] not in FREE]
    searched += [path for path in files(seen.data) if not path.is_relative_to(home.path)]
    names = {path.name for path in searched}
    assert {"process.log", "audience.parquet", "features.parquet", "PG_VERSION", "checkpoint"} <= names
    assert any(path.parent.name == "pg_wal" for path in searched)
    leaks = {path: found for path in searched if (found := found_in(path.read_bytes()))}
    assert leaks == {}


def test_no_table_page_or_output_holds_one(played: tuple[Home, Seen, str]) -> None:
    _home, seen, printed = played
    assert {"/en/", "/ml/", "/ml/orders", "progress", "send_outcome (hex)", "journal (escape)"} <= set(seen.octets)
    assert len(seen.octets) > 50
    leaks = {name: found for name, octets in seen.octets.items() if (found := found_in(octets))}
    assert leaks == {}
    assert found_in(printed.encode()) == set()


# --- linked registers --------------------------------------------------------------------------------


@pytest.mark.usefixtures("clean_vault")
def test_neither_a_linking_run_nor_what_is_lent_over_it_holds_one(tmp_path: Path, owner_dsn: str) -> None:
    with running(Outside(tmp_path)) as ports:
        own = [Row(n, email=f"zxqvyl.canary{n}@mail.example") for n in range(1, 6)]
        registers = Registers(build(tmp_path, own, carriers=ports), len(own))
        registers.add("land", [Land(n, email="", mobile="" if n % 2 else f"071907730{n}") for n in range(1, 6)])
        registers.link({f"person {n}": [("spark", n), ("land", n)] for n in range(1, 6)})
        row = registers.world.turn_until(registers.order("land", ["spark"]), OrderRow.SENDING)
        ending = threading.Event()
        door = Door(registers.world.home, registers.world.vault.keyring)
        one = Worker("a", door=door, watch=Quiet(database_url()), ending=ending, on_receipts=settle.keep)
        assert [one._turn(), one._turn()] == [True, True]
        registers.objection(("spark", 1))
        assert settle.outcomes(row.digest)["email"] == {"accepted": 3}
        ending.set()
        one.run()
    searched = {path: path.read_bytes() for path in files(registers.world.home.path)}
    assert {"index.parquet", "possible.parquet", "email-of-spark-0000.parquet"} <= {path.name for path in searched}
    tables = dump(owner_dsn)
    assert {"link_run (hex)", "send_claim (hex)", "policy_person_told (hex)"} <= set(tables)
    assert {place: found for place, octets in (searched | tables).items() if (found := found_in(octets))} == {}


# --- failures ----------------------------------------------------------------------------------------

SECRET = " ".join((*CANARIES.values(), "zxqvyl.canary1@mail.example", "+910719077301"))


def fail(*_values: object, **_named: object) -> NoReturn:
    """What a library does with a value that it does not like."""
    kept = SECRET
    raise RuntimeError(f"cannot handle {kept}") from ValueError(f"invalid literal: {kept!r}")


def check_shown(text: str) -> None:
    """Places and types are shown, values are not."""
    assert found_in(text.encode()) == set()
    assert re.search(r"/\w+\.py:\d+ \w+", text), text


def run_uncaught(action: Callable[[], object]) -> None:
    """As the interpreter would with what leaves the main thread."""
    with pytest.raises(RuntimeError) as caught:
        action()
    sys.excepthook(caught.type, caught.value, caught.tb)


def canary_world(folder: Path, carriers: tuple[int, int] = (1, 1)) -> World:
    return build(folder, people(5, name="Zxqvylan Canary"), carriers=carriers)


@pytest.mark.usefixtures("clean_vault")
@pytest.mark.parametrize(
    ("room", "name"), [(seal, "seal_column"), (seal, "contact_tokens"), (Checks, "check"), (Maker, "batch")]
)
def test_a_load_that_fails(
    tmp_path: Path, stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch, room: object, name: str
) -> None:
    world = canary_world(tmp_path)
    file = tmp_path / "next.csv"
    write_canaries(file)
    monkeypatch.setattr(room, name, fail)
    run_uncaught(lambda: snapshot.load(contract.find("spark"), file, home=world.home, keyring=world.vault.keyring))
    check_shown(stderr.getvalue())
    leaks = {path: found for path in files(world.home.path) if (found := found_in(path.read_bytes()))}
    assert leaks == {}


@pytest.mark.usefixtures("clean_vault")
@pytest.mark.parametrize(("room", "name"), [(audience, "_decide"), (audience, "_write"), (audience, "_root")])
def test_a_turn_that_fails(
    tmp_path: Path, stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch, room: object, name: str
) -> None:
    world = canary_world(tmp_path)
    row = world.order()
    monkeypatch.setattr(room, name, fail)
    run_uncaught(lambda: world.turn_until(row, OrderRow.DECIDED))
    check_shown(stderr.getvalue())


def overlong(*_arguments: object) -> Iterator[Answer]:
    """A code that the database refuses, and quotes in its error."""
    yield Answer(0, Verdict.ACCEPTED, SECRET * 3)


@pytest.mark.usefixtures("clean_vault")
@pytest.mark.parametrize(
    ("room", "name", "does"),
    [
        (seal, "open_column", fail),
        (Composer, "emails", fail),
        (SmtpCarrier, "hand_off", fail),
        (SmtpCarrier, "hand_off", overlong),
        (SmtpCarrier, "receipts", fail),
        (Worker, "_judged", fail),
        (window, "_open", fail),
    ],
)
def test_a_worker_that_fails(
    tmp_path: Path,
    stderr: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    room: object,
    name: str,
    does: Callable[..., Any],
) -> None:
    with running(Outside(tmp_path)) as ports:
        world = canary_world(tmp_path, ports)
        world.sending()
        monkeypatch.setattr(room, name, does)
        monkeypatch.setattr(choice, "AFTER_FAULT_S", 0.1)
        ending = threading.Event()
        door = Door(world.home, world.vault.keyring)
        one = Worker("a", door=door, watch=Quiet(database_url()), ending=ending, on_receipts=settle.keep)
        thread = threading.Thread(target=one.run)
        thread.start()
        thread.join(0.6)
        ending.set()
        thread.join()
    text = stderr.getvalue()
    assert found_in(text.encode()) == set()
    assert "worker_fault" in text or re.search(r"/\w+\.py:\d+ \w+", text), text


@pytest.mark.usefixtures("clean_vault")
def test_receipts_that_cannot_be_kept(tmp_path: Path, stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "match", fail)
    thread = threading.Thread(target=lambda: settle.keep([Receipt(SECRET, "delivered", "000")]))
    thread.start()
    thread.join()
    check_shown(stderr.getvalue())


@pytest.mark.usefixtures("clean_vault")
def test_a_hatch_that_fails(tmp_path: Path, stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "receive", fail)
    envelope = empty_envelope()
    client = Client(raise_request_exception=False)
    answer = client.post("/documents", {"envelope": envelope, "notice": None}, content_type="application/json")
    assert answer.status_code == 500
    assert found_in(answer.content) == set()
    check_shown(stderr.getvalue())


def empty_envelope() -> dict[str, object]:
    return {"payloadType": "application/vnd.ariyippu.stay.v1+json", "payload": "e30=", "signatures": []}


def test_a_web_server_that_fails(stderr: io.StringIO) -> None:
    made = server.make_server(fail, 0)
    made.prepare()
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        with pytest.raises(OSError):  # noqa: PT011  a 500, or a connection that ends
            fetch(f"http://127.0.0.1:{made.bind_addr[1]}/")
    finally:
        made.stop()
        thread.join()
    check_shown(stderr.getvalue())


class Dying:
    """Fails where nobody can catch it."""

    def __del__(self) -> None:
        fail()


def test_what_fails_while_it_is_collected(stderr: io.StringIO) -> None:
    dying = Dying()
    del dying
    check_shown(stderr.getvalue())


COMMAND = """
import sys
from ariyippu import __main__
from ariyippu.ingest import contract
secret = sys.argv.pop()
def fail(*_values, **_named):
    raise ValueError(secret)
contract.find = fail
__main__.main()
"""


@pytest.mark.parametrize("verb", ["check", "load"])
def test_a_command_that_fails(home: Home, tmp_path: Path, verb: str) -> None:
    file = tmp_path / "spark.csv"
    write_canaries(file)
    arguments = ["register", verb, "spark", str(file), "--home", str(home.path), SECRET]
    done = subprocess.run([sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ValueError" in done.stderr
    check_shown(done.stderr + done.stdout)
