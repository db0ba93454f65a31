"""Tables of a tensor's cells are blended with CP where held-out cells show that it pays, and nowhere else."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.estimators.tensors import unfolded_tables
from lowland.estimators.tensors.unfolded_tables import table_values
from lowland.tensors.cells.held_out import HeldOut
from lowland.tensors.filling import blending, candidates
from lowland.tensors.filling import choice as cp_choice
from lowland.tensors.filling import completion as cp_completion
from lowland.tensors.filling import sampling as cp_sampling
from lowland.tensors.filling.blending import Blend, TablesBeside, TableValues, choose_blend
from lowland.tensors.filling.candidates import Candidate
from lowland.trials.choices import BLENDS
from lowland.trials.gains import Rule

SHAPE = (60, 6, 8)


def stacked(rng, noise=0.1):
    """A tensor of low rank as a table of its first mode by the other two: CP needs up to 18 components."""
    table = rng.standard_normal((SHAPE[0], 3)) @ rng.standard_normal((3, SHAPE[1] * SHAPE[2]))
    return table.reshape(SHAPE), table.reshape(SHAPE) + noise * rng.standard_normal(SHAPE)


def error(found, truth, holes):
    return float(np.sqrt(np.mean((found.tensor() - truth)[np.isnan(holes)] ** 2)))


def few_sweeps(patch, sweeps):
    """Comparisons take a few sweeps, where it does not matter how well they choose; noise is not compared."""
    patch.setattr(candidates, "COMPARED", sweeps)
    patch.setattr(cp_choice, "ENOUGH", np.inf)
    patch.setattr(cp_sampling, "LEAST_SQUARES_SWEEPS", 5)


def brief_tables(patch):
    """Tables have a given rank, where it does not matter how well theirs is chosen."""
    patch.setattr(unfolded_tables, "MatrixCompletion", partial(ll.MatrixCompletion, rank=3))


@pytest.fixture(scope="module")
def blended():
    rng = np.random.default_rng(0)
    truth, noisy = stacked(rng)
    holes = np.where(rng.random(SHAPE) < 0.5, np.nan, noisy)
    holes[3:, 2, 5] = np.nan
    holes[:3, 2, 5] = noisy[:3, 2, 5]
    with pytest.MonkeyPatch.context() as patch:
        few_sweeps(patch, (6, 6))
        brief_tables(patch)
        fits = (ll.complete_tensor(holes, 4, model=own, burn_in=10, rng=0) for own in ("auto", "cp"))
        return truth, noisy, holes, *fits


def test_a_table_is_blended_where_it_is_better(blended):
    truth, _, holes, found, alone = blended
    assert alone.blend is None
    assert found.blend.mode == 0
    assert 0.5 < found.blend.weight <= 1
    assert error(found, truth, holes) < 0.7 * error(alone, truth, holes)
    assert found.held_out_error < 0.9 * found.blend.cp_error
    assert found.blend.cp_error == pytest.approx(alone.held_out_error)
    assert [mode for mode, _ in found.blend.table_errors] == [0, 1, 2]
    assert min(found.blend.table_errors, key=lambda own: own[1])[0] == 0
    words = f"blended with a table (mode 0 by the others), whose share is {found.blend.weight:.0%}; error"
    assert words in str(found)
    assert "blended" not in str(alone)


def test_intervals_and_draws_are_those_of_the_blend(blended):
    _, noisy, holes, found, alone = blended
    missing = np.argwhere(np.isnan(holes))
    hidden = noisy[np.isnan(holes)]
    for level in (0.5, 0.9):
        lower, upper = found.interval(missing, level)
        np.testing.assert_allclose((lower + upper) / 2, found.predict(missing))
        # 288 held-out cells calibrate them
        assert abs(np.mean((lower <= hidden) & (hidden <= upper)) - level) < 0.1
    before = alone.interval(missing)
    assert np.mean(upper - lower) < np.mean(before[1] - before[0])
    np.testing.assert_allclose(found.predict(missing), found.tensor()[np.isnan(holes)])
    # draws of CP, moved and narrowed: as far from the predictions as what is hidden
    drawn = found.completions(100, rng=1)
    np.testing.assert_array_equal(drawn[0][~np.isnan(holes)], holes[~np.isnan(holes)])
    told = np.isnan(holes) & ~np.isnan(found.table.means)
    away = (drawn - found.tensor())[:, told]
    assert np.abs(away.mean(axis=0)).mean() < 0.2 * away.std()
    central = [np.quantile(np.abs(own), 0.68) for own in (away, (noisy - found.tensor())[told])]
    assert central[0] == pytest.approx(central[1], rel=0.15)
    assert away.std() < 0.5 * np.std((alone.completions(100, rng=1) - alone.tensor())[:, told])


def test_a_table_of_no_use_changes_no_bit(monkeypatch):
    few_sweeps(monkeypatch, (5, 5))
    brief_tables(monkeypatch)
    rng = np.random.default_rng(1)
    factors = [rng.standard_normal((length, 2)) for length in (15, 10, 8)]
    truth = np.einsum("ir,jr,kr->ijk", *factors)
    holes = np.where(rng.random(truth.shape) < 0.5, truth + 0.1 * rng.standard_normal(truth.shape), np.nan)
    brief = {"burn_in": 5, "n_draws": 5, "rng": 0}
    found, alone = (ll.complete_tensor(holes, 2, model=own, **brief) for own in ("auto", "cp"))
    assert found.blend is None
    assert found.no_table == "they do not surely lower errors on held-out cells"
    np.testing.assert_array_equal(found.tensor(), alone.tensor())
    np.testing.assert_array_equal(found.calibration.scores, alone.calibration.scores)


def known(means, size=1.0):
    return TableValues(means, np.full(means.shape, size))


def judged_by(rng, misses, weights=None):
    """CP whose predictions of cells of zeros are too large by what is given."""
    at = np.stack(np.unravel_index(rng.choice(2000, misses.size, replace=False), (20, 10, 10)), axis=1)
    part = ll.TensorObservations.from_array(np.zeros((20, 10, 10)))
    held = HeldOut(part, at.astype(np.int64), np.zeros(misses.size), np.full(misses.size, -1), weights)
    return Candidate(2, False, None, held, misses, np.ones(misses.size), np.zeros(1))


def chosen(judged, unfolded, rng):
    """The blend with the table that the first hold-out shows to be best."""
    beside = TablesBeside.of(judged[0].held, unfolded, rng)
    return choose_blend(beside.best(judged[0])[0], judged, beside.errors(judged[0]), unfolded, rng)


def choice(rng, noise):
    """What is chosen if the table of mode 1 errs by this noise, and those of other modes wildly."""
    judged = [judged_by(rng, rng.standard_normal(300)) for _ in range(2)]

    def unfolded(part, mode, own, *, brief):
        size = noise if mode == 1 else 10.0
        return known(size * np.random.default_rng([mode, 5]).standard_normal(part.shape), size)

    return chosen(judged, unfolded, rng)


def test_the_weight_is_that_of_least_squares(rng):
    """Two predictions with independent errors of sizes 1 and s: the table's share is 1 / (1 + s^2)."""
    for noise in (0.5, 1.0, 2.0):
        blend = choice(rng, noise)
        assert blend.mode == 1
        assert blend.weight == pytest.approx(1 / (1 + noise**2), abs=0.1)
        assert blend.error == pytest.approx(noise / np.hypot(1, noise), rel=0.1)
        assert blend.cp_error == pytest.approx(1.0, rel=0.1)
        assert dict(blend.table_errors)[1] == pytest.approx(noise, rel=0.1)
        assert blend.typical == pytest.approx(blend.weight * noise + 1 - blend.weight)
        assert np.sqrt(np.mean(blend.scores**2)) == pytest.approx(blend.error / blend.typical, rel=0.02)


