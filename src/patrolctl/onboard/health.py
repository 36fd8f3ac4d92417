"""What is wrong with the loudspeaker now, by where it comes from.

A fault stays visible until its own cause is gone: a clip that arrives does not
hide that the device is missing. While a clip plays, the phase says so and the
reason still tells the faults.
"""

from collections.abc import Callable

from patrolctl.domain.sound import SpeakerPhase

DISK, DEVICE, CLIPS, AMPLIFIER, AUTOPILOT = (
    "disk",
    "device",
    "clips",
    "amplifier",
    "autopilot",
)


class Health:
    """Faults by source, and the phase that follows from them."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._faults: dict[str, str] = {}
        self._on_change = on_change

    def found(self, source: str, why: str | None) -> None:
        """A source is at fault (``why``), or well again (None)."""
        if self._faults.get(source) == why:
            return
        if why is None:
            del self._faults[source]
        else:
            self._faults[source] = why
        self._on_change()

    def has(self, source: str) -> bool:
        """Whether a source is at fault now."""
        return source in self._faults

    @property
    def reason(self) -> str | None:
        """All faults in one line; None: all is well."""
        return "; ".join(self._faults.values()) or None

    def phase(self, *, playing: bool, fetching: bool) -> SpeakerPhase:
        """What the speaker shows."""
        if playing:
            return SpeakerPhase.PLAYING
        if self._faults:
            return SpeakerPhase.FAULT
        return SpeakerPhase.CACHING if fetching else SpeakerPhase.IDLE
