"""Parameters that estimators share: those of a plan, progress that is shown, pickles that lack some."""

import inspect
import pickle
from contextlib import contextmanager

import numpy as np
import pytest

import lowland as ll
from lowland.completion.plan import SETTINGS
from lowland.completion.settings import ValueKind
from lowland.core.running import stage_line
from lowland.dask import DaskMatrixCompletion
from lowland.errors import InvalidInputError
from lowland.estimators import parameters

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

TABLE = np.add.outer(np.arange(8.0), np.arange(6.0))
CUBE = np.einsum("i,j,k->ijk", np.arange(1.0, 5), np.arange(1.0, 4), np.arange(1.0, 6))
SAMPLES = np.random.default_rng(0).standard_normal((30, 6))
FITS = {
    "MatrixCompletion": lambda verbose: ll.MatrixCompletion(
        rank=1, certify=False, verbose=verbose, random_state=0
    ).fit(TABLE),
    "MatrixSensing": lambda verbose: ll.MatrixSensing(n_restarts=0, certify=False, verbose=verbose).fit(
        SAMPLES, SAMPLES[:, 0]
    ),
    "TuckerDecomposition": lambda verbose: ll.TuckerDecomposition(
        ranks=1, n_restarts=0, certify=False, verbose=verbose
    ).fit(CUBE),
    "StableSplineRegressor": lambda verbose: ll.StableSplineRegressor(
        max_knots=1, cv=2, random_state=0, verbose=verbose
    ).fit(np.arange(9.0), np.arange(9.0)),
    "AdditiveSplineRegressor": lambda verbose: ll.AdditiveSplineRegressor(
        max_knots=1, cv=2, random_state=0, verbose=verbose
    ).fit(SAMPLES[:, :2], SAMPLES[:, 0]),
}


@pytest.mark.parametrize("estimator", [ll.MatrixCompletion, DaskMatrixCompletion])
def test_estimators_take_the_settings_of_a_plan(estimator):
    signature = inspect.signature(estimator).parameters
    for setting in SETTINGS:
        if setting.parameter is not None:
            default = signature[setting.parameter].default
            said = ValueKind.BOUNDS, ValueKind.PREDICTORS, ValueKind.COLUMNS, ValueKind.MAYBE
            auto = setting.default is None and setting.kind not in said
            assert default == ("auto" if auto or setting.name == "loss" else setting.default)
    more = set(signature) - {setting.parameter for setting in SETTINGS}
    assert more - {"client"} == {
        "as_data",
        "as_is",
        "as_total",
        "censored",
        "dates",
        "dtype",
        "certify",
        "effort",
        "verbose",
        "random_state",
    }


def test_both_estimators_of_tables_take_the_same():
    local, remote = (inspect.signature(one).parameters for one in (ll.MatrixCompletion, DaskMatrixCompletion))
    assert list(remote.values())[:-1] == list(local.values())
    settings = {name: f"value of {name}" for name in remote}
    assert DaskMatrixCompletion(**settings).get_params(deep=False) == settings


@pytest.mark.parametrize("name", FITS)
def test_progress_is_shown_if_asked_for(name, monkeypatch):
    shown = []

    @contextmanager
    def show():
        shown.append(name)
        yield

    monkeypatch.setattr(parameters, "show_progress", show)
    FITS[name](0)
    assert shown == []
    FITS[name](1)
    assert shown == [name]
    FITS[name](True)
    assert shown == [name, name]
    for wrong in (-1, "yes", None, 0.5):
        with pytest.raises(InvalidInputError, match="verbose must be a whole number of at least 0"):
            FITS[name](wrong)


def test_progress_is_written_to_standard_error(monkeypatch, capsys):
    monkeypatch.setattr(stage_line, "FIRST", 0.0)
    monkeypatch.setattr(stage_line, "LIVE", 0.001)
    rng = np.random.default_rng(0)
    table = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 40)) + rng.standard_normal((60, 40))
    ll.MatrixCompletion(method="gibbs", verbose=1, certify=False, random_state=0).fit(table)
    assert "; 0 s so far" in capsys.readouterr().err


def test_the_same_fit_with_progress():
    one, other = (FITS["MatrixCompletion"](verbose) for verbose in (0, 1))
    np.testing.assert_array_equal(one.predict_table(), other.predict_table())


@pytest.mark.parametrize("name", FITS)
def test_pickles_of_earlier_versions_lack_parameters(name):
    model = FITS[name](0)
    state = dict(model.__getstate__())
    del state["verbose"]
    earlier = object.__new__(type(model))
    earlier.__setstate__(state)
    assert earlier.get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(model))
    assert again.get_params() == model.get_params()


def test_steps_of_sensing_are_limited():
    y = SAMPLES[:, 0] + 0.1 * np.arange(30) / 30
    fit = lambda **options: ll.MatrixSensing(  # noqa: E731
        (3, 2), solver="gradient", n_restarts=0, certify=False, random_state=0, **options
    ).fit(SAMPLES, y)
    usual, few = fit(), fit(max_iter=3)
    assert few.n_iter_ == 3 < usual.n_iter_
    assert few.search_.stop_reason.value == "iteration_limit"
    loose = fit(tol=1e-2)
    assert loose.n_iter_ < usual.n_iter_
    assert loose.search_.stop_reason.value == "converged"
    for wrong, words in (({"tol": -1.0}, "tol must be"), ({"max_iter": 0}, "max_iter must be")):
        with pytest.raises(InvalidInputError, match=words):
            fit(**wrong)


HUGE = 1e200
HOLES = np.where(np.eye(8, 6) > 0, np.nan, TABLE)


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (lambda: ll.MatrixCompletion(n_draws=7).fit(HOLES), "n_draws is not used"),
        (lambda: ll.MatrixCompletion().fit(HUGE * HOLES), "X is out of scale"),
        (
            lambda: ll.MatrixCompletion(rank=1, certify=False).fit(HOLES).completions(2, random_state="x"),
            "random_state is not",
        ),
        (lambda: ll.MatrixSensing(rank="one").fit(SAMPLES, SAMPLES[:, 0]), "rank must be a whole number"),
        (lambda: ll.MatrixSensing(random_state=-1).fit(SAMPLES, SAMPLES[:, 0]), "random_state must not"),
        (
            lambda: ll.MatrixSensing().fit(SAMPLES, SAMPLES[:, 0], sample_weight=np.full(30, -1.0)),
            "sample_weight must not be negative",
        ),
        (
            lambda: ll.MatrixSensing().fit(SAMPLES, SAMPLES[:, 0], sample_weight=np.full(30, np.nan)),
            "sample_weight",
        ),
        (lambda: ll.TuckerDecomposition(random_state="x").fit(CUBE), "random_state is not"),
        (lambda: ll.TuckerDecomposition().fit(HUGE * CUBE), "X is out of scale"),
        (lambda: ll.StableSplineRegressor(random_state="x").fit(range(9), range(9)), "random_state is not"),
        (lambda: ll.AdditiveSplineRegressor(random_state="x").fit(SAMPLES, SAMPLES[:, 0]), "random_state is"),
    ],
)
def test_errors_name_parameters_and_arguments_as_estimators_do(fit, words):
    with pytest.raises(ValueError, match=words):
        fit()
