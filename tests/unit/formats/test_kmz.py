"""DJI WPML archives, read back by an XML reader of the tests' own."""

import hashlib
import io
import zipfile

import numpy as np
import pytest
import soundfile
from defusedxml.ElementTree import fromstring

from patrolctl.domain.errors import InputError
from patrolctl.formats import megaphone_file, route_of, wpml_kmz

KML = "{http://www.opengis.net/kml/2.2}"
WPML = "{http://www.dji.com/wpmz/1.0.2}"


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "clip.wav"
    time_s = np.arange(0, 1.5, 1 / 22_050)
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 440 * time_s), 22_050)
    return path


def archive(plan, sortie, audio=None):
    audio = audio or megaphone_file(plan.announcement.clip_sha256, None)
    return zipfile.ZipFile(io.BytesIO(wpml_kmz(plan, route_of(plan, sortie), audio)))


def wayline(plan, sortie, name="waylines.wpml"):
    return fromstring(archive(plan, sortie).read(f"wpmz/{name}"))


def texts(element, name):
    return [e.text for e in element.iter(WPML + name)]


def test_the_archives_layout(plan):
    names = archive(plan, plan.sorties[0]).namelist()
    assert names == [
        "wpmz/template.kml",
        "wpmz/waylines.wpml",
        "wpmz/res/audio/README.txt",
    ]


def test_the_same_plan_gives_the_same_bytes(plan):
    audio = megaphone_file(None, None)
    route = route_of(plan, plan.sorties[0])
    assert wpml_kmz(plan, route, audio) == wpml_kmz(plan, route, audio)


def test_waypoints(plan):
    root = wayline(plan, plan.sorties[0])
    marks = list(root.iter(KML + "Placemark"))
    assert [int(m.find(WPML + "index").text) for m in marks] == [0, 1, 2, 3]
    assert texts(root, "executeHeight") == ["20", "45", "104", "104"]
    assert texts(root, "executeHeightMode") == ["relativeToStartPoint"]
    lon, lat = map(float, next(root.iter(KML + "coordinates")).text.split(","))
    station = plan.sorties[0].items[2]
    assert lon == pytest.approx(station.lon_deg, abs=1e-7)
    assert lat == pytest.approx(station.lat_deg, abs=1e-7)
    assert texts(root, "globalRTHHeight") == ["104"]
    assert texts(root, "finishAction") == ["goHome"]


def test_a_landing_ends_above_its_place(plan):
    root = wayline(plan, plan.sorties[1])
    assert texts(root, "executeHeight") == ["15", "15"]
    assert texts(root, "finishAction") == ["autoLand"]


def test_both_documents_tell_of_the_same_points(plan):
    places = [
        [e.text for e in wayline(plan, plan.sorties[0], name).iter(KML + "coordinates")]
        for name in ("waylines.wpml", "template.kml")
    ]
    assert places[0] == places[1]


def test_a_station_turns_speaks_hovers_and_falls_silent(plan):
    root = wayline(plan, plan.sorties[0])
    group = next(root.iter(WPML + "actionGroup"))
    assert texts(group, "actionActuatorFunc") == [
        "rotateYaw",
        "megaphone",
        "hover",
        "megaphone",
    ]
    assert texts(group, "aircraftHeading") == ["-90"]
    assert texts(group, "megaphoneOperateType") == ["0", "1"]
    assert texts(group, "megaphoneOperateLoop") == ["1", "1"]
    assert float(texts(group, "hoverTime")[0]) == pytest.approx(44.04)
    assert len(set(texts(root, "actionUUID"))) == 4


def test_the_clip_travels_as_opus(plan, wav):
    object.__setattr__(plan.announcement, "clip_sha256", None)
    audio = megaphone_file(None, wav)
    packed = archive(plan, plan.sorties[0], audio)
    data = packed.read(f"wpmz/res/audio/{audio.name}")
    root = fromstring(packed.read("wpmz/waylines.wpml"))
    path = texts(root, "megaphoneOperateFilePath")[0]
    assert path.lstrip("/") in packed.namelist()
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert set(texts(root, "megaphoneFileMd5")) == {md5}
    sound, rate_hz = soundfile.read(io.BytesIO(data))
    assert len(sound) / rate_hz == pytest.approx(1.5, abs=0.05)
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(0.35, abs=0.05)
    # Only 32 kbit/s is supported by the megaphone; headers weigh on 1.5 s.
    assert len(data) * 8 / 1.5 < 45_000


def test_a_wav_that_is_not_the_plans_clip_is_refused(plan, wav):
    with pytest.raises(InputError, match="is not the plan's clip"):
        megaphone_file(plan.announcement.clip_sha256, wav)
    wav.write_bytes(b"no sound")
    with pytest.raises(InputError, match="is no WAV file"):
        megaphone_file(None, wav)
    with pytest.raises(InputError, match="cannot be read"):
        megaphone_file(None, wav.with_name("absent.wav"))


def test_without_a_clip_the_note_says_what_to_add(plan):
    note = archive(plan, plan.sorties[0]).read("wpmz/res/audio/README.txt").decode()
    assert "not included" in note
    assert f"{plan.announcement.clip_sha256[:16]}.opus" in note


def test_a_patrol_vehicle_is_refused(plan):
    with pytest.raises(InputError, match="is driven"):
        archive(plan, plan.sorties[2])
