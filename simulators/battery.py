"""A battery that drains by what the vehicle does, and its failsafe.

Source of the failsafe: AP_BattMonitor.cpp check_failsafes and
AP_BattMonitor_Backend.cpp update_failsafes.
"""

from dataclasses import dataclass
from enum import IntEnum

from simulators.params import Params

FULL_V = 12.6
EMPTY_V = 10.2
LOW_TIMER_S = 10.0  # BATT_LOW_TIMER


class Failsafe(IntEnum):
    """How bad it is."""

    NONE = 0
    LOW = 2
    CRITICAL = 3


NAMES = {Failsafe.LOW: "low", Failsafe.CRITICAL: "critical"}


@dataclass(slots=True)
class Battery:
    """``load`` 1 is what empties it in ``endurance_s``."""

    params: Params
    endurance_s: float
    used_mah: float = 0.0
    load: float = 0.0
    sag_v: float = 0.0
    failsafe: Failsafe = Failsafe.NONE
    _low_since_s: float | None = None
    _critical_since_s: float | None = None

    @property
    def capacity_mah(self) -> float:
        """BATT_CAPACITY."""
        return self.params["BATT_CAPACITY"]

    @property
    def current_a(self) -> float:
        """Current at the present load."""
        return self.load * self.capacity_mah * 3.6 / self.endurance_s

    @property
    def remaining_ratio(self) -> float:
        """Charge left, 0 to 1."""
        return max(0.0, 1.0 - self.used_mah / self.capacity_mah)

    @property
    def voltage_v(self) -> float:
        """Terminal voltage, falling with charge and sag."""
        return EMPTY_V + (FULL_V - EMPTY_V) * self.remaining_ratio - self.sag_v

    @property
    def empty(self) -> bool:
        """Nothing is left: motors stop."""
        return self.used_mah >= self.capacity_mah

    def drain(self, dt_s: float) -> None:
        """Let time pass at the present load."""
        self.used_mah += self.load * self.capacity_mah * dt_s / self.endurance_s

    def check(self, now_s: float) -> Failsafe | None:
        """The failsafe that begins now, if one does."""
        found = self._level(now_s)
        if found <= self.failsafe:
            return None
        self.failsafe = found
        return found

    def _level(self, now_s: float) -> Failsafe:
        left_mah = self.capacity_mah - self.used_mah
        volt, params = self.voltage_v, self.params
        self._critical_since_s = (
            (self._critical_since_s or now_s)
            if params["BATT_CRT_VOLT"] > 0 and volt < params["BATT_CRT_VOLT"]
            else None
        )
        self._low_since_s = (
            (self._low_since_s or now_s)
            if params["BATT_LOW_VOLT"] > 0 and volt < params["BATT_LOW_VOLT"]
            else None
        )
        if _held(self._critical_since_s, now_s) or left_mah < params["BATT_CRT_MAH"]:
            return Failsafe.CRITICAL
        if _held(self._low_since_s, now_s) or left_mah < params["BATT_LOW_MAH"]:
            return Failsafe.LOW
        return Failsafe.NONE


def _held(since_s: float | None, now_s: float) -> bool:
    return since_s is not None and now_s - since_s > LOW_TIMER_S
