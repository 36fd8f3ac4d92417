"""``POST /fleet/announce``."""

from dataclasses import replace

import pytest

URL = "/api/v1/fleet/announce"
BODY = {"announcement_id": "a", "authority": "order 7", "vehicles": ["car"]}


async def test_it_is_told_and_asked_for_twice_said_once(stage) -> None:
    async with stage.open():
        body = {**BODY, "key": "k-1"}
        for _ in range(2):
            answer = await stage.http.post(URL, json=body)
            assert answer.status_code == 202, answer.text
        told = {"id": "k-1", "vehicles": {"car": "ok"}, "advice": []}
        assert answer.json() == told
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


async def test_a_dock_fetches_the_converted_clip_and_nothing_else(
    stage, tmp_path
) -> None:
    async with stage.open():
        library = stage.services.library
        clip = library.clip("c" * 64)
        moved = replace(clip, path=str(tmp_path / f"{clip.sha256}.wav"))
        library.keep(moved)
        url = f"/api/v1/clips/{clip.sha256}.pcm"
        assert (await stage.http.get(url)).status_code == 404
        (tmp_path / f"{clip.sha256}.pcm").write_bytes(b"\1\2")
        answer = await stage.http.get(url)
        assert answer.content == b"\1\2"
        assert (
            await stage.http.get(url.replace("c" * 64, "d" * 64))
        ).status_code == 404
