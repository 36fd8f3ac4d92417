"""STATUSTEXT: pieced together, made harmless, and understood."""

import re

from patrolctl.mavlink.messages import StatusText

MAX_CHUNKS = 8
MAX_OPEN = 8
CHUNK_LEN = 50


def clean(raw: bytes) -> str:
    """Plain text of hostile bytes: no control characters, one line."""
    text = raw.split(b"\0", 1)[0].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text).strip()


class TextAssembler:
    """Joins chunked STATUSTEXTs; bounded, because the sender is not trusted."""

    def __init__(self) -> None:
        self._open: dict[int, dict[int, bytes]] = {}

    def push(self, message: StatusText) -> str | None:
        """The whole text when ``message`` completes one."""
        if message.id == 0:
            return clean(message.text)
        chunks = self._open.setdefault(message.id, {})
        if message.chunk_seq < MAX_CHUNKS:
            chunks[message.chunk_seq] = message.text
        last = b"\0" in message.text or message.chunk_seq >= MAX_CHUNKS - 1
        if last:
            del self._open[message.id]
            whole = b"".join(chunks[i].split(b"\0")[0] for i in sorted(chunks))
            return clean(whole)
        while len(self._open) > MAX_OPEN:
            del self._open[next(iter(self._open))]
        return None


# What ArduPilot prints when a failsafe acts (ArduCopter/events.cpp,
# Rover/failsafe.cpp, AP_BattMonitor, AC_Fence; mavlink.md, Failsafes).
_FAILSAFES = (
    ("gcs", re.compile(r"^GCS Failsafe", re.I)),
    ("radio", re.compile(r"^Radio Failsafe", re.I)),
    ("battery", re.compile(r"Battery \d+ is (low|critical)|^Battery Failsafe", re.I)),
    ("fence", re.compile(r"fence breached", re.I)),
    ("ekf", re.compile(r"EKF Failsafe|^EKF variance|DeadReckon", re.I)),
    ("terrain", re.compile(r"^Terrain Failsafe|Terrain data missing", re.I)),
    ("crash", re.compile(r"^Crash:|thrust loss|Potential Thrust", re.I)),
    ("failsafe", re.compile(r"failsafe (activated|triggered|enabled)", re.I)),
)
_CLEARED = re.compile(r"cleared|restored", re.I)
_REFUSAL = re.compile(r"^(PreArm|Arm|Preflight Fail|Arming denied)\b[:!]?\s*", re.I)


def failsafe_in(text: str) -> str | None:
    """Name of the failsafe that a text announces, if any."""
    if _REFUSAL.match(text) or _CLEARED.search(text):
        return None
    return next((name for name, rx in _FAILSAFES if rx.search(text)), None)


def failsafe_cleared(text: str) -> bool:
    """Whether a text says that a failsafe's cause has gone."""
    return bool(_CLEARED.search(text)) and "failsafe" in text.lower()


def refusal_in(text: str) -> str | None:
    """The reason in a text that says why arming is refused, if it does."""
    match = _REFUSAL.match(text)
    return text[match.end() :].strip() or text if match else None
