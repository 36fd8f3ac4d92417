"""Announcements over HTTP: written, judged, approved by another, withdrawn."""

import io
import zipfile
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import numpy as np
import pytest
import soundfile

from patrolctl.clock import ManualClock
from patrolctl.domain.users import Role, User
from patrolctl.web import Access
from patrolctl.web.bodies import FieldBody

API = "/api/v1"
ALL = f"{API}/announcements"
TEXTS = [
    {"lang": "zh", "text": "{block}号楼的居民，请在{time}到{place}。"},
    {"lang": "en", "text": "Block {block}: come to {place} at {time}.", "times": 2},
]
FIELDS = [
    {"name": "time", "value": "14:30"},
    {"name": "place", "value": "东门", "lang": "zh"},
    {"name": "place", "value": "the east gate", "lang": "en"},
]
GIVEN = [{"name": "block", "value": "3"}]


class Two:
    """A directory of two approvers and an operator."""

    on = True
    known: ClassVar = {
        "li.1": User("li", "Li", Role.APPROVER),
        "wu.1": User("wu", "Wu", Role.APPROVER),
        "op.1": User("op", "Op", Role.OPERATOR),
    }
    users = tuple(known.values())

    def find(self, key):
        return self.known.get(key)

    def stamp(self, user_id):
        return user_id


def bearer(user: str) -> dict[str, dict[str, str]]:
    return {"headers": {"authorization": f"Bearer {user}.1"}}


def problem(answer, status: int) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


async def draft(stage, **more) -> dict:
    body = {"id": "water", "title": "Water", "texts": TEXTS, "fields": FIELDS, **more}
    answer = await stage.http.post(ALL, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{ALL}/{body['id']}"
    return answer.json()


async def test_a_draft_with_fields(stage) -> None:
    async with stage.open():
        made = await draft(stage)
        assert made["standing"] == "draft"
        assert made["open_fields"] == ["block"]
        assert "not approved" in made["why_not"]
        assert "without configured operators" in made["note"]
        said = [u["text"] for u in made["utterances"]]
        assert said[0] == "block号楼的居民，请在14:30到东门。"
        assert said[1:] == ["Block block: come to the east gate at 14:30."] * 2
        everything = (await stage.http.get(ALL)).json()
        assert [a["origin"] for a in everything] == ["mission", "written"]
        mission = everything[0]
        assert mission["standing"] == "approved"
        assert mission["why_not"] is None
        assert "whoever wrote" in mission["note"]
        assert (await stage.http.get(f"{ALL}/water")).json() == made
        one = await stage.http.get(f"{ALL}/{mission['id']}")
        assert one.json()["origin"] == "mission"
        taken = await stage.http.post(
            ALL, json={"id": mission["id"], "texts": TEXTS, "fields": FIELDS}
        )
        problem(taken, 409)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"texts": []}, "says nothing"),
        ({"texts": [{"lang": "zh", "text": ""}]}, "is empty"),
        ({"texts": [{"lang": "zh", "text": "好" * 100_000}]}, "has 100,000 characters"),
        ({"texts": [{"lang": "zh", "text": "PK\x03\x04"}]}, "U+0003"),
        ({"texts": [{"lang": "zh", "text": "<speak>x</speak>"}]}, "markup"),
        ({"texts": [{"lang": "zh", "text": "s'" * 500}]}, "repeats"),
        ({"texts": [{"lang": "ja", "text": "hello"}]}, "no voice"),
        ({"texts": [{"lang": "zh!", "text": "hello"}]}, "no language tag"),
        (
            {
                "texts": [
                    {
                        "lang": "zh",
                        "text": "到{block}号楼",
                    }
                ],
                "fields": [{"name": "blok", "value": "3"}],
            },
            "blok: stands in no text; one of block",
        ),
        ({"texts": [{"lang": "zh", "text": "a {block b"}]}, "stands alone"),
        ({"texts": [{"lang": "zh", "text": "a {} b"}]}, "is no field"),
        ({"texts": [{"lang": "zh", "text": "a {x.y} b"}]}, "is no field"),
        ({"id": "../x", "texts": [{"lang": "zh", "text": "a"}]}, "letters, digits"),
        ({"recording": "0" * 64}, "is not there"),
        (
            {
                "texts": [{"lang": "zh", "text": "a"}],
                "valid_from_utc": "2026-01-02T00:00:00Z",
                "valid_until_utc": "2026-01-01T00:00:00Z",
            },
            "not after",
        ),
    ],
)
async def test_what_cannot_be_said_is_one_clear_line(stage, body, words) -> None:
    async with stage.open():
        told = problem(await stage.http.post(ALL, json=body), 422)
        assert words in told["detail"]
        assert "\n" not in told["detail"]
        assert len(told["detail"]) < 250


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00\x01\xff", b'{"texts": [{"lang": "zh", "text": "\\ud800"}]}', b"[]"],
)
async def test_binary_bodies(stage, raw) -> None:
    async with stage.open():
        json_type = {"content-type": "application/json"}
        answer = await stage.http.post(ALL, content=raw, headers=json_type)
        assert answer.status_code in {400, 422}
        assert "\n" not in problem(answer, answer.status_code)["detail"]


