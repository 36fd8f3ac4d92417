"""Typed reading of a feature's properties, noting every fault."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from patrolctl.domain.site import QuietHours
from patrolctl.sites.faults import FaultList, meant, shown

E = TypeVar("E", bound=StrEnum)
_SPAN = re.compile(r"^\s*(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\s*$")


class Fields:
    """The properties of one feature.

    Every getter answers None for a value that is absent (or null) and for
    one that is wrong; the latter is noted as a fault.
    """

    def __init__(
        self, values: Mapping[str, Any], place: str, faults: FaultList
    ) -> None:
        self._values = values
        self._place = place
        self._faults = faults

    def fault(self, name: str, what: str, right: str) -> None:
        """Note a fault of one property."""
        self._faults.add(f"{self._place}{name}", what, right)

    def has(self, name: str) -> bool:
        """Whether the property is there and not null."""
        return self._values.get(name) is not None

    def number(
        self, name: str, low: float, high: float, *, above: bool = False
    ) -> float | None:
        """A number within [low, high], or (low, high] with ``above``."""
        value = self._values.get(name)
        if value is None:
            return None
        start = "above" if above else "from"
        right = f"a number {start} {low:g} to {high:g}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(name, f"is {shown(repr(value))}", right)
            return None
        # A comparison with NaN is false, so NaN ends here too.
        if not (low <= value <= high) or (above and value == low):
            self.fault(name, f"is {shown(value)}", right)
            return None
        return float(value)

    def whole(self, name: str, low: int, high: int) -> int | None:
        """A whole number within [low, high]; 6.0 counts as 6."""
        value = self.number(name, low, high)
        if value is None:
            return None
        if value != int(value):
            self.fault(name, f"is {value:g}", f"a whole number from {low} to {high}")
            return None
        return int(value)

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(name, f"is {shown(repr(value))}", "true or false")
            return default
        return value

    def text(self, name: str) -> str | None:
        """A text of at most 200 printable characters."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
            right = "a text of at most 200 printable characters"
            self.fault(name, f"is {shown(repr(value))}", right)
            return None
        return value

    def choice(self, name: str, kinds: type[E]) -> E | None:
        """One of a few words, in any case."""
        value = self._values.get(name)
        if value is None:
            return None
        words = [k.value for k in kinds]
        if not isinstance(value, str) or value.lower() not in words:
            self.fault(name, f"is {shown(repr(value))}", " or ".join(words))
            return None
        return kinds(value.lower())

    def quiet_hours(self, name: str) -> tuple[QuietHours, ...]:
        """``"22:00-06:00"`` or a list of such spans."""
        value = self._values.get(name)
        if value is None:
            return ()
        spans = value if isinstance(value, list) else [value]
        read = [_span(s) for s in spans]
        if not read or any(s is None for s in read):
            right = 'a span such as "22:00-06:00", or a list of them'
            self.fault(name, f"is {shown(repr(value))}", right)
            return ()
        return tuple(s for s in read if s is not None)

    def time_zone(self, name: str) -> str | None:
        """An IANA time zone."""
        value = self.text(name)
        if value is None:
            return None
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            right = "an IANA time zone such as Asia/Shanghai"
            self.fault(name, f"is {shown(value)}", right)
            return None
        return value

    def warn_misspelt(self, known: frozenset[str]) -> None:
        """Warn of properties that are probably misspelt known ones.

        Other unknown properties are anybody's own business (RFC 7946, 6).
        """
        for name in self._values:
            if name in known or not isinstance(name, str):
                continue
            likely = meant(name, known)
            if likely is not None and likely not in self._values:
                what = f"is not known and ignored; {likely} may be meant"
                self._faults.warn(f"{self._place}{shown(name)}", what)


def _span(value: object) -> QuietHours | None:
    match = _SPAN.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    from_h, from_min, to_h, to_min = (int(g) for g in match.groups())
    start_min, end_min = from_h * 60 + from_min, to_h * 60 + to_min
    minutes_ok = from_min < 60 and to_min < 60
    if not minutes_ok or start_min >= 1440 or end_min > 1440 or start_min == end_min:
        return None
    return QuietHours(start_min, end_min)
