"""Where the speaker's vehicle is: from the autopilot itself, or over MQTT."""

import asyncio
import json
from collections.abc import Callable

from simulators.speaker.sheet import Place
from simulators.wire import Encoder, Framer, Message, Signing, mavlink

COMPANION = 191  # MAV_COMP_ID_ONBOARD_COMPUTER
EVERY_US = 200_000
ARMED = 0x80
RETRY_S = 1.0
BEAT_S = 1.0


def place_in(payload: bytes) -> Place | None:
    """The place in a ``vehicles/{id}/position`` message."""
    try:
        told = json.loads(payload)
        return Place(
            float(told["lat_deg"]),
            float(told["lon_deg"]),
            float(told["up_m"]),
            float(told["ground_speed_m_s"]),
            None if told["heading_deg"] is None else float(told["heading_deg"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


class Companion:
    """Listens on a vehicle's second port, as a companion computer does."""

    def __init__(self, endpoint: str, on_place: Callable[[Place], None]) -> None:
        scheme, host, port = endpoint.split(":")
        if scheme != "tcp":
            msg = f"{endpoint!r} is not tcp:host:port"
            raise ValueError(msg)
        self._host, self._port = host, int(port)
        self._on_place = on_place
        self._armed: bool | None = None

    async def run(self) -> None:
        """Stay on the stream until cancelled."""
        while True:
            try:
                reader, writer = await asyncio.open_connection(self._host, self._port)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            try:
                async with asyncio.TaskGroup() as group:
                    asking = group.create_task(_ask(writer), name="companion-out")
                    await self._listen(reader)
                    asking.cancel()
            except* OSError:
                pass
            finally:
                writer.close()
            await asyncio.sleep(RETRY_S)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        framer = Framer()
        while data := await reader.read(4096):
            for packet in framer.push(data):
                self._take(packet.message)

    def _take(self, message: Message) -> None:
        kind = message.get_type()
        if kind == "HEARTBEAT" and message.autopilot != mavlink.MAV_AUTOPILOT_INVALID:
            self._armed = bool(message.base_mode & ARMED)
        elif kind == "GLOBAL_POSITION_INT":
            speed_m_s = (message.vx**2 + message.vy**2 + message.vz**2) ** 0.5 / 100
            nose = None if message.hdg == 0xFFFF else message.hdg / 100
            up_m = message.relative_alt / 1000
            lat, lon = message.lat / 1e7, message.lon / 1e7
            self._on_place(Place(lat, lon, up_m, speed_m_s, nose, self._armed))


async def _ask(writer: asyncio.StreamWriter) -> None:
    """A heartbeat, and the request for positions, again and again."""
    encoder = Encoder(1, COMPANION, 0, Signing())
    while True:
        beat = mavlink.MAVLink_heartbeat_message(18, 8, 0, 0, 4, 3)
        ask = mavlink.MAVLink_command_long_message(
            0, 1, 511, 0, 33, EVERY_US, 0, 0, 0, 0, 0
        )
        writer.write(encoder.pack(beat) + encoder.pack(ask))
        await writer.drain()
        await asyncio.sleep(BEAT_S)
