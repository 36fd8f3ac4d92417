"""The topics as an independent MQTT 5 subscriber sees them on a real broker."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from patrolctl.clock import SystemClock
from patrolctl.domain.alerts import Alert, AlertKind, AlertLevel
from patrolctl.domain.gaps import Gap, GapHead, GapState, Missing
from patrolctl.domain.ids import (
    PlanId,
    ReceiverId,
    RunId,
    SortieId,
    SpeakerId,
    StationId,
    VehicleId,
)
from patrolctl.domain.machines import FleetVehicle, LinkState, VehicleKind
from patrolctl.domain.plan import PlanKind
from patrolctl.domain.run import Phase, RunEvent, RunState, SortieRun
from patrolctl.domain.sound import Clip, Cue, PlacedCue, PlaybackStatus, SpeakerPhase
from patrolctl.domain.telemetry import EventKind, Telemetry, VehicleEvent
from patrolctl.mqtt import BrokerFailed, asyncapi_document, open_mqtt, run_broker

pytestmark = pytest.mark.broker
NOW = datetime(2026, 3, 28, 8, 0, tzinfo=UTC)
V, R, S = VehicleId("d1"), RunId("run-1"), SpeakerId("spk-1")


def fact(number: int) -> VehicleEvent:
    return VehicleEvent(f"e{number}", NOW, V, EventKind.STEP, f"step {number}", number)


def sample(**more: Any) -> Telemetry:
    return Telemetry(
        V, VehicleKind.COPTER, NOW, LinkState.LIVE, lat_deg=34.2, lon_deg=117.2, **more
    )


def run_state() -> RunState:
    sortie = SortieRun(SortieId("s1"), V, Phase.RUNNING, step=3, steps=6)
    return RunState(R, PlanId("p1"), NOW, Phase.RUNNING, (sortie,))


def alert() -> Alert:
    return Alert("a1", NOW, "estate", AlertKind.GAP_OPENED, AlertLevel.NOTICE, "missed")


def gap(**more: Any) -> Gap:
    missing = Missing((ReceiverId("w1"),), ("b/1-1",))
    about = (R, "estate", PlanId("p1"), PlanKind.DRONE, "a", NOW)
    return Gap(*about, missing, missing, **more)


async def test_a_closed_gap_expires_and_an_open_one_does_not(
    mosquitto: Any, witness: Any
) -> None:
    live = witness(mosquitto.port)
    async with open_mqtt(mosquitto.url, site_id="estate", clock=SystemClock()) as hub:
        await hub.ready()
        await hub.publisher.gap(GapHead.of(gap()))
        await hub.publisher.gap(GapHead.of(gap(state=GapState.CLOSED)))
        await asyncio.to_thread(live.wait, "gaps/run-1/state", 2)
    opened, closed = live.on("gaps/run-1/state")
    assert opened.expiry_s is None
    assert opened.payload["missing_households"] == 1
    assert closed.payload["state"] == "closed"
    assert 86_390 <= (closed.expiry_s or 0) <= 86_400


async def until(done: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not done():  # noqa: ASYNC110 - the state is another thread's
            await asyncio.sleep(0.01)


async def test_every_topic_has_its_qos_retention_and_expiry(
    mosquitto: Any, witness: Any
) -> None:
    live = witness(mosquitto.port)
    async with open_mqtt(mosquitto.url, site_id="estate", clock=SystemClock()) as hub:
        await hub.ready()
        out = hub.publisher
        await out.connection(V, LinkState.LIVE)
        await out.factsheet(
            FleetVehicle(V, VehicleKind.COPTER, "tcp:10.0.0.1:5760", speaker_id=S)
        )
        await out.telemetry(sample(seq=3, mode="AUTO"), sortie="s1")
        await out.vehicle_event(fact(1))
        event = RunEvent("re1", NOW, R, "started", SortieId("s1"), Phase.RUNNING)
        await out.run_event(event, run_state())
        await out.alert(alert())
        await out.gap(GapHead.of(gap()))
        await hub.speaker(S, V).silence()
        await until(lambda: hub.waiting == 0)
        await asyncio.to_thread(live.wait, "speakers/spk-1/command")
        await asyncio.to_thread(live.wait, "vehicles/d1/position")
    await asyncio.to_thread(live.wait, "service/connection", 2)

    base = "patrolctl/v1/estate/"
    by_topic = {h.topic.removeprefix(base): h for h in live.heard}
    assert set(by_topic) == {
        "service/connection",
        "vehicles/d1/connection",
        "vehicles/d1/factsheet",
        "vehicles/d1/state",
        "vehicles/d1/position",
        "vehicles/d1/events",
        "runs/run-1/state",
        "runs/run-1/events",
        "alerts",
        "gaps/run-1/state",
        "speakers/spk-1/command",
    }
    for topic, heard in by_topic.items():
        low = topic in {"vehicles/d1/state", "vehicles/d1/position"}
        assert heard.qos == (0 if low else 1), topic
        assert {"id", "ts_utc", "seq"} <= set(heard.payload), topic
    assert 8 <= (by_topic["vehicles/d1/state"].expiry_s or 0) <= 10
    assert 86_390 <= (by_topic["runs/run-1/state"].expiry_s or 0) <= 86_400
    assert by_topic["vehicles/d1/state"].payload["item"] == 3
    assert by_topic["vehicles/d1/state"].payload["sortie"] == "s1"
    assert by_topic["vehicles/d1/events"].payload["id"] == "e1"
    assert by_topic["runs/run-1/state"].payload["progress_ratio"] == 0.5
    assert "10.0.0.1" not in json.dumps(by_topic["vehicles/d1/factsheet"].payload)
    states = [h.payload["state"] for h in live.on("service/connection")]
    assert states == ["ONLINE", "OFFLINE"]

    # What a late subscriber gets is exactly what is said to be retained.
    late = witness.late(mosquitto.port)
    await asyncio.to_thread(late.wait, "service/connection")
    await asyncio.sleep(0.2)
    assert {h.topic.removeprefix(base) for h in late.heard} == {
        "service/connection",
        "vehicles/d1/connection",
        "vehicles/d1/factsheet",
        "runs/run-1/state",
        "gaps/run-1/state",
    }
    assert all(h.retain for h in late.heard)


async def test_payloads_have_the_fields_of_the_asyncapi_document(
    mosquitto: Any, witness: Any
) -> None:
    live = witness(mosquitto.port)
    async with open_mqtt(mosquitto.url, site_id="estate", clock=SystemClock()) as hub:
        await hub.ready()
        await hub.publisher.telemetry(sample(), sortie=None)
        await hub.publisher.vehicle_event(fact(1))
        event = RunEvent("re1", NOW, R, "started")
        await hub.publisher.run_event(event, run_state())
        await hub.publisher.alert(alert())
        await hub.publisher.gap(GapHead.of(gap()))
        await hub.publisher.connection(V, LinkState.LIVE)
        await hub.publisher.factsheet(FleetVehicle(V, VehicleKind.COPTER))
        await asyncio.to_thread(live.wait, "factsheet")
        await asyncio.to_thread(live.wait, "d1/state")
        await asyncio.to_thread(live.wait, "d1/position")
    document: Any = asyncapi_document()
    assert document["asyncapi"] == "3.0.0"
    checked = 0
    for name, channel in document["channels"].items():
        parts = channel["address"].split("/")
        heard = [
            h
            for h in live.heard
            if len(h.topic.split("/")) == len(parts)
            and all(
                p.startswith("{") or p == t
                for p, t in zip(parts, h.topic.split("/"), strict=True)
            )
        ]
        schema = document["components"]["messages"][name]["payload"]
        for one in heard:
            checked += 1
            assert set(one.payload) <= set(schema["properties"]), name
            assert set(schema["required"]) <= set(one.payload), name
    assert checked >= 8


async def test_state_at_one_hertz_and_on_change_position_at_five(
    mosquitto: Any, witness: Any
) -> None:
    live = witness(mosquitto.port)
    async with open_mqtt(mosquitto.url, site_id="estate", clock=SystemClock()) as hub:
        await hub.ready()
        for tick in range(100):
            mode = "AUTO" if tick < 50 else "RTL"
            await hub.publisher.telemetry(sample(mode=mode), sortie=None)
            await asyncio.sleep(0.012)
    assert 2 <= len(live.on("d1/state")) <= 4
    assert 5 <= len(live.on("d1/position")) <= 9


async def test_a_long_outage_loses_no_fact(mosquitto: Any, witness: Any) -> None:
    live = witness(mosquitto.port)
    async with open_mqtt(mosquitto.url, site_id="estate", clock=SystemClock()) as hub:
        await hub.ready()
        sent = 0
        for round_number in range(3):
            for _ in range(200):
                await hub.publisher.vehicle_event(fact(sent))
                sent += 1
            if round_number == 1:
                # What a killed broker had acknowledged and not yet passed
                # on is gone with it, and not ours to keep.
                await until(lambda: hub.waiting == 0)
                await asyncio.to_thread(_all_of, live, sent)
                mosquitto.kill()
            else:
                mosquitto.stop()
            for _ in range(200):
                await hub.publisher.vehicle_event(fact(sent))
                sent += 1
            await until(lambda: not hub.connected)
            await asyncio.sleep(0.2)
            mosquitto.start()
            await until(lambda: hub.waiting == 0, 20)
    await asyncio.to_thread(_all_of, live, sent)
    ids = [str(h.payload["id"]) for h in live.on("d1/events")]
    assert set(ids) == {f"e{n}" for n in range(sent)}
    seqs = {}
    for heard in live.on("d1/events"):
        seqs.setdefault(heard.payload["id"], heard.payload["seq"])
    assert len(set(seqs.values())) == sent


def _all_of(live: Any, sent: int) -> None:
    with live.changed:
        live.changed.wait_for(
            lambda: len({h.payload["id"] for h in live.on_locked("d1/events")}) == sent,
            15,
        )


async def test_a_service_that_dies_is_said_to_be_broken(
    mosquitto: Any, witness: Any
) -> None:
    live = witness(mosquitto.port)
    code = textwrap.dedent(
        f"""
        import asyncio
        from patrolctl.clock import SystemClock
        from patrolctl.mqtt import open_mqtt
        async def main():
            async with open_mqtt({mosquitto.url!r}, site_id="estate",
                                 clock=SystemClock()) as hub:
                await hub.ready()
                await asyncio.sleep(60)
        asyncio.run(main())
        """
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    try:
        await asyncio.to_thread(live.wait, "service/connection")
        process.send_signal(signal.SIGKILL)
    finally:
        await process.wait()
    await asyncio.to_thread(live.wait, "service/connection", 2)
    states = [h.payload["state"] for h in live.on("service/connection")]
    assert states == ["ONLINE", "CONNECTION_BROKEN"]


async def test_speaker_commands_and_reports(mosquitto: Any, witness: Any) -> None:
    live = witness(mosquitto.port)
    clock = SystemClock()
    async with open_mqtt(
        mosquitto.url, site_id="estate", clock=clock, clip_base_url="http://10.1.1.1:80"
    ) as hub:
        await hub.ready()
        speaker = hub.speaker(S, V)
        assert speaker.state.phase is SpeakerPhase.UNKNOWN
        reports = speaker.playbacks()
        cue = Cue("c1", 4, "ab" * 32, 2, 7.5, StationId("st1"))
        clip = Clip("ab" * 32, "/x.wav", 7.5, 22050)
        expires = clock.utc() + timedelta(seconds=20)
        await speaker.prepare(clip)
        await speaker.play(cue, key="run-1:c1", expires_utc=expires)
        placed = PlacedCue(cue, "run-1:c1", 34.2, 117.2, 30.0)
        await speaker.load(
            (placed,), run_id="run-1", sortie_id="s1", expires_utc=expires
        )
        await asyncio.to_thread(live.wait, "spk-1/command", 3)
        await speaker.silence()
        heard = await asyncio.to_thread(live.wait, "spk-1/command", 4)
        prepare, play, sheet, silence = (h.payload for h in heard)
        assert [h.payload["action"] for h in heard] == [
            "prepare",
            "play",
            "cue_sheet",
            "silence",
        ]
        assert prepare["clip_url"] == f"http://10.1.1.1:80/api/v1/clips/{'ab' * 32}.wav"
        assert play["key"] == "run-1:c1"
        assert play["run_id"] == "run-1"
        assert play["repeats"] == 2
        assert datetime.fromisoformat(str(play["expires_utc"])) == expires
        assert heard[1].expiry_s is not None
        assert sheet["cues"][0]["up_m"] == 30.0  # type: ignore[index]  # JSON
        assert [p["seq"] for p in (prepare, play, sheet, silence)] == [1, 2, 3, 4]
        report = {
            "id": "pb1",
            "ts_utc": "2026-03-28T08:00:00Z",
            "seq": 1,
            "run_id": "run-1",
            "speaker_id": "spk-1",
            "key": "run-1:c1",
            "clip_sha256": "ab" * 32,
            "status": "completed",
            "start_utc": "2026-03-28T08:00:00Z",
            "end_utc": "2026-03-28T08:00:15Z",
            "repeats_done": 2,
            "complete": True,
        }
        topic = "patrolctl/v1/estate/speakers/spk-1/"
        live.publish(topic + "playback", {"not": "a report"})
        live.publish(topic + "playback", report)
        live.publish(topic + "playback", report)
        live.publish(topic + "playback", {**report, "id": "pb2", "status": "cut"})
        async with asyncio.timeout(5):
            first, second = await anext(reports), await anext(reports)
        assert (first.id, first.status) == ("pb1", PlaybackStatus.COMPLETED)
        assert (second.id, second.status) == ("pb2", PlaybackStatus.CUT)
        # What it is asked about it tells again, and that is no copy.
        await speaker.recall(("run-1:c1",))
        await asyncio.to_thread(live.wait, "spk-1/command", 5)
        live.publish(topic + "playback", report)
        async with asyncio.timeout(5):
            assert (await anext(reports)).id == "pb1"
        live.publish(
            topic + "state",
            {
                "id": "x",
                "ts_utc": "2026-03-28T08:00:00Z",
                "seq": 1,
                "speaker_id": "spk-1",
                "phase": "playing",
                "cached": ["ab" * 32],
            },
            retain=True,
        )
        await until(lambda: speaker.state.phase is SpeakerPhase.PLAYING)
    async with open_mqtt(mosquitto.url, site_id="estate", clock=clock) as hub:
        await hub.ready()
        await asyncio.sleep(0.2)  # the state came before anybody asked for it
        assert hub.speaker(S, V).state.cached == ("ab" * 32,)


async def test_reports_made_while_the_service_was_away_arrive(
    mosquitto: Any, witness: Any
) -> None:
    live = witness(mosquitto.port)
    clock = SystemClock()
    async with open_mqtt(mosquitto.url, site_id="estate", clock=clock) as hub:
        await hub.ready()
    live.publish(
        "patrolctl/v1/estate/speakers/spk-1/playback",
        {
            "id": "pb9",
            "speaker_id": "spk-1",
            "key": "k",
            "clip_sha256": "",
            "status": "completed",
            "start_utc": "2026-03-28T08:00:00Z",
        },
    )
    async with open_mqtt(mosquitto.url, site_id="estate", clock=clock) as hub:
        reports = hub.speaker(S, V).playbacks()
        async with asyncio.timeout(5):
            assert (await anext(reports)).id == "pb9"


async def test_silence_takes_back_what_was_not_sent(
    mosquitto: Any, witness: Any
) -> None:
    live = witness(mosquitto.port)
    clock = SystemClock()
    async with open_mqtt(mosquitto.url, site_id="estate", clock=clock) as hub:
        await hub.ready()
        mosquitto.stop()
        await until(lambda: not hub.connected)
        cue = Cue("c1", 4, "ab" * 32, 1, 7.5)
        later = clock.utc() + timedelta(seconds=60)
        await hub.speaker(S, V).play(cue, key="k", expires_utc=later)
        await hub.speaker(S, V).prepare(Clip("ab" * 32, "/x.wav", 7.5, 22050))
        await hub.speaker(S, V).silence()
        mosquitto.start()
        await until(lambda: hub.waiting == 0)
        await asyncio.to_thread(live.wait, "spk-1/command", 2)
    actions = [h.payload["action"] for h in live.on("spk-1/command")]
    assert actions == ["silence", "prepare"]


async def test_our_mosquitto_comes_back_when_it_is_killed(tmp_path: Path) -> None:
    async with run_broker(state_dir=tmp_path, mosquitto=True) as broker:
        assert broker.kind == "mosquitto"
        async with open_mqtt(broker.url, site_id="estate", clock=SystemClock()) as hub:
            await hub.ready()
            found = subprocess.run(  # noqa: ASYNC221 - milliseconds
                ["pgrep", "-f", str(tmp_path / "mosquitto.conf")],
                capture_output=True,
                text=True,
                check=True,
            )
            os.kill(int(found.stdout.split()[0]), signal.SIGKILL)
            await until(lambda: not hub.connected)
            await hub.publisher.vehicle_event(fact(1))
            await until(lambda: hub.connected and hub.waiting == 0)
    assert "mosquitto" not in _commands(tmp_path)


def _commands(folder: Path) -> str:
    found = subprocess.run(
        ["pgrep", "-af", str(folder)], capture_output=True, text=True, check=False
    )
    return found.stdout


async def test_the_broker_listens_on_loopback_only_and_refuses_a_used_port(
    tmp_path: Path,
) -> None:
    async with run_broker(state_dir=tmp_path, mosquitto=True) as broker:
        config = (tmp_path / "mosquitto.conf").read_text()
        assert f"listener {broker.port} 127.0.0.1" in config
        with pytest.raises(BrokerFailed, match=str(broker.port)):
            async with run_broker(port=broker.port, state_dir=tmp_path):
                pass
