"""How loud it was where people live, whatever they understood of it.

Counted is everything that came out of a loudspeaker: broken messages, too,
and one whose end was never reported counts as whole. What is not in view gets
the greatest loss that ISO 9613-2 knows for screens.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import (
    STANDARD_AIR,
    Source,
    free_field_db,
    geometry,
    scene_of,
)
from patrolctl.acoustics.bands import a_level_db
from patrolctl.acoustics.barrier import CAP_TWO_EDGES_DB
from patrolctl.domain.exposure import HouseholdDose
from patrolctl.domain.machines import (
    ROVER_SPEAKER_UP_M,
    SpeakerProfile,
    VehicleKind,
)
from patrolctl.domain.plan import ItemType, Plan, PlanItem, PlanReceiver, Sortie
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Playback
from patrolctl.evidence.hear import FARTHEST_M, Ears, speaker_up_m
from patrolctl.evidence.messages import Message, origin_of, unique
from patrolctl.evidence.record import RunRecord
from patrolctl.evidence.track import Tracks, seconds

Floats = npt.NDArray[np.float64]

# A city's ambient is about 60 dB(A) by day: what is 5 dB below it before the
# window is heard as speech no more.
AUDIBLE_DB = 55.0
STEP_S = 1.0
PASS_STEP_M = 5.0
SPOTS_MAX = 60


@dataclass(frozen=True, slots=True)
class Sounding:
    """A loudspeaker that sounds for a while: its places, each for ``step_s``."""

    sources: tuple[Source, ...]
    step_s: float
    times: int = 1


class Exposed:
    """The windows of a site's households."""

    def __init__(self, site: Site, listeners: tuple[PlanReceiver, ...]) -> None:
        self._scene = scene_of(site)
        self._place_m = Ears.at(listeners, site).place_m
        self._household = [r.household or "" for r in listeners]
        self._names = list(dict.fromkeys(self._household))
        index = {name: k for k, name in enumerate(self._names)}
        self._home = np.array([index[h] for h in self._household], dtype=np.int64)

    def doses(self, soundings: list[Sounding]) -> tuple[HouseholdDose, ...]:
        """What each household got; those that heard nothing are left out."""
        n = len(self._place_m)
        energy, repeats, loudest = np.zeros(n), np.zeros(n), np.full(n, -np.inf)
        for sounding in soundings:
            got, near = np.zeros(n), np.zeros(n)
            for source in sounding.sources:
                level = self._level_db(source)
                got += np.power(10.0, level / 10.0) * sounding.step_s
                near += level >= AUDIBLE_DB
            length_s = len(sounding.sources) * sounding.step_s
            mean_db = 10.0 * np.log10(np.maximum(got / length_s, 1e-9))
            energy += got * sounding.times
            # Who is passed hears a part of what is said on the way.
            share = near / len(sounding.sources)
            repeats += np.ceil(share * sounding.times - 1e-9)
            loudest = np.maximum(loudest, mean_db)
        return self._by_household(energy, repeats, loudest)

    def reach(self, sounding: Sounding) -> frozenset[str]:
        """The households that hear this."""
        return frozenset(d.household for d in self.doses([sounding]))

    def _level_db(self, source: Source) -> Floats:
        """(n,) before each window."""
        level = np.full(len(self._place_m), -np.inf)
        here = np.array([source.position_m])
        away = np.linalg.norm(self._place_m - here[0], axis=1)
        near = np.flatnonzero(away <= FARTHEST_M)
        place = self._place_m[near]
        distance, off = geometry(source, place)
        free = a_level_db(free_field_db(source, distance, off, STANDARD_AIR))
        seen = self._scene.visible(here, place)[0]
        level[near] = np.where(seen, free, free - CAP_TWO_EDGES_DB)
        return level

    def _by_household(
        self, energy: Floats, repeats: Floats, loudest: Floats
    ) -> tuple[HouseholdDose, ...]:
        count = len(self._names)
        most = [np.zeros(count), np.zeros(count), np.full(count, -np.inf)]
        for into, values in zip(most, (energy, repeats, loudest), strict=True):
            np.maximum.at(into, self._home, values)
        return tuple(
            HouseholdDose(
                household=name,
                energy=float(most[0][k]),
                repeats=int(most[1][k]),
                loudest_db=round(float(most[2][k]), 1),
            )
            for k, name in enumerate(self._names)
            if most[1][k] > 0
        )


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a loudspeaker was at one moment, site ENU, and which way it looked."""

    place_m: tuple[float, float, float]
    heading_deg: float


def spoken_sounding(
    spots: Sequence[Spot],
    speaker: SpeakerProfile,
    spectrum_db: tuple[float, ...] | None,
    *,
    length_s: float,
    times: int = 1,
) -> Sounding:
    """What was said without a plan, the spots taken for equal parts of it.

    Args:
        spots: where the loudspeaker was, at least once.
        speaker: how loud it is.
        spectrum_db: the clip's; None: that of speech.
        length_s: of all repeats together.
        times: how often the message was said.
    """
    every = max(1, -(-len(spots) // SPOTS_MAX))
    sources = tuple(
        Source(s.place_m, s.heading_deg, speaker, spectrum_db) for s in spots[::every]
    )
    return _split(Sounding(sources, length_s / len(sources)), times)


def planned_soundings(plan: Plan, site: Site) -> list[tuple[str, int, Sounding]]:
    """What a plan will sound: sortie, item and sounding of each cue."""
    return [
        (sortie.id, item.seq, _planned(plan, site, sortie, item.seq))
        for sortie in plan.sorties
        for item in sortie.items
        if item.cue is not None
    ]


def _planned(plan: Plan, site: Site, sortie: Sortie, seq: int) -> Sounding:
    number = next(k for k, i in enumerate(sortie.items) if i.seq == seq)
    item = sortie.items[number]
    places = [_spoken_from(plan, site, sortie, item)]
    if item.type is ItemType.PASS and number > 0:
        start = _spoken_from(plan, site, sortie, sortie.items[number - 1])
        count = max(2, math.ceil(math.dist(start, places[0]) / PASS_STEP_M) + 1)
        way = np.linspace(start, places[0], count)
        places = [(float(x), float(y), float(z)) for x, y, z in way]
    sources = tuple(
        Source(p, item.heading_deg or 0.0, plan.speaker, plan.announcement.spectrum_db)
        for p in places
    )
    repeats = item.cue.repeats if item.cue else 0
    each_s = plan.announcement.duration_s / len(sources)
    return Sounding(sources, each_s, repeats * sortie.loops)


def _spoken_from(
    plan: Plan, site: Site, sortie: Sortie, item: PlanItem
) -> tuple[float, float, float]:
    """The loudspeaker at an item's place, site ENU."""
    east, north = site.frame.point_en(item.position)
    home = plan.home_of(sortie)
    rover = sortie.vehicle_kind is VehicleKind.ROVER
    up = item.altitude.amsl_m(home_amsl_m=home.amsl_m) - site.ground_amsl_m
    return east, north, up + (ROVER_SPEAKER_UP_M if rover else 0.0)


