"""Formulas against published tables and cases."""

import numpy as np
import pytest

from patrolctl.acoustics import Air, Listening, absorption_db_m, reach_table
from patrolctl.acoustics.bands import A_WEIGHT_DB, MIDBANDS_HZ, a_level_db, at_a_level
from patrolctl.acoustics.barrier import Detour, barrier_db, screening_db
from patrolctl.acoustics.facade import (
    FACADE_LOSS_A_DB,
    TRAFFIC_SHAPE_DB,
    facade_loss_db,
    indoor_noise_db,
)
from patrolctl.acoustics.ground import GroundFactors, ground_effect_db
from patrolctl.acoustics.predict import free_field_db, geometry, listener_sti
from patrolctl.acoustics.speaker import (
    Source,
    axis_of,
    directivity_db,
    speech_1m_db,
    with_directivity,
)
from patrolctl.acoustics.sti import _ALPHA, _BETA, masking_db
from patrolctl.acoustics.sti import speech_transmission_index as sti
from patrolctl.domain.machines import SpeakerProfile
from patrolctl.domain.plan import Window

# ISO 9613-1, dB/km at exact midbands, 63 Hz to 4 kHz within 0.05 dB/km.
ABSORPTION = {
    (20, 70): (0.1, 0.3, 1.1, 2.8, 5.0, 9.0, 22.9, 76.6),
    (10, 70): (0.1, 0.4, 1.0, 1.9, 3.7, 9.7, 32.8, 117),
    (30, 70): (0.1, 0.3, 1.0, 3.1, 7.4, 12.7, 23.1, 59.3),
    (15, 20): (0.3, 0.6, 1.2, 2.7, 8.2, 28.2, 88.8, 202),
}


@pytest.mark.parametrize("weather", ABSORPTION)
def test_absorption_matches_iso_9613_1(weather):
    got = 1000 * absorption_db_m(Air(*map(float, weather)))
    want = np.array(ABSORPTION[weather])
    assert np.all(np.abs(got[:7] - want[:7]) <= 0.0501)
    assert got[7] == pytest.approx(want[7], abs=0.5)


@pytest.mark.parametrize(("g", "want"), [(0.0, 44.29), (0.5, 41.53), (1.0, 39.14)])
def test_ground_cases_of_iso_tr_17534_3(g, want):
    # T01 to T03: source (10, 10, 1), receiver (200, 50, 4), Lw 93 dB a band.
    flat = np.hypot(190.0, 40.0)
    d = np.hypot(flat, 3.0)
    one = np.ones(1)
    ground = ground_effect_db(one, 4 * one, flat * one, GroundFactors(g, g, g))[0]
    level = 93 - 20 * np.log10(d) - 11 - absorption_db_m(Air()) * d - ground
    assert float(a_level_db(level)) == pytest.approx(want, abs=0.01)


def test_barrier_identities():
    one = np.ones(1)
    grazing = Detour(50 * one, 0 * one, 50 * one, 100 * one)
    # z = 0 leaves 10·lg 3 in every band.
    assert screening_db(grazing, sideways=False) == pytest.approx(
        10 * np.log10(3) * np.ones((1, 8))
    )
    deep = Detour(80 * one, 0 * one, 80 * one, 100 * one)
    assert screening_db(deep, sideways=True).max() == 20.0
    thick = Detour(70 * one, 40 * one, 70 * one, 100 * one)
    assert screening_db(thick, sideways=True).max() == 25.0
    # By hand at 1 kHz: z = 1, λ = 0.34, Kmet = 1 sideways.
    side = Detour(50.5 * one, 0 * one, 50.5 * one, 100 * one)
    assert screening_db(side, sideways=True)[0, 4] == pytest.approx(
        10 * np.log10(3 + 20 / 0.34)
    )
    nowhere = Detour(np.inf * one, np.inf * one, np.inf * one, 100 * one)
    both = barrier_db(side, nowhere, nowhere, np.zeros((1, 8)))
    assert both[0, 4] == pytest.approx(screening_db(side, sideways=False)[0, 4])
    closed_in = barrier_db(nowhere, nowhere, nowhere, np.zeros((1, 8)))
    assert closed_in == pytest.approx(25.0)


def test_ground_in_front_of_a_barrier_is_not_counted_twice():
    one = np.ones(1)
    over = Detour(50.5 * one, 0 * one, 50.5 * one, 100 * one)
    none = Detour(np.inf * one, np.inf * one, np.inf * one, 100 * one)
    soft = np.full((1, 8), 30.0)
    assert barrier_db(over, none, none, soft).max() == 0.0


