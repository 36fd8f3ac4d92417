"""TOML and environment to each package's frozen settings."""

from patrolctl.config.brief import DEFAULT_MESSAGE_S, brief_for_site, load_brief
from patrolctl.config.missions import find_mission, mission_folders, missions_dir
from patrolctl.config.operators import Operators
from patrolctl.config.settings import Settings, load_settings

__all__ = [
    "DEFAULT_MESSAGE_S",
    "Operators",
    "Settings",
    "brief_for_site",
    "find_mission",
    "load_brief",
    "load_settings",
    "mission_folders",
    "missions_dir",
]
