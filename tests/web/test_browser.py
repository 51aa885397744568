"""The register in Chromium: fits the screen, complains of nothing, works from the keyboard."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request, sync_playwright

from tests.web.conftest import Site

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATHS = (
    "",
    "orders/da-arrears-1",
    "requests/da-arrears-2026",
    "stays/wpc-stay-1",
    "stays/by-paper",
    "refusals/10",
    "how-to-check",
)
# WCAG 2.2, 1.4.3: the least contrast of any text on the page with what lies behind it.
LEAST_CONTRAST = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => {
    const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  let least = 21;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.data.trim()) continue;
    const e = walker.currentNode.parentElement;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
    least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return least;
}"""

LINE_HEIGHT = """() => {
  const style = getComputedStyle(document.querySelector("main p"));
  return parseFloat(style.lineHeight) / parseFloat(style.fontSize);
}"""
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{CHROMIUM} is missing")
        pytest.skip(f"{CHROMIUM} is missing")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield started
        started.close()


def unexpected(request: Request) -> list[str]:
    """A request that failed, unless the browser gave it up because the test went on to the next page."""
    return [] if "ERR_ABORTED" in (request.failure or "") else [request.url]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [320, 360, 1280])
@pytest.mark.parametrize("language", ["en", "ml"])
def test_pages_fit_and_complain_of_nothing(
    browser: Browser, site: Site, language: str, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.extend(unexpected(request)))
    for path in PATHS:
        page.goto(f"{site.base}/{language}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(LEAST_CONTRAST) >= 4.5, path
        assert page.locator("h1").count() == 1
    assert not complaints
    context.close()


def test_malayalam_is_set_in_a_font_that_is_served_here(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(f"{site.base}/ml/")
    assert page.evaluate("document.fonts.load('16px \"Noto Sans Malayalam\"', 'അ').then(found => found.length)") == 1
    assert page.evaluate(LINE_HEIGHT) >= 1.4
    page.close()


def test_the_keyboard_reaches_everything_and_shows_where_it_is(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(f"{site.base}/en/orders/da-arrears-1")
    links = page.locator("a").count()
    reached = set()
    for number in range(links):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('a')].indexOf(document.activeElement)"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", number
    assert reached == set(range(links))
    page.close()


def test_the_skip_link_leads_to_the_content(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(f"{site.base}/ml/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.close()


def test_the_language_switch_keeps_the_page(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(f"{site.base}/en/orders/da-arrears-1")
    page.get_by_role("link", name="മലയാളം").click()
    assert page.url == f"{site.base}/ml/orders/da-arrears-1"
    assert page.locator("html").get_attribute("lang") == "ml"
    _switch_back(page, site)
    page.close()


def _switch_back(page: Page, site: Site) -> None:
    page.get_by_role("link", name="English").click()
    assert page.url == f"{site.base}/en/orders/da-arrears-1"


def test_hostile_text_runs_nothing(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    page.goto(f"{site.base}/en/orders/hostile-order")
    assert page.locator("main script, main img").count() == 0
    assert not dialogs
    page.close()
