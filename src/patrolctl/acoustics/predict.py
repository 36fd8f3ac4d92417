"""What listeners hear of one loudspeaker: levels, STI, line of sight."""

from dataclasses import dataclass

import numpy as np

from patrolctl.acoustics.air import STANDARD_AIR, Air, absorption_db_m
from patrolctl.acoustics.bands import Bools, Floats, a_level_db
from patrolctl.acoustics.barrier import CAP_TWO_EDGES_DB, Detour, barrier_db
from patrolctl.acoustics.facade import (
    facade_loss_db,
    indoor_noise_db,
    outdoor_noise_db,
    rotor_noise_1m_db,
)
from patrolctl.acoustics.ground import GroundFactors, ground_effect_db
from patrolctl.acoustics.scene import Scene
from patrolctl.acoustics.speaker import (
    Source,
    axis_of,
    directivity_db,
    speech_1m_db,
)
from patrolctl.acoustics.sti import speech_transmission_index
from patrolctl.domain.plan import Requirement, Window

MIN_DISTANCE_M = 1.0  # nearer, 20·lg d would exceed the rated level


@dataclass(frozen=True, slots=True)
class Listening:
    """Where people listen: windows, noise and reverberation.

    Noise levels are A-weighted ambient without us. The reverberation times
    are a furnished room and a courtyard between façades.
    """

    window: Window = Window.OPEN
    indoor_noise_db: float = 40.0
    outdoor_noise_db: float = 60.0
    indoor_rt_s: float = 0.5
    outdoor_rt_s: float = 0.8

    @classmethod
    def of(cls, requirement: Requirement) -> "Listening":
        """The listening that a plan's requirement states."""
        return cls(
            window=requirement.window,
            indoor_noise_db=requirement.indoor_noise_db,
            outdoor_noise_db=requirement.outdoor_noise_db,
        )


@dataclass(frozen=True, slots=True)
class Prediction:
    """One source at n receivers.

    ``bands_db`` (n, 8) and ``level_db`` (n,) are outside the façade, free
    field, before the window; ``sti`` (n,) is for the listener behind it (or
    outdoors). ``visible`` (n,): nothing solid in the line between.
    """

    bands_db: Floats
    level_db: Floats
    sti: Floats
    visible: Bools

    def heard(self, sti_min: float) -> Bools:
        """Who gets the message: in line of sight and intelligible.

        Sound bent round corners and over roofs is predicted, but never
        counted on: ISO 9613-2 gives its level to ±3 dB at best.
        """
        return np.asarray(self.visible & (self.sti >= sti_min))


def geometry(source: Source, receivers_m: Floats) -> tuple[Floats, Floats]:
    """(n,) distances in metres (at least 1) and degrees off the horn's axis."""
    delta = np.asarray(receivers_m, dtype=np.float64) - np.array(source.position_m)
    raw = np.linalg.norm(delta, axis=1)
    distance = np.maximum(raw, MIN_DISTANCE_M)
    axis = axis_of(source.heading_deg, source.speaker.tilt_deg)
    cosine = np.clip((delta @ axis) / np.maximum(raw, 1e-9), -1.0, 1.0)
    return distance, np.degrees(np.arccos(cosine))


def free_field_db(
    source: Source, distance_m: Floats, off_axis_deg: Floats, air: Air
) -> Floats:
    """(n, 8) levels after divergence, absorption and directivity alone."""
    base = speech_1m_db(source.speaker, source.spectrum_db)
    spread = 20.0 * np.log10(distance_m)
    absorbed = absorption_db_m(air)[None, :] * distance_m[:, None]
    off = directivity_db(source.speaker, off_axis_deg)
    return np.asarray(base - spread[:, None] - absorbed - off, dtype=np.float64)


def rotor_db(
    source: Source, distance_m: Floats, air: Air = STANDARD_AIR
) -> Floats | None:
    """(n, 8) the vehicle's own noise in the free field; None where none is told."""
    if source.speaker.noise_1m_db is None:
        return None
    spread = 20.0 * np.log10(distance_m)[:, None]
    absorbed = absorption_db_m(air)[None, :] * distance_m[:, None]
    return np.asarray(rotor_noise_1m_db(source.speaker.noise_1m_db) - spread - absorbed)


