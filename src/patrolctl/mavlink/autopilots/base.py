"""The interface of an autopilot's quirks, and values that cross it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Mission, StepType
from patrolctl.geo import Altitude, LatLon
from patrolctl.mavlink.command import Order
from patrolctl.mavlink.params import Encoding
from patrolctl.mavlink.wire import WireItem


class Purpose(Enum):
    """What a mode is wanted for."""

    ARM = auto()
    MISSION = auto()
    HOLD = auto()
    RETURN = auto()
    LAND = auto()


class Rule(Enum):
    """How a parameter is compared with what is wanted."""

    EQUAL = auto()
    NOT_ZERO = auto()
    BITS_CLEAR = auto()


@dataclass(frozen=True, slots=True)
class ParamRule:
    """A parameter that must have a value before the vehicle may arm.

    ``names`` are alternatives with their own value each: parameters get
    renamed and change units between releases. ``why`` is for people.
    """

    names: tuple[tuple[str, float], ...]
    why: str
    rule: Rule = Rule.EQUAL
    optional: bool = False

    def satisfied(self, wanted: float, value: float) -> bool:
        """Whether ``value`` will do."""
        match self.rule:
            case Rule.EQUAL:
                return abs(value - wanted) <= 1e-3 * max(1.0, abs(wanted))
            case Rule.NOT_ZERO:
                return value != 0.0
            case Rule.BITS_CLEAR:
                return int(value) & int(wanted) == 0

    def to_set(self, wanted: float, value: float) -> float:
        """The value to set instead of ``value``."""
        if self.rule is Rule.BITS_CLEAR:
            return float(int(value) & ~int(wanted))
        return wanted


@dataclass(frozen=True, slots=True)
class StepOnWire:
    """Where one mission step lies among the wire items.

    ``first`` is where to set the current item so that everything that
    belongs to the step is executed; ``last`` its last item. ``speed_m_s`` is
    the speed in force during the step; ``leaves_s`` after how long it ends by
    itself, where that is meant and no backstop.
    """

    seq: int
    type: StepType
    first: int
    last: int
    position: LatLon | None = None
    altitude: Altitude | None = None
    heading_deg: float | None = None
    speed_m_s: float | None = None
    duration_s: float | None = None
    leaves_s: float | None = None


@dataclass(frozen=True, slots=True)
class WireMission:
    """A mission as it is uploaded, with the numbering of its steps.

    ``home_item``: item 0 is home, which the autopilot overwrites; it is
    uploaded so that nothing else gets lost, and never compared.
    """

    items: tuple[WireItem, ...]
    fence: tuple[WireItem, ...]
    rally: tuple[WireItem, ...]
    steps: tuple[StepOnWire, ...]
    home_item: bool

    def step_at(self, wire_seq: int) -> StepOnWire | None:
        """The step that a wire item belongs to."""
        return next((s for s in self.steps if s.first <= wire_seq <= s.last), None)

    def step(self, seq: int) -> StepOnWire | None:
        """A step by its mission number."""
        return next((s for s in self.steps if s.seq == seq), None)


@dataclass(frozen=True, slots=True)
class Health:
    """What readiness is judged by. None: not heard yet."""

    prearm_ok: bool | None
    estimator_flags: int | None
    gps_fix: int | None
    position_heard: bool


class Autopilot(Protocol):
    """One autopilot's way of doing what every vehicle does."""

    @property
    def kind(self) -> VehicleKind:
        """What it steers."""
        ...

    @property
    def mav_autopilot(self) -> int:
        """Its MAV_AUTOPILOT."""
        ...

    @property
    def encoding(self) -> Encoding:
        """How it sends integer parameters."""
        ...

    @property
    def streams(self) -> Mapping[int, float]:
        """Message ids to ask for, with their rates in Hz."""
        ...

    @property
    def disarms_itself(self) -> bool:
        """Whether it disarms after its mission."""
        ...

    def is_mav_type(self, mav_type: int) -> bool:
        """Whether a MAV_TYPE fits the kind."""
        ...

    def mode_name(self, custom_mode: int) -> str:
        """The mode's name as pilots know it."""
        ...

    def mode_purpose(self, custom_mode: int) -> Purpose | None:
        """What a mode serves, if anything we know."""
        ...

    @property
    def fetch_window(self) -> int:
        """How many items may be asked for ahead of their coming."""
        ...

    @property
    def most_items(self) -> int:
        """How many mission items it keeps."""
        ...

    def mode_code(self, purpose: Purpose) -> int:
        """The custom_mode of the mode for a purpose."""
        ...

    def set_mode(self, purpose: Purpose) -> Order:
        """The command that enters the mode for a purpose."""
        ...

    def start(self) -> Order:
        """The one command that sets the armed vehicle going."""
        ...

    def change_speed(self, speed_m_s: float) -> Order:
        """The command that sets the speed over ground."""
        ...

    def compile(self, mission: Mission) -> WireMission:
        """The mission as wire items.

        Raises:
            ValueError: a step that the autopilot cannot do, in plain words.
        """
        ...

    def difference(self, sent: WireItem, got: WireItem) -> str:
        """What a downloaded item differs in; empty when it is the same."""
        ...

    def parameters(self, mission: Mission, gcs_sysid: int) -> tuple[ParamRule, ...]:
        """What must be set before arming, in the order in which to set it."""
        ...

    def unready(self, health: Health) -> tuple[str, ...]:
        """Why it cannot navigate yet; empty when it can."""
        ...
