"""What households got to hear in a day, and how much they may."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from patrolctl.domain.ids import RunId

DAY_S = 86_400.0


class Excess(StrEnum):
    """What becomes of a plan that would exceed a household's cap."""

    REFUSE = "refuse"
    THIN = "thin"


class ExposureSource(StrEnum):
    """What it was that people heard."""

    RUN = "run"
    URGENT = "urgent"
    TALK = "talk"


@dataclass(frozen=True, slots=True)
class ExposureCaps:
    """Per household and calendar day in the site's time zone.

    ``laeq_24h_db`` is before the façade, of our announcements alone: WHO
    Guidelines for Community Noise (1999), table 1, gives 70 dB for 24 h
    outdoors, below which hearing is not impaired (so does EPA 550/9-74-004).
    No standard states a number of repetitions: 24 is this project's default,
    eight flights of which each is heard from three of its stops.
    """

    laeq_24h_db: float = 70.0
    repeats: int = 24
    excess: Excess = Excess.REFUSE


@dataclass(frozen=True, slots=True)
class HouseholdDose:
    """One household's share of one run (or of a plan, before it).

    ``energy`` is the A-weighted sound exposure at its loudest window, in
    seconds at 0 dB; ``repeats`` how often somebody spoke to be heard there
    (``AUDIBLE_DB`` or more before the window, understood or not).
    """

    household: str
    energy: float
    repeats: int
    loudest_db: float


@dataclass(frozen=True, slots=True)
class RunExposure:
    """What a run gave to the households of a site on one day.

    An urgent announcement and a talk are entered like a run, under ids of
    their own; ``source`` tells them apart.
    """

    run_id: RunId
    site_id: str
    day: date
    doses: tuple[HouseholdDose, ...]
    source: ExposureSource = ExposureSource.RUN


@dataclass(frozen=True, slots=True)
class HouseholdDay:
    """A household's day so far, against its caps.

    ``spoken`` is how often it was spoken to outside of runs: urgent
    announcements and live talk.
    """

    household: str
    laeq_24h_db: float
    repeats: int
    loudest_db: float
    runs: int
    spoken: int = 0


@dataclass(frozen=True, slots=True)
class ExposureDay:
    """A site's day: only households that heard something.

    ``spoken`` counts urgent announcements and talks, vehicle by vehicle.
    """

    site_id: str
    day: date
    caps: ExposureCaps
    runs: int
    households: tuple[HouseholdDay, ...]
    spoken: int = 0
