"""``POST /fleet/announce``."""

import pytest

URL = "/api/v1/fleet/announce"
BODY = {"announcement_id": "a", "authority": "order 7", "vehicles": ["car"]}


async def test_it_is_told_and_asked_for_twice_said_once(stage) -> None:
    async with stage.open():
        body = {**BODY, "key": "k-1"}
        for _ in range(2):
            answer = await stage.http.post(URL, json=body)
            assert answer.status_code == 202, answer.text
            assert answer.json() == {"id": "k-1", "vehicles": {"car": "ok"}}
        speaker = stage.kit.speakers["car"]
        await stage.kit.until(lambda: len(speaker.spans) == 1)
        assert speaker.plays == ["urgent-k-1-car"]
        log = (await stage.http.get("/api/v1/audit")).json()
        assert any("authority order 7" in e["detail"] for e in log)


@pytest.mark.parametrize(
    "wrong",
    [
        {"authority": "  "},
        {"authority": None},
        {"announcement_id": None},
        {"clip_sha256": "c" * 64},
        {"vehicles": []},
        {"repeats": 0},
        {"key": "a b"},
        {"more": 1},
    ],
)
async def test_a_bad_order_is_told_in_its_place(stage, wrong) -> None:
    async with stage.open():
        answer = await stage.http.post(URL, json=BODY | wrong)
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:patrolctl:problem:bad-input"


async def test_the_gate_refuses_with_its_violations(stage) -> None:
    async with stage.open():
        answer = await stage.http.post(URL, json=BODY | {"vehicles": ["d1"]})
        assert answer.status_code == 409
        assert answer.json()["violations"][0]["rule"] == "exposure"
        gone = await stage.http.post(URL, json=BODY | {"vehicles": ["x"]})
        assert gone.status_code == 404
