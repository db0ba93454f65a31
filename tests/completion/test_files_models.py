"""Models whose arrays fit together but are of no fit are refused when they are read."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import FileFormatError


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(0)
    table = rng.standard_normal((9, 2)) @ rng.standard_normal((2, 6))
    table[2, 3] = np.nan
    for name, settings in {
        "gibbs": {"method": "gibbs", "n_draws": 3},
        "map": {"method": "map", "penalty": 0.1},
    }.items():
        model = ll.MatrixCompletion(rank=2, random_state=0, certify=False, **settings).fit(table)
        model.save(folder / f"{name}.npz")
    return folder


def changed(files, name, array, change):
    with np.load(files / f"{name}.npz") as stored:
        arrays = {key: stored[key] for key in stored.files}
    arrays[array] = arrays[array].copy()
    change(arrays[array])
    np.savez(files / "changed.npz", **arrays)
    return files / "changed.npz"


def test_what_is_not_changed_is_read(files):
    for name, array in (("gibbs", "array_range"), ("map", "array_row_factors")):
        found = ll.MatrixCompletion.load(changed(files, name, array, lambda own: None))
        assert np.isfinite(found.predict_table()).all()


@pytest.mark.parametrize(
    ("name", "array", "number", "words"),
    [
        ("gibbs", "array_range", -np.inf, "its range"),
        ("gibbs", "array_range", np.inf, "its range"),
        ("gibbs", "array_row_draws", 1e308, "overflow"),
        ("gibbs", "array_column_means", 1e308, "overflow"),
        ("gibbs", "array_column_coefficients", -1e308, "overflow"),
        ("gibbs", "array_spreads", 1e308, "overflow"),
        ("map", "array_row_factors", 1e308, "overflow"),
    ],
)
def test_predictions_of_a_damaged_model_are_finite_or_refused(files, name, array, number, words):
    path = changed(files, name, array, lambda own: own.fill(number))
    with pytest.raises(FileFormatError, match=words):
        ll.MatrixCompletion.load(path)
