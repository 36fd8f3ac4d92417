"""What must be so for a launch: weather, daylight, airspace that is closed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Daylight(StrEnum):
    """Whether flights need daylight, and until when it counts as day.

    ``CIVIL`` ends with civil twilight, the sun 6° below the horizon; ``SUN``
    with sunset, the sun's upper limb at the horizon (0.833° below).
    """

    OFF = "off"
    ADVISE = "advise"
    CIVIL = "civil"
    SUN = "sun"


class Condition(StrEnum):
    """The rules by name, as violations and settings have them."""

    QUIET_HOURS = "quiet-hours"
    AUTHORITY = "authority"
    WIND = "wind"
    RAIN = "rain"
    WEATHER_UNKNOWN = "weather-unknown"
    DAYLIGHT = "daylight"
    NO_FLY_NOTICE = "no-fly-notice"
    AIRSPACE = "airspace"
    DISK = "disk"


# Nobody may set these aside at a launch: the residents' quiet, closed airspace,
# other vehicles in it, and a disk on which what happens could not be recorded.
NEVER_OVERRIDDEN = frozenset(
    {
        Condition.QUIET_HOURS,
        Condition.NO_FLY_NOTICE,
        Condition.AIRSPACE,
        Condition.DISK,
    }
)


@dataclass(frozen=True, slots=True)
class ConditionRules:
    """What the operator of the service demands.

    ``wind_ratio`` is the share of a copter's rated wind up to which it may
    fly (safety-security: refuse above 70 %), ``rain_mm_h`` the rain up to
    which it may. A report older than ``weather_max_age_s`` counts as none;
    ``weather_required`` refuses where there is none. ``overridable`` are the
    conditions that an operator may set aside with a reason.
    ``turnaround_s`` is how long a battery change or charge takes, and
    ``talk_over_m`` how near two announcements at the same time disturb each
    other; both are for conflicts between schedules. ``min_free_bytes`` must
    be free on the disk before anything is launched.
    """

    wind_ratio: float = 0.7
    rain_mm_h: float = 0.0
    weather_url: str | None = None
    weather_max_age_s: float = 1800.0
    weather_required: bool = False
    daylight: Daylight = Daylight.ADVISE
    authority_required: bool = False
    overridable: frozenset[Condition] = frozenset()
    turnaround_s: float = 600.0
    talk_over_m: float = 250.0
    min_free_bytes: int = 200_000_000


@dataclass(frozen=True, slots=True)
class Weather:
    """Weather at a place and moment; None: not known.

    ``source`` says who told: a person, a service or a vehicle.
    """

    ts_utc: datetime
    source: str
    wind_m_s: float | None = None
    gust_m_s: float | None = None
    wind_from_deg: float | None = None
    rain_mm_h: float | None = None


@dataclass(frozen=True, slots=True)
class NoFlyNotice:
    """Airspace that is closed for a time.

    ``ring`` are (longitude, latitude) corners in degrees, as in GeoJSON;
    heights are metres above ground.
    """

    id: str
    name: str
    ring: tuple[tuple[float, float], ...]
    from_utc: datetime
    until_utc: datetime
    bottom_m: float = 0.0
    top_m: float = 1.0e4
    reason: str | None = None
    added_by: str | None = None

    def in_force(self, from_utc: datetime, until_utc: datetime) -> bool:
        """Whether it holds at any moment of a span."""
        return self.from_utc <= until_utc and from_utc < self.until_utc
