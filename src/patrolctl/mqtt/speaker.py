"""A loudspeaker behind MQTT: commands out, reports in."""

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import TypeVar

import msgspec

from patrolctl.clock import Clock
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.domain.sound import (
    Clip,
    Cue,
    PlacedCue,
    Playback,
    Priority,
    SpeakerPhase,
    SpeakerState,
)
from patrolctl.mqtt import topics
from patrolctl.mqtt.connection import Connection, urgent
from patrolctl.mqtt.outbox import Message
from patrolctl.mqtt.payloads import (
    CommandPayload,
    SheetCue,
    SheetPayload,
    encode,
    new_id,
)
from patrolctl.mqtt.reports import Reports
from patrolctl.mqtt.session import Received
from patrolctl.mqtt.talk import TalkFrame, pack

log = logging.getLogger(__name__)

# Reports may come twice (QoS 1); this many ids are remembered.
REMEMBERED = 4096


T = TypeVar("T")


def _decode(message: Received, kind: type[T]) -> T | None:
    """What a speaker sent; None when it is none of ours."""
    try:
        return msgspec.json.decode(message.payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        log.warning("%s: unusable payload (%s)", message.topic, e)
        return None


class MqttSpeaker:
    """Implements ``ports.AutonomousSpeaker``; built by ``MqttHub.speaker``."""

    def __init__(
        self,
        speaker_id: SpeakerId,
        vehicle_id: VehicleId,
        connection: Connection,
        *,
        site_id: str,
        clock: Clock,
        clip_url: Callable[[str], str | None],
    ) -> None:
        self._id = speaker_id
        self._vehicle_id = vehicle_id
        self._connection = connection
        self._topic = topics.COMMAND.topic(site_id, speaker_id)
        self._talk_topic = topics.TALK.topic(site_id, speaker_id)
        self._clock = clock
        self._clip_url = clip_url
        self._seq = 0
        self._state = SpeakerState(speaker_id, SpeakerPhase.UNKNOWN)
        self._seen: OrderedDict[tuple[str, str], str] = OrderedDict()  # their keys
        self._reports = Reports(early=REMEMBERED)
        # Reports that waited at the broker come before anybody listens here.
        self.on_state: Callable[[SpeakerState], None] = lambda _: None

    @property
    def id(self) -> SpeakerId:
        """Its name in topics."""
        return self._id

    @property
    def vehicle_id(self) -> VehicleId:
        """The vehicle that carries it."""
        return self._vehicle_id

    @property
    def state(self) -> SpeakerState:
        """The latest state it told."""
        return self._state

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _send(
        self, payload: CommandPayload | SheetPayload, *, hurry: bool = False
    ) -> None:
        expires = payload.expires_utc
        expiry_s = None
        if expires is not None:
            # The broker need not deliver what the speaker would refuse. Its
            # seconds are real ones, never shorter than the clock's.
            left_s = (expires - self._clock.utc()).total_seconds()
            expiry_s = max(1, int(left_s) + 1)
        message = Message(self._topic, encode(payload), expiry_s=expiry_s)
        self._connection.fact(urgent(message) if hurry else message)

    async def prepare(self, clip: Clip) -> None:
        """Have it fetch and cache the clip before it is needed."""
        self._send(
            CommandPayload(
                id=new_id(),
                ts_utc=self._clock.utc(),
                seq=self._next(),
                action="prepare",
                clip_sha256=clip.sha256,
                clip_url=self._clip_url(clip.sha256),
                duration_s=clip.duration_s,
            )
        )

    async def play(
        self,
        cue: Cue,
        *,
        key: str,
        expires_utc: datetime,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """Ask it to play; the same ``key`` is never played twice.

        The run's id is the part of the key in front of the first colon. One
        that knows the key already tells again what became of it.
        """
        self._ask_about((key,))
        self._send(
            CommandPayload(
                id=new_id(),
                ts_utc=self._clock.utc(),
                seq=self._next(),
                action="play",
                key=key,
                expires_utc=expires_utc,
                clip_sha256=cue.clip_sha256,
                clip_url=self._clip_url(cue.clip_sha256),
                duration_s=cue.clip_duration_s,
                repeats=cue.repeats,
                priority=priority,
                cue_id=cue.id,
                station=cue.station,
                run_id=key.partition(":")[0] if ":" in key else None,
            ),
            hurry=priority is Priority.URGENT,
        )

    async def load(
        self,
        cues: tuple[PlacedCue, ...],
        *,
        run_id: str,
        sortie_id: str,
        expires_utc: datetime,
    ) -> None:
        """Give it the sortie's cue sheet, to play without a link to us."""
        sheet = [
            SheetCue(
                cue_id=p.cue.id,
                seq=p.cue.seq,
                key=p.key,
                clip_sha256=p.cue.clip_sha256,
                clip_url=self._clip_url(p.cue.clip_sha256),
                duration_s=p.cue.clip_duration_s,
                repeats=p.cue.repeats,
                lat_deg=p.lat_deg,
                lon_deg=p.lon_deg,
                up_m=p.up_m,
                station=p.cue.station,
                heading_deg=p.heading_deg,
                end_lat_deg=None if p.end is None else p.end.lat_deg,
                end_lon_deg=None if p.end is None else p.end.lon_deg,
                end_up_m=None if p.end is None else p.end.up_m,
            )
            for p in cues
        ]
        self._connection.withdraw(self._topic, b'"action":"cue_sheet"')
        self._send(
            SheetPayload(
                id=new_id(),
                ts_utc=self._clock.utc(),
                seq=self._next(),
                action="cue_sheet",
                run_id=run_id,
                sortie_id=sortie_id,
                expires_utc=expires_utc,
                cues=sheet,
            )
        )

    def _ask_about(self, keys: Iterable[str]) -> None:
        """What it tells of these from now on is an answer and no copy."""
        asked = frozenset(keys)
        for seen in [s for s, key in self._seen.items() if key in asked]:
            del self._seen[seen]

    async def recall(self, keys: tuple[str, ...]) -> None:
        """Have it report again what became of these keys."""
        self._ask_about(keys)
        for key in keys:
            self._send(
                CommandPayload(
                    id=new_id(),
                    ts_utc=self._clock.utc(),
                    seq=self._next(),
                    action="report",
                    key=key,
                )
            )

    async def volume(self, ratio: float) -> None:
        """Set its volume, 0 to 1."""
        payload = CommandPayload(
            id=new_id(),
            ts_utc=self._clock.utc(),
            seq=self._next(),
            action="volume",
            volume_ratio=min(1.0, max(0.0, ratio)),
        )
        self._send(payload)

    async def silence(self) -> None:
        """Stop whatever it plays, at once, and plays that were not sent yet."""
        for begins in (b'"action":"play"', b'"action":"talk_begin"'):
            self._connection.withdraw(self._topic, begins)
        payload = CommandPayload(
            id=new_id(), ts_utc=self._clock.utc(), seq=self._next(), action="silence"
        )
        self._connection.fact(urgent(Message(self._topic, encode(payload))))

    async def talk_begin(self, talk_id: str, *, expires_utc: datetime) -> None:
        """Ask it to give the floor to a live talk; it reports STARTED."""
        payload = CommandPayload(
            id=new_id(),
            ts_utc=self._clock.utc(),
            seq=self._next(),
            action="talk_begin",
            talk_id=talk_id,
            expires_utc=expires_utc,
        )
        self._send(payload, hurry=True)

    def talk_frame(self, talk_id: str, seq: int, packet: bytes) -> bool:
        """One Opus packet, now or never; False: the broker is away."""
        payload = pack(TalkFrame(talk_id, seq, packet))
        return self._connection.at_once(Message(self._talk_topic, payload))

    async def talk_end(self, talk_id: str) -> None:
        """The talker let go."""
        payload = CommandPayload(
            id=new_id(),
            ts_utc=self._clock.utc(),
            seq=self._next(),
            action="talk_end",
            talk_id=talk_id,
        )
        self._send(payload, hurry=True)

    def playbacks(self) -> AsyncIterator[Playback]:
        """Reports from now on, STARTED ones included."""
        return self._reports.listen()

    def received_playback(self, message: Received) -> None:
        """A report came in; one that came before changes nothing."""
        if message.retain:
            log.warning("speaker=%s a retained report is ignored", self._id)
            return
        playback = _decode(message, Playback)
        if playback is None or playback.speaker_id != self._id:
            return
        seen = (playback.id, playback.status.value)
        if seen in self._seen:
            return
        self._seen[seen] = playback.key
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        self._reports.tell(playback)

    def received_state(self, message: Received) -> None:
        """It told its state; retained ones are the latest known."""
        state = _decode(message, SpeakerState)
        if state is not None and state.speaker_id == self._id:
            self._state = state
            self.on_state(state)
