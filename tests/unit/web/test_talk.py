"""``WS /vehicles/{id}/talk``: who may, what is let through, and every end."""

import asyncio
import hashlib
import json
from contextlib import asynccontextmanager

import pytest

from patrolctl.audio.tape import _CRC, OggTapes, _crc
from patrolctl.domain.errors import StoreFailed
from patrolctl.domain.opus import packet_samples
from patrolctl.domain.sound import CutBy, PlaybackStatus

PACKET = b"\x78" + bytes(range(40))  # 20 ms, mono
GREETING = json.dumps({"authority": "order 9"})


class Mouth:
    def __init__(self, app, vehicle: str, headers: dict[str, str]) -> None:
        self.app = app
        self.to_app: asyncio.Queue[dict] = asyncio.Queue()
        self.from_app: asyncio.Queue[dict] = asyncio.Queue()
        path = f"/api/v1/vehicles/{vehicle}/talk"
        self.scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
            "subprotocols": [],
            "client": ("127.0.0.1", 5),
            "server": ("127.0.0.1", 8080),
            "scheme": "ws",
        }

    async def run(self) -> None:
        await self.app(self.scope, self.to_app.get, self.from_app.put)

    async def say(self, packet: bytes = PACKET) -> None:
        await self.to_app.put({"type": "websocket.receive", "bytes": packet})

    async def text(self, text: str) -> None:
        await self.to_app.put({"type": "websocket.receive", "text": text})

    async def message(self) -> dict:
        async with asyncio.timeout(3):
            return await self.from_app.get()

    async def next(self, kind: str) -> dict:
        while True:
            message = await self.message()
            if message["type"] == "websocket.close":
                pytest.fail(f"closed: {message}")
            found = json.loads(message.get("text") or "{}")
            if found.get("type") == kind:
                return found


@asynccontextmanager
async def mouth(app, vehicle: str = "car", **headers: str):
    one = Mouth(app, vehicle, {"host": "127.0.0.1:8080", **headers})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(one.run(), name="mouth")
        await one.to_app.put({"type": "websocket.connect"})
        yield one
        await one.to_app.put({"type": "websocket.disconnect", "code": 1006})
        async with asyncio.timeout(3):
            await task


@asynccontextmanager
async def talking(app, vehicle: str = "car"):
    async with mouth(app, vehicle, origin="http://127.0.0.1:8080") as one:
        assert (await one.message())["type"] == "websocket.accept"
        await one.text(GREETING)
        ready = await one.next("ready")
        yield one, ready["talk_id"]


async def test_what_is_said_is_sent_recorded_and_written_down(stage) -> None:
    async with stage.open():
        async with talking(stage.app) as (one, talk_id):
            floor = stage.kit.fleet.member("car").floor
            assert floor.taken_by is CutBy.TALK
            for _ in range(5):
                await one.say()
            await one.text("let go")
            ended = await one.next("ended")
            assert ended["reason"] is None
            assert ended["seconds"] == pytest.approx(0.1)
            assert (await one.message())["code"] == 1000
        assert floor.taken_by is None
        speaker = stage.kit.speakers["car"]
        assert speaker.frames == [(n, PACKET) for n in range(1, 6)]
        assert speaker.ended == [talk_id]
        kept = await stage.http.get(f"/api/v1/talks/{ended['sha256']}.ogg")
        assert hashlib.sha256(kept.content).hexdigest() == ended["sha256"]
        assert kept.content.startswith(b"OggS")
        assert kept.content.count(PACKET) == 5
        log = (await stage.http.get("/api/v1/audit")).json()
        assert [e["action"] for e in log[:2]] == ["talk ended", "talk begins"]
        assert ended["sha256"] in log[0]["detail"]
        assert "on car" in log[0]["detail"]
        assert "authority order 9" in log[1]["detail"]
        gone = await stage.http.get(f"/api/v1/talks/{'0' * 64}.ogg")
        assert gone.status_code == 404


async def test_a_talker_that_is_gone_or_silent_frees_the_loudspeaker(stage) -> None:
    async with stage.open():
        floor = stage.kit.fleet.member("car").floor
        async with talking(stage.app) as (one, _):
            await one.say()
        assert floor.taken_by is None
        async with talking(stage.app) as (one, talk_id):
            await one.say()
            ended = await one.next("ended")  # nothing is said any more
            assert "nothing was heard" in ended["reason"]
        assert stage.kit.speakers["car"].ended[-1] == talk_id
        log = (await stage.http.get("/api/v1/audit")).json()
        said = [e["detail"] for e in log if e["action"] == "talk ended"]
        assert "connection was lost" in said[1]


