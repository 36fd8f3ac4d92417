"""The fallback without mosquitto: MQTT 3.1.1, same facts."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as paho

from patrolctl.clock import SystemClock
from patrolctl.domain.ids import SpeakerId, VehicleId
from patrolctl.domain.telemetry import EventKind, VehicleEvent
from patrolctl.mqtt import open_mqtt, run_broker


async def test_facts_and_reports_pass_through_it(tmp_path: Path) -> None:
    clock = SystemClock()
    v = VehicleId("d1")
    async with (
        asyncio.timeout(30),
        run_broker(state_dir=tmp_path, mosquitto=False) as broker,
    ):
        assert broker.kind == "in-process"
        assert broker.host == "127.0.0.1"
        async with open_mqtt(broker.url, site_id="estate", clock=clock) as hub:
            await hub.ready()
            reports = hub.speaker(SpeakerId("s"), v).playbacks()
            now = datetime(2026, 1, 1, tzinfo=UTC)
            for n in range(100):
                await hub.publisher.vehicle_event(
                    VehicleEvent(str(n), now, v, EventKind.STEP)
                )
            while hub.waiting:  # noqa: ASYNC110 - the state is another thread's
                await asyncio.sleep(0.01)
            other = paho.Client(paho.CallbackAPIVersion.VERSION2)
            await asyncio.to_thread(other.connect, broker.host, broker.port)
            other.loop_start()
            other.publish(
                "patrolctl/v1/estate/speakers/s/playback",
                '{"id":"p","speaker_id":"s","key":"k","clip_sha256":"",'
                '"status":"started","start_utc":"2026-01-01T00:00:00Z"}',
                1,
            )
            assert (await anext(reports)).id == "p"
            other.disconnect()
            await asyncio.to_thread(other.loop_stop)
