"""A mission: one sortie compiled, vehicle-neutral, and its digest.

The digest is what is approved. A vehicle may start only after its own
read-back gives the same mission, so the digest covers everything that
decides where it goes: home, items, fence and return altitude.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from patrolctl.domain.ids import SortieId
from patrolctl.domain.jsondoc import encode
from patrolctl.domain.machines import VehicleKind
from patrolctl.geo import Altitude, LatLon


class StepType(StrEnum):
    """Vehicle-neutral steps; autopilot drivers turn them into wire items."""

    TAKEOFF = "takeoff"
    GO = "go"
    DWELL = "dwell"
    PASS = "pass"
    JUMP = "jump"
    RETURN_HOME = "return_home"
    LAND = "land"


@dataclass(frozen=True, slots=True)
class MissionStep:
    """One step. ``seq`` counts from 1 and is what progress is told in.

    ``plan_seq`` names the plan item it came from. ``jump_to`` and
    ``jump_times`` belong to JUMP (−1: for ever). A PASS is flown with the
    nose at ``heading_deg`` all the way. ``leaves_s`` of a DWELL: the vehicle
    goes on by itself after so long, whoever is listening (None: a backstop).
    """

    seq: int
    type: StepType
    position: LatLon | None = None
    altitude: Altitude | None = None
    heading_deg: float | None = None
    speed_m_s: float | None = None
    duration_s: float | None = None
    jump_to: int | None = None
    jump_times: int | None = None
    plan_seq: int | None = None
    leaves_s: float | None = None


@dataclass(frozen=True, slots=True)
class Fence:
    """The vehicle's own geofence: the last line of defence.

    ``inclusion`` and each of ``exclusions`` are open rings (the first vertex
    is not repeated). ``altitude_max`` None for vehicles on the ground.
    """

    inclusion: tuple[LatLon, ...]
    exclusions: tuple[tuple[LatLon, ...], ...] = ()
    altitude_max: Altitude | None = None


@dataclass(frozen=True, slots=True)
class Mission:
    """Everything uploaded to one vehicle for one sortie."""

    sortie_id: SortieId
    vehicle_kind: VehicleKind
    home: LatLon
    home_amsl_m: float
    steps: tuple[MissionStep, ...]
    fence: Fence | None = None
    rally: tuple[tuple[LatLon, Altitude], ...] = ()
    return_altitude: Altitude | None = None
    home_amsl_known: bool = True

    def digest(self) -> str:
        """sha256 over the canonical encoding, hex."""
        return hashlib.sha256(encode(self)).hexdigest()


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """Where a mission broke off: the step, and how much of its dwell was done."""

    seq: int
    dwell_done_s: float = 0.0


@dataclass(frozen=True, slots=True)
class UploadReceipt:
    """Proof that the vehicle holds exactly this mission, read back.

    ``digest`` is the mission's; ``boot_id`` names the boot of the autopilot
    in which it was verified: a reboot voids the receipt.
    """

    vehicle_id: str
    digest: str
    boot_id: str
    items: int
