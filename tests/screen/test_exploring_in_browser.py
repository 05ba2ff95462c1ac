"""`ccp serve` in a browser: no request to others, no complaint, readable, by keyboard alone, gone after Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page
from support.browser import WIDTHS, chromium, opened, serious_findings

import ccp
from ccp.report.words import exact_amount
from ccp.rulebook.with_rules import with_rules

SECONDS = 60_000
MOVED = """before => {
    const asked = new URL(location).searchParams.get('fund_size');
    return asked !== null && Number(asked) !== before && Number(asked) === Number(document.activeElement.value);
}"""
"""Whether the slider, and the link with it, have left where they were."""
SHOWN = """amounts => {
    const rows = [...document.querySelectorAll("[aria-label='Tiers of the waterfall'] tbody tr")];
    return JSON.stringify(rows.map(row => row.cells[4].innerText)) === JSON.stringify(amounts);
}"""
"""Whether the waterfall's tiers pay these amounts."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def served(browser: Browser, small_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a run's page; its server is ended as Ctrl-C ends it, and leaves nothing behind."""
    run = ccp.size(small_book, base=True).write(tmp_path_factory.mktemp("served") / "run")
    before = sorted(path.relative_to(run) for path in run.rglob("*"))
    command = [sys.executable, "-m", "ccp", "serve", str(run), "--no-browser", "--port", str(free_port())]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=run.parent)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[0]
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 130
    finally:
        server.kill()
        server.wait()
    assert sorted(path.relative_to(run) for path in run.rglob("*")) == before
    assert os.listdir(run.parent) == ["run"]


def free_port() -> int:
    """A port that no other test's server looks for."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def drawn(page: Page) -> None:
    page.get_by_text("Take it away").wait_for(timeout=SECONDS)
    page.locator("[class*=st-key-drawing_] svg.marks:visible .mark-rect path").first.wait_for(timeout=SECONDS)


@pytest.mark.parametrize(("width", "dark"), [*((width, False) for width in WIDTHS), (WIDTHS[0], True)])
def test_readable_without_the_world(browser: Browser, served: str, width: int, dark: bool) -> None:
    with opened(browser, served, width, dark) as (page, watched):
        drawn(page)
        assert {urlsplit(url).hostname for url in watched.requests if not url.startswith(("data:", "blob:"))} == {
            "127.0.0.1"
        }
        assert watched.said == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        drawing = page.locator("[class*=st-key-drawing_] svg.marks:visible")
        assert drawing.count() == 1
        box = drawing.bounding_box()
        assert box is not None
        assert box["width"] > 250
        assert box["height"] > 180
        assert serious_findings(page) == []


def test_by_keyboard_alone(browser: Browser, served: str, small_book: Path) -> None:
    """From the top of the page to the fund's switch and slider; then the waterfall is that of `ccp default`."""
    with opened(browser, served, 1400) as (page, watched):
        drawn(page)
        reached(page, "Set its size")
        page.keyboard.press("Space")
        page.get_by_text("Size of the fund").wait_for(timeout=SECONDS)
        reached(page, "Size of the fund")
        before = page.evaluate("Number(document.activeElement.value)")
        page.keyboard.press("ArrowLeft")
        page.wait_for_function(MOVED, arg=before)
        size = float(parse_qs(urlsplit(page.url).query)["fund_size"][0])
        rules = with_rules(ccp.read_rulebook("textbook/cover-two"), [("fund.size", size)])
        event = ccp.default(small_book, rules)
        page.wait_for_function(SHOWN, arg=[exact_amount(tier["paid"]) for tier in event.trace["tiers"]])
        assert size != round(ccp.size(small_book).coverage["fund"]["required"], 2)
        assert watched.said == []


def reached(page: Page, label: str) -> None:
    """Go on from control to control until the one of that name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if label in page.evaluate(
            "[document.activeElement.ariaLabel, document.activeElement.closest('label,[data-testid=stSlider]')"
            "?.innerText].join(' ')"
        ):
            return
    raise AssertionError(f"{label} is not reached by keyboard")
