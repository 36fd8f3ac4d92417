"""The listeners' own propagation, and their truth."""

import math

import numpy as np
import pytest
from shapely import box

from simulators.build import copter
from simulators.listeners import (
    Ambient,
    Hall,
    Horn,
    Microphone,
    NavError,
    Place,
    Pose,
    Track,
    follow,
    read_place,
)
from simulators.listeners.hall import Playing
from simulators.listeners.options import messages_of
from simulators.listeners.place import Solid
from simulators.listeners.propagation import (
    air_db_per_m,
    intelligibility,
)
from simulators.listeners.wire import Seen, decode, encode, parse_address
from simulators.speaker.machine import Sounded

# ISO 9613-1, dB/km at 63 Hz to 8 kHz.
AIR = {
    (20, 70): (0.1, 0.3, 1.1, 2.8, 5.0, 9.0, 22.9, 76.6),
    (10, 70): (0.1, 0.4, 1.0, 1.9, 3.7, 9.7, 32.8, 117),
    (15, 20): (0.3, 0.6, 1.2, 2.7, 8.2, 28.2, 88.8, 202),
}
LAT, LON = 34.2, 117.2


@pytest.mark.parametrize(("air", "told"), AIR.items())
def test_absorption_is_that_of_the_standard(air, told):
    ambient = Ambient(temperature_c=air[0], humidity_percent=air[1])
    assert air_db_per_m(ambient) * 1000 == pytest.approx(told, rel=0.005, abs=0.06)


def test_sti_keeps_its_identities():
    quiet, loud = np.full(8, -40.0), np.full((1, 8), 70.0)
    assert intelligibility(loud, quiet, 0.0)[0] > 0.93  # masking takes the rest
    assert intelligibility(loud, np.full(8, 95.0), 0.0)[0] == pytest.approx(0, abs=0.01)
    echo = [intelligibility(loud, quiet, t)[0] for t in (0.0, 0.5, 2.0, 8.0)]
    assert echo == sorted(echo, reverse=True)


def place_with(*solids: Solid) -> Place:
    place = Place(LAT, LON)
    place.build(list(solids))
    return place


def microphone(east: float, north: float, up: float, **more: object) -> Microphone:
    place = Place(LAT, LON)
    one = place.to_m(np.array([LAT + 1e-3]), np.array([LON + 1e-3]))[0]
    lat, lon = LAT + north / one[1] * 1e-3, LON + east / one[0] * 1e-3
    return Microphone(f"{east:g},{north:g},{up:g}", lat, lon, up, **more)


def standing(up: float = 20.0, heading: float = 90.0) -> Track:
    track = Track()
    for k in range(200):
        track.add(Pose(k * 0.2, LAT, LON, up, heading))
    return track


TOWER = Solid("tower", box(30, -10, 40, 10), 0.0, 40.0)
MESSAGE = Playing("k", "v", 5.0, 25.0)


def test_louder_when_nearer_and_fainter_off_axis():
    hall = Hall(
        place_with(),
        [microphone(*at, 20.0, indoors=False) for at in
         ((20, 0), (40, 0), (0, 40), (-40, 0))],
        Ambient(outdoor_db=30.0),
        sti_min=0.0,
    )  # fmt: skip
    near, far, aside, behind = hall.hear(MESSAGE, Horn(), standing())
    assert near.level_db - far.level_db == pytest.approx(6.02, abs=0.15)
    assert far.level_db > aside.level_db > behind.level_db
    assert near.level_db == pytest.approx(105 - 20 * math.log10(20), abs=0.3)
    sheet = Horn(angles_deg=(0.0, 180.0), loss_db=((0.0,) * 8, (20.0,) * 8))
    _, far, aside, _ = hall.hear(MESSAGE, sheet, standing())
    assert far.level_db - aside.level_db == pytest.approx(10.0, abs=0.1)


def test_what_stands_between_screens_and_is_told():
    ears = [microphone(60, 0, 5.0), microphone(60, 30, 5.0), microphone(60, 0, 75.0)]
    open_air = Hall(place_with(), ears, sti_min=0.0).hear(MESSAGE, Horn(), standing())
    walled = Hall(place_with(TOWER), ears, sti_min=0.0)
    got = walled.hear(MESSAGE, Horn(), standing())
    by_id = {r.microphone: r for r in got}
    assert [by_id[e.id].in_view for e in ears] == [False, True, True]
    assert open_air[0].level_db - by_id[ears[0].id].level_db > 10.0
    assert open_air[0].level_db - by_id[ears[0].id].level_db <= 25.1
    assert open_air[1].level_db == by_id[ears[1].id].level_db


