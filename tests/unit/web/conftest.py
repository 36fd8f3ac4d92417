"""The whole service in memory, behind its ASGI application."""

import importlib.util
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from patrolctl import durable
from patrolctl.audio import AudioDesk, EspeakSynthesizer
from patrolctl.audio.tape import OggTapes
from patrolctl.control.announcing.announcements import Announcements, Shelves
from patrolctl.control.announcing.cap import Alerts
from patrolctl.control.announcing.library import Library
from patrolctl.control.conditions.conditions import Conditions
from patrolctl.control.conditions.exposure import Ledger
from patrolctl.control.conditions.notices import Notices
from patrolctl.control.conditions.skies import Skies
from patrolctl.control.planning.planner import Planner
from patrolctl.control.running.runs import Runs
from patrolctl.control.schedules.conflicts import Conflicts
from patrolctl.control.schedules.occurring import Desk
from patrolctl.control.schedules.rota import Almanac
from patrolctl.control.schedules.timetable import Timetable
from patrolctl.control.speaking.exposed import Spoken
from patrolctl.control.speaking.talk import TalkLimits, Talks
from patrolctl.control.speaking.urgent import Urgent
from patrolctl.domain.conditions import ConditionRules
from patrolctl.domain.exposure import ExposureCaps
from patrolctl.formats.calendar import IcsFormat
from patrolctl.formats.cap import read_cap
from patrolctl.store import open_store
from patrolctl.web import WebServices, create_app

_SPEC = importlib.util.spec_from_file_location(
    "control_fakes", Path(__file__).parents[1] / "control" / "conftest.py"
)
fakes = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(fakes)


class Stage:
    """Kit, services, app and a client of it."""

    def __init__(self, kit, store, folder: Path) -> None:
        self.kit = kit
        self.folder = folder
        kit.store = store
        kit.feed = fakes.LiveFeed(store, ())

    @asynccontextmanager
    async def open(self, **more: object) -> AsyncIterator["Stage"]:
        kit = self.kit
        with tempfile.TemporaryDirectory() as clips:
            async with kit.open(), self._open(Path(clips), more):
                yield self

    async def _tell(self, alert: object) -> None:
        self.told.append(alert)

    @asynccontextmanager
    async def _open(self, clips: Path, more: dict) -> AsyncIterator[None]:
        kit = self.kit
        library = Library({"yard": kit.brief}, fakes.FakeSynthesizer())
        await library.render_all()
        desk = AudioDesk(EspeakSynthesizer(clips))
        shelves = Shelves(kit.store.announcements, kit.store, desk)
        announcements = Announcements(library, shelves, kit.clock)
        alerts = Alerts(
            library, announcements, kit.store.announcements, kit.clock, read_cap
        )
        async with announcements.open(), alerts.open():
            kit.gate._may_say = announcements.violations
            rules, book = ConditionRules(overridable=frozenset({"wind"})), kit.store
            felt = [m.telemetry for m in kit.fleet.members]
            skies = Skies(book.conditions, book, lambda: felt, kit.clock, rules=rules)
            notices = Notices(book.conditions, book, kit.clock)
            conditions = Conditions(skies, notices, book, kit.clock, rules=rules)
            kit.services = replace(kit.services, conditions=conditions)
            kit.gate._closed = notices.over
            planner = Planner(
                library, kit.store, kit.feed, kit.clock, closed=notices.over
            )
            self.runs = Runs(kit.fleet, library, kit.services)
            self.told = []
            ledger = Ledger(kit.store.aftermath, kit.clock, ExposureCaps())
            spoken = Spoken(ledger, library, kit.clock, self._tell)
            self.urgent = Urgent(
                kit.fleet,
                library,
                gate=kit.gate,
                store=kit.store,
                clock=kit.clock,
                spoken=spoken,
            )
            async with planner.open(), self.runs.open(), self.urgent.open():
                timetable = Timetable(
                    library,
                    planner,
                    self.runs,
                    Desk(kit.store.schedules, "n1/1", kit.clock),
                    store=kit.store,
                    almanac=Almanac(durable, IcsFormat()),
                )
                async with timetable.open():
                    self.services = WebServices(
                        library=library,
                        announcements=announcements,
                        cap=alerts,
                        planner=planner,
                        fleet=kit.fleet,
                        runs=self.runs,
                        timetable=timetable,
                        conditions=kit.services.conditions,
                        conflicts=Conflicts(
                            timetable, kit.store, kit.clock, ConditionRules()
                        ),
                        urgent=self.urgent,
                        talks=Talks(
                            kit.fleet,
                            library,
                            gate=kit.gate,
                            store=kit.store,
                            clock=kit.clock,
                            tapes=OggTapes(self.folder),
                            spoken=spoken,
                            limits=TalkLimits(silent_s=0.3, answer_s=0.5),
                        ),
                        gate=kit.gate,
                        feed=kit.feed,
                        store=kit.store,
                        asyncapi=json.dumps({"asyncapi": "3.0.0"}).encode(),
                        **more,
                    )
                    self.app = create_app(self.services)
                    async with httpx.AsyncClient(
                        transport=httpx.ASGITransport(
                            self.app, raise_app_exceptions=False
                        ),
                        base_url="http://127.0.0.1:8080",
                    ) as self.http:
                        yield

    async def plan(self, *sorties: object, name: str = "p1") -> str:
        await self.kit.store.save_plan(name, fakes.make_plan(*sorties))
        return name


@pytest.fixture(scope="session")
def make() -> object:
    return fakes


@pytest.fixture(scope="session")
def make_stage() -> type[Stage]:
    return Stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    kit = fakes.Kit()
    kit.brief = replace(kit.brief)
    async with open_store(tmp_path / "p.db", kit.clock) as store:
        yield Stage(kit, store, tmp_path / "talks")
