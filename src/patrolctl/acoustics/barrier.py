"""Diffraction over and around obstacles: ISO 9613-2:1996, 7.4."""

from dataclasses import dataclass

import numpy as np

from patrolctl.acoustics.bands import MIDBANDS_HZ, Bools, Floats

SOUND_SPEED_M_S = 340.0  # the value of 7.4 for wavelengths
CAP_ONE_EDGE_DB = 20.0
CAP_TWO_EDGES_DB = 25.0


@dataclass(frozen=True, slots=True)
class Detour:
    """Paths from a source to n receivers bent round edges, metres each (n,).

    ``between_m`` is the way from the first to the last edge, 0 for one edge.
    """

    to_first_m: Floats
    between_m: Floats
    from_last_m: Floats
    direct_m: Floats


def screening_db(detour: Detour, *, sideways: bool) -> Floats:
    """Dz of equation 14 with the caps of 7.4.

    Args:
        detour: the bent paths.
        sideways: around a vertical edge (Kmet is 1 there).

    Returns:
        (n, 8) dB, within 0 and 20 (one edge) or 25 (two).
    """
    d_ss, d_sr = detour.to_first_m[:, None], detour.from_last_m[:, None]
    e, d = detour.between_m[:, None], detour.direct_m[:, None]
    z = d_ss + d_sr + e - d
    wave = SOUND_SPEED_M_S / MIDBANDS_HZ[None, :]
    two = e > 1e-9
    r2 = (5.0 * wave / np.where(two, e, 1.0)) ** 2
    c3 = np.where(two, (1.0 + r2) / (1.0 / 3.0 + r2), 1.0)
    k_met = np.ones_like(z)
    if not sideways:
        root = np.sqrt(d_ss * d_sr * d / (2.0 * np.maximum(z, 1e-12)))
        k_met = np.where(z > 0.0, np.exp(-root / 2000.0), 1.0)
    inside = 3.0 + (20.0 / wave) * c3 * z * k_met
    dz = 10.0 * np.log10(np.maximum(inside, 1.0))
    cap = np.where(two, CAP_TWO_EDGES_DB, CAP_ONE_EDGE_DB)
    return np.asarray(np.clip(dz, 0.0, cap), dtype=np.float64)


def barrier_db(over: Detour, left: Detour, right: Detour, ground_db: Floats) -> Floats:
    """A_bar of the paths over the top and around both sides together.

    Over the top A_bar = Dz − A_gr, not below 0; around a side A_bar = Dz.
    The energies of the three paths add. A path that does not exist is
    infinite and adds nothing; where there is none the loss is the greatest
    that the standard knows.

    Returns:
        (n, 8) dB.
    """
    energy = np.zeros_like(ground_db)
    for way, sideways in ((over, False), (left, True), (right, True)):
        here: Bools = np.isfinite(way.to_first_m)
        parts = (way.to_first_m, way.between_m, way.from_last_m, way.direct_m)
        loss = screening_db(Detour(*(x[here] for x in parts)), sideways=sideways)
        if not sideways:
            loss = np.maximum(loss - ground_db[here], 0.0)
        energy[here] += 10.0 ** (-loss / 10.0)
    least = 10.0 ** (-CAP_TWO_EDGES_DB / 10.0)
    # Three ways together may not give more than the open air.
    return np.asarray(-10.0 * np.log10(np.clip(energy, least, 1.0)), dtype=np.float64)
