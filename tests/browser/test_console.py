"""The console in a real browser, against a service that can be made to fail."""

import base64
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import ROOT, Open, Server, missing

pytestmark = pytest.mark.browser

AUTHORITY = "Duty officer, order 24-117"
BAD_TEXT = "<img src=x onerror=\"document.title='owned'\">"


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def launch(page: Page) -> None:
    button(page, "Launch…").click()
    page.get_by_label("Authority for this announcement").fill(AUTHORITY)
    button(page, "Launch now").click()


def card(page: Page, vehicle: str) -> Locator:
    return page.locator(f'[data-vehicle="{vehicle}"]')


def test_from_mission_to_evidence(open_page: Open, fast_mock: Server) -> None:
    looked = open_page(fast_mock.url)
    page = looked.page
    expect(page.get_by_text("各位居民")).to_be_visible()
    button(page, "Make plan").click()
    expect(page.get_by_role("progressbar", name="Planning…")).to_be_visible()
    plans = page.get_by_role("combobox", name="Plan", exact=True)
    expect(plans.locator("option")).to_have_count(2)
    expect(page.get_by_text("1228 / 1240")).to_be_visible()
    gate = page.get_by_role("heading", name="Safety gate: No violations")
    expect(gate).to_be_visible()

    button(page, "Launch…").click()
    button(page, "Launch now").click()
    expect(page.get_by_text("Name who ordered this announcement.")).to_be_visible()
    assert fast_mock.ask("mock/launches") == []
    page.get_by_label("Authority for this announcement").fill(AUTHORITY)
    button(page, "Launch now").click()

    expect(page.get_by_text(AUTHORITY)).to_be_visible()
    button(page, "See the evidence").click(timeout=60_000)
    evidence = page.get_by_test_id("evidence")
    expect(evidence).to_contain_text("99.0 %")
    expect(evidence).to_contain_text("12 / 12")
    first = page.get_by_role("row").nth(1)
    expect(first).to_contain_text("84/96")  # what was missed comes first
    first.get_by_role("button").click()
    floors = page.locator(".floors li")
    expect(floors.last).to_contain_text("4/8")
    expect(page.get_by_role("radio", name="Heard")).to_be_checked()
    assert looked.errors == []
    hosts = {
        urlsplit(u).netloc
        for u in looked.requests
        if not u.startswith(("data:", "blob:"))
    }
    assert hosts == {urlsplit(fast_mock.url).netloc}


def test_buttons_follow_the_phase(open_page: Open, mock: Server) -> None:
    page = open_page(mock.url).page
    expect(page.get_by_text("No active run")).to_be_visible()
    expect(button(page, "Hold")).to_be_disabled()
    expect(button(page, "Stop run")).to_be_disabled()
    expect(button(page, "Stop all")).to_be_enabled()
    launch(page)
    expect(button(page, "Hold")).to_be_enabled()
    expect(button(page, "Resume")).to_be_disabled()
    button(page, "Hold").click()
    expect(card(page, "drone-1")).to_contain_text("BRAKE")
    expect(button(page, "Hold")).to_be_disabled()
    button(page, "Resume").click()
    expect(card(page, "drone-1")).to_contain_text("AUTO")
    button(page, "Land").click()
    expect(button(page, "Land here?")).to_be_visible()  # asks, and nothing has happened
    expect(card(page, "drone-1")).to_contain_text("AUTO")
    button(page, "Return").click()
    expect(page.locator(".dock").get_by_text("Returning")).to_be_visible()
    expect(button(page, "Hold")).to_be_disabled()
    button(page, "Stop run").click()
    expect(page.get_by_text("STOP was accepted for this run")).to_be_visible()
    expect(page.get_by_text("No active run")).to_be_visible()


def test_stop_all_by_key_even_while_launching(open_page: Open, mock: Server) -> None:
    page = open_page(mock.url).page
    launch(page)
    expect(button(page, "Hold")).to_be_enabled()
    page.get_by_role("tab", name="Plan").click()
    mock.tell(vehicle="drone-2", fleet_answer="no answer within 3 s")
    page.keyboard.press("Shift+F8")
    expect(page.get_by_text("Some vehicles did not obey")).to_be_visible()
    expect(page.get_by_text("drone-2: no answer within 3 s")).to_be_visible()
    expect(page.get_by_text("No active run")).to_be_visible()


