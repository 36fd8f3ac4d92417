"""The tables of ``mission.toml`` as the domain's objects."""

from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from patrolctl.config.models import (
    AnnouncementTable,
    ScheduleTable,
    SpeakerTable,
    VehicleTable,
)
from patrolctl.domain.brief import Schedule
from patrolctl.domain.ids import AnnouncementId, ScheduleId, SpeakerId, VehicleId
from patrolctl.domain.machines import (
    DjiAddress,
    FleetVehicle,
    SpeakerProfile,
    VehicleKind,
    VehicleProfile,
)
from patrolctl.domain.site import Site
from patrolctl.domain.sound import Announcement, Utterance


def announcement_of(table: AnnouncementTable) -> Announcement:
    """An announcement as the mission says it."""
    return Announcement(
        id=AnnouncementId(table.id),
        utterances=tuple(Utterance(t.lang, t.text) for t in table.text),
        repeats=table.repeats,
        chime=table.chime,
        pause_s=table.pause_s,
        rate_wpm=table.rate_wpm,
        voice=table.voice,
        stated_duration_s=table.duration_s,
    )


def fleet_of(
    tables: list[VehicleTable],
) -> tuple[tuple[FleetVehicle, ...], tuple[str, ...]]:
    """The fleet, and the lines that tell of a default taken."""
    if tables:
        return tuple(_vehicle(t, i) for i, t in enumerate(tables, start=1)), ()
    drone = default_drone()
    return (drone,), (drone_line(drone),)


def _vehicle(table: VehicleTable, number: int) -> FleetVehicle:
    kind = table.kind
    profile = replace(VehicleProfile.default_for(kind), **given(table.profile))
    return FleetVehicle(
        id=VehicleId(table.id),
        kind=kind,
        endpoint=table.endpoint,
        sysid=table.sysid or number,
        uid=table.uid,
        autopilot=table.autopilot,
        launch=table.launch,
        profile=profile,
        speaker_id=SpeakerId(table.speaker.id) if table.speaker else None,
        speaker=_speaker(table.speaker),
        signing_key_file=table.signing_key_file,
        speaker_dji=_dji(table.speaker),
    )


def _dji(table: SpeakerTable | None) -> DjiAddress | None:
    if table is None or table.gateway_sn is None or table.device_sn is None:
        return None
    address = DjiAddress(table.gateway_sn, table.device_sn)
    if table.psdk_index is None:
        return address
    return replace(address, psdk_index=table.psdk_index)


def _speaker(table: SpeakerTable | None) -> SpeakerProfile:
    if table is None:
        return SpeakerProfile()
    values = given(table)
    for driver in ("id", "kind", "gateway_sn", "device_sn", "psdk_index"):
        values.pop(driver, None)
    if table.directivity_db is not None:
        values["directivity_db"] = tuple(tuple(row) for row in table.directivity_db)
        values["directivity_deg"] = tuple(table.directivity_deg or ())
    return replace(SpeakerProfile(), **values)


def schedule_of(table: ScheduleTable, site: Site) -> Schedule:
    """A schedule; its time zone is the site's unless it says one."""
    return Schedule(
        id=ScheduleId(table.id),
        announcement=AnnouncementId(table.announcement),
        work=tuple(dict.fromkeys(table.work)),
        rrule=table.rrule,
        start_local=table.start,
        time_zone=table.time_zone or site.time_zone,
        except_dates=tuple(table.except_dates),
        late_s=table.late_s,
        rerun=table.rerun,
        authority=table.authority,
        enabled=table.enabled,
        also_local=tuple(table.also),
        except_times=tuple(table.except_times),
        holidays=tuple(table.holidays),
        missed=table.missed,
        title=table.title,
    )


def given(table: BaseModel) -> dict[str, Any]:
    """The values that the file really sets, over the defaults of the domain."""
    return {k: v for k, v in table.model_dump().items() if v is not None}


def default_drone() -> FleetVehicle:
    """The drone of a mission without a fleet."""
    return FleetVehicle(
        id=VehicleId("drone-1"),
        kind=VehicleKind.COPTER,
        sysid=1,
        speaker_id=SpeakerId("speaker-1"),
    )


def drone_line(drone: FleetVehicle) -> str:
    """Tells of the default drone."""
    return (
        f"fleet: one drone with a {drone.speaker.level_1m_db:.0f} dB speaker and "
        f"{drone.profile.endurance_s / 60:.0f} min of endurance"
    )


def default_rover() -> FleetVehicle:
    """The patrol vehicle of a bare site that has roads."""
    return FleetVehicle(
        id=VehicleId("rover-1"),
        kind=VehicleKind.ROVER,
        sysid=2,
        profile=VehicleProfile.default_for(VehicleKind.ROVER),
        speaker_id=SpeakerId("speaker-2"),
    )
