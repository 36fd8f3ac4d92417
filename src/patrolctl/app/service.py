"""``patrolctl serve``: the control service until it is ended."""

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace

from patrolctl.app.announcing import CapOptions
from patrolctl.app.brokers import broker_url
from patrolctl.app.cap_source import CapSource
from patrolctl.app.compose import Service, ServiceOptions, open_service
from patrolctl.app.http import serving
from patrolctl.app.listening import address, bind
from patrolctl.app.lock import sole_user
from patrolctl.clock import Clock, ScaledClock, SystemClock
from patrolctl.config import Operators, Settings, load_brief, mission_folders
from patrolctl.control.announcing.cap import AlertRules
from patrolctl.domain.brief import Brief
from patrolctl.domain.errors import Fault, InputError
from patrolctl.web import Access, create_app

log = logging.getLogger(__name__)

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def load_briefs(settings: Settings) -> dict[str, Brief]:
    """The missions that the settings name, or all there are.

    Raises:
        InputError: one of them cannot be used, or there is none.
    """
    folders = {f.name: f for f in mission_folders(settings.missions_dir)}
    wanted = settings.missions or tuple(folders)
    if missing := [m for m in wanted if m not in folders]:
        right = f"one of {', '.join(folders) or '(none)'} in {settings.missions_dir}"
        raise InputError(
            [Fault(f"mission {m}", "does not exist", right) for m in missing]
        )
    if not wanted:
        raise InputError.one(
            f"missions {settings.missions_dir}", "holds none", "a mission folder"
        )
    return {name: load_brief(folders[name]) for name in wanted}


def clock_of(settings: Settings) -> Clock:
    """Real time, or simulated time at the settings' speed."""
    if settings.speedup == 1.0:
        return SystemClock()
    return ScaledClock(settings.speedup, epoch_utc=settings.epoch_utc)


def cap_options(settings: Settings) -> CapOptions:
    """Which alerts are taken, and from where."""
    source = None
    if settings.cap_url is not None:
        source = CapSource(settings.cap_url, settings.cap_every_s)
    return CapOptions(AlertRules(frozenset(settings.cap_statuses)), source)


async def run_service(settings: Settings) -> None:
    """Serve until cancelled.

    Raises:
        InputError: missions, settings or the port cannot be used.
    """
    briefs = load_briefs(settings)
    operators = Operators(settings.operators_file)
    if settings.host not in LOOPBACK and not operators.on:
        log.warning(
            "listening on %s without a log-in: whoever reaches it operates the fleet",
            settings.host,
        )
    listener = bind(settings.host, settings.port)
    clock = clock_of(settings)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        stack.enter_context(sole_user(settings.data_dir))
        mqtt_url = await stack.enter_async_context(broker_url(settings, briefs))
        options = ServiceOptions(
            database=settings.database,
            node=settings.node,
            conditions=settings.conditions,
            clip_dir=settings.clip_dir,
            state_dir=settings.data_dir,
            tlog_dir=settings.tlog_dir,
            mqtt_url=mqtt_url,
            http_url=address(listener),
            speedup=settings.speedup,
            exposure=settings.exposure,
            follow_up=settings.follow_up,
            cap=cap_options(settings),
            voice_models=settings.voice_models,
        )
        service = await stack.enter_async_context(open_service(briefs, options, clock))
        access = Access(operators)
        web = replace(service.web, hosts=(settings.host,), access=access)
        url = await stack.enter_async_context(serving(create_app(web), listener))
        log.info("console at %s, missions: %s", url, ", ".join(briefs))
        await _prepare_clips(service)
        await asyncio.Event().wait()


async def _prepare_clips(service: Service) -> None:
    """Render ahead, so that speakers can fetch what a plan names."""
    for problem in await service.library.render_all():
        log.error("%s", problem)
