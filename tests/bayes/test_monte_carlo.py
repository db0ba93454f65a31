"""Errors of averages over Markov chains, beside loops over the published formulas and beside ArviZ."""

import os

import numpy as np
import pytest

from lowland.bayes import monte_carlo
from lowland.bayes.monte_carlo import MonteCarlo, effective_draws, split_chains
from lowland.core.errors import InvalidInputError
from oracles.chains import naive_effective_draws, naive_error, naive_r_hat


def chains_of(rng, chains, draws, memories):
    """Autoregressive draws of variance 1, one cell per memory: shape (chains, draws, cells)."""
    state, out = rng.standard_normal((chains, len(memories))), []
    memory = np.array(memories)
    for _ in range(draws):
        out.append(state)
        state = memory * state + np.sqrt(1 - memory**2) * rng.standard_normal(state.shape)
    return np.stack(out, axis=1)


def kinds(rng, chains, draws):
    """Cells that mix, that hardly do, alternate, drift, differ by chain in place or spread, or have ties."""
    cells = chains_of(rng, chains, draws, [0.0, 0.5, 0.95, -0.6, 0.3, 0.3, 0.3, 0.3])
    cells[:, :, 4] += np.linspace(0, 2, draws)
    cells[-1, :, 5] += 3
    cells[-1, :, 6] *= 4
    cells[:, :, 7] = np.round(cells[:, :, 7])
    return 100 + 3 * cells


SHAPES = [(1, 4), (1, 5), (1, 70), (2, 7), (2, 61), (4, 30)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cells_are_what_loops_over_the_formulas_say(shape):
    draws = kinds(np.random.default_rng(3), *shape)
    found = MonteCarlo.of(draws)
    for cell in range(draws.shape[2]):
        alone = draws[:, :, cell]
        assert found.r_hat[cell] == pytest.approx(naive_r_hat(alone), rel=1e-9)
        assert found.bulk[cell] == pytest.approx(naive_effective_draws(alone, scores=True), rel=1e-9)
        assert found.error[cell] == pytest.approx(naive_error(alone), rel=1e-9)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape[0] > 1], ids=str)
def test_cells_are_what_arviz_says(shape):
    if not os.environ.get("CI"):  # there it is installed
        pytest.importorskip("arviz_stats", reason="ArviZ is not installed")
    from arviz_stats.base import array_stats

    draws = kinds(np.random.default_rng(4), *shape)
    found, axes = MonteCarlo.of(draws), {"chain_axis": 0, "draw_axis": 1}
    np.testing.assert_allclose(found.r_hat, array_stats.rhat(draws, **axes), rtol=1e-9)
    np.testing.assert_allclose(found.bulk, array_stats.ess(draws, method="bulk", **axes), rtol=1e-9)
    np.testing.assert_allclose(found.error, array_stats.mcse(draws, method="mean", **axes), rtol=1e-9)


def test_the_error_is_that_of_means_of_many_runs():
    """Of 400 cells of one law, means of four chains are spread as the errors say."""
    for memory in (0.0, 0.8):
        draws = chains_of(np.random.default_rng(5), 4, 400, [memory] * 400)
        spread = draws.mean(axis=(0, 1)).std()
        assert 0.85 < np.median(MonteCarlo.of(draws).error) / spread < 1.15, memory


def test_chains_that_do_not_mix_are_seen():
    draws = kinds(np.random.default_rng(6), 4, 200)
    found = MonteCarlo.of(draws)
    assert (found.r_hat[[0, 1, 3, 7]] < 1.02).all()
    assert (found.r_hat[[4, 5, 6]] > 1.05).all(), "a drift, a place and a spread of one chain's own"
    assert found.bulk[2] < 0.1 * found.bulk[0]


def test_a_cell_that_never_moves_has_settled():
    draws = np.concatenate([np.full((2, 20, 1), 7.3), kinds(np.random.default_rng(7), 2, 20)], axis=2)
    found = MonteCarlo.of(draws)
    assert (found.r_hat[0], found.bulk[0], found.error[0]) == (1.0, 40.0, 0.0)
    assert (found.error[1:] > 0).all()


def test_halves_of_odd_chains_leave_the_middle_draw_out():
    halves = split_chains(np.arange(10.0).reshape(2, 5, 1))
    assert halves[:, :, 0].tolist() == [[0, 1], [5, 6], [3, 4], [8, 9]]


@pytest.mark.parametrize(
    ("draws", "words"),
    [
        (np.zeros((2, 3, 1)), "2 chains of 3"),
        (np.zeros((0, 9, 1)), "0 chains of 9"),
        (np.zeros((9, 1)), "three axes"),
        (np.full((1, 9, 1), np.nan), "not finite"),
    ],
)
def test_what_says_nothing_is_refused(draws, words):
    with pytest.raises(InvalidInputError, match=words):
        MonteCarlo.of(draws)


def test_cells_say_the_same_alone_and_together():
    draws = kinds(np.random.default_rng(8), 2, 40)
    together = MonteCarlo.of(draws)
    for cell in range(draws.shape[2]):
        alone = MonteCarlo.of(draws[:, :, [cell]])
        np.testing.assert_allclose(alone.error[0], together.error[cell], rtol=1e-12)
        np.testing.assert_allclose(alone.r_hat[0], together.r_hat[cell], rtol=1e-12)


def unsplit(chains):
    return chains


def all_lags(chains):
    """The sum over all lags, which is noise."""
    return np.full(chains.shape[2], float(chains.shape[0] * chains.shape[1]))


@pytest.mark.parametrize(("name", "mutant"), [("split_chains", unsplit), ("effective_draws", all_lags)])
def test_mutants_are_seen(name, mutant, monkeypatch):
    draws = kinds(np.random.default_rng(9), 2, 60)
    monkeypatch.setattr(monte_carlo, name, mutant)
    found = MonteCarlo.of(draws)
    expected = [naive_error(draws[:, :, cell]) for cell in range(draws.shape[2])]
    r_hats = [naive_r_hat(draws[:, :, cell]) for cell in range(draws.shape[2])]
    assert not (np.allclose(found.error, expected, rtol=1e-3) and np.allclose(found.r_hat, r_hats, rtol=1e-3))


def test_alternating_draws_count_for_more_but_not_without_bound():
    draws = np.where(np.arange(200) % 2, 1.0, -1.0)[None, :, None] + np.zeros((2, 1, 1))
    assert effective_draws(draws)[0] == pytest.approx(400 * np.log10(400))
