"""Plays one clip at a time into a sink, at its own pace, until told to stop."""

import array
import asyncio
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

from patrolctl.clock import Clock
from patrolctl.domain.sound import CutBy
from patrolctl.onboard.sinks import Sink, SinkFailed

CHUNK_S = 0.1
# The device is fed this far ahead, so that a busy machine does not stutter.
LEAD_S = 0.3


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a sound ended. ``reason`` is set unless it is complete.

    ``failed`` tells that the device or the file did; else somebody cut it.
    """

    repeats_done: int
    complete: bool
    reason: str | None = None
    cut_by: CutBy | None = None
    failed: bool = False


class Player:
    """One loudspeaker.

    ``volume_ratio`` may change while a clip plays; ``turns_done`` tells how
    often it was heard to its end.
    """

    def __init__(self, sink: Sink, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock
        self._stop: asyncio.Event | None = None
        self._why = ""
        self._cut_by: CutBy | None = None
        self.turns_done = 0
        self.volume_ratio = 1.0

    @property
    def playing(self) -> bool:
        """Whether a clip sounds now."""
        return self._stop is not None

    def stop(self, why: str, cut_by: CutBy | None = None) -> None:
        """Be silent at once; the running :meth:`play` tells that it was cut."""
        if self._stop is not None:
            self._why, self._cut_by = why, cut_by
            self._stop.set()

    async def play(self, path: Path, repeats: int) -> Outcome:
        """Play a WAV file ``repeats`` times."""
        self._stop = asyncio.Event()
        self.turns_done = 0
        try:
            return await self._turns(path, repeats)
        except (SinkFailed, OSError, wave.Error, EOFError) as e:
            await self._sink.abort()
            # What was fed last may not have sounded.
            done = max(0, self.turns_done - 1)
            return Outcome(done, complete=False, reason=str(e), failed=True)
        except BaseException:  # cancelled: the loudspeaker must not go on
            await self._sink.abort()
            raise
        finally:
            self._stop = None

    async def _turns(self, path: Path, repeats: int) -> Outcome:
        with wave.open(str(path)) as sound:
            await self._sink.open(sound.getframerate(), sound.getnchannels())
            begin_s = self._clock.monotonic_s()
            for turn in range(repeats):
                sound.rewind()
                played_s = turn * sound.getnframes() / sound.getframerate()
                if not await self._once(sound, begin_s + played_s):
                    await self._sink.abort()
                    return Outcome(
                        turn, complete=False, reason=self._why, cut_by=self._cut_by
                    )
                self.turns_done = turn + 1
        await self._sink.close()
        return Outcome(repeats, complete=True)

    async def _once(self, sound: wave.Wave_read, begin_s: float) -> bool:
        """One turn; False when it was stopped."""
        rate_hz = sound.getframerate()
        size = int(rate_hz * CHUNK_S)
        sent = 0
        while samples := sound.readframes(size):
            await self._sink.write(self._at_volume(samples))
            sent += size
            if await self._stopped(begin_s + sent / rate_hz - LEAD_S):
                return False
        # What was fed ahead still sounds.
        return not await self._stopped(begin_s + sound.getnframes() / rate_hz)

    async def _stopped(self, until_s: float) -> bool:
        """Wait until the clock says so; True at once when stopped."""
        stop = self._stop
        if stop is None:
            return True
        wait_s = until_s - self._clock.monotonic_s()
        if wait_s <= 0:
            await asyncio.sleep(0)
            return stop.is_set()
        try:
            async with self._clock.timeout(wait_s):
                await stop.wait()
        except TimeoutError:
            return stop.is_set()
        return True

    def _at_volume(self, samples: bytes) -> bytes:
        ratio = self.volume_ratio
        if ratio >= 1.0:
            return samples
        values = array.array("h", samples)
        if sys.byteorder == "big":
            values.byteswap()
        scaled = array.array("h", (int(v * ratio) for v in values))
        if sys.byteorder == "big":
            scaled.byteswap()
        return scaled.tobytes()
