"""The disk fills up while two drones fly: links live, vehicles come home.

A limit on the size of the service's files stands for the full disk: every
write of the real process fails, of its database, its flight logs and its log,
and no root is needed.
"""

import resource
import urllib.error

import pytest

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]


def fill(one, *, full: bool) -> None:
    """Let the service write not one byte more, or as it likes."""
    pid = one.service.pid
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1 if full else most, most))


def refused(one) -> str:
    """Why a launch is refused."""
    with pytest.raises(urllib.error.HTTPError) as e:
        one.ask("/runs", "POST", {"plan_id": "p1"})
    assert e.value.code in {409, 507}
    return e.value.read().decode()


def texts(one, run_id: str) -> list[str]:
    return [e["text"] for e in one.ask(f"/runs/{run_id}/events")]


def test_a_disk_that_fills_up_in_flight(stage) -> None:
    one = stage()
    one.serve()
    run_id = one.launch()
    one.until(lambda: all(v.up_m > 5 for v in one.vehicles.values()), 120, "flight")
    fill(one, full=True)
    one.until(lambda: one.run(run_id)["phase"] in {"ABORTED", "FAILED"}, 180, "home")
    # Everybody stands on the ground, called by the service and by no failsafe.
    assert all(v.up_m < 1.5 for v in one.vehicles.values())
    run = one.run(run_id)
    # Whoever had said everything before the minute was over came home by itself.
    phases = {s["phase"] for s in run["sorties"]}
    assert "ABORTED" in phases <= {"ABORTED", "FINISHED"}, run
    assert "nothing can be written down" in run["reason"]
    assert all(v["telemetry"]["link"] == "LIVE" for v in one.ask("/vehicles"))
    facts = [e for v in one.vehicles for e in one.ask(f"/vehicles/{v}/events")]
    assert not [f for f in facts if f["kind"] == "FAILSAFE"]
    assert "not stored" in refused(one)
    # Room again: what waited in memory is written, and the proof is made.
    fill(one, full=False)
    told = one.until(lambda: proved(one, run_id), 60, "the evidence")
    assert [t for t in told if "nothing can be written down" in t]
    announced = one.announced()
    assert set(announced.values()) <= {1}, announced
    summary = one.ask(f"/evidence/{run_id}")["summary"]
    assert summary["playbacks_complete"] == len(announced)
    assert one.launches() == dict.fromkeys(one.vehicles, 1)
    one.check_database()


def proved(one, run_id: str) -> list[str] | None:
    said = texts(one, run_id)
    return said if any(t.startswith("evidence: ") for t in said) else None
