"""The surface of docs/http.md over a made-up world, for console tests only.

``python -m tests.browser.mock_service --port 8090 --speed 4`` serves it for
development; ``/mock/…`` makes things go wrong.
"""

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response, WebSocket
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from starlette.websockets import WebSocketDisconnect

from patrolctl.domain.jsondoc import encode
from patrolctl.domain.machines import LinkState
from patrolctl.domain.plan import Plan, PlanKind
from patrolctl.domain.telemetry import EventKind
from patrolctl.domain.violation import Severity, Violation
from tests.browser.mock_aftermath import add_aftermath
from tests.browser.scenario import (
    CLIP,
    FLEET,
    SITE_ID,
    World,
    lonlat,
    make_plan,
    site_features,
)

STATIC = Path(__file__).parents[2] / "src/patrolctl/web/static"
PREFIX = "/api/v1"
TICK_S = 0.1

TEXTS = (
    ("zh", "各位居民，请留在家中，物资会送到门口。谢谢大家！"),
    (
        "en",
        "Dear residents, please stay at home. Supplies come to your door. Thank you!",
    ),
)


class PlanBody(BaseModel):
    mission_id: str
    kind: PlanKind
    zone: str | None = None
    drones: int | None = None
    window: str | None = None
    seed: int | None = None
    time_limit_s: float | None = None


class RunBody(BaseModel):
    plan_id: str
    authority: str | None = None
    vehicles: dict[str, str] | None = None
    loops: int | None = None
    override: list[str] = []
    override_reason: str | None = None


class Mischief(BaseModel):
    text: str = ""
    vehicle: str = "drone-1"
    link: LinkState | None = None
    failsafe: str | None = None
    refuse: bool | None = None
    against: list[str] | None = None
    fleet_answer: str | None = None
    raw: str | None = None


class Mock:
    def __init__(self, speed: float) -> None:
        self.group = asyncio.TaskGroup()
        self.sockets: set[WebSocket] = set()
        self.reset(speed)

    def reset(self, speed: float) -> None:
        """A new world, for the next test."""
        self.world = World(speed=speed)
        self.refuse = False
        self.against: list[str] = []
        self.fleet_answer = "ok"
        self.jobs: dict[str, dict[str, object]] = {}
        self.enabled = True
        self.launches: list[RunBody] = []

    async def send(self, kind: str, data: object) -> None:
        await self.send_raw(f'{{"type":"{kind}","data":{encode(data).decode()}}}')

    async def send_raw(self, text: str) -> None:
        for one in tuple(self.sockets):
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await one.send_text(text)

    async def tick(self) -> None:
        n = 0
        while True:
            await asyncio.sleep(TICK_S)
            n += 1
            self.world.tick(TICK_S)
            out, self.world.out = self.world.out, []
            for kind, data in out:
                await self.send(kind, data)
            if n % 2 == 0:
                for p in self.world.puppets.values():
                    await self.send("telemetry", self.sample(p.entry.id))

    def sample(self, vehicle_id: str) -> object:
        p = self.world.puppets[vehicle_id]
        sortie = p.sortie.id if p.sortie else None
        return {**json.loads(encode(p.telemetry())), "sortie": sortie}

    def hello(self) -> object:
        vehicles = [
            {"entry": p.entry, "telemetry": self.sample(p.entry.id), "sortie": None}
            for p in self.world.puppets.values()
        ]
        return {
            "version": "mock",
            "vehicles": vehicles,
            "runs": self.world.active(),
            "speakers": list(self.world.speakers.values()),
        }

    async def solve(self, job_id: str, kind: PlanKind) -> None:
        job = self.jobs[job_id]
        for i in range(1, 9):
            await asyncio.sleep(0.35)
            job |= {
                "state": "solving",
                "progress_ratio": i / 8,
                "text": f"{i * 11} stations",
            }
            await self.send("job", job)
        plan_id = f"plan-{len(self.world.plans) + 1}"
        self.world.plans[plan_id] = make_plan(kind)
        job |= {"state": "done", "plan_id": plan_id}
        await self.send("job", job)


def answer(value: object, status: int = 200) -> Response:
    return Response(encode(value), status, media_type="application/json")


