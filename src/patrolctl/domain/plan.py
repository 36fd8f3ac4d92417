"""The plan: all sorties for a site. Its fields are those of ``plan.json``.

The dataclasses are the document: ``patrolctl.domain.jsondoc`` encodes and
decodes them without a second set of types, so file and memory cannot drift.
``None`` means not known, never zero.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from patrolctl.domain.ids import (
    AnnouncementId,
    PlanId,
    ReceiverId,
    RunId,
    SortieId,
    StationId,
)
from patrolctl.domain.kinds import PlanKind as PlanKind  # noqa: PLC0414 - exported
from patrolctl.domain.machines import SpeakerProfile, VehicleKind, VehicleProfile
from patrolctl.geo import Altitude, Datum, LatLon

PLAN_FORMAT = "patrolctl.plan/1"


class ItemType(StrEnum):
    """What a sortie does next."""

    TAKEOFF = "takeoff"
    FLY = "fly"
    DWELL = "dwell"
    PASS = "pass"
    DRIVE = "drive"
    RETURN_HOME = "return_home"
    LAND = "land"


class Window(StrEnum):
    """State of the windows that the requirement assumes."""

    OPEN = "open"
    TILTED = "tilted"
    CLOSED = "closed"


class Passes(StrEnum):
    """Whether short messages may be said in flight along a façade.

    ``AUTO``: where it is quicker than hovering and the vehicle can.
    """

    AUTO = "auto"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What "heard" means in this plan, and the limits it keeps."""

    sti_min: float = 0.5
    window: Window = Window.OPEN
    indoor_noise_db: float = 40.0
    outdoor_noise_db: float = 60.0
    receiver_spacing_m: float = 12.0
    max_level_db: float = 100.0
    standoff_m: float = 10.0
    reserve_ratio: float = 0.3
    zone: str | None = None
    passes: Passes = Passes.AUTO


@dataclass(frozen=True, slots=True)
class PlanAnnouncement:
    """The announcement as planned: its length once, and how often.

    ``clip_sha256`` None: planned with a stated length, before rendering.
    ``spectrum_db`` is the clip's octave-band spectrum that the plan reckoned
    with (None: standard male speech), so that the evidence of a run can
    reckon with the same sound.
    """

    id: AnnouncementId
    duration_s: float
    repeats: int
    clip_sha256: str | None = None
    spectrum_db: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class PlanHome:
    """Where HOME altitudes are measured from.

    ``amsl_known`` False: the site does not tell how high its ground lies, and
    ``amsl_m`` is only a zero to count from.
    """

    lat_deg: float
    lon_deg: float
    amsl_m: float
    amsl_known: bool = True


@dataclass(frozen=True, slots=True)
class PlanCue:
    """What is played while the item is active."""

    clip_sha256: str | None
    repeats: int


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One step of a sortie.

    ``fly``, ``drive`` and ``takeoff`` go to the position in a straight line
    from the one before, at ``speed_m_s``; ``dwell`` stays there for
    ``duration_s`` with the nose at ``heading_deg``; ``return_home`` and
    ``land`` end above or on home. ``duration_s`` is the time the step takes.

    A ``pass`` says its cue in flight. It begins where the item before ended:
    the vehicle stands there for at most ``hold_s``, sets off at
    ``speed_m_s`` as soon as the message has begun, in a straight line to the
    position with the nose at ``heading_deg`` all the way, and stays there
    until the message is over.
    """

    seq: int
    type: ItemType
    lat_deg: float
    lon_deg: float
    alt_m: float
    datum: Datum = Datum.HOME
    heading_deg: float | None = None
    speed_m_s: float | None = None
    duration_s: float | None = None
    cue: PlanCue | None = None
    station: StationId | None = None
    hold_s: float | None = None

    @property
    def position(self) -> LatLon:
        """The item's place."""
        return LatLon(lat_deg=self.lat_deg, lon_deg=self.lon_deg)

    @property
    def altitude(self) -> Altitude:
        """The item's height with its datum."""
        return Altitude(self.alt_m, self.datum)


@dataclass(frozen=True, slots=True)
class Sortie:
    """One departure to return of one vehicle.

    ``vehicle`` is the fleet's id for it (None: any vehicle of the kind);
    ``start_s`` the departure after the start of the run; ``loops`` how often
    the items between the first and the last are gone through (patrols).
    ``home`` is this sortie's own launch point when it is not the plan's.
    """

    id: SortieId
    vehicle_kind: VehicleKind
    items: tuple[PlanItem, ...]
    duration_s: float
    distance_m: float
    energy_ratio: float
    vehicle: str | None = None
    start_s: float = 0.0
    loops: int = 1
    home: PlanHome | None = None


@dataclass(frozen=True, slots=True)
class PlanReceiver:
    """A point whose level is predicted, and whether the plan reaches it.

    ``level_db`` is the A-weighted level outside the façade (or on the
    ground), ``sti`` what a listener there gets under the requirement, both
    from the best station. ``reason`` is why it is not reached.
    """

    id: ReceiverId
    building_id: str | None
    household: str | None
    floor: int | None
    lat_deg: float
    lon_deg: float
    up_m: float
    sti: float | None
    level_db: float | None
    reached: bool
    stations: tuple[StationId, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """The plan in numbers. ``gap`` is (time − lower bound) / time.

    ``passes`` of the ``stations`` are flown past while they speak, out of
    ``passes_offered``; ``bound_over`` says over which choices the lower bound
    holds.
    """

    receivers: int = 0
    reachable: int = 0
    reached: int = 0
    households: int = 0
    households_reached: int = 0
    stations: int = 0
    sorties: int = 0
    mission_time_s: float | None = None
    lower_bound_s: float | None = None
    gap: float | None = None
    conditional_bound_s: float | None = None
    conditional_gap: float | None = None
    solve_s: float | None = None
    loop_time_s: float | None = None
    distance_m: float | None = None
    deadhead_m: float | None = None
    max_revisit_s: float | None = None
    lower_bound_m: float | None = None
    passes: int | None = None
    passes_offered: int | None = None
    bound_over: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All sorties for a site, with what they reach and what they assume.

    ``parent_run``: the plan is for what that run missed, and only for that.
    """

    kind: PlanKind
    site_sha256: str
    seed: int
    created_utc: datetime
    requirement: Requirement
    speaker: SpeakerProfile
    vehicle: VehicleProfile
    announcement: PlanAnnouncement
    home: PlanHome
    sorties: tuple[Sortie, ...]
    receivers: tuple[PlanReceiver, ...]
    summary: PlanSummary
    site_id: str | None = None
    geofence: tuple[tuple[float, float], ...] | None = None
    defaults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sensitivity: dict[str, float] = field(default_factory=dict)
    parent_run: RunId | None = None
    format: Literal["patrolctl.plan/1"] = "patrolctl.plan/1"

    def home_of(self, sortie: Sortie) -> PlanHome:
        """Where this sortie departs and returns."""
        return sortie.home or self.home


@dataclass(frozen=True, slots=True)
class PlanHead:
    """What a list of plans shows of each."""

    id: PlanId
    kind: PlanKind
    site_id: str | None
    created_utc: datetime
    summary: PlanSummary
    parent_run: RunId | None = None
