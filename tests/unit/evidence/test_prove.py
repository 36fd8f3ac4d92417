"""What counts as reached, and every way in which it does not."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from patrolctl.acoustics import Listening, Source, predict, scene_of
from patrolctl.domain.evidence import TrackPoint
from patrolctl.domain.sound import PlaybackStatus, Pose
from patrolctl.evidence.track import Track
from patrolctl.geo import LatLon, LocalFrame


def _reason(evidence, name="w5"):
    return next(r.reason for r in evidence.receivers if r.id == name)


def _reached(evidence):
    return sorted(r.id for r in evidence.receivers if r.reached)


def test_a_whole_message_before_the_tower_reaches_its_front(story):
    evidence = story.prove(story.played())
    assert len(_reached(evidence)) == 10
    assert "e5" not in _reached(evidence)
    s = evidence.summary
    assert (s.receivers, s.reachable, s.reached) == (11, 10, 10)
    assert (s.households, s.households_reached) == (10, 10)
    assert (s.playbacks, s.playbacks_complete) == (1, 1)
    assert evidence.buildings[0].reached == 10
    assert all(r.messages == 1 for r in evidence.receivers if r.reached)
    assert _reason(evidence, "e5") == "not planned: no line of sight"


def test_levels_are_those_of_the_place_flown_not_of_the_plan(story, site):
    near = story.prove(
        story.played(), tracks=story.track(lambda _t: (15.0, 0.0, 15.0, 90.0))
    )
    source = Source((15.0, 0.0, 15.0), 90.0, story.plan.speaker)
    told = predict(
        scene_of(site), source, np.array([[39.9, 0.0, 13.5]]), np.array([True]),
        Listening.of(story.plan.requirement),
    )  # fmt: skip
    w5 = next(r for r in near.receivers if r.id == "w5")
    assert w5.level_db == pytest.approx(told.level_db[0], abs=0.02)
    assert w5.sti == pytest.approx(told.sti[0], abs=0.001)
    assert w5.level_db != pytest.approx(70.0, abs=1.0)  # what the plan said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": PlaybackStatus.CUT, "complete": False, "repeats_done": 0,
          "end_utc": 12, "reason": "silenced"}, "cut after 12 of 20 s (silenced)"),
        ({"status": PlaybackStatus.REFUSED, "complete": False, "repeats_done": 0,
          "reason": "no such clip"}, "refused: no such clip"),
        ({"status": PlaybackStatus.STARTED, "complete": False, "repeats_done": 0,
          "end_utc": None}, "its end was never reported"),
        ({"end_utc": 9}, "said to be whole, but 9 s long"),
        ({"end_utc": None}, "without an end"),
        ({"clip_sha256": "d" * 64}, "another clip"),
    ],
)  # fmt: skip
def test_what_is_no_whole_message_reaches_nobody(story, change, words):
    playback = story.played()
    if isinstance(change.get("end_utc"), int):
        end = playback.start_utc + timedelta(seconds=change["end_utc"])
        change = {**change, "end_utc": end}
    evidence = story.prove(replace(playback, **change))
    assert _reached(evidence) == []
    assert evidence.summary.playbacks_complete == 0
    assert words in _reason(evidence)
    assert any(words in n for n in evidence.notes)


def test_nothing_played_is_said(story):
    assert _reason(story.prove()) == "never played at S1"
    assert story.prove().summary.reached == 0


def test_where_nobody_recorded_a_track_the_loudspeaker_own_account_stands_in(story):
    flown = story.track(seconds=(0.0, 20.0), step_s=1.0)
    poses = tuple(
        Pose(p.ts_utc, p.lat_deg, p.lon_deg, p.up_m, p.heading_deg) for p in flown
    )
    whole = story.prove(story.played())
    told = story.prove(story.played(poses=poses), tracks=())
    assert _reached(told) == _reached(whole) != []
    # An account with a hole, or of less than the message, proves nothing.
    for part in (poses[1:], poses[:-1], poses[:3] + poses[-1:]):
        moved = tuple(
            replace(p, lat_deg=p.lat_deg + 1e-4 * (k == len(part) - 1))
            for k, p in enumerate(part)
        )
        assert _reached(story.prove(story.played(poses=moved), tracks=())) == []


def test_without_a_track_nothing_is_proved(story):
    evidence = story.prove(story.played(), tracks=())
    assert _reached(evidence) == []
    assert _reason(evidence) == "station S1: played, but the vehicle left no track"
    assert any("no track of d1" in n for n in evidence.notes)


def test_a_gap_in_the_track_while_moving_proves_nothing(story):
    def moving(t):
        return (0.0, 0.8 * t, 15.0, 90.0)

    whole = story.track(moving)
    assert _reached(story.prove(story.played(), tracks=whole))
    torn = tuple(
        p for p in whole
        if not 5 < (p.ts_utc - whole[0].ts_utc).total_seconds() - 10 < 12
    )  # fmt: skip
    evidence = story.prove(story.played(), tracks=torn)
    assert _reached(evidence) == []
    assert any("has a gap" in n for n in evidence.notes)


def test_a_short_silence_while_standing_is_bridged(story):
    track = story.track()

    def without(length_s):
        return tuple(
            p for p in track
            if not 3 < (p.ts_utc - track[0].ts_utc).total_seconds() - 10 < 3 + length_s
        )  # fmt: skip

    assert _reached(story.prove(story.played(), tracks=without(10)))
    assert _reached(story.prove(story.played(), tracks=without(16))) == []


def test_a_track_that_ends_within_the_message_proves_nothing(story):
    tracks = story.track(seconds=(-5.0, 15.0))
    assert _reached(story.prove(story.played(), tracks=tracks)) == []


def test_the_message_must_be_heard_in_every_second(story):
    """The nose turns away for three seconds in the middle."""

    def turned(t):
        return (0.0, 0.0, 15.0, 270.0 if 8 <= t <= 11 else 90.0)

    evidence = story.prove(story.played(), tracks=story.track(turned))
    assert _reached(evidence) == []
    assert "too faint" in _reason(evidence)
    assert "S1 played" in _reason(evidence)
    away = story.track(lambda t: (0.0, 0.0, 15.0, 270.0 if t > 21 else 90.0))
    assert len(_reached(story.prove(story.played(), tracks=away))) == 10


def test_behind_the_building_is_hidden(story):
    evidence = story.prove(
        story.played(), tracks=story.track(lambda _t: (100.0, 0.0, 15.0, 270.0))
    )
    assert _reached(evidence) == ["e5"]  # unplanned, and heard all the same
    assert "hidden" in _reason(evidence)
    assert evidence.summary.reachable == 10


def test_far_away_is_too_faint_or_never_played_there(story):
    evidence = story.prove(
        story.played(), tracks=story.track(lambda _t: (-200.0, 0.0, 15.0, 90.0))
    )
    assert _reached(evidence) == []
    assert "too faint: STI 0." in _reason(evidence)


def test_repeated_reports_and_commands_count_once(story):
    one = story.played()
    started = replace(
        one, id="s", status=PlaybackStatus.STARTED, end_utc=None, complete=False,
        repeats_done=0,
    )  # fmt: skip
    again = replace(one, id="other")  # same key: the same playing, told twice
    evidence = story.prove(started, one, one, again)
    assert evidence.summary.playbacks == 1
    assert {r.messages for r in evidence.receivers if r.reached} == {1}
    assert any("2 repeated" in n for n in evidence.notes)
    twice = story.prove(one, story.played(30.0))
    assert {r.messages for r in twice.receivers if r.reached} == {2}


def test_each_whole_repeat_is_a_message(repeated):
    both = repeated.played(0.0, 41.0, repeats_done=2)
    assert {r.messages for r in repeated.prove(both).receivers} == {0, 2}
    cut = repeated.played(
        0.0, 33.0, repeats_done=1, status=PlaybackStatus.CUT, complete=False
    )
    evidence = repeated.prove(cut)
    assert {r.messages for r in evidence.receivers} == {0, 1}
    assert evidence.summary.playbacks_complete == 0


def test_one_good_repeat_is_enough_and_the_other_is_not_counted(repeated):
    both = repeated.played(0.0, 41.0, repeats_done=2)

    def leaves(t):
        return (0.0 if t < 21 else -8 * (t - 21), 0.0, 15.0, 90.0)

    evidence = repeated.prove(both, tracks=repeated.track(leaves))
    assert {r.messages for r in evidence.receivers if r.id == "w5"} == {1}


def test_more_repeats_than_the_time_allows_are_not_believed(repeated):
    boast = repeated.played(0.0, 21.0, repeats_done=2)
    assert max(r.messages for r in repeated.prove(boast).receivers) == 1


def test_a_patrol_vehicle_speaks_above_its_wheels(rover, site):
    evidence = rover.prove(
        rover.played(), tracks=rover.track(lambda _t: (15.0, 0.0, 0.0, 90.0))
    )
    told = predict(
        scene_of(site), Source((15.0, 0.0, 2.0), 90.0, rover.plan.speaker),
        np.array([[39.9, 0.0, 1.5]]), np.array([True]),
        Listening.of(rover.plan.requirement),
    )  # fmt: skip
    w1 = next(r for r in evidence.receivers if r.id == "w1")
    assert w1.level_db == pytest.approx(told.level_db[0], abs=0.02)


def test_a_home_above_the_ground_lifts_the_track(story):
    high = replace(story.plan, home=replace(story.plan.home, amsl_m=8.0))
    story.plan = high
    low = story.prove(
        story.played(), tracks=story.track(lambda _t: (0.0, 0.0, 7.0, 90.0))
    )
    assert len(_reached(low)) == 10
    w5 = next(r for r in low.receivers if r.id == "w5")
    story.plan = replace(high, home=replace(high.home, amsl_m=0.0))
    same = story.prove(story.played())
    assert w5.level_db == next(r for r in same.receivers if r.id == "w5").level_db


def test_the_clip_s_own_spectrum_counts(story):
    dull = (10.0, 5.0, 0.0, -20.0, -40.0, -60.0, -60.0, -60.0)
    said = replace(story.plan.announcement, spectrum_db=dull)
    story.plan = replace(story.plan, announcement=said)
    assert _reached(story.prove(story.played())) == []


def test_a_playback_of_an_unnamed_vehicle_needs_a_single_track(story):
    nameless = story.played(vehicle_id=None)
    assert len(_reached(story.prove(nameless))) == 10
    other = tuple(replace(p, vehicle_id="d2") for p in story.track())
    evidence = story.prove(nameless, tracks=(*story.track(), *other))
    assert _reached(evidence) == []
    assert any("not known on which vehicle" in n for n in evidence.notes)


def test_headings_are_interpolated_across_north():
    frame = LocalFrame(LatLon(lat_deg=34.2, lon_deg=117.2))
    t0 = datetime(2026, 1, 1, tzinfo=UTC)
    points = tuple(
        TrackPoint(t0 + timedelta(seconds=k), "d", 34.2, 117.2 + 1e-5 * k, 10.0 * k, h)
        for k, h in enumerate((350.0, 10.0, 30.0))
    )
    track = Track(points[::-1], frame)
    poses = track.at(track.time_s[0] + np.array([0.5, 1.0, 1.5]))
    turn = (poses.heading_deg + 180) % 360 - 180
    assert turn == pytest.approx([0.0, 10.0, 20.0])
    assert poses.place_m[:, 2] == pytest.approx([5.0, 10.0, 15.0])
    assert math.isclose(poses.place_m[1, 0], 0.92, abs_tol=0.01)
