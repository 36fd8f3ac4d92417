"""The way home of a copter: up, straight over everything, down."""

from dataclasses import replace

from patrolctl.domain.machines import VehicleProfile
from patrolctl.domain.site import Site
from patrolctl.safety.limits import DEFAULT_LIMITS
from patrolctl.safety.route import Move, Point, make_move


def default_return_m(site: Site, profile: VehicleProfile) -> float:
    """Height that clears every roof and obstacle, no higher than allowed."""
    tops = [b.height_m for b in site.buildings] + [o.height_m for o in site.obstacles]
    over = max(tops, default=10.0) + DEFAULT_LIMITS.roof_clearance_m
    return min(over, profile.ceiling_m, DEFAULT_LIMITS.max_height_m)


def return_moves(
    seq: int, here: Point, home: Point, return_up_m: float, profile: VehicleProfile
) -> list[Move]:
    """Climb to the larger of present and return height, cross, descend.

    Source: ArduPilot Copter, RTL: RTL_ALT is a least height; the vehicle
    never descends before it is above home.
    """
    up = max(here[2], return_up_m)
    above_here = (here[0], here[1], up)
    above_home = (home[0], home[1], up)
    climb = make_move(seq, "return climb", (here, above_here), profile)
    cross = make_move(seq, "return leg", (above_here, above_home), profile)
    down = make_move(seq, "descent", (above_home, home), profile)
    return [climb, cross, replace(down, power=1.0)]


def stretch(moves: list[Move], stated_s: float | None) -> list[Move]:
    """The same moves, their last one as long as the item's stated time asks."""
    if stated_s is None:
        return moves
    last = moves[-1]
    spare_s = max(0.0, stated_s - sum(m.time_s for m in moves))
    return [
        *moves[:-1],
        replace(last, time_s=last.time_s + spare_s, stated_s=stated_s),
    ]
