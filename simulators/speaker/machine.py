"""The loudspeaker itself, without IO: commands and time in, reports out."""

import json
import math
import random
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.speaker.ledger import KeyLedger, Verdict
from simulators.speaker.orders import (
    BadCommand,
    Json,
    Order,
    bad,
    moment,
    order_of,
    parse,
    text,
    url_of,
)
from simulators.speaker.sheet import Place, Sheet
from simulators.speaker.talk import Talk, talk_order

MOST_WAITING = 32
IDLE, CACHING, PLAYING, FAULT = "idle", "caching", "playing", "fault"
STARTED, COMPLETED, CUT, REFUSED = "started", "completed", "cut", "refused"


@dataclass(frozen=True, slots=True)
class SpeakerFaults:
    """What is wrong with this loudspeaker.

    ``missing_clip``: no clip can be fetched. ``device``: the amplifier is
    dead. ``drop_clip``: a cached clip is gone when it is to be played.
    ``cut_after_s``: every playback dies after so long.
    """

    missing_clip: bool = False
    device: bool = False
    drop_clip: bool = False
    cut_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Publish:
    """A message for a topic below the speaker's."""

    topic: str
    payload: bytes
    retain: bool


@dataclass(frozen=True, slots=True)
class Fetch:
    """Get this clip and come back with ``on_clip`` or ``on_no_clip``."""

    sha256: str
    url: str | None


Action = Publish | Fetch


@dataclass(frozen=True, slots=True)
class Sounded:
    """What truly came out: ``whole`` messages of ``message_s`` from the start."""

    key: str
    start_s: float
    end_s: float
    message_s: float
    whole: int


@dataclass(frozen=True, slots=True)
class _Playing:
    order: Order
    start_s: float
    duration_s: float
    end_s: float


