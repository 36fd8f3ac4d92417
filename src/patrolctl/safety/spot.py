"""May a loudspeaker sound where its vehicle is now, plan or no plan?"""

from dataclasses import replace

from patrolctl.domain.machines import SpeakerProfile, VehicleKind
from patrolctl.domain.site import Site
from patrolctl.domain.violation import Violation
from patrolctl.safety.exposure import HEAD_M, Exposure
from patrolctl.safety.limits import DEFAULT_LIMITS, SafetyLimits
from patrolctl.safety.route import Finder, Move, Point, Route


def check_spot(
    site: Site,
    kind: VehicleKind,
    spot_m: Point,
    speaker: SpeakerProfile,
    max_level_db: float,
    *,
    limits: SafetyLimits = DEFAULT_LIMITS,
) -> tuple[Violation, ...]:
    """The exposure rules of a plan's dwells, at one spot.

    Args:
        site: its façades.
        kind: below a copter there may be people.
        spot_m: the loudspeaker in site ENU.
        speaker: how loud it is.
        max_level_db: the cap at façades and people, dB(A).
        limits: the gate's own.

    Returns:
        What is too loud; a copter that does not fly stands among its crew.
    """
    find = Finder(site, "")
    if kind is VehicleKind.COPTER and spot_m[2] <= HEAD_M:
        reason = "it is on the ground, among its crew: no loudspeaker sounds there"
        return (replace(find("exposure", reason), sortie=None),)
    move = Move(0, "announcement", spot_m, spot_m, 0.0, cue=True)
    route = Route(sortie="", kind=kind, moves=(move,), home_m=spot_m)
    found = Exposure(site).check(route, speaker, max_level_db, limits)
    return tuple(replace(v, sortie=None, seq=None) for v in found)
