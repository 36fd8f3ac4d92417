"""Which commands may still be executed: keys, expiry, retained copies.

Pure: it is told the time. A key is remembered at least until its command has
expired, so that no copy of it, however late, can be executed a second time.
"""

import json
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

MARGIN_S = 3600.0  # kept beyond expiry, against a clock that is set back


class Verdict(Enum):
    """What to do with a command."""

    EXECUTE = "execute"
    RETAINED = "retained"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"


@dataclass(slots=True)
class KeyLedger:
    """Keys seen, with the moment from which each may be forgotten.

    ``path``: a file that keeps them through a restart of the speaker.
    """

    path: Path | None = None
    _forget_at_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path is not None and self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                self._recall(line)

    def judge(
        self, key: str, expires_s: float, *, retained: bool, now_s: float
    ) -> Verdict:
        """Judge a command and take its key; EXECUTE comes once a key.

        An expired command takes its key too: it has been answered.
        """
        if retained:
            return Verdict.RETAINED
        self._forget(now_s)
        if key in self._forget_at_s:
            return Verdict.DUPLICATE
        self._take(key, max(expires_s, now_s) + MARGIN_S)
        return Verdict.EXPIRED if now_s >= expires_s else Verdict.EXECUTE

    def __contains__(self, key: object) -> bool:
        return key in self._forget_at_s

    def __len__(self) -> int:
        return len(self._forget_at_s)

    def _take(self, key: str, forget_at_s: float) -> None:
        self._forget_at_s[key] = forget_at_s
        if self.path is not None:
            line = json.dumps({"key": key, "forget_at_s": forget_at_s})
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def _recall(self, line: str) -> None:
        try:
            entry = json.loads(line)
            self._forget_at_s[str(entry["key"])] = float(entry["forget_at_s"])
        except (ValueError, KeyError, TypeError):
            return  # a line that was cut by a crash: its command was not begun

    def _forget(self, now_s: float) -> None:
        old = [key for key, at_s in self._forget_at_s.items() if at_s < now_s]
        for key in old:
            del self._forget_at_s[key]
