"""The messages that we speak, as named tuples in wire order.

Own tables with ``struct``: decoding only what is wanted is several times
faster than pymavlink's classes, and typed. A test compares every row with
pymavlink's dialect, so the two cannot drift. Receive-only messages may stop
before the end of the wire layout; what we send is always complete.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple


class Heartbeat(NamedTuple):
    """HEARTBEAT (0)."""

    custom_mode: int
    type: int
    autopilot: int
    base_mode: int
    system_status: int
    mavlink_version: int


class SysStatus(NamedTuple):
    """SYS_STATUS (1)."""

    sensors_present: int
    sensors_enabled: int
    sensors_health: int
    load: int
    voltage_battery_mv: int
    current_battery_ca: int
    drop_rate_comm: int
    errors_comm: int
    errors_count1: int
    errors_count2: int
    errors_count3: int
    errors_count4: int
    battery_remaining_pct: int


class SystemTime(NamedTuple):
    """SYSTEM_TIME (2)."""

    time_unix_us: int
    time_boot_ms: int


class ParamRequestRead(NamedTuple):
    """PARAM_REQUEST_READ (20)."""

    param_index: int
    target_system: int
    target_component: int
    param_id: bytes


class ParamValue(NamedTuple):
    """PARAM_VALUE (22)."""

    param_value: float
    param_count: int
    param_index: int
    param_id: bytes
    param_type: int


class ParamSet(NamedTuple):
    """PARAM_SET (23)."""

    param_value: float
    target_system: int
    target_component: int
    param_id: bytes
    param_type: int


class GpsRawInt(NamedTuple):
    """GPS_RAW_INT (24)."""

    time_us: int
    lat_e7: int
    lon_e7: int
    alt_mm: int
    eph: int
    epv: int
    vel_cm_s: int
    cog_cdeg: int
    fix_type: int
    satellites: int


class Attitude(NamedTuple):
    """ATTITUDE (30)."""

    time_boot_ms: int
    roll_rad: float
    pitch_rad: float
    yaw_rad: float


class GlobalPositionInt(NamedTuple):
    """GLOBAL_POSITION_INT (33)."""

    time_boot_ms: int
    lat_e7: int
    lon_e7: int
    alt_mm: int
    relative_alt_mm: int
    vx_cm_s: int
    vy_cm_s: int
    vz_cm_s: int
    hdg_cdeg: int


class MissionRequest(NamedTuple):
    """MISSION_REQUEST (40)."""

    seq: int
    target_system: int
    target_component: int
    mission_type: int


class MissionRequestInt(NamedTuple):
    """MISSION_REQUEST_INT (51)."""

    seq: int
    target_system: int
    target_component: int
    mission_type: int


class MissionCurrent(NamedTuple):
    """MISSION_CURRENT (42)."""

    seq: int
    total: int
    mission_state: int
    mission_mode: int


class MissionRequestList(NamedTuple):
    """MISSION_REQUEST_LIST (43)."""

    target_system: int
    target_component: int
    mission_type: int


class MissionCount(NamedTuple):
    """MISSION_COUNT (44). ``total`` is the wire's ``count``."""

    total: int
    target_system: int
    target_component: int
    mission_type: int


class MissionClearAll(NamedTuple):
    """MISSION_CLEAR_ALL (45)."""

    target_system: int
    target_component: int
    mission_type: int


class MissionItemReached(NamedTuple):
    """MISSION_ITEM_REACHED (46)."""

    seq: int


class MissionAck(NamedTuple):
    """MISSION_ACK (47)."""

    target_system: int
    target_component: int
    type: int
    mission_type: int


class NavControllerOutput(NamedTuple):
    """NAV_CONTROLLER_OUTPUT (62)."""

    nav_roll: float
    nav_pitch: float
    alt_error_m: float
    aspd_error: float
    xtrack_error_m: float
    nav_bearing: int
    target_bearing: int
    wp_dist_m: int


class MissionItemInt(NamedTuple):
    """MISSION_ITEM_INT (73)."""

    param1: float
    param2: float
    param3: float
    param4: float
    x: int
    y: int
    z: float
    seq: int
    command: int
    target_system: int
    target_component: int
    frame: int
    current: int
    autocontinue: int
    mission_type: int


class CommandInt(NamedTuple):
    """COMMAND_INT (75)."""

    param1: float
    param2: float
    param3: float
    param4: float
    x: int
    y: int
    z: float
    command: int
    target_system: int
    target_component: int
    frame: int
    current: int
    autocontinue: int


class CommandLong(NamedTuple):
    """COMMAND_LONG (76)."""

    param1: float
    param2: float
    param3: float
    param4: float
    param5: float
    param6: float
    param7: float
    command: int
    target_system: int
    target_component: int
    confirmation: int


class CommandAck(NamedTuple):
    """COMMAND_ACK (77)."""

    command: int
    result: int
    progress: int
    result_param2: int
    target_system: int
    target_component: int


class BatteryStatus(NamedTuple):
    """BATTERY_STATUS (147)."""

    current_consumed_mah: int
    energy_consumed: int
    temperature: int
    voltages_mv: bytes
    current_battery_ca: int
    id: int
    battery_function: int
    type: int
    battery_remaining_pct: int


class AutopilotVersion(NamedTuple):
    """AUTOPILOT_VERSION (148)."""

    capabilities: int
    uid: int
    flight_sw_version: int
    middleware_sw_version: int
    os_sw_version: int
    board_version: int
    vendor_id: int
    product_id: int
    flight_custom_version: bytes
    middleware_custom_version: bytes
    os_custom_version: bytes
    uid2: bytes


