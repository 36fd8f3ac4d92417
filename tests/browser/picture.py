"""Takes the picture of the console in docs/: the real demo, in flight.

``python -m tests.browser.picture [FILE]``
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import FLAGS, ROOT, Server, free_port

PICTURE = ROOT / "docs/images/console.png"


def demo(folder: Path) -> Server:
    port = free_port()
    command = [sys.executable, "-m", "patrolctl", "demo", "--speedup", "5"]
    return Server([*command, "--port", str(port)], port, folder / "log")


def take(url: str, target: Path) -> None:
    """When each drone has been heard once, and one of them is speaking."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        armed = page.get_by_text("armed", exact=True)
        drones = page.locator('[data-vehicle^="drone"]').filter(has=armed)
        expect(drones.nth(1)).to_be_visible(timeout=300_000)
        choose_flights(page)
        cues = re.compile(r"[2-9] of \d+ announcements")
        heard = page.locator(".sortie").filter(has_text=cues)
        expect(heard.first).to_be_visible(timeout=300_000)
        speaking = drones.filter(has_text="speaking")
        expect(speaking.first).to_be_visible(timeout=60_000)
        target.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=target)
        browser.close()


def choose_flights(page: Page) -> None:
    """The patrol loop is a run of its own; the flights are the better view."""
    page.get_by_role("tab", name="Run").click()
    runs = page.get_by_role("combobox", name="Run", exact=True).first
    for value in [o.get_attribute("value") for o in runs.locator("option").all()]:
        runs.select_option(value)
        if page.locator(".sortie").filter(has_text="drone-1").count():
            return


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    with tempfile.TemporaryDirectory() as folder:
        server = demo(Path(folder))
        server.start()
        try:
            take(server.url, target)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
