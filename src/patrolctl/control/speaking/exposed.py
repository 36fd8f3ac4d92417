"""What is said outside of runs counts in the ledger of what people had to hear.

It is entered twice under one id: as soon as it sounds, for all that it may
become, and when it has ended, for what it was. A service that dies in between
has entered too much, never too little. Urgent announcements and talk are not
refused for it: whoever says them is told, and later plans find less left.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from patrolctl.clock import Clock
from patrolctl.clock.beside import running_beside
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.exposure import Ledger
from patrolctl.control.conditions.exposure import Spoken as Entry
from patrolctl.control.speaking.place import brief_of, spot_of
from patrolctl.control.vehicles.member import Member
from patrolctl.domain.alerts import Alert, AlertKind, AlertLevel
from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import PatrolError
from patrolctl.domain.exposure import ExposureSource
from patrolctl.domain.sound import Playback, PlaybackStatus
from patrolctl.domain.violation import Violation
from patrolctl.evidence import Spot, spoken_sounding

log = logging.getLogger(__name__)

LOOK_S = 1.0
SPOTS_MAX = 600
TellAll = Callable[[Alert], Awaitable[None]]


@dataclass(slots=True)
class Saying:
    """One loudspeaker that says something: what is known of it so far.

    ``order`` is what it belongs to: one alert is told of it, however many
    vehicles say it. ``length_s`` is of all ``times`` together.
    """

    id: str
    order: str
    source: ExposureSource
    member: Member
    begin_utc: datetime
    length_s: float
    times: int = 1
    spectrum_db: tuple[float, ...] | None = None
    sounded: bool = True
    spots: list[Spot] = field(default_factory=list)

    def was(self, length_s: float, times: int = 1) -> None:
        """It has ended; nothing sounded where it has no length."""
        self.length_s, self.times = length_s, max(1, times)
        self.sounded = length_s > 0.0

    def reported(self, outcome: Playback, once_s: float) -> None:
        """It has ended as the loudspeaker says."""
        if outcome.status is PlaybackStatus.REFUSED:
            self.was(0.0)
        elif outcome.end_utc is None:
            self.was(once_s)
        else:
            lasted = outcome.end_utc - outcome.start_utc
            self.was(lasted.total_seconds(), outcome.repeats_done)


class Spoken:
    """Enters it, and tells of households that have had more than their share.

    Args:
        ledger: where it is entered.
        library: the missions, for sites and how close windows are taken.
        clock: time.
        tell: pushes an alert.
    """

    def __init__(
        self, ledger: Ledger, library: Library, clock: Clock, tell: TellAll
    ) -> None:
        self._ledger = ledger
        self._library = library
        self._clock = clock
        self._tell = tell
        # What is entered first must not overtake what is entered last.
        self._order = asyncio.Lock()

    async def expect(self, sayings: Sequence[Saying]) -> tuple[Violation, ...]:
        """Enter what begins now, all of one order; what it exceeds.

        What cannot be entered is logged: nobody is kept from saying it.
        """
        for saying in sayings:
            self._look(saying)
        return await self._enter(sayings)

    @asynccontextmanager
    async def following(self, saying: Saying) -> AsyncIterator[None]:
        """Note where the vehicle is for as long as it speaks."""
        async with running_beside(self._follow(saying), f"spots-{saying.id}"):
            yield

    async def ended(self, saying: Saying) -> None:
        """Enter what it was in the end."""
        await self._enter([saying])

    async def _follow(self, saying: Saying) -> None:
        while len(saying.spots) < SPOTS_MAX:
            await self._clock.sleep(LOOK_S)
            self._look(saying)

    def _brief(self, saying: Saying) -> Brief:
        return brief_of(self._library, saying.member.entry.id)

    def _look(self, saying: Saying) -> None:
        try:
            place_m = spot_of(saying.member, self._brief(saying).site)
        except PatrolError:
            return  # where it was a moment ago is near enough
        heading_deg = saying.member.telemetry.heading_deg or 0.0
        saying.spots.append(Spot(place_m, heading_deg))

    async def _enter(self, sayings: Sequence[Saying]) -> tuple[Violation, ...]:
        at: dict[str, list[Saying]] = {}
        for saying in sayings:
            at.setdefault(self._brief(saying).site.id, []).append(saying)
        async with self._order:
            found = [await self._enter_at(mine) for mine in at.values()]
        return tuple(violation for some in found for violation in some)

    async def _enter_at(self, sayings: Sequence[Saying]) -> tuple[Violation, ...]:
        """Enter those of one site."""
        brief, order = self._brief(sayings[0]), sayings[0].order
        spacing_m = brief.requirement.receiver_spacing_m
        entries = [_entry(saying, spacing_m) for saying in sayings]
        try:
            found = await self._ledger.enter(entries, brief.site)
            for violation in found:
                await self._tell(self._alert(order, brief.site.id, violation))
        except PatrolError as e:
            log.warning("not in the ledger of exposure: %s: %s", order, e)
            return ()
        return found

    def _alert(self, order: str, site_id: str, violation: Violation) -> Alert:
        return Alert(
            id=f"exposure-{order}-{site_id}",
            ts_utc=self._clock.utc(),
            site_id=site_id,
            kind=AlertKind.EXPOSURE,
            level=AlertLevel.NOTICE,
            text=f"{order}: {violation.reason}",
        )


def _entry(saying: Saying, spacing_m: float) -> Entry:
    sounding = None
    if saying.sounded and saying.spots:
        sounding = spoken_sounding(
            saying.spots,
            saying.member.entry.speaker,
            saying.spectrum_db,
            length_s=saying.length_s,
            times=saying.times,
        )
    return Entry(saying.id, saying.source, saying.begin_utc, spacing_m, sounding)
