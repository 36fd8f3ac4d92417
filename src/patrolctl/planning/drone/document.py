"""The plan document: every claim reckoned anew from the exact positions."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from patrolctl.acoustics import Air, Prediction, Source, predict
from patrolctl.acoustics.bands import Bools, Floats
from patrolctl.domain.ids import ReceiverId, SortieId, StationId
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.plan import (
    ItemType,
    PlanCue,
    PlanHome,
    PlanItem,
    PlanReceiver,
    Sortie,
)
from patrolctl.planning.drone.flight import Flight, Step, Stop
from patrolctl.planning.drone.passes import HOLD_S
from patrolctl.planning.drone.passes_heard import EVERY_M, hear_passing
from patrolctl.planning.drone.receivers import stacks
from patrolctl.planning.drone.task import Task

# Nobody is counted as reached out of sight, so ways round need no reckoning.
_QUICK = Air(diffraction=False)
_MUCH = 30_000  # pairs worth a second thread
_NEAR, _FAR = 1.2, 2.0  # times the reach within the plan's margins
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Heard:
    """What every receiver gets from all stations, n receivers.

    ``stations`` lists, for each, who reaches it.
    """

    sti: Floats
    level_db: Floats
    reached: Bools
    visible: Bools
    stations: tuple[tuple[StationId, ...], ...]


@dataclass(slots=True)
class _Best:
    """What every receiver gets from the stations so far."""

    sti: Floats
    level_db: Floats
    reached: Bools
    visible: Bools
    names: list[list[StationId]]

    def take(self, task: Task, stop: Stop, rows: Ints, got: Prediction) -> None:
        """Count in what receivers in sight get from one more station."""
        ok = got.heard(task.requirement.sti_min)
        # A receiver that is reached is told with a station that reaches it.
        fresh = (ok & ~self.reached[rows]) | ~self.visible[rows]
        better = fresh | ((ok | ~self.reached[rows]) & (got.sti > self.sti[rows]))
        self.sti[rows[better]] = got.sti[better]
        self.level_db[rows[better]] = got.level_db[better]
        self.reached[rows] |= ok
        self.visible[rows] = True
        for i in rows[ok]:
            self.names[i].append(StationId(stop.name))


def _hear(task: Task, stop: Stop, near: Ints) -> tuple[Ints, Prediction]:
    """Who of those near is in sight, and what they get."""
    if stop.way is not None:
        return hear_passing(task, stop, near)
    r = task.receivers
    here = np.array([stop.point_m])
    rows = near[task.scene.visible(here, r.points_m[near])[0]]
    source = Source(
        stop.point_m, stop.heading_deg, task.speaker, task.order.spectrum_db
    )
    return rows, predict(
        task.scene, source, r.points_m[rows], r.indoors[rows], task.listening, _QUICK
    )


def _hear_all(
    task: Task, asked: list[tuple[Stop, Ints]]
) -> Iterator[tuple[Ints, Prediction]]:
    """Predict, on two cores where there is much to do."""
    if sum(len(rows) for _, rows in asked) < _MUCH:
        yield from (_hear(task, *a) for a in asked)
        return
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield from pool.map(lambda a: _hear(task, *a), asked)


def heard(task: Task, stops: list[Stop]) -> Heard:
    """Predict every receiver from every station, exactly.

    Farther stations than can be understood are asked only about receivers
    that no other reaches: how loud the best of them would be.
    """
    r = task.receivers
    n = len(r)
    best = _Best(
        np.zeros(n),
        np.full(n, -np.inf),
        np.zeros(n, dtype=np.bool_),
        np.zeros(n, dtype=np.bool_),
        [[] for _ in range(n)],
    )
    # Windows one above the other are looked at together.
    order, _ = stacks(r.points_m, r.normal)
    tree = cKDTree(r.points_m[order])
    for ratio in (_NEAR, _FAR):
        left = ~best.reached if ratio == _FAR else np.ones(n, dtype=np.bool_)
        asked = []
        for stop in stops:
            far = ratio * task.hearing.range_m
            near = tree.query_ball_point(stop.places_m(EVERY_M), far)
            rows = order[np.unique(np.concatenate([*near, []]).astype(np.int64))]
            if left[rows].any():
                asked.append((stop, rows[left[rows]]))
        answers = zip(asked, _hear_all(task, asked), strict=True)
        for (stop, _near), (rows, got) in answers:
            best.take(task, stop, rows, got)
    return Heard(
        best.sti,
        best.level_db,
        best.reached,
        best.visible,
        tuple(tuple(s) for s in best.names),
    )


class Places:
    """Canonical points as positions on the globe."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def latlon_deg(self, points_m: Floats) -> npt.NDArray[np.float64]:
        """(n, 2) latitudes and longitudes of (n, 3) canonical points."""
        task = self._task
        en = task.frame.outward(points_m[:, :2])
        return np.round(task.original.frame.to_latlon_deg(en), 8)

    def home(self, drone: int) -> PlanHome:
        """A drone's launch point."""
        at = np.array([self._task.drones[drone].home_m])
        lat, lon = self.latlon_deg(at)[0]
        site = self._task.original
        return PlanHome(
            float(lat), float(lon), site.ground_amsl_m, site.ground_amsl_known
        )


