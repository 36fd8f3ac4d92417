"""Airspace that is closed while vehicles are out: each is told at once.

The gate looks before a launch and a resume; here it is looked once a second
at what flies. A copter whose way leads into closed airspace comes home if the
way home is clear of it, and else holds and asks. It is told like by an
operator: recorded first, then done. Patrol vehicles drive below it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from patrolctl.clock import Clock
from patrolctl.control.conditions.notices import Notices
from patrolctl.control.execute import Execution
from patrolctl.control.live.hosting import TaskHost
from patrolctl.control.running.active import ActiveRun
from patrolctl.control.running.runs import Runs
from patrolctl.control.running.verbs import RunVerb
from patrolctl.domain.alerts import Alert, AlertKind, AlertLevel
from patrolctl.domain.errors import PatrolError
from patrolctl.domain.machines import VehicleKind
from patrolctl.domain.mission import Mission
from patrolctl.domain.site import Site
from patrolctl.domain.telemetry import Telemetry
from patrolctl.geo import LatLon
from patrolctl.ports import Store
from patrolctl.safety.ahead import Position, Turn, Verdict, ahead_of, judge

log = logging.getLogger(__name__)

ROUND_S = 1.0
AGAIN_S = 5.0  # one that did not obey, or was sent on by a pilot, is told again
ACTOR = "service"
# Wind, holds and messages said twice take longer than the gate reckons.
SLOW = 1.5
SPARE_S = 60.0
TellAll = Callable[[Alert], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be done with one sortie, and what for.

    ``verb`` None: nothing can be, or it holds already; it is only told.
    """

    verdict: Verdict
    verb: RunVerb | None
    text: str


class Closures:
    """Looks after what flies.

    Args:
        runs: who flies.
        notices: what is closed.
        store: the audit log.
        clock: time.
        tell_all: pushes an alert.
    """

    def __init__(
        self,
        runs: Runs,
        notices: Notices,
        store: Store,
        clock: Clock,
        tell_all: TellAll,
    ) -> None:
        self._runs = runs
        self._notices = notices
        self._store = store
        self._clock = clock
        self._tell_all = tell_all
        self._host = TaskHost()
        self._busy: set[str] = set()
        self._told: set[tuple[str, ...]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Closures"]:
        """Look for as long as the context lasts."""
        async with self._host.open():
            self._host.start(self._look_on(), "closures")
            yield self

    async def _look_on(self) -> None:
        while True:
            self.look()
            await self._clock.sleep(ROUND_S)

    def look(self) -> None:
        """Begin to look at each; one that does not answer delays no other."""
        for active, execution in self._runs.flying:
            member = execution.crew.member
            if member.entry.kind is VehicleKind.COPTER and not self._is_busy(execution):
                self._busy.add(member.entry.id)
                look = self._look_at(active, execution)
                self._host.start(look, f"closures-{member.entry.id}")

    def _is_busy(self, execution: Execution) -> bool:
        return execution.crew.member.entry.id in self._busy

    async def _look_at(self, active: ActiveRun, execution: Execution) -> None:
        try:
            found = await self._judge(active, execution)
            if found is not None:
                await self._act(active, execution, found)
        except PatrolError as e:
            log.warning("closed airspace: %s", e, extra={"run": active.state.id})
        except Exception:
            # One sortie's defect must not end the looking after the others.
            log.exception("closed airspace", extra={"run": active.state.id})
        finally:
            self._busy.discard(execution.crew.member.entry.id)

    # -- what is to be done

    async def _judge(self, active: ActiveRun, execution: Execution) -> Found | None:
        site, mission = execution.job.site, execution.mission
        sample = execution.crew.member.telemetry
        if mission is None or sample.lat_deg is None or not sample.armed:
            return None
        if not self._notices.within(site, timedelta(days=1)):
            return None
        verdict = await asyncio.to_thread(self._verdict, active, execution, mission)
        if verdict.turn is Turn.GO_ON:
            return None
        return _found(verdict, sample)

    def _verdict(
        self, active: ActiveRun, execution: Execution, mission: Mission
    ) -> Verdict:
        member, site = execution.crew.member, execution.job.site
        at = _position(mission, site, member.telemetry)
        state = active.sortie(execution.job.sortie.id)
        if at is None:
            return Verdict(Turn.GO_ON)
        left = max(1, state.loops - state.loops_done)
        at = Position(at.here_m, at.seq, left)
        ahead = ahead_of(mission, site, member.entry.profile, at)
        return judge(
            ahead,
            self._notices.within(site, _span(ahead.way_s)),
            self._notices.within(site, _span(ahead.home_s)),
        )

    # -- doing it

    async def _act(self, active: ActiveRun, execution: Execution, found: Found) -> None:
        entry = execution.crew.member.entry
        run_id, sortie_id = active.state.id, execution.job.sortie.id
        key = (run_id, sortie_id, *found.verdict.areas)
        if found.verb is None and key in self._told:
            return
        self._told.add(key)
        problem = await active.direct(execution, found.verb, found.text)
        said = f"{entry.id}: {found.text}" + (f"; {problem}" if problem else "")
        await self._say(active, execution, said, f"{'-'.join(key)}-{found.verb}")
        await self._clock.sleep(AGAIN_S)

    async def _say(
        self, active: ActiveRun, execution: Execution, said: str, key: str
    ) -> None:
        await self._tell_all(
            Alert(
                id=f"airspace-{key}",
                ts_utc=self._clock.utc(),
                site_id=execution.job.site.id,
                kind=AlertKind.AIRSPACE,
                level=AlertLevel.URGENT,
                text=said,
                run_id=active.state.id,
                vehicle_id=execution.crew.member.entry.id,
            )
        )
        detail = f"run {active.state.id}: {said}"
        await self._store.audit(ACTOR, "closed airspace", detail)


def _span(time_s: float) -> timedelta:
    return timedelta(seconds=time_s * SLOW + SPARE_S)


def _position(mission: Mission, site: Site, sample: Telemetry) -> Position | None:
    if sample.lat_deg is None or sample.lon_deg is None or sample.up_m is None:
        return None
    at = LatLon(lat_deg=sample.lat_deg, lon_deg=sample.lon_deg)
    east, north = site.frame.point_en(at)
    up = sample.up_m + mission.home_amsl_m - site.ground_amsl_m
    return Position((east, north, up), sample.seq)


def _found(verdict: Verdict, sample: Telemetry) -> Found | None:
    """What a vehicle is told in the mode that it is in; None: it is let be."""
    why, purpose = verdict.why, sample.purpose
    asks = f"{why}; it holds: say return_home or land, or wait"
    if purpose in {"return", "land"}:
        return _on_its_way_down(verdict, sample, asks)
    if purpose is None:
        return Found(verdict, None, f"{why}; a pilot has it: not told anything")
    if verdict.turn is Turn.HOLD:
        return Found(verdict, None if purpose == "hold" else RunVerb.HOLD, asks)
    if purpose == "hold" and not verdict.inside:
        return Found(verdict, None, asks)
    return Found(verdict, RunVerb.RETURN_HOME, f"{why}; it comes home")


def _on_its_way_down(verdict: Verdict, sample: Telemetry, asks: str) -> Found | None:
    """A failsafe's return is let be: its battery may last for nothing else."""
    if verdict.turn is Turn.HOME:
        return None  # it comes home already, by a clear way
    if sample.purpose == "return" and sample.failsafe is None and not verdict.inside:
        return Found(verdict, RunVerb.HOLD, asks)
    return Found(verdict, None, f"{verdict.why}; it is on its way down: let be")
