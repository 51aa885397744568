"""Every page before axe-core (https://github.com/dequelabs/axe-core), which finds nothing to complain of."""

from collections.abc import Iterator
from urllib.parse import urldefrag, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.web.conftest import Site
from tests.web.test_browser import SCHEMES, Scheme, browser  # noqa: F401  a fixture
from tests.web.test_message_browser import TOKEN, Hatch, hatch  # noqa: F401  a fixture

NARROW, WIDE = 320, 1280
LEAST_PAGES = 25  # a walk that finds fewer has lost its way

pytestmark = pytest.mark.browser
everywhere = pytest.mark.parametrize(
    ("language", "width", "scheme"),
    [
        (language, width, scheme)
        for language in ("en", "ml")
        for width, scheme in zip((NARROW, WIDE), SCHEMES, strict=True)
    ],
)


def faults(page: Page) -> list[str]:
    """Where, which rule, and the elements; of what is open in the page now."""
    violations = Axe().run(page).response["violations"]
    return [f"{page.url}: {one['id']} at {[node['target'] for node in one['nodes']]}" for one in violations]


def walked(page: Page, start: str) -> Iterator[str]:
    """Open every page of the start's site that links lead to, one after the other."""
    found, waiting = {start}, [start]
    while waiting:
        address = waiting.pop()
        page.goto(address)
        yield address
        links = page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
        new = {urldefrag(link).url for link in links if link.startswith(start)} - found
        found |= new
        waiting += sorted(new)


def opened(browser: Browser, width: int, scheme: Scheme) -> Page:  # noqa: F811
    return browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)


def test_a_page_with_faults_is_found(browser: Browser) -> None:  # noqa: F811
    page = opened(browser, WIDE, "light")
    page.set_content("<html lang=en><title>A page</title><main><h1>A page</h1><button></button></main>")
    (fault,) = faults(page)
    page.close()
    assert "button-name at [['button']]" in fault


@everywhere
def test_every_page_of_the_register(browser: Browser, site: Site, language: str, width: int, scheme: Scheme) -> None:  # noqa: F811
    page = opened(browser, width, scheme)
    seen, found = [], list[str]()
    for address in walked(page, f"{site.base}/{language}/"):
        seen.append(urlsplit(address).path)
        found += faults(page)
    page.goto(f"{site.base}/{language}/orders/no-such-order")
    found += faults(page)
    page.close()
    assert found == []
    assert len(seen) >= LEAST_PAGES, seen


@everywhere
def test_a_message_s_own_page(
    browser: Browser,  # noqa: F811
    office: Site,
    hatch: type[Hatch],  # noqa: F811
    language: str,
    width: int,
    scheme: Scheme,
) -> None:
    page = opened(browser, width, scheme)
    page.goto(f"{office.base}/{language}/m/{'c' * 26}")
    found = faults(page)
    page.goto(f"{office.base}/{language}/m/{TOKEN}")
    found += faults(page)
    page.locator("form button").first.click()
    found += faults(page)
    page.close()
    assert found == []