async def test_a_change_makes_it_a_draft_again_and_versions_stay(stage) -> None:
    async with stage.open():
        await draft(stage)
        approved = await stage.http.post(f"{ALL}/water/approve", json={"version": 1})
        assert approved.json()["standing"] == "approved"
        assert approved.json()["why_not"] is None
        assert approved.json()["approved_by"] == "local operator"
        problem(await stage.http.post(f"{ALL}/water/approve", json={"version": 1}), 409)
        body = {"version": 1, "texts": TEXTS[:1], "fields": FIELDS[:2]}
        changed = await stage.http.put(f"{ALL}/water", json=body)
        assert changed.json()["version"] == 2
        assert changed.json()["standing"] == "draft"
        problem(await stage.http.put(f"{ALL}/water", json=body), 409)  # an old page
        # What was read is not what would be approved.
        problem(await stage.http.post(f"{ALL}/water/approve", json={"version": 1}), 409)
        versions = (await stage.http.get(f"{ALL}/water/versions")).json()
        assert [(v["version"], v["standing"]) for v in versions] == [
            (2, "draft"),
            (1, "approved"),
        ]
        gone = {"reason": "pipe mended"}
        gone = await stage.http.post(f"{ALL}/water/withdraw", json=gone)
        assert "withdrawn by local operator: pipe mended" in gone.json()["why_not"]
        log = (await stage.http.get(f"{API}/audit")).json()
        assert [e["action"] for e in log][:4] == [
            "withdraw announcement",
            "change announcement",
            "approve announcement",
            "write announcement",
        ]


async def test_a_second_person_approves(stage) -> None:
    async with stage.open(access=Access(Two(), ManualClock())):
        http = stage.http
        body = {"id": "water", "texts": TEXTS, "fields": FIELDS}
        made = await http.post(ALL, json=body, **bearer("li"))
        assert made.json()["written_by"] == "li"
        assert "did not write it" in made.json()["note"]
        url, one = f"{ALL}/water/approve", {"version": 1}
        told = problem(await http.post(url, json=one, **bearer("li")), 409)
        assert "written by li: somebody else" in told["detail"]
        told = problem(await http.post(url, json=one, **bearer("op")), 403)
        assert "needs approver" in told["detail"]
        problem(await http.post(url, json=one), 401)
        done = await http.post(url, json=one, **bearer("wu"))
        assert done.json()["approved_by"] == "wu"
        # Edited after the approval, by the one who approved: the other decides.
        body = {"version": 1, "texts": TEXTS, "fields": FIELDS[1:]}
        await http.put(f"{ALL}/water", json=body, **bearer("wu"))
        problem(await http.post(url, json={"version": 2}, **bearer("wu")), 409)
        problem(await http.post(url, json=one, **bearer("li")), 409)  # replayed
        done = await http.post(url, json={"version": 2}, **bearer("li"))
        assert done.json()["standing"] == "approved"
        log = (await http.get(f"{API}/audit", **bearer("op"))).json()
        assert log[0]["actor"] == "li"


