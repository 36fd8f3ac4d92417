"""Octave bands 63 Hz to 8 kHz: midbands, A-weights, sums."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BANDS = 8
# Exact midbands (IEC 61260-1, base ten); the nominal 63 Hz is 63.1 Hz.
MIDBANDS_HZ: Floats = 1000.0 * np.power(10.0, 0.3 * np.arange(-4.0, 4.0))
# IEC 61672-1, table 3.
A_WEIGHT_DB: Floats = np.array([-26.2, -16.1, -8.6, -3.2, 0.0, 1.2, 1.0, -1.1])
SILENT_DB = -100.0


def power_sum_db(levels_db: Floats, axis: int = -1) -> Floats:
    """Energetic sum of levels along an axis, dB."""
    total = np.sum(10.0 ** (np.asarray(levels_db) / 10.0), axis=axis)
    return np.asarray(10.0 * np.log10(np.maximum(total, 1e-30)), dtype=np.float64)


def a_level_db(bands_db: Floats) -> Floats:
    """A-weighted level of (…, 8) octave-band levels, dB(A)."""
    return power_sum_db(np.asarray(bands_db) + A_WEIGHT_DB)


def at_a_level(shape_db: Floats, level_db: float) -> Floats:
    """The spectrum of this shape whose A-weighted level is ``level_db``."""
    shape = np.asarray(shape_db, dtype=np.float64)
    return shape - float(a_level_db(shape)) + level_db
