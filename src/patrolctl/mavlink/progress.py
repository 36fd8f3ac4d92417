"""Progress through a mission: steps, dwells, the end, and silent stalls.

Progress is told by MISSION_CURRENT and by where the vehicle is.
MISSION_ITEM_REACHED is one slot that DO items overwrite and that a new link
is sent again (mavlink.md), so it is not used. Pure; time is an argument.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Breakpoint, StepType
from patrolctl.domain.telemetry import EventKind
from patrolctl.geo import LatLon, heading_difference_deg
from patrolctl.mavlink.autopilots.base import Purpose, StepOnWire, WireMission
from patrolctl.mavlink.facts import Fact
from patrolctl.mavlink.state import Position, View
from patrolctl.mavlink.wire import distance_m

MISSION_COMPLETE = 5


@dataclass(frozen=True, slots=True)
class Gates:
    """When a vehicle counts as standing at its station.

    Positions are GPS's, so the radius is that of ArduPilot's WPNAV_RADIUS
    (2 m) and WP_RADIUS (2 m) plus its error. After ``patience_s`` at the
    place a vehicle that will not settle (gusts) starts its dwell anyway, and
    so does a rover that overshot its station and stands for ``overshot_s``:
    it does not turn back.
    """

    copter_radius_m: float = 4.0
    rover_radius_m: float = 6.0
    rover_overshoot_m: float = 15.0
    overshot_s: float = 3.0
    height_m: float = 3.0
    copter_speed_m_s: float = 0.8
    rover_speed_m_s: float = 0.3
    heading_deg: float = 12.0
    settle_s: float = 0.8
    patience_s: float = 20.0
    margin_s: float = 1.0
    refresh_s: float = 6.0


GATES = Gates()


class DwellPhase(Enum):
    """Of the dwell step in progress."""

    NONE = auto()
    APPROACH = auto()
    STARTED = auto()
    ENDED = auto()


@dataclass(slots=True)
class Progress:
    """Follows one launched mission. Feed it the view, often."""

    mission: WireMission
    kind: VehicleKind
    gates: Gates = GATES
    stall_s: float = 25.0
    step: StepOnWire | None = None
    started: bool = False
    finished: bool = False
    dwell: DwellPhase = DwellPhase.NONE
    dwell_done_s: float = 0.0
    keep_until_s: float | None = None
    keep_s: float | None = None
    _last_s: float | None = None
    _since_loiter_s: float = 0.0
    _settled_s: float = 0.0
    _near_s: float = 0.0
    _stood_s: float = 0.0
    _best_m: float | None = None
    _moved_from: tuple[LatLon, float, float] | None = None
    _stalled: bool = False
    _asked_at_s: float = -1e9
    _in_last: bool = False
    _facts: list[Fact] = field(default_factory=list)

    @property
    def breakpoint(self) -> Breakpoint | None:
        """Where to go on after a battery change."""
        if self.step is None or self.finished:
            return None
        return Breakpoint(self.step.seq, self.dwell_done_s)

    def update(self, view: View, now_s: float) -> list[Fact]:
        """Take the latest in."""
        self._facts = []
        passed_s = 0.0 if self._last_s is None else max(0.0, now_s - self._last_s)
        self._last_s = now_s
        if view.mission_active and not self.finished:
            if not self.started:
                self.started = True
                self._facts.append(Fact(EventKind.STARTED))
            self._follow_step(view)
            self._follow_dwell(view, passed_s)
            self._watch_stall(view, now_s)
        else:
            self._moved_from = None
            self._best_m = None
            self._leave_for_good(view)
        self._watch_end(view)
        return self._facts

    def wants(self, now_s: float) -> int | None:
        """The wire item to set current now, if any; asked for once.

        A dwell is released when its time is up, or taken anew from its start
        on the autopilot while somebody still keeps it.
        """
        if self.dwell is not DwellPhase.STARTED or self.step is None:
            return None
        refresh_s = self._refresh_s()
        if now_s - self._asked_at_s < refresh_s:
            return None
        if self._kept():
            left_s = self._backstop_s() - self._since_loiter_s
            by_itself = self.step.leaves_s is not None and self.keep_s is None
            if left_s > refresh_s or by_itself:
                return None
            self._asked_at_s = now_s
            self._since_loiter_s = 0.0
            return self.step.first
        following = self._next_first()
        if following is None:
            return None
        self._asked_at_s = now_s
        return following

    def keep(self, seq: int, for_s: float) -> None:
        """Stay in dwell ``seq`` for ``for_s`` seconds from now; 0 releases."""
        if self.step is not None and self.step.seq == seq:
            self.keep_s = self.dwell_done_s + max(0.0, for_s)
            if for_s <= 0:
                self._asked_at_s = -1e9

    def restarted(self) -> None:
        """The autopilot begins its current item anew (resume, skip)."""
        self._since_loiter_s = 0.0
        self._settled_s = 0.0
        self._stalled = False

    # -- steps -------------------------------------------------------------

    def _follow_step(self, view: View) -> None:
        if view.wire_seq is None:
            return
        step = self.mission.step_at(view.wire_seq)
        if step is None or step is self.step:
            return
        self._end_dwell("")
        self.step = step
        self._stalled = False
        self._best_m = None
        self._moved_from = None
        self._in_last = step is self.mission.steps[-1] or step.type in (
            StepType.RETURN_HOME,
            StepType.LAND,
        )
        self._facts.append(Fact(EventKind.STEP, step.type.value, seq=step.seq))
        if step.type is StepType.DWELL:
            self.dwell = DwellPhase.APPROACH
            self.dwell_done_s = self._settled_s = 0.0
            self._near_s = self._stood_s = 0.0
            self._since_loiter_s = 0.0
            self.keep_s = None
            self._asked_at_s = -1e9

    def _next_first(self) -> int | None:
        if self.step is None:
            return None
        following = self.step.last + 1
        return following if following < len(self.mission.items) else None

    # -- dwells ------------------------------------------------------------

    def _refresh_s(self) -> float:
        """How long before its end a dwell that is kept is begun anew."""
        return min(self.gates.refresh_s, self._backstop_s() / 2.0)

    def _backstop_s(self) -> float:
        if self.step is None:
            return 0.0
        return self.mission.items[self.step.last].params[0]

    def _kept(self) -> bool:
        if self.step is None:
            return False
        if self.keep_s is not None:
            return self.dwell_done_s < self.keep_s
        if self.step.duration_s is None:
            return True
        return self.dwell_done_s < self.step.duration_s + self.gates.margin_s

    def _follow_dwell(self, view: View, passed_s: float) -> None:
        if self.step is None or self.step.type is not StepType.DWELL:
            return
        if self.dwell is DwellPhase.STARTED:
            # A rover that resumes drives a loop before it stands again.
            if view.position is None or self._at_place(view.position, started=True):
                self.dwell_done_s += passed_s
                self._since_loiter_s += passed_s
            return
        if self.dwell is not DwellPhase.APPROACH or view.position is None:
            return
        if not self._at_place(view.position):
            self._settled_s = self._near_s = 0.0
            self._follow_overshoot(view.position, passed_s)
            return
        self._near_s += passed_s
        self._since_loiter_s += passed_s
        self._settled_s = self._settled_s + passed_s if self._still(view) else 0.0
        if self._settled_s >= self.gates.settle_s:
            self._start_dwell("")
        elif self._near_s >= self.gates.patience_s:
            self._start_dwell("not settled: heading or speed is off")

    def _follow_overshoot(self, position: Position, passed_s: float) -> None:
        gates = self.gates
        stands = (
            self.kind is VehicleKind.ROVER
            and position.ground_speed_m_s <= gates.rover_speed_m_s
            and self._at_place(position, started=True)
        )
        self._stood_s = self._stood_s + passed_s if stands else 0.0
        if self._stood_s >= gates.overshot_s:
            self._start_dwell("it stands beyond its station")

    def _at_place(self, position: Position, *, started: bool = False) -> bool:
        step, gates = self.step, self.gates
        if step is None or step.position is None:
            return False
        copter = self.kind is VehicleKind.COPTER
        radius_m = gates.copter_radius_m if copter else gates.rover_radius_m
        if started and not copter:
            radius_m = gates.rover_overshoot_m
        if distance_m(position.latlon, step.position) > radius_m:
            return False
        if not copter or step.altitude is None:
            return True
        try:
            home_amsl_m = position.amsl_m - position.up_m
            target_m = step.altitude.amsl_m(home_amsl_m=home_amsl_m)
        except ValueError:
            return True  # TERRAIN: only the autopilot knows the ground
        return abs(position.amsl_m - target_m) <= gates.height_m

    def _still(self, view: View) -> bool:
        position, step, gates = view.position, self.step, self.gates
        if position is None or step is None:
            return False
        copter = self.kind is VehicleKind.COPTER
        limit_m_s = gates.copter_speed_m_s if copter else gates.rover_speed_m_s
        if position.ground_speed_m_s > limit_m_s:
            return False
        if not copter or step.heading_deg is None or position.heading_deg is None:
            return True
        off_deg = heading_difference_deg(position.heading_deg, step.heading_deg)
        return off_deg <= gates.heading_deg

    def _start_dwell(self, text: str) -> None:
        if self.step is None:
            return
        self.dwell = DwellPhase.STARTED
        severity = 4 if text else 6
        self._facts.append(Fact(EventKind.DWELL_STARTED, text, self.step.seq, severity))

    def _end_dwell(self, text: str) -> None:
        if self.dwell is DwellPhase.STARTED and self.step is not None:
            self._facts.append(Fact(EventKind.DWELL_ENDED, text, self.step.seq))
        if self.dwell is not DwellPhase.NONE:
            self.dwell = DwellPhase.ENDED

    def _leave_for_good(self, view: View) -> None:
        """A hold keeps a dwell open; anything else ends it."""
        if view.purpose in (Purpose.RETURN, Purpose.LAND) and (
            self.kind is VehicleKind.COPTER or view.purpose is Purpose.RETURN
        ):
            self._end_dwell("cut: the vehicle left the mission")
        elif view.armed is False:
            self._end_dwell("cut: disarmed")

    # -- stalls and the end ------------------------------------------------

    def _watch_stall(self, view: View, now_s: float) -> None:
        position, step = view.position, self.step
        if position is None or step is None:
            return
        waiting = step.type is StepType.DWELL and self.dwell is not DwellPhase.APPROACH
        if waiting or view.mission_state == MISSION_COMPLETE:
            self._moved_from = None
            return
        if self._moved_from is None:
            self._moved_from = (position.latlon, position.up_m, now_s)
            return
        where, up_m, since_s = self._moved_from
        moved_m = max(distance_m(where, position.latlon), abs(position.up_m - up_m))
        if moved_m >= 1.0:
            self._moved_from = (position.latlon, position.up_m, now_s)
            self._stalled = False
        elif now_s - since_s >= self.stall_s and not self._stalled:
            self._stalled = True
            text = f"no movement for {now_s - since_s:.0f} s on the way to step"
            self._facts.append(
                Fact(EventKind.STALLED, f"{text} {step.seq}", step.seq, 3)
            )

    def _watch_end(self, view: View) -> None:
        if not self.started or self.finished:
            return
        ended: Callable[[View], bool]
        ended = (
            self._copter_ended if self.kind is VehicleKind.COPTER else _mission_complete
        )
        if ended(view):
            self._end_dwell("")
            self.finished = True
            last = self.mission.steps[-1]
            self._facts.append(Fact(EventKind.FINISHED, seq=last.seq))

    def _copter_ended(self, view: View) -> bool:
        return self._in_last and view.armed is False


def _mission_complete(view: View) -> bool:
    return view.mission_state == MISSION_COMPLETE and view.purpose is Purpose.MISSION
