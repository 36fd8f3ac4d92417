"""How loud it was, and who is missing still."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from patrolctl.domain.gaps import Missing
from patrolctl.domain.ids import PlanId, RunId
from patrolctl.domain.sound import PlaybackStatus
from patrolctl.evidence import (
    Exposed,
    RunRecord,
    flown_soundings,
    missing_of,
    planned_soundings,
    still_missing,
)


def record(story, *playbacks, tracks=None):
    return RunRecord(
        run_id=RunId("r"),
        plan_id=PlanId("p"),
        plan=story.plan,
        tracks=story.track() if tracks is None else tracks,
        playbacks=playbacks,
        loops_completed=0,
        created_utc=story.plan.created_utc,
    )


def doses(story, site, *playbacks, **more):
    exposed = Exposed(site, story.plan.receivers)
    found = exposed.doses(flown_soundings(record(story, *playbacks, **more), site))
    return {d.household: d for d in found}


def test_a_message_gives_its_level_for_its_length(story, site):
    got = doses(story, site, story.played())
    w5 = got["f5"]
    # 105 dB at 1 m on axis, 39.9 m away, 20 s; the air takes a little.
    told = 105 - 20 * math.log10(39.93) + 10 * math.log10(20)
    assert 10 * math.log10(w5.energy) == pytest.approx(told, abs=0.6)
    assert w5.repeats == 1
    assert w5.loudest_db == pytest.approx(told - 13, abs=0.6)
    assert len(got) == 10


def test_what_was_cut_refused_or_never_ended_counts_as_it_sounded(story, site):
    whole = story.played()
    half = replace(
        whole, id="c", key="c", status=PlaybackStatus.CUT, complete=False,
        repeats_done=0, end_utc=whole.start_utc + timedelta(seconds=10),
    )  # fmt: skip
    lost = replace(
        whole, id="s", key="s", status=PlaybackStatus.STARTED, complete=False,
        repeats_done=0, end_utc=None,
    )  # fmt: skip
    refused = replace(half, id="x", key="x", status=PlaybackStatus.REFUSED)
    full = doses(story, site, whole)["f5"].energy
    assert doses(story, site, half)["f5"].energy == pytest.approx(full / 2)
    assert doses(story, site, lost)["f5"].energy == pytest.approx(full)
    assert doses(story, site, refused) == {}
    both = doses(story, site, whole, half)["f5"]
    assert both.energy == pytest.approx(1.5 * full)
    assert both.repeats == 2


def test_repeats_count_one_by_one(repeated, site):
    got = doses(repeated, site, repeated.played(0.0, 40.0, repeats_done=2))["f5"]
    assert got.repeats == 2
    assert got.loudest_db == pytest.approx(72.7, abs=0.6)


def test_the_plan_foretells_what_was_flown(story, site):
    exposed = Exposed(site, story.plan.receivers)
    told = exposed.doses([s for *_, s in planned_soundings(story.plan, site)])
    flown = doses(story, site, story.played())
    assert {d.household for d in told} == set(flown)
    for d in told:
        assert d.energy == pytest.approx(flown[d.household].energy, rel=0.02)
        assert d.repeats == flown[d.household].repeats


def test_nothing_is_known_without_a_track(story, site):
    assert doses(story, site, story.played(), tracks=()) == {}


def test_missed_is_what_was_promised_and_not_reached(story):
    nothing = missing_of(story.prove())
    assert len(nothing.receivers) == len(nothing.households) == 10
    assert "e5" not in nothing.receivers  # no station reaches it
    assert missing_of(story.prove(story.played())) == Missing()


def test_of_a_household_reached_elsewhere_nothing_is_missing(story):
    second = replace(story.plan.receivers[4], id="w5b", up_m=-500.0)
    story.plan = replace(story.plan, receivers=(*story.plan.receivers, second))
    evidence = story.prove(story.played())
    assert not next(r for r in evidence.receivers if r.id == "w5b").reached
    assert missing_of(evidence) == Missing()


def test_a_later_run_takes_away_what_it_reached(story):
    before = missing_of(story.prove())
    homes = {r.id: r.household for r in story.plan.receivers}
    assert still_missing(before, story.prove(), homes) == before
    after = still_missing(before, story.prove(story.played()), homes)
    assert after == Missing()
    # Another window of the household counts, too.
    other = replace(story.plan.receivers[0], id="w1-other")
    story.plan = replace(story.plan, receivers=(other,))
    left = still_missing(before, story.prove(story.played()), homes)
    assert len(left.receivers) == 9
    assert "f1" not in left.households
