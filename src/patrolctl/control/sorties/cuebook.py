"""What is known of every cue of a sortie, and the sheet that follows. Pure."""

from collections.abc import Iterable

from patrolctl.control.vehicles.keys import cue_name, key_of, name_of, run_of
from patrolctl.domain.ids import RunId
from patrolctl.domain.mission import Mission, MissionStep
from patrolctl.domain.plan import Sortie
from patrolctl.domain.sound import (
    Cue,
    CueEnd,
    CueSheet,
    PlacedCue,
    Playback,
    PlaybackStatus,
)

# A sheet is one message to the speaker; it is sent anew in every lap.
MOST_CUES = 300


def cue_ids(sortie: Sortie) -> tuple[str, ...]:
    """The ids that ``planning.compile`` gives to a sortie's cues."""
    return tuple(f"{sortie.id}.{i.seq}" for i in sortie.items if i.cue is not None)


class CueBook:
    """The cues of one sortie of one run, with what became of each."""

    def __init__(self, run_id: RunId, sortie: Sortie, done: Iterable[str] = ()) -> None:
        self._run_id = run_id
        self._ids = cue_ids(sortie)
        self._loops = sortie.loops
        self.done: set[str] = set(done)
        self._latest: dict[str, Playback] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Every message that is due, in its order."""
        return tuple(cue_name(c, n) for n in range(self._loops) for c in self._ids)

    @property
    def missing(self) -> tuple[str, ...]:
        """Messages that were not heard to their end yet."""
        return tuple(n for n in self.names if n not in self.done)

    def take(self, report: Playback) -> str | None:
        """Note a report; the name of the message that it completes, if any."""
        name = name_of(report.key)
        if run_of(report.key) != self._run_id or self._id_in(name) not in self._ids:
            return None
        known = self._latest.get(report.key)
        if known is None or known.status is PlaybackStatus.STARTED:
            self._latest[report.key] = report
        whole = report.status is PlaybackStatus.COMPLETED and report.complete
        if not whole or name in self.done:
            return None
        self.done.add(name)
        return name

    @staticmethod
    def _id_in(name: str) -> str:
        return name.partition(":")[0]

    def next_key(self, name: str) -> str:
        """The key to play a message under: a new one only after an end.

        A key whose end is not known is asked for again: the speaker plays it
        once, and tells again what became of it.
        """
        attempt = 1
        while self._ended(key_of(self._run_id, name, attempt)):
            attempt += 1
        return key_of(self._run_id, name, attempt)

    def plays(self, key: str) -> bool:
        """Whether it was begun, and its end is not known."""
        report = self._latest.get(key)
        return report is not None and report.status is PlaybackStatus.STARTED

    def _ended(self, key: str) -> bool:
        report = self._latest.get(key)
        return report is not None and report.status is not PlaybackStatus.STARTED

    def open_keys(self) -> tuple[str, ...]:
        """The keys of what is missing, to ask a speaker about."""
        return tuple(self.next_key(n) for n in self.missing[:MOST_CUES])

    def sheet(
        self, mission: Mission, cues: CueSheet, laps: int
    ) -> tuple[PlacedCue, ...]:
        """What is still to be said from this lap on, each with its place."""
        placed = [
            _placed(mission, cues, cue_id, self.next_key(name))
            for lap in range(laps, self._loops)
            for cue_id in self._ids
            if (name := cue_name(cue_id, lap)) not in self.done
        ]
        return tuple(p for p in placed if p is not None)[:MOST_CUES]


def _placed(
    mission: Mission, cues: CueSheet, cue_id: str, key: str
) -> PlacedCue | None:
    cue = next((c for c in cues.cues if c.id == cue_id), None)
    step = next((s for s in mission.steps if cue and s.seq == cue.seq), None)
    if cue is None or step is None or step.position is None:
        return None
    return PlacedCue(
        cue=cue,
        key=key,
        lat_deg=step.position.lat_deg,
        lon_deg=step.position.lon_deg,
        up_m=_up_m(mission, step),
        heading_deg=step.heading_deg,
        end=_end(mission, cue),
    )


def _end(mission: Mission, cue: Cue) -> CueEnd | None:
    """Where a cue that is played in flight ends."""
    last = next((s for s in mission.steps if s.seq == cue.until_seq), None)
    if last is None or last.position is None:
        return None
    place = last.position
    return CueEnd(place.lat_deg, place.lon_deg, _up_m(mission, last))


def _up_m(mission: Mission, step: MissionStep) -> float:
    if step.altitude is None:
        return 0.0
    amsl_m = step.altitude.amsl_m(home_amsl_m=mission.home_amsl_m)
    return amsl_m - mission.home_amsl_m
