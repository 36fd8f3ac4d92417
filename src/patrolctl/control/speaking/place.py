"""The gate for what is said outside of a plan: where a vehicle is, now."""

from patrolctl.control.announcing.library import Library
from patrolctl.control.gate import Gate
from patrolctl.control.vehicles.member import Member
from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import Conflict, GateRefused, NotFound
from patrolctl.domain.ids import VehicleId
from patrolctl.domain.machines import ROVER_SPEAKER_UP_M, VehicleKind
from patrolctl.domain.site import Site
from patrolctl.geo import LatLon


def brief_of(library: Library, vehicle_id: VehicleId) -> Brief:
    """The mission that a vehicle belongs to; raises NotFound."""
    for brief in library.briefs.values():
        if any(entry.id == vehicle_id for entry in brief.fleet):
            return brief
    raise NotFound("mission of vehicle", vehicle_id)


def spot_of(member: Member, site: Site) -> tuple[float, float, float]:
    """Where its loudspeaker is, in site ENU.

    Raises:
        Conflict: nobody knows where the vehicle is.
    """
    sample = member.telemetry
    if sample.lat_deg is None or sample.lon_deg is None:
        raise Conflict("its position is not known, so its level cannot be judged")
    east, north = site.frame.point_en(
        LatLon(lat_deg=sample.lat_deg, lon_deg=sample.lon_deg)
    )
    if member.entry.kind is VehicleKind.ROVER:
        return east, north, ROVER_SPEAKER_UP_M
    if sample.up_m is None:
        raise Conflict("its height is not known, so its level cannot be judged")
    return east, north, sample.up_m


async def insist_here(member: Member, library: Library, gate: Gate) -> None:
    """Whether this vehicle may sound now, where it is.

    Raises:
        GateRefused: quiet hours, or too loud for who is near.
        Conflict: it has no loudspeaker, or nobody knows where it is.
    """
    if member.speaker is None:
        raise Conflict("it has no loudspeaker")
    brief = brief_of(library, member.entry.id)
    found = await gate.spot_violations(
        member.entry,
        brief.site,
        spot_of(member, brief.site),
        brief.requirement.max_level_db,
    )
    if found:
        raise GateRefused(found)
