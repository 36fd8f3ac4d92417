"""After a restart: what the vehicle is really doing, and what follows.

Nothing here starts anything. A vehicle in the air is followed when it holds
the approved mission (read back), and held when that is not sure. One that
stands on the ground after a launch was written down is never launched again
by ourselves: it may have flown while nobody looked.
"""

import logging
from dataclasses import dataclass, replace

from patrolctl.control.sorties.cueing import Cueing
from patrolctl.control.sorties.job import Crew, SortieJob, Told, tell
from patrolctl.control.sorties.prepare import Prepared, compiled
from patrolctl.control.sorties.waiting import Recalled, Waits
from patrolctl.domain.errors import CommandFailed, LinkFailed, UploadFailed
from patrolctl.domain.machines import LinkState, VehicleKind
from patrolctl.domain.run import Part, Phase, SortieRun

log = logging.getLogger(__name__)

TRIES = 3
SETTLE_S = 15.0  # a copter that was armed and not started disarms within 10 s
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """How a sortie goes on.

    ``follow``: its vehicle is under way with this. ``waits``: the operator is
    asked. ``home``: it is over, all was said. None of them: it had not
    departed, and may now.
    """

    follow: Prepared | None = None
    waits: Waits | None = None
    home: str | None = None


def departed(was: SortieRun) -> bool:
    """Whether this part of the sortie was launched, as far as is recorded."""
    return was.departures >= (was.part.number if was.part else 1)


def may_be_under_way(was: SortieRun) -> bool:
    """Whether its vehicle may be moving by our doing."""
    return was.waits is None and (was.launching or departed(was))


async def find(job: SortieJob, crew: Crew, cueing: Cueing) -> Finding:
    """Look at the vehicle of a sortie that an earlier process left.

    Raises:
        Recalled: the vehicle was not heard for as long as one waits.
    """
    was = crew.sortie(job.sortie.id)
    await cueing.recall()
    await _until_heard(job, crew)
    armed = bool(crew.member.telemetry.armed)
    if was.waits is not None:
        return Finding(waits=Waits(was.waits))
    if armed and was.launching and not departed(was):
        armed = await _until_settled(crew)
    if armed and may_be_under_way(was):
        return Finding(follow=await _taken_up(job, crew, was))
    if armed:
        vehicle_id = crew.member.entry.id
        why = f"{vehicle_id} is armed, and this run did not launch it"
        return Finding(waits=Waits(why))
    if may_be_under_way(was):
        return await _on_the_ground(crew, cueing, was)
    return Finding()


async def _until_heard(job: SortieJob, crew: Crew) -> None:
    clock, member, limits = crew.clock, crew.member, crew.limits
    since_s, told = clock.monotonic_s(), False
    while not _known(crew):
        silent_s = clock.monotonic_s() - since_s
        if silent_s > limits.battery_s:
            why = f"{member.entry.id} was not heard for {silent_s:.0f} s; look for it"
            raise Recalled(why)
        if silent_s > limits.link_lost_s and not told:
            told = True
            text = f"the service was restarted and does not hear {member.entry.id}"
            await tell(job, crew, text, Told(phase=Phase.HELD))
        await clock.sleep(LOOK_S)


def _known(crew: Crew) -> bool:
    sample = crew.member.telemetry
    return (
        sample.link is LinkState.LIVE
        and None not in (sample.armed, sample.mode, sample.lat_deg)
        and (sample.on_ground is not None or not sample.armed)
    )


async def _until_settled(crew: Crew) -> bool:
    """A launch was interrupted: it sets off or disarms; whether it is armed."""
    deadline_s = crew.clock.monotonic_s() + SETTLE_S
    while crew.clock.monotonic_s() < deadline_s:
        sample = crew.member.telemetry
        if not sample.armed or sample.mission_active or not sample.on_ground:
            break
        await crew.clock.sleep(LOOK_S)
    sample = crew.member.telemetry
    rover = crew.member.entry.kind is VehicleKind.ROVER
    if sample.armed and rover and not sample.mission_active:
        await crew.member.vehicle.land()  # it never disarms by itself
        return False
    return bool(sample.armed)


async def _taken_up(job: SortieJob, crew: Crew, was: SortieRun) -> Prepared:
    """The vehicle is under way: its mission proved, and what was said obeyed."""
    prepared = await compiled(job, was.part)
    why = ""
    for _ in range(TRIES):
        try:
            receipt = await crew.member.vehicle.adopt(prepared.mission)
        except (UploadFailed, LinkFailed, CommandFailed) as e:
            why = e.what
            continue
        prepared = replace(prepared, receipt=receipt)
        break
    number = was.part.number if was.part else 1
    told = Told(launching=False, departures=number)
    if prepared.receipt is None:
        await _hold(job, crew, f"not sure that it flies the approved mission: {why}")
        await tell(job, crew, "say return_home or land", told)
        return prepared
    phase, text = await _obeyed(job, crew)
    await tell(job, crew, text, replace(told, phase=phase))
    return prepared


async def _obeyed(job: SortieJob, crew: Crew) -> tuple[Phase, str]:
    """See that it does what the operator said last; what it does now."""
    purpose, run = crew.member.telemetry.purpose, crew.run()
    name = crew.member.entry.id
    if purpose in {"return", "land"}:
        return Phase.RETURNING, f"the service is back: {name} is coming home"
    if run.held:
        if purpose != "hold":
            await _hold(job, crew, "it was to be held")
        return Phase.HELD, f"the service is back: {name} is held"
    if run.over is not None:
        return await _ended(crew, run.over)
    if purpose == "mission":
        return Phase.RUNNING, f"the service is back and follows {name}"
    why = f"the service is back: {name} is in mode {crew.member.telemetry.mode}"
    return Phase.HELD, f"{why}; resume goes on with its mission"


async def _ended(crew: Crew, over: str) -> tuple[Phase, str]:
    """Bring home (or down) what was told to come."""
    vehicle = crew.member.vehicle
    if over.startswith("land"):
        await vehicle.land()
    else:
        await vehicle.return_home()
    return Phase.RETURNING, f"the service is back: {over}"


async def _hold(job: SortieJob, crew: Crew, why: str) -> None:
    try:
        await crew.member.vehicle.hold()
    except (LinkFailed, CommandFailed) as e:
        why = f"{why}; it does not hold: {e.what}"
    await tell(job, crew, why, Told(phase=Phase.HELD))


async def _on_the_ground(crew: Crew, cueing: Cueing, was: SortieRun) -> Finding:
    """It stands disarmed, and a launch was written down."""
    name = crew.member.entry.id
    await crew.clock.sleep(crew.limits.recall_s)  # reports of what was played
    missing, names = cueing.book.missing, cueing.book.names
    if departed(was) and names and not missing:
        return Finding(home="came home while the service was away")
    part = None
    if not departed(was) and len(missing) == len(names):
        why = f"the service ended while it launched {name}, which stands disarmed"
    else:
        why = (
            f"{name} came home while the service was away,"
            f" {len(missing)} of {len(names)} messages not completed"
        )
        part = replace(
            was.part or Part(),
            number=max(was.departures, was.part.number if was.part else 1) + 1,
            laps=was.loops_done,
            cues_done=tuple(n for n in names if n not in missing),
        )
    return Finding(waits=Waits(f"{why}; resume flies what is missing", part=part))
