"""What a run missed is planned, flown and heard; and only that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from patrolctl.clock import ManualClock
from patrolctl.config import load_brief
from patrolctl.control.aftermath.alerts import Bulletin
from patrolctl.control.aftermath.gaps import Gaps, Shelf
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.exposure import Ledger
from patrolctl.control.live.broadcast import Broadcast
from patrolctl.control.live.feed import LiveFeed
from patrolctl.control.planning.planner import Planner
from patrolctl.control.planning.remaining import remaining_of
from patrolctl.control.running.runs import LaunchOrder
from patrolctl.domain.evidence import Evidence
from patrolctl.domain.exposure import ExposureCaps
from patrolctl.domain.gaps import FollowUp, GapDeed, GapState, Rerun
from patrolctl.domain.ids import PlanId, RunId
from patrolctl.domain.plan import PlanKind
from patrolctl.domain.run import Phase, RunState
from patrolctl.domain.sound import Clip
from patrolctl.store import SqlStore, open_store

pytestmark = pytest.mark.timeout(300)  # a planner's process on a busy machine
ROOT = Path(__file__).parents[3]
CLIP = Clip("c" * 64, "/nowhere.wav", duration_s=20.0, sample_rate_hz=22050)


class Voice:
    async def render(self, announcement: object) -> Clip:
        return CLIP


class FlownRuns:
    """Launches are flown at once, on the simulators' cores."""

    def __init__(self, store: SqlStore, mission: str, site, flight, world) -> None:
        self.proved: Broadcast[Evidence] = Broadcast()
        self.store = store
        self.world = world
        self.flown: dict[str, object] = {}
        self._fly = lambda plan, at, ids: flight(mission, site, plan, at, ids)

    async def state(self, run_id: RunId) -> RunState:
        return await self.store.run(run_id)

    async def launch(self, order: LaunchOrder) -> RunState:
        return await self.fly(order.plan_id, f"run-{len(self.flown) + 1}")

    async def fly(
        self,
        plan_id: PlanId,
        run_id: str,
        *,
        schedule_id: str | None = None,
        **more: object,
    ) -> RunState:
        plan = await self.store.plan(plan_id)
        at = self.world(**{"seed": len(self.flown), **more})
        flown = await asyncio.to_thread(self._fly, plan, at, (run_id, plan_id))
        self.flown[run_id] = flown
        when = flown.record.created_utc
        state = RunState(
            RunId(run_id), plan_id, when, Phase.FINISHED, ended_utc=when,
            schedule_id=schedule_id,
        )  # fmt: skip
        await self.store.save_run(state, None)
        await self.store.add_track(state.id, flown.record.tracks)
        for playback in flown.record.playbacks:
            await self.store.add_playback(state.id, playback)
        await self.store.save_evidence(flown.evidence)
        self.proved.send(flown.evidence)
        return state


@dataclass
class Yard:
    store: SqlStore
    runs: FlownRuns
    gaps: Gaps
    ledger: Ledger
    site: object

    async def until_closed(self, run_id: str) -> object:
        try:
            async with asyncio.timeout(200):
                while True:
                    # The alert is the last that is written.
                    told = {a.id for a in await self.store.aftermath.alerts()}
                    for gap in await self.store.aftermath.gaps():
                        if gap.id == run_id and f"gap_closed-{run_id}" in told:
                            assert gap.state is GapState.CLOSED
                            return gap
                    await asyncio.sleep(0.05)
        except TimeoutError:
            for gap in await self.store.aftermath.gaps():
                print([(s.deed, s.text) for s in gap.steps], gap.missing)
            raise


