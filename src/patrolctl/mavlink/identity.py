"""Who is at the other end: one airframe, the registered one, in one boot.

Two airframes with one system id look like one vehicle that jumps about.
They are told apart by what a single airframe cannot do: have two uids; be on
two boot clocks at once; or stamp later messages with earlier frame numbers.
Reordering, duplication and loss on the way do not look like that. Pure.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise

from patrolctl.mavlink.autopilots.base import Autopilot
from patrolctl.mavlink.messages import AutopilotVersion, Heartbeat

REORDER_MS = 3_000
ECHO_MS = 700
BUSY_FRAMES = 60
BOOT_WRAP_MS = 2**32
MAV_AUTOPILOT_INVALID = 8


class Finding(Enum):
    """What a sample says about the boot clock."""

    SAME_BOOT = auto()
    REBOOT = auto()
    CONFLICT = auto()


@dataclass(slots=True)
class BootClock:
    """Watches ``time_boot_ms``: one clock, a reboot, or two clocks at once.

    Two samples in a row far below the clock are a reboot; if the former
    clock then goes on, they were another airframe. Samples that lie below by
    the same amount again and again, between samples of the clock, are
    another airframe too; stragglers lie below by all sorts of amounts.
    """

    last_ms: int | None = None
    _lower_ms: int | None = None
    _behind_ms: int = 0
    _between: bool = False
    _echoes: int = 0
    _former_ms: int | None = None
    _former_at_s: float = 0.0
    _strikes: int = 0

    def push(self, boot_ms: int, now_s: float) -> Finding:
        """Take a sample."""
        if self.last_ms is None or self._wrapped(boot_ms):
            self.last_ms = boot_ms
            return Finding.SAME_BOOT
        if boot_ms < self.last_ms - REORDER_MS:
            return self._lower(boot_ms, self.last_ms, now_s)
        if self._is_former(boot_ms, now_s):
            self._strikes += 1
            return Finding.CONFLICT if self._strikes >= 2 else Finding.SAME_BOOT
        self._between = True
        self.last_ms = max(self.last_ms, boot_ms)
        return Finding.SAME_BOOT

    def _wrapped(self, boot_ms: int) -> bool:
        high = self.last_ms is not None and self.last_ms > BOOT_WRAP_MS - 60_000
        return high and boot_ms < 60_000

    def _lower(self, boot_ms: int, last_ms: int, now_s: float) -> Finding:
        before_ms, behind_ms = self._lower_ms, last_ms - boot_ms
        between, self._between = self._between, False
        same = abs(behind_ms - self._behind_ms) <= ECHO_MS
        self._lower_ms, self._behind_ms = boot_ms, behind_ms
        if before_ms is None or boot_ms < before_ms:
            self._echoes = 0
            return Finding.SAME_BOOT
        if between:
            self._echoes = self._echoes + 1 if same else 0
            return Finding.CONFLICT if self._echoes >= 3 else Finding.SAME_BOOT
        self._former_ms, self._former_at_s = last_ms, now_s
        self._strikes = self._echoes = 0
        self.last_ms, self._lower_ms = boot_ms, None
        return Finding.REBOOT

    def _is_former(self, boot_ms: int, now_s: float) -> bool:
        """Whether a clock that was thought dead goes on."""
        if self._former_ms is None or self.last_ms is None:
            return False
        elapsed_ms = (now_s - self._former_at_s) * 1000.0
        if elapsed_ms > 30_000:
            self._former_ms = None
            return False
        ahead = boot_ms - self._former_ms
        return -REORDER_MS <= ahead <= 2 * elapsed_ms + REORDER_MS and (
            boot_ms > self.last_ms + REORDER_MS
        )


@dataclass(slots=True)
class Interleaving:
    """Watches (time_boot_ms, frame number) of stamped messages.

    One sender numbers its frames in the order of their stamps. Sorted by
    stamp, two senders' numbers go back and forth, however the network
    reorders, repeats or loses them. Source: MAVLink, packet sequence number,
    one counter per component and link.
    """

    window: deque[tuple[int, int, int]] = field(
        default_factory=lambda: deque(maxlen=32)
    )

    def push(self, boot_ms: int, frame_seq: int, heard: int) -> bool:
        """Take a sample; True when there must be two senders.

        Args:
            boot_ms: the message's stamp.
            frame_seq: its frame number, modulo 256.
            heard: how many frames were heard so far. A transfer numbers
                hundreds of frames between two stamps, so that nothing can be
                told across it.
        """
        if any((boot_ms, frame_seq) == sample[:2] for sample in self.window):
            return False
        self.window.append((boot_ms, frame_seq, heard))
        newest = max(sample[0] for sample in self.window)
        recent = sorted(s for s in self.window if newest - s[0] <= REORDER_MS)
        back = told = 0
        for (at_ms, a, heard_a), (bt_ms, b, heard_b) in pairwise(recent):
            gap_ms = bt_ms - at_ms
            if not 0 < gap_ms <= 600 or abs(heard_b - heard_a) > BUSY_FRAMES:
                continue
            told += 1
            # 118 frames a second is what ArduPilot sends at 4 Hz of all.
            back += (b - a) % 256 > 40 + 0.15 * gap_ms
        return back >= 4 and back * 4 >= told

    def clear(self) -> None:
        """Forget, after a reboot or a new stream."""
        self.window.clear()


@dataclass(frozen=True, slots=True)
class Airframe:
    """What AUTOPILOT_VERSION says of a board."""

    uid: int
    uid2: bytes

    @classmethod
    def of(cls, version: AutopilotVersion) -> "Airframe":
        """Out of the message."""
        return cls(version.uid, version.uid2)

    @property
    def numbers(self) -> frozenset[int]:
        """All numbers by which a registry may name it."""
        wide = self.uid2.rstrip(b"\0")
        named = {self.uid, int.from_bytes(wide, "little"), int.from_bytes(wide, "big")}
        return frozenset(named - {0})

    def __str__(self) -> str:
        return f"uid {self.uid}" if self.uid else f"uid2 {self.uid2.hex()}"


UNNAMED = Airframe(0, b"")


def heartbeat_conflict(heartbeat: Heartbeat, pilot: Autopilot) -> str | None:
    """Why a heartbeat cannot be of the registered vehicle."""
    if heartbeat.autopilot != pilot.mav_autopilot:
        return f"its autopilot is of kind {heartbeat.autopilot}"
    if not pilot.is_mav_type(heartbeat.type):
        return f"it is of MAV_TYPE {heartbeat.type}, not a {pilot.kind}"
    return None


@dataclass(slots=True)
class Identity:
    """Everything known about who is there. ``conflict`` stays until reset."""

    expected_uid: int | None
    pilot: Autopilot
    airframe: Airframe | None = None
    conflict: str | None = None
    boot: BootClock = field(default_factory=BootClock)
    numbers: Interleaving = field(default_factory=Interleaving)
    boots: int = 0
    since_s: float | None = None

    @property
    def verified(self) -> bool:
        """Whether it told who it is, on this stream, and is that alone."""
        return self.since_s is not None and self.conflict is None

    def on_heartbeat(self, heartbeat: Heartbeat) -> None:
        """A heartbeat with the right system id."""
        self.conflict = self.conflict or heartbeat_conflict(heartbeat, self.pilot)

    def on_version(self, version: AutopilotVersion, now_s: float) -> None:
        """The board's own name."""
        airframe = Airframe.of(version)
        if self.airframe is not None and self.airframe != airframe:
            self.conflict = (
                f"two airframes answer to one system id: {self.airframe} and {airframe}"
            )
            return
        if self.expected_uid is not None and (
            self.expected_uid not in airframe.numbers
        ):
            self.conflict = (
                f"another airframe answers: {airframe} instead of "
                f"uid {self.expected_uid}"
            )
            return
        self.airframe = airframe
        if self.since_s is None:
            self.since_s = now_s

    def accept_unnamed(self, now_s: float) -> bool:
        """Take a vehicle that does not tell its uid, if none is registered."""
        if self.expected_uid is not None or self.airframe not in (None, UNNAMED):
            return False
        self.airframe = UNNAMED
        self.since_s = now_s
        return True

    def ask_again(self) -> None:
        """It was lost: whoever is heard next must tell who it is."""
        self.since_s = None

    def on_stamp(
        self, boot_ms: int, frame_seq: int, heard: int, now_s: float
    ) -> Finding:
        """A message with ``time_boot_ms``; ``heard`` counts the frames."""
        finding = self.boot.push(boot_ms, now_s)
        if finding is Finding.REBOOT:
            self.boots += 1
            self.numbers.clear()
        elif finding is Finding.CONFLICT:
            self.conflict = "two airframes answer to one system id: two boot clocks"
        elif self.numbers.push(boot_ms, frame_seq, heard):
            self.conflict = (
                "two airframes answer to one system id: their frame numbers interleave"
            )
            return Finding.CONFLICT
        return finding

    def new_stream(self) -> None:
        """The stream was opened anew: whoever is there now is asked again.

        The known airframe stays: another one at the same address is then a
        conflict, not a new acquaintance.
        """
        self.conflict = None
        self.numbers.clear()
        self.boot = BootClock(last_ms=self.boot.last_ms)
        self.since_s = None
