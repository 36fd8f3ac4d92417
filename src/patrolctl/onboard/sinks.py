"""Where sound goes: ALSA, PulseAudio, or a file that logs it in real time."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import wave
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from patrolctl.domain.errors import InputError, PatrolError

CLOSE_S = 10.0
PROBE_S, PROBE_HZ = 0.05, 22050
_DEVICE = re.compile(r"[A-Za-z0-9_:.,=-]{1,64}")


class SinkFailed(PatrolError):
    """The device is missing or failed."""


class Sink(Protocol):
    """Takes 16-bit samples while one clip plays."""

    async def open(self, rate_hz: int, channels: int) -> None:
        """Begin a sound.

        Raises:
            SinkFailed: the device is missing.
        """
        ...

    async def write(self, samples: bytes) -> None:
        """Take the next samples.

        Raises:
            SinkFailed: the device failed.
        """
        ...

    async def close(self) -> None:
        """Let what was written sound to its end.

        Raises:
            SinkFailed: it did not.
        """
        ...

    async def abort(self) -> None:
        """Be silent now."""
        ...

    async def probe(self) -> None:
        """Find out whether it would sound, without being heard.

        Raises:
            SinkFailed: the device is missing.
        """
        ...


class FileSink:
    """One WAV for each sound, named by its time: the log of what was heard."""

    def __init__(
        self, folder: Path, now: Callable[[], datetime], suffix: str = ""
    ) -> None:
        self._folder = folder
        self._suffix = suffix
        self._now = now
        self._file: wave.Wave_write | None = None
        self._count = 0

    async def open(self, rate_hz: int, channels: int) -> None:
        """Begin a file."""
        self._count += 1
        name = f"{self._now():%Y%m%dT%H%M%S}-{self._count:04}{self._suffix}.wav"
        try:
            self._file = wave.open(str(self._folder / name), "wb")  # noqa: SIM115
        except OSError as e:
            raise SinkFailed(f"{self._folder}: {e.strerror}") from None
        self._file.setnchannels(channels)
        self._file.setsampwidth(2)
        self._file.setframerate(rate_hz)

    async def write(self, samples: bytes) -> None:
        """Append."""
        if self._file is None:
            raise SinkFailed("no sound was begun")
        try:
            self._file.writeframes(samples)
        except OSError as e:
            raise SinkFailed(f"{self._folder}: {e.strerror}") from None

    async def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    async def abort(self) -> None:
        """The file ends here."""
        await self.close()

    async def probe(self) -> None:
        """Whether the folder takes files."""
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise SinkFailed(f"{self._folder} takes no files")


class ProcessSink:
    """``aplay`` or ``pacat``, fed with raw samples on its standard input.

    A child of its own: killing it silences the device at once, with whatever
    it had buffered.
    """

    def __init__(self, program: str, argv: Callable[[int, int], list[str]]) -> None:
        self._program = program
        self._argv = argv
        self._child: asyncio.subprocess.Process | None = None
        self._probing = asyncio.Lock()

    async def open(self, rate_hz: int, channels: int) -> None:
        """Start the child."""
        async with self._probing:  # two at once would find the device busy
            await self._start(rate_hz, channels)

    async def probe(self) -> None:
        """Play a moment of silence."""
        async with self._probing:
            try:
                await self._start(PROBE_HZ, 1)
                await self.write(bytes(2 * int(PROBE_S * PROBE_HZ)))
                await self.close()
            except BaseException:
                await self.abort()
                raise

    async def _start(self, rate_hz: int, channels: int) -> None:
        try:
            self._child = await asyncio.create_subprocess_exec(
                self._program,
                *self._argv(rate_hz, channels),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as e:
            raise SinkFailed(f"{self._program}: {e.strerror}") from None

    async def write(self, samples: bytes) -> None:
        """Feed it; waits while its buffer is full."""
        child = self._child
        if child is None or child.stdin is None or child.returncode is not None:
            raise SinkFailed(await self._why())
        try:
            child.stdin.write(samples)
            await child.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise SinkFailed(await self._why()) from None

    async def close(self) -> None:
        """End its input and wait until it has played."""
        child = self._child
        if child is None or child.stdin is None:
            return
        child.stdin.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                code = await child.wait()
        except TimeoutError:
            await self.abort()
            raise SinkFailed(f"{self._program} does not end") from None
        if code != 0:
            raise SinkFailed(await self._why())
        self._child = None

    async def abort(self) -> None:
        """Kill the child."""
        child, self._child = self._child, None
        if child is None or child.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGKILL)
        await child.wait()

    async def _why(self) -> str:
        child, self._child = self._child, None
        if child is None or child.stderr is None:
            return f"{self._program} is not running"
        try:
            async with asyncio.timeout(1.0):
                err = (await child.stderr.read(2000)).decode(errors="replace")
                await child.wait()
        except TimeoutError:
            err = ""
        last = err.strip().rpartition("\n")[2][:200]
        return f"{Path(self._program).name}: {last or f'ended ({child.returncode})'}"


# aplay begins when its buffer is full: by default half a second of it. For
# live talk that would be all of the delay that is allowed.
_LIVE = ["--buffer-time=100000", "--period-time=20000"]


def _alsa(device: str, *, live: bool) -> Callable[[int, int], list[str]]:
    def argv(rate_hz: int, channels: int) -> list[str]:
        form = ["-t", "raw", "-f", "S16_LE", "-r", str(rate_hz), "-c", str(channels)]
        return ["-q", "-D", device, *form, *(_LIVE if live else ()), "-"]

    return argv


def _pulse(*, live: bool) -> Callable[[int, int], list[str]]:
    def argv(rate_hz: int, channels: int) -> list[str]:
        form = [f"--rate={rate_hz}", f"--channels={channels}", "--format=s16le"]
        return ["--playback", f"--latency-msec={60 if live else 100}", *form]

    return argv


def parse_sink(text: str, now: Callable[[], datetime], *, live: bool = False) -> Sink:
    """``file:DIR``, ``alsa:DEV`` or ``pulse``; ``live`` with little delay.

    Raises:
        InputError: none of them, or its program is not installed.
    """
    kind, _, rest = text.partition(":")
    if kind == "file" and rest:
        folder = Path(rest)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise InputError.one(f"sink {text}", str(e.strerror)) from None
        return FileSink(folder, now, "-talk" if live else "")
    if kind == "alsa" and _DEVICE.fullmatch(rest or "default"):
        argv = _alsa(rest or "default", live=live)
        return ProcessSink(_program("aplay", text), argv)
    if text == "pulse":
        return ProcessSink(_program("pacat", text), _pulse(live=live))
    raise InputError.one(f"sink {text!r}", "is none", "file:DIR, alsa:DEVICE or pulse")


def _program(name: str, text: str) -> str:
    path = shutil.which(name)
    if path is None:
        package = {"aplay": "alsa-utils", "pacat": "pulseaudio-utils"}[name]
        raise InputError.one(f"sink {text}", f"{name} is missing", f"install {package}")
    return path
