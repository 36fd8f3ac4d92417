import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from patrolctl.domain.brief import Schedule
from patrolctl.domain.errors import StoreFailed
from patrolctl.domain.ids import AnnouncementId, ScheduleId
from patrolctl.domain.plan import PlanKind
from patrolctl.domain.violation import Violation

API = "/api/v1"
PROBLEM = "application/problem+json"


def is_problem(answer, status: int, slug: str) -> dict:
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    document = answer.json()
    assert document["type"] == f"urn:patrolctl:problem:{slug}"
    assert document["status"] == status
    assert document["title"]
    return document


async def test_places_and_sounds(stage) -> None:
    async with stage.open():
        (site,) = (await stage.http.get(f"{API}/sites")).json()
        assert site["id"] == "yard"
        west, south, east, north = site["bounds"]
        assert west < 117.2 < east
        assert south < 34.2 < north
        geo = (await stage.http.get(f"{API}/sites/yard")).json()
        assert geo["type"] == "FeatureCollection"
        assert {f["properties"]["kind"] for f in geo["features"]} == {"geofence"}
        (mission,) = (await stage.http.get(f"{API}/missions")).json()
        assert mission["vehicles"] == ["d1", "d2", "car"]
        (said,) = (await stage.http.get(f"{API}/announcements")).json()
        assert said["utterances"] == [{"lang": "en", "text": "hello"}]
        (clip,) = (await stage.http.get(f"{API}/clips")).json()
        assert said["clip_sha256"] == clip["sha256"]
        assert "path" not in clip


async def test_a_clip_is_sent_as_a_wav(stage, make, tmp_path: Path) -> None:
    wav = tmp_path / "x.wav"
    wav.write_bytes(b"RIFF")
    async with stage.open():
        is_problem(
            await stage.http.get(f"{API}/clips/{make.SHA}.wav"), 404, "not-found"
        )
        stage.services.library.keep(replace(make.CLIP, path=str(wav)))
        answer = await stage.http.get(f"{API}/clips/{make.SHA}.wav")
        assert answer.content == b"RIFF"
        assert answer.headers["content-type"] == "audio/wav"
        for bad in ("..%2f..%2fetc%2fpasswd", "A" * 64, "zz"):
            answer = await stage.http.get(f"{API}/clips/{bad}.wav")
            assert answer.status_code in {404, 422}


async def test_a_run_from_launch_to_evidence(stage, make) -> None:
    async with stage.open():
        await stage.plan(make.copter_sortie("s1", 1))
        answer = await stage.http.post(
            f"{API}/runs", json={"plan_id": "p1", "authority": "order 7"}
        )
        assert answer.status_code == 201
        run = answer.json()
        url = answer.headers["location"]
        assert url == f"{API}/runs/{run['id']}"
        assert run["authority"] == "order 7"
        assert run["progress_ratio"] == 0.0
        again = await stage.http.post(
            f"{API}/runs", json={"plan_id": "p1", "vehicles": {"s1": "d1"}}
        )
        assert "busy" in is_problem(again, 409, "conflict")["detail"]
        await stage.kit.until(lambda: not stage.runs.under_way)
        run = (await stage.http.get(url)).json()
        assert run["phase"] == "FINISHED"
        assert run["progress_ratio"] == 1.0
        texts = [e["text"] for e in (await stage.http.get(f"{url}/events")).json()]
        assert texts[0].startswith("launched by local operator, authority order 7")
        assert texts[-1].startswith("evidence: ")
        assert len((await stage.http.get(f"{url}/track")).json()) > 30
        (played,) = (await stage.http.get(f"{url}/playbacks")).json()
        assert played["status"] == "completed"
        proof = (await stage.http.get(f"{API}/evidence/{run['id']}")).json()
        assert proof["summary"]["playbacks_complete"] == 1
        assert [r["id"] for r in (await stage.http.get(f"{API}/runs")).json()] == [
            run["id"]
        ]
        actions = [e["action"] for e in (await stage.http.get(f"{API}/audit")).json()]
        assert actions == ["launch refused", "launch"]
        late = await stage.http.post(f"{url}/hold")
        assert "FINISHED" in is_problem(late, 409, "conflict")["detail"]