class SpeakerMachine:
    """One loudspeaker. All times are simulated Unix seconds."""

    def __init__(
        self,
        speaker_id: str,
        vehicle_id: str | None,
        *,
        ledger: KeyLedger | None = None,
        faults: SpeakerFaults | None = None,
        seed: int = 0,
    ) -> None:
        self.speaker_id = speaker_id
        self.vehicle_id = vehicle_id
        self.faults = faults or SpeakerFaults()
        self.ledger = ledger or KeyLedger()
        self._random = random.Random(f"{seed}-{speaker_id}")
        self._durations_s: dict[str, float] = {}
        self._fetching: dict[str, list[Order]] = {}
        self._playing: _Playing | None = None
        self._waiting: list[Order] = []
        self._talk = Talk()
        self.sheet = Sheet()
        self._last_report: dict[str, Json] = {}
        self._reason: str | None = None
        self._seq = {"playback": 0, "state": 0}
        self._actions: list[Action] = []
        # What truly happened, whatever is reported of it.
        self.sounded: deque[Sounded] = deque(maxlen=4096)

    # -- what it is doing ----------------------------------------------------

    @property
    def phase(self) -> str:
        """The phase that is published."""
        if self.faults.device:
            return FAULT
        if self._playing is not None or self._talk.open:
            return PLAYING
        return CACHING if self._fetching else IDLE

    def next_due_s(self) -> float:
        """When :meth:`poll` next has something to do."""
        end_s = math.inf if self._playing is None else self._playing.end_s
        return min(end_s, self._talk.due_s())

    def take(self) -> list[Action]:
        """Everything to be done now."""
        actions, self._actions = self._actions, []
        return actions

    # -- what reaches it -----------------------------------------------------

    def hello(self, now_s: float) -> None:
        """Just connected: say how it is."""
        self._say_state(now_s)

    def on_command(self, payload: bytes, *, retained: bool, now_s: float) -> None:
        """A message on the command topic."""
        if retained:
            return  # an old copy on the broker, whatever it asks
        self.poll(now_s)
        try:
            self._obey(parse(payload), now_s)
        except BadCommand as fault:
            self._reason = f"bad command: {fault}"
            self._say_state(now_s)

    def _obey(self, command: Json, now_s: float) -> None:
        """Do what was understood; raises BadCommand."""
        match command.get("action"):
            case "silence":
                self.sheet.muted = True
                self._silence(now_s, "silenced")
            case "prepare":
                self._prepare(text(command, "clip_sha256"), url_of(command), now_s)
            case "play":
                order = order_of(command)
                self.sheet.muted = self.sheet.muted and order.urgent
                self._play(order, now_s)
            case "cue_sheet":
                self._load(command, now_s)
            case "report":
                self._say_again(text(command, "key"))
            case "talk_begin" | "talk_end":
                self._on_talk_command(command, now_s)
            case action:
                bad(f"unknown action {action!r}")

    def on_place(self, place: Place, now_s: float) -> None:
        """The vehicle told where it is; a cue of the sheet may be due."""
        self.poll(now_s)
        busy = self._playing is not None or bool(self._waiting) or self._talk.open
        order = self.sheet.due(place, self.ledger.__contains__, now_s, busy=busy)
        if order is not None:
            self.sheet.begun(order)
            self._play(order, now_s)

    def on_clip(self, sha256: str, duration_s: float, now_s: float) -> None:
        """A clip was fetched and is what it should be."""
        waiting = self._fetching.pop(sha256, [])
        self._durations_s[sha256] = duration_s
        self._reason = None
        for order in waiting:
            self._start(order, now_s)
        self._say_state(now_s)

    def on_no_clip(self, sha256: str, reason: str, now_s: float) -> None:
        """A clip cannot be had."""
        waiting = self._fetching.pop(sha256, [])
        self._reason = reason
        for order in waiting:
            self._refuse(order, reason, now_s)
        self._say_state(now_s)

    def poll(self, now_s: float) -> None:
        """Let time pass: a playback ends, a talker is not heard any more."""
        if now_s >= self._talk.due_s():
            self._end_talk(now_s, "nothing was heard from the talker for 1 s")
        playing = self._playing
        if playing is None or now_s < playing.end_s:
            return
        self._playing = None
        whole_s = playing.duration_s * playing.order.repeats
        if playing.end_s - playing.start_s < whole_s - 1e-6:
            self._report_end(playing, playing.end_s, "device fault")
        else:
            self._report_end(playing, playing.end_s, None)
        self._next(now_s)
        self._say_state(now_s)

    def shut_down(self, now_s: float) -> None:
        """Power off: whatever it plays is cut."""
        self._silence(now_s, "shut down")

    # -- inside --------------------------------------------------------------

    def _load(self, command: Json, now_s: float) -> None:
        for sha256, url in dict(self.sheet.load(command)).items():
            if sha256 not in self._durations_s:
                self._fetch(sha256, url, now_s)
        self._say_state(now_s)

    def _heard_here(self, order: Order) -> bool:
        """Whether this visit has had the whole cue under another key."""
        report = self._last_report.get(self.sheet.spoken(order) or "")
        return report is not None and bool(report["complete"])

    def _play(self, order: Order, now_s: float) -> None:
        if order.key not in self.ledger and self._heard_here(order):
            self._refuse(order, "it was played here in this visit", now_s)
            return
        verdict = self.ledger.judge(
            order.key, order.expires_s, retained=False, now_s=now_s
        )
        if verdict is Verdict.DUPLICATE:
            self._renew(order)
            self._say_again(order.key)
        elif verdict is Verdict.EXPIRED:
            self._refuse(order, "expired", now_s)
        elif self.faults.device:
            self._refuse(order, "device fault", now_s)
        else:
            if self.faults.drop_clip:
                self._durations_s.pop(order.clip_sha256, None)
            self._start_or_fetch(order, now_s)

    def _start_or_fetch(self, order: Order, now_s: float) -> None:
        if order.clip_sha256 in self._durations_s:
            self._start(order, now_s)
            self._say_state(now_s)
        elif self.faults.drop_clip:
            self._refuse(order, "clip lost from the cache", now_s)
            self._say_state(now_s)
        else:
            self._fetch(order.clip_sha256, order.clip_url, now_s, waiting=order)

    def _prepare(self, sha256: str, url: str | None, now_s: float) -> None:
        if sha256 not in self._durations_s and sha256 not in self._fetching:
            self._fetch(sha256, url, now_s)
        else:
            self._say_state(now_s)

    def _fetch(
        self,
        sha256: str,
        url: str | None,
        now_s: float,
        *,
        waiting: Order | None = None,
    ) -> None:
        under_way = sha256 in self._fetching
        orders = self._fetching.setdefault(sha256, [])
        if waiting is not None:
            orders.append(waiting)
        if under_way:
            return
        self._actions.append(Fetch(sha256, url))
        self._say_state(now_s)

    def _start(self, order: Order, now_s: float) -> None:
        if now_s >= order.expires_s:
            self._refuse(order, "expired before its turn", now_s)
            return
        busy = self._playing is not None and not self._overtakes(order, now_s)
        if busy or self._talk.open:
            self._wait(order, now_s)
            return
        duration_s = self._durations_s[order.clip_sha256]
        length_s = duration_s * order.repeats
        if self.faults.cut_after_s is not None:
            length_s = min(length_s, self.faults.cut_after_s)
        self._playing = _Playing(order, now_s, duration_s, now_s + length_s)
        self.sheet.begun(order)
        self._report(order, STARTED, now_s, now_s)

    def _overtakes(self, order: Order, now_s: float) -> bool:
        """Whether an urgent order takes the place of what plays; then it is cut."""
        playing = self._playing
        if playing is None or not order.urgent or playing.order.urgent:
            return False
        self._playing = None
        why = "an urgent announcement came between"
        self._report_end(playing, now_s, why, cut_by="urgent")
        return True

    def _wait(self, order: Order, now_s: float) -> None:
        """Have it wait its turn: urgent ones first, else in order of coming."""
        if len(self._waiting) >= MOST_WAITING:
            self._refuse(order, "too many commands are waiting", now_s)
            return
        self._waiting.append(order)
        self._waiting.sort(key=lambda o: not o.urgent)

    def _renew(self, order: Order) -> None:
        """The same command again, with a later expiry, while it waits."""
        self._waiting = [order if o.key == order.key else o for o in self._waiting]

    def _next(self, now_s: float) -> None:
        """Whose turn it is now."""
        while self._waiting and self._playing is None and not self._talk.open:
            self._start(self._waiting.pop(0), now_s)

    # -- live talk -----------------------------------------------------------

    def on_talk(self, payload: bytes, now_s: float) -> None:
        """A frame on the talk topic."""
        self.poll(now_s)
        self._talk.frame(payload, now_s)

    def _on_talk_command(self, command: Json, now_s: float) -> None:
        talk_id = text(command, "talk_id")
        if command["action"] == "talk_end":
            if self._talk.over(talk_id):
                self._end_talk(now_s, None)
        elif self._talk.open or not self._talk.fresh(talk_id):
            self._refuse(talk_order(talk_id), "somebody talks already", now_s)
        elif now_s >= moment(command, "expires_utc"):
            self._refuse(talk_order(talk_id), "expired", now_s)
        else:
            playing, self._playing = self._playing, None
            if playing is not None:
                why = "live talk came between"
                self._report_end(playing, now_s, why, cut_by="talk")
            self._talk.begin(talk_id, now_s)
            self._report(talk_order(talk_id), STARTED, now_s, now_s)
            self._say_state(now_s)

    def _end_talk(
        self, now_s: float, reason: str | None, *, cut_by: str | None = None
    ) -> None:
        talk_id, start_s = self._talk.end()
        self._report(
            talk_order(talk_id),
            COMPLETED if reason is None else CUT,
            start_s,
            now_s,
            end_s=now_s,
            reason=reason,
            cut_by=cut_by,
        )
        self._next(now_s)
        self._say_state(now_s)

    def _silence(self, now_s: float, reason: str) -> None:
        for order in self._waiting:
            self._refuse(order, reason, now_s)
        self._waiting.clear()
        by = "silence" if reason == "silenced" else None
        if self._talk.open:
            self._end_talk(now_s, reason, cut_by=by)
        for orders in self._fetching.values():
            for order in orders:
                self._refuse(order, reason, now_s)
            orders.clear()
        playing, self._playing = self._playing, None
        if playing is not None:
            self._report_end(playing, now_s, reason, cut_by=by)
        self._say_state(now_s)

    def _refuse(self, order: Order, reason: str, now_s: float) -> None:
        self._report(order, REFUSED, now_s, now_s, end_s=now_s, reason=reason)

    def _report_end(
        self,
        playing: _Playing,
        end_s: float,
        reason: str | None,
        *,
        cut_by: str | None = None,
    ) -> None:
        order = playing.order
        done = order.repeats
        if reason is not None:
            done = int((end_s - playing.start_s) / playing.duration_s + 1e-9)
        status = COMPLETED if reason is None else CUT
        done = min(done, order.repeats)
        self.sounded.append(
            Sounded(order.key, playing.start_s, end_s, playing.duration_s, done)
        )
        self._report(
            order,
            status,
            playing.start_s,
            end_s,
            end_s=end_s,
            reason=reason,
            done=done,
            cut_by=cut_by,
        )

    def _report(  # noqa: PLR0913 - a report's fields
        self,
        order: Order,
        status: str,
        start_s: float,
        now_s: float,
        *,
        end_s: float | None = None,
        reason: str | None = None,
        done: int = 0,
        cut_by: str | None = None,
    ) -> None:
        report: Json = {
            **self._head("playback", now_s),
            "speaker_id": self.speaker_id,
            "vehicle_id": self.vehicle_id,
            "key": order.key,
            "clip_sha256": order.clip_sha256,
            "status": status,
            "start_utc": _iso(start_s),
            "end_utc": None if end_s is None else _iso(end_s),
            "cue_id": order.cue_id,
            "station": order.station,
            "run_id": order.run_id,
            "repeats_done": done,
            "complete": status == COMPLETED,
            "reason": reason,
            "cut_by": cut_by,
        }
        self._last_report[order.key] = report
        if len(self._last_report) > 1000:
            self._last_report.pop(next(iter(self._last_report)))
        self._publish("playback", report, retain=False)

    def _say_again(self, key: str) -> None:
        """A copy of a command: the same report again, under the same id."""
        report = self._last_report.get(key)
        if report is not None:
            self._publish("playback", report, retain=False)

    def _say_state(self, now_s: float) -> None:
        reason = "device fault" if self.faults.device else self._reason
        state: Json = {
            **self._head("state", now_s),
            "speaker_id": self.speaker_id,
            "phase": self.phase,
            "cached": sorted(self._durations_s),
            "reason": reason,
            "sheet": self.sheet.name,
        }
        self._publish("state", state, retain=True)

    def _head(self, topic: str, now_s: float) -> Json:
        self._seq[topic] += 1
        random_id = uuid.UUID(int=self._random.getrandbits(128), version=4)
        return {"id": str(random_id), "ts_utc": _iso(now_s), "seq": self._seq[topic]}

    def _publish(self, topic: str, payload: Json, *, retain: bool) -> None:
        data = json.dumps(payload, ensure_ascii=False).encode()
        self._actions.append(Publish(topic, data, retain))


def last_will(speaker_id: str, now_s: float) -> bytes:
    """The state that the broker publishes when the speaker vanishes."""
    state = {
        "id": str(uuid.uuid4()),
        "ts_utc": _iso(now_s),
        "seq": 0,
        "speaker_id": speaker_id,
        "phase": "unknown",
        "cached": [],
        "reason": "connection lost",
    }
    return json.dumps(state).encode()


def _iso(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat()
