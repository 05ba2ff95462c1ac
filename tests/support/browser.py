"""A headless Chromium for tests of what people see. Without one they are skipped, unless they are required."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from support.modes import PLAIN

REQUIRED = os.environ.get("CCP_BROWSER_TESTS") == "required"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = (380, 800, 1400)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, for as long as the block runs."""
    if PLAIN:
        pytest.skip("a browser sees no kernel: seen in the compiled run")
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None and not REQUIRED:
        pytest.skip("no Chromium is installed here; CI has one")
    assert found is not None, "CCP_BROWSER_TESTS=required, and there is no Chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """What a page asked for and said while it was open."""

    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))


@contextmanager
def opened(browser: Browser, address: str, width: int, dark: bool = False) -> Iterator[tuple[Page, Watched]]:
    """A page at a width, and what it asks for from its first moment on."""
    scheme = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    try:
        page, watched = context.new_page(), Watched()
        watched.listen(page)
        page.goto(address)
        yield page, watched
    finally:
        context.close()


def serious_findings(page: Page) -> list[str]:
    """What axe finds that is serious or worse, with the elements it is found in."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
