"""scikit-learn's checks of an estimator whose tables lie on a cluster: arrays are spread over it first."""

import dask.array as da
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.validation import validate_data

from lowland.dask import DaskMatrixCompletion

pytestmark = [
    pytest.mark.usefixtures("client", "no_search_for_a_start"),
    # what the checks do themselves
    pytest.mark.filterwarnings("ignore:X .* feature names:UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


@pytest.fixture
def no_search_for_a_start(monkeypatch):
    """Rounds of tasks take the scheduler much time, and it is not how good fits are that is checked."""
    monkeypatch.setattr("lowland.completion.bayesian.sweeps.grow", lambda *_: None)
    monkeypatch.setattr("lowland.completion.bayesian.sweeps.SETTLING", 1)


class OfArrays(DaskMatrixCompletion):
    """The estimator of arrays in memory, so that the checks reach it. A cluster has no weights."""

    def fit(
        self,
        X,
        y=None,
        row_covariates=None,
        column_covariates=None,
        row_order="auto",
        column_order="auto",
    ):
        checked = validate_data(self, X, dtype=[np.float64], ensure_all_finite="allow-nan")
        names = vars(self).get("feature_names_in_")
        super().fit(da.from_array(checked, chunks=(50, -1)), None, None, row_covariates, column_covariates)
        if names is not None:
            self.feature_names_in_ = names
        return self

    def fit_transform(self, X, y=None, **beside):
        return self.fit(X, y, **beside).transform(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags


PLAIN = {"rank": 1, "method": "variational", "refine": False, "powers": False, "pattern": False}
MODEL = OfArrays(**PLAIN, certify=False, random_state=0, max_iter=2)
CHECKS = [check for _, check in estimator_checks_generator(MODEL, mark=None)]
QUICK = ["check_estimators_pickle", "check_transformer_preserve_dtypes", "check_transformers_unfitted"]
OUTPUT = [
    "check_dataframe_column_names_consistency",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
]


def name_of(check):
    return getattr(check, "func", check).__name__


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(
            check, id=f"{place}-{name_of(check)}", marks=[pytest.mark.slow] * (name_of(check) not in QUICK)
        )
        for place, check in enumerate(CHECKS)
    ],
)
def test_scikit_learn_on_a_cluster(check):
    check(clone(MODEL))


@pytest.mark.parametrize(
    "check", [pytest.param(name, marks=[pytest.mark.slow] * (name != OUTPUT[-2])) for name in OUTPUT]
)
def test_frames_come_out_on_a_cluster(check):
    getattr(estimator_checks, check)("OfArrays", clone(MODEL))
