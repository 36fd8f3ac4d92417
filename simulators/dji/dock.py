"""The dock without IO: services and time in, replies, events and states out.

Source: DJI Cloud API, Dock to Cloud, "PSDK Function" (methods, progress
steps) and "Aircraft Properties" (``psdk_widget_values``).
"""

import json
import math
import random
import uuid
from dataclasses import dataclass

Json = dict[str, object]

IDLE, TRANSMITTING, PLAYING, ABNORMAL, DOWNLOADING = 0, 1, 2, 3, 99
PCM_BYTES_PER_S = 32_000.0  # 16 kHz, mono, 16 bit
# The steps after the download, with the seconds that each takes.
STEPS = (("encoding", 0.05), ("upload", 0.1))
UNKNOWN_METHOD, NOT_PCM, NO_FILE = 319999, 319031, 319033


@dataclass(frozen=True, slots=True)
class DockFaults:
    """What is wrong with this dock.

    ``mute``: services get no reply. ``no_download``: files cannot be fetched.
    ``no_state``: the aircraft's state is never pushed. ``abnormal_after_s``:
    the speaker fails while it plays.
    """

    mute: bool = False
    no_download: bool = False
    no_state: bool = False
    abnormal_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Publish:
    """A message on a topic below ``thing/product/{sn}/``."""

    sn: str
    leaf: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """Fetch this and come back with ``on_file`` or ``on_no_file``."""

    url: str
    md5: str


Action = Publish | Download


