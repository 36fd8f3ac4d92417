"""``WS /api/v1/live``: the whole picture, then everything as it happens."""

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from patrolctl import __version__
from patrolctl.control.live.broadcast import Overrun
from patrolctl.control.live.feed import Subscription, run_json, telemetry_json
from patrolctl.domain.jsondoc import encode
from patrolctl.web.services import WebServices, services_of

router = APIRouter()

BEHIND = 1013  # RFC 6455 registry: try again later


def frame(kind: str, data: bytes) -> str:
    """One message."""
    return f'{{"type":"{kind}","data":{data.decode()}}}'


def hello(by: WebServices) -> bytes:
    """Everything there is at this moment."""
    vehicles = [
        b'{"entry":'
        + encode(v.entry)
        + b',"telemetry":'
        + telemetry_json(v.telemetry, v.sortie)
        + b',"sortie":'
        + encode(v.sortie)
        + b"}"
        for v in by.fleet.views()
    ]
    runs = [run_json(s) for s in by.runs.under_way]
    return (
        b'{"version":'
        + encode(__version__)
        + b',"vehicles":['
        + b",".join(vehicles)
        + b'],"runs":['
        + b",".join(runs)
        + b'],"speakers":'
        + encode(by.fleet.speaker_states())
        + b',"jobs":'
        + encode(by.planner.jobs[:20])
        + b"}"
    )


async def _send_all(socket: WebSocket, watcher: Subscription) -> None:
    async for kind, data in watcher:
        await socket.send_text(frame(kind, data))


async def _until_gone(socket: WebSocket) -> None:
    """Nothing is expected from a watcher; reading notices that it left."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Stream facts and samples. The guard looked at the Origin before this."""
    by = services_of(socket)
    watcher = by.feed.subscribe()  # before the picture: nothing falls between
    try:
        await socket.accept()
        await socket.send_text(frame("hello", hello(by)))
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_send_all(socket, watcher), name="live-send")
            await _until_gone(socket)
            sending.cancel()
    except* Overrun:
        with contextlib.suppress(RuntimeError):
            await socket.close(BEHIND, "too far behind, connect again")
    except* (WebSocketDisconnect, RuntimeError):
        pass  # it left while we were sending
    finally:
        watcher.close()
