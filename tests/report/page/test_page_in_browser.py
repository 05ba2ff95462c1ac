"""The page in a browser: no network, no complaint, every chart drawn, readable at three widths, keyboard alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from support.browser import WIDTHS, chromium, opened, serious_findings

import ccp

ALL_DRAWN = "[...document.querySelectorAll('.chart')].every(chart => chart.dataset.drawn)"
MARKS = """chart => {
    const shown = [...chart.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0);
    const marks = shown.flatMap(svg => [...svg.querySelectorAll('.mark-rect path, .mark-line path, .mark-rule line')]);
    const seen = marks.map(mark => mark.getBoundingClientRect()).filter(box => box.width > 1 || box.height > 1);
    return [seen.length, shown.length ? shown[0].getBoundingClientRect().width : 0];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A pack with everything, live and still, by address."""
    folder = tmp_path_factory.mktemp("pages")
    packed = ccp.pack(*(finished / name for name in ("size", "simulate", "backtest", "default", "compare")))
    packed.write_page(folder / "live.html")
    packed.write_page(folder / "still.html", live=False)
    return {name: (folder / f"{name}.html").as_uri() for name in ("live", "still")}


def drawn(page: Page) -> None:
    page.wait_for_function(ALL_DRAWN)


@pytest.mark.parametrize("kind", ["live", "still"])
@pytest.mark.parametrize("width", WIDTHS)
def test_page_opens_without_network_and_without_complaint(
    browser: Browser, pages: dict[str, str], kind: str, width: int
) -> None:
    with opened(browser, pages[kind], width) as (page, watched):
        drawn(page)
        assert [url for url in watched.requests if not url.startswith("data:")] == [pages[kind]]
        assert watched.said == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        charts = page.locator(".chart")
        assert charts.count() >= 15
        for place in range(charts.count()):
            marks, across = charts.nth(place).evaluate(MARKS)
            assert marks > 0, charts.nth(place).get_attribute("id")
            assert 150 < across <= width


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("kind", ["live", "still"])
def test_no_serious_finding_of_accessibility(browser: Browser, pages: dict[str, str], kind: str, dark: bool) -> None:
    with opened(browser, pages[kind], 800, dark) as (page, _):
        drawn(page)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert serious_findings(page) == []


def test_keyboard_alone(browser: Browser, pages: dict[str, str]) -> None:
    with opened(browser, pages["live"], 800) as (page, _):
        drawn(page)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.url.endswith("#content")
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.tagName") == "SUMMARY":
                break
        summary = "document.activeElement.closest('details')"
        assert page.evaluate(f"{summary}.open") is False
        page.keyboard.press("Enter")
        assert page.evaluate(f"{summary}.open") is True
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('role')") == "region"


def test_charts_follow_the_width_of_the_window(browser: Browser, pages: dict[str, str]) -> None:
    with opened(browser, pages["live"], 1400) as (page, watched):
        drawn(page)
        page.set_viewport_size({"width": 380, "height": 900})
        page.wait_for_function("[...document.querySelectorAll('.chart')].every(one => one.dataset.small === 'true')")
        page.wait_for_function("[...document.querySelectorAll('.chart svg')].every(one => one.clientWidth < 380)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 380
        assert watched.said == []


def test_it_prints_on_a4(browser: Browser, pages: dict[str, str]) -> None:
    with opened(browser, pages["live"], 1400) as (page, _):
        drawn(page)
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
        page.set_viewport_size({"width": 700, "height": 1000})
        assert page.evaluate("document.documentElement.scrollWidth") <= 700
        assert page.pdf(format="A4", prefer_css_page_size=True).startswith(b"%PDF")


def test_notes_are_read_on_a_phone_without_scrolling(browser: Browser, pages: dict[str, str]) -> None:
    sentence = "document.querySelector('#notes .stacked td')"
    for width, display in ((380, "block"), (1400, "table-cell")):
        with opened(browser, pages["still"], width) as (page, _):
            assert page.evaluate(f"getComputedStyle({sentence}).display") == display
            assert len(page.evaluate(f"{sentence}.textContent")) > 20
            assert page.evaluate(f"{sentence}.getBoundingClientRect().right") <= width
