"""Noise that differs by the slices of a mode: exact moments, when it is used, errors, intervals."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.tensors.cells import unfoldings
from lowland.tensors.cells.held_out import HeldOut
from lowland.tensors.filling import candidates, rank_choice
from lowland.tensors.filling import choice as cp_choice
from lowland.tensors.filling import completion as cp_completion
from lowland.tensors.filling import objective as cp_objective
from lowland.tensors.filling import sampling as cp_sampling
from lowland.tensors.filling.candidates import Candidate
from lowland.tensors.filling.objective import BayesianCP
from lowland.trials.choices import SLICE_NOISE
from lowland.trials.gains import Rule

SHAPE = (14, 10, 12)


def noisy(seed, mode=1, shape=SHAPE, rank=2, share=0.6):
    """A tensor whose slices along a mode are clean or noisy, what is known of it, and their noise."""
    rng = np.random.default_rng(seed)
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((n, rank)) for n in shape))
    truth /= truth.std()
    own = np.where(np.arange(shape[mode]) % 3 > 0, 0.05, 0.8)
    spreads = own.reshape([-1 if k == mode else 1 for k in range(3)])
    table = truth + spreads * rng.standard_normal(shape)
    return truth, table, np.where(rng.random(shape) < share, table, np.nan), own


@pytest.fixture(scope="module")
def found():
    truth, table, holes, own = noisy(0)
    with pytest.MonkeyPatch.context() as patch:
        fewer_ranks(patch)
        return ll.complete_tensor(holes, model="cp", burn_in=20, n_draws=40, rng=0), truth, table, holes, own


def fewer_ranks(patch):
    for module in (rank_choice, cp_completion):
        patch.setattr(module, "RANKS", (1, 2, 4))
    patch.setattr(candidates, "COMPARED", (6, 6))
    patch.setattr(cp_sampling, "LEAST_SQUARES_SWEEPS", 5)


@pytest.mark.parametrize(
    ("mode", "noise_mode", "share"),
    [
        # every day each pair of modes with one share
        pytest.param(mode, other, share, marks=[pytest.mark.slow] if (k + mode // 2 + other) % 2 else [])
        for k, share in enumerate((0.3, 1.0))
        for mode in (0, 2)
        for other in (0, 1, 2)
    ],
)
def test_rows_have_the_moments_of_their_conditionals(mode, noise_mode, share, rng):
    """With lists of cells, and where all combinations of the other modes are columns."""
    shape = (5, 3) if share == 1 else (14, 15)
    holes = rng.standard_normal((*shape[:mode], 2, *shape[mode:]))
    if share < 1:
        few = rng.random(holes.shape) * holes.size
        holes[few >= 8] = np.nan
    holes[1, 1, 1] = 0.5
    holes = np.concatenate([holes] * 20, axis=mode)  # every other row is alike: as many draws at once
    model = BayesianCP(ll.TensorObservations.from_array(holes, empty_slices=True), 2, None, noise_mode)
    unit = (holes - model.centre) / model.spread
    theta = rng.standard_normal(model.size)
    assert (model.unfoldings[mode].blocks.block.combinations is None) == (share == 1)
    slices = rng.gamma(2, 1, holes.shape[noise_mode])
    if noise_mode == mode:
        slices = np.resize(slices[:2], slices.size)
    theta[-slices.size :] = slices
    state, drawn = model.first_draw(model.first_posterior(theta), 3), []
    for sweep in range(100):
        at = cp_objective.replace(state, sweep=sweep, noise_precision=2.0)
        after = model.draw(at, f"mode {mode}", rng)
        drawn.extend(model.factors(after.theta)[mode][1::2])
        np.testing.assert_array_equal(after.theta[-slices.size :], slices)
    factors, gram, right = model.factors(theta), np.eye(2), np.zeros(2)
    for cell in np.argwhere(~np.isnan(holes)):
        if cell[mode] == 1:
            design = np.prod([factors[k][cell[k]] for k in range(3) if k != mode], axis=0)
            gram += 2.0 * slices[cell[noise_mode]] * np.outer(design, design)
            right += 2.0 * slices[cell[noise_mode]] * design * unit[tuple(cell)]
    covariance = np.linalg.inv(gram)
    assert (
        np.abs(np.mean(drawn, axis=0) - covariance @ right) < 5 * np.sqrt(np.diag(covariance) / 2000)
    ).all()
    np.testing.assert_allclose(np.cov(np.array(drawn).T), covariance, rtol=0.2, atol=0.03 * covariance.max())


def test_slices_taken_for_others_are_found_out(rng, monkeypatch):
    """The mutant: precisions are read at the wrong mode's positions."""
    wrong = lambda self, mode, others: self.values[others[:, 0] % self.values.size]  # noqa: E731
    monkeypatch.setattr(unfoldings.SlicePrecisions, "of_others", wrong)
    with pytest.raises(AssertionError):
        test_rows_have_the_moments_of_their_conditionals(0, 2, 1.0, rng)


