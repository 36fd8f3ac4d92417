"""What ``mission.toml`` may say. Ranges are limits of sense, not of taste."""

import re
from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from patrolctl.domain.brief import MissedPolicy
from patrolctl.domain.errors import InputError
from patrolctl.domain.gaps import Rerun
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.plan import Passes, PlanKind, Window
from patrolctl.durable import rule_text

_LANG = re.compile(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
_ENDPOINT = re.compile(
    r"^(tcp|udp|udpin):(\[[0-9a-fA-F:]+\]|[^\s:\[\]]+):(\d{1,5})$"
    r"|^serial:(/dev/[^\s:]+|COM\d+):(\d{3,7})$"
)


_SERIAL = "^[A-Za-z0-9]{8,40}$"


class Table(BaseModel):
    """A TOML table: nothing unknown, nothing converted, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def _id(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,59}", value):
        msg = (
            f"is {value[:60]!r}; 1 to 60 letters, digits, '-', '_' or '.': it names "
            "topics and files"
        )
        raise ValueError(msg)
    return value


def _lang(value: str) -> str:
    if not _LANG.match(value):
        msg = f"is {value!r}; a BCP 47 language such as zh, yue or en"
        raise ValueError(msg)
    return value


def _spoken(value: str) -> str:
    text = " ".join(value.split())
    if not text:
        msg = "is empty; what is to be said"
        raise ValueError(msg)
    return text


def _endpoint(value: str) -> str:
    match = _ENDPOINT.match(value)
    port = match[3] if match else None
    if match is None or (port is not None and not 0 < int(port) < 65536):
        msg = (
            f"is {value!r}; tcp:host:port, udp:host:port, udpin:host:port or "
            "serial:/dev/…:baud"
        )
        raise ValueError(msg)
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"is {value!r}; an IANA time zone such as Asia/Shanghai"
        raise ValueError(msg) from None
    return value


def _rrule(value: str) -> str:
    try:
        return rule_text(value)
    except InputError as e:
        fault = e.faults[0]
        msg = f"{fault.what}; {fault.right}" if fault.right else fault.what
        raise ValueError(msg) from None


def _local(value: datetime) -> datetime:
    if value.tzinfo is not None:
        msg = "has an offset; a local time such as 2026-01-05T09:00:00, in time_zone"
        raise ValueError(msg)
    return value


Id = Annotated[str, AfterValidator(_id)]
Hz8 = Annotated[list[Annotated[float, Field(ge=0, le=60)]], Field(min_length=8)]


class TextTable(Table):
    """``[[announcement.text]]``."""

    lang: Annotated[str, AfterValidator(_lang)] = Field(
        description="a BCP 47 language such as zh, yue or en"
    )
    text: Annotated[str, Field(max_length=2000), AfterValidator(_spoken)] = Field(
        description="what is to be said"
    )


class AnnouncementTable(Table):
    """``[[announcement]]``."""

    id: Id = Field(description="a short name")
    text: list[TextTable] = Field(
        min_length=1, description="[[announcement.text]] with lang and text"
    )
    repeats: int = Field(default=1, ge=1, le=20)
    chime: bool = True
    pause_s: float = Field(default=0.6, ge=0, le=30)
    rate_wpm: int | None = Field(default=None, ge=60, le=400)
    voice: str | None = Field(default=None, max_length=100)
    duration_s: float | None = Field(default=None, gt=0, le=600)


class ProfileTable(Table):
    """``[vehicle.profile]``: what differs from the kind's defaults."""

    cruise_m_s: float | None = Field(default=None, gt=0, le=40)
    climb_m_s: float | None = Field(default=None, ge=0, le=20)
    descent_m_s: float | None = Field(default=None, ge=0, le=20)
    accel_m_s2: float | None = Field(default=None, gt=0, le=20)
    yaw_rate_deg_s: float | None = Field(default=None, gt=0, le=360)
    endurance_s: float | None = Field(default=None, ge=60, le=7 * 86400)
    ceiling_m: float | None = Field(default=None, ge=0, le=1000)
    return_altitude_m: float | None = Field(default=None, ge=0, le=1000)
    position_error_m: float | None = Field(default=None, ge=0, le=50)
    cruise_power_ratio: float | None = Field(default=None, gt=0, le=5)
    climb_power_ratio: float | None = Field(default=None, gt=0, le=5)
    rated_wind_m_s: float | None = Field(default=None, gt=0, le=60)


class SpeakerTable(Table):
    """``[vehicle.speaker]``; ``dji``: behind DJI's Cloud API."""

    id: Id = Field(description="the speaker's name in topics")
    kind: Literal["agent", "dji"] = "agent"
    gateway_sn: Annotated[str, Field(pattern=_SERIAL)] | None = None
    device_sn: Annotated[str, Field(pattern=_SERIAL)] | None = None
    psdk_index: Annotated[int, Field(ge=0, le=9)] | None = None
    level_1m_db: float | None = Field(default=None, ge=60, le=160)
    crest_db: float | None = Field(default=None, ge=0, le=30)
    tilt_deg: float | None = Field(default=None, ge=-90, le=90)
    directivity_deg: list[Annotated[float, Field(ge=0, le=180)]] | None = None
    directivity_db: list[Hz8] | None = None
    noise_1m_db: float | None = Field(default=None, ge=0, le=140)


class VehicleTable(Table):
    """``[[vehicle]]``."""

    id: Id = Field(description="a short name")
    kind: Annotated[VehicleKind, Field(strict=False)] = Field(
        description="copter or rover"
    )
    endpoint: Annotated[str, AfterValidator(_endpoint)] | None = None
    sysid: int | None = Field(default=None, ge=1, le=254)
    uid: int | None = Field(default=None, ge=0)
    autopilot: Literal["ardupilot", "px4"] = "ardupilot"
    launch: str | None = None
    signing_key_file: str | None = None
    profile: ProfileTable = ProfileTable()
    speaker: SpeakerTable | None = None


class RequirementTable(Table):
    """``[requirement]``: what differs from the defaults."""

    sti_min: float | None = Field(default=None, gt=0, lt=1)
    window: Annotated[Window, Field(strict=False)] | None = None
    indoor_noise_db: float | None = Field(default=None, ge=0, le=100)
    outdoor_noise_db: float | None = Field(default=None, ge=0, le=110)
    receiver_spacing_m: float | None = Field(default=None, ge=1, le=100)
    max_level_db: float | None = Field(default=None, ge=50, le=140)
    standoff_m: float | None = Field(default=None, ge=1, le=200)
    reserve_ratio: float | None = Field(default=None, ge=0, lt=1)
    zone: str | None = None
    passes: Annotated[Passes, Field(strict=False)] | None = None


class ScheduleTable(Table):
    """``[[schedule]]``."""

    id: Id = Field(description="a short name")
    announcement: str = Field(description="the id of an announcement")
    work: list[Annotated[PlanKind, Field(strict=False)]] = Field(
        min_length=1, description='["drone"], ["loop"] or both'
    )
    rrule: Annotated[str, AfterValidator(_rrule)] = Field(
        description="an RFC 5545 rule such as FREQ=DAILY"
    )
    start: Annotated[datetime, AfterValidator(_local)] = Field(
        description="the first local time, such as 2026-01-05T09:00:00"
    )
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    also: list[Annotated[datetime, AfterValidator(_local)]] = []
    except_dates: list[date] = []
    except_times: list[Annotated[datetime, AfterValidator(_local)]] = []
    holidays: list[str] = []
    missed: Annotated[MissedPolicy, Field(strict=False)] = MissedPolicy.RUN_LATE
    title: str | None = Field(default=None, max_length=200)
    late_s: float = Field(default=300.0, ge=0, le=86400)
    rerun: Annotated[Rerun, Field(strict=False)] = Rerun.OFFER
    authority: str | None = Field(default=None, max_length=300)
    enabled: bool = True


class HolidaysTable(Table):
    """``[[holidays]]``: a named list of days, here or in a calendar file."""

    name: Id = Field(description="a short name")
    dates: list[date] = []
    file: str | None = Field(default=None, min_length=1, max_length=200)


class MissionFile(Table):
    """All of ``mission.toml``."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    note: str | None = None
    announcement: list[AnnouncementTable] = Field(
        min_length=1,
        description="at least one [[announcement]] with an id and a text",
    )
    vehicle: list[VehicleTable] = []
    requirement: RequirementTable = RequirementTable()
    schedule: list[ScheduleTable] = []
    holidays: list[HolidaysTable] = []