def test_weights_of_cells_count(rng):
    weights = np.where(np.arange(300) < 20, 100.0, 1.0)
    judged = [judged_by(rng, np.where(np.arange(300) < 20, 1.0, -1.0), weights) for _ in range(2)]
    blend = chosen(judged, lambda part, mode, own, brief: known(np.zeros(part.shape)), rng)
    assert blend.weight == pytest.approx(1.0)
    trials = [blending._Trial(own, known(own.means - 1)) for own in judged]
    assert blending._weight(trials) == pytest.approx((100 * 20 - 280) / (100 * 20 + 280))


def no_gain_by_chance():
    rng = np.random.default_rng(5)
    for _ in range(20):
        for cells in (1, 2, 5, 30):
            judged = [judged_by(rng, rng.standard_normal(cells)) for _ in range(2)]
            table = 5 * rng.standard_normal((20, 10, 10))
            assert chosen(judged, lambda *_, brief, own=table: known(own), rng) is None, "useless tables"


def test_useless_tables_are_left_out():
    no_gain_by_chance()


def test_tables_that_need_not_pay_are_found_out(monkeypatch):
    """The mutant: a share that least squares finds by chance is taken for a gain."""
    monkeypatch.setattr(blending, "BLENDS", replace(BLENDS, rules=(Rule(),)))
    monkeypatch.setattr(blending, "ENOUGH", 0)
    with pytest.raises(AssertionError, match="useless"):
        no_gain_by_chance()


