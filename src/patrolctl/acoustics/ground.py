"""Ground effect: ISO 9613-2:1996, 7.3.1, table 3."""

from dataclasses import dataclass

import numpy as np

from patrolctl.acoustics.bands import BANDS, Floats


@dataclass(frozen=True, slots=True)
class GroundFactors:
    """Porosity 0 (hard) to 1 (porous) of the three regions."""

    source: float
    middle: float
    receiver: float


def _region_db(height_m: Floats, distance_m: Floats, g: float) -> Floats:
    """As or Ar of table 3: (n, 8)."""
    h, d = height_m, distance_m
    far = 1.0 - np.exp(-d / 50.0)
    very_far = 1.0 - np.exp(-2.8e-6 * d**2)
    a = 1.5 + 3.0 * np.exp(-0.12 * (h - 5.0) ** 2) * far
    a = a + 5.7 * np.exp(-0.09 * h**2) * very_far
    b = 1.5 + 8.6 * np.exp(-0.09 * h**2) * far
    c = 1.5 + 14.0 * np.exp(-0.46 * h**2) * far
    e = 1.5 + 5.0 * np.exp(-0.9 * h**2) * far
    low = np.full_like(d, -1.5)
    high = np.full_like(d, -1.5 * (1.0 - g))
    mid = [-1.5 + g * x for x in (a, b, c, e)]
    return np.stack([low, *mid, high, high, high], axis=-1)


def ground_effect_db(
    source_up_m: Floats,
    receiver_up_m: Floats,
    projected_m: Floats,
    ground: GroundFactors,
) -> Floats:
    """A_gr, negative where the ground adds to the level.

    Args:
        source_up_m: (n,) source heights above ground.
        receiver_up_m: (n,) receiver heights.
        projected_m: (n,) source to receiver distances on the ground plane.
        ground: porosity of the regions.

    Returns:
        (n, 8) dB.
    """
    hs, hr, d = np.broadcast_arrays(source_up_m, receiver_up_m, projected_m)
    reach = 30.0 * (hs + hr)
    q = np.where(d > reach, 1.0 - reach / np.maximum(d, 1e-9), 0.0)
    factor = np.full(BANDS, 1.0 - ground.middle)
    factor[0] = 1.0  # at 63 Hz the middle region does not depend on G
    middle = -3.0 * q[..., None] * factor
    near = _region_db(hs, d, ground.source)
    far = _region_db(hr, d, ground.receiver)
    return np.asarray(near + middle + far, dtype=np.float64)
