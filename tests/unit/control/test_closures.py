"""Airspace that closes while vehicles are out: each is told at once, and why."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.notices import Notices
from patrolctl.control.running.closures import Closures
from patrolctl.control.running.runs import LaunchOrder, Runs
from patrolctl.domain.alerts import AlertKind, AlertLevel
from patrolctl.domain.conditions import NoFlyNotice
from patrolctl.domain.errors import Conflict
from patrolctl.domain.ids import PlanId
from patrolctl.domain.plan import PlanKind
from patrolctl.domain.run import Phase
from patrolctl.domain.telemetry import Telemetry

P1 = PlanId("p1")
# d1 goes north to 60 m, d2 only to 20 m; home is at 0, 0.
FAR_STOP = (5.0, 50.0, 15.0, 70.0)
HOME = (-5.0, -5.0, 5.0, 5.0)


class Book:
    """The notices of all nodes."""

    def __init__(self) -> None:
        self.kept: dict[str, NoFlyNotice] = {}

    async def save_notice(self, notice: NoFlyNotice) -> None:
        self.kept[notice.id] = notice

    async def notices(self) -> tuple[NoFlyNotice, ...]:
        return tuple(self.kept.values())


class Sky:
    """Runs under way, looked after, and what was told."""

    def __init__(self, kit, make, runs: Runs) -> None:
        self.kit, self.make, self.runs = kit, make, runs
        self.alerts: list = []
        self.notices = Notices(Book(), kit.store, kit.clock)
        self.closures = Closures(runs, self.notices, kit.store, kit.clock, self._tell)

    async def _tell(self, alert) -> None:
        if alert.id not in {a.id for a in self.alerts}:
            self.alerts.append(alert)

    async def close(self, box, *, after_s=0.0, name="Fair"):
        west, south, east, north = box
        at = self.make.site.frame.point_latlon
        corners = [(west, south), (east, south), (east, north), (west, north)]
        places = [at(*c) for c in corners]
        begin = self.kit.clock.utc() + timedelta(seconds=after_s)
        ring = tuple((p.lon_deg, p.lat_deg) for p in places)
        notice = NoFlyNotice("", name, ring, begin, begin + timedelta(hours=1))
        return await self.notices.add(notice, "li")

    def sortie(self, name):
        state = next(iter(self.kit.store.states.values()))
        return next(s for s in state.sorties if s.sortie_id == name)

    def texts(self):
        return [e.text for e in self.kit.store.events]


@pytest.fixture
def sky(kit, make):
    """``async with sky(*sorties) as s``: launched and in the air."""

    @asynccontextmanager
    async def opened(*sorties, kind=PlanKind.DRONE):
        kit.store.plans_by_id = {"p1": make.plan(*sorties, kind=kind)}
        library = Library({"yard": kit.brief}, make.synthesizer())
        await library.render_all()
        async with kit.open():
            runs = Runs(kit.fleet, library, kit.services)
            s = Sky(kit, make, runs)
            async with runs.open(), s.closures.open():
                run = await runs.launch(LaunchOrder(P1))
                names = [x.vehicle_id for x in run.sorties]
                await kit.until(lambda: all(kit.vehicles[n].seq >= 2 for n in names))
                yield s

    return opened


async def test_only_the_one_whose_way_is_closed_comes_home_and_says_why(kit, make, sky):
    async with sky(make.copter("s1", 3), make.copter("s2", 1)) as s:
        notice = await s.close(FAR_STOP)
        await kit.until(lambda: "return_home" in kit.vehicles["d1"].calls, 40)
        assert not s.runs.flying[0][1].recalled.startswith("return_home by")
        await kit.until(lambda: not s.runs.under_way)
        assert "return_home" not in kit.vehicles["d2"].calls
        first, second = s.sortie("s1"), s.sortie("s2")
        assert (first.phase, second.phase) == (Phase.ABORTED, Phase.FINISHED)
        assert "its way leads into closed airspace: Fair" in first.cut
        assert "it comes home" in first.cut
        (alert,) = s.alerts
        assert (alert.kind, alert.level) == (AlertKind.AIRSPACE, AlertLevel.URGENT)
        assert (alert.vehicle_id, alert.site_id) == ("d1", "yard")
        assert "Fair" in alert.text
        assert notice.id in alert.id
        said = [d for _, a, d in kit.store.log if a == "closed airspace"]
        assert len(said) == 1
        assert "d1: its way leads into closed airspace" in said[0]


async def test_it_is_written_down_before_it_is_done(kit, make, sky):
    async with sky(make.copter("s1", 3)) as s:
        at_the_call = []
        car = kit.vehicles["d1"]
        obey = car.return_home

        async def watched():
            at_the_call.extend(s.texts())
            await obey()

        car.return_home = watched
        await s.close(FAR_STOP)
        await kit.until(lambda: not s.runs.under_way)
        assert any("closed airspace: Fair" in t for t in at_the_call)


async def test_a_database_that_hangs_delays_it_by_moments(kit, make, sky):
    async with sky(make.copter("s1", 3)) as s:
        await s.close(FAR_STOP)
        answers, save = asyncio.Event(), kit.store.save_run

        async def late(state, event):
            await answers.wait()
            await save(state, event)

        kit.store.save_run = late
        began_s = kit.clock.monotonic_s()
        while "return_home" not in kit.vehicles["d1"].calls:
            await kit.clock.advance(0.25)
            await asyncio.sleep(0.001)  # the judging is in a thread
            assert kit.clock.monotonic_s() - began_s < 8.0
        answers.set()


async def test_with_no_clear_way_home_it_holds_and_asks(kit, make, sky):
    async with sky(make.copter("s1", 3)) as s:
        await s.close(HOME, name="Gate")
        await kit.until(lambda: s.sortie("s1").phase is Phase.HELD, 40)
        for _ in range(30):
            await kit.clock.advance(1.0)
        assert kit.vehicles["d1"].calls.count("hold") == 1
        (alert,) = s.alerts
        assert "so does the way home: Gate" in alert.text
        assert "say return_home or land, or wait" in alert.text
        assert s.runs.under_way  # it waits for an answer


async def test_what_closes_only_after_it_is_home_again_changes_nothing(kit, make, sky):
    async with sky(make.copter("s1", 3)) as s:
        await s.close(FAR_STOP, after_s=3600.0)
        await kit.until(lambda: not s.runs.under_way)
        assert s.sortie("s1").phase is Phase.FINISHED
        assert s.alerts == []


async def test_what_closes_before_it_would_be_home_turns_it_round(kit, make, sky):
    async with sky(make.copter("s1", 3)) as s:
        await s.close(FAR_STOP, after_s=60.0)
        await kit.until(lambda: "return_home" in kit.vehicles["d1"].calls, 40)


async def test_one_that_does_not_obey_is_told_again(kit, make, sky):
    async with sky(make.copter("s1", 3)) as s:
        kit.vehicles["d1"].fail = {"return_home": Conflict("DENIED")}
        await s.close(FAR_STOP)
        calls = kit.vehicles["d1"].calls
        await kit.until(lambda: calls.count("return_home") >= 2, 30)
        assert "DENIED" in s.alerts[0].text
        kit.vehicles["d1"].fail = {}
        await kit.until(lambda: not s.runs.under_way)
        assert s.sortie("s1").phase is Phase.ABORTED


@pytest.mark.parametrize(
    ("mode", "box", "said"),
    [
        ({"purpose": None}, FAR_STOP, "a pilot has it"),
        ({"purpose": "hold"}, FAR_STOP, "say return_home or land, or wait"),
        ({"purpose": "return", "failsafe": "battery"}, HOME, "let be"),
        ({"purpose": "land"}, HOME, "let be"),
    ],
)
async def test_who_has_another_master_is_only_told_of(kit, make, sky, mode, box, said):
    async with sky(make.copter("s1", 3)) as s:
        vehicle, sample = kit.vehicles["d1"], type(kit.vehicles["d1"]).telemetry

        def telemetry(self) -> Telemetry:
            return replace(sample.fget(self), **mode)

        body = {"telemetry": property(telemetry)}
        vehicle.__class__ = type("Moded", (type(vehicle),), body)
        before = list(vehicle.calls)
        await s.close(box)
        await kit.until(lambda: bool(s.alerts), 40)
        for _ in range(3):
            await kit.clock.advance(1.0)
        assert [c for c in vehicle.calls[len(before) :] if c != "keep"] == []
        (alert,) = s.alerts
        assert said in alert.text


async def test_patrol_vehicles_drive_below_it(kit, make, sky):
    async with sky(make.rover("loop", 1), kind=PlanKind.LOOP) as s:
        await s.close((-5.0, 40.0, 5.0, 60.0))
        await kit.until(lambda: not s.runs.under_way)
        assert s.sortie("loop").phase is Phase.FINISHED
        assert s.alerts == []
