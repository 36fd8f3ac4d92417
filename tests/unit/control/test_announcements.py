"""What is withdrawn or over is not said any more, also in a run under way."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from patrolctl.control.announcing.announcements import Announcements, Shelves
from patrolctl.control.announcing.library import Library
from patrolctl.control.running.active import RunVerb
from patrolctl.control.running.runs import LaunchOrder, Runs
from patrolctl.control.running.withdrawals import Withdrawals
from patrolctl.domain.announcements import Content, Standing, Wording
from patrolctl.domain.errors import Conflict, GateRefused
from patrolctl.domain.run import Phase


class Kept:
    """The AnnouncementStore port in memory."""

    def __init__(self) -> None:
        self.docs: dict[tuple[str, int], object] = {}
        self.made: set[tuple[str, int, str]] = set()

    async def save(self, stored) -> None:
        self.docs[stored.id, stored.version] = stored

    async def versions(self):
        return tuple(self.docs[k] for k in sorted(self.docs))

    async def note_clip(self, name, version, sha256) -> None:
        self.made.add((name, version, sha256))

    async def clips(self):
        return tuple(self.made)


class Desk:
    """Everything is fine."""

    def __init__(self, clip) -> None:
        self.clip = clip

    async def check(self, announcement) -> None:
        del announcement

    async def find(self, sha256):
        return self.clip if sha256 == self.clip.sha256 else None


class Stage:
    """A kit whose plan says an announcement that was written here."""

    def __init__(self, kit, make) -> None:
        self.kit, self.make = kit, make
        self.library = Library({"yard": kit.brief}, make.synthesizer())
        self.kept = Kept()
        shelves = Shelves(self.kept, kit.store, Desk(make.clip))
        self.announcements = Announcements(self.library, shelves, kit.clock)
        kit.gate._may_say = self.announcements.violations

    @asynccontextmanager
    async def open(self, **content):
        kit = self.kit
        async with kit.open(), self.announcements.open():
            self.runs = Runs(kit.fleet, self.library, kit.services)
            self.withdrawals = Withdrawals(
                self.announcements, self.runs, kit.store, kit.clock
            )
            async with self.runs.open():
                if not self.announcements.current:
                    said = Content("t", (Wording("zh", "请注意"),), **content)
                    await self.announcements.create("water", said, "li")
                    await self.approve(1)
                yield self

    async def approve(self, version: int) -> None:
        await self.announcements.approve("water", version, "wu", second_person=True)
        await self.announcements.render("water")

    async def launch(self, *sorties):
        plan = self.make.plan(*sorties)
        said = replace(plan.announcement, id="water", clip_sha256=self.make.clip.sha256)
        await self.kit.store.save_plan("p", replace(plan, announcement=said))
        return await self.runs.launch(LaunchOrder("p"))


@pytest.fixture
def stage(kit, make) -> Stage:
    return Stage(kit, make)


async def test_a_withdrawn_announcement_falls_silent_in_the_run(stage, make) -> None:
    async with stage.open():
        state = await stage.launch(make.copter("s1", 3))
        kit, speaker = stage.kit, stage.kit.speakers["d1"]
        await kit.until(lambda: len(speaker.commands) == 1)
        await stage.withdrawals.look()
        assert not (await stage.runs.state(state.id)).muted
        await stage.announcements.withdraw("water", "wu", "it was wrong")
        await stage.withdrawals.look()
        assert (await stage.runs.state(state.id)).muted
        silenced = speaker.silenced
        assert silenced >= 1
        await stage.withdrawals.look()  # once is enough
        assert speaker.silenced == silenced
        await kit.until(lambda: not stage.runs.under_way)
        assert len(speaker.commands) == 1
        facts = [e.text for e in kit.store.events]
        assert any("was withdrawn by wu: it was wrong" in t for t in facts)
        with pytest.raises(GateRefused, match="withdrawn"):
            await stage.launch(make.copter("s1", 1))
        with pytest.raises(Conflict, match="withdrawn"):
            stage.library.announcement("water")
        with pytest.raises(Conflict, match="not approved"):
            stage.library.clip(make.clip.sha256)


async def test_an_operator_who_lets_it_speak_again_does_not(stage, make) -> None:
    async with stage.open():
        state = await stage.launch(make.copter("s1", 3))
        speaker = stage.kit.speakers["d1"]
        await stage.kit.until(lambda: len(speaker.commands) == 1)
        await stage.announcements.withdraw("water", "wu", "")
        await stage.withdrawals.look()
        await stage.runs.command(state.id, RunVerb.RESUME, "op")
        assert not (await stage.runs.state(state.id)).muted
        await stage.withdrawals.look()
        assert (await stage.runs.state(state.id)).muted


async def test_the_end_of_its_validity_ends_it_in_the_run(stage, make) -> None:
    until = stage.kit.clock.utc() + timedelta(seconds=40)
    async with stage.open(valid_until_utc=until):
        state = await stage.launch(make.copter("s1", 5))
        speaker = stage.kit.speakers["d1"]
        await stage.kit.until(lambda: len(speaker.commands) == 1)
        # A newer draft changes nothing for a run that says what was approved.
        said = Content("t", (Wording("zh", "请大家注意"),))
        await stage.announcements.change("water", 1, said, "li")
        await stage.withdrawals.look()
        assert not (await stage.runs.state(state.id)).muted
        await stage.kit.until(lambda: stage.kit.clock.utc() >= until)
        await stage.withdrawals.look()
        assert (await stage.runs.state(state.id)).muted
        await stage.kit.until(lambda: not stage.runs.under_way)
        assert (await stage.runs.state(state.id)).phase is Phase.FINISHED


async def test_an_alert_that_is_over_is_withdrawn_for_good(stage) -> None:
    clock = stage.kit.clock
    until = clock.utc() + timedelta(seconds=30)
    async with stage.open():
        said = Content("t", (Wording("zh", "台风"),), valid_until_utc=until)
        made = await stage.announcements.create("typhoon", said, "cap", alert="k")
        assert made.standing is Standing.DRAFT
        await stage.announcements.expire()
        assert stage.announcements.get("typhoon").standing is Standing.DRAFT
        await clock.advance(31.0, step_s=1.0)
        with pytest.raises(Conflict, match="is over"):
            await stage.announcements.approve("typhoon", 1, "wu", second_person=True)
        await stage.announcements.expire()
        stored = stage.announcements.get("typhoon")
        assert stored.standing is Standing.WITHDRAWN
        assert "the alert was valid until" in (stored.reason or "")


async def test_a_clip_of_an_approved_version_survives_a_restart(stage, make) -> None:
    async with stage.open():
        pass
    again = Stage(stage.kit, make)
    again.kept = stage.kept
    again.announcements = Announcements(
        again.library,
        Shelves(stage.kept, stage.kit.store, Desk(make.clip)),
        stage.kit.clock,
    )
    async with again.announcements.open():
        assert again.library.clip(make.clip.sha256) == make.clip
        assert again.announcements.violations(plan_of(make)) == ()


def plan_of(make):
    plan = make.plan(make.copter("s1", 1))
    said = replace(plan.announcement, id="water", clip_sha256=make.clip.sha256)
    return replace(plan, announcement=said)
