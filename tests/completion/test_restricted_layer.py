"""Columns that are predicted from some of the others alone."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import lowland as ll
from lowland.completion.restricted.layer import RestrictedLayer
from lowland.core.errors import FileFormatError, InvalidInputError, UnsupportedError
from lowland.files.bundle import save_bundle
from saved_models import contents

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
FAST = {"random_state": 0, "certify": False, "powers": False, "n_draws": 20, "may_be_negative": True}
PREDICTORS = {0: [1, 2], 3: []}


def table(m=70):
    rng = np.random.default_rng(4)
    full = rng.standard_normal((m, 1)) * [1, 2, 1, 1, 1] + 0.6 * rng.standard_normal((m, 5)) + [0, 9, 0, 3, 0]
    full[rng.random(full.shape) < 0.2] = np.nan
    full[2] = [np.nan, 10.0, 1.0, np.nan, 2.0]
    return full


@pytest.fixture(scope="module")
def fits():
    settings = {**FAST, "refine": False}
    free = ll.MatrixCompletion(**settings, method="gaussian").fit(table())
    return free, ll.MatrixCompletion(**settings, predictors=PREDICTORS).fit(table())


def naive(model, row, column, known):
    """Return mean and standard deviation of a cell given known ones, in the unit of the table."""
    inner = model._completed.model
    inner = inner.base if isinstance(inner, RestrictedLayer) else inner
    centre, unit = inner.scaling.centres, inner.scaling.spreads
    total = np.linalg.inv(inner.row_prior.precision) + np.diag(1 / inner.column_precisions)
    mean = inner.row_prior.coefficients[0]
    scaled = (row - centre) / unit
    slopes = np.linalg.solve(total[np.ix_(known, known)], total[known, column])
    left = total[column, column] - total[column, known] @ slopes
    return centre[column] + unit[column] * (mean[column] + slopes @ (scaled - mean)[known]), unit[
        column
    ] * left**0.5


def test_a_cell_is_predicted_from_its_predictors_alone(fits):
    free, model = fits
    assert model.method_ == "gaussian"
    row = table()[2]
    low, high = model.predict_interval([2, 2], [0, 3], 0.9)
    for k, (column, known) in enumerate(((0, [1, 2]), (3, []))):
        mean, spread = naive(model, row, column, known)
        assert model.predict_cells([2], [column])[0] == pytest.approx(mean)
        assert high[k] - mean == pytest.approx(1.6448536 * spread)
        assert mean - low[k] == pytest.approx(1.6448536 * spread)
    # columns that others do not inform any less are as they were
    np.testing.assert_array_equal(model.predict_table()[:, [1, 2, 4]], free.predict_table()[:, [1, 2, 4]])
    assert (
        np.abs(model.predict_table()[:, 0] - free.predict_table()[:, 0])[np.isnan(table()[:, 0])].max() > 0.05
    )


def test_what_may_not_inform_does_not(fits):
    _, model = fits
    rows = np.repeat(table()[2][None], 3, axis=0)
    rows[1, 4], rows[2, 1] = -50.0, 5.0
    filled = model.transform(rows)
    assert filled[0, 0] == filled[1, 0] != filled[2, 0]
    assert len(set(filled[:, 3])) == 1
    mean, _ = naive(model, rows[2], 0, [1, 2])
    assert filled[2, 0] == pytest.approx(mean)
    why = model.explain({1: 5.0, 2: 1.0, 4: 2.0}, 0)
    assert dict(zip(why.columns, why.contributions, strict=True))[4] == 0
    assert why.intercept + why.contributions.sum() == pytest.approx(mean)
    assert why.rest == pytest.approx(0, abs=1e-9)


def test_draws_are_moved_and_stay_joint(fits):
    free, model = fits
    cells = np.full(5, 2), np.arange(5)
    # more than are kept: draws anew
    drawn, without = (one.sample(*cells, 4000, random_state=0) for one in (model, free))
    for column, known in ((0, [1, 2]), (3, [])):
        mean, spread = naive(model, table()[2], column, known)
        assert drawn[:, column].mean() == pytest.approx(mean, abs=5 * spread / 4000**0.5)
        assert drawn[:, column].std() == pytest.approx(spread, rel=0.05)
    np.testing.assert_allclose(np.corrcoef(drawn.T), np.corrcoef(without.T), atol=1e-6)
    for X in (None, table()[:6]):
        assert np.isfinite(model.completions(2, X, random_state=0)).all()


def test_all_may_inform_is_no_restriction():
    every = np.ones((5, 5), bool)
    np.fill_diagonal(every, False)
    model = ll.MatrixCompletion(**FAST, refine=False, predictors=every).fit(table())
    assert not isinstance(model._completed.model, RestrictedLayer)
    assert model.method_ == "gaussian"


def test_words_and_names_are_restricted_too_and_kept_in_files(tmp_path, rng):
    size = rng.standard_normal(120)
    frame = pd.DataFrame({"size": size, "noise": rng.standard_normal(120)})
    frame["kind"] = np.where(size + 0.3 * rng.standard_normal(120) > 0, "big", "small")
    frame["height"] = 2 * size + 0.3 * rng.standard_normal(120)
    for name in frame:
        frame.loc[rng.random(120) < 0.15, name] = None
    predictors = {"kind": ["noise"], "size": ["kind"]}
    model = ll.MatrixCompletion(**FAST, predictors=predictors, bounds={"size": (-9, 9)}).fit(frame)
    new = pd.DataFrame(
        {"size": [3.0, -3.0, None], "noise": 0.1, "kind": [None, None, "big"], "height": [6.0, -6.0, -6.0]}
    )
    shares = model.level_probabilities([0, 1], "kind", X=new)
    np.testing.assert_allclose(shares[0], shares[1])  # noise alone is looked at
    assert model.fill(new)["size"][2] > 0  # although it is not high
    path = tmp_path / "model.npz"
    model.save(path)
    again = ll.MatrixCompletion.load(path)
    assert again.predictors == {"kind": ("noise",), "size": ("kind",)}
    assert clone(model).predictors == predictors
    assert again.fill(new).equals(model.fill(new))
    np.testing.assert_array_equal(again.predict_table(), model.predict_table())
    np.testing.assert_array_equal(again.fit(frame).predict_table(), model.predict_table())
    header, arrays = contents(model, tmp_path)
    for name, wrong in (("allowed", np.zeros((5, 5), bool)), ("errors", -arrays["restricted_errors"] - 1)):
        save_bundle(tmp_path / "bad.npz", "model", header, {**arrays, f"restricted_{name}": wrong})
        with pytest.raises(FileFormatError):
            ll.MatrixCompletion.load(tmp_path / "bad.npz")


def test_a_matrix_is_kept_in_files(tmp_path):
    allowed = np.eye(5, k=1, dtype=bool)
    model = ll.MatrixCompletion(**FAST, predictors=allowed).fit(table())
    model.save(tmp_path / "model.npz")
    again = ll.MatrixCompletion.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.predictors, allowed)
    np.testing.assert_array_equal(again.fit(table()).predict_table(), model.predict_table())


@pytest.mark.parametrize(
    ("predictors", "words"),
    [
        ({0: [7]}, "column"),
        ({9: [1]}, "column"),
        ({0: "1"}, "a list of columns"),
        ({0: 1}, "a list of columns"),
        (np.ones((2, 5), bool), "matrix of truth values"),
        (np.ones((5, 5)), "float64"),
    ],
)
def test_refusals(predictors, words):
    with pytest.raises(InvalidInputError, match=words):
        ll.MatrixCompletion(**FAST, predictors=predictors).fit(table())


def test_methods_that_cannot_are_refused():
    for method in ("variational", "map"):
        with pytest.raises(UnsupportedError, match="need the covariance"):
            ll.MatrixCompletion(method=method, predictors=PREDICTORS).fit(table())
    with pytest.raises(UnsupportedError, match="forests predict from all columns"):
        ll.MatrixCompletion(**FAST, refine=True, predictors=PREDICTORS).fit(table())
    with pytest.raises(InvalidInputError, match='not used by method "gaussian"'):
        ll.MatrixCompletion(penalty=1.0, predictors=PREDICTORS).fit(table())