def test_a_higher_wall_screens_more():
    losses = []
    for top in (21.0, 24.0, 30.0, 60.0):
        wall = place_with(Solid("w", box(30, -500, 31, 500), 0.0, top))
        hall = Hall(wall, [microphone(60, 0, 20.0)], sti_min=0.0)
        losses.append(hall.hear(MESSAGE, Horn(), standing())[0].level_db)
    assert losses == sorted(losses, reverse=True)
    assert losses[0] - losses[-1] > 3.0


def test_only_what_is_understood_in_every_second_is_heard():
    hall = Hall(place_with(), [microphone(100, 0, 20.0)])
    assert hall.hear(MESSAGE, Horn(), standing())
    turning = Track()
    for k in range(200):
        away = 10.0 < k * 0.2 < 13.0
        turning.add(Pose(k * 0.2, LAT, LON, 20.0, 270.0 if away else 90.0))
    assert hall.hear(MESSAGE, Horn(), turning) == []


def test_a_message_without_a_track_is_told():
    hall = Hall(place_with(), [microphone(10, 0, 20.0)])
    with pytest.raises(ValueError, match="no poses around"):
        hall.hear(Playing("k", "v", 30.0, 60.0), Horn(), standing())


def test_the_truth_wanders_as_much_as_it_should():
    error = NavError(3, sigma_m=1.0, heading_sigma_deg=2.0, tau_s=10.0)
    walk = np.array([error.at(t) for t in np.arange(0, 20_000, 5.0)])
    assert walk.std(axis=0) == pytest.approx([1.0, 1.0, 1.0, 2.0], rel=0.1)
    steps = np.array([error.at(20_000 + t) for t in np.arange(0, 100, 0.01)])
    assert np.abs(np.diff(steps[:, 0])).max() < 0.3  # no jumps
    assert NavError(1).at(5.0) == (0.0, 0.0, 0.0, 0.0)


def test_a_vehicle_is_followed_through_a_reboot():
    vehicle = copter(ready_scale=0, start_utc_s=1000.0)
    track = Track()
    follow(vehicle, track.add, period_s=0.5)
    vehicle.advance(5.0)
    vehicle.reboot()
    vehicle.advance(10.0)
    assert track.until_s == pytest.approx(1010.0)
    assert len(track.within(1002.0, 1008.0)) == pytest.approx(14, abs=1)


def test_only_whole_messages_are_messages():
    told = messages_of(Sounded("k", 100.0, 133.0, 15.0, 2), "v")
    assert [(m.begin_s, m.end_s) for m in told] == [(100.0, 115.0), (115.0, 130.0)]
    assert messages_of(Sounded("k", 100.0, 112.0, 15.0, 0), "v") == []


def test_truths_survive_the_wire():
    pose = Seen("v", Pose(1.5, 34.0, 117.0, 55.0, 359.0))
    for truth in (pose, MESSAGE):
        assert decode(encode(truth)) == truth
    for junk in (b"", b"[]", b'{"kind":"x"}', b'{"kind":"pose"}', b"\xff", b"1"):
        with pytest.raises(ValueError, match=r"truth|neither"):
            decode(junk)
    assert parse_address("udp:127.0.0.1:5") == ("127.0.0.1", 5)
    with pytest.raises(ValueError, match="is not udp"):
        parse_address("tcp:127.0.0.1:5")


def test_a_site_without_heights_is_refused(tmp_path):
    path = tmp_path / "site.geojson"
    path.write_text(
        '{"features": [{"id": "a", "properties": {"kind": "building"}, "geometry":'
        ' {"type": "Polygon", "coordinates": [[[0,0],[1,0],[1,1],[0,0]]]}}]}'
    )
    with pytest.raises(ValueError, match="neither height_m nor floors"):
        read_place(path)
    path.write_text("{}")
    with pytest.raises(ValueError, match="holds no features"):
        read_place(path)
