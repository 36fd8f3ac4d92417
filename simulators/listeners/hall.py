"""Microphones at windows, and what each hears of what is played."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulators.listeners.place import Place
from simulators.listeners.propagation import (
    FACADE_DB,
    Ambient,
    Bend,
    Horn,
    a_level_db,
    air_db_per_m,
    bend_loss_db,
    intelligibility,
)
from simulators.listeners.truth import Pose, Track

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

EAR_S = 1.0  # a message must be understood in every span as long as this
NEAREST_M = 1.0
ROVER_HORN_M = 2.0


@dataclass(frozen=True, slots=True)
class Microphone:
    """Hangs before a window or stands in the open; ``up_m`` above ground.

    One before a window reckons with the façade and the room behind it.
    """

    id: str
    lat_deg: float
    lon_deg: float
    up_m: float
    indoors: bool = True
    household: str | None = None


@dataclass(frozen=True, slots=True)
class Playing:
    """One message that truly came out of a horn, whole, and when."""

    key: str
    vehicle: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Reception:
    """One whole message at one microphone.

    ``sti`` is that of its worst second, ``level_db`` its mean A-level before
    the window; ``in_view``: nothing solid between horn and microphone in any
    second (else what was heard came round corners).
    """

    microphone: str
    key: str
    sti: float
    level_db: float
    in_view: bool


@dataclass(frozen=True, slots=True)
class _Moment:
    """At n microphones: outside levels, STI, in view."""

    level_db: Floats
    sti: Floats
    in_view: Bools


class Hall:
    """All microphones of a place.

    Args:
        place: what stands in the way.
        microphones: where they are.
        ambient: noise, windows, air.
        sti_min: from which STI on a message is understood.
    """

    def __init__(
        self,
        place: Place,
        microphones: Iterable[Microphone],
        ambient: Ambient | None = None,
        *,
        sti_min: float = 0.5,
    ) -> None:
        self.place = place
        self.microphones = tuple(microphones)
        self.ambient = ambient or Ambient()
        self.sti_min = sti_min
        lat = np.array([m.lat_deg for m in self.microphones])
        lon = np.array([m.lon_deg for m in self.microphones])
        up = np.array([m.up_m for m in self.microphones])
        self._ears = np.column_stack([place.to_m(lat, lon), up])
        self._indoors = np.array([m.indoors for m in self.microphones], dtype=np.bool_)
        self._air = air_db_per_m(self.ambient)

    def hear(
        self, playing: Playing, horn: Horn, track: Track, *, lift_m: float = 0.0
    ) -> list[Reception]:
        """Who understood a message, from its first second to its last.

        Args:
            playing: the message.
            horn: what it came out of.
            track: where that truly was.
            lift_m: how far the horn is above what the track tells.

        Raises:
            ValueError: the track does not cover it.
        """
        rows = np.arange(len(self.microphones))
        sti = np.full(len(rows), np.inf)
        energy = np.zeros(len(rows))
        view = np.ones(len(rows), dtype=np.bool_)
        seconds = self._seconds(playing, track, lift_m)
        for place_m, heading_deg in seconds:
            got = self._moment(place_m, heading_deg, horn, rows)
            sti = np.minimum(sti, got.sti)
            energy = energy + np.power(10.0, got.level_db / 10.0)
            view = view & got.in_view
            keep = sti >= self.sti_min
            rows, sti, energy, view = rows[keep], sti[keep], energy[keep], view[keep]
        level = 10.0 * np.log10(energy / len(seconds))
        return [
            Reception(
                self.microphones[row].id,
                playing.key,
                round(float(sti[k]), 4),
                round(float(level[k]), 2),
                bool(view[k]),
            )
            for k, row in enumerate(rows)
        ]

    def _seconds(
        self, playing: Playing, track: Track, lift_m: float
    ) -> list[tuple[Floats, float]]:
        """The horn's place and heading in the middle of each second."""
        count = max(1, round((playing.end_s - playing.begin_s) / EAR_S))
        each = (playing.end_s - playing.begin_s) / count
        return [
            self._horn_at(
                playing.begin_s + (k + 0.5) * each,
                track.within(playing.begin_s, playing.end_s),
                lift_m,
            )
            for k in range(count)
        ]

    def _horn_at(
        self, utc_s: float, poses: list[Pose], lift_m: float
    ) -> tuple[Floats, float]:
        near = min(poses, key=lambda p: abs(p.utc_s - utc_s))
        flat = self.place.to_m(np.array([near.lat_deg]), np.array([near.lon_deg]))[0]
        up = near.amsl_m - self.place.ground_amsl_m + lift_m
        return np.array([flat[0], flat[1], up]), near.heading_deg

    def _moment(
        self, horn_m: Floats, heading_deg: float, horn: Horn, rows: Ints
    ) -> _Moment:
        ears = self._ears[rows]
        away = ears - horn_m
        far = np.maximum(np.linalg.norm(away, axis=1), NEAREST_M)
        bands = (
            horn.at_1m_db() - 20.0 * np.log10(far)[:, None] - self._air * far[:, None]
        )
        bands = bands - horn.off_axis_db(_angle_deg(away, far, heading_deg, horn))
        sti = self._sti(bands, rows)
        in_view = np.ones(len(rows), dtype=np.bool_)
        # Screens only take away: who does not understand without them is out.
        might = np.flatnonzero(sti >= self.sti_min)
        paths = self.place.paths(horn_m, ears[might])
        in_view[might] = paths.clear
        hidden = might[~paths.clear]
        if len(hidden):
            bands[hidden] -= _screen_db(paths.bends, ~paths.clear)
            sti[hidden] = self._sti(bands[hidden], rows[hidden])
        return _Moment(a_level_db(bands), sti, in_view)

    def _sti(self, bands_db: Floats, rows: Ints) -> Floats:
        sti = np.empty(len(rows))
        for indoors in (True, False):
            here = self._indoors[rows] == indoors
            loss = FACADE_DB[self.ambient.window] if indoors else 0.0
            room_s = self.ambient.indoor_rt_s if indoors else self.ambient.outdoor_rt_s
            noise = self.ambient.noise_db(indoors=indoors)
            if here.any():
                sti[here] = intelligibility(bands_db[here] - loss, noise, room_s)
        return sti


def _angle_deg(away_m: Floats, far_m: Floats, heading_deg: float, horn: Horn) -> Floats:
    """(n,) degrees between the horn's axis and each microphone."""
    yaw, tilt = np.radians([heading_deg, horn.tilt_deg])
    flat = np.cos(tilt)
    axis = np.array([np.sin(yaw) * flat, np.cos(yaw) * flat, -np.sin(tilt)])
    cosine = np.clip(away_m @ axis / far_m, -1.0, 1.0)
    return np.asarray(np.degrees(np.arccos(cosine)))


def _screen_db(bends: tuple[Bend, ...], hidden: Bools) -> Floats:
    """(hidden, 8) what the ways round together lose; 25 dB at most."""
    total = np.zeros((int(hidden.sum()), 8))
    for way in bends:
        total += np.power(10.0, -bend_loss_db(way)[hidden] / 10.0)
    return np.asarray(-10.0 * np.log10(np.clip(total, 10.0**-2.5, 1.0)))
