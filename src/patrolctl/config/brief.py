"""A mission folder, or a bare site file, to a Brief."""

from dataclasses import replace
from pathlib import Path

from patrolctl.config.holidays import check_schedules, holidays_of
from patrolctl.config.missions import MISSION_FILE, SITE_FILE
from patrolctl.config.models import MissionFile
from patrolctl.config.references import check_mission_file
from patrolctl.config.tables import (
    announcement_of,
    default_drone,
    default_rover,
    drone_line,
    fleet_of,
    given,
    schedule_of,
)
from patrolctl.config.toml_file import TomlFile
from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import Fault, InputError
from patrolctl.domain.ids import AnnouncementId
from patrolctl.domain.plan import Requirement
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Announcement, Utterance
from patrolctl.sites import load_site, with_defaults

DEFAULT_MESSAGE_S = 20.0
_DEFAULT_TEXT = (
    "Attention please. This is a test of the public announcement service. "
    "There is no danger and nothing that you need to do. "
    "If you can hear this message clearly at your window, the service works. "
    "Thank you for your patience."
)


def load_brief(folder: Path, *, site_file: Path | None = None) -> Brief:
    """Load a mission folder.

    Args:
        folder: holds ``mission.toml`` and ``site.geojson``.
        site_file: another site to use in place of the folder's.

    Raises:
        InputError: with everything that is wrong with either file.
    """
    if not folder.is_dir():
        right = f"a folder with {SITE_FILE} and {MISSION_FILE}"
        raise InputError.one(f"mission {folder}", "is no folder", right)
    faults: list[Fault] = []
    site, said = _load_site(site_file or folder / SITE_FILE, faults)
    try:
        file = TomlFile(folder / MISSION_FILE)
    except InputError as e:
        raise InputError([*faults, *e.faults]) from None
    mission = file.read(MissionFile, faults)
    if mission is not None:
        check_mission_file(file, mission, site, faults)
        check_schedules(file, mission, site, faults)
    if faults or mission is None or site is None:
        raise InputError(faults)
    fleet, fleet_said = fleet_of(mission.vehicle)
    requirement = replace(Requirement(), **given(mission.requirement))
    return Brief(
        name=mission.name or folder.resolve().name,
        site=site,
        announcements=tuple(announcement_of(a) for a in mission.announcement),
        fleet=fleet,
        requirement=requirement,
        schedules=tuple(schedule_of(s, site) for s in mission.schedule),
        defaults=said + fleet_said,
        holidays=holidays_of(file, mission, []),
    )


def brief_for_site(site_file: Path) -> Brief:
    """A bare site file with the stated defaults.

    One drone with a 114 dB loudspeaker and 25 minutes of endurance (and a
    patrol vehicle where there are roads), a 20 s message said once, and what
    :func:`patrolctl.sites.with_defaults` gives the site.

    Raises:
        SiteError: the site is faulty.
    """
    site, said = with_defaults(load_site(site_file))
    announcement = Announcement(
        id=AnnouncementId("default"),
        utterances=(Utterance("en", _DEFAULT_TEXT),),
        repeats=1,
        stated_duration_s=DEFAULT_MESSAGE_S,
    )
    message = f"announcement: a {DEFAULT_MESSAGE_S:.0f} s message, said once"
    fleet = [default_drone()]
    lines = [drone_line(fleet[0]), message]
    if site.roads:
        fleet.append(default_rover())
        lines.insert(1, "fleet: one patrol vehicle, 2 m/s, 240 min of endurance")
    defaults = (*lines, *said)
    return Brief(site.name, site, (announcement,), tuple(fleet), defaults=defaults)


def _load_site(path: Path, faults: list[Fault]) -> tuple[Site | None, tuple[str, ...]]:
    try:
        return with_defaults(load_site(path))
    except InputError as e:
        faults.extend(e.faults)
        return None, ()
