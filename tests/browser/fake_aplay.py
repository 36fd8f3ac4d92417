"""An ``aplay`` with an ear: plays into the void in real time, notes onsets.

Models a device as aplay drives it: it begins when its buffer is full
(``--buffer-time``) and again so after it ran dry. Each onset is written to
the file of ``$EAR`` with the Unix time at which it would be heard.
"""

import os
import sys
import time
from array import array
from pathlib import Path

LOUD, QUIET_S = 2000, 0.3


def option(name: str, default: int) -> int:
    found = [a for a in sys.argv if a.startswith(f"{name}=")]
    return int(found[0].partition("=")[2]) if found else default


def main() -> None:
    rate_hz = int(sys.argv[sys.argv.index("-r") + 1])
    buffer_s = option("--buffer-time", 500_000) / 1e6
    ear = Path(os.environ["EAR"])
    start_s: float | None = None
    waiting: list[tuple[int, array]] = []
    begin = written = 0
    quiet_from_s = 0.0
    while raw := os.read(0, 65536):
        now_s = time.time()  # noqa: TID251 - the ear's own clock
        if len(raw) % 2:
            raw += os.read(0, 1)
        if start_s is not None and now_s > start_s + (written - begin) / rate_hz:
            start_s, begin = None, written  # it ran dry
        waiting.append((written, array("h", raw)))
        written += len(raw) // 2
        if start_s is None and (written - begin) / rate_hz >= buffer_s:
            start_s = now_s
        if start_s is None:
            continue
        for first, samples in waiting:
            for n, value in enumerate(samples):
                if abs(value) < LOUD:
                    continue
                at_s = start_s + (first + n - begin) / rate_hz
                if at_s - quiet_from_s > QUIET_S:
                    with ear.open("a") as out:
                        out.write(f"{at_s:.4f}\n")
                quiet_from_s = at_s
        waiting.clear()


if __name__ == "__main__":
    main()
