"""Messages that a vehicle sends about itself, one builder a message id."""

import math

from simulators.battery import Failsafe
from simulators.geometry import bearing_rad
from simulators.links import Link
from simulators.mission import State
from simulators.vehicle import Builder, Vehicle
from simulators.wire import Message, mavlink

PREARM_BIT = 0x10000000
FENCE_BIT = 0x100000
GPS_BIT = 0x20
BATTERY_BIT = 0x2000000
AHRS_BIT = 0x200000
POSITION_CONTROL_BITS = 0x6000
LOGGING_BIT = 0x1000000
EKF_READY, EKF_CONST_POS = 831, 167

# Present, enabled, healthy as in the recordings, before the bits above.
_SENSORS = {
    "copter": (1399979055, 1382128687, 1198627887),
    "rover": (322034735, 304185391, 51478831),
}
_CAPABILITIES = {"copter": 64495, "rover": 61935}
_VERSION_4_7_DEV = 67567616


def _heartbeat(v: Vehicle) -> Message:
    return mavlink.MAVLink_heartbeat_message(
        v.mav_type,
        mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA,
        v.base_mode(),
        v.mode,
        v.system_status(),
        3,
    )


def _sys_status(v: Vehicle) -> Message:
    present, enabled, health = _SENSORS[v.kind]
    if v.fence.enabled:
        enabled |= FENCE_BIT
    if v.armed:
        enabled |= LOGGING_BIT | POSITION_CONTROL_BITS
        health |= POSITION_CONTROL_BITS
    if v.prearm_passes():
        health |= PREARM_BIT
    if v.position_ok:
        health |= AHRS_BIT
    if not v.gps_ok:
        health &= ~GPS_BIT
    if v.battery.failsafe is not Failsafe.NONE:
        health &= ~BATTERY_BIT
    if v.fence.breaches:
        health &= ~FENCE_BIT
    battery = v.battery
    return mavlink.MAVLink_sys_status_message(
        present,
        enabled,
        health,
        0,
        max(0, round(battery.voltage_v * 1000)),
        min(32767, round(battery.current_a * 100)),
        round(battery.remaining_ratio * 100),
        *([0] * 6),
    )


def _system_time(v: Vehicle) -> Message:
    unix_us = round(v.utc_s * 1e6) if v.gps_ok else 0
    return mavlink.MAVLink_system_time_message(unix_us, v.boot_ms)


def _gps_raw(v: Vehicle) -> Message:
    if not v.gps_ok:
        empty = (0, 0, 0, 0, 65535, 65535, 0, 0, 0)
        return mavlink.MAVLink_gps_raw_int_message(0, *empty)
    lat, lon = v.frame.to_e7(v.body.north_m, v.body.east_m)
    course = math.degrees(bearing_rad(v.body.vel_n, v.body.vel_e)) % 360
    alt_mm = round(v.amsl_m * 1000)
    speed = min(65534, round(v.body.speed_m_s * 100))
    where = (lat, lon, alt_mm, 121, 200, speed, round(course * 100), 10)
    return mavlink.MAVLink_gps_raw_int_message(v.boot_ms * 1000, 6, *where, alt_mm)


def _attitude(v: Vehicle) -> Message:
    body = v.body
    rates = (0.0, 0.0, body.yaw_rate_rad_s)
    return mavlink.MAVLink_attitude_message(v.boot_ms, 0.0, 0.0, body.yaw_rad, *rates)


def _local_position(v: Vehicle) -> Message | None:
    if not v.position_ok:
        return None
    b = v.body
    place = (b.north_m, b.east_m, -b.up_m, b.vel_n, b.vel_e, -b.vel_u)
    return mavlink.MAVLink_local_position_ned_message(v.boot_ms, *place)