def test_precisions_have_their_moments(rng, monkeypatch):
    """Gamma laws, given the squared errors of their slices; then the common one given these."""
    monkeypatch.setattr(cp_objective, "SHAPES", (4.0,))
    _, _, holes, _ = noisy(3, shape=(5, 10, 4))
    model = BayesianCP(ll.TensorObservations.from_array(holes), 2, None, 1)
    state = model.first_draw(model.first_posterior(model.random_point(0.5, rng)), 0)
    state = cp_objective.replace(state, noise_precision=1.7)
    first, *others = model.factors(state.theta)
    square = ((holes - model.centre) / model.spread - np.einsum("ar,br,cr->abc", first, *others)) ** 2
    errors, counts = np.nansum(square, axis=(0, 2)), np.sum(~np.isnan(holes), axis=(0, 2))
    drawn = [model.draw(state, "noise", rng) for _ in range(2000)]
    own = np.array([one.theta[-10:] for one in drawn])
    expected = (4 + counts / 2) / (4 + 1.7 * errors / 2)
    np.testing.assert_allclose(own.mean(axis=0), expected, rtol=0.05)
    np.testing.assert_allclose(own.var(axis=0), expected / (4 + 1.7 * errors / 2), rtol=0.2)
    ratios = [one.noise_precision * (one.theta[-10:] @ errors) / model.count for one in drawn]
    assert np.mean(ratios) == pytest.approx(1.0, rel=0.02)
    assert drawn[0].error == pytest.approx(drawn[0].theta[-10:] @ errors)


def test_the_shape_of_their_prior_is_drawn(rng):
    """Nearly equal precisions are known to be so, and very different ones too."""
    _, _, holes, _ = noisy(3)
    model = BayesianCP(ll.TensorObservations.from_array(holes), 2, None, 0)
    nothing = np.zeros(300), np.zeros(300, int)
    for shape in (2.0, 64.0):
        before = rng.gamma(shape, 1 / shape, 300)
        spread = [model.draw_precisions(before, *nothing, rng).var() for _ in range(20)]
        assert np.mean(spread) == pytest.approx(1 / shape, rel=0.5)


def test_noisy_slices_are_found(found):
    fit, _, table, holes, own = found
    assert fit.noise_mode == 1
    np.testing.assert_allclose(fit.slice_noise, own, rtol=0.35)
    assert "noise by the slices of mode 1: 0.0" in str(fit)
    counts = (~np.isnan(holes)).sum(axis=(0, 2))
    assert fit.noise == pytest.approx(np.sqrt(np.average(own**2, weights=counts)), rel=0.15)
    at = np.argwhere(np.isnan(holes))
    clean = own[at[:, 1]] < 0.1
    for level in (0.5, 0.9):
        low, high = fit.interval(at, level)
        inside = (low <= table[tuple(at.T)]) & (table[tuple(at.T)] <= high)
        for slices in (clean, ~clean):
            assert np.mean(inside[slices]) == pytest.approx(level, abs=0.1)
    drawn = fit.completions(40, rng=0)[:, np.isnan(holes)].std(axis=0)
    assert np.median(drawn[~clean]) > 5 * np.median(drawn[clean])


