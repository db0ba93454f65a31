"""Fits that grow by what residuals hold beyond noise: what is found, what is not, and what it is worth."""

import signal

import numpy as np
import pytest

import lowland as ll
from lowland.cells.sides import TableCells
from lowland.completion.bayesian.features import FeatureMap
from lowland.completion.bayesian.fit import fit_bayesian
from lowland.completion.bayesian.settings import BayesianSettings
from lowland.completion.bayesian.starting import grown_start, residual_structure
from lowland.completion.bayesian.starting.grown_start import grow, padded, with_factors
from lowland.completion.bayesian.starting.residual_structure import (
    find_residual_structure,
    random_signs,
    residual_signs_block,
)
from lowland.completion.bayesian.starting.start import make_objective
from lowland.completion.cells.summary import TableSummary
from lowland.core.cells.observations import Observations

GATE = 1.05


def planted(rank, shape=(120, 80), share=0.6, noise=0.5, seed=0):
    """A table of a rank with unit standard deviation, with noise and holes, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    truth /= truth.std()
    rows, columns = np.nonzero(rng.random(shape) < share)
    values = (truth + noise * rng.standard_normal(shape))[rows, columns]
    return Observations.from_triples(rows, columns, values, shape=shape), truth


def zeros(table):
    return tuple(np.zeros((length, 1)) for length in table.shape)


def structure(table, known=None, most=6, **options):
    known = zeros(table) if known is None else known
    options = {"gate": GATE, "most": most, **options}
    return find_residual_structure(TableCells.of(table), zeros(table), known, **options)


def settings_of(table, **settings):
    chosen = BayesianSettings(pattern=False, calibrated=False, noise="common", scale="common", **settings)
    return chosen.resolve(TableSummary.of(TableCells.of(table)))


def test_a_sign_belongs_to_its_cell_and_is_a_fair_coin():
    rows, columns = np.indices((60, 50)).reshape(2, -1)
    signs = random_signs(rows, columns)
    assert set(signs.tolist()) == {-1.0, 1.0}
    assert abs(signs.mean()) < 0.05
    assert np.abs(signs.reshape(60, 50).mean(axis=0)).max() < 0.5  # neither whole columns
    assert np.abs(signs.reshape(60, 50).mean(axis=1)).max() < 0.5  # nor whole rows
    order = np.random.default_rng(0).permutation(signs.size)
    np.testing.assert_array_equal(random_signs(rows[order], columns[order]), signs[order])


def test_residuals_of_both_sides_are_those_of_the_same_cells():
    table, _ = planted(2)
    weights = np.random.default_rng(1).uniform(0.5, 2, table.size)
    table = Observations(table.rows, table.columns, table.values, table.shape, weights)
    left, right = np.random.default_rng(2).standard_normal((2, 120, 3))
    right = right[:80]
    expected = np.zeros(table.shape)
    expected[table.rows, table.columns] = (
        table.values - (left @ right.T)[table.rows, table.columns]
    ) * weights
    sides = TableCells.of(table).sides
    for signs in (None, np.arange(table.shape[1])):
        if signs is not None:
            expected[table.rows, table.columns] *= random_signs(table.rows, table.columns)
        for side, (own, other) in enumerate(((left, right), (right, left))):
            block = residual_signs_block(sides[side].block, other, own, side, signs)
            lines = np.repeat(np.arange(table.shape[side]), np.diff(block.starts))
            found = np.zeros(table.shape if side == 0 else table.shape[::-1])
            found[lines, block.partners] = block.values
            np.testing.assert_allclose(found if side == 0 else found.T, expected, atol=1e-12)


def test_strong_directions_are_the_leading_singular_vectors():
    table, _ = planted(3, share=1.0, noise=0.1)
    found = structure(table)
    u, s, vt = np.linalg.svd(table.to_array())
    assert found.strengths.size == 3
    # random signs of residuals that hold the directions themselves are taken for the noise
    assert np.all((0.7 * s[:3] < found.strengths) & (found.strengths < s[:3]))
    np.testing.assert_allclose(np.abs(np.sum(found.left * u[:, :3], axis=0)), 1, rtol=1e-4)
    np.testing.assert_allclose(np.abs(np.sum(found.right * vt[:3].T, axis=0)), 1, rtol=1e-4)


def test_strengths_are_those_of_the_whole_table():
    table, truth = planted(2, shape=(300, 200), share=0.4, noise=0.2)
    expected = np.linalg.svd(truth, compute_uv=False)[:2]
    np.testing.assert_allclose(structure(table).strengths, expected, rtol=0.1)


def test_noise_holds_nothing_whatever_its_sizes_and_pattern():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        sizes = np.exp(rng.standard_normal(80)) * np.exp(0.5 * rng.standard_normal((150, 1)))
        seen = rng.random((150, 80)) < 0.9 * rng.random(80) * rng.random((150, 1))
        rows, columns = np.nonzero(seen)
        values = (sizes * rng.standard_normal((150, 80)))[rows, columns]
        table = Observations.from_triples(rows, columns, values, shape=(150, 80))
        assert structure(table, gate=1.15) is None


def test_without_signs_nothing_would_stand_out(monkeypatch):
    table, _ = planted(3)
    assert structure(table) is not None
    monkeypatch.setattr(residual_structure, "random_signs", lambda rows, columns: np.ones(rows.shape))
    assert structure(table) is None


def independent_levels(rows, columns, count, seed):
    """Columns of levels that tell nothing of each other, each as indicators less their means; and groups."""
    levels = np.random.default_rng(seed).integers(0, count, (rows, columns))
    indicators = (levels[:, :, None] == np.arange(count)).reshape(rows, -1).astype(float)
    table = Observations.from_array(indicators - indicators.mean(axis=0))
    return table, np.repeat(np.arange(columns), count)


def test_levels_of_one_column_are_no_factors():
    for seed in range(5):
        table, groups = independent_levels(400, 8, 3, seed)
        assert structure(table, groups=groups) is None
        # as if every level were a column of its own, they would stand out
        assert structure(table) is not None


def test_what_columns_of_levels_share_stands_out():
    table, groups = independent_levels(400, 8, 3, 0)
    rng = np.random.default_rng(1)
    shared = table.to_array() + 0.5 * np.outer(rng.standard_normal(400), rng.standard_normal(24))
    assert structure(Observations.from_array(shared), groups=groups).strengths.size == 1


def test_what_shrinkage_leaves_of_known_directions_is_nothing_missing():
    table, truth = planted(3)
    u, _, vt = np.linalg.svd(truth)
    assert structure(table, known=(u[:, :3], vt[:3].T)) is None
    assert structure(table, known=(u[:, :2], vt[:2].T)).strengths.size == 1


def test_directions_are_orthogonal_to_known_ones_in_narrow_tables(monkeypatch):
    monkeypatch.setattr(residual_structure, "ALONG", 0.0)
    table, _ = planted(6, shape=(40, 8))
    known = np.linalg.qr(np.random.default_rng(0).standard_normal((40, 5)))[0], np.eye(8)[:, :5]
    found = structure(table, known=known, most=3, gate=0.1, least=3)
    assert found.strengths.size == 3
    np.testing.assert_allclose(known[1].T @ found.right, 0, atol=1e-10)
    np.testing.assert_allclose(known[0].T @ found.left, 0, atol=1e-10)


def test_at_least_and_at_most_so_many_directions():
    table, _ = planted(4)
    assert structure(table, most=3).strengths.size == 3
    assert structure(table, most=8, least=7).strengths.size == 7


def test_more_factors_leave_what_there_was():
    table, _ = planted(3)
    chosen = settings_of(table, rank=3)
    objective, posterior = grow(TableCells.of(table), chosen, False, 3)
    count, rng = objective.model.rank, np.random.default_rng(0)
    blank = (FeatureMap.of(None, 0),) * 2
    wider = make_objective(
        objective.cells, settings_of(table, rank=count + 2), blank, (None, None), graded=False
    )
    added = rng.standard_normal((120, 2)), np.zeros((80, 2))
    more = with_factors(posterior, objective, wider, added, 0.5)
    lifted = [own.model.lift(state.theta) for own, state in ((objective, posterior), (wider, more))]
    before, after = (own.left @ own.right.T for own in lifted)
    np.testing.assert_allclose(after, before, atol=1e-12)
    lower = np.zeros((count + 3, count + 3))
    lower[np.tril_indices(count + 3)] = wider.moments(more)[0].covariances[5]
    full, own = lower + np.tril(lower, -1).T, np.zeros((count + 1, count + 1))
    own[np.tril_indices(count + 1)] = objective.moments(posterior)[0].covariances[5]
    kept = np.r_[:count, count + 2]
    np.testing.assert_allclose(full[np.ix_(kept, kept)], own + np.tril(own, -1).T)
    new = full[count : count + 2]
    np.testing.assert_allclose(new[:, count : count + 2], 0.5 * np.mean(added[0] ** 2) * np.eye(2))
    assert not new[:, kept].any()


@pytest.mark.usefixtures("plain_kernels")
def test_many_factors_are_all_found():
    """A random start of twenty factors, or of twice as many, ends at .43."""
    table, truth = planted(20, shape=(200, 100), share=0.7, noise=0.3)
    fit = fit_bayesian(table, BayesianSettings(), rng=np.random.default_rng(0))
    holes = np.ones(truth.shape, bool)
    holes[table.rows, table.columns] = False
    error = np.sqrt(np.mean((fit.model.predict(*np.nonzero(holes)) - truth[holes]) ** 2))
    assert error < 0.26
    assert 20 <= fit.settings.rank <= 30


@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.parametrize("starts", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_the_start_decides_no_longer(starts):
    """Ten factors, of which random starts lose some, others by seed."""
    table, truth = planted(10, shape=(60, 200), share=0.4, noise=0.5)
    holes = np.ones(truth.shape, bool)
    holes[table.rows, table.columns] = False
    errors = []
    for seed in range(starts):
        chosen = ll.MatrixCompletion(method="variational", certify=False, random_state=seed, refine=False)
        model = chosen.fit(table)
        errors.append(np.sqrt(np.mean((model.predict_cells(*np.nonzero(holes)) - truth[holes]) ** 2)))
    assert max(errors) < 0.65
    assert max(errors) < 1.05 * min(errors)


def test_grown_fits_stay_where_there_is_nothing_to_grow_for():
    rng = np.random.default_rng(0)
    rows, columns = np.nonzero(rng.random((200, 100)) < 0.5)
    table = Observations.from_triples(rows, columns, rng.standard_normal(rows.size), shape=(200, 100))
    assert grow(TableCells.of(table), settings_of(table), False, None) is None


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_a_given_rank_is_kept(rank):
    table, _ = planted(12)
    fit = fit_bayesian(table, BayesianSettings(rank=rank), rng=np.random.default_rng(0))
    assert fit.settings.rank == fit.model.rank == rank


@pytest.mark.usefixtures("plain_kernels")
def test_fits_without_biases_grow():
    table, truth = planted(6)
    fit = fit_bayesian(table, BayesianSettings(biases=False), rng=np.random.default_rng(0))
    assert np.sqrt(np.mean((fit.model.matrix() - truth) ** 2)) < 0.3


def test_a_start_is_padded_to_the_rank_of_the_fit():
    table, _ = planted(3)
    chosen = settings_of(table, rank=9)
    grown = grow(TableCells.of(table), chosen, False, None)
    blank = (FeatureMap.of(None, 0),) * 2
    objective = make_objective(grown[0].cells, chosen, blank, (None, None), graded=False)
    start = padded(grown, objective, np.random.default_rng(0))
    rows, _ = objective.sides(start.theta)
    sizes = np.sqrt(np.mean(rows[:, :9].astype(float) ** 2, axis=0))
    count = grown[0].model.rank
    assert 3 <= count < 9
    np.testing.assert_allclose(sizes[count:], np.sqrt(np.mean(sizes[:count] ** 2)), rtol=0.2)


def test_an_interrupt_on_the_way_ends_the_fit(monkeypatch):
    table, _ = planted(6)
    monkeypatch.setattr(
        grown_start, "find_residual_structure", lambda *_, **__: signal.raise_signal(signal.SIGINT)
    )
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            ll.MatrixCompletion(method="variational", certify=False).fit(table)
    finally:
        signal.signal(signal.SIGINT, before)
