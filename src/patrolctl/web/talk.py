"""``WS /api/v1/vehicles/{id}/talk``: a microphone, one Opus packet a message.

The guard looked at Origin, key and role before this; it looks again with
everything that is sent, so a revoked talker is cut within a second.
"""

import asyncio
import contextlib
import json
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, WebSocket
from fastapi import Path as PathParam
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.websockets import WebSocketDisconnect

from patrolctl.control.speaking.talk import Talk, TalkOrder
from patrolctl.domain.errors import InputError, NotFound, PatrolError
from patrolctl.web.services import WebServices, actor, services, services_of

router = APIRouter()
recordings = APIRouter(tags=["sounds"])
Services = Annotated[WebServices, Depends(services)]
Sha256 = Annotated[str, PathParam(pattern="^[0-9a-f]{64}$")]

POLICY, NORMAL = 1008, 1000
GREETING_S = 5.0
TELL_S = 1.0
LONGEST_TEXT = 2000


class Greeting(BaseModel):
    """The first message: on whose authority."""

    model_config = ConfigDict(extra="forbid")

    authority: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)
    ]


async def _tell(socket: WebSocket, kind: str, **fields: object) -> None:
    await socket.send_text(json.dumps({"type": kind, **fields}))


async def _greeting(socket: WebSocket) -> Greeting:
    """The first message.

    Raises:
        InputError: none in time, or another.
    """
    right = '{"authority": "who ordered it"}'
    try:
        async with asyncio.timeout(GREETING_S):
            text = await socket.receive_text()
        return Greeting.model_validate_json(text[:LONGEST_TEXT])
    except (TimeoutError, ValidationError, KeyError):
        raise InputError.one("first message", "is not usable", right) from None


async def _listen(socket: WebSocket, talk: Talk) -> None:
    """Take frames until the talker lets go; a broken socket ends the talk."""
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                talk.finish("the talker's connection was lost")
                return
            packet = message.get("bytes")
            if packet is None:  # any text: the talker let go
                talk.finish()
                return
            talk.frame(packet)
    except PatrolError as e:
        talk.finish(str(e))


async def _tell_heard(socket: WebSocket, talk: Talk) -> None:
    """Tell how much arrived; a socket that may not any more breaks here."""
    try:
        while True:
            await asyncio.sleep(TELL_S)
            await _tell(socket, "heard", frames=talk.frames)
    except (WebSocketDisconnect, RuntimeError):
        talk.finish("the talker's connection was lost")


async def _converse(socket: WebSocket, talk: Talk) -> None:
    await _tell(socket, "ready", talk_id=talk.id, longest_s=talk.limits.longest_s)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_listen(socket, talk), name="talk-listen"),
            group.create_task(_tell_heard(socket, talk), name="talk-heard"),
        ]
        await talk.over()
        for task in tasks:
            task.cancel()


@router.websocket("/vehicles/{vehicle_id}/talk")
async def talk(socket: WebSocket, vehicle_id: str) -> None:
    """Talk over a vehicle's loudspeaker, live."""
    by = services_of(socket)
    await socket.accept()
    with suppress(WebSocketDisconnect, RuntimeError):
        try:
            greeting = await _greeting(socket)
            order = TalkOrder(actor(socket), greeting.authority, vehicle_id)
            async with by.talks.talk(order) as open_talk:
                await _converse(socket, open_talk)
        except PatrolError as e:
            await _tell(socket, "refused", detail=str(e))
            await socket.close(POLICY, str(e)[:100])
            return
        end = open_talk.end
        await _tell(
            socket,
            "ended",
            reason=open_talk.reason,
            sha256=None if end is None else end.sha256,
            seconds=0.0 if end is None else round(end.duration_s, 2),
        )
        with contextlib.suppress(RuntimeError):
            await socket.close(NORMAL)


@recordings.get(
    "/talks/{sha256}.ogg",
    response_class=FileResponse,
    responses={
        200: {
            "description": "What was said",
            "content": {"audio/ogg": {"schema": {"type": "string"}}},
        }
    },
)
def get_recording(sha256: Sha256, by: Services) -> FileResponse:
    """The recording of a live talk, by the hash that the audit log names."""
    path = by.talks.tapes.find(sha256)
    if path is None:
        raise NotFound("recording", sha256)
    return FileResponse(path, media_type="audio/ogg")
