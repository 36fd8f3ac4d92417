"""What comes out of a loudspeaker: speech spectrum and directivity."""

from dataclasses import dataclass, replace

import numpy as np

from patrolctl.acoustics.bands import BANDS, SILENT_DB, Floats, at_a_level
from patrolctl.domain.machines import SpeakerProfile

# Male speech, octave bands relative to the A-level, 125 Hz to 8 kHz:
# IEC 60268-16:2011 (Ed. 4), table A.2. It has no energy at 63 Hz.
SPEECH_SHAPE_DB: Floats = np.array(
    [SILENT_DB, 2.9, 2.9, -0.8, -6.8, -12.8, -18.8, -24.8]
)

# No polar data of drone loudspeakers is published. The default is a re-entrant
# horn of about 0.3 m mouth: nearly omnidirectional below 250 Hz, −6 dB at ±60°
# at 1 kHz and at ±40° at 4 kHz. Attenuation in dB, rows: degrees off axis,
# columns: 63 Hz to 8 kHz.
DEFAULT_DIRECTIVITY_DEG = (0.0, 15.0, 30.0, 45.0, 60.0, 90.0, 120.0, 150.0, 180.0)
DEFAULT_DIRECTIVITY_DB = (
    (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 1.0, 2.0),
    (0.0, 0.0, 0.5, 1.0, 1.5, 2.5, 4.0, 6.0),
    (0.0, 0.5, 1.0, 2.0, 3.5, 4.5, 7.0, 10.0),
    (0.5, 1.0, 2.0, 3.0, 6.0, 7.0, 10.0, 14.0),
    (1.0, 2.0, 4.0, 6.0, 9.0, 12.0, 15.0, 18.0),
    (2.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0),
    (2.0, 4.0, 7.0, 10.0, 14.0, 17.0, 20.0, 22.0),
    (3.0, 5.0, 8.0, 11.0, 15.0, 18.0, 20.0, 22.0),
)


def with_directivity(speaker: SpeakerProfile) -> SpeakerProfile:
    """The profile with the default table where it has none of its own."""
    if speaker.directivity_deg and speaker.directivity_db:
        return speaker
    return replace(
        speaker,
        directivity_deg=DEFAULT_DIRECTIVITY_DEG,
        directivity_db=DEFAULT_DIRECTIVITY_DB,
    )


def directivity_db(speaker: SpeakerProfile, off_axis_deg: Floats) -> Floats:
    """Attenuation off axis, interpolated linearly in the angle.

    Args:
        speaker: its table, or None for the default.
        off_axis_deg: (n,) degrees, 0 to 180.

    Returns:
        (n, 8) dB, ≥ 0 for a sensible table.

    Raises:
        ValueError: the table's rows do not fit its angles or the bands.
    """
    full = with_directivity(speaker)
    angles = np.array(full.directivity_deg, dtype=np.float64)
    table = np.array(full.directivity_db, dtype=np.float64)
    if table.shape != (len(angles), BANDS) or np.any(np.diff(angles) <= 0):
        msg = "directivity needs rising angles and one row of 8 bands for each"
        raise ValueError(msg)
    off = np.asarray(off_axis_deg, dtype=np.float64)
    return np.stack(
        [np.interp(off, angles, table[:, k]) for k in range(BANDS)], axis=-1
    )


@dataclass(frozen=True, slots=True)
class Source:
    """A loudspeaker that speaks at a place.

    ``position_m`` is site ENU (up above the site's ground), ``heading_deg``
    the compass bearing of the nose; the horn looks along it, depressed by
    the profile's ``tilt_deg``. ``spectrum_db`` is the clip's octave spectrum
    relative to its A-level (None: male speech of IEC 60268-16).
    """

    position_m: tuple[float, float, float]
    heading_deg: float
    speaker: SpeakerProfile
    spectrum_db: tuple[float, ...] | None = None


def speech_1m_db(
    speaker: SpeakerProfile, spectrum_db: tuple[float, ...] | None
) -> Floats:
    """(8,) band levels of speech at 1 m on axis.

    The A-level is the rated peak less the crest: LAeq while speaking.
    """
    shape = SPEECH_SHAPE_DB if spectrum_db is None else np.array(spectrum_db)
    return at_a_level(shape, speaker.level_1m_db - speaker.crest_db)


def axis_of(heading_deg: float, tilt_deg: float) -> Floats:
    """(3,) unit vector of the horn's axis in ENU."""
    h, t = np.radians(heading_deg), np.radians(tilt_deg)
    return np.array([np.sin(h) * np.cos(t), np.cos(h) * np.cos(t), -np.sin(t)])
