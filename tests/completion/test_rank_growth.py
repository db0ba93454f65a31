"""Growing a penalised fit: the new column lowers the objective as far as it can, or nothing does."""

from dataclasses import replace

import numpy as np
import pytest

from lowland.completion.penalised.fit import completion_objective, fit_completion
from lowland.completion.penalised.points import extended_point
from lowland.completion.penalised.rank_growth import fill_column
from lowland.completion.penalised.rank_path import choose_rank_and_penalty
from lowland.completion.penalised.settings import CompletionSettings
from lowland.core.cells.observations import Observations


def table(seed=0, shape=(24, 18), rank=3, seen=0.6, noise=0.05):
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    cells = np.nonzero(rng.random(shape) < seen)
    return Observations.from_triples(
        *cells, truth[cells] + noise * rng.standard_normal(len(cells[0])), shape=shape
    )


def settled(observations, settings, seed=0):
    precise = replace(settings, tolerance=1e-13, max_iterations=5000)
    return fit_completion(observations, precise, rng=np.random.default_rng(seed), certify=False)


@pytest.mark.parametrize(
    ("weights", "biases"),
    [
        ("uniform", True),
        ("counts", False),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in (("uniform", False), ("counts", True))),
    ],
)
def test_the_new_column_is_the_best_of_the_direction_that_falls_fastest(weights, biases):
    observations = table()
    settings = CompletionSettings(
        rank=1, penalty=0.5, bias_penalty=0.3 * biases, penalty_weights=weights, biases=biases
    )
    fit = settled(observations, settings)
    wide = completion_objective(observations, replace(settings, rank=2))
    start = extended_point(fit.model, wide)
    grown = fill_column(wide, start, 1, np.random.default_rng(0))
    u, v, *_ = wide.model.unpack(grown)

    # the naive way: a dense gradient in the ridge's units, its leading pair
    by_row, by_column = wide.side_weights or (np.ones(24), np.ones(18))
    dense = np.zeros((24, 18))
    at = (observations.rows, observations.columns)
    dense[at] = wide.predict(start) - observations.values
    left, sizes, right = np.linalg.svd(dense / np.sqrt(np.outer(by_row, by_column)))
    assert sizes[0] > settings.penalty
    expected = -np.outer(left[:, 0] / np.sqrt(by_row), right[0] / np.sqrt(by_column))
    added = np.outer(u[:, 1], v[:, 1])
    cosine = np.sum(added * expected) / np.linalg.norm(added) / np.linalg.norm(expected)
    assert cosine == pytest.approx(1, abs=1e-9)

    def stretched(length):
        point = grown.copy()
        factors = wide.model.unpack(point)
        factors[0][:, 1] *= np.sqrt(length)
        factors[1][:, 1] *= np.sqrt(length)
        return wide.value(point)

    assert wide.value(grown) < wide.value(start)
    assert wide.value(grown) <= min(map(stretched, (0.0, 0.9, 0.99, 1.01, 1.1)))


def test_nothing_grows_where_no_higher_rank_is_better():
    observations = table()
    settings = CompletionSettings(rank=6, penalty=3.0, bias_penalty=0.5)
    fit = settled(observations, settings)  # three components are in use, so this is the optimum of every rank
    wide = completion_objective(observations, replace(settings, rank=7))
    start = extended_point(fit.model, wide)
    assert np.linalg.norm(wide.relaxation.gradient(start).toarray(), 2) <= 3.0 * (1 + 1e-6)
    grown = fill_column(wide, start, 6, np.random.default_rng(0))
    assert wide.value(start) - wide.value(grown) <= 1e-9 * wide.value(start)


def test_a_fit_that_goes_on_at_a_higher_rank_is_where_a_new_one_ends():
    observations = table(shape=(16, 12))
    low = settled(observations, CompletionSettings(rank=1, penalty=0.5, bias_penalty=0.5))
    settings = CompletionSettings(rank=3, penalty=0.5, bias_penalty=0.5, tolerance=1e-13, max_iterations=5000)
    rng = np.random.default_rng(1)
    higher = fit_completion(observations, settings, rng=rng, certify=False, before=low)
    assert higher.search.value == pytest.approx(settled(observations, settings).search.value, rel=1e-9)
    assert higher.search.value < low.search.value


def test_a_path_of_ranks_ends_where_the_rank_no_longer_counts():
    settings = CompletionSettings(rank=1, penalty=12.0, bias_penalty=0.5)
    rng = np.random.default_rng(0)
    path, fit = choose_rank_and_penalty(table(), settings, rank=None, penalty=12.0, rng=rng)
    assert fit.settings.rank == path.settings.rank
    assert len(path.steps) <= 4
