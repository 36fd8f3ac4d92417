"""Holiday lists of a mission, and whether its schedules ever occur."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from patrolctl.config.models import MissionFile
from patrolctl.config.tables import schedule_of
from patrolctl.config.toml_file import TomlFile
from patrolctl.domain.errors import Fault, InputError
from patrolctl.domain.site import Site
from patrolctl.durable import check_schedule
from patrolctl.formats.calendar import IcsFormat


def holidays_of(
    file: TomlFile, mission: MissionFile, faults: list[Fault]
) -> dict[str, tuple[date, ...]]:
    """The lists by name; calendar files lie in the mission's folder."""
    folder = file.path.parent
    found: dict[str, tuple[date, ...]] = {}
    for number, table in enumerate(mission.holidays):
        days = set(table.dates)
        if table.name in found:
            at = ("holidays", number, "name")
            faults.append(file.fault(at, f"is {table.name!r} a second time"))
        if table.file is not None:
            try:
                days |= set(_days_of(folder, table.file))
            except InputError as e:
                at = ("holidays", number, "file")
                faults.append(file.fault(at, f"{table.file}: {e}"))
        found[table.name] = tuple(sorted(days))
    return found


def _days_of(folder: Path, name: str) -> tuple[date, ...]:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError.one("file", "lies outside the mission's folder")
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise InputError.one("file", f"cannot be read ({e.strerror})") from None
    return IcsFormat().read_days(raw)


def check_schedules(
    file: TomlFile, mission: MissionFile, site: Site | None, faults: list[Fault]
) -> None:
    """Note schedules that never occur, or name lists that do not exist.

    Names that only the running service knows cannot be used in a file.
    """
    lists = holidays_of(file, mission, faults)
    if site is None:
        return
    for number, table in enumerate(mission.schedule):
        missing = [n for n in table.holidays if n not in lists]
        if missing:
            right = f"one of {', '.join(lists) or '(none: no [[holidays]])'}"
            what = f"{missing[0]!r} does not exist"
            faults.append(file.fault(("schedule", number, "holidays"), what, right))
            continue
        schedule = schedule_of(table, site)
        days = {d for n in table.holidays for d in lists[n]}
        every = tuple(days.union(schedule.except_dates))
        try:
            check_schedule(replace(schedule, except_dates=every))
        except InputError as e:
            fault = e.faults[0]
            at = ("schedule", number, "rrule")
            faults.append(file.fault(at, fault.what, fault.right))
