"""How sound gets from a horn to a microphone, reckoned in octave bands.

A simple outdoor model after ISO 9613-1 and 9613-2: divergence, absorption by
the air, directivity of the horn, screening (:mod:`simulators.listeners.place`
finds the ways round), the loss of a façade, ambient noise, and the speech
transmission index of IEC 60268-16 Ed. 4. Not reckoned: the ground, reflections
between façades, wind and temperature gradients.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Octaves 63 Hz to 8 kHz at their exact midbands, and A-weights (IEC 61672-1).
BANDS_HZ: Floats = 1000.0 * np.power(10.0, 0.3 * np.arange(-4.0, 4.0))
A_WEIGHTS_DB: Floats = np.array([-26.2, -16.1, -8.6, -3.2, 0.0, 1.2, 1.0, -1.1])
WAVE_M: Floats = 340.0 / BANDS_HZ

# Male speech relative to its A-level (IEC 60268-16 Ed. 4); none at 63 Hz.
SPEECH_DB = (-100.0, 2.9, 2.9, -0.8, -6.8, -12.8, -18.8, -24.8)
# What is there without us: traffic outdoors (EN 1793-3, without its A-weights),
# and in rooms the fall of 3.5 dB an octave between NC and RC curves.
TRAFFIC_DB = (7.0, 1.6, -1.6, -4.0, -3.9, -7.6, -12.4, -17.0)
ROOM_DB = tuple(-3.5 * k for k in range(8))
# Outside less inside of homes (Locher et al. 2018), the same in every band.
FACADE_DB = {"open": 10.0, "tilted": 16.0, "closed": 28.0}
# A horn without a data sheet: degrees off axis at which it has lost 6 dB, and
# the most that it loses, per band.
HALF_DEG = (180.0, 150.0, 110.0, 80.0, 60.0, 52.0, 40.0, 33.0)
BACK_DB = (3.0, 5.0, 8.0, 11.0, 15.0, 18.0, 20.0, 22.0)


def a_level_db(bands_db: Floats) -> Floats:
    """dB(A) of (…, 8) band levels."""
    energy = np.power(10.0, (np.asarray(bands_db) + A_WEIGHTS_DB) / 10.0).sum(axis=-1)
    return np.asarray(10.0 * np.log10(np.maximum(energy, 1e-30)))


def of_a_level(shape_db: tuple[float, ...], level_db: float) -> Floats:
    """A spectrum of this shape and A-level."""
    shape = np.array(shape_db, dtype=np.float64)
    return np.asarray(shape + (level_db - float(a_level_db(shape))))


@dataclass(frozen=True, slots=True)
class Horn:
    """A loudspeaker as its data sheet has it.

    ``level_1m_db`` is the rated peak at 1 m on axis, speech lies ``crest_db``
    below it. ``angles_deg`` and ``loss_db`` (a row of 8 bands an angle) are
    its measured directivity; without them it is a generic horn.
    """

    level_1m_db: float = 114.0
    crest_db: float = 9.0
    tilt_deg: float = 0.0
    angles_deg: tuple[float, ...] | None = None
    loss_db: tuple[tuple[float, ...], ...] | None = None
    speech_db: tuple[float, ...] = SPEECH_DB

    def at_1m_db(self) -> Floats:
        """(8,) levels on axis while it speaks."""
        return of_a_level(self.speech_db, self.level_1m_db - self.crest_db)

    def off_axis_db(self, angle_deg: Floats) -> Floats:
        """(n, 8) losses at n angles."""
        if self.angles_deg is None or self.loss_db is None:
            fall = 6.0 * (angle_deg[:, None] / np.array(HALF_DEG)) ** 2
            return np.asarray(np.minimum(fall, np.array(BACK_DB)))
        rows = np.array(self.loss_db, dtype=np.float64).T
        return np.column_stack(
            [np.interp(angle_deg, self.angles_deg, row) for row in rows]
        )


@dataclass(frozen=True, slots=True)
class Ambient:
    """What the microphones stand in: windows, noise, reverberation, air."""

    window: str = "open"
    indoor_db: float = 40.0
    outdoor_db: float = 60.0
    indoor_rt_s: float = 0.5
    outdoor_rt_s: float = 0.8
    indoor_shape_db: tuple[float, ...] = field(default=ROOM_DB)
    outdoor_shape_db: tuple[float, ...] = field(default=TRAFFIC_DB)
    temperature_c: float = 20.0
    humidity_percent: float = 70.0

    def noise_db(self, *, indoors: bool) -> Floats:
        """(8,) ambient."""
        if indoors:
            return of_a_level(self.indoor_shape_db, self.indoor_db)
        return of_a_level(self.outdoor_shape_db, self.outdoor_db)


def air_db_per_m(ambient: Ambient) -> Floats:
    """(8,) absorption at normal pressure: ISO 9613-1, equations 3 to 5."""
    kelvin = ambient.temperature_c + 273.15
    tau = kelvin / 293.15
    saturation = 10.0 ** (4.6151 - 6.8346 * (273.16 / kelvin) ** 1.261)
    vapour = ambient.humidity_percent * saturation
    oxygen_hz = 24.0 + 40400.0 * vapour * (0.02 + vapour) / (0.391 + vapour)
    rise = math.exp(-4.170 * (tau ** (-1 / 3) - 1.0))
    nitrogen_hz = (9.0 + 280.0 * vapour * rise) / math.sqrt(tau)
    f = BANDS_HZ
    relax = 0.01275 * math.exp(-2239.1 / kelvin) * oxygen_hz / (oxygen_hz**2 + f**2)
    relax += 0.1068 * math.exp(-3352.0 / kelvin) * nitrogen_hz / (nitrogen_hz**2 + f**2)
    return np.asarray(8.686 * f**2 * (1.84e-11 * math.sqrt(tau) + relax / tau**2.5))


@dataclass(frozen=True, slots=True)
class Bend:
    """n ways bent round edges: metres to the first, between, from the last.

    Infinite where there is no such way.
    """

    first_m: Floats
    between_m: Floats
    last_m: Floats
    direct_m: Floats
    over: bool


def bend_loss_db(way: Bend) -> Floats:
    """(n, 8) loss of each way: ISO 9613-2, 7.4, equations 14 to 18."""
    z = (way.first_m + way.between_m + way.last_m - way.direct_m)[:, None]
    there = np.isfinite(z)
    z = np.where(there, np.maximum(z, 0.0), 0.0)
    e = way.between_m[:, None]
    two = there & (e > 0.0)
    ratio = np.square(5.0 * WAVE_M / np.where(two, e, 1.0))
    c3 = np.where(two, (1.0 + ratio) / (1.0 / 3.0 + ratio), 1.0)
    weather = np.ones_like(z)
    if way.over:
        arms = way.first_m * way.last_m * way.direct_m
        arms = np.where(np.isfinite(arms), arms, 0.0)[:, None]
        weather = np.exp(-np.sqrt(arms / np.maximum(2.0 * z, 1e-9)) / 2000.0)
    loss = 10.0 * np.log10(3.0 + 20.0 / WAVE_M * c3 * z * weather)
    loss = np.minimum(loss, np.where(two, 25.0, 20.0))
    return np.where(there, loss, np.inf)


# IEC 60268-16 Ed. 4, male, 125 Hz to 8 kHz: weights, redundancy, threshold.
_WEIGHT = np.array([0.085, 0.127, 0.230, 0.233, 0.309, 0.224, 0.173])
_REDUNDANT = np.array([0.085, 0.078, 0.065, 0.011, 0.047, 0.095])
_THRESHOLD_DB = np.array([46.0, 27.0, 12.0, 6.5, 7.5, 8.0, 12.0])
_FLUCTUATION_HZ = 0.63 * 10.0 ** (np.arange(14) / 10.0)


def _masking_db(level_db: Floats) -> Floats:
    """How far below a band its masking of the next one lies."""
    gentle = 0.5 * level_db - 65.0
    steep = 1.8 * level_db - 146.9
    loud = 0.5 * level_db - 59.8
    below_100 = np.where(level_db < 67.0, steep, loud)
    quiet = np.where(level_db < 63.0, gentle, below_100)
    return np.where(level_db < 100.0, quiet, -10.0)


def intelligibility(speech_db: Floats, noise_db: Floats, rt_s: float) -> Floats:
    """STI.

    Args:
        speech_db: (n, 8) at the ear.
        noise_db: (8,) at the ear.
        rt_s: reverberation time.

    Returns:
        (n,) 0 to 1.
    """
    signal = np.power(10.0, speech_db[:, 1:] / 10.0)
    every = signal + np.power(10.0, noise_db[1:] / 10.0)
    level_db = 10.0 * np.log10(every)
    masked = np.zeros_like(every)
    masked[:, 1:] = every[:, :-1] * np.power(10.0, _masking_db(level_db[:, :-1]) / 10.0)
    clear = signal / (every + masked + np.power(10.0, _THRESHOLD_DB / 10.0))
    blur = 1.0 / np.sqrt(1.0 + np.square(2.0 * np.pi * _FLUCTUATION_HZ * rt_s / 13.8))
    depth = np.clip(clear[:, :, None] * blur, 1e-9, 1.0 - 1e-9)
    snr_db = np.clip(10.0 * np.log10(depth / (1.0 - depth)), -15.0, 15.0)
    index = (snr_db.mean(axis=2) + 15.0) / 30.0
    shared = np.sqrt(index[:, 1:] * index[:, :-1]) @ _REDUNDANT
    return np.asarray(np.minimum(index @ _WEIGHT - shared, 1.0))
