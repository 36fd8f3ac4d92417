import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from patrolctl.control.announcing.library import Library
from patrolctl.control.live.jobs import JobState, PlanOrder
from patrolctl.control.planning.planner import Planner
from patrolctl.domain.errors import Conflict, InputError, NotFound
from patrolctl.domain.plan import PlanKind, Window

# What a planning child may do, importable by a real child process.
WORKERS = """
import os, signal, time
from pathlib import Path
from patrolctl.control.live.jobs import PlanProblem
from patrolctl.control.planning.planwork import die_with_parent
from patrolctl.domain.machines import SpeakerProfile, VehicleProfile
from patrolctl.domain.plan import Plan, PlanHome, PlanSummary
from patrolctl.planning.progress import PlanProgress

def plan(results, parent_pid, work):
    results.send(PlanProgress("covering", 0.5, incumbent_s=90.0, bound_s=80.0))
    results.send(Plan(
        work.kind, work.site.sha256, work.seed, work.created_utc, work.requirement,
        SpeakerProfile(), VehicleProfile(), work.announcement,
        PlanHome(34.2, 117.2, 30.0), (), (), PlanSummary(stations=work.count or 0)))

def fail(results, parent_pid, work):
    results.send(PlanProblem("no-feasible-plan", ("tower is too high", "no launch")))

def die(results, parent_pid, work):
    os._exit(9)

def crash(results, parent_pid, work):
    os.kill(os.getpid(), signal.SIGSEGV)

def crash_once(results, parent_pid, work):
    try:
        Path(__file__).with_suffix(".crashed").touch(exist_ok=False)
    except FileExistsError:
        plan(results, parent_pid, work)
    else:
        crash(results, parent_pid, work)

def hang(results, parent_pid, work):
    die_with_parent(parent_pid)
    results.send(PlanProgress(str(os.getpid()), 0.1))
    time.sleep(60)
"""


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "planning_workers.py").write_text(WORKERS)
    monkeypatch.syspath_prepend(tmp_path)
    __import__("planning_workers")
    return sys.modules["planning_workers"]


@asynccontextmanager
async def planning(kit, make, worker):
    library = Library({"yard": kit.brief}, make.synthesizer())
    planner = Planner(library, kit.store, kit.feed, kit.clock, worker=worker)
    async with planner.open():
        yield planner


ORDER = PlanOrder("yard", PlanKind.DRONE, drones=2)


async def test_a_plan_is_made_told_and_kept(kit, make, workers) -> None:
    watcher = kit.feed.subscribe()
    async with planning(kit, make, workers.plan) as planner:
        assert await planner.stored(ORDER) is None
        job = planner.submit(ORDER)
        assert job.state is JobState.QUEUED
        done = await planner.wait(job.job_id)
        assert (done.state, done.progress_ratio) == (JobState.DONE, 1.0)
        assert done.incumbent_s == 90.0
        plan = await kit.store.plan(done.plan_id)
        assert plan.announcement.clip_sha256 == make.clip.sha256
        assert plan.summary.stations == 2
        assert await planner.stored(ORDER) == done.plan_id
        assert await planner.stored(replace(ORDER, seed=2)) is None
        assert await planner.stored(replace(ORDER, window=Window.CLOSED)) is None
    texts = [json.loads(raw)["text"] for _, raw in watcher._facts]
    assert texts == [
        "queued",
        "starting",
        "rendering the announcement",
        "covering",
        "done",
    ]


async def test_a_planner_that_finds_nothing_says_why(kit, make, workers) -> None:
    async with planning(kit, make, workers.fail) as planner:
        job = await planner.wait(planner.submit(ORDER).job_id)
        assert job.state is JobState.FAILED
        assert job.problem.slug == "no-feasible-plan"
        assert job.problem.lines == ("tower is too high", "no launch")


async def test_a_child_that_dies_fails_its_job_only(kit, make, workers) -> None:
    async with planning(kit, make, workers.die) as planner:
        one, two = planner.submit(ORDER), planner.submit(ORDER)
        for job in (one, two):
            done = await planner.wait(job.job_id)
            assert done.problem.slug == "defect"
            assert "ended with 9" in done.text


async def test_a_solver_that_crashes_gets_one_more_try(kit, make, workers) -> None:
    watcher = kit.feed.subscribe()
    async with planning(kit, make, workers.crash_once) as planner:
        done = await planner.wait(planner.submit(ORDER).job_id)
        assert done.state is JobState.DONE
    texts = [json.loads(raw)["text"] for _, raw in watcher._facts]
    assert "the solver crashed; once more from the start" in texts


async def test_one_that_crashes_again_is_told_of(kit, make, workers) -> None:
    async with planning(kit, make, workers.crash) as planner:
        done = await planner.wait(planner.submit(ORDER).job_id)
        assert done.problem.slug == "defect"
        assert "ended by SIGSEGV" in done.text


async def test_a_stopped_job_leaves_no_process(kit, make, workers) -> None:
    async with planning(kit, make, workers.hang) as planner:
        job = planner.submit(ORDER)
        async with asyncio.timeout(20):
            while planner.job(job.job_id).progress_ratio == 0.0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        pid = int(planner.job(job.job_id).text)
        os.kill(pid, 0)  # it is there
        planner.stop(job.job_id)
        done = await planner.wait(job.job_id)
        assert done.problem.slug == "stopped"
        await asyncio.sleep(0.1)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(Conflict):
            planner.stop(job.job_id)


async def test_closing_ends_the_jobs(kit, make, workers) -> None:
    async with planning(kit, make, workers.hang) as planner:
        job = planner.submit(ORDER)
        await asyncio.sleep(0.05)
    assert planner.job(job.job_id).state is JobState.FAILED
    with pytest.raises(Conflict):
        planner.submit(ORDER)


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (replace(ORDER, mission_id="nowhere"), NotFound),
        (replace(ORDER, zone="nowhere"), NotFound),
        (replace(ORDER, announcement="nothing"), NotFound),
    ],
)
async def test_orders_are_checked_before_they_are_queued(
    kit, make, workers, order, error
) -> None:
    async with planning(kit, make, workers.plan) as planner:
        with pytest.raises(error):
            planner.submit(order)


async def test_a_mission_without_the_vehicle(kit, make, workers) -> None:
    kit.brief = replace(kit.brief, fleet=kit.brief.fleet[:2])
    async with planning(kit, make, workers.plan) as planner:
        with pytest.raises(InputError, match="has no rover"):
            planner.submit(PlanOrder("yard", PlanKind.LOOP))
