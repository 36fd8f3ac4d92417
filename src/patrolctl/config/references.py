"""What one table of ``mission.toml`` says about another, and about the site."""

from collections.abc import Iterable
from itertools import pairwise

from patrolctl.config.models import MissionFile, VehicleTable
from patrolctl.config.toml_file import TomlFile
from patrolctl.domain.errors import Fault
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.site import Site, SitePoint


def check_mission_file(
    file: TomlFile, mission: MissionFile, site: Site | None, faults: list[Fault]
) -> None:
    """Note repeated ids and names that stand for nothing.

    Args:
        file: places the faults.
        mission: its validated tables.
        site: None where the site itself is faulty.
        faults: is added to.
    """
    _check_ids(file, mission, faults)
    _check_names(file, mission, site, faults)


def _check_ids(file: TomlFile, mission: MissionFile, faults: list[Fault]) -> None:
    speakers = [v.speaker.id if v.speaker else None for v in mission.vehicle]
    groups: tuple[tuple[str, tuple[str, ...], list[str | None]], ...] = (
        ("announcement", ("id",), [a.id for a in mission.announcement]),
        ("vehicle", ("id",), [v.id for v in mission.vehicle]),
        ("vehicle", ("speaker", "id"), list(speakers)),
        ("schedule", ("id",), [s.id for s in mission.schedule]),
    )
    for table, field, names in groups:
        for index in _repeated(names):
            what = f"is {names[index]!r} a second time"
            faults.append(file.fault((table, index, *field), what, "a unique id"))
    sysids = [str(v.sysid or i) for i, v in enumerate(mission.vehicle, start=1)]
    for index in _repeated(sysids):
        what = f"is {sysids[index]}, as another vehicle's (default: its number here)"
        right = "a unique one: two vehicles of one system id cannot be told apart"
        faults.append(file.fault(("vehicle", index, "sysid"), what, right))


def _repeated(names: Iterable[str | None]) -> list[int]:
    seen: set[str] = set()
    again = []
    for index, name in enumerate(names):
        if name is None:
            continue
        if name in seen:
            again.append(index)
        seen.add(name)
    return again


def _check_names(
    file: TomlFile, mission: MissionFile, site: Site | None, faults: list[Fault]
) -> None:
    announcements = [a.id for a in mission.announcement]
    for i, schedule in enumerate(mission.schedule):
        if schedule.announcement not in announcements:
            what = f"{schedule.announcement!r} does not exist"
            right = f"one of {', '.join(announcements)}"
            faults.append(file.fault(("schedule", i, "announcement"), what, right))
    _check_directivity(file, mission, faults)
    _check_drivers(file, mission, faults)
    if site is None:
        return
    zone = mission.requirement.zone
    if zone is not None and zone not in {n for z in site.zones for n in (z.id, z.name)}:
        known = ", ".join(z.id for z in site.zones) or "none: the site has no zones"
        what = f"{zone!r} is no zone of the site"
        faults.append(file.fault(("requirement", "zone"), what, known))
    for i, vehicle in enumerate(mission.vehicle):
        what = _launch_fault(vehicle, site.launches)
        if what:
            fits = [p.id for p in site.launches if _launches(p, vehicle.kind)]
            right = f"one of {', '.join(fits)}" if fits else "a launch in the site"
            faults.append(file.fault(("vehicle", i, "launch"), what, right))


def _launch_fault(vehicle: VehicleTable, launches: tuple[SitePoint, ...]) -> str:
    if vehicle.launch is None:
        if any(_launches(p, vehicle.kind) for p in launches):
            return ""
        return f"is missing, and the site has no launch point for a {vehicle.kind}"
    point = next((p for p in launches if p.id == vehicle.launch), None)
    if point is None:
        return f"{vehicle.launch!r} is no launch point of the site"
    if not _launches(point, vehicle.kind):
        return f"{vehicle.launch!r} is for a {point.vehicle_kind}, not a {vehicle.kind}"
    return ""


def _launches(point: SitePoint, kind: VehicleKind) -> bool:
    return point.vehicle_kind in (None, kind)


def _check_drivers(file: TomlFile, mission: MissionFile, faults: list[Fault]) -> None:
    """DJI's serial numbers, where and only where they are needed."""
    for i, vehicle in enumerate(mission.vehicle):
        speaker = vehicle.speaker
        if speaker is None:
            continue
        for name in ("gateway_sn", "device_sn", "psdk_index"):
            said = getattr(speaker, name) is not None
            field = ("vehicle", i, "speaker", name)
            if speaker.kind == "dji" and not said and name != "psdk_index":
                right = "the serial number of the " + (
                    "dock or remote controller" if name == "gateway_sn" else "aircraft"
                )
                faults.append(file.fault(field, "is missing", right))
            elif speaker.kind != "dji" and said:
                faults.append(
                    file.fault(field, "is for a speaker of DJI", 'kind = "dji"')
                )


def _check_directivity(
    file: TomlFile, mission: MissionFile, faults: list[Fault]
) -> None:
    for i, vehicle in enumerate(mission.vehicle):
        speaker = vehicle.speaker
        if speaker is None:
            continue
        angles, rows = speaker.directivity_deg, speaker.directivity_db
        right = "directivity_deg rising from 0, and one row of 8 bands for each angle"
        ok = (angles is None) == (rows is None)
        if angles is not None and rows is not None:
            rising = all(a < b for a, b in pairwise(angles))
            ok = len(angles) == len(rows) and angles[:1] == [0.0] and rising
            ok = ok and all(len(row) == 8 for row in rows)
        if not ok:
            field = ("vehicle", i, "speaker", "directivity_db")
            faults.append(file.fault(field, "does not match its angles", right))