@pytest.mark.usefixtures("plain_kernels")
def test_tables_know_nothing_of_what_has_no_cell(blended, monkeypatch):
    brief_tables(monkeypatch)
    holes = blended[2]
    some = holes.copy()
    some[:, 2, 5] = np.nan
    part = ll.TensorObservations.from_array(some)
    for mode in range(3):
        table = table_values(part, mode, np.random.default_rng(0))
        for values in table:
            assert values.shape == SHAPE
            assert np.isnan(values[:, 2, 5]).all() == (mode == 0)
        assert (np.nanmin(table.spreads) > 0) or mode
    blend, zero = Blend(0, 0.5, 1.0, 1.0, np.ones(9), 5.0, ()), np.zeros(SHAPE)
    table = TableValues(*(np.where(np.isnan(some), np.nan, own) for own in (2.0, 4.0)))
    assert (blend.shifts(table, zero)[:, 2, 5] == 0).all()
    assert blend.shifts(table, zero).max() == 1
    spreads = blend.spreads(table, zero + 1, np.ones(SHAPE, bool))
    assert np.isnan(spreads[:, 2, 5]).all()
    assert np.nanmax(spreads) == np.nanmin(spreads) == 5, "as wide as those of the fits that were judged"
    wider = Blend(0, 0.5, 1.0, 1.0, np.ones(9), 1.0, ())
    assert np.nanmax(wider.spreads(table, zero + 1, np.ones(SHAPE, bool))) == 2.5


def test_where_the_table_says_nothing_cp_is_alone(blended, monkeypatch):
    truth, _, holes, *_ = blended
    some = holes.copy()
    some[:, 2, 5] = np.nan
    told = np.where(np.arange(SHAPE[1] * SHAPE[2]).reshape(SHAPE[1:]) == 2 * SHAPE[2] + 5, np.nan, truth)
    monkeypatch.setattr(
        "lowland.estimators.tensors.tensor_completion.table_values",
        lambda *_, **how: TableValues(told, 0 * told + 0.1),
    )
    few_sweeps(monkeypatch, (2, 3))
    brief = {"burn_in": 5, "n_draws": 20, "rng": 0}
    found, alone = (ll.complete_tensor(some, 4, model=own, **brief) for own in ("auto", "cp"))
    assert found.blend.mode == 0
    cells = np.array([[k, 2, 5] for k in range(SHAPE[0])])
    np.testing.assert_array_equal(found.predict(cells), alone.predict(cells))
    np.testing.assert_array_equal(found.interval(cells), alone.interval(cells))
    drawn = [own.completions(2, rng=3)[:, :, 2, 5] for own in (found, alone)]
    np.testing.assert_allclose(*drawn)


