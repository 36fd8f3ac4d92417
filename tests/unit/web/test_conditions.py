"""Weather, light and closed airspace, over HTTP and at the launch."""

from datetime import timedelta

import pytest

API = "/api/v1"


async def drone_plan(stage, make) -> str:
    return await stage.plan(make.copter_sortie("s1"))


async def launch(stage, plan, **more):
    return await stage.http.post(f"{API}/runs", json={"plan_id": plan, **more})


async def audit(stage):
    rows = (await stage.http.get(f"{API}/audit")).json()
    return [(r["action"], r["detail"]) for r in rows]


@pytest.mark.parametrize(
    ("entered", "line"),
    [
        ({"wind_m_s": 9.0}, "wind: 9.0 m/s (entered by local operator), at most 8.4"),
        ({"wind_m_s": 2.0, "gust_m_s": 8.5}, "wind: 8.5 m/s"),
        ({"rain_mm_h": 0.2}, "rain: 0.2 mm/h (entered by local operator), at most 0.0"),
    ],
)
async def test_wind_and_rain_refuse(stage, make, entered, line) -> None:
    async with stage.open():
        plan = await drone_plan(stage, make)
        put = await stage.http.put(f"{API}/conditions/weather/yard", json=entered)
        assert put.status_code == 200, put.text
        refused = await launch(stage, plan)
        assert refused.status_code == 409
        assert line in refused.json()["detail"]
        action, detail = (await audit(stage))[0]
        assert action == "launch refused"
        assert line in detail
        # It is old news after half an hour.
        await stage.kit.clock.advance(1801.0, step_s=60.0)
        assert (await stage.http.get(f"{API}/conditions/weather/yard")).json() == []
        launched = await launch(stage, plan)
        assert launched.status_code == 201, launched.text
        events = await stage.http.get(launched.headers["location"] + "/events")
        texts = [e["text"] for e in events.json()]
        assert any("weather-unknown: nobody told the wind and rain" in t for t in texts)


async def test_an_override_needs_leave_and_a_reason(stage, make) -> None:
    async with stage.open():
        plan = await drone_plan(stage, make)
        weather = {"wind_m_s": 9.0, "rain_mm_h": 0.0}
        await stage.http.put(f"{API}/conditions/weather/yard", json=weather)
        bare = await launch(stage, plan, override=["wind"])
        assert "override_reason: is missing" in bare.json()["detail"]
        other = await launch(stage, plan, override=["rain"], override_reason="x")
        assert "rain may not be set aside; one of wind" in other.json()["detail"]
        closed = await launch(stage, plan, override=["airspace"], override_reason="x")
        assert closed.status_code == 422
        done = await launch(
            stage, plan, override=["wind"], override_reason="sheltered yard"
        )
        assert done.status_code == 201, done.text
        events = await stage.http.get(done.headers["location"] + "/events")
        texts = " ".join(e["text"] for e in events.json())
        assert "set aside by local operator: sheltered yard" in texts


async def test_two_runs_do_not_share_airspace(stage, make) -> None:
    async with stage.open():
        plan = await drone_plan(stage, make)
        first = await launch(stage, plan)
        assert first.status_code == 201, first.text
        second = await launch(stage, plan)
        assert second.status_code == 409
        run = first.json()["id"]
        assert f"airspace: run {run} is" in second.json()["detail"]
        await stage.kit.until(lambda: not stage.runs.under_way)
        assert (await launch(stage, plan)).status_code == 201


def notice(stage, make, **more):
    now = stage.kit.clock.utc()
    at = make.ORIGIN
    d = 0.001
    ring = [
        [at.lon_deg - d, at.lat_deg - d],
        [at.lon_deg + d, at.lat_deg - d],
        [at.lon_deg + d, at.lat_deg + d],
        [at.lon_deg - d, at.lat_deg + d],
    ]
    return {
        "name": "helicopter",
        "ring": ring,
        "from_utc": now.isoformat(),
        "until_utc": (now + timedelta(hours=1)).isoformat(),
        **more,
    }


async def test_closed_airspace_is_the_gates_for_its_time(stage, make) -> None:
    async with stage.open():
        posted = await stage.http.post(
            f"{API}/conditions/no_fly", json=notice(stage, make)
        )
        assert posted.status_code == 201, posted.text
        closed = stage.kit.gate._closed(make.SITE)
        assert [a.id for a in closed.no_fly] == [f"notice:{posted.json()['id']}"]
        assert "helicopter (closed until 2026-01-01 01:00 UTC)" in closed.no_fly[0].name
        listed = (await stage.http.get(f"{API}/conditions/no_fly")).json()
        assert listed == [posted.json()]
        await stage.kit.clock.advance(3601.0, step_s=60.0)
        assert stage.kit.gate._closed(make.SITE) is make.SITE
        assert (await stage.http.get(f"{API}/conditions/no_fly")).json() == []
        later = notice(stage, make)
        mine = (await stage.http.post(f"{API}/conditions/no_fly", json=later)).json()
        url = f"{API}/conditions/no_fly/{mine['id']}"
        assert (await stage.http.delete(url)).status_code == 204
        assert (await stage.http.delete(url)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"until_utc": "2025-01-01T00:00:00Z"}, "is over before it begins"),
        ({"from_utc": "2026-01-01T00:00:00"}, "has no offset"),
        ({"ring": [[0, 0], [1, 1], [0, 1], [1, 0]]}, "is no area (Self-inter"),
        ({"ring": [[200, 0], [1, 1], [0, 1]]}, "not on Earth"),
        ({"bottom_m": 50, "top_m": 40}, "50 to 40 m; bottom_m below top_m"),
    ],
)
async def test_airspace_that_cannot_be(stage, make, changes, line) -> None:
    async with stage.open():
        body = notice(stage, make, **changes)
        answer = await stage.http.post(f"{API}/conditions/no_fly", json=body)
        assert answer.status_code == 422
        assert line in answer.json()["detail"]


async def test_airspace_from_geojson_all_or_none(stage, make) -> None:
    async with stage.open():
        one = notice(stage, make)
        ring = [*one["ring"], one["ring"][0]]
        good = {
            "type": "Feature",
            "properties": {"name": "park", "top_m": 80},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        times = {k: one[k] for k in ("from_utc", "until_utc")}
        url = f"{API}/conditions/no_fly/geojson"
        for bad in ({"type": "Feature"}, {"geometry": None}, 7, {"geometry": {}}):
            document = {"type": "FeatureCollection", "features": [good, bad]}
            answer = await stage.http.post(url, json={"geojson": document, **times})
            assert answer.status_code == 422, answer.text
            assert "feature 1: cannot be read" in answer.json()["detail"]
        assert (await stage.http.get(f"{API}/conditions/no_fly")).json() == []
        document = {"type": "FeatureCollection", "features": [good]}
        answer = await stage.http.post(url, json={"geojson": document, **times})
        (kept,) = answer.json()
        assert (kept["name"], kept["top_m"], len(kept["ring"])) == ("park", 80.0, 4)


async def test_what_would_be_said_of_a_plan_now(stage, make) -> None:
    async with stage.open():
        plan = await drone_plan(stage, make)
        found = (await stage.http.get(f"{API}/conditions/plans/{plan}")).json()
        assert [v["rule"] for v in found] == ["weather-unknown"]
        assert (await stage.http.get(f"{API}/conditions/rules")).json()[
            "wind_ratio"
        ] == 0.7