class FenceStatus(NamedTuple):
    """FENCE_STATUS (162)."""

    breach_time_ms: int
    breach_count: int
    breach_status: int
    breach_type: int


class Wind(NamedTuple):
    """WIND (168), ArduPilot."""

    direction_deg: float
    speed_m_s: float
    speed_z_m_s: float


class EkfStatusReport(NamedTuple):
    """EKF_STATUS_REPORT (193), ArduPilot."""

    velocity_variance: float
    pos_horiz_variance: float
    pos_vert_variance: float
    compass_variance: float
    terrain_alt_variance: float
    flags: int


class EstimatorStatus(NamedTuple):
    """ESTIMATOR_STATUS (230), PX4."""

    time_us: int
    vel_ratio: float
    pos_horiz_ratio: float
    pos_vert_ratio: float
    mag_ratio: float
    hagl_ratio: float
    tas_ratio: float
    pos_horiz_accuracy_m: float
    pos_vert_accuracy_m: float
    flags: int


class WindCov(NamedTuple):
    """WIND_COV (231), PX4."""

    time_us: int
    wind_x_m_s: float
    wind_y_m_s: float
    wind_z_m_s: float


class HomePosition(NamedTuple):
    """HOME_POSITION (242)."""

    lat_e7: int
    lon_e7: int
    alt_mm: int


class ExtendedSysState(NamedTuple):
    """EXTENDED_SYS_STATE (245)."""

    vtol_state: int
    landed_state: int


class StatusText(NamedTuple):
    """STATUSTEXT (253)."""

    severity: int
    text: bytes
    id: int
    chunk_seq: int


Message = (
    Heartbeat
    | SysStatus
    | SystemTime
    | ParamRequestRead
    | ParamValue
    | ParamSet
    | GpsRawInt
    | Attitude
    | GlobalPositionInt
    | MissionRequest
    | MissionRequestInt
    | MissionCurrent
    | MissionRequestList
    | MissionCount
    | MissionClearAll
    | MissionItemReached
    | MissionAck
    | NavControllerOutput
    | MissionItemInt
    | CommandInt
    | CommandLong
    | CommandAck
    | BatteryStatus
    | AutopilotVersion
    | FenceStatus
    | Wind
    | EkfStatusReport
    | EstimatorStatus
    | WindCov
    | HomePosition
    | ExtendedSysState
    | StatusText
)


@dataclass(frozen=True, slots=True)
class Spec:
    """How one message lies on the wire (little endian, MAVLink order)."""

    id: int
    kind: type[Message]
    layout: struct.Struct
    crc_extra: int


def _spec(id_: int, kind: type[Message], layout: str, crc_extra: int) -> Spec:
    return Spec(id_, kind, struct.Struct(f"<{layout}"), crc_extra)


SPECS: dict[int, Spec] = {
    s.id: s
    for s in (
        _spec(0, Heartbeat, "IBBBBB", 50),
        _spec(1, SysStatus, "IIIHHhHHHHHHb", 124),
        _spec(2, SystemTime, "QI", 137),
        _spec(20, ParamRequestRead, "hBB16s", 214),
        _spec(22, ParamValue, "fHH16sB", 220),
        _spec(23, ParamSet, "fBB16sB", 168),
        _spec(24, GpsRawInt, "QiiiHHHHBB", 24),
        _spec(30, Attitude, "Ifff", 39),
        _spec(33, GlobalPositionInt, "IiiiihhhH", 104),
        _spec(40, MissionRequest, "HBBB", 230),
        _spec(42, MissionCurrent, "HHBB", 28),
        _spec(43, MissionRequestList, "BBB", 132),
        _spec(44, MissionCount, "HBBB", 221),
        _spec(45, MissionClearAll, "BBB", 232),
        _spec(46, MissionItemReached, "H", 11),
        _spec(47, MissionAck, "BBBB", 153),
        _spec(51, MissionRequestInt, "HBBB", 196),
        _spec(62, NavControllerOutput, "fffffhhH", 183),
        _spec(73, MissionItemInt, "ffffiifHHBBBBBB", 38),
        _spec(75, CommandInt, "ffffiifHBBBBB", 158),
        _spec(76, CommandLong, "fffffffHBBB", 152),
        _spec(77, CommandAck, "HBBiBB", 143),
        _spec(147, BatteryStatus, "iih20shBBBb", 154),
        _spec(148, AutopilotVersion, "QQIIIIHH8s8s8s18s", 178),
        _spec(162, FenceStatus, "IHBB", 189),
        _spec(168, Wind, "fff", 1),
        _spec(193, EkfStatusReport, "fffffH", 71),
        _spec(230, EstimatorStatus, "QffffffffH", 163),
        _spec(231, WindCov, "Qfff", 105),
        _spec(242, HomePosition, "iii", 104),
        _spec(245, ExtendedSysState, "BB", 130),
        _spec(253, StatusText, "B50sHB", 83),
    )
}

SPEC_OF: dict[type[Message], Spec] = {s.kind: s for s in SPECS.values()}


def decode(msg_id: int, payload: bytes) -> Message | None:
    """The message of a payload whose CRC was checked; None: not spoken.

    MAVLink 2 truncates trailing zeros and may append extensions that we do
    not know: both are normal.
    """
    spec = SPECS.get(msg_id)
    if spec is None:
        return None
    layout = spec.layout
    if len(payload) < layout.size:
        payload = payload.ljust(layout.size, b"\0")
    return spec.kind._make(layout.unpack_from(payload))


def payload_of(message: Message) -> bytes:
    """The payload to send, trailing zeros truncated (at least one byte)."""
    raw = SPEC_OF[type(message)].layout.pack(*message)
    return raw.rstrip(b"\0") or b"\0"