def _global_position(v: Vehicle) -> Message:
    body = v.body
    known = v.home is not None or v.gps_ok
    lat, lon = v.frame.to_e7(body.north_m, body.east_m) if known else (0, 0)
    return mavlink.MAVLink_global_position_int_message(
        v.boot_ms,
        lat,
        lon,
        round(v.amsl_m * 1000) if known else 0,
        round(v.relative_m * 1000),
        round(body.vel_n * 100),
        round(body.vel_e * 100),
        round(-body.vel_u * 100),
        round(math.degrees(body.yaw_rad) % 360 * 100) % 36000,
    )


def _mission_current(v: Vehicle) -> Message:
    mission = v.mission
    state = {State.STOPPED: 2, State.RUNNING: 3, State.COMPLETE: 5}[mission.state]
    if mission.count() < 2:
        state = 1
    elif mission.state is State.RUNNING and v.mission_paused():
        state = 4
    in_auto = int(v.mode == v.auto_mode)
    return mavlink.MAVLink_mission_current_message(
        mission.current, mission.total, state, in_auto
    )


def _nav_controller(v: Vehicle) -> Message:
    yaw = round(math.degrees(v.body.yaw_rad))
    target = v.target()
    if target is None:
        bearing = distance = 0
        alt_error = 0.0
    else:
        dn, de = target[0] - v.body.north_m, target[1] - v.body.east_m
        bearing = round(math.degrees(bearing_rad(dn, de)))
        distance = min(65535, int(math.hypot(dn, de)))
        alt_error = target[2] - v.body.up_m
    return mavlink.MAVLink_nav_controller_output_message(
        0.0, 0.0, yaw, bearing, distance, alt_error, 0.0, 0.0
    )


def _vfr_hud(v: Vehicle) -> Message:
    body = v.body
    heading = int(math.degrees(body.yaw_rad) % 360)
    return mavlink.MAVLink_vfr_hud_message(
        body.speed_m_s,
        body.speed_m_s,
        heading,
        min(100, round(v.battery.load * 38)),
        v.amsl_m,
        body.vel_u,
    )


def _position_target(v: Vehicle) -> Message | None:
    target = v.target()
    if target is None or not v.position_ok:
        return None
    lat, lon = v.frame.to_e7(target[0], target[1])
    alt_m = target[2] + v.config.amsl_m
    return mavlink.MAVLink_position_target_global_int_message(
        v.boot_ms, 0, 65016, lat, lon, alt_m, *([0.0] * 8)
    )


def _battery_status(v: Vehicle) -> Message:
    battery = v.battery
    charge = {Failsafe.NONE: 1, Failsafe.LOW: 2, Failsafe.CRITICAL: 3}
    volts = [max(0, round(battery.voltage_v * 1000)), *([65535] * 9)]
    used_mah = round(battery.used_mah)
    return mavlink.MAVLink_battery_status_message(
        0,
        0,
        0,
        32767,
        volts,
        min(32767, round(battery.current_a * 100)),
        used_mah,
        round(used_mah * 0.0036 * battery.voltage_v * 10),
        round(battery.remaining_ratio * 100),
        0,
        charge[battery.failsafe],
    )


def _autopilot_version(v: Vehicle) -> Message:
    return mavlink.MAVLink_autopilot_version_message(
        _CAPABILITIES[v.kind],
        _VERSION_4_7_DEV,
        0,
        0,
        0,
        list(b"simulatr"),
        [0] * 8,
        [0] * 8,
        0,
        0,
        v.config.uid64,
        list(v.config.uid2),
    )


def _fence_status(v: Vehicle) -> Message | None:
    fence = v.fence
    if not fence.enabled:
        return None
    kind = mavlink.FENCE_BREACH_NONE
    if fence.breaches & 1:
        kind = mavlink.FENCE_BREACH_MAXALT
    if fence.breaches & 6:
        kind = mavlink.FENCE_BREACH_BOUNDARY
    return mavlink.MAVLink_fence_status_message(
        int(fence.breaches != 0),
        fence.breach_count,
        kind,
        fence.breach_time_ms,
        1 + int(v.stalled),
    )


