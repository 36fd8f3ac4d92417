"""A weather service on loopback, good and bad."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from patrolctl.clock import ManualClock
from patrolctl.domain.errors import Conflict
from patrolctl.geo import LatLon
from patrolctl.weather import HttpWeather

AT = LatLon(lat_deg=34.2, lon_deg=117.25)
GOOD = {
    "utc_offset_seconds": 28800,
    "current_units": {"wind_speed_10m": "km/h", "wind_gusts_10m": "km/h"},
    "current": {
        "time": "2026-03-01T20:15",
        "interval": 900,
        "wind_speed_10m": 18.0,
        "wind_gusts_10m": 36.0,
        "wind_direction_10m": 210,
        "precipitation": 0.3,
    },
}


class Service(ThreadingHTTPServer):
    body = b""
    status = 200
    asked = ""


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked = self.path
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def source(service: Service) -> HttpWeather:
    url = (
        f"http://127.0.0.1:{service.server_port}/v1?latitude={{lat}}&longitude={{lon}}"
    )
    return HttpWeather(url, ManualClock())


async def test_units_times_and_rates(service: Service) -> None:
    service.body = json.dumps(GOOD).encode()
    found = await source(service).weather(AT)
    assert service.asked == "/v1?latitude=34.2000&longitude=117.2500"
    assert (found.wind_m_s, found.gust_m_s, found.wind_from_deg) == (5.0, 10.0, 210.0)
    assert found.rain_mm_h == pytest.approx(1.2)  # 0.3 mm in a quarter of an hour
    assert found.ts_utc == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)
    assert found.source == "127.0.0.1"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"current": 7}'),
        (200, b'{"current": {"wind_speed_10m": "NaN"}}'),
        (
            200,
            b'{"current": {"wind_speed_10m": 1},'
            b' "current_units": {"wind_speed_10m": "furlong"}}',
        ),
        (200, b"x" * 100_001),
        (302, b""),
        (500, b"{}"),
    ],
)
async def test_what_is_no_weather_is_said_in_a_line(
    service: Service, status: int, body: bytes
) -> None:
    service.status, service.body = status, body
    with pytest.raises(Conflict, match=r"^weather of 127\.0\.0\.1: ") as failed:
        await source(service).weather(AT)
    assert len(str(failed.value).splitlines()) == 1


async def test_nobody_there() -> None:
    with pytest.raises(Conflict, match="refused"):
        await HttpWeather("http://127.0.0.1:1/{lat}", ManualClock()).weather(AT)
