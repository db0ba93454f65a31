"""The path of ranks, its sweeps over the filled tensor, and the error told of new cells."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from cases import make_tucker
from lowland.core.errors import UnsupportedError
from lowland.search import Iterations, run
from lowland.tensors.search.filled_iteration import FilledIteration
from lowland.tensors.search.starts import random_start
from lowland.tensors.tucker import cell_errors, multistart, rank_path
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective
from lowland.tensors.tucker.rank_path import choose_ranks, grown, larger_ranks


def planted(seed, shape, ranks, noise):
    rng = np.random.default_rng(seed)
    factors = tuple(np.linalg.qr(rng.standard_normal(pair))[0] for pair in zip(shape, ranks, strict=True))
    truth = ll.TuckerTensor(rng.standard_normal(ranks), factors).tensor()
    return truth + noise * truth.std() * rng.standard_normal(shape)


def test_growing_changes_no_cell(rng):
    objective = make_tucker((5, 4, 3), (2, 2, 1), share=0.7, strength=0.0)
    parts = objective.orthonormal(random_start(objective, rng))
    residual = objective.residual_tensor(parts.point())
    for ranks in larger_ranks(parts.ranks, objective.shape):
        larger = grown(parts, residual, ranks, rng)
        assert larger.ranks == ranks
        np.testing.assert_allclose(larger.tensor(), parts.tensor(), atol=1e-12)
        for factor in larger.factors:
            np.testing.assert_allclose(factor.T @ factor, np.eye(factor.shape[1]), atol=1e-10)
    assert list(larger_ranks((1, 1, 1), (2, 2, 1))) == [(2, 2, 1)]


@pytest.mark.parametrize("weighted", [False, True])
def test_sweeps_with_momentum_never_rise_and_save_sweeps(weighted, rng):
    objective = make_tucker((8, 7, 6), (2, 2, 2), share=0.3, weighted=weighted, strength=0.0)
    start = random_start(objective, rng)
    fast = run(objective, FilledIteration(), start, stop=Iterations(60), rng=rng)
    assert (np.diff(fast.trace.values) <= 1e-12 * np.abs(fast.trace.values[:-1])).all()
    # the same sweeps, without the memory of the point before
    stepper, (state, _) = FilledIteration(), FilledIteration().init(objective, start, rng)
    for _ in range(60):
        state, info = stepper.step(objective, type(state)(state.theta, state.value, state.theta, 1.0), rng)
    assert fast.value < info.value


@pytest.mark.parametrize(("count", "least"), [(1, 1), pytest.param(3, 2, marks=pytest.mark.slow)])
def test_half_hidden_tensors_get_their_ranks(count, least):
    right = 0
    for seed in range(count):
        tensor = planted(seed, (14, 12, 10), (3, 2, 2), 0.1)
        seen = np.random.default_rng(seed).random(tensor.shape) < 0.5
        fit = ll.decompose_tucker(np.where(seen, tensor, np.nan), "auto", rng=seed, certify=False)
        right += fit.ranks == (3, 2, 2)
        held_out = dict(fit.choice.steps)[fit.ranks]
        assert held_out == min(held_out, fit.choice.steps[0][1])
        true = np.sqrt(np.mean((fit.tensor() - tensor)[~seen] ** 2))
        assert fit.new_cell_error().total == pytest.approx(true, rel=0.15)
        assert fit.attempts[0].start == "ranks"
    assert right >= least


def test_the_final_search_ends_as_low_as_others():
    tensor = planted(1, (7, 6, 5), (2, 2, 2), 0.2)
    tensor[np.random.default_rng(0).random(tensor.shape) < 0.3] = np.nan
    plan = {"rng": 0, "n_restarts": 0, "certify": False}
    auto = ll.decompose_tucker(tensor, "auto", **plan)
    given = ll.decompose_tucker(tensor, auto.ranks, **plan)
    assert auto.search.value == pytest.approx(given.search.value, rel=1e-9)
    more = ll.decompose_tucker(tensor, "auto", rng=0, n_restarts=1, max_iter=10, certify=False)
    assert [attempt.start for attempt in more.attempts][:2] == ["ranks", "random"]


def test_no_search_starts_far_above_the_path(monkeypatch):
    """Sweeps end at orthonormal factors, where the regulariser of later searches is enormous."""
    tensor = planted(1, (24, 24, 24), (2, 2, 2), 0.2)
    tensor[np.random.default_rng(0).random(tensor.shape) < 0.7] = np.nan
    found = []

    def recorded(*args, **options):
        found.append(run(*args, **options))
        return found[-1]

    monkeypatch.setattr(multistart, "run", recorded)
    fit = ll.decompose_tucker(tensor, "auto", rng=0, max_iter=60, certify=False)
    assert "trust_region" in {result.solver for result in found}
    assert all(result.trace.values[0] < 2 * fit.search.value for result in found)
    assert all(result.iterations <= 60 for result in found)


def test_sweeps_keep_single_precision(rng):
    data = make_tucker((6, 5, 4), (2, 2, 2), share=0.6, strength=0.0).data
    single = ll.TensorObservations(data.shape, data.values.astype(np.float32), data.all_positions())
    objective = TuckerObjective(single, Tucker(single.shape, (2, 2, 2)))
    start = random_start(objective, rng)
    result = run(objective, FilledIteration(), start, stop=Iterations(5), rng=rng)
    assert result.theta.dtype == np.float32
    assert result.value < objective.value(start)


def test_what_the_model_cannot_describe_is_told():
    """Residuals and degrees of freedom alone say far too little where the model is wrong."""
    rng = np.random.default_rng(0)
    tensor = np.exp(planted(2, (8, 7, 6), (2, 2, 2), 0.0) * 4) + 0.01 * rng.standard_normal((8, 7, 6))
    hidden = rng.random(tensor.shape) < 0.3
    fit = ll.decompose_tucker(np.where(hidden, np.nan, tensor), 2, rng=0, n_restarts=0, certify=False)
    true, error = np.sqrt(np.mean((fit.tensor() - tensor)[hidden] ** 2)), fit.new_cell_error()
    assert error.total == pytest.approx(true, rel=0.3)
    assert error.total**2 == pytest.approx(error.noise**2 + error.fit**2)


def test_missing_fibres_are_harder_than_missing_cells():
    tensor = planted(3, (8, 7, 9), (2, 2, 2), 0.3)
    gaps = tensor.copy()
    gaps[np.random.default_rng(1).random(tensor.shape[:2]) < 0.45] = np.nan
    fit = ll.decompose_tucker(gaps, 2, n_restarts=0, rng=0, certify=False)
    square = cell_errors.held_out_square(fit.objective, fit.search.theta)
    assert fit.new_cell_error().total > np.sqrt(square)


def test_many_unknowns_are_no_obstacle(monkeypatch):
    tensor = planted(4, (8, 7, 6), (2, 2, 2), 0.1)
    tensor[np.random.default_rng(2).random(tensor.shape) < 0.3] = np.nan
    plan = {"n_restarts": 0, "certify": False, "rng": 0}
    fit = ll.decompose_tucker(tensor, 2, **plan)
    whole = fit.new_cell_error()
    monkeypatch.setattr(cell_errors, "MOST_UNKNOWNS", 1)
    # a copy has not kept its error
    assert replace(fit).new_cell_error().total == pytest.approx(whole.total, rel=0.05)
    monkeypatch.setattr(cell_errors, "LARGEST_DENSE", 1)
    with pytest.raises(UnsupportedError, match="too large for refits"):
        replace(fit).new_cell_error()


def test_tensors_too_large_to_fill_are_refused(monkeypatch, rng):
    monkeypatch.setattr(rank_path, "LARGEST_DENSE", 100)
    with pytest.raises(UnsupportedError, match="needs the dense tensor"):
        choose_ranks(make_tucker((6, 5, 4), (1, 1, 1)).data, rng)
