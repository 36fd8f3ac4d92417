"""Which vehicle does which sortie."""

from collections.abc import Mapping

from patrolctl.control.vehicles.fleet import Fleet
from patrolctl.domain.errors import Conflict, InputError
from patrolctl.domain.ids import SortieId, VehicleId
from patrolctl.domain.plan import Sortie


def assign(
    sorties: tuple[Sortie, ...],
    chosen: Mapping[str, str],
    fleet: Fleet,
    busy: frozenset[VehicleId],
) -> dict[SortieId, VehicleId]:
    """A vehicle for every sortie.

    The operator's choice first, then the plan's own vehicle, then the free
    vehicles of the kind in turn.

    Raises:
        InputError: an unknown sortie or vehicle, or one of another kind.
        Conflict: a vehicle is busy, or there is none for a sortie.
    """
    known = {s.id for s in sorties}
    if strangers := sorted(set(chosen) - known):
        raise InputError.one("vehicles", f"the plan has no sortie {strangers[0]}")
    result: dict[SortieId, VehicleId] = {}
    turn: dict[str, int] = {}
    for sortie in sorties:
        named = chosen.get(sortie.id) or sortie.vehicle
        if named is None:
            free = [
                m.entry.id
                for m in fleet.members
                if m.entry.kind is sortie.vehicle_kind and m.entry.id not in busy
            ]
            if not free:
                raise Conflict(f"no free {sortie.vehicle_kind} for sortie {sortie.id}")
            count = turn.get(sortie.vehicle_kind, 0)
            turn[sortie.vehicle_kind] = count + 1
            named = free[count % len(free)]
        entry = fleet.member(VehicleId(named)).entry
        if entry.kind is not sortie.vehicle_kind:
            raise InputError.one(
                f"sortie {sortie.id}",
                f"{entry.id} is a {entry.kind}",
                f"it needs a {sortie.vehicle_kind}",
            )
        if entry.id in busy:
            raise Conflict(f"{entry.id} is busy with another run")
        result[sortie.id] = entry.id
    return result
