"""What each receiver got of each message.

The vehicle moves while it speaks, so a message is looked at each second of
its span: it counts at a receiver only if it was intelligible there, with
nothing solid in between, in every one of them. The level told is the energy
mean over the span.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics import Listening, Scene, Source, predict
from patrolctl.domain.machines import ROVER_SPEAKER_UP_M, VehicleKind
from patrolctl.domain.plan import Plan
from patrolctl.domain.site import Site
from patrolctl.evidence.messages import Message
from patrolctl.evidence.track import Poses, Track

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SAMPLE_S = 1.0
# Poses this alike sound alike: at 10 m, 0.25 m are 0.2 dB, and the steepest
# directivity table falls by 0.3 dB in a degree.
SAME_M = 0.25
SAME_DEG = 1.0
FARTHEST_M = 600.0


@dataclass(frozen=True, slots=True)
class Ears:
    """All receivers of a plan as arrays: (n, 3) ENU, and (n,) indoors."""

    place_m: Floats
    indoors: Bools

    @classmethod
    def of(cls, plan: Plan, site: Site) -> "Ears":
        """The plan's receivers; those of a building listen indoors."""
        lat = np.array([r.lat_deg for r in plan.receivers], dtype=np.float64)
        lon = np.array([r.lon_deg for r in plan.receivers], dtype=np.float64)
        up = np.array([r.up_m for r in plan.receivers], dtype=np.float64)
        flat = site.frame.to_en(lat, lon) if len(lat) else np.empty((0, 2))
        indoors = np.array([r.building_id is not None for r in plan.receivers])
        return cls(np.column_stack([flat, up]), indoors.astype(np.bool_))


@dataclass(frozen=True, slots=True)
class Reception:
    """Of one message at n receivers: worst STI, mean level, whole or not."""

    sti: Floats
    level_db: Floats
    whole: Bools
    seen: Bools


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


def receive(
    message: Message, track: Track, ears: Ears, plan: Plan, place: tuple[Scene, Site]
) -> Reception:
    """What every receiver got of one message.

    Args:
        message: a whole message, inside the track.
        track: of the vehicle that spoke.
        ears: the receivers.
        plan: loudspeaker, spectrum and requirement.
        place: the scene and its site.
    """
    scene, site = place
    poses = sampled(message, track)
    lift = np.array([0.0, 0.0, speaker_up_m(message, plan, site)])
    listening = Listening.of(plan.requirement)
    n = len(ears.place_m)
    gap = np.linalg.norm(ears.place_m - poses.place_m[0] - lift, axis=1)
    near = np.flatnonzero(gap <= FARTHEST_M)
    sti, energy = np.full(n, np.inf), np.zeros(n)
    whole, seen = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    sti[gap > FARTHEST_M] = 0.0
    whole[near] = True
    for spot, heading in zip(poses.place_m + lift, poses.heading_deg, strict=True):
        source = Source(
            (float(spot[0]), float(spot[1]), float(spot[2])),
            float(heading),
            plan.speaker,
            plan.announcement.spectrum_db,
        )
        got = predict(scene, source, ears.place_m[near], ears.indoors[near], listening)
        sti[near] = np.minimum(sti[near], got.sti)
        energy[near] += 10.0 ** (got.level_db / 10.0)
        whole[near] &= got.heard(plan.requirement.sti_min)
        seen[near] |= got.visible
    with np.errstate(divide="ignore"):
        level = 10.0 * np.log10(energy / len(poses.heading_deg))
    return Reception(sti, level, whole, seen)
