"""``kill -9`` of the service: nothing twice, and the run goes on."""

import pytest

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]


def finish(stage, run_id: str) -> tuple[dict, int]:
    """Start it again, see the run through; what must be true whatever happened."""
    stage.serve()
    run, resumed = stage.see_through(run_id)
    assert max(stage.announced().values(), default=0) <= 1, stage.announced()
    takeoffs = stage.takeoffs()
    assert max(takeoffs.values()) <= 1 + resumed, (takeoffs, resumed)
    stage.check_database()
    return run, resumed


@pytest.mark.parametrize(
    ("moment", "asks"),
    [
        ("about to arm", True),  # nobody can know whether it was armed
        ("launched", False),  # in the air: followed
        ("cue F", False),  # a message decided, not yet commanded
    ],
)
def test_killed_at_a_record(stage, moment: str, asks: bool) -> None:
    one = stage()
    one.serve(KILL_ON=moment)
    run_id = one.launch()
    one.service.wait(90)
    run, resumed = finish(one, run_id)
    assert run["phase"] == "FINISHED", run
    assert bool(resumed) is asks, run
    assert sorted(one.announced()) == sorted(
        c for s in run["sorties"] for c in s["cues_done"]
    )
    assert all(len(s["cues_done"]) == s["cues"] for s in run["sorties"])
