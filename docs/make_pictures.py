"""Write docs/pictures/: `python docs/make_pictures.py [FOLDER]`.

A server is started, a browser goes from a file to a blob, and the parts of the page are taken as
they are. Needs Chromium on PATH and the packages of the extra `dev`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.system.page_models import edges, refused
from tests.system.test_browser import CHROMIUM, FLAGS
from tests.unit.server.conftest import Served

WIDTH, HEIGHT = 900, 700
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 120_000


def convert(page: Page, address: str, model: Path) -> None:
    """From a file to an answer, with the choices the example needs."""
    page.goto(address)
    page.set_input_files("#files", str(model))
    expect(page.locator("#check-state")).to_contain_text("on the chip")
    page.select_option("#range", "0..1")
    page.select_option("#trained", "RGB")
    expect(page.locator("#meaning")).to_contain_text("turns BGR frames into RGB")


def take(page: Page, selector: str, path: Path) -> None:
    """One part of the page as a picture."""
    page.evaluate("document.activeElement.blur()")
    page.locator(selector).screenshot(path=path)
    shrink(path)


def shrink(path: Path) -> None:
    """Flat colours need no more than 128 of them."""
    with Image.open(path) as found:
        small = found.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main(folder: Path) -> None:
    """Write all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    work = Path(tempfile.mkdtemp())
    (work / "edges.onnx").write_bytes(edges())
    (work / "places.onnx").write_bytes(refused())
    served = Served(work / "data").start()
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(PATIENCE_MS)
            convert(page, served.url, work / "edges.onnx")
            page.click("#graph-box summary")
            expect(page.locator(".graph-view g.box").first).to_be_visible()
            take(page, "section:has(#h-model)", folder / "page-model.png")
            take(page, "section:has(#h-options)", folder / "page-options.png")
            page.click("#cost")
            expect(page.locator("#costs .bars li").first).to_be_visible()
            take(page, "section:has(#h-check)", folder / "page-check.png")
            page.click("#convert")
            expect(page.locator("#result")).to_be_visible()
            page.click("#header-box summary")
            page.click("#memory-box summary")
            take(page, "section:has(#h-blob)", folder / "page-blob.png")
            page.click("#run")
            expect(page.locator("#answers canvas")).to_be_visible()
            take(page, "section:has(#h-try)", folder / "page-try.png")

            phone = browser.new_page(viewport=PHONE, color_scheme="dark")
            phone.set_default_timeout(PATIENCE_MS)
            convert(phone, served.url, work / "places.onnx")
            expect(phone.locator("#findings .problem")).to_be_visible()
            phone.click("#convert")
            expect(phone.locator("#error .problem").first).to_be_visible()
            phone.evaluate("document.getElementById('h-job').scrollIntoView()")
            phone.screenshot(path=folder / "page-phone.png")
            shrink(folder / "page-phone.png")
            browser.close()
    finally:
        served.stop()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "pictures"))