async def test_silence_and_the_loudspeaker_itself_end_it(stage) -> None:
    async with stage.open():
        async with talking(stage.app) as (one, _):
            await one.say()
            answer = await stage.http.post("/api/v1/fleet/silence")
            assert answer.json()["vehicles"]["car"] == "ok"
            assert (await one.next("ended"))["reason"] == "silenced"
        async with talking(stage.app) as (one, talk_id):
            await one.say()
            speaker = stage.kit.speakers["car"]
            speaker.talk(talk_id, PlaybackStatus.CUT, "device gone")
            assert (await one.next("ended"))["reason"] == "device gone"


async def test_one_talker_at_a_time(stage) -> None:
    async with stage.open(), talking(stage.app), mouth(stage.app) as other:
        await other.message()
        await other.text(GREETING)
        assert "somebody talks" in (await other.next("refused"))["detail"]


@pytest.mark.parametrize(
    ("vehicle", "greeting", "why"),
    [
        ("d1", GREETING, "on the ground"),
        ("d9", GREETING, "does not exist"),
        ("car", "{}", "first message"),
        ("car", '{"authority": " "}', "first message"),
        ("car", "x" * 5000, "first message"),
    ],
)
async def test_who_may_not_is_told_why(stage, vehicle, greeting, why) -> None:
    async with stage.open(), mouth(stage.app, vehicle) as one:
        await one.message()
        await one.text(greeting)
        assert why in (await one.next("refused"))["detail"]
        assert (await one.message())["code"] == 1008
        assert stage.kit.speakers["car"].frames == []


async def test_a_speaker_that_refuses_or_does_not_answer(stage) -> None:
    async with stage.open():
        speaker = stage.kit.speakers["car"]
        speaker.refuse = "libopus is missing: apt-get install libopus0"
        async with mouth(stage.app) as one:
            await one.message()
            await one.text(GREETING)
            assert "libopus0" in (await one.next("refused"))["detail"]
        speaker.deaf = 1
        async with mouth(stage.app) as one:
            await one.message()
            await one.text(GREETING)
            assert "did not answer" in (await one.next("refused"))["detail"]
        assert len(speaker.ended) == 1
        assert stage.kit.fleet.member("car").floor.taken_by is None
        assert not list(stage.folder.glob("*.ogg"))


@pytest.mark.parametrize(
    ("packets", "why"),
    [
        ([b""], "no Opus packet"),
        ([bytes(1276)], "1276 bytes"),
        ([b"\x7c" + bytes(40)], "not mono"),
        ([b"\x7b\x06" + bytes(40)], "at most 60 ms"),
        ([PACKET] * 200, "faster than anybody talks"),
    ],
)
async def test_frames_that_are_none_end_it(stage, packets, why) -> None:
    async with stage.open(), talking(stage.app) as (one, _):
        for packet in packets:
            await one.say(packet)
        assert why in (await one.next("ended"))["reason"]


async def test_another_sites_page_is_refused_before_it_is_accepted(stage) -> None:
    async with stage.open(), mouth(stage.app, origin="http://evil.test") as one:
        closed = await one.message()
        assert (closed["type"], closed["code"]) == ("websocket.close", 1008)


async def test_what_cannot_be_written_down_is_not_begun(stage) -> None:
    async with stage.open():

        async def broken(*_: object) -> None:
            raise StoreFailed("disk full")

        stage.kit.store.audit = broken
        async with mouth(stage.app) as one:
            await one.message()
            await one.text(GREETING)
            assert "disk full" in (await one.next("refused"))["detail"]
        assert not list(stage.folder.glob("*"))


def test_lengths_of_packets() -> None:
    for toc, samples in ((0x78, 960), (0x00, 480), (0x18, 2880), (0xE0, 120)):
        assert packet_samples(bytes([toc]) + b"x") == samples
    assert packet_samples(b"\x79x") == 1920
    for wrong in (b"", b"\x7b", b"\x7b\x00", b"\x1b\x3f"):
        with pytest.raises(ValueError, match=r"empty|frames|longer"):
            packet_samples(wrong)


def test_a_recording_is_ogg_opus_that_others_read(tmp_path) -> None:
    tape = OggTapes(tmp_path).begin("t")
    for _ in range(50):
        tape.add(PACKET)
    end = tape.close()
    assert end.duration_s == pytest.approx(1.0)
    raw = end.path.read_bytes()
    assert raw[28:36] == b"OpusHead"
    page = bytearray(raw[: raw.index(b"OggS", 4)])
    told = int.from_bytes(page[22:26], "little")
    page[22:26] = bytes(4)
    assert _crc(bytes(page)) == told
    assert len(_CRC) == 256
    dropped = OggTapes(tmp_path).begin("u")
    dropped.discard()
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(StoreFailed):
        OggTapes(end.path).begin("v")