def _wind(v: Vehicle) -> Message | None:
    if not v.position_ok:
        return None
    speed, towards = v.wind
    coming_from = (towards + 180.0 + 180.0) % 360.0 - 180.0
    return mavlink.MAVLink_wind_message(coming_from, speed, 0.0)


def _ekf(v: Vehicle) -> Message:
    flags = EKF_READY if v.position_ok else EKF_CONST_POS
    return mavlink.MAVLink_ekf_status_report_message(flags, 0.01, 0.01, 0.01, 0.01, 0.0)


def _home(v: Vehicle) -> Message | None:
    home = v.home
    if home is None:
        return None
    up = -(home.alt_cm / 100 - v.config.amsl_m)
    zero = (0.0, 0.0, 0.0)
    return mavlink.MAVLink_home_position_message(
        home.lat_e7,
        home.lon_e7,
        home.alt_cm * 10,
        *v.home_ne,
        up,
        [math.nan] * 4,
        *zero,
        v.boot_ms * 1000,
    )


def _origin(v: Vehicle) -> Message | None:
    if v.home is None:
        return None
    lat, lon = v.frame.to_e7(0.0, 0.0)
    return mavlink.MAVLink_gps_global_origin_message(
        lat, lon, round(v.config.amsl_m * 1000), v.boot_ms * 1000
    )


def _extended_state(v: Vehicle) -> Message:
    return mavlink.MAVLink_extended_sys_state_message(3, v.landed_state())


def _relays(v: Vehicle) -> Message:
    on = sum(1 << number for number, is_on in enumerate(v.relays) if is_on)
    return mavlink.MAVLink_relay_status_message(v.boot_ms, on, (1 << len(v.relays)) - 1)


def _timesync(v: Vehicle) -> Message:
    return mavlink.MAVLink_timesync_message(0, v.boot_ms * 1_000_000 + 1)


def _reached(v: Vehicle) -> Message | None:
    if v.reached is None:
        return None
    return mavlink.MAVLink_mission_item_reached_message(v.reached)


BUILDERS: dict[int, Builder] = {
    0: _heartbeat,
    1: _sys_status,
    2: _system_time,
    24: _gps_raw,
    30: _attitude,
    32: _local_position,
    33: _global_position,
    42: _mission_current,
    46: _reached,
    49: _origin,
    62: _nav_controller,
    74: _vfr_hud,
    87: _position_target,
    111: _timesync,
    147: _battery_status,
    148: _autopilot_version,
    162: _fence_status,
    168: _wind,
    193: _ekf,
    242: _home,
    245: _extended_state,
    376: _relays,
}

# Messages that ArduPilot knows and that are accepted here without being sent:
# raw sensors, servo and RC outputs, memory and vibration reports.
SILENT = frozenset(
    {27, 29, 34, 35, 36, 65, 100, 116, 125, 129, 136, 137, 143, 152, 163, 164, 165}
    | {178, 182, 194, 241, 263, 285, 295, 11030, 11039}
)

# MAV_DATA_STREAM to messages (GCS_Mavlink.cpp of the vehicle).
GROUPS: dict[int, tuple[int, ...]] = {
    1: (),
    2: (1, 42, 24, 62, 162, 87),
    3: (),
    6: (33, 32),
    10: (30,),
    11: (74,),
    12: (2, 168, 147, 193),
}


def group(link: Link, stream: int, rate_hz: float, now_s: float) -> None:
    """REQUEST_DATA_STREAM: a group of messages at one rate; 0 is all groups."""
    streams = GROUPS if stream == 0 else {stream: GROUPS.get(stream, ())}
    interval_s = 1.0 / rate_hz if rate_hz > 0 else 0.0
    for messages in streams.values():
        for message_id in messages:
            link.stream(message_id, interval_s, now_s)


def install(vehicle: Vehicle) -> None:
    """Teach a vehicle to speak of itself."""
    vehicle.builders.update(BUILDERS)
