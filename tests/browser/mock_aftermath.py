"""Gaps, alerts, exposure and the overview of the mocked service."""

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel

NOW = "2026-01-05T08:00:00Z"


class Rerun(BaseModel):
    """What the console asks for."""

    launch: bool = False


class Note(BaseModel):
    """What somebody says."""

    text: str


def a_gap() -> dict[str, object]:
    """Four households that a run missed, yesterday."""
    opened = {
        "ts_utc": NOW, "actor": "service", "deed": "opened",
        "text": "8 receivers of 4 households", "run_id": None, "plan_id": None,
    }  # fmt: skip
    return {
        "id": "run-yesterday", "site_id": "made-up", "plan_id": "p0",
        "kind": "drone", "announcement": "stay-home", "opened_utc": NOW,
        "state": "open", "missed_receivers": 8, "missed_households": 4,
        "missing_receivers": 8, "missing_households": 4, "acknowledged_by": None,
        "steps": [opened],
    }  # fmt: skip


def overview(gap: dict[str, object]) -> dict[str, object]:
    """One site with a run under way, two days, the gap and an alert."""
    days = [
        {"day": f"2026-01-0{d}", "runs": 2, "finished": 2, "receivers": 100,
         "reached": reached, "households": 40, "households_reached": 38,
         "ratio": reached / 100}
        for d, reached in ((4, 100), (5, 90))
    ]  # fmt: skip
    situation = {
        "runs": [{"id": "run-now", "phase": "RUNNING", "progress_ratio": 0.25,
                  "vehicles": ["drone-1"]}],
        "vehicles": 3, "vehicles_live": 2, "vehicles_out": 1, "gaps_open": 1,
        "households_missing": 4,
    }  # fmt: skip
    alert = {
        "id": "a1", "ts_utc": NOW, "site_id": "made-up", "kind": "vehicle",
        "level": "urgent", "text": "drone-2: failsafe: battery low",
        "run_id": None, "vehicle_id": "drone-2",
    }  # fmt: skip
    site = {"site_id": "made-up", "name": "Estate", "situation": situation,
            "trend": days}  # fmt: skip
    gaps = [] if gap["state"] == "closed" else [gap]
    return {"ts_utc": NOW, "sites": [site], "gaps": gaps, "alerts": [alert]}


def exposure(site_id: str) -> dict[str, object]:
    """One household that had its share."""
    rows = [
        {"household": f"b/{n}-1", "laeq_24h_db": 40.0 + n, "repeats": 6 * n,
         "loudest_db": 70.0, "runs": n}
        for n in (1, 4)
    ]  # fmt: skip
    caps = {"laeq_24h_db": 70.0, "repeats": 24, "excess": "refuse"}
    return {"site_id": site_id, "day": "2026-01-05", "caps": caps, "runs": 4,
            "households": rows}  # fmt: skip


def add_aftermath(app: FastAPI, prefix: str) -> None:
    """Serve it; what was asked for is at ``/mock/aftermath``."""
    gap = a_gap()
    asked: list[dict[str, object]] = []

    @app.get(f"{prefix}/gaps")
    def gaps() -> JSONResponse:
        return JSONResponse([gap])

    @app.get(f"{prefix}/overview")
    def seen() -> JSONResponse:
        return JSONResponse(overview(gap))

    @app.get(f"{prefix}/exposure/{{site_id}}")
    def exposed(site_id: str) -> JSONResponse:
        return JSONResponse(exposure(site_id))

    @app.post(f"{prefix}/runs/{{run_id}}/rerun")
    def rerun(run_id: str, body: Rerun) -> JSONResponse:
        asked.append({"rerun": run_id, "launch": body.launch})
        problem = {"title": "Conflict", "status": 409, "detail": "drone-1 is busy"}
        return JSONResponse(problem, 409)

    @app.post(f"{prefix}/gaps/{{run_id}}/{{verb}}")
    def note(run_id: str, verb: str, body: Note) -> JSONResponse:
        asked.append({verb: run_id, "text": body.text})
        gap["state"] = "closed" if verb == "close" else "acknowledged"
        return JSONResponse(gap)

    @app.get("/mock/aftermath")
    def told() -> JSONResponse:
        return JSONResponse(asked)