class Dock:
    """One gateway, one aircraft, one loudspeaker. Times are simulated Unix seconds."""

    def __init__(
        self,
        gateway_sn: str,
        device_sn: str,
        *,
        psdk_index: int = 2,
        faults: DockFaults | None = None,
        seed: int = 0,
    ) -> None:
        self.gateway_sn = gateway_sn
        self.device_sn = device_sn
        self.psdk_index = psdk_index
        self.faults = faults or DockFaults()
        self.sounds: list[tuple[str, float]] = []
        self._random = random.Random(f"{seed}-{gateway_sn}")
        self._state = IDLE
        self._mode, self._volume = 0, 50
        self._file: Json = {}
        self._length_s = 0.0
        self._steps: list[tuple[float, str]] = []
        self._end_s = math.inf
        self._actions: list[Action] = []

    def take(self) -> list[Action]:
        """Everything to be done now."""
        actions, self._actions = self._actions, []
        return actions

    def next_due_s(self) -> float:
        """When :meth:`poll` next has something to do."""
        return self._steps[0][0] if self._steps else self._end_s

    def hello(self, now_s: float) -> None:
        """Just connected: push the properties."""
        self._push(now_s)

    def on_service(self, payload: bytes, now_s: float) -> None:
        """A message on the services topic."""
        self.poll(now_s)
        try:
            message = json.loads(payload)
            data, tid, method = message["data"], message["tid"], message["method"]
        except (ValueError, KeyError, TypeError):
            return
        result = 0
        if data.get("psdk_index") != self.psdk_index:
            result = NO_FILE
        else:
            result = self._serve(str(method), data, now_s)
        if not self.faults.mute:
            reply = {"tid": tid, "bid": message.get("bid"), "method": method}
            self._say("services_reply", reply | {"data": {"result": result}}, now_s)

    def _serve(self, method: str, data: Json, now_s: float) -> int:
        serve = {
            "speaker_audio_play_start": self._start,
            "speaker_replay": self._replay,
            "speaker_play_stop": self._stop,
            "speaker_play_mode_set": self._set_mode,
            "speaker_play_volume_set": self._set_volume,
        }.get(method)
        return UNKNOWN_METHOD if serve is None else serve(data, now_s)

    # services

    def _start(self, data: Json, now_s: float) -> int:
        file = data.get("file")
        if not isinstance(file, dict) or file.get("format") != "pcm":
            return NOT_PCM
        if not file.get("url") or not file.get("md5"):
            return NO_FILE
        self._file = dict(file)
        self._steps, self._end_s = [], math.inf
        self._progress("change_work_mode", 100, now_s)
        self._progress("download", 0, now_s)
        self._enter(DOWNLOADING, now_s)
        self._actions.append(Download(str(file["url"]), str(file["md5"])))
        return 0

    def _replay(self, data: Json, now_s: float) -> int:
        del data
        if self._length_s <= 0:
            return NO_FILE
        self._play(now_s)
        return 0

    def _stop(self, data: Json, now_s: float) -> int:
        del data
        self._steps, self._end_s = [], math.inf
        self._file = {}
        if self._state != IDLE:
            self._enter(IDLE, now_s)
        return 0

    def _set_mode(self, data: Json, now_s: float) -> int:
        if data.get("play_mode") not in (0, 1):
            return NO_FILE
        self._mode = int(str(data["play_mode"]))
        self._push(now_s)
        return 0

    def _set_volume(self, data: Json, now_s: float) -> int:
        volume = data.get("play_volume")
        if not isinstance(volume, int) or not 0 <= volume <= 100:
            return NO_FILE
        self._volume = volume
        self._push(now_s)
        return 0

    # what follows

    def on_file(self, md5: str, size: int, now_s: float) -> None:
        """A file was fetched and is what it should be."""
        if md5 != self._file.get("md5"):
            return  # it was stopped, or another was asked for
        self._length_s = size / PCM_BYTES_PER_S
        self._progress("download", 100, now_s)
        self._enter(TRANSMITTING, now_s)
        at_s = now_s
        for step, takes_s in STEPS:
            at_s += takes_s
            self._steps.append((at_s, step))
        self._steps.append((at_s, "play"))

    def on_no_file(self, md5: str, now_s: float) -> None:
        """A file cannot be had."""
        if md5 == self._file.get("md5"):
            self._progress("download", 0, now_s, status="failed")
            self._enter(IDLE, now_s)

    def poll(self, now_s: float) -> None:
        """Let time pass."""
        while self._steps and self._steps[0][0] <= now_s:
            at_s, step = self._steps.pop(0)
            if step == "play":
                self._play(at_s)
                word = self._random.choice(("ok", "success"))
                self._progress("play", 100, at_s, status=word)
            else:
                self._progress(step, 100, at_s)
        if now_s >= self._end_s:
            self._ended(now_s)

    def _play(self, now_s: float) -> None:
        self.sounds.append((str(self._file.get("md5")), now_s))
        length_s = self._length_s
        if self.faults.abnormal_after_s is not None:
            length_s = min(length_s, self.faults.abnormal_after_s)
        self._end_s = now_s + length_s
        self._enter(PLAYING, now_s)

    def _ended(self, now_s: float) -> None:
        if self._mode == 1:
            self._play(now_s)
            return
        self._end_s = math.inf
        broken = self.faults.abnormal_after_s is not None
        self._enter(ABNORMAL if broken else IDLE, now_s)

    # words

    def _enter(self, state: int, now_s: float) -> None:
        self._state = state
        self._push(now_s)

    def _progress(
        self, step: str, percent: int, now_s: float, *, status: str = "in_progress"
    ) -> None:
        output = {
            "psdk_index": self.psdk_index,
            "status": status,
            "md5": self._file.get("md5"),
            "progress": {"percent": percent, "step_key": step},
        }
        event = {
            "tid": self._id(),
            "bid": self._id(),
            "method": "speaker_audio_play_start_progress",
            "need_reply": 1,
            "data": {"result": 0, "output": output},
        }
        self._say("events", event, now_s)

    def _push(self, now_s: float) -> None:
        if self.faults.no_state:
            return
        speaker = {
            "work_mode": 1,
            "play_mode": self._mode,
            "play_volume": self._volume,
            "system_state": self._state,
            "play_file_name": self._file.get("name", ""),
            "play_file_md5": self._file.get("md5", ""),
        }
        widget = {"psdk_index": self.psdk_index, "psdk_name": "Speaker"}
        data = {"psdk_widget_values": [widget | {"speaker": speaker}]}
        state: Json = {"tid": self._id(), "bid": self._id(), "data": data}
        self._say("state", state, now_s, sn=self.device_sn)

    def _id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _say(
        self, leaf: str, message: Json, now_s: float, *, sn: str | None = None
    ) -> None:
        envelope = {**message, "timestamp": int(now_s * 1000)}
        envelope["gateway"] = self.gateway_sn
        payload = json.dumps(envelope).encode()
        self._actions.append(Publish(sn or self.gateway_sn, leaf, payload))
