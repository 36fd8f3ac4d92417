"""How long a copter takes from one point to another."""

from dataclasses import dataclass

import numpy as np

from patrolctl.acoustics.compiled import compiled
from patrolctl.domain.machines import VehicleProfile
from patrolctl.planning.space.kernels import Floats


def trapezoid_s(distance_m: Floats, speed_m_s: float, accel_m_s2: float) -> Floats:
    """Time from rest to rest with limited speed and acceleration."""
    d = np.asarray(distance_m, dtype=np.float64)
    ramp = speed_m_s * speed_m_s / accel_m_s2
    slow = 2.0 * np.sqrt(d / accel_m_s2)
    fast = d / speed_m_s + speed_m_s / accel_m_s2
    return np.where(d < ramp, slow, fast)


Figures = tuple[float, float, float, float, float, float]


@compiled
def ramped_s(d: float, speed: float, accel: float) -> float:
    """:func:`trapezoid_s` of one distance."""
    if d < speed * speed / accel:
        return float(2.0 * np.sqrt(d / accel))
    return d / speed + speed / accel


@compiled
def _leg(a: Floats, b: Floats, figures: Figures) -> float:
    """:meth:`Motion.leg_s` of one flight: numpy is slow on single numbers."""
    cruise, climb, descent, accel = figures[0], figures[1], figures[2], figures[3]
    dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    along = ramped_s(np.sqrt(dx * dx + dy * dy + dz * dz), cruise, accel)
    return max(along, ramped_s(abs(dz), climb if dz > 0.0 else descent, accel))


@compiled
def _path(points: Floats, figures: Figures) -> tuple[float, float]:
    """Seconds and hover-seconds through points, stopping at each."""
    time = energy = 0.0
    for k in range(len(points) - 1):
        a, b = points[k], points[k + 1]
        leg = _leg(a, b, figures)
        power = figures[4] if np.hypot(b[0] - a[0], b[1] - a[1]) > 0.1 else 1.0
        if b[2] - a[2] > 0.1:
            power = max(power, figures[5])
        time += leg
        energy += leg * power
    return time, energy


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
        if delta.ndim == 1:
            return np.asarray(_leg(np.zeros(3), delta, self._figures))
        along = trapezoid_s(np.linalg.norm(delta, axis=-1), p.cruise_m_s, p.accel_m_s2)
        rise = delta[..., 2]
        up = trapezoid_s(np.maximum(rise, 0.0), p.climb_m_s, p.accel_m_s2)
        down = trapezoid_s(np.maximum(-rise, 0.0), p.descent_m_s, p.accel_m_s2)
        return np.maximum(along, np.maximum(up, down))

    def path_s(self, points_m: Floats) -> float:
        """A path through (n, 3) points, stopping at each."""
        return float(_path(np.ascontiguousarray(points_m), self._figures)[0])

    def path_energy_s(self, points_m: Floats) -> float:
        """Hover-seconds that the path costs."""
        return float(_path(np.ascontiguousarray(points_m), self._figures)[1])

    @property
    def _figures(self) -> Figures:
        p = self.profile
        return (
            float(p.cruise_m_s),
            float(p.climb_m_s),
            float(p.descent_m_s),
            float(p.accel_m_s2),
            float(p.cruise_power_ratio),
            float(p.climb_power_ratio),
        )

    def yaw_s(self, from_deg: Floats, to_deg: Floats) -> Floats:
        """Turning on the spot."""
        turn = np.abs((np.asarray(to_deg) - np.asarray(from_deg) + 180.0) % 360 - 180)
        return np.asarray(turn / self.profile.yaw_rate_deg_s, dtype=np.float64)
