"""The simulated loudspeaker plays a cue sheet by itself, each cue once."""

import json
from datetime import UTC, datetime

import pytest

from simulators.speaker.machine import Publish, SpeakerMachine
from simulators.speaker.place import place_in
from simulators.speaker.sheet import Place

NOW = 1_800_000_000.0
SHA = "ab" * 32
LAT, LON = 34.2, 117.2


def iso(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat()


def sheet(*cues: tuple[str, str, float], expires_s: float = NOW + 3600) -> bytes:
    command = {
        "action": "cue_sheet",
        "run_id": "r",
        "sortie_id": "s",
        "expires_utc": iso(expires_s),
        "cues": [
            {
                "cue_id": cue_id,
                "seq": n,
                "key": key,
                "clip_sha256": SHA,
                "clip_url": None,
                "duration_s": 5.0,
                "repeats": 1,
                "lat_deg": lat,
                "lon_deg": LON,
                "up_m": 30.0,
                "station": f"st-{cue_id}",
                "heading_deg": 90.0,
            }
            for n, (cue_id, key, lat) in enumerate(cues)
        ],
    }
    return json.dumps(command).encode()


def play(key: str, cue_id: str) -> bytes:
    command = {
        "action": "play",
        "key": key,
        "cue_id": cue_id,
        "clip_sha256": SHA,
        "expires_utc": iso(NOW + 3600),
        "repeats": 1,
    }
    return json.dumps(command).encode()


class Flight:
    """A machine that is carried about."""

    def __init__(self) -> None:
        self.machine = SpeakerMachine("spk", "veh")
        self.machine.on_clip(SHA, 5.0, NOW)
        self.now_s = NOW
        self.reports: list[tuple[str, str]] = []
        self.states: list[dict[str, object]] = []

    def command(self, payload: bytes) -> None:
        self.machine.on_command(payload, retained=False, now_s=self.now_s)
        self.collect()

    def stand(self, lat: float, for_s: float, **more: object) -> None:
        where = {"up_m": 30.0, "speed_m_s": 0.0, "heading_deg": 90.0, "armed": True}
        for _ in range(int(for_s * 5)):
            self.now_s += 0.2
            place = Place(lat, LON, **{**where, **more})
            self.machine.on_place(place, self.now_s)
        self.machine.poll(self.now_s)
        self.collect()

    def collect(self) -> None:
        for action in self.machine.take():
            if isinstance(action, Publish):
                payload = json.loads(action.payload)
                if action.topic == "playback":
                    self.reports.append((payload["key"], payload["status"]))
                else:
                    self.states.append(payload)

    @property
    def completed(self) -> list[str]:
        return [key for key, status in self.reports if status == "completed"]


def test_each_cue_is_played_once_at_its_place() -> None:
    flight = Flight()
    flight.command(sheet(("a", "r:a", LAT), ("b", "r:b", LAT + 0.001)))
    assert flight.states[-1]["sheet"] == "r/s"
    flight.stand(LAT + 0.001, 3.0, speed_m_s=5.0)  # flown through
    flight.stand(LAT, 20.0)
    flight.stand(LAT, 3.0, up_m=60.0)
    flight.stand(LAT + 0.001, 20.0)
    flight.stand(LAT, 20.0)
    assert flight.completed == ["r:a", "r:b"]
    assert flight.reports[1:3] == [("r:a", "completed"), ("r:b", "started")]


def test_a_command_and_the_sheet_share_their_keys() -> None:
    flight = Flight()
    flight.command(sheet(("a", "r:a", LAT)))
    flight.stand(LAT, 2.0)
    flight.command(play("r:a", "a"))
    flight.stand(LAT, 20.0)
    assert flight.completed == ["r:a"]


def test_each_round_has_its_own_key_and_no_visit_hears_two() -> None:
    flight = Flight()
    flight.command(sheet(("a", "r:a", LAT), ("a", "r:a:lap2", LAT)))
    flight.stand(LAT, 30.0)
    assert flight.completed == ["r:a"]
    flight.command(play("r:a:lap2", "a"))  # it has not left in between
    assert flight.reports[-1] == ("r:a:lap2", "refused")
    flight = Flight()
    flight.command(sheet(("a", "r:a", LAT), ("a", "r:a:lap2", LAT)))
    for _ in range(3):
        flight.stand(LAT, 20.0)
        flight.stand(LAT + 0.01, 5.0)
    assert flight.completed == ["r:a", "r:a:lap2"]


@pytest.mark.parametrize("why", ["silenced", "taken back", "expired", "disarmed"])
def test_it_keeps_quiet(why: str) -> None:
    flight = Flight()
    late_s = NOW + 1 if why == "expired" else NOW + 3600
    flight.command(sheet(("a", "r:a", LAT), expires_s=late_s))
    if why == "silenced":
        flight.command(json.dumps({"action": "silence"}).encode())
    if why == "taken back":
        flight.command(sheet())
        assert flight.states[-1]["sheet"] is None
    flight.stand(LAT, 20.0, armed=why != "disarmed")
    assert flight.completed == []


def test_the_nose_turns_before_it_speaks() -> None:
    flight = Flight()
    flight.command(sheet(("a", "r:a", LAT)))
    flight.stand(LAT, 10.0, heading_deg=200.0)
    assert flight.reports == []
    flight.stand(LAT, 10.0)
    assert flight.completed == ["r:a"]


def test_a_broken_sheet_is_a_bad_command() -> None:
    flight = Flight()
    for broken in ({"cues": 3}, {"cues": [{"key": "x"}]}):
        body = {"action": "cue_sheet", "run_id": "r", "sortie_id": "s"}
        body |= {"expires_utc": iso(NOW + 60)}
        flight.command(json.dumps(body | broken).encode())
        assert "bad command" in str(flight.states[-1]["reason"])
    assert place_in(b"{}") is None
    assert place_in(b'{"lat_deg": null}') is None
