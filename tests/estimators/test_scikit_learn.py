"""All of scikit-learn's checks on every estimator, none expected to fail, and those that it leaves out."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
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


@pytest.mark.usefixtures("quick_starts")
@parametrize_with_checks(QUICK)
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(DEFAULTS)
def test_scikit_learn_by_default(estimator, check):
    check(estimator)


@pytest.mark.usefixtures("quick_starts")
@pytest.mark.parametrize("check", OUTPUT)
@pytest.mark.parametrize("estimator", QUICK, ids=lambda one: type(one).__name__)
def test_frames_and_names_come_out(estimator, check):
    if isinstance(estimator, TransformerMixin) or "transform" not in check:
        getattr(estimator_checks, check)(type(estimator).__name__, clone(estimator))


def test_every_estimator_is_checked():
    public = {getattr(ll, name) for name in ll.__all__}
    estimators = {one for one in public if isinstance(one, type) and issubclass(one, BaseEstimator)}
    checked = {known for one in QUICK for known in type(one).__mro__}
    assert estimators <= checked
