"""The office process as it runs: another process, zone office, no database, over HTTP."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from tests.web.messages import LOCALE
from tests.web.story import Log, told

OFFICE = """
import sys
import time
from django.core.wsgi import get_wsgi_application
from ariyippu.web.server import serve
serve(get_wsgi_application(), int(sys.argv[1]))
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Site:
    """A running office."""

    home: Path
    base: str
    process: subprocess.Popen[str]

    def get(self, path: str, **headers: str) -> Answer:
        """Without following redirects."""
        request = urllib.request.Request(self.base + path, headers={k.replace("_", "-"): v for k, v in headers.items()})  # noqa: S310
        try:
            with _OPENER.open(request, timeout=20) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_kw: object) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


@pytest.fixture(scope="session")
def compiled() -> None:
    """The .mo files, as `make setup` compiles them; in place at once, for tests run side by side."""
    for po in LOCALE.rglob("*.po"):
        with po.open("rb") as source:
            catalog = read_po(source, locale=po.parent.parent.name)
        draft = po.with_suffix(f".{os.getpid()}.tmp")
        with draft.open("wb") as out:
            write_mo(out, catalog)
        draft.replace(po.with_suffix(".mo"))


@pytest.fixture(scope="session")
def start(compiled: None) -> Iterator[Callable[[Path], Site]]:
    """Start an office on a home; it is stopped at the end."""
    sites: list[Site] = []

    def started(home: Path) -> Site:
        sites.append(_start(home))
        return sites[-1]

    yield started
    for site in sites:
        site.process.terminate()
        site.process.communicate(timeout=20)


@pytest.fixture(scope="session")
def site(start: Callable[[Path], Site], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An office with the story's log."""
    home = tmp_path_factory.mktemp("home")
    log = Log()
    told(log)
    log.publish(home / "log")
    (home / "vault").mkdir()
    (home / "vault" / "secret.txt").write_text("nobody reads this")
    return start(home)


@pytest.fixture(scope="session")
def hatch_port() -> int:
    return _free_port()


@pytest.fixture(scope="session")
def office(start: Callable[[Path], Site], hatch_port: int, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An office whose hatch may or may not answer."""
    home = tmp_path_factory.mktemp("office")
    (home / "log").mkdir()
    (home / "settings.toml").write_text(f'hatch_port = {hatch_port}\npublic_url = "https://notices.example"\n')
    return start(home)


def _start(home: Path) -> Site:
    port = _free_port()
    kept = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
    environment = {
        **kept,
        "ARIYIPPU_HOME": str(home),
        "ARIYIPPU_ZONE": "office",
        "DJANGO_SETTINGS_MODULE": "ariyippu.base.settings",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", OFFICE, str(port)], env=environment, stderr=subprocess.PIPE, text=True
    )
    site = Site(home, f"http://127.0.0.1:{port}", process)
    for _attempt in range(200):
        if process.poll() is not None:
            raise RuntimeError(process.communicate()[1])
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return site
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the office did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