@pytest.fixture
def yard(sample, flight, world, tmp_path, monkeypatch):
    """``async with yard(mission, kind, policy) as y``."""
    monkeypatch.setattr("patrolctl.control.aftermath.gaps.PLAN_S", 2.0)

    @asynccontextmanager
    async def opened(
        mission: str, kind: PlanKind, rerun: Rerun = Rerun.OFFER
    ) -> AsyncIterator[Yard]:
        site, plan = sample(mission, kind)
        brief = load_brief(ROOT / "missions" / mission)
        clock = ManualClock()
        async with open_store(tmp_path / "p.db", clock) as store:
            feed = LiveFeed(store)
            library = Library({mission: brief}, Voice())
            planner = Planner(library, store, feed, clock)
            planner.remaining = remaining_of(store, store.aftermath)
            runs = FlownRuns(store, mission, site, flight, world)
            ledger = Ledger(store.aftermath, clock, ExposureCaps())
            bulletin = Bulletin(store.aftermath, feed, clock)
            shelf = Shelf(library, planner, runs, store, store.aftermath)

            async def policy(schedule_id: str) -> Rerun:
                return rerun

            # No grace: the clock stands still, and nobody reports late.
            habits = FollowUp(grace_s=0.0)
            gaps = Gaps(shelf, ledger, bulletin, clock, policy=policy, habits=habits)
            async with planner.open(), gaps.open():
                await store.save_plan(PlanId("plan-1"), plan)
                yield Yard(store, runs, gaps, ledger, site)

    return opened


@pytest.mark.parametrize(
    ("mission", "kind"),
    [
        ("quickstart", PlanKind.DRONE),
        ("quickstart", PlanKind.LOOP),
        pytest.param("xuzhou-estate", PlanKind.DRONE, marks=[pytest.mark.campaign]),
    ],
)
async def test_the_rest_is_planned_flown_and_heard(yard, mission, kind):
    async with yard(mission, kind) as y:
        troubles = {"dropped": frozenset({0}), "return_after": 1}
        await y.runs.fly(PlanId("plan-1"), "run-1", **troubles)
        first = y.runs.flown["run-1"]
        await y.gaps.follow_up(first.evidence)
        gap = await y.store.aftermath.gap(RunId("run-1"))
        assert gap.state is GapState.OPEN
        assert gap.missing.receivers

        job = await y.gaps.rerun(RunId("run-1"), "li", launch=True)
        assert job.order.rerun_of == "run-1"
        closed = await y.until_closed("run-1")

        (second,) = (f for run, f in y.runs.flown.items() if run != "run-1")
        assert second.plan.parent_run == "run-1"
        assert second.plan.announcement == first.plan.announcement
        assert second.plan.requirement == first.plan.requirement
        assert {r.id for r in second.plan.receivers} == set(gap.missing.receivers)
        assert not {r.id for r in second.plan.receivers} & first.claimed
        promised = {str(r.id) for r in first.plan.receivers if r.reached}
        homes = first.households(promised)
        assert first.households(first.claimed | second.claimed) >= homes
        heard = first.heard | second.heard
        assert first.households(heard) >= homes
        outdoors = {
            str(r.id) for r in first.plan.receivers if r.reached and not r.household
        }
        assert outdoors <= first.claimed | second.claimed
        deeds = [s.deed for s in closed.steps]
        assert deeds[:3] == [GapDeed.OPENED, GapDeed.PLANNED, *deeds[2:3]]
        assert GapDeed.LAUNCHED in deeds
        assert GapDeed.REACHED in deeds
        alerts = await y.store.aftermath.alerts()
        assert [a.kind.value for a in alerts] == ["gap_closed", "gap_opened"]
        print(
            f"\n{mission} {kind}: {len(first.claimed)} of {len(promised)} at first,"
            f" {len(gap.missing.receivers)} flown again at"
            f" {second.plan.summary.stations} stops, all reached"
        )


async def test_a_schedule_may_have_it_flown_by_itself_once(yard):
    async with yard("quickstart", PlanKind.DRONE, Rerun.LAUNCH) as y:
        await y.runs.fly(
            PlanId("plan-1"), "run-1", dropped=frozenset({0}), schedule_id="morning"
        )
        closed = await y.until_closed("run-1")
        assert {s.actor for s in closed.steps} == {"service", "schedule morning"}
        assert len(y.runs.flown) == 2


async def test_both_runs_are_in_the_ledger(yard):
    async with yard("quickstart", PlanKind.DRONE) as y:
        await y.runs.fly(PlanId("plan-1"), "run-1", dropped=frozenset({0}))
        first = y.runs.flown["run-1"]
        await y.gaps.follow_up(first.evidence)
        when = first.record.playbacks[0].start_utc.date()
        before = await y.ledger.day(y.site, when)
        assert before.runs == 1
        assert first.households(first.claimed) <= {
            (h.household.split("/")[0], h.household) for h in before.households
        }
