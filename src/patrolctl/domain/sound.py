"""What is said, the rendered clip, and what a speaker really played."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from patrolctl.domain.ids import (
    AnnouncementId,
    SortieId,
    SpeakerId,
    StationId,
    VehicleId,
)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One language's text; ``lang`` is BCP 47 (``zh``, ``yue``, ``en``)."""

    lang: str
    text: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """What to say: texts in their order, spoken ``repeats`` times over.

    ``rate_wpm`` is the speaking rate; None takes the voice's default for
    the language. ``chime`` puts an attention tone in front.
    ``stated_duration_s`` is the length, said once, to plan with instead of
    rendering (None: the rendered clip's). ``recording`` is the clip of an
    uploaded recording that is played instead of speaking the texts;
    ``version`` is that of one that was written and approved here (None: it
    stands in a mission file).
    """

    id: AnnouncementId
    utterances: tuple[Utterance, ...]
    repeats: int = 1
    chime: bool = True
    pause_s: float = 0.6
    rate_wpm: int | None = None
    voice: str | None = None
    stated_duration_s: float | None = None
    recording: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """A rendered announcement, said once.

    ``path`` is the WAV file. ``spectrum_db`` is the octave-band level 63 Hz
    to 8 kHz relative to the A-weighted level; ``crest_db`` the peak above
    LAeq while speaking.
    """

    sha256: str
    path: str
    duration_s: float
    sample_rate_hz: int
    loudness_lufs: float | None = None
    peak_dbfs: float | None = None
    crest_db: float | None = None
    spectrum_db: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Cue:
    """Play a clip at a station; ``id`` is unique within a run.

    ``until_seq``: the vehicle sets off while it plays, and waits in that
    mission item until it is over.
    """

    id: str
    seq: int
    clip_sha256: str
    repeats: int
    clip_duration_s: float
    station: StationId | None = None
    until_seq: int | None = None


@dataclass(frozen=True, slots=True)
class CueSheet:
    """All cues of a sortie; ``Cue.seq`` is the mission item that starts it."""

    sortie_id: SortieId
    cues: tuple[Cue, ...]

    def at(self, seq: int) -> Cue | None:
        """The cue that starts with mission item ``seq``, if any."""
        return next((c for c in self.cues if c.seq == seq), None)


@dataclass(frozen=True, slots=True)
class CueEnd:
    """Where a vehicle that moves while a cue is played comes to rest."""

    lat_deg: float
    lon_deg: float
    up_m: float


@dataclass(frozen=True, slots=True)
class PlacedCue:
    """A cue with the place where it is due and the key it is played under.

    ``up_m`` is height above the vehicle's home, ``heading_deg`` where its nose
    points while the cue is played (None: wherever). A speaker that follows the
    autopilot itself needs no more than this to play without a link. ``end``:
    the cue is due at the place and played on the straight way from there.
    """

    cue: Cue
    key: str
    lat_deg: float
    lon_deg: float
    up_m: float
    heading_deg: float | None = None
    end: CueEnd | None = None


class Priority(StrEnum):
    """Whose turn it is at one loudspeaker: urgent comes before what a run says."""

    NORMAL = "normal"
    URGENT = "urgent"


class CutBy(StrEnum):
    """Who took the loudspeaker away from a message, on purpose.

    Urgent and talk come between: the message may be said again afterwards.
    Silence ends it.
    """

    URGENT = "urgent"
    TALK = "talk"
    SILENCE = "silence"


class PlaybackStatus(StrEnum):
    """What became of a cue."""

    STARTED = "started"
    COMPLETED = "completed"
    CUT = "cut"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a loudspeaker's vehicle measured itself to be.

    ``up_m`` is above its home, ``heading_deg`` that of its nose.
    """

    ts_utc: datetime
    lat_deg: float
    lon_deg: float
    up_m: float
    heading_deg: float


@dataclass(frozen=True, slots=True)
class Playback:
    """What a speaker really did, as it reported it.

    ``key`` is the idempotency key of the command; a cue that was commanded
    twice under one key is played once. ``cut_by`` says of a CUT one who cut
    it; None: something failed. ``clip_sha256`` of live talk is empty.
    ``poses`` are from a speaker that follows the autopilot itself: they prove
    where it spoke when nobody else recorded a track.
    """

    id: str
    speaker_id: SpeakerId
    key: str
    clip_sha256: str
    status: PlaybackStatus
    start_utc: datetime
    end_utc: datetime | None = None
    cue_id: str | None = None
    station: StationId | None = None
    vehicle_id: VehicleId | None = None
    repeats_done: int = 0
    complete: bool = False
    reason: str | None = None
    cut_by: CutBy | None = None
    poses: tuple[Pose, ...] = ()


class SpeakerPhase(StrEnum):
    """State that a speaker publishes."""

    UNKNOWN = "unknown"
    IDLE = "idle"
    CACHING = "caching"
    PLAYING = "playing"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class SpeakerState:
    """Latest state of one speaker.

    ``sheet`` names the cue sheet that it holds, as ``run/sortie``.
    """

    speaker_id: SpeakerId
    phase: SpeakerPhase
    cached: tuple[str, ...] = ()
    reason: str | None = None
    sheet: str | None = None
