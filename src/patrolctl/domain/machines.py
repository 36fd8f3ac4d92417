"""Vehicles and loudspeakers: what they are and what they can do."""

from dataclasses import dataclass
from enum import StrEnum

from patrolctl.domain.ids import SpeakerId, VehicleId


class VehicleKind(StrEnum):
    """What a vehicle moves like."""

    COPTER = "copter"
    ROVER = "rover"


# Where the loudspeaker is above a patrol vehicle's wheels, whose height is
# what telemetry tells; on a copter the two are one.
ROVER_SPEAKER_UP_M = 2.0


class LinkState(StrEnum):
    """CONNECTING until first heard, then by age of the last heartbeat."""

    CONNECTING = "CONNECTING"
    LIVE = "LIVE"
    STALE = "STALE"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class VehicleProfile:
    """What a vehicle can do; the plan is made for one profile.

    ``endurance_s`` is hover (copter) or drive (rover) time on a full
    battery; ``cruise_power_ratio`` and ``climb_power_ratio`` scale hover
    power while cruising and climbing. ``rated_wind_m_s`` is the wind that the
    maker allows it to fly in.
    """

    cruise_m_s: float = 8.0
    climb_m_s: float = 2.5
    descent_m_s: float = 1.5
    accel_m_s2: float = 2.5
    yaw_rate_deg_s: float = 60.0
    endurance_s: float = 1500.0
    ceiling_m: float = 120.0
    return_altitude_m: float | None = None
    position_error_m: float = 1.5
    cruise_power_ratio: float = 1.0
    climb_power_ratio: float = 1.15
    rated_wind_m_s: float = 12.0

    @classmethod
    def default_for(cls, kind: VehicleKind) -> "VehicleProfile":
        """The stated default: 25 min copter, or 4 h rover at 2 m/s."""
        if kind is VehicleKind.COPTER:
            return cls()
        return cls(
            cruise_m_s=2.0,
            climb_m_s=0.0,
            descent_m_s=0.0,
            accel_m_s2=1.0,
            endurance_s=4 * 3600.0,
            ceiling_m=0.0,
        )


@dataclass(frozen=True, slots=True)
class SpeakerProfile:
    """A loudspeaker as the planner sees it.

    ``level_1m_db`` is the rated peak at 1 m on axis; speech LAeq lies
    ``crest_db`` below it. ``directivity_db`` gives, per octave band 63 Hz to
    8 kHz, the attenuation at ``directivity_deg`` off axis (rows: angles). No
    polar data of drone loudspeakers is published: None means the planner's
    stated default table. ``tilt_deg`` is the horn's depression below the
    horizon, ``noise_1m_db`` the vehicle's own noise at 1 m, dB(A).
    """

    level_1m_db: float = 114.0
    crest_db: float = 9.0
    tilt_deg: float = 0.0
    directivity_deg: tuple[float, ...] | None = None
    directivity_db: tuple[tuple[float, ...], ...] | None = None
    noise_1m_db: float | None = None


@dataclass(frozen=True, slots=True)
class DjiAddress:
    """A loudspeaker behind DJI's Cloud API.

    ``gateway_sn`` is the dock's or remote controller's serial number,
    ``device_sn`` the aircraft's, ``psdk_index`` the payload's position.
    """

    gateway_sn: str
    device_sn: str
    psdk_index: int = 2


@dataclass(frozen=True, slots=True)
class FleetVehicle:
    """A registry entry: the identity and address of one vehicle.

    ``endpoint`` is ``tcp:host:port``, ``udp:host:port`` (we send there),
    ``udpin:host:port`` (we listen) or ``serial:/dev/…:baud``. ``uid`` is the
    autopilot's AUTOPILOT_VERSION uid when it is known; ``launch`` names the
    site's launch point. ``speaker_id`` None: the vehicle has no loudspeaker;
    ``speaker_dji`` None: an agent (or the simulator) drives it.
    """

    id: VehicleId
    kind: VehicleKind
    endpoint: str | None = None
    sysid: int = 1
    uid: int | None = None
    autopilot: str = "ardupilot"
    launch: str | None = None
    profile: VehicleProfile = VehicleProfile()
    speaker_id: SpeakerId | None = None
    speaker: SpeakerProfile = SpeakerProfile()
    signing_key_file: str | None = None
    speaker_dji: DjiAddress | None = None
