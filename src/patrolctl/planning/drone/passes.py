"""A message heard while the loudspeaker moves past: who hears it whole.

A pass is a straight flight at one height with the nose held across it, and
the message said again and again without a pause. It begins with the vehicle
standing at the start and ends with it standing at the end. Somebody counts
as told when as many whole renditions as the announcement is to be repeated
were understood at *every* moment of theirs.

When exactly the loudspeaker begins, and how fast the vehicle really is, is
not known beforehand: a rendition counts only where it would be heard with
every timing within :class:`Timing`. Where that has spread too far for the
later renditions, another condition needs no timing at all: who is in earshot
for longer than the renditions asked for and one more lasts, hears them,
wherever in the loop the first one begins.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Bools, Floats
from patrolctl.planning.drone.order import SETTLE_S
from patrolctl.planning.space import ramped_s

Ints = npt.NDArray[np.int64]

STEP_M = 1.5  # between two looks along a pass
# The copter stands for this long at most before it sets off by itself: a
# loudspeaker that follows the autopilot begins 1.2 s to 2.2 s after it came
# to rest; where one is commanded, the vehicle is let go when it has begun.
HOLD_S = 3.0
END_S = 0.5  # coming to rest at the end
SLOWEST_M_S = 1.0  # hovering is as good
# Sideways at this speed a copter rolls by some ten degrees, about the horn's
# own axis: where the horn points is not changed by it.
FASTEST_M_S = 8.0
# Rotors are not quieter in flight than hovering; no data of loudspeaker
# drones is published. Reckoned with where the vehicle's noise is told.
FLYING_NOISE_DB = 3.0
FLYING_ERROR_DEG = 3.0  # on top of a standing vehicle's


@dataclass(frozen=True, slots=True)
class Timing:
    """What may be otherwise than planned.

    The loudspeaker begins ``early_s`` (least, most) before the vehicle sets
    off; each rendition may end ``gap_s`` late; the speed over ground is
    within ``speed_ratio`` of the one asked for, and the acceleration within
    ``accel_ratio`` of the profile's.
    """

    early_s: tuple[float, float] = (0.3, 2.3)
    gap_s: float = 0.05
    speed_ratio: float = 1.03
    accel_ratio: float = 1.5


TIMING = Timing()


@dataclass(frozen=True, slots=True)
class Glide:
    """A straight flight from rest to rest."""

    length_m: float
    speed_m_s: float
    accel_m_s2: float

    @property
    def time_s(self) -> float:
        """From setting off to coming to rest."""
        return float(ramped_s(self.length_m, self.speed_m_s, self.accel_m_s2))

    def at_m(self, time_s: Floats) -> Floats:
        """How far it has come at some times after setting off."""
        a, total = self.accel_m_s2, self.time_s
        ramp_s = min(self.speed_m_s / a, total / 2.0)
        t = np.clip(np.asarray(time_s, dtype=np.float64), 0.0, total)
        rising = 0.5 * a * np.minimum(t, ramp_s) ** 2
        level = a * ramp_s * np.clip(t - ramp_s, 0.0, total - 2.0 * ramp_s)
        left = np.clip(t - (total - ramp_s), 0.0, ramp_s)
        return rising + level + a * ramp_s * left - 0.5 * a * left**2


@dataclass(frozen=True, slots=True)
class Pace:
    """How a pass goes: its length, speed, and the message's renditions.

    ``need`` of the ``renditions`` are to be heard whole.
    """

    length_m: float
    speed_m_s: float
    accel_m_s2: float
    message_s: float
    renditions: int
    need: int = 1

    @property
    def travel_s(self) -> float:
        """Setting off to coming to rest."""
        return Glide(self.length_m, self.speed_m_s, self.accel_m_s2).time_s

    @property
    def total_s(self) -> float:
        """From the arrival at the start until the message is over."""
        said_s = self.renditions * (self.message_s + TIMING.gap_s) + SETTLE_S
        return max(said_s, HOLD_S + self.travel_s + END_S)

    def spans_m(self, timing: Timing = TIMING) -> Floats:
        """(renditions, 2): where the vehicle may be during each of them."""
        k = np.arange(self.renditions, dtype=np.float64)
        begin: Floats = k * self.message_s
        end: Floats = k * (self.message_s + timing.gap_s) + self.message_s
        ratio, accel = timing.speed_ratio, timing.accel_ratio
        early: Floats = begin - timing.early_s[1]
        late: Floats = end - timing.early_s[0]
        slow = Glide(
            self.length_m, self.speed_m_s / ratio, self.accel_m_s2 / accel
        ).at_m(early)
        fast = Glide(
            self.length_m, self.speed_m_s * ratio, self.accel_m_s2 * accel
        ).at_m(late)
        return np.column_stack([slow, fast])

    def sounding_m(self, timing: Timing = TIMING) -> float:
        """How far it has come for certain when the message ends."""
        glide = Glide(
            self.length_m,
            self.speed_m_s / timing.speed_ratio,
            self.accel_m_s2 / timing.accel_ratio,
        )
        last = self.renditions * self.message_s - timing.early_s[1]
        return float(glide.at_m(np.array([last]))[0])

    def window_m(self, timing: Timing = TIMING) -> float:
        """Earshot this long holds what is asked for, however the loop falls."""
        each = self.message_s + timing.gap_s
        window_s = self.need * each + self.message_s
        return window_s * self.speed_m_s * timing.speed_ratio


def pace_of(
    length_m: float,
    renditions: int,
    motion: tuple[float, float],
    message: tuple[float, int],
) -> Pace | None:
    """The pass over a length that takes as long as its renditions.

    Args:
        length_m: how long the line is.
        renditions: how often the message is said.
        motion: greatest speed, acceleration.
        message: its seconds, and how often it is to be heard.

    Returns:
        None where that would be too fast, or so slow that hovering does.
    """
    fastest, accel = motion
    message_s, need = message
    sum_early = 0.5 * (TIMING.early_s[0] + TIMING.early_s[1])
    moving_s = renditions * message_s - sum_early
    # length / v + v / accel = moving_s, the slower of both solutions
    root = moving_s * moving_s - 4.0 * length_m / accel
    if moving_s <= 0.0 or root <= 0.0:
        return None
    speed = 0.5 * accel * (moving_s - math.sqrt(root))
    if not SLOWEST_M_S <= speed <= fastest:
        return None
    return Pace(length_m, round(speed, 2), accel, message_s, renditions, need)


def told(audible: Bools, pace: Pace, timing: Timing = TIMING) -> Bools:
    """Who hears enough whole renditions, with every timing.

    Args:
        audible: (samples, n) who understands the loudspeaker from points
            evenly along the pass, its start and its end among them.
        pace: the pass.
        timing: what may be otherwise.
    """
    count = len(audible)
    at = np.linspace(0.0, pace.length_m, count)
    sums = np.vstack([np.zeros((1, audible.shape[1])), np.cumsum(audible, axis=0)])
    whole = np.zeros(audible.shape[1], dtype=np.int64)
    for i, j in rendition_samples(at, pace, timing):
        whole += sums[j + 1] - sums[i] >= j + 1 - i
    out: Bools = whole >= pace.need
    for i, j in phase_free_samples(at, pace, timing):
        out |= sums[j + 1] - sums[i] >= j + 1 - i
    return out


def rendition_samples(
    at_m: Floats, pace: Pace, timing: Timing = TIMING
) -> list[tuple[int, int]]:
    """First and last of the samples between which each rendition lies.

    Args:
        at_m: (samples,) how far along the pass they are.
        pace: the pass.
        timing: what may be otherwise.
    """
    last = len(at_m) - 1
    return [
        (
            max(0, int(np.searchsorted(at_m, low + 1e-9, side="right")) - 1),
            min(last, int(np.searchsorted(at_m, high - 1e-9, side="left"))),
        )
        for low, high in pace.spans_m(timing)
    ]


def phase_free_samples(
    at_m: Floats, pace: Pace, timing: Timing = TIMING
) -> list[tuple[int, int]]:
    """First and last samples of every earshot for which the phase is no matter."""
    last = int(np.searchsorted(at_m, pace.sounding_m(timing), side="right")) - 1
    step = at_m[1] - at_m[0] if len(at_m) > 1 else 1.0
    width = math.ceil(pace.window_m(timing) / max(step, 1e-9))
    return [(i, i + width) for i in range(last - width + 1)]
