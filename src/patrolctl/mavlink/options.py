"""What a link needs to know besides the vehicle's registry entry."""

from dataclasses import dataclass, field
from pathlib import Path

from patrolctl.clock import Clock, PacedClock
from patrolctl.mavlink.exchange import Timing
from patrolctl.mavlink.pulse import Pulse


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Settings of one link.

    ``clock`` is the vehicle's time. The default is a :class:`PacedClock`
    whose speed follows the vehicle's ``time_boot_ms``, so that timeouts and
    heartbeats keep simulated time against a sped-up SITL; give a clock to
    fix it. ``tlog_dir`` None: no flight log. ``state_dir`` keeps signing
    timestamps; it is needed where a vehicle has a key. ``pulse`` None: the
    heartbeat depends on the event loop alone.
    """

    clock: Clock = field(default_factory=PacedClock)
    tlog_dir: Path | None = None
    state_dir: Path | None = None
    gcs_sysid: int = 255
    gcs_compid: int = 190
    pulse: Pulse | None = None
    timing: Timing = Timing()
    heartbeat_s: float = 1.0
    stale_s: float = 3.0
    lost_s: float = 5.0
    min_battery_ratio: float = 0.3
    home_tolerance_m: float = 15.0
    home_altitude_tolerance_m: float = 30.0
    observe_s: float = 3.0
    stall_s: float = 25.0
