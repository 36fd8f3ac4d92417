"""What stands against a launch is set aside with a reason, or not at all."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open, Server
from tests.browser.test_console import AUTHORITY, barriers, button

pytestmark = pytest.mark.browser


def test_an_operator_sets_a_condition_aside_and_says_why(
    open_page: Open, mock: Server
) -> None:
    mock.tell(against=["wind", "rain"])
    page = open_page(mock.url).page
    button(page, "Launch…").click()
    page.get_by_label("Authority for this announcement").fill(AUTHORITY)
    now = button(page, "Launch now")
    expect(page.get_by_text("9.0 m/s (entered by li), at most 8.4 m/s")).to_be_visible()
    expect(now).to_be_disabled()
    page.get_by_label("Set aside: wind").check()
    page.get_by_label("Why it is set aside").fill("the mast is broken")
    expect(now).to_be_disabled()  # the rain is not set aside yet
    page.get_by_label("Set aside: rain").check()
    expect(now).to_be_enabled()
    page.get_by_label("Why it is set aside").fill("   ")
    expect(now).to_be_disabled()
    page.get_by_label("Why it is set aside").fill("the mast is broken")
    assert barriers(page) == []
    now.click()
    expect(page.get_by_text(AUTHORITY)).to_be_visible()
    (order,) = mock.ask("mock/launches")
    assert order["override"] == ["rain", "wind"]
    assert order["override_reason"] == "the mast is broken"


def test_what_is_hard_has_no_box_and_stops_the_launch(
    open_page: Open, mock: Server
) -> None:
    mock.tell(against=["airspace", "wind"])
    page = open_page(mock.url).page
    page.get_by_text("中文", exact=True).click()
    button(page, "启动…").click()
    page.locator("input[name=authority]").fill(AUTHORITY)
    expect(page.get_by_text("此项任何人不得豁免。")).to_be_visible()
    assert page.locator(".override input[type=checkbox]").count() == 1
    page.get_by_label("豁免：风").check()
    page.locator("input[name=override_reason]").fill("风速仪故障")
    expect(button(page, "立即启动")).to_be_disabled()
    assert barriers(page) == []


def test_a_schedule_says_what_becomes_of_what_it_missed(
    open_page: Open, mock: Server
) -> None:
    page = open_page(mock.url).page
    page.locator("#tab-schedules").click()
    button(page, "New schedule").click()
    chosen = page.locator("select[name=rerun]")
    expect(chosen).to_have_value("offer")
    chosen.select_option("off")
    assert [o.inner_text() for o in chosen.locator("option").all()] == [
        "offer to fly it again",
        "fly it again by itself, after late reports",
        "fly nothing again, remind nobody",
    ]
