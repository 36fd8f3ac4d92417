"""Faults that happen to a vehicle, at a time or from the command line.

``KIND@SECONDS[=VALUE]``: reboot, home-moved (metres east), second-gcs,
edit, gps-loss (seconds), battery-sag (volts), battery-drain
(ratio left), wind (m/s), breach (metres beyond the fence's north edge), stall
(seconds), cut (seconds without link). Without ``@``: loss, duplicate, reorder, corrupt
(ratios), delay_s, jitter_s, for the whole run.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from simulators.faults import LINK_FIELDS, RATIOS, LinkFaults
from simulators.ground import Ground, Item
from simulators.vehicle import Vehicle
from simulators.wire import mavlink


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault of the vehicle at a simulated second."""

    kind: str
    at_s: float
    value: float = 0.0


def _reboot(v: Vehicle, value: float) -> None:
    v.reboot()


def _move_home(v: Vehicle, value: float) -> None:
    """Someone sets home elsewhere."""
    if v.home is None:
        return
    n, e = v.home_ne
    lat, lon = v.frame.to_e7(n, e + (value or 50.0))
    v.home_locked = True
    v.set_home(lat, lon, v.home.alt_cm / 100)


def _second_gcs(v: Vehicle, value: float) -> None:
    """Another ground station overwrites the mission with its own."""
    lat, lon = v.frame.to_e7(200.0, 200.0)
    items = [
        Item(mavlink.MAV_CMD_NAV_WAYPOINT, 0),
        Item(mavlink.MAV_CMD_NAV_TAKEOFF, 6, z=90.0),
        Item(mavlink.MAV_CMD_NAV_WAYPOINT, 6, x=lat, y=lon, z=90.0),
    ]
    if v.kind == "rover":
        items[1] = Item(mavlink.MAV_CMD_NAV_WAYPOINT, 6, x=lat, y=lon)
    other = Ground(v, "second-gcs", sysid=254, trusted=True)
    other.upload(items)
    v.close_link("second-gcs")


def _edit(v: Vehicle, value: float) -> None:
    """Another ground station puts one point at 90 m; the number of items stays."""
    items = [
        Item(i.command, i.frame, i.params, i.lat_e7, i.lon_e7, i.alt_cm / 100)
        for i in v.mission.items
    ]
    placed = [k for k, i in enumerate(v.mission.items) if k and i.has_place]
    if not placed:
        return
    items[placed[-1]] = replace(items[placed[-1]], z=90.0)
    other = Ground(v, "second-gcs", sysid=254, trusted=True)
    other.upload(items)
    v.close_link("second-gcs")


def _lose_gps(v: Vehicle, value: float) -> None:
    v.lose_gps()
    v.schedule(v.now_s + (value or 10.0), v.find_gps)


def _sag(v: Vehicle, value: float) -> None:
    v.battery.sag_v = value or 1.5


def _drain(v: Vehicle, value: float) -> None:
    v.battery.used_mah = v.battery.capacity_mah * (1.0 - value)


def _blow(v: Vehicle, value: float) -> None:
    v.wind = (value or 10.0, v.wind[1])


def _breach(v: Vehicle, value: float) -> None:
    """A gust carries it beyond the fence, due north."""
    margin = v.fence.margin_m(v.body.north_m, v.body.east_m)
    while margin > -(value or 5.0) and margin < math.inf:
        v.body.north_m += 1.0
        margin = v.fence.margin_m(v.body.north_m, v.body.east_m)


def _stall(v: Vehicle, value: float) -> None:
    """The actuators do nothing for a while and nobody says so."""
    v.stalled = True
    v.body.halt()

    def release() -> None:
        v.stalled = False

    v.schedule(v.now_s + (value or 1e9), release)


KINDS: dict[str, Callable[[Vehicle, float], None]] = {
    "reboot": _reboot,
    "home-moved": _move_home,
    "second-gcs": _second_gcs,
    "edit": _edit,
    "gps-loss": _lose_gps,
    "battery-sag": _sag,
    "battery-drain": _drain,
    "wind": _blow,
    "breach": _breach,
    "stall": _stall,
}


def plan(vehicle: Vehicle, troubles: Sequence[Trouble]) -> None:
    """Have the faults happen at their times.

    Raises:
        ValueError: there is no such kind.
    """
    for trouble in troubles:
        act = KINDS.get(trouble.kind)
        if act is None:
            msg = f"{trouble.kind!r} is none of {', '.join(sorted(KINDS))}"
            raise ValueError(msg)
        vehicle.schedule(trouble.at_s, _bound(act, vehicle, trouble.value))


def _bound(
    act: Callable[[Vehicle, float], None], vehicle: Vehicle, value: float
) -> Callable[[], None]:
    return lambda: act(vehicle, value)


def parse(texts: Sequence[str]) -> tuple[LinkFaults, list[Trouble]]:
    """Read ``--fault`` options.

    Raises:
        ValueError: one of them is unknown or has a bad value.
    """
    link, troubles = LinkFaults(), list[Trouble]()
    for text in texts:
        name, at, value = _split(text)
        if at is None:
            link = _with(link, name, value, text)
        elif name == "cut":
            until_s = at + (value or 10.0)
            link = replace(link, cuts=(*link.cuts, (at, until_s)))
        elif name in KINDS:
            troubles.append(Trouble(name, at, value))
        else:
            msg = f"--fault {text!r}: {name!r} is none of {', '.join(sorted(KINDS))}"
            raise ValueError(msg)
    return link, troubles


def _split(text: str) -> tuple[str, float | None, float]:
    head, _, value = text.partition("=")
    name, _, at = head.partition("@")
    try:
        return name, float(at) if at else None, float(value) if value else 0.0
    except ValueError as fault:
        msg = f"--fault {text!r} is not KIND@SECONDS=VALUE"
        raise ValueError(msg) from fault


def _with(link: LinkFaults, name: str, value: float, text: str) -> LinkFaults:
    if name not in LINK_FIELDS:
        msg = f"--fault {text!r}: {name!r} is none of {', '.join(sorted(LINK_FIELDS))}"
        raise ValueError(msg)
    if value < 0 or (name in RATIOS and value > 1):
        msg = f"--fault {text!r}: {value} is out of range"
        raise ValueError(msg)
    changed = {
        "loss": replace(link, loss=value),
        "duplicate": replace(link, duplicate=value),
        "reorder": replace(link, reorder=value),
        "corrupt": replace(link, corrupt=value),
        "delay_s": replace(link, delay_s=value),
        "jitter_s": replace(link, jitter_s=value),
        "reorder_s": replace(link, reorder_s=value),
    }
    return changed[name]
