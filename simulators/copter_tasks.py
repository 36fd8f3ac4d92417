"""What a copter can be busy with: take off, fly, hold, come home, land."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from simulators.body import Body, Goal, brake, fly
from simulators.geometry import bearing_rad

SPOOL_UP_S = 2.0
LANDED_AFTER_S = 1.6  # land detector
RETURN_FAR_M = 0.3
YAW_LEG_M = 2.0  # no new heading for shorter legs
ACCEL_H, ACCEL_V = 2.5, 1.0


@dataclass(slots=True)
class Limits:
    """Speeds in force; DO_CHANGE_SPEED alters them."""

    speed_m_s: float
    up_m_s: float
    down_m_s: float
    land_m_s: float
    land_low_m: float
    radius_m: float


class Task(ABC):
    """One thing at a time."""

    landing = False

    @abstractmethod
    def step(self, body: Body, limits: Limits, dt_s: float) -> None:
        """Move for a moment."""

    def target(self) -> Goal | None:
        """Where it leads, if anywhere."""
        return None


class Hold(Task):
    """Come to rest and stay."""

    def step(self, body: Body, limits: Limits, dt_s: float) -> None:
        """Brake."""
        if not body.resting:
            brake(body, (ACCEL_H, ACCEL_V), dt_s)


class Climb(Task):
    """Take off: spool up, then straight up."""

    def __init__(self, up_m: float) -> None:
        self.up_m = up_m
        self.done = False
        self.airborne = False
        self._spool_s = 0.0
        self._goal: Goal | None = None

    def step(self, body: Body, limits: Limits, dt_s: float) -> None:
        """Wait for the motors, then climb."""
        if self._spool_s < SPOOL_UP_S and not self.airborne:
            self._spool_s += dt_s
            return
        self.airborne = True
        if self._goal is None:
            self._goal = Goal(body.north_m, body.east_m, self.up_m, limits.speed_m_s)
        self._goal.up_m_s, self._goal.down_m_s = limits.up_m_s, limits.down_m_s
        self.done = fly(body, self._goal, (ACCEL_H, ACCEL_V), dt_s) or self.done

    def target(self) -> Goal | None:
        """The top of the climb."""
        return self._goal


class FlyTo(Task):
    """Fly a leg.

    ``next_ne`` is where the following leg leads, if it may be entered without
    stopping.
    """

    def __init__(
        self, goal: Goal, start: Body, next_ne: tuple[float, float] | None
    ) -> None:
        self.goal = goal
        self.reached = False
        self.paused = False
        self.yaw_rad: float | None = None
        dn, de = goal.north_m - start.north_m, goal.east_m - start.east_m
        if math.hypot(dn, de) > YAW_LEG_M:
            self.yaw_rad = bearing_rad(dn, de)
        self._turn = None if next_ne is None else _turn_cos((dn, de), goal, next_ne)

    def step(self, body: Body, limits: Limits, dt_s: float) -> None:
        """Fly on, or brake while paused."""
        if self.paused:
            brake(body, (ACCEL_H, ACCEL_V), dt_s)
            return
        goal = self.goal
        goal.speed_m_s = limits.speed_m_s
        goal.up_m_s, goal.down_m_s = limits.up_m_s, limits.down_m_s
        goal.through_m_s = 0.0
        if self._turn is not None and not self.reached:
            goal.through_m_s = limits.speed_m_s * max(0.0, self._turn) * 0.8
        there = fly(body, goal, (ACCEL_H, ACCEL_V), dt_s)
        if not self.reached:
            self.reached = there or self._passes(body, limits)

    def target(self) -> Goal | None:
        """The leg's end."""
        return self.goal

    def _passes(self, body: Body, limits: Limits) -> bool:
        goal = self.goal
        if self._turn is None:
            return False
        low = abs(goal.up_m - body.up_m) <= limits.radius_m
        return low and body.distance_m(goal) <= limits.radius_m


def _turn_cos(
    leg: tuple[float, float], goal: Goal, next_ne: tuple[float, float]
) -> float:
    """Cosine of the turn at a corner; below 0 it is sharper than 90°."""
    n, e = next_ne[0] - goal.north_m, next_ne[1] - goal.east_m
    lengths = math.hypot(*leg) * math.hypot(n, e)
    return 0.0 if lengths < 1e-6 else (leg[0] * n + leg[1] * e) / lengths


class Land(Task):
    """Go down; the last metres slowly; landed a moment after touching."""

    landing = True

    def __init__(self) -> None:
        self.landed = False
        self._ground_s = 0.0

    def step(self, body: Body, limits: Limits, dt_s: float) -> None:
        """Descend."""
        if body.up_m <= 0.0:
            body.halt()
            body.up_m = 0.0
            self._ground_s += dt_s
            self.landed = self._ground_s >= LANDED_AFTER_S
            return
        slow = body.up_m <= limits.land_low_m
        down = limits.land_m_s if slow else limits.down_m_s
        body.vel_n *= max(0.0, 1.0 - 2.0 * dt_s)
        body.vel_e *= max(0.0, 1.0 - 2.0 * dt_s)
        step = ACCEL_V * dt_s
        body.vel_u += max(-step, min(step, -down - body.vel_u))
        body.north_m += body.vel_n * dt_s
        body.east_m += body.vel_e * dt_s
        body.up_m = max(0.0, body.up_m + body.vel_u * dt_s)


class ComeHome(Task):
    """RTL: climb here, fly back, wait, land (or stay at a final altitude)."""

    def __init__(
        self, home: tuple[float, float], up_m: float, wait_s: float, final_m: float
    ) -> None:
        self._home = home
        self._up_m = up_m
        self._wait_s = wait_s
        self._final_m = final_m
        self._stage: Task = Hold()
        self._begun = False
        self._waited_s = 0.0
        self.complete = False

    @property
    def landing(self) -> bool:  # type: ignore[override]  # a stage decides it
        """Whether the final descent has begun."""
        return isinstance(self._stage, Land)

    @property
    def landed(self) -> bool:
        """Whether it stands on the ground."""
        return isinstance(self._stage, Land) and self._stage.landed

    def step(self, body: Body, limits: Limits, dt_s: float) -> None:
        """One stage after the other."""
        if not self._begun:
            self._begun = True
            self._stage = self._leg(body.stopping_point(ACCEL_H), body, limits)
        stage = self._stage
        stage.step(body, limits, dt_s)
        if isinstance(stage, FlyTo) and stage.reached:
            if body.distance_m(self._goal(self._home, limits)) > RETURN_FAR_M:
                self._stage = self._leg(self._home, body, limits)
            else:
                self._wait(body, limits, dt_s)

    def target(self) -> Goal | None:
        """The present stage's end."""
        return self._stage.target()

    def _wait(self, body: Body, limits: Limits, dt_s: float) -> None:
        self._waited_s += dt_s
        if self._waited_s < self._wait_s or self.complete:
            return
        if self._final_m <= 0:
            self._stage = Land()
            return
        goal = self._goal(self._home, limits)
        goal.up_m = self._final_m
        self._stage = FlyTo(goal, body, None)
        self.complete = True

    def _leg(self, to: tuple[float, float], body: Body, limits: Limits) -> FlyTo:
        return FlyTo(self._goal(to, limits), body, None)

    def _goal(self, to: tuple[float, float], limits: Limits) -> Goal:
        return Goal(*to, self._up_m, limits.speed_m_s, limits.up_m_s, limits.down_m_s)
