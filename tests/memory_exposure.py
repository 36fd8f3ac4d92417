"""The ledger of exposure over a dictionary, and the alerts that it told."""

import asyncio
from datetime import date

from patrolctl.clock import ManualClock
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.exposure import Ledger
from patrolctl.control.speaking.exposed import Spoken
from patrolctl.domain.alerts import Alert
from patrolctl.domain.errors import StoreFailed
from patrolctl.domain.exposure import ExposureCaps, RunExposure
from patrolctl.domain.ids import RunId


class MemoryExposure:
    """The AftermathStore port's part for exposure; ``broken`` makes it fail.

    ``saved`` is every write in its order.
    """

    def __init__(self) -> None:
        self.entries: dict[RunId, RunExposure] = {}
        self.saved: list[RunExposure] = []
        self.alerts: list[Alert] = []
        self.broken: str | None = None
        self.entered = asyncio.Event()

    async def save_exposure(self, exposure: RunExposure) -> None:
        if self.broken:
            raise StoreFailed(self.broken)
        self.entries[exposure.run_id] = exposure
        self.saved.append(exposure)
        self.entered.set()

    async def exposures(self, site_id: str, day: date) -> tuple[RunExposure, ...]:
        return tuple(
            e for e in self.entries.values() if (e.site_id, e.day) == (site_id, day)
        )

    async def tell(self, alert: Alert) -> None:
        if alert.id not in {a.id for a in self.alerts}:
            self.alerts.append(alert)

    def ledger(self, clock: ManualClock, caps: ExposureCaps | None = None) -> Ledger:
        return Ledger(self, clock, caps or ExposureCaps())

    def spoken(
        self, library: Library, clock: ManualClock, caps: ExposureCaps | None = None
    ) -> Spoken:
        return Spoken(self.ledger(clock, caps), library, clock, self.tell)
