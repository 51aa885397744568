"""A message's own page in Chromium, before a hatch that knows one token: it fits, it is plain, it needs no script."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.web.conftest import Site
from tests.web.test_browser import LEAST_CONTRAST, SCHEMES, Scheme, browser  # noqa: F401  a fixture

TOKEN = "b" * 26

pytestmark = pytest.mark.browser


class Hatch(http.server.BaseHTTPRequestHandler):
    """As ariyippu/web/links.py answers."""

    wishes: list[str] = []

    def do_GET(self) -> None:
        known = self.path == f"/messages/{TOKEN}"
        body = json.dumps({"order": "da-arrears-1", "purpose": "ariyippu:da-arrears"} if known else {}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.wishes.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["wish"])
        self.do_GET()

    def log_message(self, *_arguments: object) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def hatch(hatch_port: int) -> Iterator[type[Hatch]]:
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", hatch_port), Hatch)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield Hatch
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("language", ["en", "ml"])
@pytest.mark.parametrize("width", [320, 1280])
def test_each_step_fits_and_complains_of_nothing(
    browser: Browser,  # noqa: F811
    office: Site,
    hatch: type[Hatch],
    width: int,
    language: str,
    scheme: Scheme,
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=False
    )
    hatch.wishes.clear()
    page = context.new_page()
    for place, wish in enumerate(("not-mine", "this-way", "stop")):
        page.goto(f"{office.base}/{language}/m/{TOKEN}")
        assert page.get_by_role("button").count() == page.get_by_role("region").count() == 3
        assert page.locator("html").get_attribute("lang") == language
        page.get_by_role("button").nth(place).press("Enter")
        page.get_by_role("status").wait_for()
        assert hatch.wishes[-1] == wish
        assert page.get_by_role("button").count() == 0
    context.close()
    looking = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = looking.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    for token in (TOKEN, "c" * 26):
        page.goto(f"{office.base}/{language}/m/{token}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(LEAST_CONTRAST) >= 4.5
        assert page.locator("h1").count() == 1
    assert [text for text in complaints if "404" not in text] == []
    looking.close()
