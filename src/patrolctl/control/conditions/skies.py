"""What is known of the weather at a site, from everybody who tells it."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from patrolctl.clock import Clock
from patrolctl.domain.conditions import ConditionRules, Weather
from patrolctl.domain.errors import InputError, PatrolError
from patrolctl.domain.machines import LinkState
from patrolctl.domain.site import Site
from patrolctl.domain.telemetry import Telemetry
from patrolctl.geo import LatLon
from patrolctl.ports import Store
from patrolctl.ports.conditions import ConditionStore, WeatherSource

log = logging.getLogger(__name__)

ASK_AGAIN_S = 60.0
NEAR_M = 5000.0
WIND_MAX_M_S, RAIN_MAX_MM_H = 100.0, 500.0
AHEAD = timedelta(seconds=60)  # clocks differ


Felt = Callable[[], Iterable[Telemetry]]


class Skies:
    """Asks everybody; the worst that is fresh counts.

    Args:
        book: what people entered.
        audit: where entries are written down.
        sources: services that tell the weather.
        felt: the latest of each vehicle: what it feels counts while it flies.
        clock: now.
        rules: how old a report may be.
    """

    def __init__(
        self,
        book: ConditionStore,
        audit: Store,
        felt: Felt,
        clock: Clock,
        *,
        sources: Sequence[WeatherSource] = (),
        rules: ConditionRules,
    ) -> None:
        self._book = book
        self._audit = audit
        self._felt_by = felt
        self._clock = clock
        self._sources = tuple(sources)
        self._rules = rules
        self._asked: dict[tuple[str, str], tuple[float, Weather | None]] = {}

    async def enter(self, site_id: str, weather: Weather, actor: str) -> Weather:
        """Keep what a person saw or measured.

        Raises:
            InputError: one that cannot be.
        """
        for name, value, limit in (
            ("wind_m_s", weather.wind_m_s, WIND_MAX_M_S),
            ("gust_m_s", weather.gust_m_s, WIND_MAX_M_S),
            ("rain_mm_h", weather.rain_mm_h, RAIN_MAX_MM_H),
        ):
            if value is not None and not 0.0 <= value <= limit:
                raise InputError.one(name, f"is {value:g}", f"0 to {limit:g}")
        kept = replace(weather, ts_utc=self._clock.utc(), source=f"entered by {actor}")
        said = f"{site_id}: wind {weather.wind_m_s} m/s, gusts {weather.gust_m_s} m/s"
        await self._audit.audit(
            actor, "enter weather", f"{said}, rain {weather.rain_mm_h} mm/h"
        )
        await self._book.save_weather(site_id, kept)
        return kept

    async def reports(self, site: Site) -> tuple[Weather, ...]:
        """All reports for a site that are fresh, also of vehicles in the air."""
        found = [await self._ask(site, source) for source in self._sources]
        found.append(await self._book.weather(site.id))
        found += self._felt(site)
        now = self._clock.utc()
        oldest = now - timedelta(seconds=self._rules.weather_max_age_s)
        return tuple(
            w for w in found if w is not None and oldest <= w.ts_utc <= now + AHEAD
        )

    async def _ask(self, site: Site, source: WeatherSource) -> Weather | None:
        key, now_s = (site.id, source.name), self._clock.monotonic_s()
        asked_s, known = self._asked.get(key, (None, None))
        if asked_s is not None and now_s - asked_s < ASK_AGAIN_S:
            return known
        try:
            known = await source.weather(site.frame.origin)
        except PatrolError as e:
            log.warning("no weather for site %s: %s", site.id, e)  # the old one ages
        self._asked[key] = (now_s, known)
        return known

    def _felt(self, site: Site) -> list[Weather]:
        """The estimate of vehicles that fly near; on the ground it means nothing."""
        return [
            Weather(
                ts_utc=t.ts_utc,
                source=f"felt by {t.vehicle_id}",
                wind_m_s=t.wind_m_s,
                wind_from_deg=t.wind_from_deg,
            )
            for t in self._felt_by()
            if t.wind_m_s is not None
            and t.on_ground is False
            and t.link is LinkState.LIVE
            and t.lat_deg is not None
            and t.lon_deg is not None
            and _near(site, LatLon(lat_deg=t.lat_deg, lon_deg=t.lon_deg))
        ]


def _near(site: Site, at: LatLon) -> bool:
    return max(abs(m) for m in site.frame.point_en(at)) <= NEAR_M
