"""Tomography: settings and outcomes, counts from files, states with error bars."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from lowland.cli.commands.tomography import read_target
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import Factors
from lowland.core.results.status import StopReason, Verdict
from lowland.datasets import data_path
from lowland.files.counts import read_counts
from lowland.measure import pauli_outcomes
from lowland.sensing.states import tomography
from lowland.sensing.states.tomography import estimate_state

SETTINGS = [a + b for a in "XYZ" for b in "XYZ" for _ in range(4)]
OUTCOMES = ["00", "01", "10", "11"] * 9


def test_outcomes_of_a_setting_are_complete_and_project(rng):
    measurement = pauli_outcomes(SETTINGS, OUTCOMES)
    state = rng.standard_normal((4, 8)).view(complex)
    matrix = state @ state.conj().T
    chances = measurement.measure_matrix(matrix).real.reshape(9, 4)
    np.testing.assert_allclose(chances.sum(axis=1), np.trace(matrix).real)
    # eigenvectors of Y: outcome 0 belongs to the eigenvalue 1
    y = np.array([[0, -1j], [1j, 0]])
    for digit, sign in (("0", 1), ("1", -1)):
        dense = pauli_outcomes(["Y"], [digit]).adjoint(np.ones(1)).toarray()
        np.testing.assert_allclose(dense, (np.eye(2) + sign * y) / 2, atol=1e-15)


@pytest.mark.parametrize(
    ("settings", "outcomes", "words"),
    [
        ([], [], "at least one"),
        (["X"], ["0", "1"], "same number of words"),
        (["XX", "X"], ["00", "0"], "one letter and one digit"),
        (["X"], ["00"], "one letter and one digit"),
        (["I"], ["0"], "consist of X, Y, Z"),
        (["X"], ["2"], "consist of X, Y, Z"),
        (["X" * 20], ["0" * 20], "1 to 12 letters"),
    ],
)
def test_bad_words(settings, outcomes, words):
    with pytest.raises(InvalidInputError, match=words):
        pauli_outcomes(settings, outcomes)


def test_photons():
    data = read_counts(data_path("photon_counts"))
    measurement = pauli_outcomes(data.settings, data.outcomes)
    estimate = estimate_state(measurement, data.counts, n_resamples=4, rng=0)
    assert np.trace(estimate.state).real == pytest.approx(1)
    assert np.linalg.eigvalsh(estimate.state)[0] > -1e-12
    assert 0.99 < estimate.top_eigenvalue < 1
    assert estimate.top_eigenvalue**2 < estimate.purity < 1
    pure = estimate.nearest_pure_state
    assert estimate.fidelity(pure) == pytest.approx(estimate.top_eigenvalue)
    assert estimate.fidelity([1, 0, 0, 1]) > 0.98
    for _, _, error in estimate.table([1, 0, 0, 1]):
        assert 1e-4 < error < 5e-3
    assert estimate.fit.certificate["convex_optimal"].verdict is Verdict.PROVED
    assert "purity" in str(estimate)
    again = estimate_state(measurement, data.counts, n_resamples=4, rng=0)
    np.testing.assert_array_equal(estimate.resampled, again.resampled)


def test_resampling_tells_how_far_it_is_and_keeps_what_it_had(monkeypatch):
    """An interrupt among the resampled estimates leaves those before it."""
    measurement, counts, seen = pauli_outcomes(SETTINGS, OUTCOMES), np.arange(1.0, 37.0), []
    estimate_state(measurement, counts, n_resamples=3, rng=0, on_progress=lambda *at: seen.append(at[:2]))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    solve, calls = tomography.recover, []

    def interrupted(*args, **options):
        calls.append(1)
        fit = solve(*args, **options)
        reason = StopReason.INTERRUPTED if len(calls) == 4 else fit.search.stop_reason
        return replace(fit, search=replace(fit.search, stop_reason=reason))

    monkeypatch.setattr(tomography, "recover", interrupted)
    part = estimate_state(measurement, counts, n_resamples=5, rng=0)
    assert len(part.resampled) == 2
    assert len(calls) == 4
    one = replace(part, resampled=part.resampled[:1])
    assert np.isnan(one.error(lambda state: 1.0))


@pytest.mark.slow
def test_error_bars_have_the_size_of_the_scatter(rng):
    """Over repeated experiments the error bar is about the standard deviation of the estimates."""
    measurement = pauli_outcomes(SETTINGS, OUTCOMES)
    mixed = 0.8 * np.outer([1, 0, 0, 1], [1, 0, 0, 1]) / 2 + 0.2 * np.eye(4) / 4
    means = 300 * measurement.measure_matrix(mixed).real
    estimates = [
        estimate_state(measurement, rng.poisson(means).astype(float), n_resamples=0, rng=0) for _ in range(40)
    ]
    scatter = np.std([e.purity for e in estimates], ddof=1)
    bar = estimate_state(measurement, rng.poisson(means).astype(float), n_resamples=40, rng=0)
    assert 0.5 < bar.error(lambda s: float(np.vdot(s, s).real)) / scatter < 2


def test_bad_counts():
    measurement = pauli_outcomes(["X", "X", "Z", "Z"], ["0", "1", "0", "1"])
    for counts, words in (([0.0] * 4, "all be zero"), ([1.0, -1.0, 1, 1], "must not be negative")):
        with pytest.raises(InvalidInputError, match=words):
            estimate_state(measurement, counts, n_resamples=0)
    with pytest.raises(InvalidInputError, match="n_resamples"):
        estimate_state(measurement, [1.0] * 4, n_resamples=1)
    estimate = estimate_state(measurement, [5.0, 5.0, 9.0, 1.0], rank=1, n_resamples=0)
    with pytest.raises(InvalidInputError, match="state vector"):
        estimate.fidelity([1, 0, 0])


def test_targets_are_read():
    np.testing.assert_array_equal(read_target("00+11", 4), [1, 0, 0, 1])
    np.testing.assert_array_equal(read_target("01 - 10", 4), [0, 1, -1, 0])
    with pytest.raises(InvalidInputError, match="sum of basis states"):
        read_target("0+1", 4)


def test_low_rank_states_need_few_counts(rng):
    """A pure state of four qubits from a third of the settings."""
    everything = ["".join(word) for word in product("XYZ", repeat=4)]
    settings = [str(word) for word in rng.choice(everything, 30, replace=False)]
    words = [w for w in settings for _ in range(16)]
    outcomes = [f"{k:04b}" for _ in settings for k in range(16)]
    state = rng.standard_normal((16, 2)).view(complex)
    state /= np.linalg.norm(state)
    measurement = pauli_outcomes(words, outcomes)
    counts = rng.poisson(2000 * measurement.measure(Factors(state, state)).real).astype(float)
    estimate = estimate_state(measurement, counts, rank=1, n_resamples=0, rng=0)
    assert estimate.fidelity(state[:, 0]) > 0.99
