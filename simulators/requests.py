"""What a vehicle does with the messages that are not commands."""

import math

from simulators import streams
from simulators.fence import ALT_MAX, ALT_MIN, CIRCLE, POLYGON
from simulators.links import Link
from simulators.params import READ_ONLY
from simulators.transfer import Transfer
from simulators.vehicle import Handler, Vehicle
from simulators.wire import Message, mavlink

ALL_FENCES = ALT_MAX | ALT_MIN | CIRCLE | POLYGON


def _heartbeat(v: Vehicle, link: Link, m: Message) -> None:
    # GCS_Common.cpp: only the configured ground station feeds the failsafe.
    if m.get_srcSystem() == int(v.params["MAV_GCS_SYSID"]):
        v.gcs_heard_s = v.now_s


def _timesync(v: Vehicle, link: Link, m: Message) -> None:
    if m.tc1 == 0:
        ours = v.boot_ms * 1_000_000
        link.send(mavlink.MAVLink_timesync_message(ours, m.ts1))


def _data_stream(v: Vehicle, link: Link, m: Message) -> None:
    rate_hz = m.req_message_rate if m.start_stop else 0
    streams.group(link, m.req_stream_id, rate_hz, v.now_s)


def _param_list(v: Vehicle, link: Link, m: Message) -> None:
    for index, name in enumerate(v.params):
        link.send(v.param_value(name, v.params[name], index))


def _param_read(v: Vehicle, link: Link, m: Message) -> None:
    name: str | None = m.param_id
    if m.param_index != -1:
        name = v.params.name_at(m.param_index)
    if name is None or name not in v.params:
        return  # silence, as ArduPilot
    index = m.param_index if m.param_index != -1 else 65535
    link.send(v.param_value(name, v.params[name], index))


def _param_set(v: Vehicle, link: Link, m: Message) -> None:
    name = m.param_id
    if name not in v.params or not math.isfinite(m.param_value):
        return
    if name in READ_ONLY:
        v.text(4, f"Param write denied ({name})")
        link.send(v.param_value(name, v.params[name], 65535))
        return
    before = v.params[name]
    after = v.params.put(name, m.param_value)
    if after == before:
        v.report(v.param_value(name, after, 65535))
    elif name == "FENCE_ENABLE":
        v.fence.enable(ALL_FENCES, on=after != 0)


def _transfer(v: Vehicle, m: Message) -> Transfer | None:
    return v.transfers.get(m.mission_type)


def _count(v: Vehicle, link: Link, m: Message) -> None:
    transfer = _transfer(v, m)
    if transfer is not None:
        transfer.on_count(v.peer(link, m), m.count, v.now_s)


def _item_int(v: Vehicle, link: Link, m: Message) -> None:
    transfer = _transfer(v, m)
    if transfer is not None:
        transfer.on_item(v.peer(link, m), m, v.now_s)


def _item_float(v: Vehicle, link: Link, m: Message) -> None:
    as_int = mavlink.MAVLink_mission_item_int_message(
        m.target_system,
        m.target_component,
        m.seq,
        m.frame,
        m.command,
        m.current,
        m.autocontinue,
        m.param1,
        m.param2,
        m.param3,
        m.param4,
        round(m.x * 1e7),
        round(m.y * 1e7),
        m.z,
        m.mission_type,
    )
    transfer = _transfer(v, m)
    if transfer is None:
        return
    v.text(4, "got MISSION_ITEM; GCS should send MISSION_ITEM_INT")
    transfer.on_item(v.peer(link, m), as_int, v.now_s)


def _request_list(v: Vehicle, link: Link, m: Message) -> None:
    transfer = _transfer(v, m)
    if transfer is not None:
        transfer.on_request_list(v.peer(link, m))


def _request_int(v: Vehicle, link: Link, m: Message) -> None:
    transfer = _transfer(v, m)
    if transfer is not None:
        transfer.on_request(v.peer(link, m), m.seq)


def _request_float(v: Vehicle, link: Link, m: Message) -> None:
    transfer = _transfer(v, m)
    if transfer is not None:
        v.text(4, "got MISSION_REQUEST; use MISSION_REQUEST_INT!")
        transfer.on_request(v.peer(link, m), m.seq, as_int=False)


def _partial(v: Vehicle, link: Link, m: Message) -> None:
    transfer = _transfer(v, m)
    if transfer is not None:
        peer = v.peer(link, m)
        transfer.on_partial(peer, m.start_index, m.end_index, v.now_s)


def _clear_all(v: Vehicle, link: Link, m: Message) -> None:
    transfer = _transfer(v, m)
    if transfer is not None:
        transfer.on_clear(v.peer(link, m))


def _set_current(v: Vehicle, link: Link, m: Message) -> None:
    if v.mission.set_current(m.seq):
        message = v.builders[42](v)
        if message is not None:
            message.seq = m.seq  # the very number asked for, as an answer
            link.send(message)


def _set_mode(v: Vehicle, link: Link, m: Message) -> None:
    if m.base_mode & mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED:
        v.set_mode(m.custom_mode)  # no answer, as ArduPilot


def _setup_signing(v: Vehicle, link: Link, m: Message) -> None:
    if v.armed:
        v.text(4, "ERROR: Won't setup signing when armed")
        return
    v.signing.set_key(bytes(m.secret_key), m.initial_timestamp)


HANDLERS: dict[int, Handler] = {
    mavlink.MAVLINK_MSG_ID_HEARTBEAT: _heartbeat,
    mavlink.MAVLINK_MSG_ID_TIMESYNC: _timesync,
    mavlink.MAVLINK_MSG_ID_REQUEST_DATA_STREAM: _data_stream,
    mavlink.MAVLINK_MSG_ID_PARAM_REQUEST_LIST: _param_list,
    mavlink.MAVLINK_MSG_ID_PARAM_REQUEST_READ: _param_read,
    mavlink.MAVLINK_MSG_ID_PARAM_SET: _param_set,
    mavlink.MAVLINK_MSG_ID_MISSION_COUNT: _count,
    mavlink.MAVLINK_MSG_ID_MISSION_ITEM_INT: _item_int,
    mavlink.MAVLINK_MSG_ID_MISSION_ITEM: _item_float,
    mavlink.MAVLINK_MSG_ID_MISSION_REQUEST_LIST: _request_list,
    mavlink.MAVLINK_MSG_ID_MISSION_REQUEST_INT: _request_int,
    mavlink.MAVLINK_MSG_ID_MISSION_REQUEST: _request_float,
    mavlink.MAVLINK_MSG_ID_MISSION_WRITE_PARTIAL_LIST: _partial,
    mavlink.MAVLINK_MSG_ID_MISSION_CLEAR_ALL: _clear_all,
    mavlink.MAVLINK_MSG_ID_MISSION_SET_CURRENT: _set_current,
    mavlink.MAVLINK_MSG_ID_SET_MODE: _set_mode,
    mavlink.MAVLINK_MSG_ID_SETUP_SIGNING: _setup_signing,
}


def install(vehicle: Vehicle) -> None:
    """Teach a vehicle to answer requests."""
    vehicle.handlers.update(HANDLERS)
