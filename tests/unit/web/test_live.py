import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from patrolctl.domain.telemetry import EventKind


class Socket:
    """An ASGI WebSocket client without a network."""

    def __init__(self, app, headers: dict[str, str]) -> None:
        self.app = app
        self.to_app: asyncio.Queue[dict] = asyncio.Queue()
        self.from_app: asyncio.Queue[dict] = asyncio.Queue()
        self.scope = {
            "type": "websocket",
            "path": "/api/v1/live",
            "raw_path": b"/api/v1/live",
            "query_string": b"",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
            "subprotocols": [],
            "client": ("127.0.0.1", 5),
            "server": ("127.0.0.1", 8080),
            "scheme": "ws",
        }

    async def run(self) -> None:
        await self.app(self.scope, self.to_app.get, self.from_app.put)

    async def message(self) -> dict:
        async with asyncio.timeout(2):
            return await self.from_app.get()

    async def next(self, kind: str) -> dict:
        while True:
            found = json.loads((await self.message())["text"])
            if found["type"] == kind:
                return found["data"]


@asynccontextmanager
async def connected(app, **headers: str):
    socket = Socket(app, {"host": "127.0.0.1:8080", **headers})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(socket.run(), name="socket")
        await socket.to_app.put({"type": "websocket.connect"})
        yield socket
        await socket.to_app.put({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(2):
            await task


async def test_the_whole_picture_first_and_then_what_happens(stage) -> None:
    async with (
        stage.open(),
        connected(stage.app, origin="http://127.0.0.1:8080") as socket,
    ):
        assert (await socket.message())["type"] == "websocket.accept"
        hello = await socket.next("hello")
        assert [v["entry"]["id"] for v in hello["vehicles"]] == ["d1", "d2", "car"]
        assert hello["vehicles"][0]["telemetry"]["link"] == "LIVE"
        assert {s["speaker_id"] for s in hello["speakers"]} == {"k0", "k1", "k2"}
        stage.kit.vehicles["d1"].emit(EventKind.ARMED, "<b>\u2028")
        await stage.kit.clock.advance(0.2)
        fact = await socket.next("vehicle_event")
        assert fact["kind"] == "armed"
        assert fact["text"] == "<b>\u2028"
        await stage.kit.clock.advance(0.5)
        assert "sortie" in await socket.next("telemetry")


async def test_a_run_is_streamed_with_its_progress(stage, make) -> None:
    async with stage.open(), connected(stage.app) as socket:
        await socket.message()
        await stage.plan(make.copter_sortie("s1", 1))
        await stage.http.post("/api/v1/runs", json={"plan_id": "p1"})
        seen = await socket.next("run")
        assert seen["event"]["text"].startswith("launched by")
        assert seen["state"]["progress_ratio"] == 0.0
        await stage.kit.until(lambda: not stage.runs.under_way)
        done = (await socket.next("playback"))["status"]
        assert done == "started"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example"},
    ],
)
async def test_other_pages_are_refused_before_the_socket_is_accepted(
    stage, headers
) -> None:
    async with stage.open(), connected(stage.app, **headers) as socket:
        answer = await socket.message()
        assert answer["type"] == "websocket.close"
        assert stage.kit.feed.watchers == 0


async def test_a_watcher_that_left_is_forgotten(stage) -> None:
    async with stage.open():
        async with connected(stage.app) as socket:
            await socket.message()
            await socket.next("hello")
            assert stage.kit.feed.watchers == 1
        assert stage.kit.feed.watchers == 0