def listener_sti(
    bands_db: Floats,
    indoors: Bools,
    listening: Listening,
    rotor_db: Floats | None = None,
) -> Floats:
    """STI where people listen.

    Args:
        bands_db: (n, 8) speech outside.
        indoors: (n,) behind a window (True) or in the open.
        listening: windows, noise, reverberation.
        rotor_db: (n, 8) the vehicle's own noise outside, if any.

    Returns:
        (n,) STI.
    """
    sti = np.empty(len(bands_db))
    loss = facade_loss_db(listening.window)
    for inside in (True, False):
        rows = np.flatnonzero(indoors == inside)
        if not len(rows):
            continue
        level = listening.indoor_noise_db if inside else listening.outdoor_noise_db
        ambient = indoor_noise_db(level) if inside else outdoor_noise_db(level)
        noise = np.broadcast_to(ambient, (len(rows), 8))
        through = loss if inside else np.zeros(8)
        if rotor_db is not None:
            both = 10.0 ** (noise / 10.0) + 10.0 ** ((rotor_db[rows] - through) / 10.0)
            noise = 10.0 * np.log10(both)
        room_s = listening.indoor_rt_s if inside else listening.outdoor_rt_s
        sti[rows] = speech_transmission_index(bands_db[rows] - through, noise, room_s)
    return sti


def _ground_db(source: Source, receivers_m: Floats, air: Air) -> Floats:
    if air.ground_g is None:
        return np.zeros((len(receivers_m), 8))
    flat = np.hypot(
        receivers_m[:, 0] - source.position_m[0],
        receivers_m[:, 1] - source.position_m[1],
    )
    g = GroundFactors(air.ground_g, air.ground_g, air.ground_g)
    up = np.maximum(receivers_m[:, 2], 0.0)
    return ground_effect_db(np.full(len(up), source.position_m[2]), up, flat, g)


def _screen_db(
    scene: Scene, source: Source, receivers_m: Floats, ground_db: Floats
) -> Floats:
    ways = scene.detours(np.array(source.position_m), receivers_m)
    direct = np.linalg.norm(receivers_m - np.array(source.position_m), axis=1)
    over, left, right = (
        Detour(ways[:, k, 0], ways[:, k, 1], ways[:, k, 2], direct) for k in range(3)
    )
    return barrier_db(over, left, right, ground_db)


def predict(
    scene: Scene,
    source: Source,
    receivers_m: Floats,
    indoors: Bools,
    listening: Listening,
    air: Air = STANDARD_AIR,
) -> Prediction:
    """Predict what each receiver gets from one source.

    Args:
        scene: the solids in between.
        source: loudspeaker, place, heading.
        receivers_m: (n, 3) ENU, outside every solid.
        indoors: (n,) True behind a window, False in the open.
        listening: windows, noise, reverberation.
        air: absorption and ground.

    Returns:
        Levels, STI and line of sight, n each.

    Source: ISO 9613-2:1996, 6 and 7; IEC 60268-16:2011.
    """
    points = np.asarray(receivers_m, dtype=np.float64).reshape(-1, 3)
    here = np.array([source.position_m])
    visible = scene.visible(here, points)[0]
    distance, off = geometry(source, points)
    ground = _ground_db(source, points, air)
    bands = free_field_db(source, distance, off, air) - ground
    screen = np.zeros_like(bands)
    hidden = np.flatnonzero(~visible)
    if not air.diffraction:
        screen[hidden] = CAP_TWO_EDGES_DB
    elif len(hidden):
        screen[hidden] = _screen_db(scene, source, points[hidden], ground[hidden])
    bands -= screen
    rotor = rotor_db(source, distance, air)
    if rotor is not None:
        rotor = rotor - screen
    sti = listener_sti(bands, np.asarray(indoors), listening, rotor)
    return Prediction(bands, a_level_db(bands), sti, visible)
