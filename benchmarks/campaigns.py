"""The seeded campaigns at their full size, with their counts.

They are tests marked ``campaign`` (tests/campaigns): each asserts what must
never happen and prints how often it looked. Two at a time; about half an hour.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]


def collected() -> list[str]:
    """The campaigns' test ids."""
    words = [sys.executable, "-m", "pytest", "--collect-only", "-m", "campaign"]
    words.append("tests/campaigns")
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in found.stdout.splitlines() if "::" in line]


def one(test: str) -> tuple[str, bool]:
    """What one printed, and whether it held."""
    words = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", test]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout, done.returncode == 0


def main() -> None:
    """Print each campaign's counts.

    Raises:
        RuntimeError: one of them found what must never happen.
    """
    broken = []
    tests = collected()
    with ThreadPoolExecutor(2) as pool:
        for test, (told, held) in zip(tests, pool.map(one, tests), strict=True):
            lines = told.strip().splitlines() if not held else _counts(told)
            print("\n".join([f"{'held' if held else 'BROKEN'}: {test}", *lines]))
            if not held:
                broken.append(test)
    if broken:
        msg = f"{len(broken)} campaigns broke: {', '.join(broken)}"
        raise RuntimeError(msg)


def _counts(told: str) -> list[str]:
    return [f"  {line}" for line in told.splitlines() if any(c.isdigit() for c in line)]
