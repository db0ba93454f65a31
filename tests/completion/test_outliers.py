"""The sparse part of a robust fit: planted outliers are found, and nothing else."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import UnsupportedError


@pytest.fixture(scope="module")
def planted():
    rng = np.random.default_rng(0)
    table = rng.standard_normal((50, 2)) @ rng.standard_normal((2, 30)) + 0.02 * rng.standard_normal((50, 30))
    seen = rng.random(table.shape) < 0.8
    at = np.flatnonzero(seen.ravel())[rng.choice(seen.sum(), 40, replace=False)]
    spikes = np.zeros(table.size)
    spikes[at] = rng.choice([-1, 1], 40) * rng.uniform(8, 15, 40)
    spikes = spikes.reshape(table.shape)
    model = ll.MatrixCompletion(loss="huber", rank=2, penalty=0.1, certify=False, random_state=0)
    return model.fit(np.where(seen, table + spikes, np.nan)), spikes


def test_planted_outliers_are_the_sparse_part(planted):
    model, spikes = planted
    found = model.outliers().toarray()
    assert found.shape == spikes.shape
    large = np.abs(found) > 4
    np.testing.assert_array_equal(large, spikes != 0)
    assert (np.sign(found[large]) == np.sign(spikes[large])).all()
    # reduced by the threshold, which is the same for all cells of all columns
    removed = np.abs(spikes[large]) - np.abs(found[large])
    assert 0 < removed.mean() < 0.3
    assert np.abs(removed).max() < 0.5


def test_outliers_need_a_robust_fit_and_its_data(planted, tmp_path):
    model, _ = planted
    table = np.arange(30.0).reshape(6, 5)
    squares = ll.MatrixCompletion(rank=1, penalty=1.0, certify=False, random_state=0).fit(table)
    with pytest.raises(UnsupportedError, match="outliers need the Huber loss"):
        squares.outliers()
    model.save(tmp_path / "model.npz")
    loaded = ll.MatrixCompletion.load(tmp_path / "model.npz").outliers()
    assert abs(loaded - model.outliers()).max() == 0
    model.save(tmp_path / "model.npz", data=False)
    with pytest.raises(UnsupportedError, match="fitted data are needed for outliers"):
        ll.MatrixCompletion.load(tmp_path / "model.npz").outliers()
