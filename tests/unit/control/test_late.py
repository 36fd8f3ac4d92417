"""Reports that come after the end of the run."""

import asyncio

from patrolctl.control.announcing.library import Library
from patrolctl.control.running.runs import LaunchOrder, Runs
from patrolctl.domain.ids import PlanId, RunId
from patrolctl.domain.run import Phase
from patrolctl.domain.sound import Playback, PlaybackStatus


async def test_they_are_credited_all_and_the_evidence_is_made_anew(kit, make) -> None:
    """Two loudspeakers tell at one moment, as when the link is back."""
    kit.store.plans_by_id = {"p1": make.plan(make.copter("s1", 2), make.copter("s2"))}
    library = Library({"yard": kit.brief}, make.synthesizer())
    await library.render_all()
    async with kit.open():
        runs = Runs(kit.fleet, library, kit.services)
        async with runs.open():
            state = await runs.launch(LaunchOrder(PlanId("p1")))
            await kit.until(lambda: all(kit.vehicles[v].armed for v in ("d1", "d2")))
            speakers = [kit.speakers["d1"], kit.speakers["d2"]]
            for speaker in speakers:
                speaker.linked = False
            for n in (3, 5):
                await kit.until(
                    lambda: all(kit.vehicles[v].dwelling for v in ("d1", "d2"))
                )
                speakers[0].arrived(f"s1.{n}")
                speakers[1].arrived(f"s2.{n}")
                await kit.until(
                    lambda: not any(kit.vehicles[v].dwelling for v in ("d1", "d2"))
                )
            await kit.until(lambda: not runs.under_way)
            ended = kit.store.states[state.id]
            assert ended.phase is Phase.FINISHED
            assert [s.cues_done for s in ended.sorties] == [(), ()]
            assert kit.store.proofs[state.id].summary.playbacks_complete == 0
            for speaker in speakers:
                speaker.relink()
            proofs = kit.store.proofs
            await kit.until(lambda: proofs[state.id].summary.playbacks_complete == 4)
            await kit.clock.advance(1.0)
            told = kit.store.states[state.id]
            assert {n for s in told.sorties for n in s.cues_done} == {
                *("s1.3", "s1.5", "s2.3", "s2.5")
            }
            assert told.phase is Phase.FINISHED
            assert any("evidence anew" in e.text for e in kit.store.events)


async def test_reports_of_unknown_runs_change_nothing(kit, make) -> None:
    library = Library({"yard": kit.brief}, make.synthesizer())
    async with kit.open():
        runs = Runs(kit.fleet, library, kit.services)
        async with runs.open():
            for key in ("r9:s1.3", "nonsense", "r9:"):
                kit.speakers["d1"].report(
                    Playback(
                        f"b-{key}",
                        kit.speakers["d1"].id,
                        key,
                        make.clip.sha256,
                        PlaybackStatus.COMPLETED,
                        kit.clock.utc(),
                        complete=True,
                    )
                )
            await kit.clock.advance(10.0)
            await asyncio.sleep(0)
            assert kit.store.states == {}
            assert RunId("r9") not in kit.store.proofs
