"""Sorties in full: every way point, time and energy, on one clock."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.planning.drone.passes import HOLD_S, Pace
from patrolctl.planning.drone.stations import landing_s
from patrolctl.planning.drone.task import Task
from patrolctl.planning.space import LegTable

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Way:
    """How a pass goes on from its start; ``row`` is that of its end."""

    end_m: tuple[float, float, float]
    pace: Pace
    row: int


@dataclass(frozen=True, slots=True)
class Stop:
    """A station: its column, where it is, where the nose points.

    With a ``way`` it is a pass, which begins there.
    """

    column: int
    point_m: tuple[float, float, float]
    heading_deg: float
    name: str
    way: Way | None = None

    def places_m(self, every_m: float) -> Floats:
        """(n, 3) points of a pass, both ends among them; a station's only one."""
        a = np.array(self.point_m, dtype=np.float64)
        if self.way is None:
            return a[None, :]
        b = np.array(self.way.end_m, dtype=np.float64)
        count = max(2, math.ceil(self.way.pace.length_m / every_m) + 1)
        points: Floats = a + np.linspace(0.0, 1.0, count)[:, None] * (b - a)
        return points


@dataclass(slots=True)
class Step:
    """One straight flight or one stay; ``stop`` is set for stays.

    ``wait_s`` is how long to stay silent before speaking. A pass is three
    steps: its stop, and two that are ``inner``; the last one ``ends`` it.
    """

    from_m: Floats
    to_m: Floats
    time_s: float
    energy_s: float
    heading_deg: float | None = None
    stop: Stop | None = None
    wait_s: float = 0.0
    inner: bool = False
    ends: Stop | None = None

    @property
    def talk_s(self) -> float:
        """How long the message that begins with a stop takes."""
        way = None if self.stop is None else self.stop.way
        return self.time_s if way is None else way.pace.total_s


@dataclass(slots=True)
class Flight:
    """One sortie: ``drone`` indexes the task's drones."""

    drone: int
    steps: list[Step] = field(default_factory=list)
    start_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Take-off to touch-down."""
        return sum(s.time_s + s.wait_s for s in self.steps)

    @property
    def energy_s(self) -> float:
        """Hover-seconds spent."""
        return sum(s.energy_s + s.wait_s for s in self.steps)

    @property
    def distance_m(self) -> float:
        """Length of the way flown."""
        return float(sum(np.linalg.norm(s.to_m - s.from_m) for s in self.steps))

    def talks(self) -> list[tuple[float, float, Step]]:
        """Begin and end of each stay's speaking part, on the run's clock."""
        out, now = [], self.start_s
        for s in self.steps:
            if s.stop is not None:
                out.append((now + s.wait_s, now + s.wait_s + s.talk_s, s))
            now += s.time_s + s.wait_s
        return out


def _joined(paths: list[Floats]) -> Floats:
    out = [paths[0][0]]
    for path in paths:
        out.extend(p for p in path if np.linalg.norm(p - out[-1]) > 1e-6)
    return np.array(out)


def flight(
    task: Task, table: LegTable, drone: int, stops: list[tuple[int, Stop]]
) -> Flight:
    """Fly from home through the stops and back.

    Args:
        task: the task.
        table: legs between places; the last rows are the drones' homes.
        drone: which one.
        stops: row of the table and the stop, in their order.
    """
    home = len(table.points_m) - len(task.drones) + drone
    out = Flight(drone)
    ground = table.points_m[home].copy()
    ground[2] = 0.0
    at, where = home, np.array([ground, table.points_m[home]])
    for row, stop in stops:
        paths = [where] if row == at else [where, table.path(at, row)]
        _fly(task, out, _joined(paths), stop.heading_deg)
        point = table.points_m[row]
        if stop.way is not None:
            out.steps += _passing(task, stop, point, table.points_m[stop.way.row])
            at, where = stop.way.row, table.points_m[stop.way.row][None, :]
            continue
        hold = task.order.message_s
        out.steps.append(
            Step(point, point, hold, hold, heading_deg=stop.heading_deg, stop=stop)
        )
        at, where = row, np.array([point])
    back = _joined([table.path(at, home), np.array([ground])])
    while len(back) > 2 and np.allclose(back[-3, :2], ground[:2], atol=1e-6):
        back = np.delete(back, -2, axis=0)  # straight down from where it comes
    _fly(task, out, back[:-1], None)
    down = landing_s(task, float(back[-2, 2]))
    out.steps.append(Step(back[-2], back[-1], down, down))
    return out


def _passing(task: Task, stop: Stop, start: Floats, end: Floats) -> list[Step]:
    """Speak, set off, come to rest, speak to the end."""
    if stop.way is None:
        return []
    pace, nose = stop.way.pace, stop.heading_deg
    rest_s = pace.total_s - HOLD_S - pace.travel_s
    power = max(1.0, task.profile.cruise_power_ratio)
    return [
        Step(start, start, HOLD_S, HOLD_S, nose, stop=stop),
        Step(start, end, pace.travel_s, pace.travel_s * power, nose, inner=True),
        Step(end, end, rest_s, rest_s, nose, inner=True, ends=stop),
    ]


def _fly(task: Task, out: Flight, path: Floats, heading_deg: float | None) -> None:
    """Append the legs of a path; the nose is turned on the last of them."""
    upright = np.allclose(path[:3, :2], path[0, :2], atol=1e-6) and len(path) > 2
    if upright and path[0, 2] == 0.0:
        path = np.delete(path, 1, axis=0)  # rise to the first height at once
    for k in range(len(path) - 1):
        time = float(task.motion.leg_s(path[k], path[k + 1]))
        last = k == len(path) - 2
        if last and heading_deg is not None:
            time = max(time, 180.0 / task.profile.yaw_rate_deg_s)
        energy = task.motion.path_energy_s(path[k : k + 2])
        energy = max(energy, time)
        nose = heading_deg if last else None
        out.steps.append(Step(path[k], path[k + 1], time, energy, nose))
    if len(path) == 1 and heading_deg is not None:
        time = _turn_s(task, out, heading_deg)
        out.steps.append(Step(path[0], path[0], time, time, heading_deg))


def _turn_s(task: Task, out: Flight, heading_deg: float) -> float:
    before = next(
        (s.heading_deg for s in reversed(out.steps) if s.heading_deg is not None),
        heading_deg,
    )
    turn = task.motion.yaw_s(np.array(before), np.array(heading_deg))
    return max(1.0, float(turn))
