"""The console on the real service: simulated vehicles, real sockets."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, Server, free_port

pytestmark = pytest.mark.browser

AUTHORITY = "Browser test, order 1"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``patrolctl demo``, waiting for the console to launch something."""
    port = free_port()
    command = [sys.executable, "-m", "patrolctl", "demo", "--mission", "quickstart"]
    options = ["--idle", "--speedup", "10", "--port", str(port)]
    log = tmp_path_factory.mktemp("demo") / "log"
    server = Server([*command, *options], port, log)
    server.start()
    yield server
    server.stop()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def plan_and_launch(page: Page, kind: str) -> None:
    page.get_by_role("tab", name="Plan").click()
    page.get_by_role("combobox", name="Mission").select_option("quickstart")
    page.get_by_text(kind, exact=True).click()
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Time limit, s").fill("5")
    button(page, "Make plan").click()
    expect(button(page, "Make plan")).to_be_enabled(timeout=90_000)
    expect(button(page, "Launch…")).to_be_enabled(timeout=60_000)
    button(page, "Launch…").click()
    page.get_by_label("Authority for this announcement").fill(AUTHORITY)
    button(page, "Launch now").click()
    expect(page.get_by_text(f"Authority: {AUTHORITY}")).to_be_visible()


def picture(page: Page, name: str) -> None:
    """For the documentation, when it is asked for."""
    if folder := os.environ.get("PATROLCTL_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.mark.timeout(300)
def test_a_run_from_the_console_to_its_evidence(open_page: Open, demo: Server) -> None:
    looked = open_page(demo.url)
    page = looked.page
    vehicle = page.locator('[data-vehicle="drone-1"]')
    expect(vehicle).to_have_attribute("data-freshness", "fresh", timeout=60_000)
    plan_and_launch(page, "Drone flights")
    dock = page.locator(".dock")
    expect(dock.get_by_text("Running")).to_be_visible(timeout=60_000)
    expect(vehicle.get_by_text("speaking")).to_be_visible(timeout=90_000)
    picture(page, "run")
    button(page, "See the evidence").click(timeout=180_000)
    evidence = page.get_by_test_id("evidence")
    expect(evidence).to_contain_text("receivers heard the whole message")
    expect(page.get_by_role("radio", name="Heard")).to_be_enabled()
    picture(page, "evidence")
    [run] = demo.ask("api/v1/runs")
    assert run["phase"] == "FINISHED"
    assert run["authority"] == AUTHORITY
    proof = demo.ask(f"api/v1/evidence/{run['id']}")["summary"]
    shown = evidence.inner_text()
    assert f"{proof['reached']} / {proof['reachable']}" in shown
    assert proof["reached"] > 0
    assert looked.errors == []


@pytest.mark.timeout(300)
def test_hold_resume_and_stop_reach_the_vehicle(open_page: Open, demo: Server) -> None:
    page = open_page(demo.url).page
    plan_and_launch(page, "Patrol loop")
    dock = page.locator(".dock")
    expect(dock.get_by_text("Running")).to_be_visible(timeout=60_000)
    button(page, "Hold").click()
    expect(dock.get_by_text("Held")).to_be_visible(timeout=30_000)
    button(page, "Resume").click()
    expect(dock.get_by_text("Running")).to_be_visible(timeout=30_000)
    button(page, "Stop run").click()
    expect(page.get_by_text("No active run")).to_be_visible(timeout=30_000)
    runs = demo.ask("api/v1/runs")
    assert runs[0]["phase"] == "ABORTED"
    # STOP is confirmed by the mode; the wheels take a moment more.
    for _ in range(50):
        if patrol_speed_m_s(demo) < 0.3:
            break
        time.sleep(0.2)
    assert patrol_speed_m_s(demo) < 0.3


def patrol_speed_m_s(demo: Server) -> float:
    vehicles = demo.ask("api/v1/vehicles")
    [patrol] = [v for v in vehicles if v["entry"]["id"] == "patrol-1"]
    return float(patrol["telemetry"]["ground_speed_m_s"])
