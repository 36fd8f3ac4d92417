import json
import zipfile

import pytest

from patrolctl.domain.jsondoc import encode


@pytest.fixture
def plan_file(plan, tmp_path):
    path = tmp_path / "plan.json"
    path.write_bytes(encode(plan))
    return path


def test_one_file_a_sortie(run, plan_file, site_file, tmp_path):
    out = tmp_path / "out.plan"
    args = ("export", plan_file, "--format", "qgc", "-o", out, "--site", site_file)
    code, _, err = run(*args)
    assert code == 0
    written = sorted(p.name for p in tmp_path.glob("*.plan"))
    assert written == ["out-d1.plan", "out-d2.plan", "out-r1.plan"]
    assert all(f"{name}: written" in err for name in written)


def test_a_chosen_sortie_goes_to_out_itself(run, plan_file, tmp_path):
    out = tmp_path / "deep" / "out.kmz"
    code, _, err = run(
        "export", plan_file, "--format", "kmz", "--sortie", "D2", "-o", out
    )
    assert code == 0
    assert "no --clip" in err
    assert zipfile.ZipFile(out).testzip() is None


def test_geojson_holds_everything(run, plan_file, plan, tmp_path):
    out = tmp_path / "out.geojson"
    assert run("export", plan_file, "--format", "geojson", "-o", out)[0] == 0
    features = json.loads(out.read_text())["features"]
    kinds = [f["properties"]["kind"] for f in features]
    assert kinds.count("path") == 3
    assert kinds.count("station") == 4
    assert kinds.count("receiver") == 1
    assert kinds.count("geofence") == 1
    path = next(f for f in features if f["properties"]["kind"] == "path")
    lon, lat, amsl_m = path["geometry"]["coordinates"][0]
    assert (lon, lat, amsl_m) == (plan.home.lon_deg, plan.home.lat_deg, 36.0)
    assert path["geometry"]["coordinates"][-1] == [lon, lat, 36.0]
    assert max(c[2] for c in path["geometry"]["coordinates"]) == 140.0


def test_geojson_of_one_sortie_has_its_receivers_only(run, plan_file, tmp_path):
    out = tmp_path / "out.geojson"
    run("export", plan_file, "--format", "geojson", "--sortie", "D2", "-o", out)
    features = json.loads(out.read_text())["features"]
    assert {f["properties"].get("sortie") for f in features} == {"D2", None}
    assert all(f["properties"]["kind"] != "receiver" for f in features)


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("absent.json", "--format", "qgc"), "cannot be read"),
        (("bad.json", "--format", "qgc"), "is not JSON"),
        (("plan.json", "--format", "qgc", "--sortie", "D9"), "one of D1, D2, R1"),
        (("plan.json", "--format", "kmz"), "is driven"),
        (("plan.json", "--format", "pdf"), "pdf"),
        (("plan.json",), "--format"),
    ],
)
def test_bad_input_exits_with_2(run, plan_file, tmp_path, args, word):
    (tmp_path / "bad.json").write_text("{")
    assert plan_file.exists()
    code, _, err = run("export", tmp_path / args[0], *args[1:], "-o", tmp_path / "o.x")
    assert code == 2
    assert word in err
    assert "Traceback" not in err
    assert not list(tmp_path.glob("o*.x"))
