"""Gaps that nobody has acknowledged are told of again, until somebody has."""

import logging

from patrolctl.clock import Clock
from patrolctl.control.aftermath.alerts import Bulletin
from patrolctl.control.aftermath.gaps import Policy, offer
from patrolctl.domain.alerts import Alert, AlertKind, AlertLevel
from patrolctl.domain.errors import PatrolError
from patrolctl.domain.gaps import FollowUp, Gap, GapState, Rerun
from patrolctl.ports import AftermathStore

log = logging.getLogger(__name__)

ROUND_S = 15.0
MOST = 1000


class Reminders:
    """Looks at the open gaps of all sites.

    The number of a reminder follows from the time, and an alert of one id is
    pushed once: restarts and several nodes remind nobody twice.

    Args:
        store: the gaps.
        bulletin: pushes alerts.
        clock: time.
        policy: what is done with a schedule's gaps.
        habits: how often.
    """

    def __init__(
        self,
        store: AftermathStore,
        bulletin: Bulletin,
        clock: Clock,
        *,
        policy: Policy = offer,
        habits: FollowUp | None = None,
    ) -> None:
        self._store = store
        self._bulletin = bulletin
        self._clock = clock
        self._policy = policy
        self._habits = habits or FollowUp()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except PatrolError as e:
                log.warning("nobody could be reminded of gaps: %s", e)
            await self._clock.sleep(ROUND_S)

    async def look(self) -> None:
        """Remind of each that is due."""
        for gap in await self._store.gaps(state=GapState.OPEN, limit=MOST):
            age_s = (self._clock.utc() - gap.opened_utc).total_seconds()
            number = int(age_s // self._habits.remind_s)
            if number >= 1 and not await self._is_off(gap):
                await self._bulletin.alert(self._alert(gap, number))

    async def _is_off(self, gap: Gap) -> bool:
        if gap.schedule_id is None:
            return False
        return await self._policy(gap.schedule_id) is Rerun.OFF

    def _alert(self, gap: Gap, number: int) -> Alert:
        open_min = number * self._habits.remind_s / 60.0
        missing = gap.missing
        return Alert(
            id=f"{AlertKind.GAP_REMINDER}-{gap.id}-{number}",
            ts_utc=self._clock.utc(),
            site_id=gap.site_id,
            kind=AlertKind.GAP_REMINDER,
            level=AlertLevel.NOTICE,
            text=(
                f"for {open_min:.0f} min nobody has acknowledged that {gap.id} missed"
                f" {len(missing.receivers)} receivers of {len(missing.households)}"
                " households"
            ),
            run_id=gap.id,
        )
