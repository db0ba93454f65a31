"""Tables of a tensor's cells are blended with CP where held-out cells show that it pays, and nowhere else."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.estimators.unfolded_tables import table_predictions
from lowland.tensors import blending, cp_completion
from lowland.tensors.blending import Blend, choose_blend
from lowland.tensors.cp_choice import Compared
from lowland.tensors.held_out_cells import HeldOut

SHAPE = (60, 6, 8)


def stacked(rng, noise=0.1):
    """A tensor of low rank as a table of its first mode by the other two: CP needs up to 18 components."""
    table = rng.standard_normal((SHAPE[0], 3)) @ rng.standard_normal((3, SHAPE[1] * SHAPE[2]))
    return table.reshape(SHAPE), table.reshape(SHAPE) + noise * rng.standard_normal(SHAPE)


def error(found, truth, holes):
    return float(np.sqrt(np.mean((found.tensor() - truth)[np.isnan(holes)] ** 2)))


@pytest.fixture(scope="module")
def blended():
    rng = np.random.default_rng(0)
    truth, noisy = stacked(rng)
    holes = np.where(rng.random(SHAPE) < 0.5, np.nan, noisy)
    holes[3:, 2, 5] = np.nan
    holes[:3, 2, 5] = noisy[:3, 2, 5]
    return (
        truth,
        noisy,
        holes,
        ll.complete_tensor(holes, 4, rng=0),
        ll.complete_tensor(holes, 4, model="cp", rng=0),
    )


def test_a_table_is_blended_where_it_is_better(blended):
    truth, noisy, holes, found, alone = blended
    assert alone.blend is None
    assert found.blend.mode == 0
    assert 0.5 < found.blend.weight <= 1
    assert error(found, truth, holes) < 0.7 * error(alone, truth, holes)
    assert found.held_out_error < 0.9 * found.blend.cp_error == pytest.approx(0.9 * alone.held_out_error)
    assert [mode for mode, _ in found.blend.table_errors] == [0, 1, 2]
    assert min(found.blend.table_errors, key=lambda own: own[1])[0] == 0
    words = str(found)
    assert f"blended with a table, mode 0 by the others, {found.blend.weight:.0%} of each prediction" in words
    assert "blended" not in str(alone)


def test_intervals_and_draws_are_those_of_the_blend(blended):
    truth, noisy, holes, found, alone = blended
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
    # draws of CP, moved: each differs from that of CP alone by the same
    moved = found.completions(3, rng=1) - alone.completions(3, rng=1)
    np.testing.assert_allclose(moved[0], moved[2], atol=1e-9)
    np.testing.assert_allclose(moved[0][np.isnan(holes)], (found.tensor() - alone.tensor())[np.isnan(holes)])
    assert (moved[:, ~np.isnan(holes)] == 0).all()


def test_a_table_of_no_use_changes_no_bit():
    rng = np.random.default_rng(1)
    factors = [rng.standard_normal((length, 2)) for length in (15, 10, 8)]
    truth = np.einsum("ir,jr,kr->ijk", *factors)
    holes = np.where(rng.random(truth.shape) < 0.5, truth + 0.1 * rng.standard_normal(truth.shape), np.nan)
    found, alone = (ll.complete_tensor(holes, 2, model=own, rng=0) for own in ("auto", "cp"))
    assert found.blend is None
    np.testing.assert_array_equal(found.tensor(), alone.tensor())
    np.testing.assert_array_equal(found.calibration.scores, alone.calibration.scores)


def judged_by(rng, misses, weights=None):
    """CP whose predictions of cells of zeros are too large by what is given."""
    at = np.stack(np.unravel_index(rng.choice(2000, misses.size, replace=False), (20, 10, 10)), axis=1)
    part = ll.TensorObservations.from_array(np.zeros((20, 10, 10)))
    held = HeldOut(part, at.astype(np.int64), np.zeros(misses.size), np.full(misses.size, -1), weights)
    return Compared(2, False, None, held, misses, np.ones(misses.size), np.zeros(1))


def choice(rng, noise, weights=None):
    """What is chosen if the table of mode 1 errs by this noise, and those of other modes wildly."""
    judged = [judged_by(rng, rng.standard_normal(300), weights) for _ in range(2)]

    def unfolded(part, mode, own):
        size = noise if mode == 1 else 10.0
        return size * np.random.default_rng([mode, 5]).standard_normal(part.shape)

    return choose_blend(judged, unfolded, rng), judged


def test_the_weight_is_that_of_least_squares(rng):
    """Two predictions with independent errors of sizes 1 and s: the table's share is 1 / (1 + s^2)."""
    for noise in (0.5, 1.0, 2.0):
        (blend, shifts), judged = choice(rng, noise)
        assert blend.mode == 1
        assert blend.weight == pytest.approx(1 / (1 + noise**2), abs=0.1)
        after = np.concatenate([own.misses + by for own, by in zip(judged, shifts, strict=True)])
        assert np.std(after) == pytest.approx(noise / np.hypot(1, noise), rel=0.1)