@pytest.mark.slow
def test_intervals_of_a_blend_hold_what_they_say():
    """The fits that calibrate know a tenth less, and state more than a tenth more."""
    rng, shape = np.random.default_rng(2), (150, 8, 9)
    table = rng.standard_normal((shape[0], 14)) @ rng.standard_normal((14, shape[1] * shape[2]))
    noisy = table.reshape(shape) + 0.1 * rng.standard_normal(shape)
    holes = np.where(rng.random(shape) < 0.3, np.nan, noisy)
    found = ll.complete_tensor(holes, 32, rng=0)
    assert found.blend.weight > 0.8
    hidden = np.isnan(holes)
    lower, upper = found.interval(np.argwhere(hidden), 0.9)
    assert 0.88 < np.mean((lower <= noisy[hidden]) & (noisy[hidden] <= upper)) < 0.97


def test_generators_that_cannot_spawn_draw_the_same(blended, monkeypatch):
    def drawn(part, mode, own, *, brief):
        return known(own.standard_normal(part.shape))

    monkeypatch.setattr("lowland.estimators.tensors.tensor_completion.table_values", drawn)
    few_sweeps(monkeypatch, (2, 3))
    holes = blended[2][:20]
    found = [
        ll.complete_tensor(
            holes,
            1,
            model=own,
            rng=np.random.Generator(np.random.RandomState(3)._bit_generator),
            burn_in=5,
            n_draws=5,
        )
        for own in ("auto", "cp")
    ]
    np.testing.assert_array_equal(found[0].draws[-1][0], found[1].draws[-1][0])


def test_rounding_is_not_improved_and_sparse_cubes_are_cp(monkeypatch):
    few_sweeps(monkeypatch, (4, 4))
    constant = np.full((20, 10, 8), 5.0)
    constant[np.random.default_rng(0).random(constant.shape) < 0.3] = np.nan
    assert ll.complete_tensor(constant, 1, rng=0).blend is None
    at = np.random.default_rng(0).integers(0, 1500, (4000, 6))
    at = np.unique(np.vstack([at, np.repeat(np.arange(1500)[:, None], 6, axis=1)]), axis=0)
    huge = ll.TensorObservations.from_cells(at, np.ones(len(at)), shape=(1500,) * 6)
    assert cp_completion._why_no_tables(huge).startswith(
        "the tensor has more than 1,000,000 known cells, or 2,0"
    )


def test_large_tensors_and_missing_slices_have_no_tables(monkeypatch, rng):
    def fail(*_, **how):
        raise AssertionError("a table was fitted")

    monkeypatch.setattr("lowland.estimators.tensors.tensor_completion.table_values", fail)
    few_sweeps(monkeypatch, (2, 3))
    cube = rng.standard_normal((12, 5, 6))
    cube[0, 0, 0] = np.nan
    brief = {"rng": 0, "burn_in": 2, "n_draws": 2}
    with pytest.raises(AssertionError, match="was fitted"):
        ll.complete_tensor(cube, 1, **brief)
    late = cube.copy()
    late[-1] = np.nan
    found = ll.complete_tensor(late, 1, orders={0: "line"}, **brief)
    assert found.blend is None
    assert "not blended with a table of the same cells: some slices have no known cell" in str(found)
    monkeypatch.setattr(cp_completion, "MOST_KNOWN", 100)
    found = ll.complete_tensor(cube, 1, **brief)
    assert (found.blend, found.no_table[:30]) == (None, "the tensor has more than 100 k")
    assert not ll.complete_tensor(cube, 1, model="cp", **brief).no_table


def test_other_models_are_refused():
    with pytest.raises(InvalidInputError, match="model is unknown"):
        ll.complete_tensor(np.ones((3, 3, 3)), model="tucker")
