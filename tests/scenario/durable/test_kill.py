"""``kill -9`` of the service, again and again: nothing twice, and it goes on."""

import pytest

from tests import postgres

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

# Right after each of these was written and before it is done.
MOMENTS = ("uploaded to", "about to arm", "launched", "cue F")


def test_killed_at_one_record_after_the_other(stage) -> None:
    """Vehicles, loudspeakers and broker outlive four deaths of one run."""
    one = stage()
    _killed_four_times(one)
    one.check_database()


def test_killed_beside_a_postgresql_that_lives_on(stage) -> None:
    """The same, with the books where several nodes keep them."""
    with postgres.running() as server:
        one = stage(store_url=server.database())
        _killed_four_times(one)
        assert not one.database.exists()


def _killed_four_times(one) -> None:
    one.serve(KILL_ON=MOMENTS[0])
    run_id = one.launch()
    one.service.wait(60)
    resumed = 0
    for moment in MOMENTS[1:]:
        one.serve(KILL_ON=moment)
        run, more = one.see_through(run_id)
        resumed += more
    if run["phase"] == "DEAD":
        one.serve()
        run, more = one.see_through(run_id)
        resumed += more
    assert run["phase"] == "FINISHED", run
    # Nobody can know whether what was decided to be armed was armed.
    assert resumed > 0
    announced, launches = one.announced(), one.launches()
    assert set(announced.values()) == {1}, announced
    assert sorted(announced) == sorted(
        c for s in run["sorties"] for c in s["cues_done"]
    )
    assert all(len(s["cues_done"]) == s["cues"] for s in run["sorties"])
    assert min(launches.values()) >= 1
    assert sum(launches.values()) <= len(launches) + resumed, launches
    texts = [e["text"] for e in one.ask(f"/runs/{run_id}/events")]
    assert sum("the service was restarted" in t for t in texts) == one.lives - 1