def test_sti_identities():
    assert _ALPHA.sum() - _BETA.sum() == pytest.approx(1.0)
    speech = np.full((1, 8), 70.0)
    for snr, want in ((0.0, 0.5), (15.0, 1.0), (30.0, 1.0), (-15.0, 0.0)):
        got = sti(speech, speech - snr, 0.0, auditory=False)
        assert got[0] == pytest.approx(want, abs=1e-6)


def test_masking_is_continuous_enough_and_capped():
    level = np.array([40.0, 62.999, 63.0, 66.999, 67.0, 99.9, 100.0, 120.0])
    want = [-45.0, -33.5, -33.5, -26.3, -26.3, -9.85, -10.0, -10.0]
    assert masking_db(level) == pytest.approx(want, abs=0.02)


def test_sti_masking_uses_the_band_below():
    quiet = np.full((1, 8), 60.0)
    loud_low = quiet.copy()
    loud_low[0, 2] = 95.0  # 250 Hz masks 500 Hz only
    noise = np.full((1, 8), 0.0)
    assert sti(loud_low, noise, 0.0)[0] < sti(quiet, noise, 0.0)[0]


@pytest.mark.parametrize(
    ("peak", "indoors", "listening", "metres", "tolerance"),
    [
        (114, False, Listening(), 55, 0.05),
        (114, True, Listening(indoor_noise_db=45), 120, 0.05),
        (127, False, Listening(), 170, 0.05),
        (127, True, Listening(indoor_noise_db=45), 365, 0.06),
        # Behind closed windows the loss per band is not published; ours
        # falls short of the reference's reach, on the safe side.
        (114, True, Listening(window=Window.CLOSED, indoor_noise_db=35), 35, 0.25),
        (127, True, Listening(window=Window.CLOSED, indoor_noise_db=35), 140, 0.25),
    ],
)
def test_reach_for_sti_half(peak, indoors, listening, metres, tolerance):
    speaker = SpeakerProfile(level_1m_db=peak)
    table = reach_table(speaker, None, listening, indoors=indoors, max_m=600)
    assert table.range_m(0.5) == pytest.approx(metres, rel=tolerance)


@pytest.mark.parametrize("window", list(Window))
def test_facade_loss_gives_the_measured_difference_for_traffic(window):
    outside = at_a_level(TRAFFIC_SHAPE_DB, 70.0)
    inside = a_level_db(outside - facade_loss_db(window))
    assert 70.0 - float(inside) == pytest.approx(FACADE_LOSS_A_DB[window], abs=1e-6)


def test_levels_are_what_they_say():
    assert pytest.approx(42.0) == float(a_level_db(indoor_noise_db(42.0)))
    speech = speech_1m_db(SpeakerProfile(level_1m_db=114, crest_db=9), None)
    assert float(a_level_db(speech)) == pytest.approx(105.0)
    assert MIDBANDS_HZ[0] == pytest.approx(63.0957, abs=1e-3)
    assert len(A_WEIGHT_DB) == 8


def test_directivity_table_and_axis():
    speaker = with_directivity(SpeakerProfile())
    off = directivity_db(speaker, np.array([0.0, 37.5, 180.0]))
    assert off[0] == pytest.approx(np.zeros(8))
    assert off[1, 4] == pytest.approx((1.5 + 3.5) / 2)
    assert off[2, 7] == 22.0
    assert axis_of(90.0, 0.0) == pytest.approx([1, 0, 0], abs=1e-12)
    assert axis_of(0.0, 30.0) == pytest.approx([0, np.sqrt(0.75), -0.5])
    bad = SpeakerProfile(directivity_deg=(0.0, 0.0), directivity_db=((0.0,) * 8,) * 2)
    with pytest.raises(ValueError, match="rising"):
        directivity_db(bad, np.array([1.0]))


def test_heard_angles_hold_for_every_error():
    """A receiver the table promises is heard from wherever the copter is."""
    speaker = SpeakerProfile()
    table = reach_table(speaker, None, Listening(), indoors=True)
    angles = table.heard(0.5, error_m=2.0, error_deg=6.0)
    rng = np.random.default_rng(4)
    for _ in range(300):
        d = rng.uniform(3, 150)
        limit = angles[int(np.ceil(d)) - 1]
        if limit < 0:
            continue
        off = np.radians(rng.uniform(0, limit))
        receiver = d * np.array([[np.sin(off), np.cos(off), 0.0]])
        error = rng.normal(size=3)
        error *= 2.0 / np.linalg.norm(error)
        source = Source(tuple(error), rng.uniform(-6, 6), speaker)
        bands = free_field_db(source, *geometry(source, receiver), Air())
        assert listener_sti(bands, np.array([True]), Listening())[0] >= 0.5 - 2e-3
