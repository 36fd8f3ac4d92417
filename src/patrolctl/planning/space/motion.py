"""How long a copter takes from one point to another."""

from dataclasses import dataclass

import numpy as np

from patrolctl.domain.machines import VehicleProfile
from patrolctl.planning.space.kernels import Floats


def trapezoid_s(distance_m: Floats, speed_m_s: float, accel_m_s2: float) -> Floats:
    """Time from rest to rest with limited speed and acceleration."""
    d = np.asarray(distance_m, dtype=np.float64)
    ramp = speed_m_s * speed_m_s / accel_m_s2
    slow = 2.0 * np.sqrt(d / accel_m_s2)
    fast = d / speed_m_s + speed_m_s / accel_m_s2
    return np.where(d < ramp, slow, fast)


@dataclass(frozen=True, slots=True)
class Motion:
    """Times and energies of straight flights that start and end at rest.

    Energy is in seconds of hovering: what the endurance is given in.
    """

    profile: VehicleProfile

    def leg_s(self, a_m: Floats, b_m: Floats) -> Floats:
        """Straight flights between (…, 3) points.

        The slower of the way along the line at cruise speed and the climb or
        descent at its own rate.
        """
        p = self.profile
        delta = np.asarray(b_m) - np.asarray(a_m)
        along = trapezoid_s(np.linalg.norm(delta, axis=-1), p.cruise_m_s, p.accel_m_s2)
        rise = delta[..., 2]
        up = trapezoid_s(np.maximum(rise, 0.0), p.climb_m_s, p.accel_m_s2)
        down = trapezoid_s(np.maximum(-rise, 0.0), p.descent_m_s, p.accel_m_s2)
        return np.maximum(along, np.maximum(up, down))

    def path_s(self, points_m: Floats) -> float:
        """A path through (n, 3) points, stopping at each."""
        return float(np.sum(self.leg_s(points_m[:-1], points_m[1:])))

    def path_energy_s(self, points_m: Floats) -> float:
        """Hover-seconds that the path costs."""
        legs = self.leg_s(points_m[:-1], points_m[1:])
        p = self.profile
        rise = np.diff(points_m[:, 2])
        run = np.hypot(np.diff(points_m[:, 0]), np.diff(points_m[:, 1]))
        power = np.where(run > 0.1, p.cruise_power_ratio, 1.0)
        power = np.where(rise > 0.1, np.maximum(power, p.climb_power_ratio), power)
        return float(np.sum(legs * power))

    def yaw_s(self, from_deg: Floats, to_deg: Floats) -> Floats:
        """Turning on the spot."""
        turn = np.abs((np.asarray(to_deg) - np.asarray(from_deg) + 180.0) % 360 - 180)
        return np.asarray(turn / self.profile.yaw_rate_deg_s, dtype=np.float64)
