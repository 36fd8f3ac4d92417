"""What the commands ask for. Light to import: input is judged with it first."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from patrolctl.domain.brief import Brief
from patrolctl.domain.plan import Plan


class WhenHeld(StrEnum):
    """What becomes of a run that is held and asks, where there is no console.

    ``ASK`` on the terminal, ``HOME`` calls it home at once, ``WAIT`` waits.
    """

    ASK = "ask"
    HOME = "home"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class VehicleChoice:
    """A vehicle as it was given on the command line."""

    id: str
    endpoint: str
    sysid: int = 1
    speaker_id: str | None = None


@dataclass(frozen=True, slots=True)
class OnceOptions:
    """What to carry out, and with what."""

    plan: Plan
    vehicles: tuple[VehicleChoice, ...]
    site_file: Path | None
    authority: str | None
    simulated: bool
    when_held: WhenHeld = WhenHeld.WAIT


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to show, how fast, and how.

    ``mosquitto`` None: where it is installed; False: the in-process broker.
    """

    mission_id: str
    brief: Brief
    clip_dir: Path
    speedup: float
    launch: bool = True
    mosquitto: bool | None = None
    time_limit_s: float = 10.0
    when_held: WhenHeld = WhenHeld.HOME
