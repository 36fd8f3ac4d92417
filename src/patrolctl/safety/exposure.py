"""How loud it can get where people are: an upper bound, on purpose.

Plain spherical spreading on the loudspeaker's axis. Directivity, barriers,
ground and air only take away from it, so what passes here is never louder
in truth (save for reflections, which add 3 dB at a hard façade and are what
a stated ``max_level_db`` is to leave room for).
"""

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from patrolctl.domain.machines import SpeakerProfile, VehicleKind
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Violation
from patrolctl.safety.limits import SafetyLimits
from patrolctl.safety.route import Finder, Floats, Move, Route
from patrolctl.safety.solids import SolidIndex, SolidKind, solids_of

HEAD_M = 1.7
EVERY_M = 0.5
Ints = npt.NDArray[np.int64]


class Exposure:
    """A site's façades, asked for the levels that a route puts on them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        walls = (s for s in solids_of(site) if s.kind is SolidKind.BUILDING)
        self._walls = SolidIndex(tuple(walls))

    def check(
        self,
        route: Route,
        speaker: SpeakerProfile,
        max_level_db: float,
        limits: SafetyLimits,
    ) -> list[Violation]:
        """Levels at the nearest façade, and below a hovering speaker."""
        loud = [m for m in route.moves if m.cue]
        if not loud:
            return []
        find = Finder(self.site, route.sortie)
        wall_m, which = self._nearest(loud)
        found: list[Violation] = []
        for k, move in enumerate(loud):
            spots = []
            if which[k] >= 0:
                spots.append((self._walls.solids[which[k]].label, float(wall_m[k])))
            if route.kind is VehicleKind.COPTER:
                low_m = min(move.a_m[2], move.b_m[2])
                spots.append(("people below", max(low_m - HEAD_M, 0.0)))
            for who, distance in spots:
                found += _judge(
                    (who, distance, move.seq), speaker, max_level_db, limits, find
                )
        return found

    def _nearest(self, loud: list[Move]) -> tuple[Floats, Ints]:
        """The nearest façade of each move, wherever along it that is."""
        points = [_along(m) for m in loud]
        wall_m, which = self._walls.nearest_m(np.vstack(points))
        ends = np.cumsum([len(p) for p in points])
        least = [int(a + np.argmin(wall_m[a:b])) for a, b in pairwise([0, *ends])]
        return wall_m[least], which[least]


def _along(move: Move) -> Floats:
    """Points of a move that lie no farther apart than ``EVERY_M``."""
    a, b = np.array(move.a_m), np.array(move.b_m)
    count = 1 if move.stays else math.ceil(math.dist(a, b) / EVERY_M) + 1
    points: Floats = b + np.linspace(0.0, 1.0, count)[:, None] * (a - b)
    return points


def _judge(
    spot: tuple[str, float, int],
    speaker: SpeakerProfile,
    max_level_db: float,
    limits: SafetyLimits,
    find: Finder,
) -> list[Violation]:
    who, distance_m, seq = spot
    drop = 20.0 * math.log10(max(distance_m, 0.1))
    peak = speaker.level_1m_db - drop
    speech = peak - speaker.crest_db
    found = []
    if speech > max_level_db + 0.01:
        reason = f"up to {speech:.1f} dB at {who}, {distance_m:.1f} m away"
        found.append(
            find("exposure", reason, seq=seq, measured=speech, limit=max_level_db)
        )
    if peak > limits.peak_limit_db + 0.01:
        reason = f"peaks of {peak:.1f} dB at {who}, {distance_m:.1f} m away"
        found.append(
            find(
                "exposure-peak",
                reason,
                seq=seq,
                measured=peak,
                limit=limits.peak_limit_db,
            )
        )
    return found