async def plan_body(stage, **more) -> dict:
    return {"mission_id": "yard", "kind": "drone", "announcement": "water", **more}


async def test_only_what_may_be_said_is_planned(stage) -> None:
    async with stage.open():
        http, url = stage.http, f"{API}/plans"
        problem(await http.post(url, json=await plan_body(stage)), 404)
        now = stage.kit.clock.utc()
        await draft(stage, valid_from_utc=(now + timedelta(hours=1)).isoformat())
        told = problem(await http.post(url, json=await plan_body(stage)), 409)
        assert "is a draft: version 1 is not approved" in told["detail"]
        await http.post(f"{ALL}/water/approve", json={"version": 1})
        told = problem(await http.post(url, json=await plan_body(stage)), 409)
        assert "is valid from" in told["detail"]
        body = {"version": 1, "texts": TEXTS, "fields": FIELDS}
        body["valid_until_utc"] = (now + timedelta(hours=1)).isoformat()
        await http.put(f"{ALL}/water", json=body)
        await http.post(f"{ALL}/water/approve", json={"version": 2})
        told = problem(await http.post(url, json=await plan_body(stage)), 422)
        assert "field block: has no value" in told["detail"]
        more = {"fields": [*GIVEN, {"name": "time", "value": "9:00"}]}
        told = problem(await http.post(url, json=await plan_body(stage, **more)), 422)
        assert "belongs to the announcement" in told["detail"]
        more = {"fields": [*GIVEN, {"name": "hour", "value": "9:00"}]}
        told = problem(await http.post(url, json=await plan_body(stage, **more)), 422)
        assert "field hour: stands in no text; one of block" in told["detail"]
        said = stage.services.library.message(
            stage.kit.brief, "water", tuple(_values(GIVEN))
        )
        assert said.utterances[0].text == "3号楼的居民，请在14:30到东门。"
        mission = stage.kit.brief.announcements[0].id
        body = await plan_body(stage, announcement=mission, fields=GIVEN)
        assert (
            "has no fields" in problem(await http.post(url, json=body), 422)["detail"]
        )


def _values(fields: list[dict]) -> list:
    return [FieldBody(**f).value_of() for f in fields]


async def test_a_plan_flies_only_with_the_approved_version(stage, make) -> None:
    async with stage.open():
        http = stage.http
        await draft(stage, texts=[{"lang": "zh", "text": "请注意"}], fields=[])
        plan = make.make_plan(make.copter_sortie("s1", 1))
        said = replace(plan.announcement, id="water", clip_sha256=make.SHA)
        await stage.kit.store.save_plan("p1", replace(plan, announcement=said))
        run = {"plan_id": "p1", "authority": "x"}
        told = problem(await http.post(f"{API}/runs", json=run), 409)
        assert told["violations"][0]["rule"] == "announcement"
        assert "is a draft" in told["violations"][0]["reason"]
        urgent = {"authority": "x", "announcement_id": "water"}
        told = problem(await http.post(f"{API}/fleet/announce", json=urgent), 409)
        assert "is a draft" in told["detail"]
        await http.post(f"{ALL}/water/approve", json={"version": 1})
        told = problem(await http.post(f"{API}/runs", json=run), 409)
        assert "says another text" in told["violations"][0]["reason"]
        await http.post(f"{API}/clips", json={"announcement_id": "water"})
        check = (await http.get(f"{API}/plans/p1/check")).json()["violations"]
        assert [v for v in check if v["rule"] == "announcement"] == []
        # Another version is approved: what was planned for the first is not it.
        body = {"version": 1, "texts": [{"lang": "zh", "text": "请大家注意"}]}
        await http.put(f"{ALL}/water", json=body)
        await http.post(f"{ALL}/water/approve", json={"version": 2})
        told = problem(await http.post(f"{API}/runs", json=run), 409)
        reason = told["violations"][0]["reason"]
        assert "the plan says version 1" in reason
        assert "version 2 is approved: plan again" in reason