def test_stop_stays_within_reach_of_the_launch_dialog(
    open_page: Open, mock: Server
) -> None:
    page = open_page(mock.url).page
    button(page, "Launch…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    button(page, "Stop all").click()
    expect(page.get_by_text("STOP: all vehicles confirmed")).to_be_visible()
    page.get_by_label("Authority for this announcement").press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_stop_that_is_not_delivered_is_told_loudly(
    open_page: Open, mock: Server
) -> None:
    page = open_page(mock.url).page
    expect(card(page, "drone-1")).to_contain_text("live")
    tries: list[str] = []
    page.route(
        "**/api/v1/fleet/stop", lambda r: (tries.append(r.request.url), r.abort())
    )
    button(page, "Stop all").click()
    alert = page.get_by_role("alert").filter(has_text="STOP WAS NOT CONFIRMED")
    expect(alert).to_be_visible()
    assert len(tries) == 5


def test_old_data_looks_old_until_the_service_is_back(
    open_page: Open, mortal_mock: Server
) -> None:
    page = open_page(mortal_mock.url).page
    expect(card(page, "drone-1")).to_have_attribute("data-freshness", "fresh")
    expect(button(page, "Launch…")).to_be_enabled()
    mortal_mock.stop(kill=True)
    expect(page.get_by_text("Connection lost. What you see is")).to_be_visible()
    for vehicle in ("drone-1", "drone-2", "patrol-1"):
        expect(card(page, vehicle)).to_have_attribute("data-freshness", "stale")
    expect(card(page, "drone-1")).to_contain_text("stale,")
    expect(button(page, "Launch…")).to_be_disabled()
    expect(page.get_by_text("No connection to the service")).to_be_visible()
    expect(button(page, "Stop all")).to_be_enabled()
    mortal_mock.start()
    expect(card(page, "drone-1")).to_have_attribute("data-freshness", "fresh")
    expect(page.get_by_text("Connection lost")).to_have_count(0)
    expect(button(page, "Launch…")).to_be_enabled()


def test_a_lost_vehicle_looks_lost_among_the_living(
    open_page: Open, mock: Server
) -> None:
    page = open_page(mock.url).page
    mock.tell(vehicle="drone-1", link="LOST", failsafe="GCS failsafe")
    expect(card(page, "drone-1")).to_have_attribute("data-freshness", "lost")
    expect(card(page, "drone-1")).to_contain_text("Failsafe: GCS failsafe")
    expect(card(page, "drone-2")).to_have_attribute("data-freshness", "fresh")
    lost, living = (
        page.locator(".mark-vehicle").filter(has_text=name).locator(".mark-needle")
        for name in ("drone-1", "drone-2")
    )
    expect(lost).to_have_css("border-style", "dashed")
    expect(lost).not_to_have_css("box-shadow", "none")  # the ring of a failsafe
    expect(living).to_have_css("border-style", "solid")
    expect(living).to_have_css("box-shadow", "none")


def test_text_of_vehicles_stays_text(open_page: Open, mock: Server) -> None:
    looked = open_page(mock.url)
    page = looked.page
    launch(page)
    mock.tell(text=BAD_TEXT)
    expect(page.get_by_role("log")).to_contain_text("<img src=x")
    assert page.locator("img[src=x]").count() == 0
    assert page.title() == "patrolctl"


def test_unreadable_messages_are_counted_and_survived(
    open_page: Open, mock: Server
) -> None:
    looked = open_page(mock.url)
    page = looked.page
    expect(card(page, "drone-1")).to_contain_text("live")
    mock.tell(raw='{"type":"telemetry","data":{"vehicle_id":7}}')
    mock.tell(raw="{")
    expect(page.get_by_text("2 messages could not be read")).to_be_visible()
    expect(card(page, "drone-1")).to_have_attribute("data-freshness", "fresh")
    assert looked.errors == []


def test_the_gate_stands_before_the_launch(open_page: Open, mock: Server) -> None:
    mock.tell(refuse=True)
    page = open_page(mock.url).page
    expect(page.get_by_text("Safety gate: launch refused (1)")).to_be_visible()
    expect(page.get_by_text("leg crosses School")).to_be_visible()
    expect(button(page, "Launch…")).to_be_disabled()
    expect(page.get_by_text("Refused by the safety gate")).to_be_visible()


def test_chinese_is_whole_and_remembered(open_page: Open, mock: Server) -> None:
    page = open_page(mock.url).page
    page.get_by_text("中文", exact=True).click()
    expect(button(page, "全部停止")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(card(page, "patrol-1")).to_contain_text("巡逻车")
    page.reload()
    expect(button(page, "生成方案")).to_be_visible()
    button(page, "启动…").click()
    expect(page.get_by_label("本次广播的授权")).to_be_focused()


def test_schedules_are_asked_twice_before_they_run(
    open_page: Open, mock: Server
) -> None:
    page = open_page(mock.url).page
    page.get_by_role("tab", name="Schedules").click()
    expect(page.get_by_text("FREQ=DAILY")).to_be_visible()
    button(page, "Pause").click()
    expect(page.get_by_text("no further occurrence")).to_be_visible()
    button(page, "Run now").click()
    expect(page.get_by_text("No active run")).to_be_visible()
    button(page, "Really run now?").click()
    expect(button(page, "Stop run")).to_be_enabled()


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768)])
@pytest.mark.parametrize("language", ["English", "中文"])
def test_everything_has_its_place(
    open_page: Open, mock: Server, size: tuple[int, int], language: str
) -> None:
    width, height = size
    page = open_page(mock.url, width=width, height=height).page
    expect(card(page, "drone-1")).to_be_visible()
    page.get_by_text(language, exact=True).click()
    boxes = page.evaluate(
        """() => [...document.querySelectorAll(
                '.dock button, .launch-bar button, .tabs button')]
            .map(b => ({name: b.textContent, title: b.title,
                        ...b.getBoundingClientRect().toJSON(),
                        cut: b.scrollWidth > b.clientWidth + 1}))"""
    )
    assert len(boxes) >= 14
    for box in boxes:
        assert box["name"].strip()
        assert not box["cut"], box
        assert box["left"] >= 0, box
        assert box["right"] <= width, box
        assert box["bottom"] <= height, box
        assert box["height"] >= 36, box
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = (
                a["right"] <= b["left"]
                or b["right"] <= a["left"]
                or a["bottom"] <= b["top"]
                or b["bottom"] <= a["top"]
            )
            assert apart, (a, b)
    stops = [b for b in boxes if b["title"] and "Shift+F8" in b["title"]]
    others = [b for b in boxes if b["top"] > height - 100 and b not in stops]
    assert len(stops) == 1
    assert stops[0]["width"] >= 90
    nearest = min(stops[0]["left"] - b["right"] for b in others)
    assert nearest >= 4
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_has_a_name(open_page: Open, mock: Server) -> None:
    page = open_page(mock.url).page
    launch(page)
    expect(button(page, "Hold")).to_be_enabled()
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select')].filter(e =>
            !(e.textContent.trim() || e.getAttribute('aria-label')
              || e.labels?.length || e.querySelector('title')))
            .map(e => e.outerHTML)"""
    )
    assert unnamed == []
    page.keyboard.press("Tab")
    reached = set()
    for _ in range(80):
        reached.add(page.evaluate("document.activeElement?.textContent ?? ''"))
        page.keyboard.press("Tab")
    assert {"Hold", "Return", "Stop run", "Stop all"} <= reached


def share_of_colour(page: Page, test: str) -> float:
    """Share of the map's pixels that pass ``test``, out of a real screenshot."""
    shot = page.locator(".map").screenshot()
    source = "data:image/png;base64," + base64.b64encode(shot).decode()
    return float(
        page.evaluate(
            """async source => {
                const image = new Image();
                image.src = source;
                await image.decode();
                const canvas = new OffscreenCanvas(image.width, image.height);
                const pen = canvas.getContext('2d');
                pen.drawImage(image, 0, 0);
                const {data} = pen.getImageData(0, 0, image.width, image.height);
                let n = 0;
                for (let i = 0; i < data.length; i += 4) {
                    const [r, g, b] = data.subarray(i, i + 3);
                    if (TEST) n++;
                }
                return n / (data.length / 4);
            }""".replace("TEST", test),
            source,
        )
    )


