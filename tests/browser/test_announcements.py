"""Two people and an announcement: written, judged, heard, approved, planned."""

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Locator, Page, expect

from patrolctl.config.operators import add_operator
from patrolctl.domain.users import Role, User
from tests.browser.conftest import Open, Server, free_port

pytestmark = pytest.mark.browser

KEYS: dict[str, str] = {}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``patrolctl serve`` with two approvers; no vehicle is needed to write."""
    folder = tmp_path_factory.mktemp("serve")
    for name in ("Li Wei", "Wu Fang"):
        user = User(name.split()[0].lower(), name, Role.APPROVER)
        KEYS[user.id] = add_operator(folder / "operators.toml", user)
    port = free_port()
    command = [sys.executable, "-m", "patrolctl", "serve"]
    env = {
        "PATROLCTL_DATA_DIR": str(folder),
        "PATROLCTL_PORT": str(port),
        "PATROLCTL_MISSIONS": "quickstart",
        "PATROLCTL_OPERATORS_FILE": str(folder / "operators.toml"),
    }
    server = Server(command, port, folder / "log", env)
    server.start("api/v1/session")
    yield server
    server.stop()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def picture(page: Page, name: str) -> None:
    """To look at, when it is asked for."""
    if folder := os.environ.get("PATROLCTL_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def log_in(page: Page, who: str) -> None:
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_label("Access key").fill("wrong")
    button(page, "Log in").click()
    expect(page.get_by_text("the access key is not known")).to_be_visible()
    page.get_by_label("Access key").fill(KEYS[who])
    button(page, "Log in").click()
    expect(page.get_by_role("heading", name="Log in")).to_have_count(0)
    expect(page.locator(".live-state")).to_contain_text("Live")
    button(page, "Dismiss").click()
    page.get_by_role("tab", name="Messages").click()


def card(page: Page, name: str) -> Locator:
    return page.locator(f'[data-announcement="{name}"]')


def recording(folder: Path) -> Path:
    t = np.arange(22_050 * 2) / 22_050
    tone = 0.3 * np.sin(2 * np.pi * 500 * t) * (1 + np.sin(2 * np.pi * 3 * t)) / 2
    path = folder / "chief.ogg"
    out = io.BytesIO()
    soundfile.write(out, tone, 22_050, format="OGG")
    path.write_bytes(out.getvalue())
    return path


@pytest.mark.timeout(240)
def test_from_a_draft_to_the_plan_form(
    open_page: Open, service: Server, tmp_path: Path
) -> None:
    looked = open_page(service.url)
    page = looked.page
    log_in(page, "li")
    button(page, "New announcement").click()
    page.get_by_label("Title").fill("Water")
    page.get_by_label("Short name").fill("water")
    page.get_by_label("Text, zh").fill("兄弟们，{block}号楼1201停水，14:30恢复。")
    page.get_by_label("Text, en").fill("Block {block}: no water until {time}.")
    page.get_by_label("{time}", exact=True).fill("14:30")
    lint = page.locator(".lint")
    expect(lint).to_contain_text("the voice has no syllable for 兄")
    expect(lint).to_contain_text("一千二百零一")
    expect(lint).to_contain_text("estimated")
    picture(page, "editor")
    lint.scroll_into_view_if_needed()
    picture(page, "lint")
    page.get_by_label("Text, zh").fill("各位居民，{block}号楼停水，14:30恢复。")
    expect(lint).not_to_contain_text("syllable for 兄")
    page.get_by_label("{block}", exact=True).fill("3")
    button(page, "Listen").click()
    sound = page.get_by_test_id("preview")
    expect(sound).to_be_visible(timeout=60_000)
    expect(lint).to_contain_text("measured")
    loaded = "e => new Promise(r => e.duration ? r(e.duration) : e.onloadedmetadata = "
    assert sound.evaluate(loaded + "() => r(e.duration))") > 3
    page.get_by_label("{block}", exact=True).fill("")
    button(page, "Save draft").click()
    water = card(page, "water")
    expect(water).to_contain_text("draft")
    expect(water).to_contain_text("You wrote this version")
    expect(button(page, "Approve version 1")).to_be_disabled()
    picture(page, "own-draft")
    button(page, "Log out").click()

    log_in(page, "wu")
    expect(water).to_contain_text("Written by li")
    button(page, "Approve version 1").click()
    expect(water).to_contain_text("draft")  # it asks first
    button(page, "Approve it?").click()
    expect(water).to_contain_text("Approved by wu")
    picture(page, "approved")
    page.get_by_role("tab", name="Plan").click()
    page.get_by_label("Announcement").select_option("water")
    expect(page.get_by_label("{block}")).to_be_visible()
    picture(page, "plan-form")

    page.get_by_role("tab", name="Messages").click()
    water.get_by_role("button", name="Water").click()
    button(page, "Change").click()
    chooser = page.get_by_label("Recording instead of the voice")
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"PK\x03\x04 not a sound")
    chooser.set_input_files(bad)
    expect(page.get_by_text("bad.wav: holds no sound").first).to_be_visible()
    chooser.set_input_files(recording(tmp_path))
    expect(button(page, "Speak the texts again")).to_be_visible(timeout=30_000)
    button(page, "Save draft").click()
    expect(water).to_contain_text("version 2")
    expect(water).to_contain_text("draft")  # a change makes it a draft again
    page.get_by_label("Why it is withdrawn").fill("mended")
    button(page, "Withdraw").click()
    button(page, "Really withdraw?").click()
    expect(water).to_contain_text("was withdrawn by wu: mended")
    page.get_by_text("中文").click()
    expect(page.get_by_role("tab", name="播报")).to_be_visible()
    expect(water).to_contain_text("已撤回")
    picture(page, "chinese")
    assert looked.errors == []
