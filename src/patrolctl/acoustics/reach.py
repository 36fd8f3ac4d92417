"""How far one loudspeaker carries, as a table over distance and angle.

In line of sight and without ground effect a level depends only on distance
and angle off the axis, so millions of pairs need one small table.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from patrolctl.acoustics.air import STANDARD_AIR, Air, absorption_db_m
from patrolctl.acoustics.bands import BANDS, Floats, a_level_db
from patrolctl.acoustics.facade import rotor_noise_1m_db
from patrolctl.acoustics.predict import Listening, free_field_db, listener_sti
from patrolctl.acoustics.speaker import Source
from patrolctl.domain.machines import SpeakerProfile

STEP_M = 1.0
STEP_DEG = 2.0


@dataclass(frozen=True, slots=True)
class ReachTable:
    """STI and level of one speaker over distance and angle.

    Row i is (i + 1) metres, column j is 2·j degrees off the axis; ``sti``
    is for listeners of one kind (behind windows, or outdoors).
    """

    sti: Floats
    level_db: Floats

    def heard(self, sti_min: float, *, error_m: float, error_deg: float) -> Floats:
        """Greatest angle off the axis that still hears, for each metre.

        Args:
            sti_min: what counts as heard.
            error_m: how far the speaker may be from where it should be.
            error_deg: how far its axis may be off.

        Returns:
            (rows,) degrees, −1 where even the axis does not hear. A receiver
            at d metres hears for certain when its angle is at most row
            ceil(d) of it.
        """
        rows = len(self.sti)
        good = self.sti >= sti_min
        # The run of angles from the axis outwards that all hear.
        run = np.where(good.all(axis=1), good.shape[1], np.argmin(good, axis=1))
        widest = run - 1.0
        limit = np.where(widest >= 0, widest * STEP_DEG, -1.0)
        reach = int(np.ceil(error_m / STEP_M)) + 1
        # The worst of all distances within the error; none beyond the table.
        wide = np.concatenate([np.repeat(limit[:1], reach), limit])
        if rows <= reach:
            return np.full(rows, -1.0)
        around = np.lib.stride_tricks.sliding_window_view(wide, 2 * reach + 1)
        worst = np.concatenate([around.min(axis=1), np.full(reach, -1.0)])
        metres = np.arange(1.0, rows + 1.0)
        turn = np.degrees(np.arcsin(np.minimum(1.0, error_m / metres))) + error_deg
        out = np.where((worst >= 0) & (worst >= turn), worst - turn, -1.0)
        out[worst >= 180.0] = 180.0
        return out

    def range_m(self, sti_min: float) -> float:
        """Farthest distance on the axis that hears, 0 if none."""
        rows = np.flatnonzero(self.sti[:, 0] >= sti_min)
        return float(rows[-1] + 1) * STEP_M if len(rows) else 0.0


@lru_cache(maxsize=64)
def reach_table(
    speaker: SpeakerProfile,
    spectrum_db: tuple[float, ...] | None,
    listening: Listening,
    *,
    indoors: bool,
    max_m: float = 400.0,
    air: Air = STANDARD_AIR,
) -> ReachTable:
    """Tabulate one speaker for one kind of listener.

    Args:
        speaker: the loudspeaker.
        spectrum_db: the clip's octave spectrum, None for male speech.
        listening: windows, noise, reverberation.
        indoors: behind a window, or outdoors.
        max_m: the table's last distance.
        air: absorption; its ground effect is not in the table.
    """
    metres = np.arange(1.0, max_m + STEP_M, STEP_M)
    degrees = np.arange(0.0, 180.0 + STEP_DEG, STEP_DEG)
    d, off = (g.ravel() for g in np.meshgrid(metres, degrees, indexing="ij"))
    source = Source((0.0, 0.0, 0.0), 0.0, speaker, spectrum_db)
    bands = free_field_db(source, d, off, air)
    rotor = None
    if speaker.noise_1m_db is not None:
        spread = 20.0 * np.log10(d)[:, None] + absorption_db_m(air) * d[:, None]
        rotor = rotor_noise_1m_db(speaker.noise_1m_db) - spread
    inside = np.full(len(d), fill_value=indoors)
    sti = listener_sti(bands.reshape(-1, BANDS), inside, listening, rotor)
    shape = (len(metres), len(degrees))
    return ReachTable(sti.reshape(shape), a_level_db(bands).reshape(shape))
