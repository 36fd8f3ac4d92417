"""The gate's own limits, each with its source.

What the plan itself states (standoff, reserve, exposure cap, vehicle) is
taken from the plan's requirement and profile; what is here is not for a plan
to choose.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SafetyLimits:
    """Limits of the safety gate.

    ``max_height_m``: above 120 m true height is controlled airspace (China,
    Interim Regulation on Unmanned Aircraft Flight, Art. 19; the same figure
    in EU 2019/947 UAS.OPEN.010 and 14 CFR 107.51).
    ``min_height_m``: no level flight below this: people stand there.
    ``roof_clearance_m``: above a roof the horizontal standoff does not apply;
    this vertical gap does. A barometer drifts by a metre or two in a flight.
    ``fence_margin_m`` and ``rover_fence_margin_m``: ArduPilot's FENCE_MARGIN
    is 2 m; a path nearer to the fence than that breaches it by itself.
    ``separation_h_m`` or ``separation_v_m`` keep two aircraft apart, also
    when one is ``timing_slip_s`` early or late.
    ``home_radius_m``: how far a plan's home may lie from a surveyed launch
    point. In 2024 a show flew with launch data and fence rotated together
    and every panel green; only the surveyed ground can tell.
    ``peak_limit_db``: 120 dB is the WHO's peak limit for children.
    ``pass_speed_m_s`` and ``pass_hold_s``: nothing is said in flight faster
    than that, and a vehicle that is to set off by itself does so within that
    time: the loudspeaker beside it counts on it.
    ``road_width_m``: how far a patrol vehicle may be from the line of a road;
    ``road_access_m`` how far its launch point may be from one.
    """

    max_height_m: float = 120.0
    min_height_m: float = 3.0
    roof_clearance_m: float = 5.0
    fence_margin_m: float = 3.0
    rover_fence_margin_m: float = 1.0
    no_fly_margin_m: float = 3.0
    separation_h_m: float = 50.0
    separation_v_m: float = 15.0
    timing_slip_s: float = 10.0
    home_radius_m: float = 5.0
    home_height_m: float = 5.0
    peak_limit_db: float = 120.0
    road_width_m: float = 3.0
    road_access_m: float = 60.0
    rover_height_m: float = 2.5
    rover_clearance_m: float = 0.3
    tolerance_m: float = 0.1
    pass_speed_m_s: float = 8.0
    pass_hold_s: float = 6.0


DEFAULT_LIMITS = SafetyLimits()
