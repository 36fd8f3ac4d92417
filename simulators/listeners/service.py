"""The listeners as a process: truths come in, receptions go out.

One JSON line a message: what was played and who understood it. On the way
out one more line tells the totals.
"""

import asyncio
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from simulators.listeners.hall import Hall, Microphone, Playing, Reception
from simulators.listeners.propagation import Horn
from simulators.listeners.truth import PERIOD_S, Track
from simulators.listeners.wire import decode

KEEP_S = 3600.0  # of each track
LATE_S = 2.0  # real seconds that a pose after a message's end is waited for


@dataclass(frozen=True, slots=True)
class HornAt:
    """A horn and how far it is above what the track of its vehicle tells."""

    horn: Horn
    lift_m: float = 0.0


@dataclass(slots=True)
class Tally:
    """What was heard so far."""

    messages: int = 0
    without_track: int = 0
    heard: set[str] = field(default_factory=set)
    in_view: set[str] = field(default_factory=set)


class Listeners:
    """Collects truths and has the hall hear each message.

    Args:
        hall: the microphones.
        horns: by vehicle; others are heard through a generic horn.
        out: where the lines go.
    """

    def __init__(self, hall: Hall, horns: dict[str, HornAt], out: TextIO) -> None:
        self.hall = hall
        self.tally = Tally()
        self._horns = horns
        self._out = out
        self._tracks: dict[str, Track] = {}
        self._waiting: list[Playing] = []

    def take(self, data: bytes) -> None:
        """One datagram; what cannot be read is left out."""
        try:
            truth = decode(data)
        except ValueError:
            return
        if isinstance(truth, Playing):
            self._waiting.append(truth)
            return
        track = self._tracks.setdefault(truth.vehicle, Track())
        track.add(truth.pose)
        track.forget_before(truth.pose.utc_s - KEEP_S)

    def due(self) -> list[Playing]:
        """Messages whose vehicle has been seen after their end; taken out."""
        ready = [p for p in self._waiting if self._until_s(p) > p.end_s + PERIOD_S]
        self._waiting = [p for p in self._waiting if p not in ready]
        return ready

    def rest(self) -> list[Playing]:
        """All that still wait; taken out."""
        rest, self._waiting = self._waiting, []
        return rest

    def _until_s(self, playing: Playing) -> float:
        track = self._tracks.get(playing.vehicle)
        return float("-inf") if track is None else track.until_s

    def hear(self, playing: Playing) -> list[Reception]:
        """Have it heard and write it down."""
        at = self._horns.get(playing.vehicle, HornAt(Horn()))
        track = self._tracks.get(playing.vehicle, Track())
        self.tally.messages += 1
        why = None
        try:
            got = self.hall.hear(playing, at.horn, track, lift_m=at.lift_m)
        except ValueError as fault:
            got, why = [], str(fault)
            self.tally.without_track += 1
        self.tally.heard |= {r.microphone for r in got}
        self.tally.in_view |= {r.microphone for r in got if r.in_view}
        line = {"type": "message", **asdict(playing), "why_not": why}
        self._write({**line, "heard": [asdict(r) for r in got]})
        return got

    def close(self) -> None:
        """Write the totals."""
        t = self.tally
        self._write(
            {
                "type": "totals",
                "microphones": len(self.hall.microphones),
                "messages": t.messages,
                "messages_without_track": t.without_track,
                "heard": len(t.heard),
                "heard_in_view": len(t.in_view),
            }
        )

    def _write(self, line: dict[str, object]) -> None:
        self._out.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._out.flush()


class _Inbox(asyncio.DatagramProtocol):
    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Asyncio: a truth came."""
        self._listeners.take(data)


async def serve(
    listeners: Listeners, address: tuple[str, int], ready: asyncio.Future[int]
) -> None:
    """Listen until cancelled; what has come by then is heard to its end.

    Raises:
        OSError: the address cannot be bound.
    """
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Inbox(listeners), local_addr=address
    )
    ready.set_result(int(transport.get_extra_info("sockname")[1]))
    try:
        while True:
            await asyncio.sleep(0.1)
            for playing in listeners.due():
                await asyncio.to_thread(listeners.hear, playing)
    finally:
        transport.close()
        for playing in (*listeners.due(), *listeners.rest()):
            listeners.hear(playing)
        listeners.close()


def read_microphones(path: Path) -> tuple[Microphone, ...]:
    """Microphones from a JSON document with ``receivers`` (a plan has them).

    Raises:
        ValueError: it holds none.
        OSError: it cannot be read.
    """
    document = json.loads(path.read_bytes())
    rows = document.get("receivers") if isinstance(document, dict) else None
    if not rows:
        msg = f"{path}: holds no receivers"
        raise ValueError(msg)
    return tuple(
        Microphone(
            id=str(r["id"]),
            lat_deg=float(r["lat_deg"]),
            lon_deg=float(r["lon_deg"]),
            up_m=float(r["up_m"]),
            indoors=r.get("building_id") is not None,
            household=r.get("household"),
        )
        for r in rows
    )


def read_horn(path: Path) -> Horn:
    """The data sheet in a JSON document with ``speaker`` (a plan has one)."""
    document = json.loads(path.read_bytes())
    sheet = document.get("speaker") or {}
    said = document.get("announcement") or {}
    angles, rows = sheet.get("directivity_deg"), sheet.get("directivity_db")
    spectrum = said.get("spectrum_db")
    plain = Horn()
    return Horn(
        level_1m_db=float(sheet.get("level_1m_db", plain.level_1m_db)),
        crest_db=float(sheet.get("crest_db", plain.crest_db)),
        tilt_deg=float(sheet.get("tilt_deg", plain.tilt_deg)),
        angles_deg=tuple(angles) if angles else None,
        loss_db=tuple(tuple(r) for r in rows) if rows else None,
        speech_db=tuple(spectrum) if spectrum else plain.speech_db,
    )
