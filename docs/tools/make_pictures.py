"""Make the pictures of the documents: the page of the example's sizing and of its crisis, as a browser shows it.

    python docs/tools/make_pictures.py

Needs the extras `test` and a Chromium. Everything shown is computed here; members and positions are invented.
"""

import shutil
import tempfile
from datetime import date
from pathlib import Path

from playwright.sync_api import sync_playwright

import ccp

PICTURES = Path(__file__).parents[1] / "learn" / "pictures"
SPAN = ccp.RunRequest(
    date(2008, 8, 29),
    date(2008, 12, 31),
    date(2022, 12, 28),
    gaps=((date(2008, 10, 6), "market down 20%"),),
    defaults=(("M001", date(2008, 9, 15)),),
    constant_expiry=True,
)
ALL_DRAWN = "[...document.querySelectorAll('.chart')].every(chart => chart.dataset.drawn)"
SHOTS = {"page": None, "waterfall": "#r1-worst", "over-time": "#r2-fund-over-time"}
"""By picture, the part of the page that it shows; None: the first screen."""


def made(folder: Path) -> Path:
    """The page of the example's sizing and of a crisis."""
    book = ccp.example_book()
    ccp.size(book).write(folder / "sizing")
    ccp.simulate(book, folder / "crisis", SPAN)
    return ccp.pack(folder / "sizing", folder / "crisis").write_page(folder / "page.html")


def taken(page_file: Path) -> None:
    """Take the pictures."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto(page_file.as_uri())
        page.wait_for_function(ALL_DRAWN)
        for name, place in SHOTS.items():
            target = PICTURES / f"{name}.png"
            page.screenshot(path=target) if place is None else page.locator(place).screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        taken(made(Path(folder)))