def problem(status: int, title: str, **more: object) -> JSONResponse:
    body = {"type": f"/problems/{title}", "title": title, "status": status, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


def head(plan_id: str, plan: Plan) -> dict[str, object]:
    return {
        "id": plan_id,
        "kind": plan.kind,
        "site_id": plan.site_id,
        "created_utc": plan.created_utc,
        "summary": plan.summary,
    }


def create_app(speed: float = 1.0) -> FastAPI:
    mock = Mock(speed)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with mock.group as group:
            ticking = group.create_task(mock.tick(), name="tick")
            yield
            ticking.cancel()

    app = FastAPI(lifespan=lifespan)
    app.state.mock = mock
    add_reading(app, mock)
    add_aftermath(app, PREFIX)
    add_doing(app, mock)
    add_mischief(app, mock)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return app


def add_reading(app: FastAPI, mock: Mock) -> None:
    @app.get(f"{PREFIX}/sites")
    def sites() -> Response:
        w, s = lonlat(-40, -40)
        e, n = lonlat(300, 220)
        entry = {"id": SITE_ID, "name": "Made-up estate 示例小区", "buildings": 9}
        bounds = {"households": 500, "bounds": [w, s, e, n], "warnings": []}
        return answer([entry | bounds])

    @app.get(f"{PREFIX}/sites/{{site_id}}")
    def site(site_id: str) -> Response:
        return answer({"type": "FeatureCollection", "features": site_features()})

    @app.get(f"{PREFIX}/missions")
    def missions() -> Response:
        return answer(
            [
                {
                    "id": "made-up",
                    "name": "Made-up mission",
                    "site_id": SITE_ID,
                    "announcements": ["stay-home"],
                    "vehicles": [v.id for v in FLEET],
                    "schedules": ["morning"],
                }
            ]
        )

    @app.get(f"{PREFIX}/announcements")
    def announcements() -> Response:
        said = [{"lang": lang, "text": text} for lang, text in TEXTS]
        return answer([{"id": "stay-home", "utterances": said, "repeats": 1}])

    @app.get(f"{PREFIX}/plans")
    def plans() -> Response:
        return answer([head(i, p) for i, p in reversed(mock.world.plans.items())])

    @app.get(f"{PREFIX}/plans/jobs/{{job_id}}")
    def job(job_id: str) -> Response:
        return answer(mock.jobs[job_id])

    @app.get(f"{PREFIX}/plans/{{plan_id}}")
    def plan(plan_id: str) -> Response:
        return answer(mock.world.plans[plan_id])

    @app.get(f"{PREFIX}/plans/{{plan_id}}/check")
    def check(plan_id: str) -> Response:
        lon, lat = lonlat(206, 158)
        bad = Violation(
            "sortie-2", 6, "no-fly", "leg crosses School", lat_deg=lat, lon_deg=lon
        )
        advice = Violation(None, None, "wind", "no wind is known", Severity.ADVISE)
        return answer({"violations": [bad, advice] if mock.refuse else [advice]})

    @app.get(f"{PREFIX}/runs")
    def runs() -> Response:
        return answer(list(mock.world.runs.values()))

    @app.get(f"{PREFIX}/runs/{{run_id}}/{{what}}")
    def of_run(run_id: str, what: str) -> Response:
        facts = {"events": mock.world.events, "playbacks": mock.world.playbacks}
        return answer(facts[what][run_id] if what in facts else [])

    @app.get(f"{PREFIX}/schedules/questions")
    @app.get(f"{PREFIX}/schedules/conflicts")
    @app.get(f"{PREFIX}/conditions/no_fly")
    @app.get(f"{PREFIX}/conditions/weather/{{site_id}}")
    def none_of(site_id: str = "") -> Response:
        del site_id
        return answer([])

    @app.get(f"{PREFIX}/conditions/plans/{{plan_id}}")
    def against(plan_id: str) -> Response:
        del plan_id
        told = {
            "wind": "9.0 m/s (entered by li), at most 8.4 m/s",
            "rain": "0.4 mm/h (a service), at most 0.0 mm/h",
            "airspace": "run run-7 is RUNNING in the same airspace",
        }
        return answer([Violation(None, None, r, told[r]) for r in mock.against])

    @app.get(f"{PREFIX}/conditions/rules")
    def rules() -> Response:
        return answer({"overridable": ["rain", "wind"], "wind_ratio": 0.7})

    @app.get(f"{PREFIX}/schedules")
    def schedules() -> Response:
        now = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
        due = [now + timedelta(hours=h) for h in (3, 27, 51)] if mock.enabled else []
        row = {
            "id": "morning",
            "rrule": "FREQ=DAILY",
            "time_zone": "Asia/Shanghai",
            "enabled": mock.enabled,
            "announcement": "stay-home",
            "work": ["drone", "loop"],
            "mission_id": "made-up",
            "next_utc": due,
        }
        return answer([row])

    @app.get(f"{PREFIX}/evidence/{{run_id}}")
    def evidence(run_id: str) -> Response:
        return answer(mock.world.evidence(run_id))


def add_doing(app: FastAPI, mock: Mock) -> None:
    @app.post(f"{PREFIX}/plans")
    async def start_plan(body: PlanBody) -> Response:
        job_id = f"job-{len(mock.jobs) + 1}"
        mock.jobs[job_id] = {
            "job_id": job_id,
            "state": "queued",
            "progress_ratio": 0,
            "text": "",
        }
        mock.group.create_task(mock.solve(job_id, body.kind), name=job_id)
        return answer({"job_id": job_id}, 202)

    @app.post(f"{PREFIX}/runs")
    async def launch(body: RunBody) -> Response:
        mock.launches.append(body)
        if not body.authority:
            return problem(
                422, "no authority", faults=[{"place": "authority", "what": "x"}]
            )
        return answer(mock.world.launch(body.plan_id, body.authority), 201)

    @app.post(f"{PREFIX}/runs/{{run_id}}/{{verb}}")
    async def command(run_id: str, verb: str) -> Response:
        mock.world.command(run_id, verb)
        return answer(mock.world.runs[run_id], 202)

    @app.post(f"{PREFIX}/fleet/{{verb}}")
    async def fleet(verb: str) -> Response:
        for run in mock.world.active():
            mock.world.command(run.id, verb)
        told = dict.fromkeys(mock.world.puppets, "ok")
        return answer({"vehicles": told | {"drone-2": mock.fleet_answer}}, 202)

    @app.post(f"{PREFIX}/schedules/{{schedule_id}}/{{verb}}")
    async def schedule(schedule_id: str, verb: str) -> Response:
        if verb == "run_now":
            mock.world.launch(next(iter(mock.world.plans)), "by schedule")
        else:
            mock.enabled = verb == "resume"
        return answer({"accepted": True}, 202)

    @app.websocket(f"{PREFIX}/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(
            f'{{"type":"hello","data":{encode(mock.hello()).decode()}}}'
        )
        mock.sockets.add(socket)
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            mock.sockets.discard(socket)


def add_mischief(app: FastAPI, mock: Mock) -> None:
    @app.post("/mock")
    async def mischief(body: Mischief) -> Response:
        puppet = mock.world.puppets[body.vehicle]
        if body.link is not None:
            puppet.link = body.link
        puppet.failsafe = body.failsafe
        if body.text:
            mock.world.vehicle_fact(body.vehicle, EventKind.TEXT, body.text, 3)
        if body.against is not None:
            mock.against = body.against
        if body.refuse is not None:
            mock.refuse = body.refuse
        if body.fleet_answer is not None:
            mock.fleet_answer = body.fleet_answer
        if body.raw is not None:
            await mock.send_raw(body.raw)
        return answer({})

    @app.post("/mock/reset")
    async def reset(speed: float) -> Response:
        mock.reset(speed)
        return answer({})

    @app.get("/mock/launches")
    def launches() -> list[RunBody]:
        return mock.launches


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--port", type=int, default=8090)
    words.add_argument("--speed", type=float, default=1.0)
    args = words.parse_args()
    uvicorn.run(
        create_app(args.speed), host="127.0.0.1", port=args.port, log_level="warning"
    )


if __name__ == "__main__":
    assert len(CLIP) == 64
    main()
