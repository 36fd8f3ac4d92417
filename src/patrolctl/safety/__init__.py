"""Checks that share no code with what they check; they find Violations.

Standoff, as the gate understands it: a point of a path is clear of a
building or obstacle when it is at least ``standoff_m`` from its walls in
the plane, or at least ``SafetyLimits.roof_clearance_m`` above its roof.
"""

from patrolctl.safety.limits import DEFAULT_LIMITS, SafetyLimits
from patrolctl.safety.mission_gate import check_mission
from patrolctl.safety.plan_gate import check_plan
from patrolctl.safety.spot import check_spot

__all__ = [
    "DEFAULT_LIMITS",
    "SafetyLimits",
    "check_mission",
    "check_plan",
    "check_spot",
]
