"""All of scikit-learn's checks on every estimator, none expected to fail, and those that it leaves out."""

import warnings
from functools import partial

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

import lowland as ll

# without what is decided by cells held out, which takes fits of its own
COMPLETION = {"rank": 1, "method": "variational", "refine": False, "powers": False, "pattern": False}
LIGHT = {"certify": False, "random_state": 0}


class OfFirstColumn(ll.StableSplineRegressor):
    """The estimator on the first of many columns, so that scikit-learn's checks reach it."""

    def fit(self, X, y, sample_weight=None):
        X, y = validate_data(self, X, y, y_numeric=True, dtype=np.float64)
        features = self.n_features_in_
        super().fit(X[:, 0], y, sample_weight)
        self.n_features_in_ = features
        return self

    def predict(self, X):
        check_is_fitted(self)
        return super().predict(validate_data(self, X, reset=False, dtype=np.float64)[:, 0])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array, tags.input_tags.two_d_array = False, True
        tags.regressor_tags.poor_score = True  # one column of ten says little
        return tags


QUICK = [
    ll.MatrixCompletion(**COMPLETION, max_iter=5, **LIGHT),
    ll.MatrixSensing(n_restarts=0, **LIGHT),
    ll.TuckerDecomposition(ranks=1, fill="decomposition", max_iter=5, n_restarts=0, **LIGHT),
    ll.AdditiveSplineRegressor(max_knots=1, cv=2, random_state=0),
    OfFirstColumn(max_knots=2, cv=2, random_state=0),
]
DEFAULTS = [
    ll.MatrixCompletion(random_state=0),
    ll.MatrixSensing(random_state=0),
    ll.TuckerDecomposition(random_state=0),
]
# draws of tensors take longer: one check of each sort
DRAWN_TENSOR = ll.TensorCompletion(rank=1, model="cp", burn_in=2, n_draws=3, random_state=0)
FEW = ["check_estimators_pickle", "check_fit2d_1sample", "check_methods_subset_invariance"]
FEW += ["check_set_output_transform_polars"]
# `check_estimator` leaves these out
OUTPUT = [
    "check_dataframe_column_names_consistency",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]
pytestmark = [
    pytest.mark.filterwarnings("ignore::lowland.core.errors.UnderdeterminedWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
    # what the checks do themselves
    pytest.mark.filterwarnings("ignore:X .* feature names:UserWarning"),
]


@pytest.mark.covering
@pytest.mark.usefixtures("quick_starts")
@parametrize_with_checks(QUICK)
def test_scikit_learn(estimator, check):
    check(estimator)


def checks_of_tensors():
    for place, (_, check) in enumerate(estimator_checks_generator(DRAWN_TENSOR, mark=None)):
        name = getattr(check, "func", check).__name__
        yield pytest.param(check, id=f"{place}-{name}", marks=[pytest.mark.slow] * (name not in FEW))
    for name in OUTPUT:
        check = partial(getattr(estimator_checks, name), "TensorCompletion")
        yield pytest.param(check, id=name, marks=[pytest.mark.slow] * (name not in FEW))


@pytest.mark.parametrize("check", list(checks_of_tensors()))
def test_scikit_learn_on_completed_tensors(check, monkeypatch):
    monkeypatch.setattr("lowland.tensors.filling.candidates.COMPARED", (3, 3))
    check(clone(DRAWN_TENSOR))


@pytest.mark.slow
@parametrize_with_checks(DEFAULTS)
def test_scikit_learn_by_default(estimator, check):
    check(estimator)


@pytest.mark.covering
@pytest.mark.usefixtures("quick_starts")
@pytest.mark.parametrize("check", OUTPUT)
@pytest.mark.parametrize("estimator", QUICK, ids=lambda one: type(one).__name__)
def test_frames_and_names_come_out(estimator, check):
    if isinstance(estimator, TransformerMixin) or "transform" not in check:
        getattr(estimator_checks, check)(type(estimator).__name__, clone(estimator))


def test_every_estimator_is_checked():
    public = {getattr(ll, name) for name in ll.__all__}
    estimators = {one for one in public if isinstance(one, type) and issubclass(one, BaseEstimator)}
    checked = {known for one in (*QUICK, DRAWN_TENSOR) for known in type(one).__mro__}
    assert estimators <= checked


# -------------------------------------------------------------------- fits that end early
ROWS = np.add.outer(np.arange(12.0), np.arange(6.0) ** 2) + np.random.default_rng(0).standard_normal((12, 6))
HOLES = np.where(np.random.default_rng(1).random(ROWS.shape) < 0.1, np.nan, ROWS)
DRAWN = {"method": "gaussian", "refine": False, "powers": False, "n_draws": 5}


@pytest.mark.parametrize(
    ("estimator", "ends_early"),
    [
        (ll.MatrixCompletion(**COMPLETION, **LIGHT), False),
        (ll.MatrixCompletion(**COMPLETION, **LIGHT, max_iter=2), True),
        (ll.MatrixCompletion(**DRAWN, **LIGHT), False),
        (ll.MatrixCompletion(**DRAWN, **LIGHT, max_iter=60), False),  # as many as all draws take
        (ll.MatrixCompletion(**DRAWN, **LIGHT, max_iter=30), True),
        (ll.MatrixCompletion(**{**COMPLETION, "method": "gibbs"}, n_draws=3, **LIGHT), False),
        (ll.MatrixCompletion(method="map", rank=1, penalty=1.0, **LIGHT), False),
        (ll.MatrixCompletion(method="map", rank=1, penalty=1.0, **LIGHT, max_iter=1), True),
        (ll.TuckerDecomposition(ranks=1, fill="decomposition", n_restarts=0, **LIGHT), False),
        (ll.TuckerDecomposition(ranks=1, fill="decomposition", max_iter=1, n_restarts=0, **LIGHT), True),
        (ll.MatrixSensing(n_restarts=0, **LIGHT), False),
        (ll.MatrixSensing(shape=(2, 3), n_restarts=0, max_iter=1, **LIGHT), True),
    ],
    ids=str,
)
def test_a_fit_that_ends_early_says_so(estimator, ends_early):
    """Not where all draws that were asked for are made."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ConvergenceWarning)
        clone(estimator).fit(ROWS if isinstance(estimator, ll.MatrixSensing) else HOLES, ROWS[:, 0])
    found = [one for one in told if one.category is ConvergenceWarning]
    assert len(found) == ends_early
    assert all(one.filename == __file__ and "max_iter" in str(one.message) for one in found)