REACHED_FLOORS = "g > 1.35 * r && g > 70 && g < 160 && Math.abs(g - b) < 20"
FIRST_VEHICLE = "r < 150 && g > 165 && b > 225"


def test_the_map_really_draws(open_page: Open, mock: Server) -> None:
    mock.post("mock/reset?speed=12")
    page = open_page(mock.url).page
    expect(page.locator(".mark-text.building").first).to_be_visible()
    assert share_of_colour(page, REACHED_FLOORS) > 0.02
    page.get_by_text("Off", exact=True).click()
    page.wait_for_timeout(1000)
    assert share_of_colour(page, REACHED_FLOORS) < 0.002
    before = share_of_colour(page, FIRST_VEHICLE)
    launch(page)
    expect(page.get_by_text("1 of 6 announcements").first).to_be_visible()
    assert share_of_colour(page, FIRST_VEHICLE) > 1.5 * before  # the flown path


AXE = ROOT / "console/node_modules/axe-core/axe.min.js"


def barriers(page: Page) -> list[str]:
    """What axe finds in the page as it is: contrast, names, roles, order."""
    if not AXE.is_file():
        missing("no console/node_modules: run make console")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run().then(r => r.violations)")
    return [f"{v['id']}: {n['html'][:120]}" for v in found for n in v["nodes"]]


@pytest.mark.parametrize("language", ["English", "中文"])
def test_nobody_is_shut_out(open_page: Open, mock: Server, language: str) -> None:
    mock.tell(refuse=True)
    page = open_page(mock.url).page
    expect(page.get_by_text("leg crosses School")).to_be_visible()
    mock.tell(refuse=False)
    page.get_by_text(language, exact=True).click()
    assert barriers(page) == []
    page.reload()
    page.locator(".launch-bar button").click()
    assert barriers(page) == []
    page.locator("input[name=authority]").fill(AUTHORITY)
    page.locator("dialog button[type=submit]").click()
    expect(page.get_by_role("log").locator("li").nth(3)).to_be_visible()
    mock.tell(link="LOST", failsafe="GCS failsafe")
    expect(card(page, "drone-1")).to_have_attribute("data-freshness", "lost")
    assert barriers(page) == []
    page.locator("#tab-schedules").click()
    assert barriers(page) == []