async def test_commands_of_a_run(stage, make) -> None:
    async with stage.open():
        await stage.plan(make.copter_sortie("s1"))
        run = (await stage.http.post(f"{API}/runs", json={"plan_id": "p1"})).json()
        d = stage.kit.vehicles["d1"]
        await stage.kit.until(lambda: d.armed)
        await stage.kit.clock.advance(1)
        for verb, phase in (
            ("hold", "HELD"),
            ("resume", "RUNNING"),
            ("stop", "HELD"),
            ("silence", "HELD"),
            ("return_home", "RETURNING"),
        ):
            answer = await stage.http.post(f"{API}/runs/{run['id']}/{verb}")
            assert answer.status_code == 202, answer.text
            assert answer.json()["sorties"][0]["phase"] == phase
        await stage.kit.until(lambda: not stage.runs.under_way)
        is_problem(
            await stage.http.post(f"{API}/runs/{run['id']}/explode"), 422, "bad-input"
        )


async def test_the_gates_refusal_lists_its_violations(stage, make) -> None:
    stage.kit.gate.plan_found = (
        Violation("s1", 3, "no-fly", "crosses the school", measured=2.0, limit=10.0),
    )
    async with stage.open():
        await stage.plan(make.copter_sortie("s1"))
        answer = await stage.http.post(f"{API}/runs", json={"plan_id": "p1"})
        document = is_problem(answer, 409, "gate-refused")
        assert document["violations"][0]["rule"] == "no-fly"
        assert document["violations"][0]["seq"] == 3
        found = (await stage.http.get(f"{API}/plans/p1/check")).json()
        assert found["violations"][0]["reason"] == "crosses the school"
        assert (await stage.http.get(f"{API}/runs")).json() == []


async def test_fleet_stop_is_obeyed_while_the_database_hangs(
    stage, make, monkeypatch
) -> None:
    async with stage.open():

        async def hang(*args: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(stage.kit.store, "audit", hang)
        async with asyncio.timeout(2), asyncio.TaskGroup() as group:
            # the answer is complete before the books are written
            asking = group.create_task(stage.http.post(f"{API}/fleet/stop"))
            fleet = stage.kit.vehicles.values()
            await stage.kit.until(lambda: all("stop" in v.calls for v in fleet))
            asking.cancel()


async def test_fleet_commands(stage) -> None:
    async with stage.open():
        answer = await stage.http.post(f"{API}/fleet/stop")
        assert answer.status_code == 202
        assert answer.json() == {"vehicles": {"d1": "ok", "d2": "ok", "car": "ok"}}
        (entry,) = (await stage.http.get(f"{API}/audit")).json()
        assert entry["action"] == "fleet stop"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "slug"),
    [
        ("GET", "/nothing", None, 404, "not-found"),
        ("GET", "/sites/nowhere", None, 404, "not-found"),
        ("GET", "/plans/p9", None, 404, "not-found"),
        ("GET", "/plans/jobs/j9", None, 404, "not-found"),
        ("GET", "/runs/r9", None, 404, "not-found"),
        ("GET", "/runs/r9/track", None, 404, "not-found"),
        ("GET", "/evidence/r9", None, 404, "not-found"),
        ("POST", "/runs/r9/hold", None, 404, "not-found"),
        ("POST", "/schedules/s9/run_now", None, 404, "not-found"),
        ("DELETE", "/runs", None, 405, "method-not-allowed"),
        ("POST", "/runs", {"plan_id": "p9"}, 404, "not-found"),
        ("POST", "/runs", {}, 422, "bad-input"),
        ("POST", "/runs", {"plan_id": 7}, 422, "bad-input"),
        ("POST", "/runs", {"plan_id": "p", "x": 1}, 422, "bad-input"),
        ("POST", "/plans", {"mission_id": "m9", "kind": "drone"}, 404, "not-found"),
        ("POST", "/plans", {"mission_id": "yard", "kind": "x"}, 422, "bad-input"),
        ("POST", "/clips", {"announcement_id": "a9"}, 404, "not-found"),
        ("GET", "/runs?limit=0", None, 422, "bad-input"),
    ],
)
async def test_every_error_is_a_problem_document(
    stage, method, path, body, status, slug
) -> None:
    async with stage.open():
        answer = await stage.http.request(method, f"{API}{path}", json=body)
        document = is_problem(answer, status, slug)
        assert document["detail"]
        if slug == "bad-input":
            assert document["faults"][0]["place"]


