"""What each receiver got of each message.

The vehicle moves while it speaks, so a message is looked at each second of
its span: it counts at a receiver only if it was intelligible there, with
nothing solid in between, in every one of them. The level told is the energy
mean over the span.

A track says where a vehicle measured itself to be, not where it was. What is
claimed must hold wherever within that error it may have been: farther away,
turned away, behind the corner.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import (
    STANDARD_AIR,
    Listening,
    Source,
    free_field_db,
    geometry,
    listener_sti,
    predict,
    rotor_db,
    scene_of,
)
from patrolctl.acoustics.bands import a_level_db
from patrolctl.domain.machines import ROVER_SPEAKER_UP_M, VehicleKind
from patrolctl.domain.plan import Plan, PlanReceiver
from patrolctl.domain.site import Site
from patrolctl.evidence.messages import Message
from patrolctl.evidence.track import Poses, Track

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

SAMPLE_S = 1.0
# Poses this alike sound alike: at 10 m, 0.25 m are 0.2 dB, and the steepest
# directivity table falls by 0.3 dB in a degree.
SAME_M = 0.25
SAME_DEG = 1.0
FARTHEST_M = 600.0
# The planner's position_error_m covers how well a vehicle knows its place and
# how well it keeps it. A flown track leaves the first, which is the greater.
# Compasses of copters are trusted to about 3 degrees once calibrated.
KNOWING_SHARE = 2.0 / 3.0
HEADING_ERROR_DEG = 3.0


@dataclass(frozen=True, slots=True)
class Ears:
    """Receivers as arrays: (n, 3) ENU, and (n,) indoors."""

    place_m: Floats
    indoors: Bools

    @classmethod
    def at(cls, receivers: tuple[PlanReceiver, ...], site: Site) -> "Ears":
        """Some receivers; those of a building listen indoors."""
        lat = np.array([r.lat_deg for r in receivers], dtype=np.float64)
        lon = np.array([r.lon_deg for r in receivers], dtype=np.float64)
        up = np.array([r.up_m for r in receivers], dtype=np.float64)
        flat = site.frame.to_en(lat, lon) if len(lat) else np.empty((0, 2))
        indoors = np.array([r.building_id is not None for r in receivers])
        return cls(np.column_stack([flat, up]), indoors.astype(np.bool_))


@dataclass(frozen=True, slots=True)
class Reception:
    """Of one message at some receivers (rows): worst STI, mean level.

    ``seen``: the loudspeaker was in view at some moment.
    """

    rows: Ints
    sti: Floats
    level_db: Floats
    seen: Bools


@dataclass(frozen=True, slots=True)
class _Certain:
    """One second at those of some rows (indices) that heard it for certain.

    STI and level are those of the measured pose.
    """

    rows: Ints
    sti: Floats
    level_db: Floats


def sampled(message: Message, track: Track) -> Poses:
    """Poses at each second of a message's span, and at its end.

    Poses that repeat the one before are left out.
    """
    count = max(1, int(np.ceil((message.end_s - message.begin_s) / SAMPLE_S)))
    poses = track.at(np.linspace(message.begin_s, message.end_s, count + 1))
    kept = [0]
    for k in range(1, len(poses.place_m)):
        moved = np.linalg.norm(poses.place_m[k] - poses.place_m[kept[-1]])
        turned = abs(poses.heading_deg[k] - poses.heading_deg[kept[-1]])
        if moved > SAME_M or min(turned, 360.0 - turned) > SAME_DEG:
            kept.append(k)
    return Poses(poses.place_m[kept], poses.heading_deg[kept])


def speaker_up_m(message: Message, plan: Plan, site: Site) -> float:
    """What to add to a track's height to get the loudspeaker's in ENU."""
    home = plan.home if message.sortie is None else plan.home_of(message.sortie)
    lift = home.amsl_m - site.ground_amsl_m
    rover = message.sortie and message.sortie.vehicle_kind is VehicleKind.ROVER
    return lift + (ROVER_SPEAKER_UP_M if rover else 0.0)


class Hearing:
    """A site, its listeners, and the loudspeaker of a plan."""

    def __init__(self, plan: Plan, site: Site) -> None:
        self.plan = plan
        self.site = site
        self.scene = scene_of(site)
        self.ears = Ears.at(plan.receivers, site)
        self.place_error_m = KNOWING_SHARE * plan.vehicle.position_error_m
        self._listening = Listening.of(plan.requirement)

    def sources(self, message: Message, track: Track) -> list[Source]:
        """The loudspeaker at each second of a message."""
        poses = sampled(message, track)
        lift = speaker_up_m(message, self.plan, self.site)
        return [
            Source(
                (float(p[0]), float(p[1]), float(p[2]) + lift),
                float(h),
                self.plan.speaker,
                self.plan.announcement.spectrum_db,
            )
            for p, h in zip(poses.place_m, poses.heading_deg, strict=True)
        ]

    def whole(self, sources: list[Source]) -> Reception:
        """The receivers that got all of a message.

        Second by second, whoever loses it drops out: nothing more needs to
        be known of them here.
        """
        first = np.array(sources[0].position_m)
        gap = np.linalg.norm(self.ears.place_m - first, axis=1)
        rows = np.flatnonzero(gap <= FARTHEST_M)
        sti, energy = np.full(len(rows), np.inf), np.zeros(len(rows))
        for source in sources:
            got = self._certain(source, rows)
            rows, sti, energy = rows[got.rows], sti[got.rows], energy[got.rows]
            sti = np.minimum(sti, got.sti)
            energy = energy + 10.0 ** (got.level_db / 10.0)
        level = 10.0 * np.log10(energy / len(sources))
        return Reception(rows, sti, level, np.ones(len(rows), dtype=np.bool_))

    def partly(self, sources: list[Source], rows: Ints) -> Reception:
        """What given receivers got of a message, sound round corners included."""
        ears = self.ears
        sti, energy = np.full(len(rows), np.inf), np.zeros(len(rows))
        seen = np.zeros(len(rows), dtype=np.bool_)
        for source in sources:
            got = predict(
                self.scene,
                source,
                ears.place_m[rows],
                ears.indoors[rows],
                self._listening,
            )
            sti = np.minimum(sti, got.sti)
            energy = energy + 10.0 ** (got.level_db / 10.0)
            seen |= got.visible
        with np.errstate(divide="ignore"):
            level = 10.0 * np.log10(energy / len(sources))
        return Reception(rows, sti, level, seen)

    def _certain(self, source: Source, rows: Ints) -> "_Certain":
        """Which of some receivers heard this second for certain.

        Line of sight from everywhere within the error; intelligible at the
        farthest and at the widest angle that the error allows.
        """
        place, indoors = self.ears.place_m[rows], self.ears.indoors[rows]
        here = np.array([source.position_m])
        kept = np.flatnonzero(
            self.scene.visible(here, place, error_m=self.place_error_m)[0]
        )
        place, indoors = place[kept], indoors[kept]
        distance, off = geometry(source, place)
        rotor = rotor_db(source, distance)
        lean = np.degrees(np.arcsin(np.minimum(1.0, self.place_error_m / distance)))
        # The place and the compass are off independently of each other.
        worst_off = np.minimum(180.0, off + np.hypot(lean, HEADING_ERROR_DEG))
        worst = free_field_db(
            source, distance + self.place_error_m, worst_off, STANDARD_AIR
        )
        worst_sti = listener_sti(worst, indoors, self._listening, rotor)
        sure = worst_sti >= self.plan.requirement.sti_min
        bands = free_field_db(source, distance[sure], off[sure], STANDARD_AIR)
        noise = None if rotor is None else rotor[sure]
        sti = listener_sti(bands, indoors[sure], self._listening, noise)
        return _Certain(kept[sure], sti, a_level_db(bands))
