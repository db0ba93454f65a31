"""Cells of tensors are held out as cells are missing, and intervals are calibrated on cells of their own."""

import numpy as np
import pytest

import lowland as ll
from lowland.tensors.cells.held_out import hold_out
from lowland.tensors.filling import candidates
from lowland.tensors.filling import completion as cp_completion
from lowland.tensors.filling import sampling as cp_sampling
from lowland.trials import tensor_masks
from lowland.trials.choices import MODE_ORDERS

SHAPE = (14, 12, 9)


def cells_of(missing, seed=0):
    table = np.random.default_rng(seed).standard_normal(SHAPE)
    table[missing] = np.nan
    return ll.TensorObservations.from_array(table)


def whole_fibres(data, held, mode):
    """The share of held-out cells that lie in fibres of which no cell is left."""
    left = np.zeros(SHAPE, bool)
    left[tuple(held.part.all_positions().T)] = True
    empty = ~left.any(axis=mode, keepdims=True) & np.ones(SHAPE, bool)
    return empty[tuple(held.positions.T)].mean()


@pytest.mark.parametrize("mode", [0, 1, 2])
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_fibres_are_hidden_where_fibres_are_missing(mode, share):
    rng = np.random.default_rng(3)
    gaps = np.moveaxis(np.zeros(SHAPE, bool), mode, -1)
    gaps[rng.random(gaps.shape[:-1]) < share] = True
    data = cells_of(np.moveaxis(gaps, -1, mode))
    held = hold_out(data, MODE_ORDERS.hides, (), rng)
    assert whole_fibres(data, held, mode) > 0.9
    assert 0.08 < held.values.size / data.size < 0.14
    assert all((counts > 0).all() for counts in held.part.slice_counts())


def test_parts_that_are_missing_at_random_are_hidden_so():
    rng = np.random.default_rng(4)
    gaps = np.repeat(rng.random((*SHAPE[:2], 1)) < 0.15, SHAPE[2], axis=2)
    gaps |= rng.random(SHAPE) < 0.15
    data = cells_of(gaps)
    held = hold_out(data, MODE_ORDERS.hides, (), rng)
    assert 0.25 < whole_fibres(data, held, 2) < 0.8


@pytest.mark.parametrize("share", [0.0, 0.3, 0.85])
def test_cells_missing_at_random_are_no_fibres(share):
    """Where most are missing, whole fibres are missing by chance."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        data = cells_of(rng.random(SHAPE) < share, seed)
        held = hold_out(data, MODE_ORDERS.hides, (), rng)
        assert held.values.size <= int(0.1 * data.size)
        assert whole_fibres(data, held, 2) < 0.5


def test_slices_that_are_missing_are_no_missing_fibres():
    """A lost day is a fibre of every sensor, which an order predicts; beside it single cells are hidden."""
    rng = np.random.default_rng(5)
    gaps = rng.random(SHAPE) < 0.2
    gaps[:, [3, 8]] = True
    data = ll.TensorObservations.from_array(
        np.where(gaps, np.nan, rng.standard_normal(SHAPE)), empty_slices=True
    )
    held = hold_out(data, MODE_ORDERS.hides, [1], rng)
    single = held.slices < 0
    counts = np.zeros(SHAPE[1])
    np.add.at(counts, held.positions[single, 1], 1)
    assert single.sum() > 40
    _, share = tensor_masks._missing_fibres(data.all_positions(), data.slice_counts())
    assert share < tensor_masks.LEAST_SHARE


def test_large_tensors_are_not_searched(monkeypatch):
    monkeypatch.setattr(tensor_masks, "LARGEST_SEARCHED", 10)
    gaps = np.zeros(SHAPE, bool)
    gaps[np.random.default_rng(0).random(SHAPE[:2]) < 0.3] = True
    data = cells_of(gaps)
    assert whole_fibres(data, hold_out(data, MODE_ORDERS.hides, (), np.random.default_rng(0)), 2) < 0.5


def test_intervals_are_calibrated_on_cells_that_had_no_part_in_the_choice(monkeypatch):
    """Of many ranks the best is lucky on the cells that chose it."""
    seen = []

    def recorded(data, hides, ordered, rng, **settings):
        seen.append(hold_out(data, hides, ordered, rng, **settings))
        return seen[-1]

    monkeypatch.setattr(cp_completion, "hold_out", recorded)
    monkeypatch.setattr(candidates, "COMPARED", (20, 20))
    monkeypatch.setattr(cp_sampling, "LEAST_SQUARES_SWEEPS", 10)
    rng = np.random.default_rng(6)
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((n, 2)) for n in SHAPE))
    noisy = np.where(rng.random(SHAPE) < 0.7, truth + 0.3 * rng.standard_normal(SHAPE), np.nan)
    found = ll.complete_tensor(noisy, 2, model="cp", burn_in=10, n_draws=10, rng=0)
    assert len(seen) == 4  # ranks, noise, and two that calibrate
    assert found.held_out_count == seen[2].values.size + seen[3].values.size
    # about the noise, and close to what predictions of these cells by the rest are off by
    assert 0.25 < found.held_out_error < 0.5
    assert f"{found.held_out_count} held-out cells {found.held_out_error:.3g}" in str(found)
    # the errors are those of all of these cells: about normal
    assert 0.4 < np.mean(found.calibration.scores < 0.6745) < 0.6


def test_a_cell_that_can_be_spared_is_found():
    """Nearly every cell is the only one of a slice; which is drawn was a matter of luck."""
    table = np.full((6, 6, 6), np.nan)
    table[range(6), range(6), range(6)] = 1.0
    table[0, 1, 2] = 2.0
    data = ll.TensorObservations.from_array(table)
    for seed in range(20):
        held = hold_out(data, MODE_ORDERS.hides, (), np.random.default_rng(seed))
        assert held.positions.tolist() == [[0, 1, 2]]
