"""The truth about simulated vehicles: where they are, not where they think.

A simulated vehicle flies by its own estimate and tells it. Its navigation
error is put here: the true place is the estimate plus an error that wanders
slowly (a first-order Gauss-Markov process, as GNSS errors are modelled).
"""

import math
import random
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulators.vehicle import Vehicle

Floats = npt.NDArray[np.float64]

PERIOD_S = 0.2


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a vehicle truly is; ``amsl_m`` above the sea, heading of its nose."""

    utc_s: float
    lat_deg: float
    lon_deg: float
    amsl_m: float
    heading_deg: float


class NavError:
    """How far a vehicle truly is from where it believes itself to be.

    Args:
        seed: of the walk.
        sigma_m: standard deviation on each horizontal axis.
        up_sigma_m: likewise of the height.
        heading_sigma_deg: likewise of the compass.
        tau_s: after so long the error has forgotten itself.
    """

    def __init__(
        self,
        seed: int,
        *,
        sigma_m: float = 0.0,
        up_sigma_m: float | None = None,
        heading_sigma_deg: float = 0.0,
        tau_s: float = 60.0,
    ) -> None:
        up = sigma_m if up_sigma_m is None else up_sigma_m
        self._sigmas = (sigma_m, sigma_m, up, heading_sigma_deg)
        self._tau_s = tau_s
        self._random = random.Random(seed)
        self._now_s: float | None = None
        self._state = [s * self._random.gauss(0.0, 1.0) for s in self._sigmas]

    def at(self, utc_s: float) -> tuple[float, float, float, float]:
        """North, east, up in metres and heading in degrees at a later moment."""
        keep = 1.0
        if self._now_s is not None:
            keep = math.exp(-max(0.0, utc_s - self._now_s) / self._tau_s)
        self._now_s = utc_s
        fresh = math.sqrt(1.0 - keep * keep)
        self._state = [
            keep * old + fresh * sigma * self._random.gauss(0.0, 1.0)
            for old, sigma in zip(self._state, self._sigmas, strict=True)
        ]
        north, east, up, turn = self._state
        return north, east, up, turn


def pose_of(vehicle: Vehicle, error: NavError) -> Pose:
    """Where a vehicle truly is now."""
    north, east, up, turn = error.at(vehicle.utc_s)
    body = vehicle.body
    lat, lon = vehicle.frame.to_e7(body.north_m + north, body.east_m + east)
    return Pose(
        utc_s=vehicle.utc_s,
        lat_deg=lat * 1e-7,
        lon_deg=lon * 1e-7,
        amsl_m=vehicle.amsl_m + up,
        heading_deg=(math.degrees(body.yaw_rad) + turn) % 360.0,
    )


def follow(
    vehicle: Vehicle,
    tell: Callable[[Pose], None],
    *,
    error: NavError | None = None,
    period_s: float = PERIOD_S,
) -> None:
    """Tell where a vehicle truly is, from now on, as its time passes."""
    walk = error or NavError(0)

    def again() -> None:
        tell(pose_of(vehicle, walk))
        vehicle.schedule(vehicle.now_s + period_s, again)

    vehicle.schedule(vehicle.now_s, again)


class Track:
    """True poses of one vehicle in time order."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._poses: list[Pose] = []

    def add(self, pose: Pose) -> None:
        """The next pose; one that is not later than the last is left out."""
        if not self._times or pose.utc_s > self._times[-1]:
            self._times.append(pose.utc_s)
            self._poses.append(pose)

    @property
    def until_s(self) -> float:
        """The time of the last pose."""
        return self._times[-1] if self._times else -math.inf

    def forget_before(self, utc_s: float) -> None:
        """Drop what is older."""
        first = bisect_left(self._times, utc_s)
        del self._times[:first], self._poses[:first]

    def within(self, begin_s: float, end_s: float) -> list[Pose]:
        """Poses from the last one before a span to the first one after it.

        Raises:
            ValueError: the span is not covered.
        """
        first = bisect_left(self._times, begin_s)
        last = bisect_left(self._times, end_s)
        if first == 0 or last == len(self._times):
            msg = f"no poses around {begin_s:.1f} to {end_s:.1f}"
            raise ValueError(msg)
        return self._poses[first - 1 : last + 1]
