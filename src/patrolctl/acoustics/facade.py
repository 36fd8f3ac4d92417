"""Windows and the noise that speech competes with."""

import numpy as np

from patrolctl.acoustics.bands import Floats, a_level_db, at_a_level
from patrolctl.domain.plan import Window

# Shape of road traffic noise, octave sums of EN 1793-3:1997 without its
# A-weights; 63 Hz and 8 kHz, which the standard leaves out, continued.
TRAFFIC_SHAPE_DB: Floats = np.array([7.0, 1.6, -1.6, -4.0, -3.9, -7.6, -12.4, -17.0])
# Indoors: road noise through a façade and the house's own, about −3.5 dB an
# octave (between NC and RC curves at 30 to 45 dB(A)).
ROOM_SHAPE_DB: Floats = -3.5 * np.arange(8.0)
# Rotor noise of multicopters is broadband with its maximum near 1 to 4 kHz
# once blade tones are summed into octaves.
ROTOR_SHAPE_DB: Floats = np.array([-6.0, -2.0, 0.0, 0.0, 0.0, -1.0, -4.0, -9.0])

# Level difference outside − inside of homes, road traffic, dB(A).
# Source: Locher et al. 2018 (102 homes), open, tilted, closed.
FACADE_LOSS_A_DB = {Window.OPEN: 10.0, Window.TILTED: 16.0, Window.CLOSED: 28.0}
# How the loss goes over the bands; the figure above fixes its height. An
# open window loses evenly; glass follows the mass law up to 2 kHz.
_LOSS_SHAPE_DB = {
    Window.OPEN: np.zeros(8),
    Window.TILTED: np.array([-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 1.0, 1.0]),
    Window.CLOSED: np.array([-14.0, -10.0, -6.0, -2.0, 2.0, 5.0, 6.0, 8.0]),
}


def facade_loss_db(window: Window) -> Floats:
    """Loss per band of a façade with its windows in this state.

    For traffic noise the A-weighted difference is exactly the measured one.

    Returns:
        (8,) dB.
    """
    shape = _LOSS_SHAPE_DB[window]
    outside = at_a_level(TRAFFIC_SHAPE_DB, 0.0)
    offset = float(a_level_db(outside - shape)) + FACADE_LOSS_A_DB[window]
    return shape + offset


def outdoor_noise_db(level_db: float) -> Floats:
    """(8,) outdoor ambient of this A-level."""
    return at_a_level(TRAFFIC_SHAPE_DB, level_db)


def indoor_noise_db(level_db: float) -> Floats:
    """(8,) indoor ambient of this A-level."""
    return at_a_level(ROOM_SHAPE_DB, level_db)


def rotor_noise_1m_db(level_db: float) -> Floats:
    """(8,) a copter's own noise at 1 m for this A-level at 1 m."""
    return at_a_level(ROTOR_SHAPE_DB, level_db)