async def test_broken_json_and_a_broken_store(stage, monkeypatch) -> None:
    async with stage.open():
        answer = await stage.http.post(
            f"{API}/runs", content=b"{", headers={"content-type": "application/json"}
        )
        is_problem(answer, 422, "bad-input")

        async def broken(**kwargs: object) -> None:
            raise StoreFailed("disk is full")

        monkeypatch.setattr(stage.kit.store, "runs", broken)
        is_problem(await stage.http.get(f"{API}/runs"), 503, "store")
        answer = await stage.http.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"ready": False, "faults": {"store": "disk is full"}}
        assert (await stage.http.get("/healthz")).status_code == 200


async def test_a_defect_tells_nothing_of_our_inside(stage, monkeypatch) -> None:
    async with stage.open():

        async def broken(**kwargs: object) -> None:
            raise ZeroDivisionError("secret")

        monkeypatch.setattr(stage.kit.store, "runs", broken)
        answer = await stage.http.get(f"{API}/runs")
        document = is_problem(answer, 500, "defect")
        assert "secret" not in document["detail"]


async def test_schedules(stage) -> None:
    daily = Schedule(
        ScheduleId("daily"),
        AnnouncementId("a"),
        (PlanKind.DRONE,),
        "FREQ=DAILY",
        datetime.fromisoformat("2026-01-01T08:00"),
        "Asia/Shanghai",
    )
    stage.kit.brief = replace(stage.kit.brief, schedules=(daily,))
    async with stage.open():
        (seen,) = (await stage.http.get(f"{API}/schedules")).json()
        assert seen["next_utc"][:2] == ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]
        assert seen["enabled"] is True
        assert seen["mission_id"] == "yard"
        for verb, enabled in (("pause", False), ("resume", True)):
            answer = await stage.http.post(f"{API}/schedules/daily/{verb}")
            assert answer.status_code == 202
            (seen,) = (await stage.http.get(f"{API}/schedules")).json()
            assert seen["enabled"] is enabled


async def test_system_documents(stage) -> None:
    async with stage.open():
        assert (await stage.http.get("/healthz")).json()["status"] == "ok"
        assert (await stage.http.get("/readyz")).json() == {"ready": True, "faults": {}}
        assert (await stage.http.get("/asyncapi.json")).json()["asyncapi"] == "3.0.0"
        metrics = (await stage.http.get("/metrics")).text
        assert 'patrolctl_vehicle_link{state="LIVE",vehicle="d1"} 1.0' in metrics
        assert "patrolctl_store_ok 1.0" in metrics
        (user,) = (await stage.http.get(f"{API}/users")).json()
        assert "no log-in" in user["note"]
        document = (await stage.http.get(f"{API}/openapi.json")).json()
        assert document["openapi"].startswith("3.1")
        assert "Problem" in document["components"]["schemas"]
        assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_the_console_or_how_to_build_it(stage, tmp_path: Path) -> None:
    async with stage.open(static_dir=tmp_path):
        answer = await stage.http.get("/")
        assert answer.status_code == 503
        assert "make console" in answer.text
    (tmp_path / "index.html").write_text("<p>console</p>")
    (tmp_path / "a.js").write_text("1")
    async with stage.open(static_dir=tmp_path):
        answer = await stage.http.get("/")
        assert answer.text == "<p>console</p>"
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert (await stage.http.get("/a.js")).status_code == 200
        is_problem(await stage.http.get("/..%2fsecret"), 404, "not-found")
        is_problem(await stage.http.get(f"{API}/nothing"), 404, "not-found")
