"""The overview: what is open, how it goes, what people were exposed to."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, Server

pytestmark = pytest.mark.browser


def test_a_gap_is_followed_from_the_overview(open_page: Open, mock: Server) -> None:
    looked = open_page(mock.url)
    page = looked.page
    page.get_by_role("tab", name="Overview").click()
    panel = page.get_by_test_id("overview")
    gap = panel.get_by_test_id("gap")
    expect(gap).to_contain_text("4 households, 8 receivers still missing")
    site = panel.get_by_test_id("site-overview")
    expect(site).to_contain_text("2 of 3 live, 1 out")
    expect(site).to_contain_text("25 %")
    expect(site).to_contain_text("2026-01-05: 90 %")
    expect(site.locator("svg rect")).to_have_count(2)
    expect(panel).to_contain_text("drone-2: failsafe: battery low")
    table = panel.get_by_test_id("exposure")
    rows = table.get_by_role("row")
    expect(rows.nth(1)).to_contain_text("b/4-1")  # the fullest comes first
    expect(rows.nth(1)).to_contain_text("24/24")
    expect(rows.nth(1)).to_contain_text("100 %")
    assert looked.errors == []

    page.get_by_text("中文", exact=True).click()
    expect(gap).to_contain_text("还有 4 户、8 个接收点未听到")
    expect(site).to_contain_text("3 台中 2 台在线")
    page.get_by_text("English", exact=True).click()

    expect(gap.get_by_role("button", name="Seen")).to_be_disabled()
    gap.get_by_label("What is done about it").fill("called the doorman")
    gap.get_by_role("button", name="Seen").click()
    expect(gap.locator(".chip")).to_have_text("seen")
    gap.get_by_role("button", name="Plan the rest").click()
    expect(page.get_by_text("drone-1 is busy")).to_be_visible()
    fly = gap.get_by_role("button", name="Plan and launch")
    fly.click()
    gap.get_by_role("button", name="Launch the rest?").click()
    gap.get_by_label("What is done about it").fill("told at the door")
    gap.get_by_role("button", name="Close", exact=True).click()
    gap.get_by_role("button", name="Close it?").click()
    expect(panel).to_contain_text("Nobody is missing.")
    assert mock.ask("mock/aftermath") == [
        {"acknowledge": "run-yesterday", "text": "called the doorman"},
        {"rerun": "run-yesterday", "launch": False},
        {"rerun": "run-yesterday", "launch": True},
        {"close": "run-yesterday", "text": "told at the door"},
    ]