def flown_soundings(record: RunRecord, site: Site) -> list[Sounding]:
    """What a run sounded, by its tracks and playbacks."""
    tracks = Tracks(record.tracks, record.playbacks, site.frame)
    found = []
    for playback in unique(record.playbacks)[0]:
        span = _span(record.plan, playback)
        if span is None:
            continue
        begin, end, times = span
        vehicle = tracks.vehicle(playback.vehicle_id)
        track = tracks.of(playback.id, vehicle, begin, end)
        if track is None or not len(track.time_s):
            continue
        sortie, station = origin_of(record.plan, playback)
        message = Message(playback.id, vehicle, sortie, station, begin, end)
        lift = speaker_up_m(message, record.plan, site)
        count = max(1, round((end - begin) / STEP_S))
        step = (end - begin) / count
        poses = track.at(np.asarray(begin + (np.arange(count) + 0.5) * step))
        sources = tuple(
            Source(
                (float(p[0]), float(p[1]), float(p[2]) + lift),
                float(heading),
                record.plan.speaker,
                record.plan.announcement.spectrum_db,
            )
            for p, heading in zip(poses.place_m, poses.heading_deg, strict=True)
        )
        # The whole span is one sounding; said n times it counts n times.
        found.append(_split(Sounding(sources, step), times))
    return found


def _split(sounding: Sounding, times: int) -> Sounding:
    """A span of several repeats as one repeat that sounds several times."""
    if times <= 1:
        return sounding
    return replace(sounding, step_s=sounding.step_s / times, times=times)


def _span(plan: Plan, p: Playback) -> tuple[float, float, int] | None:
    """Begin, end and number of repeats begun; None: nothing sounded."""
    once = plan.announcement.duration_s
    begin = seconds(p.start_utc)
    if p.status == "refused":
        return None
    end = begin + once if p.end_utc is None else seconds(p.end_utc)
    if end <= begin:
        return None
    return begin, end, max(1, p.repeats_done)
