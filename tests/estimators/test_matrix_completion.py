import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lowland import MatrixCompletion, MatrixSensing, Observations, read_table
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import Verdict
from lowland.datasets import data_path


def test_sensing_recovers_a_matrix_with_fewer_samples_than_features(rng):
    truth = rng.standard_normal((6, 2)) @ rng.standard_normal((2, 7))
    samples = rng.standard_normal((32, 42))
    model = MatrixSensing(shape=(6, 7), rank=2, random_state=0).fit(samples, samples @ truth.ravel())
    np.testing.assert_allclose(model.matrix_, truth, atol=1e-8)
    assert model.score(samples, samples @ truth.ravel()) > 1 - 1e-12
    assert model.rank_ == 2
    assert model.certificate_["globally_optimal"].verdict is Verdict.PROVED
    assert model.attempts_[0].start == "spectral"
    psd = MatrixSensing(shape=(3, 3), structure="psd", random_state=0)
    samples = rng.standard_normal((12, 9))
    psd.fit(samples, samples @ np.ones(9), sample_weight=rng.uniform(1, 2, 12))
    np.testing.assert_allclose(psd.matrix_, np.ones((3, 3)), atol=1e-8)
    with pytest.raises(InvalidInputError, match="2 x 3 for 9 features"):
        MatrixSensing(shape=(2, 3)).fit(samples, samples @ np.ones(9))


# without what is decided by cells held out, which takes fits of its own
ALONE = {"refine": False, "powers": False, "pattern": False, "certify": False, "random_state": 0}
# a fit whose every step is one of the default's, and that takes milliseconds
ONE = {"rank": 1, "method": "variational", **ALONE}
BRIEF = {**ONE, "max_iter": 5}


@pytest.fixture
def table(rng):
    full = rng.standard_normal((30, 3)) @ rng.standard_normal((3, 20)) + 4
    holes = full.copy()
    holes[rng.random(full.shape) < 0.25] = np.nan
    return full, holes


def test_completes_and_keeps_observed_cells(table):
    full, holes = table
    model = MatrixCompletion(rank=3, penalty=0.01, effort="quick", random_state=0).fit(holes)
    filled = model.transform(holes)
    seen = ~np.isnan(holes)
    np.testing.assert_array_equal(filled[seen], holes[seen])
    assert np.sqrt(np.mean((filled - full)[~seen] ** 2)) < 0.1
    assert model.certificate_["stationary"].verdict is Verdict.SUPPORTED
    assert model.score(Observations.from_array(full)) > -0.2
    assert model.rank_ == 3
    assert model.n_iter_ >= 1


def test_known_rows_fold_in_to_their_fitted_factors(table):
    _, holes = table
    model = MatrixCompletion(rank=3, **ALONE).fit(holes)
    rows, columns = np.nonzero(np.isnan(holes))
    np.testing.assert_allclose(
        model.transform(holes)[rows, columns], model.predict_cells(rows, columns), rtol=1e-9
    )


def test_new_rows(table):
    full, holes = table
    model = MatrixCompletion(rank=3, penalty=0.01, certify=False, random_state=0).fit(holes[:25])
    filled = model.transform(holes[25:])
    missing = np.isnan(holes[25:])
    assert np.sqrt(np.mean((filled - full[25:])[missing] ** 2)) < 0.3


def test_empty_rows_and_columns_are_predicted_from_biases(table):
    _, holes = table
    holes[4], holes[:, 7] = np.nan, np.nan
    model = MatrixCompletion(rank=2, penalty=1.0, certify=False, random_state=0).fit(holes)
    filled = model.transform(holes)
    assert np.isfinite(filled).all()
    np.testing.assert_allclose(filled[4], model.offset_ + model.column_biases_, atol=1e-9)


def test_inputs_agree(table):
    _, holes = table
    rows, columns = np.nonzero(~np.isnan(holes))
    sparse = csr_array((holes[rows, columns], (rows, columns)), shape=holes.shape)
    frame = pd.DataFrame(holes, columns=[f"c{j}" for j in range(20)])
    fits = [MatrixCompletion(**ONE).fit(x) for x in (holes, sparse, frame, Observations.from_array(holes))]
    for other in fits[1:]:
        np.testing.assert_allclose(other.row_factors_, fits[0].row_factors_, atol=1e-12)
    assert fits[2].predict_cells([0], ["c3"]) == pytest.approx(fits[0].predict_cells([0], [3]))
    assert fits[2].get_feature_names_out().tolist() == frame.columns.tolist()


def test_stored_zeros_are_observed():
    sparse = csr_array((np.array([0.0, 2.0, 3.0]), ([0, 0, 1], [0, 1, 1])), shape=(2, 2))
    model = MatrixCompletion(rank=1, certify=False, random_state=0).fit(sparse)
    assert model.transform(sparse)[0, 0] == 0.0


def test_labels_from_a_table():
    table = read_table(data_path("fertility"))
    # its years would be looked at as an order
    model = MatrixCompletion(**{**ONE, "rank": 4, "max_iter": 5}).fit(table, column_order=None)
    value = model.predict_cells(["Germany"], ["1990"])
    assert 1.2 < value[0] < 1.7
    with pytest.raises(ValueError, match="no such row"):
        model.predict_cells(["Atlantis"], ["1990"])


