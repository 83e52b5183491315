"""Take the screenshots of this folder: python docs/images/screenshots.py 'http://127.0.0.1:8000/#key=sk-…'.

The address is the one that `bin/up` prints, of a service without other sessions. With a superuser's name and password
after it the operators' front page is taken instead, of any service.
"""

import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
COLORS = 192


def save(page: Any, name: str) -> None:
    """Save the window as a PNG of few colors, which is a third of its size."""
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = Path(__file__).parent / f"{name}.png"
    shot.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path.name, path.stat().st_size)


def main(address: str) -> None:
    from playwright.sync_api import expect

    from tests.e2e.browser import chromium, visit

    expect.set_options(timeout=120_000)
    photographs = sorted((ROOT / "samples").glob("*.jpg"))
    with chromium() as browser:
        with visit(browser, viewport={"width": 1100, "height": 780}) as tab:
            tab.page.goto(address)
            expect(tab.page.locator("#work")).to_be_visible()
            tab.page.set_input_files("#files", photographs)
            expect(tab.page.locator("image-card[data-status=succeeded]")).to_have_count(len(photographs))
            expect(tab.page.locator("#balance")).to_contain_text("credits")
            tab.page.wait_for_load_state("networkidle")
            save(tab.page, "studio")
            tab.page.locator("image-card .open").nth(3).click()
            expect(tab.page.locator(".facts")).to_contain_text("confident ·")
            tab.page.wait_for_load_state("networkidle")
            tab.page.evaluate("() => document.activeElement.blur()")
            save(tab.page, "studio-image")
        with visit(browser, viewport={"width": 400, "height": 800}, color_scheme="dark") as tab:
            tab.page.goto(address)
            tab.page.click("#show-history")
            tab.page.locator("#sessions >> text=Open").first.click()
            cat = tab.page.locator("image-card").nth(2)
            cat.scroll_into_view_if_needed()
            expect(cat.locator("img")).to_be_visible()
            save(tab.page, "studio-phone")


def operators(address: str, name: str, password: str) -> None:
    from tests.e2e.browser import chromium, visit

    with chromium() as browser, visit(browser, viewport={"width": 1180, "height": 1420}) as tab:
        tab.page.goto(f"{address.partition('#')[0].rstrip('/')}/admin/")
        tab.page.fill("#id_username", name)
        tab.page.fill("#id_password", password)
        tab.page.click("[type=submit]")
        tab.page.wait_for_selector(".forge-state")
        save(tab.page, "operators")


if __name__ == "__main__":
    operators(*sys.argv[1:4]) if len(sys.argv) > 2 else main(sys.argv[1])