async def test_a_draft_is_listened_to_but_not_said(stage, tmp_path) -> None:
    async with stage.open():
        http = stage.http
        raw = recording()
        clip = (
            await http.post(f"{API}/clips/recording?name=a.wav", content=raw)
        ).json()
        wav = await http.get(clip["url"])
        assert wav.content[:4] == b"RIFF"
        urgent = {"authority": "x", "clip_sha256": clip["sha256"]}
        told = problem(await http.post(f"{API}/fleet/announce", json=urgent), 409)
        assert "not approved" in told["detail"]
        body = {"id": "rec", "title": "t", "recording": clip["sha256"]}
        made = await http.post(ALL, json=body)
        assert made.status_code == 201
        problem(await http.post(f"{API}/fleet/announce", json=urgent), 409)
        heard = await http.post(f"{API}/clips", json={"announcement_id": "rec"})
        assert heard.json()["sha256"] == clip["sha256"]
        problem(await http.post(f"{API}/fleet/announce", json=urgent), 409)
        await http.post(f"{ALL}/rec/approve", json={"version": 1})
        assert stage.services.library.clip(clip["sha256"]).duration_s > 1.0
        listed = (await http.get(ALL)).json()[-1]
        assert listed["recording"] == clip["sha256"]
        await http.post(f"{ALL}/rec/withdraw", json={})
        problem(await http.post(f"{API}/fleet/announce", json=urgent), 409)


def recording() -> bytes:
    t = np.arange(22_050 * 2) / 22_050
    out = io.BytesIO()
    tone = 0.3 * np.sin(2 * np.pi * 500 * t) * (1 + np.sin(2 * np.pi * 3 * t)) / 2
    soundfile.write(out, tone, 22_050, format="FLAC")
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("a.txt", "hello" * 100)
    return out.getvalue()


@pytest.mark.parametrize("raw", [b"", b"hello", zipped(), b"RIFF\xff\xff\xff\xffWAVE"])
async def test_uploads_that_are_no_sound(stage, raw) -> None:
    async with stage.open():
        url = f"{API}/clips/recording?name=up%0a.wav"
        told = problem(await stage.http.post(url, content=raw), 422)
        assert told["detail"].startswith("up.wav: ")
        assert "\n" not in told["detail"]
        big = b"\0" * (50 * 2**20 + 1)
        told = problem(await stage.http.post(url, content=big), 422)
        assert "too large" in told["detail"]


async def test_lint_as_it_is_typed(stage) -> None:
    async with stage.open():
        body = {"texts": TEXTS, "fields": FIELDS[:1]}
        found = (await stage.http.post(f"{ALL}/lint", json=body)).json()
        assert found["measured"] is False
        assert found["duration_s"] > 3
        opened = [f for f in found["findings"] if f["rule"] == "field"]
        text = TEXTS[0]["text"]
        spans = [text[f["start"] : f["end"]] for f in opened if f["text"] == 0]
        assert spans == ["{block}", "{place}"]
        digits = [f for f in found["findings"] if f["rule"] == "digits"]
        assert [text[f["start"] : f["end"]] for f in digits if f["text"] == 0] == [
            "{time}到"
        ]
        assert len([f for f in digits if f["text"] == 1]) == 1  # said twice, told once
        body = {"texts": [{"lang": "zh", "text": "{block"}]}
        found = (await stage.http.post(f"{ALL}/lint", json=body)).json()
        assert found["findings"][0]["level"] == "fault"
        body = {"texts": [{"lang": "zh", "text": ""}], "render": True}
        found = (await stage.http.post(f"{ALL}/lint", json=body)).json()
        assert [f["what"] for f in found["findings"]] == ["is empty"]


async def test_what_is_kept_is_there_after_a_restart(stage) -> None:
    async with stage.open():
        await draft(stage, texts=[{"lang": "zh", "text": "请注意"}], fields=[])
        await stage.http.post(f"{ALL}/water/approve", json={"version": 1})
        before = (await stage.http.get(f"{ALL}/water")).json()
    async with stage.open():
        assert (await stage.http.get(f"{ALL}/water")).json() == before
        assert stage.services.library.announcement("water").version == 1