def test_works_with_the_rest_of_scikit_learn(table):
    _, holes = table
    model = MatrixCompletion(**{**ONE, "rank": 2})
    assert clone(model).get_params() == model.get_params()
    frame = pd.DataFrame(holes, columns=[f"c{j}" for j in range(20)])
    output = make_pipeline(StandardScaler(), model).set_output(transform="pandas").fit_transform(frame)
    assert output.columns.tolist() == frame.columns.tolist()
    assert not output.isna().any().any()
    again = pickle.loads(pickle.dumps(clone(model).fit(holes)))
    np.testing.assert_array_equal(again.transform(holes), clone(model).fit(holes).transform(holes))
    assert set(GridSearchCV(model, {"rank": [1, 2]}).get_params()["param_grid"]) == {"rank"}


@pytest.mark.parametrize("settings", [ALONE, pytest.param({"random_state": 0}, marks=pytest.mark.slow)])
def test_float32(settings, table):
    _, holes = table
    model = MatrixCompletion(rank=2, dtype="float32", **settings).fit(holes)
    assert model.transform(holes.astype(np.float32)).dtype == np.float32
    filled, known = model.transform(holes), ~np.isnan(holes)
    np.testing.assert_array_equal(filled[known], holes[known])  # in full, whatever the precision of the fit
    assert model.row_factors_.dtype == np.float32


def test_random_state_is_honoured(table):
    _, holes = table
    one, two, other = (
        MatrixCompletion(max_iter=3, **{**ALONE, "random_state": s}).fit(holes).row_factors_
        for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)
    MatrixCompletion(**{**ONE, "random_state": np.random.default_rng(0)}).fit(holes)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rank": 40}, "use 1 <= rank <= 20"),
        ({"rank": "two"}, "rank"),
        ({"penalty": -1.0}, "penalty"),
        ({"method": "als"}, "method is unknown"),
        ({"method": "map", "pattern": True}, "pattern is not used"),
        ({"method": "gibbs", "penalty": 1.0}, "penalty is not used"),
        ({"noise": "rows"}, "noise is unknown"),
        ({"scale": 3}, "scale is unknown"),
        ({"pattern": "yes"}, "pattern must be a boolean"),
        ({"n_draws": 0, "method": "gibbs"}, "n_draws"),
        ({"tol": np.nan}, "tol"),
        ({"dtype": "int8"}, "dtype"),
    ],
)
def test_bad_settings(settings, words, table):
    with pytest.raises(ValueError, match=words):
        MatrixCompletion(**settings).fit(table[1])


def test_bad_tables():
    with pytest.raises(ValueError, match="empty"):
        MatrixCompletion(rank=1).fit(np.full((3, 3), np.nan))
    with pytest.raises(ValueError, match="inf"):
        MatrixCompletion(rank=1).fit(np.array([[1.0, np.inf], [1.0, 2.0]]))
    model = MatrixCompletion(**BRIEF).fit(np.ones((3, 3)))
    with pytest.raises(ValueError, match="equally long"):
        model.predict_cells([0, 1], [0])
    with pytest.raises(ValueError, match="rows must lie between 0 and 2"):
        model.predict_cells([5], [0])
    with pytest.raises(ValueError, match="score compares cells"):
        model.score(Observations.from_array(np.ones((2, 3))))


def test_labelled_observations_are_matched_by_label(rng):
    table = rng.standard_normal((12, 2)) @ rng.standard_normal((2, 6))
    names = np.array([f"c{j}" for j in range(6)])
    model = MatrixCompletion(rank=2, penalty=0.1, certify=False, random_state=0).fit(
        Observations.from_array(table, row_labels=[f"r{i}" for i in range(12)], column_labels=names)
    )
    order = rng.permutation(6)
    turned = Observations.from_array(
        table[:, order], row_labels=[f"r{i}" for i in range(12)], column_labels=names[order]
    )
    assert model.score(turned) == pytest.approx(model.score(Observations.from_array(table)), rel=1e-12)
    part = Observations.from_triples(
        [0, 1], [0, 0], [table[3, 2], table[5, 2]], row_labels=["r3", "r5"], column_labels=["c2"]
    )
    expected = model.predict_cells(["r3", "r5"], ["c2", "c2"])
    assert model.score(part) == pytest.approx(-np.sqrt(np.mean((expected - part.values) ** 2)))
    np.testing.assert_allclose(model.transform(turned), model.transform(table))


def test_masked_arrays_are_missing_where_masked(table):
    full, holes = table
    masked = np.ma.masked_array(full, np.isnan(holes))
    assert Observations.from_array(masked).size == (~np.isnan(holes)).sum()
    expected = MatrixCompletion(**ONE).fit(holes).row_factors_
    np.testing.assert_allclose(MatrixCompletion(**ONE).fit(masked).row_factors_, expected)


@pytest.mark.parametrize("penalty", [0.0, 0.001, pytest.param(0.01, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_small_penalties_do_not_end_in_bad_places(penalty, seed):
    """Sweeps at a small penalty from a random start often do; a shrinking one does not."""
    rng = np.random.default_rng(0)
    full = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 30)) + 3
    holes = np.where(rng.random(full.shape) < 0.5, full, np.nan)
    model = MatrixCompletion(rank=3, penalty=penalty, biases=False, random_state=seed, certify=False).fit(
        holes
    )
    assert np.abs(model.transform(holes) - full).max() < 0.1 + 3 * penalty
