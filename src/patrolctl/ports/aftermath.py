"""What is kept of runs after they have ended: gaps and exposure."""

from datetime import date
from typing import Protocol

from patrolctl.domain.alerts import Alert
from patrolctl.domain.exposure import RunExposure
from patrolctl.domain.gaps import Gap, GapHead, GapState
from patrolctl.domain.ids import RunId


class AftermathStore(Protocol):
    """The database's part for what runs leave behind.

    Every method raises StoreFailed when the database itself fails.
    """

    async def save_gap(self, gap: Gap) -> None:
        """Keep a gap as it is now."""
        ...

    async def gap(self, run_id: RunId) -> Gap:
        """The gap that a run opened.

        Raises:
            NotFound: it opened none.
        """
        ...

    async def gaps(
        self, *, state: GapState | None = None, limit: int = 200
    ) -> tuple[Gap, ...]:
        """Gaps of all sites, newest first; of one state, or all."""
        ...

    async def save_exposure(self, exposure: RunExposure) -> None:
        """Keep a run's exposure; again replaces it."""
        ...

    async def exposures(self, site_id: str, day: date) -> tuple[RunExposure, ...]:
        """What the runs of a site's day gave."""
        ...

    async def add_alert(self, alert: Alert) -> bool:
        """Keep an alert; False when one of its id is known already."""
        ...

    async def alerts(self, *, limit: int = 200) -> tuple[Alert, ...]:
        """Alerts, newest first."""
        ...

    async def mark_followed(self, run_id: RunId) -> None:
        """Keep that a run's evidence was followed up."""
        ...

    async def followed(self) -> frozenset[RunId]:
        """The runs whose evidence was followed up."""
        ...


class AlertPublisher(Protocol):
    """An outlet for what somebody should look at."""

    async def alert(self, alert: Alert) -> None:
        """One alert; queued and never dropped."""
        ...

    async def gap(self, head: GapHead) -> None:
        """A gap as it is now; kept for late subscribers until it is closed."""
        ...
