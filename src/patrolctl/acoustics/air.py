"""Absorption by the air: ISO 9613-1:1993, equations 3 to 5."""

from dataclasses import dataclass

import numpy as np

from patrolctl.acoustics.bands import MIDBANDS_HZ, Floats

_T0_K = 293.15
_T01_K = 273.16  # triple point of water
_PR_KPA = 101.325


@dataclass(frozen=True, slots=True)
class Air:
    """The air that sound goes through. ``ground_g`` None: no ground effect.

    The default credits no ground reflection: ISO 9613-2's hard ground adds
    up to 3 dB that a horn in the air, aimed at a façade, does not reliably
    give. ``ground_g`` is the porosity 0 to 1 of ISO 9613-2, 7.3.1.
    ``diffraction`` False: what is out of sight gets the standard's greatest
    loss instead of its ways round being reckoned, which is much quicker.
    """

    temperature_c: float = 20.0
    humidity_percent: float = 70.0
    pressure_kpa: float = _PR_KPA
    ground_g: float | None = None
    diffraction: bool = True


STANDARD_AIR = Air()


def absorption_db_m(air: Air, frequency_hz: Floats = MIDBANDS_HZ) -> Floats:
    """Attenuation coefficient of pure tones.

    Args:
        air: temperature, humidity and pressure.
        frequency_hz: (n,) frequencies.

    Returns:
        (n,) dB per metre.

    Source: ISO 9613-1:1993, equations 3 to 5 and annex B.
    """
    t_k = air.temperature_c + 273.15
    ratio = t_k / _T0_K
    pressure = air.pressure_kpa / _PR_KPA
    saturation = 10.0 ** (-6.8346 * (_T01_K / t_k) ** 1.261 + 4.6151)
    h = air.humidity_percent * saturation / pressure
    fr_o = pressure * (24.0 + 4.04e4 * h * (0.02 + h) / (0.391 + h))
    n_term = np.exp(-4.170 * (ratio ** (-1.0 / 3.0) - 1.0))
    fr_n = pressure * ratio**-0.5 * (9.0 + 280.0 * h * n_term)
    f2 = np.asarray(frequency_hz, dtype=np.float64) ** 2
    oxygen = 0.01275 * np.exp(-2239.1 / t_k) / (fr_o + f2 / fr_o)
    nitrogen = 0.1068 * np.exp(-3352.0 / t_k) / (fr_n + f2 / fr_n)
    classical = 1.84e-11 / pressure * ratio**0.5
    alpha = 8.686 * f2 * (classical + ratio**-2.5 * (oxygen + nitrogen))
    return np.asarray(alpha, dtype=np.float64)
