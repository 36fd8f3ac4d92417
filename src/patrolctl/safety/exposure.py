"""How loud it can get where people are: an upper bound, on purpose.

Plain spherical spreading on the loudspeaker's axis. Directivity, barriers,
ground and air only take away from it, so what passes here is never louder
in truth (save for reflections, which add 3 dB at a hard façade and are what
a stated ``max_level_db`` is to leave room for).
"""

import math

import numpy as np

from patrolctl.domain.machines import SpeakerProfile, VehicleKind
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Violation
from patrolctl.safety.limits import SafetyLimits
from patrolctl.safety.route import Finder, Route
from patrolctl.safety.solids import SolidIndex, SolidKind, solids_of

HEAD_M = 1.7


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
        points = np.array([m.b_m for m in loud], dtype=np.float64)
        wall_m, which = self._walls.nearest_m(points)
        found: list[Violation] = []
        for k, move in enumerate(loud):
            spots = []
            if which[k] >= 0:
                spots.append((self._walls.solids[which[k]].label, float(wall_m[k])))
            if route.kind is VehicleKind.COPTER:
                spots.append(("people below", max(move.b_m[2] - HEAD_M, 0.0)))
            for who, distance in spots:
                found += _judge(
                    (who, distance, move.seq), speaker, max_level_db, limits, find
                )
        return found


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
