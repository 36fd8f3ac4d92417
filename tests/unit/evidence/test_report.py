"""Reports: the same facts in four forms, and a digest that holds."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from patrolctl.domain.errors import InputError
from patrolctl.domain.sound import PlaybackStatus
from patrolctl.evidence import Dossier, render, verify


@pytest.fixture
def dossier(story, site):
    track = story.track()
    played = story.played()
    return Dossier(story.prove(played), story.plan, site, (played,), track)


class _Tags(HTMLParser):
    """Collects tags and checks that they close in order."""

    VOID = ("meta", "br", "rect", "line", "circle", "path", "polyline")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_json_carries_everything_and_its_digest_holds(dossier):
    raw = render(dossier, "json")
    report = verify(raw, source="report.json").report
    assert report.evidence == dossier.evidence
    assert report.floors[0].floor == 1
    assert sum(f.reached for f in report.floors) == 10
    assert [(z.zone_class, z.receivers) for z in report.zones] == [("sealed", 11)]
    assert report.reasons[0].reason == "not planned: no line of sight"
    assert report.comparison.promised_and_reached == 10
    assert render(dossier, "json") == raw


@pytest.mark.parametrize(
    "change", [('"reached": false', '"reached": true'), ("F1.1", "F1.2")]
)
def test_a_changed_report_is_found_out(dossier, change):
    raw = render(dossier, "json").decode()
    assert change[0] in raw
    with pytest.raises(InputError, match="digest"):
        verify(raw.replace(*change).encode(), source="report.json")


def test_what_is_no_report_is_refused():
    for raw in (b"[]", b"{}", b"\xff"):
        with pytest.raises(InputError):
            verify(raw, source="x.json")


def test_csv_has_a_row_for_each_receiver(dossier):
    rows = list(csv.DictReader(io.StringIO(render(dossier, "csv").decode())))
    assert len(rows) == 11
    w5 = next(r for r in rows if r["receiver"] == "w5")
    assert (w5["reached"], w5["floor"], w5["zone_class"]) == ("1", "5", "sealed")
    assert float(w5["sti_planned"]) == 0.6


def test_csv_cells_are_never_formulas(dossier):
    names = tuple(replace(r, household="=HYPERLINK(1)") for r in dossier.plan.receivers)
    evil = tuple(
        replace(r, household="=HYPERLINK(1)") for r in dossier.evidence.receivers
    )
    bad = replace(
        dossier,
        plan=replace(dossier.plan, receivers=names),
        evidence=replace(dossier.evidence, receivers=evil),
    )
    cells = [c for row in csv.reader(io.StringIO(render(bad, "csv").decode()))
             for c in row]  # fmt: skip
    assert not [c for c in cells if c.startswith(("=", "+", "@"))]


def test_geojson_is_lon_lat_and_holds_buildings_and_receivers(dossier):
    document = json.loads(render(dossier, "geojson"))
    kinds = [f["properties"]["kind"] for f in document["features"]]
    assert (kinds.count("building"), kinds.count("receiver")) == (1, 11)
    lon, lat = document["features"][1]["geometry"]["coordinates"][:2]
    assert (round(lon, 2), round(lat, 2)) == (117.2, 34.2)
    ring = document["features"][0]["geometry"]["coordinates"][0][0]
    assert all(round(p[0], 2) == 117.2 for p in ring)
    assert document["digest_sha256"] == dossier.report().digest()


def test_the_page_is_whole_and_needs_nothing_else(dossier):
    page = render(dossier, "html").decode()
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    names = {t for t, _ in tags.seen}
    assert not names & {"script", "link", "img", "iframe"}
    assert not re.search(r"(href|src)=|https?://|@import", page)
    assert dossier.report().digest() in page
    assert "10 of 11" in page
    assert page.count('class="facade"') == 1
    assert page.count('class="building"') == 1
    assert page.count('class="station"') == 1
    assert 'class="track"' in page


def test_hostile_names_stay_text(dossier, story, site):
    bad = "<script>alert(1)</script>"
    evil = replace(site, name=bad, buildings=(replace(site.buildings[0], name=bad),))
    cut = story.played(
        status=PlaybackStatus.CUT, complete=False, repeats_done=0, reason=bad
    )
    plan = replace(story.plan, receivers=story.plan.receivers)
    page = render(Dossier(story.prove(cut), plan, evil), "html").decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_evidence_of_another_plan_is_refused(dossier):
    other = replace(dossier.plan, receivers=dossier.plan.receivers[1:])
    with pytest.raises(InputError, match="other receivers"):
        render(replace(dossier, plan=other), "csv")


def test_a_site_without_anything_still_reports(story, site):
    empty = replace(story.plan, receivers=(), sorties=())
    story.plan = empty
    bare = replace(site, buildings=(), zones=())
    for form in ("json", "csv", "geojson", "html"):
        assert render(Dossier(story.prove(), empty, bare), form)