def test_weights_of_cells_count(rng):
    weights = np.where(np.arange(300) < 20, 100.0, 1.0)
    judged = [judged_by(rng, np.where(np.arange(300) < 20, 1.0, -1.0), weights) for _ in range(2)]
    (blend, _) = choose_blend(judged, lambda part, mode, own: np.zeros(part.shape), rng)
    assert blend.weight == pytest.approx(1.0)
    steps = [np.where(np.arange(300) < 20, -1.0, -1.0)] * 2
    assert blending._weight(judged, steps) == pytest.approx((100 * 20 - 280) / (100 * 20 + 280))


def no_gain_by_chance():
    rng = np.random.default_rng(5)
    for _ in range(20):
        judged = [judged_by(rng, 0.01 * rng.standard_normal(30)) for _ in range(2)]
        found = choose_blend(judged, lambda part, mode, own: own.standard_normal(part.shape), rng)
        assert found is None, "useless tables"


def test_useless_tables_are_left_out():
    no_gain_by_chance()


def test_tables_that_need_not_pay_are_found_out(monkeypatch):
    """The mutant: a share that least squares finds by chance is taken for a gain."""
    monkeypatch.setattr(blending, "_pays", lambda *_: True)
    monkeypatch.setattr(blending, "GAIN", 0.0)
    with pytest.raises(AssertionError, match="useless"):
        no_gain_by_chance()


def test_tables_know_nothing_of_what_has_no_cell(blended):
    *_, holes, found, alone = blended
    truth = holes.copy()
    truth[:, 2, 5] = np.nan
    part = ll.TensorObservations.from_array(truth)
    for mode in range(3):
        everywhere = table_predictions(part, mode, np.random.default_rng(0))
        assert everywhere.shape == SHAPE
        assert np.isnan(everywhere[:, 2, 5]).all() == (mode == 0)
    shifts = Blend(0, 0.5, 1.0, ()).shifts(np.where(np.isnan(truth), np.nan, 2.0), np.zeros(SHAPE))
    assert (shifts[:, 2, 5] == 0).all()
    assert shifts.max() == 1


def test_large_tensors_and_missing_slices_have_no_tables(monkeypatch, rng):
    def fail(*_):
        raise AssertionError("a table was fitted")

    monkeypatch.setattr("lowland.estimators.tensor_completion.table_predictions", fail)
    cube = rng.standard_normal((12, 5, 6))
    cube[0, 0, 0] = np.nan
    brief = {"rng": 0, "burn_in": 2, "n_draws": 2}
    with pytest.raises(AssertionError, match="was fitted"):
        ll.complete_tensor(cube, 1, **brief)
    late = cube.copy()
    late[-1] = np.nan
    assert ll.complete_tensor(late, 1, orders={0: "line"}, **brief).blend is None
    monkeypatch.setattr(cp_completion, "MOST_KNOWN", 100)
    assert ll.complete_tensor(cube, 1, **brief).blend is None


def test_other_models_are_refused():
    with pytest.raises(InvalidInputError, match='model must be "auto" or "cp"'):
        ll.complete_tensor(np.ones((3, 3, 3)), model="tucker")
