"""What the search chooses from, and what it knows of flying."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from patrolctl.acoustics.bands import Floats
from patrolctl.planning.drone import tours
from patrolctl.planning.drone.coverage import Cover

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the search knows of sorties.

    ``out_s``/``back_s`` (drones, places) from above each drone's home to a
    place and back; ``hop_j``, ``out_j`` and ``back_j`` the same ways in
    seconds of hovering; ``ends_s``/``ends_j`` what take-off and landing take
    and ``usable_j`` what a battery gives.
    """

    out_s: Floats
    back_s: Floats
    hop_j: Floats
    out_j: Floats
    back_j: Floats
    ends_s: float
    ends_j: float
    usable_j: float
    turnaround_s: float

    @property
    def drones(self) -> int:
        """How many share the work."""
        return len(self.out_s)


@dataclass(frozen=True, slots=True)
class Market:
    """What the search chooses from.

    ``cover`` holds the columns on offer; ``place`` the row of ``time_s`` that
    each column's position has and ``heading_deg`` its heading. The last row
    of ``time_s`` is home. ``hold_s`` is the time a station takes. With a
    ``fleet``, a tour is judged by the mission that it makes when it is cut
    into sorties in the best way; without, as one endless flight.
    """

    cover: Cover
    place: Ints
    heading_deg: Floats
    time_s: Floats
    hold_s: float
    yaw_deg_s: float
    fleet: Fleet | None = None

    @property
    def data(self) -> tours.Data:
        """As kernels take it."""
        return (self.place, self.heading_deg, self.time_s)

    def hop_s(self, i: int, j: int) -> float:
        """From column i to column j; −1 is home."""
        return float(tours.hop(i, j, self.data, self.yaw_deg_s))

    def tour_s(self, tour: Ints) -> float:
        """Home, all stations in their order, home: holding and flying."""
        flying = tours.tour_s(tour, self.data, self.yaw_deg_s)
        return float(flying + self.hold_s * len(tour))

    def mission_s(self, tour: Ints) -> float:
        """How long it takes until the last drone is back, waiting left out."""
        if self.fleet is None or not len(tour):
            return self.tour_s(tour)
        costs = (self.hold_s, self.yaw_deg_s)
        _, worst = tours.mission(tour, costs, self.data, packed(self.fleet))
        return float(worst)


def packed(fleet: Fleet | None) -> tours.Sorties:
    """A fleet as kernels take it; none at all has no rows."""
    if fleet is None:
        none = np.empty((0, 0))
        return none, none, none, none, none, np.zeros(4)
    figures = (fleet.ends_s, fleet.ends_j, fleet.usable_j, fleet.turnaround_s)
    return (
        fleet.out_s,
        fleet.back_s,
        fleet.hop_j,
        fleet.out_j,
        fleet.back_j,
        np.array(figures, dtype=np.float64),
    )