def sortie_of(task: Task, flight: Flight, name: str) -> Sortie:
    """One flight as the document's items."""
    places = Places(task)
    ends = np.array([s.to_m for s in flight.steps])
    latlon = places.latlon_deg(ends)
    items: list[PlanItem] = []
    for k, step in enumerate(flight.steps):
        last = k == len(flight.steps) - 1
        where = (float(latlon[k, 0]), float(latlon[k, 1]), round(float(ends[k, 2]), 3))
        items += _items(task, step, where, len(items) + 1, (k == 0, last))
    home = places.home(flight.drone)
    return Sortie(
        id=SortieId(name),
        vehicle_kind=VehicleKind.COPTER,
        items=tuple(items),
        duration_s=round(flight.duration_s, 2),
        distance_m=round(flight.distance_m, 2),
        energy_ratio=round(flight.energy_s / task.profile.endurance_s, 4),
        vehicle=task.drones[flight.drone].vehicle,
        start_s=round(flight.start_s, 2),
        home=None if flight.drone == 0 else home,
    )


def _items(
    task: Task,
    step: Step,
    where: tuple[float, float, float],
    seq: int,
    ends: tuple[bool, bool],
) -> list[PlanItem]:
    lat, lon, up = where
    heading = step.heading_deg
    nose = None if heading is None else round(task.frame.heading_deg(heading), 3)
    if step.inner:
        return [] if step.ends is None else [_pass_item(task, step, where, (seq, nose))]
    if step.stop is None:
        kind = ItemType.FLY
        if ends[0]:
            kind = ItemType.TAKEOFF
        elif ends[1]:
            kind = ItemType.LAND
        speed = task.profile.cruise_m_s if kind is ItemType.FLY else None
        time = round(step.time_s, 2)
        return [PlanItem(seq, kind, lat, lon, up, heading_deg=nose, speed_m_s=speed,
                         duration_s=time)]  # fmt: skip
    out = []
    if step.wait_s > 0.0:
        wait = round(step.wait_s, 2)
        out.append(PlanItem(seq, ItemType.DWELL, lat, lon, up, heading_deg=nose,
                            duration_s=wait))  # fmt: skip
    if step.stop.way is not None:
        return out
    said = task.order.announcement
    out.append(
        PlanItem(
            seq + len(out),
            ItemType.DWELL,
            lat,
            lon,
            up,
            heading_deg=nose,
            duration_s=round(step.time_s, 2),
            cue=PlanCue(said.clip_sha256, said.repeats),
            station=StationId(step.stop.name),
        )
    )
    return out


def _pass_item(
    task: Task,
    step: Step,
    where: tuple[float, float, float],
    told: tuple[int, float | None],
) -> PlanItem:
    """A whole pass, told with the last of its steps."""
    stop = step.ends
    if stop is None or stop.way is None:
        msg = "a step that ends no pass"
        raise ValueError(msg)
    pace = stop.way.pace
    cue = PlanCue(task.order.announcement.clip_sha256, pace.renditions)
    return PlanItem(
        told[0],
        ItemType.PASS,
        *where,
        heading_deg=told[1],
        speed_m_s=pace.speed_m_s,
        duration_s=round(pace.total_s, 2),
        cue=cue,
        station=StationId(stop.name),
        hold_s=HOLD_S,
    )


def receivers_out(
    task: Task, got: Heard, reasons: dict[int, str]
) -> tuple[PlanReceiver, ...]:
    """All receivers with what they get; reasons for those not reached."""
    r = task.receivers
    # Lists: single numbers of arrays are slow, and there are many.
    lat, lon = Places(task).latlon_deg(r.points_m).T.tolist()
    known = (np.isfinite(got.level_db) & got.visible).tolist()
    sti, level = np.round(got.sti, 4).tolist(), np.round(got.level_db, 2).tolist()
    up, reached = r.points_m[:, 2].tolist(), got.reached.tolist()
    names = [b.id for b in task.site.buildings]
    return tuple(
        PlanReceiver(
            id=ReceiverId(name),
            building_id=None if r.building[i] < 0 else names[r.building[i]],
            household=r.household[i],
            floor=None if r.building[i] < 0 else r.floor[i],
            lat_deg=lat[i],
            lon_deg=lon[i],
            up_m=up[i],
            sti=sti[i] if known[i] else None,
            level_db=level[i] if known[i] else None,
            reached=reached[i],
            stations=got.stations[i],
            reason=None if reached[i] else reasons.get(i),
        )
        for i, name in enumerate(r.ids)
    )
