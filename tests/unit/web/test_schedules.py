"""Schedules over HTTP."""

from datetime import datetime

from patrolctl.domain.brief import OccurrenceState

BODY = {
    "id": "evening",
    "mission_id": "yard",
    "announcement": "a",
    "work": ["drone"],
    "rrule": "freq=daily;byhour=18",
    "start_local": "2026-01-01T18:00:00",
    "missed": "ask",
    "rerun": "off",
}


async def test_a_schedule_from_its_making_to_its_end(stage) -> None:
    async with stage.open():
        http = stage.http
        made = await http.post("/api/v1/schedules", json=BODY)
        assert made.status_code == 201, made.text
        assert made.headers["location"] == "/api/v1/schedules/evening"
        view = made.json()
        assert (view["rrule"], view["time_zone"], view["source"]) == (
            "FREQ=DAILY;BYHOUR=18",
            "Asia/Shanghai",
            "service",
        )
        assert view["next_utc"][0] == "2026-01-01T10:00:00Z"
        again = await http.post("/api/v1/schedules", json=BODY)
        assert again.status_code == 409
        change = {k: v for k, v in BODY.items() if k not in {"id", "mission_id"}}
        put = await http.put(
            "/api/v1/schedules/evening", json={**change, "rrule": "FREQ=WEEKLY"}
        )
        assert put.json()["rrule"] == "FREQ=WEEKLY"
        calendar = await http.get("/api/v1/schedules/evening/calendar.ics")
        assert calendar.headers["content-type"].startswith("text/calendar")
        assert (await http.delete("/api/v1/schedules/evening")).status_code == 204
        assert (await http.get("/api/v1/schedules")).json() == []
        back = await http.post(
            "/api/v1/schedules/calendar.ics", content=calendar.content
        )
        assert back.json() == {"schedules": ["evening"]}
        (view,) = (await http.get("/api/v1/schedules")).json()
        assert (view["missed"], view["rerun"]) == ("ask", "off")
        everything = await http.get("/api/v1/schedules/calendar.ics")
        assert b"X-PATROLCTL-MISSED:ask" in everything.content


async def test_bad_input_is_one_line_each(stage) -> None:
    async with stage.open():
        http = stage.http
        for changes, line in (
            ({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "never occurs"),
            ({"rrule": "FREQ=NEVER"}, "one RFC 5545 rule"),
            ({"rrule": "FREQ=SECONDLY"}, "minutely at most"),
            ({"mission_id": "gone"}, "mission gone: does not exist"),
            ({"announcement": "b"}, "announcement b"),
            ({"start_local": "2026-01-01T18:00:00Z"}, "has an offset"),
            ({"time_zone": "Nowhere"}, "IANA time zone"),
            ({"id": "../x"}, "pattern"),
        ):
            for path in ("/api/v1/schedules", "/api/v1/schedules/preview"):
                answer = await http.post(path, json={**BODY, **changes})
                assert answer.status_code in {404, 422}, (changes, answer.text)
                assert line in answer.json()["detail"]
                assert len(answer.json()["detail"].splitlines()) == 1
        bad = await http.post("/api/v1/schedules/calendar.ics", content=b"hello")
        assert bad.status_code == 422
        long = await http.post(
            "/api/v1/schedules/calendar.ics", content=b"x" * 2_000_001
        )
        assert "longer than" in long.json()["detail"]


async def test_preview_holidays_and_conflicts(stage) -> None:
    async with stage.open():
        http = stage.http
        put = await http.put("/api/v1/holidays/cn", json={"dates": ["2026-01-02"]})
        assert put.json() == {"dates": ["2026-01-02"]}
        body = {**BODY, "holidays": ["cn"]}
        preview = await http.post("/api/v1/schedules/preview?count=2", json=body)
        assert preview.json()["next_utc"] == [
            "2026-01-01T10:00:00Z",
            "2026-01-03T10:00:00Z",
        ]
        assert (await http.get("/api/v1/holidays")).json() == {"cn": ["2026-01-02"]}
        for name in ("one", "two"):
            await http.post("/api/v1/schedules", json={**BODY, "id": name})
        found = (await http.get("/api/v1/schedules/conflicts?days=2")).json()
        assert [(c["kind"], c["schedules"], c["assumed"]) for c in found] == [
            ("vehicles", ["one", "two"], True)
        ] * 2
        assert "want d1, d2 at the same time" in found[0]["text"]


async def test_a_question_is_answered_over_http(stage) -> None:
    async with stage.open():
        http, book = stage.http, stage.kit.store.schedules
        await http.post("/api/v1/schedules", json=BODY)
        due = datetime.fromisoformat("2025-12-31T10:00:00+00:00")
        await book.claim("evening", due, node="n1/0")
        (known,) = await book.unfinished()
        await book.change(known, OccurrenceState.ASKING, outcome="missed by 7200 s")
        (question,) = (await http.get("/api/v1/schedules/questions")).json()
        assert question["text"] == "missed by 7200 s"
        answer = {"due_utc": question["due_utc"], "run": False}
        path = "/api/v1/schedules/evening/answer"
        assert (await http.post(path, json=answer)).status_code == 202
        assert (await http.post(path, json=answer)).status_code == 404
        view = (await http.get("/api/v1/schedules/evening")).json()
        assert view["recent"][0]["outcome"].startswith("skipped: let go by")
