"""Features of large patterns: their leading directions stand for all of them."""

import numpy as np
import pytest

import lowland as ll
from lowland.bayes import side_prior
from lowland.bayes.design import MatrixDesign
from lowland.bayes.side_prior import SidePrior
from lowland.cells.sides import TableCells
from lowland.cells.taken import some_rows
from lowland.completion.bayesian import features, pattern_choice, pattern_design, settings, sweeps
from lowland.completion.bayesian.features import FeatureMap
from lowland.completion.bayesian.pattern_design import leading_directions
from lowland.errors import InvalidInputError
from lowland.kernels.systems.moments import Moments

SHAPE = 120, 90


def films(seed=0, shape=SHAPE, taste=1.5, share=0.3):
    """Ratings of films that people choose by their taste."""
    rng = np.random.default_rng(seed)
    m, n = shape
    truth = rng.standard_normal((m, 2)) @ rng.standard_normal((2, n))
    seen = rng.random(shape) < share / (1 + np.exp(-taste * truth))
    rows, columns = np.nonzero(seen)
    stars = np.clip(np.rint(3 + truth[seen] + 0.7 * rng.standard_normal(rows.size)), 1, 5)
    return ll.Observations.from_triples(rows, columns, stars, shape=shape)


@pytest.fixture(scope="module")
def cells():
    return TableCells.of(films())


def pattern_of(cells, side):
    """The dense pattern of a side's lines, each of norm one."""
    known = np.zeros(SHAPE)
    block = cells.sides[0].block
    known[block.lines, block.partners] = 1
    known = known.T if side else known
    return known / np.sqrt(np.maximum(known.sum(axis=1, keepdims=True), 1))


@pytest.mark.parametrize("side", [0, 1])
def test_leading_directions_hold_nearly_what_the_best_do(cells, side):
    dense = pattern_of(cells, side)
    found = leading_directions(cells, side, 12)
    np.testing.assert_allclose(found.T @ found, np.eye(12), atol=1e-5)
    best = np.linalg.svd(dense, compute_uv=False)[:12]
    assert np.sum((dense @ found) ** 2) > 0.95 * np.sum(best**2)
    assert np.linalg.norm(dense @ found[:, 0]) == pytest.approx(best[0], rel=1e-3)


@pytest.mark.parametrize("side", [0, 1])
def test_all_directions_are_the_whole_pattern(cells, side, rng):
    """The prior that is learnt, its energy and its means do not depend on which basis coefficients have."""
    partners = SHAPE[1 - side]
    whole = FeatureMap.of(None, partners)
    held = FeatureMap(
        partners,
        whole.centres,
        whole.spreads,
        directions=np.linalg.qr(rng.standard_normal((partners,) * 2))[0],
    )
    moments = Moments(rng.standard_normal((SHAPE[side], 3)), 0.1 + np.zeros((SHAPE[side], 6)))
    priors = [SidePrior(one.design(cells, side, None), 3, 0.5, np.dtype(float)) for one in (whole, held)]
    (precision, coefficients, energy), (again, few, same) = (prior.fit(moments) for prior in priors)
    np.testing.assert_allclose(again, precision, rtol=1e-8)
    assert same == pytest.approx(energy, rel=1e-8)
    mapping, spread = held.spread_out(few)
    assert mapping.directions is None
    np.testing.assert_allclose(spread, coefficients, atol=1e-8)
    assert priors[0].degrees == pytest.approx(priors[1].degrees)


def test_a_fit_by_leading_directions_predicts_alike_and_is_saved(monkeypatch, tmp_path):
    table, rng = films(1, (500, 200), share=0.15), np.random.default_rng(0)
    out = rng.random(table.size) < 0.2
    at = table.rows[out], table.columns[out]

    def fit(**options):
        model = ll.MatrixCompletion(
            method="variational", rank=3, certify=False, random_state=0, refine=False, **options
        ).fit(table.select(~out))
        return model, np.sqrt(np.mean((model.predict_cells(*at) - table.values[out]) ** 2))

    (_, without), (_, whole) = fit(pattern=False), fit(pattern=True)
    monkeypatch.setattr(features, "WIDEST_PATTERN", 50)
    monkeypatch.setattr(pattern_design, "MOST_DIRECTIONS", 40)
    model, leading = fit(pattern=True)
    assert whole < 0.985 * without
    assert leading < 0.3 * without + 0.7 * whole
    model.save(tmp_path / "m.npz")
    read = ll.MatrixCompletion.load(tmp_path / "m.npz")
    rows = np.full((2, 200), np.nan)
    rows[0, [3, 70, 120]], rows[1, [8, 9]] = (5, 1, 4), (2, 3)
    np.testing.assert_array_equal(read.transform(rows), model.transform(rows))
    assert len(read._completed.model.row_prior.coefficients) == 201
    monkeypatch.setattr(features, "WIDEST_PATTERN", 6_000)
    np.testing.assert_allclose(read.transform(rows), model.transform(rows))


def test_some_rows_keep_their_cells_and_others_none(cells):
    some = some_rows(cells, 0.4)
    counts, all_counts = some.sides[0].counts, cells.sides[0].counts
    kept = counts > 0
    np.testing.assert_array_equal(counts[kept], all_counts[kept])
    assert 0.2 < kept.mean() < 0.6
    assert some.size == counts.sum() == some.sides[1].counts.sum()
    np.testing.assert_array_equal(
        some.gathered(1, np.arange(120.0)[:, None]),
        (pattern_of(cells, 0) > 0).T @ (kept * np.arange(120.0))[:, None],
    )


@pytest.mark.parametrize(("taste", "wanted"), [(2.0, True), (0.0, False)])
def test_large_tables_look_at_some_rows(taste, wanted, monkeypatch):
    for module in (pattern_choice, sweeps):
        monkeypatch.setattr(module, "MOST_CALIBRATED", 4_000)
    monkeypatch.setattr(settings, "MOST_CALIBRATED", 4_000)
    monkeypatch.setattr(pattern_choice, "LOOKED_AT", 6_000)
    monkeypatch.setattr(features, "WIDEST_PATTERN", 50)
    seen, error = [], pattern_choice._error

    def listened(scaled, *others):
        seen.append(scaled.size)
        return error(scaled, *others)

    monkeypatch.setattr(pattern_choice, "_error", listened)
    table = films(2, (400, 300), taste)
    model = ll.MatrixCompletion(method="variational", rank=3, certify=False, random_state=0, refine=False)
    model.fit(table)
    assert bool(model._completed.model.row_prior.mapping.partners) is wanted
    assert 3_000 < max(seen) < 9_000 < table.size


def test_too_many_features_of_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(side_prior, "LARGEST_GRAM", 20)
    with pytest.raises(InvalidInputError, match="too many features and rows"):
        SidePrior(MatrixDesign(30, np.zeros((30, 25))), 2, 0.5, np.dtype(float))
