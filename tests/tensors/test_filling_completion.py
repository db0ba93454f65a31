"""Tensors completed by averages over CP draws: exact moments of blocks, errors, intervals, requests."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.kernels.systems.rows import Noise
from lowland.kernels.threads import limited_to
from lowland.search import Iterations, run
from lowland.search.gibbs import Gibbs
from lowland.search.saved_states import restored
from lowland.tensors.cells.unfoldings import all_products
from lowland.tensors.filling import candidates, rank_choice
from lowland.tensors.filling import choice as cp_choice
from lowland.tensors.filling import completion as cp_completion
from lowland.tensors.filling import objective as cp_objective
from lowland.tensors.filling import sampling as cp_sampling
from lowland.tensors.filling.candidates import Candidate
from lowland.tensors.filling.objective import BayesianCP


def planted(rng, shape=(14, 11, 9), rank=3, noise=0.2, share=0.5):
    factors = [rng.standard_normal((length, rank)) for length in shape]
    letters = "abcd"[: len(shape)]
    truth = np.einsum(",".join(f"{a}r" for a in letters) + "->" + letters, *factors)
    truth = truth / truth.std()
    table = truth + noise * rng.standard_normal(shape)
    return truth, np.where(rng.random(shape) < share, table, np.nan)


@pytest.fixture(scope="module")
def found():
    """A fit without tables, whose rank is chosen among few by short chains."""
    truth, holes = planted(np.random.default_rng(0))
    with pytest.MonkeyPatch.context() as patch:
        fewer_ranks(patch)
        one_noise(patch)
        return ll.complete_tensor(holes, model="cp", burn_in=30, n_draws=60, rng=0), truth, holes


def fewer_ranks(patch):
    for module in (rank_choice, cp_completion):
        patch.setattr(module, "RANKS", (1, 2, 4))
    patch.setattr(candidates, "COMPARED", (20, 20))
    patch.setattr(cp_sampling, "LEAST_SQUARES_SWEEPS", 10)


def one_noise(patch):
    """Noise by slices is not looked at, which is the subject of `test_slice_noise.py`."""
    patch.setattr(cp_choice, "ENOUGH", np.inf)


@pytest.fixture
def few_sweeps(monkeypatch):
    """Comparisons take a few sweeps, where it does not matter how well they choose."""
    monkeypatch.setattr(candidates, "COMPARED", (4, 4))
    monkeypatch.setattr(cp_sampling, "LEAST_SQUARES_SWEEPS", 5)


def naive_row(holes, factors, mode, row, precision, mean, alpha):
    """Mean and covariance of one row given everything else, cell by cell."""
    gram, right = precision.copy(), precision @ mean
    for cell in np.argwhere(~np.isnan(holes)):
        if cell[mode] == row:
            others = [factors[k][cell[k]] for k in range(holes.ndim) if k != mode]
            design = np.prod(others, axis=0)
            gram += alpha * np.outer(design, design)
            right = right + alpha * design * holes[tuple(cell)]
    return np.linalg.solve(gram, right), np.linalg.inv(gram)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_blocks_have_the_moments_of_their_conditionals(mode, rng):
    _, holes = planted(rng, (4, 5, 3), 2, share=0.7)
    holes = np.repeat(holes, 30, axis=mode)  # rows alike: as many draws at once
    model = BayesianCP(ll.TensorObservations.from_array(holes), 2)
    unit = (holes - model.centre) / model.spread
    theta = rng.standard_normal(model.size)
    state = model.first_draw(model.first_posterior(theta), 3)
    drawn = []
    for sweep in range(100):
        state_at = cp_objective.replace(state, sweep=sweep, noise_precision=2.0)
        drawn.extend(model.factors(model.draw(state_at, f"mode {mode}", rng).theta)[mode][30:60])
    mean, covariance = naive_row(unit, model.factors(theta), mode, 30, np.eye(2), np.zeros(2), 2.0)
    error = np.sqrt(np.diag(covariance) / 3000)
    assert (np.abs(np.mean(drawn, axis=0) - mean) < 5 * error).all()
    np.testing.assert_allclose(np.cov(np.array(drawn).T), covariance, rtol=0.2, atol=0.02 * covariance.max())


def test_normals_of_the_wrong_size_are_found_out(rng, monkeypatch):
    """The mutant: draws ignore the noise of the data."""
    wrong = lambda key, sweep, scale: Noise(key, sweep, 1.0)  # noqa: E731
    monkeypatch.setattr(cp_objective, "Noise", wrong)
    with pytest.raises(AssertionError):
        test_blocks_have_the_moments_of_their_conditionals(0, rng)


def test_the_noise_has_its_moments(rng):
    _, holes = planted(rng, (4, 5, 3), 2)
    model = BayesianCP(ll.TensorObservations.from_array(holes), 2)
    state = model.first_draw(model.first_posterior(rng.standard_normal(model.size)), 0)
    drawn = [model.draw(state, "noise", rng).noise_precision for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(model.count / state.error, rel=0.03)
    seen = ~np.isnan(holes)
    unit = (holes - model.centre) / model.spread
    first, *others = model.factors(state.theta)
    full = np.einsum("ar,br,cr->abc", first, *others)
    assert state.error == pytest.approx(np.sum((full - unit)[seen] ** 2))


def test_all_products_are_in_c_order(rng):
    one, other = rng.standard_normal((3, 2)), rng.standard_normal((4, 2))
    np.testing.assert_allclose(all_products([one, other]).reshape(3, 4, 2), one[:, None] * other[None])


def test_cells_are_predicted_nearly_as_well_as_the_noise_allows(found):
    fit, truth, holes = found
    assert fit.rank == min(fit.tried, key=lambda pair: pair[1])[0]
    assert 3 <= fit.rank <= 16
    missing = np.isnan(holes)
    error = np.sqrt(np.mean((fit.tensor() - truth)[missing] ** 2))
    assert error < 0.2  # the noise is .2
    assert fit.noise == pytest.approx(0.2, rel=0.25)
    full = fit.completed()
    np.testing.assert_array_equal(full[~missing], holes[~missing])
    np.testing.assert_array_equal(full[missing], fit.tensor()[missing])
    at = np.argwhere(missing)
    np.testing.assert_allclose(fit.predict(at), full[missing], rtol=1e-9)
    assert "CP with" in str(fit)
    assert "held-out cells" in str(fit)


@pytest.mark.slow
def test_averages_beat_one_decomposition_where_data_are_few():
    ratios = []
    for seed in range(3):
        truth, holes = planted(np.random.default_rng(20 + seed), (16, 8, 9), 4, 0.5, 0.3)
        missing = np.isnan(holes)
        errors = [
            np.sqrt(np.mean((own - truth)[missing] ** 2))
            for own in (
                ll.complete_tensor(holes, rng=seed).tensor(),
                ll.decompose_tucker(holes, "auto", rng=seed, certify=False).tensor(),
            )
        ]
        ratios.append(errors[0] / errors[1])
    assert np.mean(ratios) < 0.95


@pytest.mark.slow
def test_intervals_hold_what_they_say():
    inside = []
    for seed in range(4):
        truth, holes = planted(np.random.default_rng(40 + seed))
        new = truth + 0.2 * np.random.default_rng(seed).standard_normal(truth.shape)
        fit = ll.complete_tensor(holes, rng=seed)
        at = np.argwhere(np.isnan(holes))
        for level in (0.5, 0.9):
            low, high = fit.interval(at, level)
            inside.append((level, np.mean((low <= new[tuple(at.T)]) & (new[tuple(at.T)] <= high))))
    for level in (0.5, 0.9):
        assert np.mean([share for own, share in inside if own == level]) == pytest.approx(level, abs=0.07)


def test_completions_are_draws(found):
    fit, _, holes = found
    drawn = fit.completions(40, rng=1)
    missing = np.isnan(holes)
    np.testing.assert_array_equal(
        drawn[:, ~missing], np.broadcast_to(holes[~missing], (40, (~missing).sum()))
    )
    spread = drawn[:, missing].std(axis=0)
    assert np.median(spread) == pytest.approx(
        np.median(np.diff(fit.interval(np.argwhere(missing), 0.683), axis=0)) / 2, rel=0.35
    )
    np.testing.assert_array_equal(drawn, fit.completions(40, rng=1))
    with pytest.raises(InvalidInputError, match="not so many draws"):
        fit.completions(61)


BRIEF = {"rank": 3, "model": "cp", "burn_in": 3, "n_draws": 5}


@pytest.mark.parametrize("settings", [BRIEF, pytest.param({}, marks=pytest.mark.slow)])
def test_lists_of_cells_weights_and_threads_give_the_same_bits(found, settings, monkeypatch):
    fit, _, holes = found
    if settings:
        monkeypatch.setattr(candidates, "COMPARED", (2, 3))
        one_noise(monkeypatch)
    settings = {**settings, "rng": 0}
    at = np.argwhere(~np.isnan(holes))
    listed = ll.TensorObservations.from_cells(at, holes[tuple(at.T)])
    plain = ll.complete_tensor(holes, **settings)
    with limited_to(1):
        again = ll.complete_tensor(listed, **settings)
    np.testing.assert_array_equal(again.tensor(), plain.tensor())
    weighted = ll.complete_tensor(holes, weights=np.full(holes.shape, 1.0), **settings)
    np.testing.assert_allclose(weighted.tensor(), plain.tensor(), rtol=1e-6, atol=1e-8)
    # a cell of little weight counts for little
    spoilt, light = holes.copy(), np.ones(holes.shape)
    spoilt[tuple(at[0])] += 100
    light[tuple(at[0])] = 1e-9
    plan = {"rank": fit.rank, "model": "cp", "burn_in": 20, "n_draws": 30, "rng": 0}
    away = ll.complete_tensor(spoilt, weights=light, **plan).tensor() - fit.tensor()
    assert np.sqrt(np.mean(away**2)) < 0.15


def test_four_modes_and_complete_tensors(rng, few_sweeps, monkeypatch):
    truth, holes = planted(rng, (8, 6, 5, 4), 2)
    fit = ll.complete_tensor(holes, 2, model="cp", burn_in=20, n_draws=20, rng=0)
    assert fit.tried[0][0] == 2
    assert np.sqrt(np.mean((fit.tensor() - truth)[np.isnan(holes)] ** 2)) < 0.15
    one_noise(monkeypatch)
    whole = ll.complete_tensor(truth, 2, model="cp", burn_in=20, n_draws=10, rng=0)
    np.testing.assert_array_equal(whole.completed(), truth)
    assert np.abs(whole.tensor() - truth).max() < 0.05


def test_an_interrupt_keeps_the_draws_so_far(found, few_sweeps, monkeypatch):
    _, _, holes = found
    real = cp_completion.sampled

    def stopped(model, burn_in, draws, rng, *, first):
        result = real(model, burn_in, min(draws, 7), rng, first=first)
        return result

    one_noise(monkeypatch)
    monkeypatch.setattr(cp_completion, "sampled", stopped)
    assert len(ll.complete_tensor(holes, 2, model="cp", rng=0).draws) == 7
    monkeypatch.setattr(
        cp_completion, "sampled", lambda model, burn_in, draws, rng, *, first: real(model, burn_in, 0, rng)
    )
    own = np.ones(sum(holes.shape) * 2)
    alone = Candidate(2, False, None, None, np.ones(3), np.ones(3), own)
    monkeypatch.setattr(cp_completion, "choose_rank", lambda *_: (alone, None))
    monkeypatch.setattr(cp_completion, "choose_noise", lambda held, chosen, *_: chosen)
    with pytest.raises(KeyboardInterrupt):
        ll.complete_tensor(holes, 2, model="cp", rng=0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rank": 0}, "rank"),
        ({"rank": "many"}, "rank"),
        ({"n_draws": 1}, "n_draws"),
        ({"burn_in": -1}, "burn_in"),
        ({"weights": np.ones(3)}, "weights"),
    ],
)
def test_bad_settings(options, words, found):
    with pytest.raises(InvalidInputError, match=words):
        ll.complete_tensor(found[2], **options)


def test_bad_input(found):
    fit = found[0]
    with pytest.raises(InvalidInputError, match="three modes"):
        ll.complete_tensor(np.ones((3, 3)))
    diagonal = np.full((3, 3, 3), np.nan)
    diagonal[range(3), range(3), range(3)] = 1.0
    with pytest.raises(InvalidInputError, match="no cell can be held out"):
        ll.complete_tensor(diagonal)
    for positions, words in (
        ([[0, 0]], "one line per cell"),
        ([[0, 0, 99]], "outside the shape"),
        ([[0.5, 0, 0]], "whole"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            fit.predict(positions)
    with pytest.raises(InvalidInputError, match="level"):
        fit.interval([[0, 0, 0]], 1.5)


@pytest.mark.slow
def test_slices_without_cells_are_predicted_by_the_law_of_the_others():
    """Beside the mean of the other slices, which is what is known of one; intervals hold its cells."""
    rng = np.random.default_rng(3)
    factors = [rng.standard_normal((length, 2)) + 1.0 for length in (40, 9, 8)]
    truth = np.einsum("ir,jr,kr->ijk", *factors) + 0.2 * rng.standard_normal((40, 9, 8))
    holes = np.where(rng.random(truth.shape) < 0.2, np.nan, truth)
    holes[[4, 17, 30]] = np.nan
    found = ll.complete_tensor(holes, rng=0)
    empty = np.zeros(truth.shape, bool)
    empty[[4, 17, 30]] = True
    error, mean = (
        np.sqrt(np.mean((own - truth)[empty] ** 2)) for own in (found.tensor(), np.nanmean(holes, axis=0))
    )
    assert error < 1.1 * mean
    ends = found.interval(np.argwhere(empty), 0.9)
    assert np.mean((ends[0] <= truth[empty]) & (truth[empty] <= ends[1])) > 0.7
    others = np.isnan(holes) & ~empty
    assert np.sqrt(np.mean((found.tensor() - truth)[others] ** 2)) < 0.3
    assert "mode 0: 3 slices without a known cell, predicted by the law of the others" in str(found)
    constant = np.ones((3, 3, 3))
    constant[0] = np.nan
    np.testing.assert_allclose(ll.complete_tensor(constant, rng=0).tensor(), 1.0, atol=0.1)


def test_an_empty_slice_does_not_choose_the_rank(monkeypatch):
    """Errors of slices held out as a whole say nothing of the rank, and would rule the comparison."""
    fewer_ranks(monkeypatch)
    rng = np.random.default_rng(1)
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((length, 3)) for length in (16, 12, 10)))
    noisy = truth + 0.1 * rng.standard_normal(truth.shape)
    holes = np.where(rng.random(truth.shape) < 0.25, noisy, np.nan)
    holes[-1] = np.nan
    found = ll.complete_tensor(holes, rng=0, model="cp", burn_in=20, n_draws=20)
    others = np.isnan(holes[:-1])
    assert np.sqrt(np.mean((found.tensor() - truth)[:-1][others] ** 2)) < 0.1
    assert found.held_out_error < 0.3 < found.calibration.slice_error
    assert "of slices held out as a whole" in str(found)


def test_the_chain_is_an_ordinary_search(rng):
    _, holes = planted(rng, (6, 5, 4), 2)
    model = BayesianCP(ll.TensorObservations.from_array(holes), 2)
    theta = rng.standard_normal(model.size)
    result = run(model, Gibbs(burn_in=2), theta, stop=Iterations(6), rng=np.random.default_rng(0))
    assert len(result.state.kept) == 4
    again = restored(replace(result.state, kept=()), vars(result.state))
    assert again.kept == result.state.kept


@pytest.mark.slow
def test_many_components_are_found():
    """From random starts alone the error is three times as large."""
    rng = np.random.default_rng(1)
    factors = [rng.standard_normal((length, 20)) for length in (24, 20, 16)]
    truth = np.einsum("ir,jr,kr->ijk", *factors)
    truth /= truth.std()
    holes = np.where(rng.random(truth.shape) < 0.6, truth + 0.2 * rng.standard_normal(truth.shape), np.nan)
    found = ll.complete_tensor(holes, rng=0)
    assert np.sqrt(np.mean((found.tensor() - truth)[np.isnan(holes)] ** 2)) < 0.2


def test_least_squares_descends_and_keeps_columns_alike(rng):
    _, holes = planted(rng, (8, 7, 6), 2)
    model = BayesianCP(ll.TensorObservations.from_array(holes), 2)
    theta, errors = rng.standard_normal(model.size), []
    for _ in range(8):
        theta = model.least_squares(theta, 1e-10)
        errors.append(model.squared_error(theta))
    assert (np.diff(errors) <= 1e-9 * errors[0]).all()
    assert errors[-1] < 0.5 * model.count
    sizes = [np.sqrt(np.mean(factor**2, axis=0)) for factor in model.factors(theta)]
    np.testing.assert_allclose(sizes, np.broadcast_to(sizes[0], (3, 2)), rtol=1e-6)


def test_a_chain_starts_with_the_noise_of_its_point(rng):
    _, holes = planted(rng, (8, 7, 6), 2)
    model = BayesianCP(ll.TensorObservations.from_array(holes), 2)
    theta = rng.standard_normal(model.size)
    noise = [model.posterior_at(theta, rng).noise_precision for _ in range(300)]
    assert np.mean(noise) == pytest.approx(model.count / model.squared_error(theta), rel=0.05)
    state = model.posterior_at(theta, rng)
    assert state.sweep == 0
    np.testing.assert_array_equal(state.theta, theta)
