"""Many blocks: planned, kept when nothing changed, and told about."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from patrolctl.cli.city import load_block
from patrolctl.cli.plan import command
from patrolctl.domain.errors import GateRefused, InputError
from patrolctl.domain.jsondoc import decode
from patrolctl.domain.plan import Plan
from patrolctl.planning.drone import CityOrder, plan_city
from patrolctl.sites import site_geojson


@pytest.fixture(scope="module")
def block_file(estate, tmp_path_factory):
    path = tmp_path_factory.mktemp("blocks") / "one.geojson"
    path.write_bytes(site_geojson(replace(estate, buildings=estate.buildings[:2])))
    return path


@pytest.mark.timeout(300)  # two pools of processes, each loading the solvers anew
def test_a_city_goes_on_where_it_stopped(block_file, order, tmp_path):
    broken = block_file.with_name("two.geojson")
    broken.write_text("{")
    sources = [block_file, broken]
    city = CityOrder(replace(order, effort=0.1), load_block, workers=1)
    first = {b.name: b for b in plan_city(sources, tmp_path, city)}
    assert first["one.geojson"].reached > 0
    assert "bad input" in first["two.geojson"].problem
    plan = decode((tmp_path / "one.plan.json").read_bytes(), Plan, source="one")
    assert plan.summary.reached == first["one.geojson"].reached
    again = {b.name: b for b in plan_city(sources[:1], tmp_path, city)}
    assert again["one.geojson"].kept
    other = replace(city, order=replace(city.order, seed=2))
    assert not any(b.kept for b in plan_city(sources[:1], tmp_path, other))
    stopped = replace(other, order=replace(other.order, stop=lambda: True, seed=3))
    assert list(plan_city(sources[:1], tmp_path, stopped)) == []


def test_plan_drone_and_check_from_the_command_line(block_file, tmp_path):
    out = tmp_path / "plan.json"
    run = CliRunner()
    args = ["drone", "--site", str(block_file), "-o", str(out), "--time-limit", "30"]
    done = run.invoke(command, args)
    assert done.exit_code == 0, done.output
    plan = decode(out.read_bytes(), Plan, source="plan")
    assert any("25 min" in line for line in plan.defaults)
    check = ["check", str(out), "--site", str(block_file), "--json"]
    passed = run.invoke(command, check)
    assert passed.exit_code == 0
    assert json.loads(passed.stdout)["ok"] is True
    text = out.read_text().replace('"standoff_m": 10.0', '"standoff_m": 40.0')
    out.write_text(text)
    refused = run.invoke(command, check)
    assert isinstance(refused.exception, GateRefused)
    assert refused.exception.exit_code == 4


def test_closed_windows_leave_people_out_and_say_why(block_file):
    run = CliRunner()
    args = ["drone", "--site", str(block_file), "--window", "closed", "--json"]
    done = run.invoke(command, [*args, "--time-limit", "5"])
    assert done.exit_code == 0, done.output
    plan = decode(done.stdout.encode(), Plan, source="stdout")
    assert 0 < plan.summary.reached < plan.summary.receivers
    assert all((r.reason is None) == r.reached for r in plan.receivers)


def test_nothing_to_plan_is_bad_usage(block_file):
    run = CliRunner()
    assert run.invoke(command, ["drone"]).exit_code == 2
    nowhere = run.invoke(
        command, ["drone", "--site", str(block_file), "--zone", "nowhere"]
    )
    assert isinstance(nowhere.exception, InputError)
