"""Where the sample missions are."""

from pathlib import Path

import patrolctl
from patrolctl.domain.errors import InputError

MISSION_FILE = "mission.toml"
SITE_FILE = "site.geojson"


def missions_dir() -> Path:
    """The checkout's ``missions/``, or the copy inside an installed wheel.

    Raises:
        InputError: neither is there.
    """
    package = Path(patrolctl.__file__).resolve().parent
    checkout = package.parent.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "missions").is_dir():
        return checkout / "missions"
    if (package / "_missions").is_dir():
        return package / "_missions"
    where = f"{checkout / 'missions'} or {package / '_missions'}"
    raise InputError.one("sample missions", "are not installed", where)


def mission_folders(root: Path) -> tuple[Path, ...]:
    """The mission folders within a folder, by name."""
    if not root.is_dir():
        return ()
    return tuple(sorted(p for p in root.iterdir() if (p / MISSION_FILE).is_file()))


def find_mission(name: str | Path) -> Path:
    """A mission folder by its path, or by its name among the samples.

    Raises:
        InputError: there is none, with those that there are.
    """
    path = Path(name)
    if path.is_dir():
        return path
    sample = missions_dir() / path.name
    if len(path.parts) == 1 and sample.is_dir():
        return sample
    known = ", ".join(p.name for p in mission_folders(missions_dir()))
    right = f"a folder with {SITE_FILE} and {MISSION_FILE}, or one of {known}"
    raise InputError.one(f"mission {name}", "is no folder", right)
