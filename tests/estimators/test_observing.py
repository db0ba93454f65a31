"""The precision of what comes in is that of what comes out, whatever that of the fit."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

import lowland as ll
from lowland.core.errors import InvalidInputError

LIGHT = {"rank": 1, "method": "variational", "refine": False, "powers": False, "pattern": False}
LIGHT |= {"certify": False, "random_state": 0, "max_iter": 5}


@pytest.fixture(scope="module")
def holes():
    rng = np.random.default_rng(0)
    full = np.outer(rng.standard_normal(12), rng.standard_normal(6)) + 0.1 * rng.standard_normal((12, 6))
    return np.where(rng.random(full.shape) < 0.2, np.nan, full)


@pytest.fixture(scope="module", params=["float64", "float32"])
def model(request, holes):
    return ll.MatrixCompletion(**LIGHT, dtype=request.param).fit(holes)


MAKERS = {
    "array": np.asarray,
    "masked": lambda table: np.ma.masked_invalid(table),
    "pandas": pd.DataFrame,
    "sparse": lambda table: csr_array(np.nan_to_num(table)),
    "observations": ll.Observations.from_array,
}


@pytest.mark.covering
@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("make", MAKERS)
def test_what_comes_in_in_single_precision_comes_out_so(model, holes, make, kind):
    table = holes.astype(kind)
    filled = model.transform(MAKERS[make](table))
    assert filled.dtype == kind
    known = ~np.isnan(table)
    np.testing.assert_array_equal(filled[known], table[known])
    if make != "pandas":
        assert model.fill(MAKERS[make](table)).dtype == kind


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_tables_of_predictions_have_the_precision_of_the_fitted_table(holes, kind, tmp_path):
    model = ll.MatrixCompletion(**LIGHT).fit(holes.astype(kind))
    model.save(tmp_path / "model.npz")
    for own in (model, ll.MatrixCompletion.load(tmp_path / "model.npz")):
        assert own.predict_table().dtype == kind
    assert (
        ll.MatrixCompletion(**LIGHT).fit(np.rint(5 * np.nan_to_num(holes)).astype(int)).predict_table().dtype
        == np.float64
    )


def test_whole_numbers_and_halves_come_out_in_double_precision(model, holes):
    assert model.transform(np.ones((2, 6), int)).dtype == np.float64
    assert model.transform(holes.astype(np.float16)).dtype == np.float64


def test_numbers_beyond_the_precision_of_a_fit_are_refused(holes):
    large = np.where(np.isnan(holes), np.nan, 1e45)
    for act in (lambda own: own.fit(large), lambda own: own.fit(holes).transform(large)):
        with pytest.raises(InvalidInputError, match="out of scale"):
            act(ll.MatrixCompletion(**LIGHT, dtype="float32"))
    with pytest.raises(InvalidInputError, match="dtype is unknown"):
        ll.MatrixCompletion(**LIGHT, dtype="float16").fit(holes)
