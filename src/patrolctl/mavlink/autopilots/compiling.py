"""Steps to wire items: what both autopilots have in common."""

import math
from dataclasses import dataclass, field

from patrolctl.domain.mission import Fence, Mission, MissionStep, StepType
from patrolctl.geo import Altitude, Datum, LatLon
from patrolctl.mavlink.autopilots.base import StepOnWire, WireMission
from patrolctl.mavlink.wire import Cmd, WireItem, placed

GROUND = Altitude(0.0, Datum.HOME)

# A dwell's own length on the wire is a backstop: the vehicle leaves by itself
# after it should nobody release it (docs/decisions, dwell). Seconds.
BACKSTOP_RATIO = 1.25
BACKSTOP_S = 15.0
OPEN_DWELL_S = 600.0


def backstop_s(step: MissionStep) -> float:
    """Whole seconds after which a vehicle leaves a dwell by itself."""
    if step.leaves_s is not None:
        return float(max(1, round(step.leaves_s)))
    if step.duration_s is None:
        return OPEN_DWELL_S
    return float(min(65535, math.ceil(step.duration_s * BACKSTOP_RATIO + BACKSTOP_S)))


def needs(step: MissionStep) -> tuple[LatLon, Altitude]:
    """Position and altitude of a step that cannot do without.

    Raises:
        ValueError: it has none.
    """
    if step.position is None:
        msg = f"step {step.seq} ({step.type}) has no position"
        raise ValueError(msg)
    return step.position, height(step)


def height(step: MissionStep) -> Altitude:
    """Altitude of a step that cannot do without.

    Raises:
        ValueError: it has none.
    """
    if step.altitude is None:
        msg = f"step {step.seq} ({step.type}) has no altitude"
        raise ValueError(msg)
    return step.altitude


def home_height_m(altitude: Altitude, mission: Mission) -> float:
    """An altitude as metres above the mission's home.

    Raises:
        ValueError: its datum is TERRAIN.
    """
    return altitude.amsl_m(home_amsl_m=mission.home_amsl_m) - mission.home_amsl_m


@dataclass
class Builder:
    """Collects items and remembers where each step lies."""

    items: list[WireItem] = field(default_factory=list)
    steps: list[StepOnWire] = field(default_factory=list)
    speed_m_s: float | None = None

    def add_speed(self, speed_m_s: float | None) -> None:
        """DO_CHANGE_SPEED, where the speed changes."""
        if speed_m_s is None or speed_m_s == self.speed_m_s:
            return
        self.speed_m_s = speed_m_s
        self.items.append(change_speed(speed_m_s))

    def close(self, step: MissionStep, first: int) -> None:
        """The step's items are complete."""
        self.steps.append(
            StepOnWire(
                seq=step.seq,
                type=step.type,
                first=first,
                last=len(self.items) - 1,
                position=step.position,
                altitude=step.altitude,
                heading_deg=step.heading_deg,
                speed_m_s=self.speed_m_s,
                duration_s=step.duration_s,
                leaves_s=step.leaves_s,
            )
        )


def change_speed(speed_m_s: float) -> WireItem:
    """DO_CHANGE_SPEED: 1 = ground speed, throttle −1 = unchanged."""
    return WireItem(Cmd.DO_CHANGE_SPEED, params=(1.0, speed_m_s, -1.0, 0.0))


def fence_items(fence: Fence | None) -> tuple[WireItem, ...]:
    """Polygon vertices, each carrying its polygon's vertex count."""
    if fence is None:
        return ()
    rings = [(Cmd.FENCE_VERTEX_INCLUSION, fence.inclusion)]
    rings += [(Cmd.FENCE_VERTEX_EXCLUSION, ring) for ring in fence.exclusions]
    return tuple(
        placed(command, vertex, Altitude(0.0, Datum.AMSL), (float(len(ring)), 0, 0, 0))
        for command, ring in rings
        for vertex in ring
    )


def rally_items(mission: Mission) -> tuple[WireItem, ...]:
    """Rally points."""
    return tuple(
        placed(Cmd.RALLY_POINT, position, altitude)
        for position, altitude in mission.rally
    )


def resolve_jumps(builder: Builder, mission: Mission) -> None:
    """Point each DO_JUMP at the first item of the step that it names.

    Raises:
        ValueError: it names a step that does not exist.
    """
    first = {s.seq: s.first for s in builder.steps}
    place = {s.seq: s.last for s in builder.steps}
    for step in mission.steps:
        if step.type is not StepType.JUMP:
            continue
        if step.jump_to not in first:
            msg = f"step {step.seq} jumps to step {step.jump_to}, which does not exist"
            raise ValueError(msg)
        times = -1.0 if step.jump_times is None else float(step.jump_times)
        builder.items[place[step.seq]] = WireItem(
            Cmd.DO_JUMP, params=(float(first[step.jump_to]), times, 0.0, 0.0)
        )


def finished(builder: Builder, mission: Mission, *, home_item: bool) -> WireMission:
    """The whole, with fence and rally points."""
    resolve_jumps(builder, mission)
    return WireMission(
        items=tuple(builder.items),
        fence=fence_items(mission.fence),
        rally=rally_items(mission),
        steps=tuple(builder.steps),
        home_item=home_item,
    )
