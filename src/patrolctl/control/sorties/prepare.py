"""A sortie on the ground: compiled, checked, clips cached, uploaded, ready."""

import asyncio
from dataclasses import dataclass, replace

from patrolctl.control.sorties.job import Crew, SortieJob, Told, insist, tell
from patrolctl.control.sorties.rest import rest_of
from patrolctl.domain.errors import LaunchRefused
from patrolctl.domain.mission import Mission, UploadReceipt
from patrolctl.domain.run import Part, Phase
from patrolctl.domain.sound import CueSheet
from patrolctl.planning.compile import compile_mission


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the vehicle holds, as it was read back; None: not read back yet.

    ``laps`` were done before this part of the sortie departed.
    """

    mission: Mission
    cues: CueSheet
    receipt: UploadReceipt | None = None
    laps: int = 0


async def compiled(job: SortieJob, part: Part | None) -> Prepared:
    """The mission of what is flown of a sortie; the same each time."""
    rest = rest_of(job.sortie, part)
    mission, cues = await asyncio.to_thread(compile_mission, job.plan, rest, job.site)
    return Prepared(mission, cues, laps=part.laps if part else 0)


async def prepare(job: SortieJob, crew: Crew) -> Prepared:
    """Everything before the launch.

    Raises:
        GateRefused: the compiled mission breaks a rule.
        VehicleError: the upload failed, or the speaker has not the clip.
    """
    prepared = await compiled(job, crew.sortie(job.sortie.id).part)
    mission, cues = prepared.mission, prepared.cues
    await insist(job, crew, mission)
    await tell(
        job,
        crew,
        "passed the safety gate",
        Told(phase=Phase.CHECKED, steps=len(mission.steps)),
    )
    await cache_clips(job, crew, cues)
    await fresh_battery(job, crew)
    receipt = await crew.member.vehicle.upload(mission)
    if receipt.digest != mission.digest():
        raise LaunchRefused(
            crew.member.entry.id, ("it holds another mission than the approved one",)
        )
    await tell(
        job,
        crew,
        f"uploaded to {crew.member.entry.id} and read back, {receipt.items} items",
        Told(phase=Phase.UPLOADED, digest=receipt.digest),
    )
    return replace(prepared, receipt=receipt)


async def cache_clips(job: SortieJob, crew: Crew, cues: CueSheet) -> None:
    """Have the speaker fetch every clip, and see that it has.

    Raises:
        LaunchRefused: no speaker, no such clip, or it was not fetched.
    """
    wanted = {c.clip_sha256 for c in cues.cues}
    if not wanted:
        return
    vehicle_id, speaker = crew.member.entry.id, crew.member.speaker
    if speaker is None:
        raise LaunchRefused(vehicle_id, ("it has no loudspeaker",))
    for sha256 in sorted(wanted):
        clip = job.clips.get(sha256)
        if clip is None:
            raise LaunchRefused(vehicle_id, (f"clip {sha256[:12]} is not rendered",))
        await speaker.prepare(clip)
    try:
        async with crew.clock.timeout(crew.limits.cache_s):
            while not wanted <= set(speaker.state.cached):
                await crew.clock.sleep(crew.member.pace.sample_s)
    except TimeoutError:
        reason = f"speaker {speaker.id} did not fetch the announcement"
        raise LaunchRefused(vehicle_id, (reason,)) from None


def battery_needed(job: SortieJob) -> float:
    """The charge that the sortie takes, with the reserve that must be left."""
    return min(1.0, job.sortie.energy_ratio + job.plan.requirement.reserve_ratio)


async def fresh_battery(job: SortieJob, crew: Crew) -> None:
    """Wait, on the ground, until the battery lasts for the sortie.

    Between two sorties of one vehicle this is the battery change.

    Raises:
        LaunchRefused: nobody changed it in time.
    """
    deadline_s = crew.clock.monotonic_s() + crew.limits.battery_s
    try:
        while (lack := _lack(job, crew)) is not None:
            if crew.clock.monotonic_s() > deadline_s:
                raise LaunchRefused(crew.member.entry.id, (lack,))
            if not crew.member.wants_battery:
                crew.member.wants_battery = True
                await tell(job, crew, f"waits for a battery: {lack}")
            await crew.clock.sleep(2.0)
    finally:
        crew.member.wants_battery = False


def _lack(job: SortieJob, crew: Crew) -> str | None:
    ratio = crew.member.telemetry.battery_ratio
    needed = battery_needed(job)
    if ratio is None:
        # After a battery change the autopilot boots: wait until it tells.
        return "its charge is not known" if crew.member.wants_battery else None
    if ratio >= needed - 0.01:  # a full battery reads 99 %
        return None
    return f"battery at {ratio:.0%}, the sortie needs {needed:.0%} with reserve"


async def until_ready(crew: Crew) -> None:
    """Wait until the vehicle says that it may launch.

    Raises:
        LaunchRefused: with its own reasons.
    """
    deadline_s = crew.clock.monotonic_s() + crew.limits.ready_s
    while reasons := await crew.member.vehicle.ready():
        if crew.clock.monotonic_s() > deadline_s:
            raise LaunchRefused(crew.member.entry.id, reasons)
        await crew.clock.sleep(1.0)
