"""How the vehicles move: speeds, accelerations and turns with limits."""

import math
from dataclasses import dataclass

from simulators.geometry import bearing_rad, wrap_pi

REST_M_S = 0.02
SNAP_M_S = 0.6  # from this speed it may stop at its goal within a step


@dataclass(slots=True)
class Goal:
    """A point to go to.

    ``through_m_s`` is the speed that may be left at the point (0: stop).
    """

    north_m: float
    east_m: float
    up_m: float
    speed_m_s: float
    up_m_s: float = 2.5
    down_m_s: float = 1.5
    through_m_s: float = 0.0


@dataclass(slots=True)
class Body:
    """Position (metres north, east, up of the origin), velocity and heading."""

    north_m: float = 0.0
    east_m: float = 0.0
    up_m: float = 0.0
    vel_n: float = 0.0
    vel_e: float = 0.0
    vel_u: float = 0.0
    yaw_rad: float = 0.0
    yaw_rate_rad_s: float = 0.0

    @property
    def speed_m_s(self) -> float:
        """Ground speed."""
        return math.hypot(self.vel_n, self.vel_e)

    @property
    def resting(self) -> bool:
        """Neither moving nor turning."""
        return (
            abs(self.vel_n) < REST_M_S
            and abs(self.vel_e) < REST_M_S
            and abs(self.vel_u) < REST_M_S
            and self.yaw_rate_rad_s == 0.0
        )

    def distance_m(self, goal: Goal) -> float:
        """Horizontal distance to a goal."""
        return math.hypot(goal.north_m - self.north_m, goal.east_m - self.east_m)

    def stopping_point(self, decel_m_s2: float) -> tuple[float, float]:
        """Where it would come to rest (north, east)."""
        time_s = self.speed_m_s / decel_m_s2
        north_m = self.north_m + self.vel_n * time_s / 2
        return north_m, self.east_m + self.vel_e * time_s / 2

    def halt(self) -> None:
        """Stand still at once."""
        self.vel_n = self.vel_e = self.vel_u = 0.0
        self.yaw_rate_rad_s = 0.0

    def turn_to(self, yaw_rad: float, rate_rad_s: float, dt_s: float) -> bool:
        """Turn towards a heading; True when it is reached."""
        error = wrap_pi(yaw_rad - self.yaw_rad)
        if error == 0.0:
            self.yaw_rate_rad_s = 0.0
            return True
        step = max(-rate_rad_s * dt_s, min(rate_rad_s * dt_s, error))
        self.yaw_rad = wrap_pi(self.yaw_rad + step)
        done = step == error
        self.yaw_rate_rad_s = 0.0 if done else step / dt_s
        return done


def fly(body: Body, goal: Goal, accel: tuple[float, float], dt_s: float) -> bool:
    """Move a copter towards a goal in a straight line; True when it is there.

    ``accel`` is (horizontal, vertical) in m/s². The line's speed is what
    keeps both the horizontal and the vertical limit.
    """
    dn, de = goal.north_m - body.north_m, goal.east_m - body.east_m
    du = goal.up_m - body.up_m
    distance = math.sqrt(dn * dn + de * de + du * du)
    speed = math.sqrt(body.vel_n**2 + body.vel_e**2 + body.vel_u**2)
    slow = speed <= SNAP_M_S
    if slow and distance <= max(speed * dt_s, 1e-3) and goal.through_m_s == 0.0:
        body.north_m, body.east_m, body.up_m = goal.north_m, goal.east_m, goal.up_m
        body.vel_n = body.vel_e = body.vel_u = 0.0
        return True
    distance = max(distance, 1e-6)
    horizontal = math.hypot(dn, de)
    limit, brake = _line_limits(horizontal / distance, du / distance, goal, accel)
    wanted = min(limit, math.sqrt(2.0 * brake * distance + goal.through_m_s**2))
    scale = wanted / distance
    _accelerate(body, (dn * scale, de * scale, du * scale), accel, dt_s)
    body.north_m += body.vel_n * dt_s
    body.east_m += body.vel_e * dt_s
    body.up_m += body.vel_u * dt_s
    return False