def test_clean_slices_are_predicted_by_clean_ones(found, monkeypatch):
    """With one noise for all, noisy slices spoil the factors of the clean ones."""
    fit, truth, _, holes, own = found
    monkeypatch.setattr(cp_choice, "SLICE_NOISE", replace(SLICE_NOISE, rules=()))
    fewer_ranks(monkeypatch)
    common = ll.complete_tensor(holes, model="cp", burn_in=20, n_draws=40, rng=0)
    assert common.noise_mode is None
    assert common.slice_noise.shape == (1,)
    gaps = np.isnan(holes) & (own < 0.1)[:, None]
    errors = [np.sqrt(np.mean((one.tensor() - truth)[gaps] ** 2)) for one in (fit, common)]
    assert errors[0] < 0.6 * errors[1]


@pytest.mark.parametrize(
    ("count", "sweeps"), [(1, 10), pytest.param(8, candidates.COMPARED[0], marks=pytest.mark.slow)]
)
def test_equal_noise_is_equal(count, sweeps, monkeypatch):
    monkeypatch.setattr(candidates, "COMPARED", (sweeps, sweeps))
    settings = {"model": "cp", "burn_in": 5, "n_draws": 5}
    for seed in range(count):
        rng = np.random.default_rng(seed)
        truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((n, 2)) for n in SHAPE))
        holes = np.where(rng.random(SHAPE) < 0.6, truth + 0.3 * rng.standard_normal(SHAPE), np.nan)
        fit = ll.complete_tensor(holes, 2, rng=seed, **settings)
        assert fit.noise_mode is None


def test_a_given_rank_is_kept_and_few_cells_say_nothing(monkeypatch):
    monkeypatch.setattr(candidates, "COMPARED", (3, 3))
    monkeypatch.setattr(cp_sampling, "LEAST_SQUARES_SWEEPS", 5)
    truth = np.einsum("ir,jr,kr->ijk", *(np.random.default_rng(0).standard_normal((n, 6)) for n in SHAPE))
    rng = np.random.default_rng(1)
    spreads = np.where(np.arange(10) % 3 > 0, 0.01, 1.0)[:, None]
    holes = np.where(rng.random(SHAPE) < 0.7, truth + spreads * rng.standard_normal(SHAPE), np.nan)
    settings = {"model": "cp", "burn_in": 5, "n_draws": 5, "rng": 0}
    found = ll.complete_tensor(holes, 4, **settings)
    assert found.rank == 4 == found.tried[0][0]
    for seed in range(2):
        tiny = np.random.default_rng(seed).standard_normal((3, 3, 4))
        assert ll.complete_tensor(tiny, 1, **settings).noise_mode is None


def test_noise_that_always_differs_is_found_out(monkeypatch):
    """The mutant: held-out cells need not be surely likelier."""
    monkeypatch.setattr(cp_choice, "SLICE_NOISE", replace(SLICE_NOISE, rules=(Rule(errors=Rule(share=-1)),)))
    monkeypatch.setattr(cp_choice, "CHANCE", 2.0)
    with pytest.raises(AssertionError):
        test_equal_noise_is_equal(1, 10, monkeypatch)


def misses_of(rng, spreads):
    """CP that misses cells by normal numbers of some spreads, by their slice of mode 1."""
    at = np.stack([rng.integers(0, length, 600) for length in SHAPE], axis=1)
    held = HeldOut(None, at, np.zeros(600), np.full(600, -1), None)
    return Candidate(2, False, None, held, spreads[at[:, 1]] * rng.standard_normal(600), np.ones(600), None)


def test_slices_that_err_alike_are_not_looked_at(rng):
    """By chance one of ten is; where spreads differ by half, by the mode that they differ by."""
    alike, other = np.ones(SHAPE[1]), np.linspace(1.0, 2.0, SHAPE[1])
    told = [cp_choice.differs_by_slice(misses_of(rng, alike), mode) for _ in range(100) for mode in range(3)]
    assert 0.05 < np.mean(told) < 0.15
    found = [misses_of(rng, other) for _ in range(20)]
    assert all(cp_choice.differs_by_slice(one, 1) for one in found)
    assert np.mean([cp_choice.differs_by_slice(one, mode) for one in found for mode in (0, 2)]) < 0.3
    few = HeldOut(None, np.zeros((1, 3), np.int64), np.zeros(1), np.full(1, -1), None)
    assert not cp_choice.differs_by_slice(Candidate(1, False, None, few, np.ones(1), np.ones(1), None), 0)
