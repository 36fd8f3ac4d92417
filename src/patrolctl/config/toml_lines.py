"""On which line of a TOML file a value stands.

The standard library's parser keeps no positions. This scan knows headers,
keys and multi-line strings, which is all that it takes to point a person at
the right line; whatever it cannot resolve falls back to the table's header.
"""

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]
_HEADER = re.compile(r"^\s*(\[\[?)([^\[\]]+)\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_.\-]|"[^"]*"|'[^']*')+)\s*=(.*)$""")
_FENCES = ('"""', "'''")


class LineFinder:
    """Maps paths such as ``("vehicle", 1, "kind")`` to line numbers."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        table: Path = ()
        for number, line in _outside_strings(text):
            header = _HEADER.match(line)
            if header:
                table = self._enter(header[2], array=header[1] == "[[")
                self._lines.setdefault(table, number)
                continue
            key = _KEY.match(line)
            if key:
                self._lines.setdefault(table + _parts(key[1]), number)

    def line(self, path: Path) -> int | None:
        """The line of a path or of the nearest table around it."""
        while path:
            if path in self._lines:
                return self._lines[path]
            path = path[:-1]
        return None

    def _enter(self, name: str, *, array: bool) -> Path:
        path: Path = ()
        parts = _parts(name)
        for part in parts[:-1]:
            path = self._inside((*path, part))
        last = (*path, parts[-1])
        if array:
            self._counts[last] = self._counts.get(last, 0) + 1
        return self._inside(last)

    def _inside(self, path: Path) -> Path:
        """A table array is entered at its latest element."""
        return (*path, self._counts[path] - 1) if path in self._counts else path


def _outside_strings(text: str) -> Iterator[tuple[int, str]]:
    fence: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if fence is not None:
            if fence in line:
                fence = None
            continue
        yield number, line
        fence = next((f for f in _FENCES if line.count(f) % 2 == 1), None)


def _parts(dotted: str) -> tuple[str, ...]:
    found = re.findall(r"""[A-Za-z0-9_\-]+|"[^"]*"|'[^']*'""", dotted)
    return tuple(p.strip("\"'") for p in found)