def _line_limits(
    level: float, rise: float, goal: Goal, accel: tuple[float, float]
) -> tuple[float, float]:
    """Speed and braking along a line that rises ``rise`` per metre."""
    speed, brake = math.inf, math.inf
    if level > 1e-9:
        speed, brake = goal.speed_m_s / level, accel[0] / level
    if abs(rise) > 1e-9:
        vertical = goal.up_m_s if rise > 0 else goal.down_m_s
        speed = min(speed, vertical / abs(rise))
        brake = min(brake, accel[1] / abs(rise))
    return speed, brake * 0.8


def _accelerate(
    body: Body,
    wanted: tuple[float, float, float],
    accel: tuple[float, float],
    dt_s: float,
) -> None:
    dvn, dve = wanted[0] - body.vel_n, wanted[1] - body.vel_e
    change = math.hypot(dvn, dve)
    most = accel[0] * dt_s
    if change > most:
        dvn, dve = dvn * most / change, dve * most / change
    body.vel_n += dvn
    body.vel_e += dve
    most = accel[1] * dt_s
    body.vel_u += max(-most, min(most, wanted[2] - body.vel_u))


def brake(body: Body, accel: tuple[float, float], dt_s: float) -> None:
    """Come to rest where the brakes allow."""
    _accelerate(body, (0.0, 0.0, 0.0), accel, dt_s)
    body.north_m += body.vel_n * dt_s
    body.east_m += body.vel_e * dt_s
    body.up_m += body.vel_u * dt_s
    if math.sqrt(body.vel_n**2 + body.vel_e**2 + body.vel_u**2) < REST_M_S:
        body.vel_n = body.vel_e = body.vel_u = 0.0


@dataclass(frozen=True, slots=True)
class Wheels:
    """A rover's limits."""

    accel_m_s2: float
    decel_m_s2: float
    turn_rate_rad_s: float
    turn_radius_m: float
    pivot_rad: float


def drive(body: Body, goal: Goal, wheels: Wheels, dt_s: float) -> None:
    """Steer a rover towards a goal: it moves only where it points."""
    dn, de = goal.north_m - body.north_m, goal.east_m - body.east_m
    distance = math.hypot(dn, de)
    error = wrap_pi(bearing_rad(dn, de) - body.yaw_rad) if distance > 0.05 else 0.0
    speed = body.speed_m_s
    wanted = min(
        goal.speed_m_s,
        math.sqrt(2.0 * wheels.decel_m_s2 * 0.8 * distance + goal.through_m_s**2),
    )
    if abs(error) > wheels.pivot_rad:
        wanted = 0.0 if speed > 0.1 else 0.05
    else:
        wanted *= max(0.2, math.cos(error))
    rate = wheels.turn_rate_rad_s
    if speed > 0.3:
        rate = min(rate, speed / wheels.turn_radius_m)
    body.turn_to(body.yaw_rad + error, rate, dt_s)
    _roll(body, wanted, wheels, dt_s)


def coast(body: Body, wheels: Wheels, dt_s: float) -> None:
    """Bring a rover to rest."""
    body.yaw_rate_rad_s = 0.0
    _roll(body, 0.0, wheels, dt_s)


def _roll(body: Body, wanted: float, wheels: Wheels, dt_s: float) -> None:
    speed = body.speed_m_s
    step = max(-wheels.decel_m_s2 * dt_s, min(wheels.accel_m_s2 * dt_s, wanted - speed))
    speed = max(0.0, speed + step)
    if wanted == 0.0 and speed < REST_M_S:
        speed = 0.0
    body.vel_n = speed * math.cos(body.yaw_rad)
    body.vel_e = speed * math.sin(body.yaw_rad)
    body.north_m += body.vel_n * dt_s
    body.east_m += body.vel_e * dt_s
