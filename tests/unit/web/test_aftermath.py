"""Reports, gaps, exposure, overview and alerts over HTTP."""

import importlib.util
import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from patrolctl.app.aftermath import Followed, Parts, open_aftermath
from patrolctl.control.aftermath.alerts import Watch
from patrolctl.control.conditions.exposure import Admitted, Ledger
from patrolctl.domain.errors import GateRefused
from patrolctl.domain.exposure import ExposureCaps
from patrolctl.domain.ids import RunId
from patrolctl.domain.violation import Violation
from patrolctl.evidence import verify
from patrolctl.web import create_app

_SPEC = importlib.util.spec_from_file_location(
    "aftermath_court", Path(__file__).parents[1] / "aftermath" / "conftest.py"
)
court = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(court)


@pytest.fixture
def followed(stage, tmp_path):
    """``async with followed() as (http, flown)``: the stage with its aftermath."""

    @asynccontextmanager
    async def opened():
        stage.kit.brief = replace(
            stage.kit.brief, site=court.SITE,
            announcements=(replace(stage.kit.brief.announcements[0], id="a"),),
        )  # fmt: skip
        async with stage.open() as on, AsyncExitStack() as stack:
            by = on.services
            store, clock = by.store, stage.kit.clock
            ledger = Ledger(store.aftermath, clock, ExposureCaps())
            parts = Parts(
                by.library, by.planner, by.fleet, by.runs, store, by.feed, clock
            )
            aftermath = await open_aftermath(
                stack, Followed(parts, ledger, Watch({}), tmp_path), None
            )
            app = create_app(replace(by, aftermath=aftermath))
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            http = await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=transport, base_url="http://127.0.0.1:8080/api/v1"
                )
            )
            yard = court.Court(
                store, clock, by.feed, by.library, by.runs, by.planner, ledger,
                aftermath.gaps,
            )  # fmt: skip

            async def flown(run_id: str, heard: str) -> None:
                await aftermath.gaps.follow_up(await yard.flown(run_id, heard))

            yield http, flown

    return opened


async def test_a_report_is_signed_with_the_key_that_is_told(followed):
    async with followed() as (http, flown):
        await flown("r1", "E")
        told = (await http.get("/evidence/public-key")).json()
        assert told["algorithm"] == "Ed25519"
        answer = await http.get("/evidence/r1/report.json")
        assert answer.headers["content-type"] == "application/json"
        assert 'filename="evidence-r1.json"' in answer.headers["content-disposition"]
        found = verify(answer.content, source="r", public_key=told["public_key"])
        assert found.report.run_id == "r1"
        assert found.signature.fingerprint == told["fingerprint"]
        changed = json.loads(answer.content)
        changed["report"]["evidence"]["summary"]["reached"] += 1
        with pytest.raises(Exception, match="changed after it was written"):
            verify(json.dumps(changed).encode(), source="r")
        for form, kind in (
            ("html", "text/html"), ("csv", "text/csv"),
            ("geojson", "application/geo+json"),
        ):  # fmt: skip
            answer = await http.get(f"/evidence/r1/report.{form}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(kind)
        assert told["public_key"] in (await http.get("/evidence/r1/report.html")).text
        assert (await http.get("/evidence/r1/report.pdf")).status_code == 422
        assert (await http.get("/evidence/r2/report.json")).status_code == 404


async def test_a_gap_is_followed_over_http(followed):
    async with followed() as (http, flown):
        await flown("r1", "E")
        (head,) = (await http.get("/gaps")).json()
        assert (head["id"], head["state"]) == ("r1", "open")
        assert head["missing_households"] == 4
        assert (await http.get("/gaps", params={"state": "closed"})).json() == []
        gap = (await http.get("/gaps/r1")).json()
        assert len(gap["missing"]["households"]) == 4
        assert (await http.get("/gaps/r2")).status_code == 404
        said = await http.post("/gaps/r1/acknowledge", json={"text": "seen"})
        assert said.json()["state"] == "acknowledged"
        assert said.json()["steps"][-1]["actor"] == "local operator"
        assert (
            await http.post("/gaps/r1/close", json={"text": " "})
        ).status_code == 422
        closed = await http.post("/gaps/r1/close", json={"text": "told at the door"})
        assert closed.json()["state"] == "closed"
        again = await http.post("/runs/r1/rerun", json={})
        assert again.status_code == 409
        alerts = (await http.get("/alerts")).json()
        assert [a["kind"] for a in alerts] == ["gap_closed", "gap_opened"]


async def test_the_rest_is_a_planning_job(followed):
    async with followed() as (http, flown):
        await flown("r1", "E")
        answer = await http.post("/runs/r1/rerun", json={})
        # The stage's fleet has a copter, so that the job is taken on.
        assert answer.status_code == 202, answer.text
        job = (await http.get(f"/plans/jobs/{answer.json()['job_id']}")).json()
        assert job["order"]["rerun_of"] == "r1"
        assert answer.headers["location"].endswith(answer.json()["job_id"])
        assert (await http.post("/runs/r9/rerun", json={})).status_code == 404
        # The verbs of a run are still there.
        assert (await http.post("/runs/r1/hold")).status_code == 409


async def test_exposure_and_overview(followed):
    async with followed() as (http, flown):
        await flown("r1", "EW")
        day = (await http.get("/exposure/court")).json()
        assert day["runs"] == 1
        assert day["caps"] == {
            "laeq_24h_db": 70.0, "repeats": 24, "excess": "refuse",
        }  # fmt: skip
        assert {h["repeats"] for h in day["households"]} == {1}
        other = await http.get("/exposure/court", params={"day": "2020-01-01"})
        assert other.json()["households"] == []
        assert (await http.get("/exposure/nowhere")).status_code == 404
        bad = await http.get("/exposure/court", params={"day": "soon"})
        assert bad.status_code == 422
        seen = (await http.get("/overview", params={"days": 7})).json()
        assert seen["sites"][0]["site_id"] == "court"
        assert seen["sites"][0]["trend"][0]["ratio"] == 1.0


async def test_without_an_aftermath_it_says_so(stage):
    async with stage.open() as on:
        answer = await on.http.get("/api/v1/overview")
        assert answer.status_code == 409
        assert "does not follow runs up" in answer.json()["detail"]


async def test_a_launch_is_held_against_the_ledger(stage, tmp_path, make):
    """A plan over its cap does not start, thinned it does, under its own id."""

    async def refuse(plan, site):
        raise GateRefused(
            (Violation(None, None, "exposure-day-repeats", "a/1-1 had enough"),)
        )

    async def thin(plan, site):
        told = Violation(None, None, "exposure-day-repeats", "1 left out")
        return Admitted(replace(plan, warnings=("thinned",)), (told,))

    kit = stage.kit
    async with stage.open() as on:
        by = on.runs._by
        await on.plan(make.copter_sortie("s1", stations=1))
        on.runs._by = replace(by, admit=refuse)
        answer = await on.http.post("/api/v1/runs", json={"plan_id": "p1"})
        assert answer.status_code == 409
        assert answer.json()["violations"][0]["rule"] == "exposure-day-repeats"
        on.runs._by = replace(by, admit=thin)
        answer = await on.http.post("/api/v1/runs", json={"plan_id": "p1"})
        assert answer.status_code == 201, answer.text
        run = answer.json()
        assert run["plan_id"].startswith("p1-thin-")
        kept = await kit.store.plan(run["plan_id"])
        assert kept.warnings == ("thinned",)
        events = await kit.store.run_events(RunId(run["id"]))
        assert any("1 left out" in e.text for e in events)
