"""A weather service over HTTP, in the JSON of Open-Meteo's current weather.

``{"current": {"time": "2026-03-01T12:00" (UTC), "wind_speed_10m": 4.2,
"wind_gusts_10m": 7.5, "wind_direction_10m": 210, "precipitation": 0.0},
"current_units": {"wind_speed_10m": "m/s", "precipitation": "mm"}}``

Source: open-meteo.com/en/docs, "Current Conditions". Whoever measures himself
answers the same shape; what is left out is not known.
"""

import asyncio
import json
import math
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from patrolctl.clock import Clock
from patrolctl.domain.conditions import Weather
from patrolctl.domain.errors import Conflict
from patrolctl.geo import LatLon

TIMEOUT_S = 5.0
BYTES_MAX = 100_000
# One second's worth of each unit in m/s.
SPEEDS = {"m/s": 1.0, "ms": 1.0, "km/h": 1 / 3.6, "kmh": 1 / 3.6}
SPEEDS |= {"mp/h": 0.44704, "mph": 0.44704, "kn": 0.514444}
RAINS = {"mm": 1.0, "inch": 25.4}


class HttpWeather:
    """The WeatherSource port over HTTP.

    Args:
        url: with ``{lat}`` and ``{lon}`` where the place is to stand.
        clock: stamps a report that has no time of its own.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        host = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
        self._name = host.partition(":")[0]

    @property
    def name(self) -> str:
        """The host's name."""
        return self._name

    async def weather(self, at: LatLon) -> Weather:
        """Ask it; raises Conflict."""
        url = self._url.replace("{lat}", f"{at.lat_deg:.4f}")
        url = url.replace("{lon}", f"{at.lon_deg:.4f}")
        try:
            raw = await asyncio.to_thread(_get, url)
            return self._read(json.loads(raw))
        except (OSError, ValueError, KeyError, TypeError) as e:
            why = e.reason if isinstance(e, urllib.error.URLError) else e
            line = str(why).splitlines()[0][:120] if str(why) else type(e).__name__
            raise Conflict(f"weather of {self.name}: {line}") from None

    def _read(self, document: Mapping[str, object]) -> Weather:
        current = document["current"]
        units = document.get("current_units") or {}
        if not isinstance(current, Mapping) or not isinstance(units, Mapping):
            raise TypeError("no current weather in the answer")
        interval_s = float(current.get("interval") or 3600.0)
        rain = _number(current, "precipitation")
        rain_unit = RAINS[str(units.get("precipitation", "mm"))]
        return Weather(
            ts_utc=self._time(current.get("time"), document),
            source=self.name,
            wind_m_s=_speed(current, units, "wind_speed_10m"),
            gust_m_s=_speed(current, units, "wind_gusts_10m"),
            wind_from_deg=_number(current, "wind_direction_10m"),
            # The sum of the interval before, as a rate.
            rain_mm_h=None if rain is None else rain * rain_unit * 3600.0 / interval_s,
        )

    def _time(self, value: object, document: Mapping[str, object]) -> datetime:
        if value is None:
            return self._clock.utc()
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        when = datetime.fromisoformat(str(value))
        if when.tzinfo is not None:
            return when.astimezone(UTC)
        offset = timedelta(seconds=float(str(document.get("utc_offset_seconds") or 0)))
        return (when - offset).replace(tzinfo=UTC)


def _number(values: Mapping[str, object], name: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    number = float(str(value))
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}")
    return number


def _speed(
    values: Mapping[str, object], units: Mapping[str, object], name: str
) -> float | None:
    value = _number(values, name)
    # Open-Meteo's own default is km/h; without a unit we take SI.
    return None if value is None else value * SPEEDS[str(units.get(name, "m/s"))]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A configured address is asked, not where it sends us."""

    def redirect_request(self, *args: object, **more: object) -> None:
        """Refuse."""
        del args, more


def _get(url: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise ValueError("not http:// or https://")
    opener = urllib.request.build_opener(_NoRedirects)
    with opener.open(url, timeout=TIMEOUT_S) as answer:
        raw: bytes = answer.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise ValueError("the answer is too long")
    return raw
