"""One file at a time on one DJI loudspeaker: begun, followed, ended."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from patrolctl.clock import Clock
from patrolctl.domain.sound import CutBy
from patrolctl.mqtt.dji.line import Line
from patrolctl.mqtt.dji.pcm import PcmFile
from patrolctl.mqtt.dji.wire import DjiFailed, Progress, SystemState

log = logging.getLogger(__name__)

# How much earlier than the file is long "idle" may come: the begin is told by
# an event that has its own way through dock and broker.
EARLY_S = 1.0
GRACE_S = 10.0
LATE_CHECK_S = 1.0


class Cut(Exception):
    """Somebody took the loudspeaker."""

    def __init__(self, by: CutBy) -> None:
        self.by = by


@dataclass(frozen=True, slots=True)
class End:
    """Turns that were heard whole, why not all, and who cut them."""

    repeats_done: int
    reason: str | None = None
    cut_by: CutBy | None = None


@dataclass(slots=True)
class Heard:
    """What the dock told since the latest start or replay."""

    progress: Progress | None = None
    sounded: bool = False
    idle_s: float | None = None

    @property
    def failure(self) -> str | None:
        """Why a start failed."""
        return None if self.progress is None else self.progress.failure


class DjiPlayer:
    """Follows a file by progress events and by the speaker's state.

    Args:
        line: calls to its gateway.
        psdk_index: the payload.
        clock: time.
    """

    def __init__(self, line: Line, psdk_index: int, clock: Clock) -> None:
        self._line = line
        self._index = psdk_index
        self._clock = clock
        self._heard = Heard()
        self._changed = asyncio.Event()
        self._cut: CutBy | None = None
        self._single = False
        self.system: int | None = None

    # what the dock tells

    def on_progress(self, progress: Progress) -> None:
        """How far the start of a file is."""
        self._heard.progress = progress
        self._heard.sounded = self._heard.sounded or progress.begun
        self._changed.set()

    def on_system_state(self, value: int) -> None:
        """The speaker's state changed."""
        self.system = value
        heard = self._heard
        if value == SystemState.PLAYING:
            heard.sounded = True
        if value in {SystemState.IDLE, SystemState.ABNORMAL} and heard.sounded:
            heard.idle_s = self._clock.monotonic_s()
        self._changed.set()

    # orders

    def ready(self) -> None:
        """A new message has the loudspeaker."""
        self._cut = None

    def take(self, by: CutBy) -> None:
        """Take the loudspeaker from the message; silence is stronger."""
        if self._cut is not CutBy.SILENCE:
            self._cut = by
            self._changed.set()

    async def begin(self, pcm: PcmFile, url: str, late: Callable[[], bool]) -> None:
        """Ask for a file and wait until it sounds.

        Raises:
            DjiFailed: it did not, in time; it was stopped then.
            Cut: somebody took the loudspeaker.
        """
        if not self._single:
            await self.call("speaker_play_mode_set", play_mode=0)
            self._single = True
        self._heed()
        heard = self._heard = Heard()
        file = {"name": pcm.path.name, "url": url, "md5": pcm.md5, "format": "pcm"}
        await self.call("speaker_audio_play_start", file=file)
        while not await self._until(
            lambda: heard.sounded or heard.failure is not None, LATE_CHECK_S
        ):
            if late():
                await self.stop()
                raise DjiFailed(
                    "expired: it had not begun in time and was stopped"
                    " (DJI's services know no expiry)"
                )
        if not heard.sounded:
            raise DjiFailed(f"speaker_audio_play_start: {heard.failure}")

    async def to_the_end(self, pcm: PcmFile, repeats: int) -> End:
        """Follow what began, and have it replayed until it was said so often."""
        done = 0
        try:
            while done < repeats:
                begin_s = self._clock.monotonic_s()
                if done:
                    self._heard = Heard()
                    await self.call("speaker_replay")
                why = await self._one_turn(pcm.duration_s, begin_s)
                if why is not None:
                    return End(done, why)
                done += 1
        except DjiFailed as e:
            await self.stop()
            return End(done, str(e))
        except Cut as cut:
            if cut.by is not CutBy.SILENCE:  # who silences stops it at once
                await self.stop()
            return End(done, cut_by=cut.by)
        return End(done)

    async def _one_turn(self, duration_s: float, begin_s: float) -> str | None:
        """Wait until it is idle again; what was wrong with that."""
        heard = self._heard
        if not await self._until(
            lambda: heard.idle_s is not None, duration_s + GRACE_S
        ):
            await self.stop()
            return "its end was not told: DJI reports only that the speaker is idle"
        if self.system == SystemState.ABNORMAL:
            return "DJI reports the speaker abnormal"
        sounded_s = (heard.idle_s or begin_s) - begin_s
        if sounded_s < duration_s - EARLY_S:
            return f"the speaker was idle after {sounded_s:.1f} of {duration_s:.1f} s"
        return None

    async def _until(self, done: Callable[[], bool], for_s: float) -> bool:
        """Wait; False when the time is up.

        Raises:
            Cut: somebody took the loudspeaker.
        """
        end_s = self._clock.monotonic_s() + for_s
        while True:
            self._heed()
            if done():
                return True
            left_s = end_s - self._clock.monotonic_s()
            if left_s <= 0:
                return False
            self._changed.clear()
            try:
                async with self._clock.timeout(left_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _heed(self) -> None:
        if self._cut is not None:
            raise Cut(self._cut)

    async def stop(self) -> None:
        """Stop it; a failure is logged, for what comes next tells it too."""
        try:
            await self.call("speaker_play_stop")
        except DjiFailed as e:
            log.warning("not stopped: %s", e)

    async def call(self, method: str, **data: object) -> None:
        """A service of this payload; raises DjiFailed."""
        await self._line.call(method, {"psdk_index": self._index, **data})
