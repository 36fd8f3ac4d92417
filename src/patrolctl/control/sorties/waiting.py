"""A sortie that waits on the ground until the operator says how it goes on."""

import asyncio
from dataclasses import dataclass

from patrolctl.control.sorties.job import Crew, SortieJob, Told, tell
from patrolctl.domain.errors import Conflict
from patrolctl.domain.run import Part, Phase


class Recalled(Conflict):
    """The sortie will not (or not any more) be flown, with the reason."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Why it waits, and what will be flown when it may.

    ``battery``: a fresh one is what it waits for. ``part`` None: the part
    that is recorded already.
    """

    why: str
    battery: bool = False
    part: Part | None = None


async def until_told(
    job: SortieJob, crew: Crew, waits: Waits, told: asyncio.Event
) -> None:
    """Wait, HELD, until the operator resumes.

    Raises:
        Recalled: nobody did in time.
    """
    member, limits = crew.member, crew.limits
    state = Told(phase=Phase.HELD, waits=waits.why, part=waits.part, launching=False)
    await tell(job, crew, f"waits for the operator: {waits.why}", state)
    member.wants_battery = waits.battery
    try:
        async with crew.clock.timeout(limits.battery_s):
            await told.wait()
    except TimeoutError:
        why = f"{waits.why}; nobody resumed it in {limits.battery_s / 60:.0f} min"
        raise Recalled(why) from None
    finally:
        member.wants_battery = False
    await tell(job, crew, "goes on", Told(waits=""))
