"""`transform` in pipelines: data frames where they are asked for, and levels that mean something."""

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lowland as ll

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

SIZE = 60
# one way to fit, and few draws
PLAIN = {"method": "gaussian", "n_draws": 10, "refine": False, "powers": False}
PLAIN |= {"certify": False, "random_state": 0}


def _frame():
    rng = np.random.default_rng(0)
    a = rng.standard_normal(SIZE)
    frame = pd.DataFrame({"a": a, "b": 2 * a + 0.1 * rng.standard_normal(SIZE), "c": a - 1})
    frame["kind"] = np.select([a < -0.6, a < 0.6], ["zinc", "ash"], "moss")
    frame["sex"] = np.where(a > 0, "m", "f")
    frame["grade"] = pd.Categorical.from_codes(
        np.digitize(a, [-0.6, 0.6]), ["low", "mid", "top"], ordered=True
    )
    frame["yes"] = pd.array(a + 0.3 * rng.standard_normal(SIZE) > 0, dtype="boolean")
    frame.index = [f"r{k}" for k in range(SIZE)]
    holes = frame.copy()
    for name in frame:
        holes.loc[rng.permutation(frame.index)[:8], name] = pd.NA if name == "yes" else None
    return frame, holes


@pytest.fixture(scope="module")
def fitted():
    frame, holes = _frame()
    return frame, holes, ll.MatrixCompletion(**PLAIN).fit(holes)


def test_levels_are_filled_by_levels(fitted):
    frame, holes, model = fitted
    table = pd.DataFrame(model.transform(holes), columns=list(frame))
    for name in ("kind", "sex", "grade", "yes"):
        gaps = holes[name].isna().to_numpy()
        assert gaps.any()
        words = np.array(model.levels_[name])
        assert np.isin(table[name], np.arange(words.size)).all()
        filled = model.fill(holes)[name].to_numpy()
        np.testing.assert_array_equal(words[table[name].astype(int)], filled)


@pytest.mark.parametrize(("kind", "frame_type"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_set_output_is_obeyed(kind, frame_type):
    _, holes = _frame()
    numbers = holes[["a", "b", "c"]]
    model = ll.MatrixCompletion(**PLAIN).set_output(transform=kind)
    plain = ll.MatrixCompletion(**PLAIN).fit_transform(numbers)
    for found in (model.fit_transform(numbers), model.transform(numbers)):
        assert isinstance(found, frame_type)
        assert list(found.columns) == ["a", "b", "c"]
        np.testing.assert_array_equal(found.to_numpy(), plain)
    if kind == "pandas":
        assert model.transform(numbers.iloc[3:9]).index.tolist() == [f"r{k}" for k in range(3, 9)]


def test_pipelines_hand_on_frames():
    _, holes = _frame()
    numbers = holes[["a", "b", "c"]]
    steps = make_pipeline(StandardScaler(), ll.MatrixCompletion(**PLAIN))
    found = steps.set_output(transform="pandas").fit_transform(numbers)
    assert list(found.columns) == ["a", "b", "c"]
    assert found.index.tolist() == holes.index.tolist()
    columns = make_column_transformer(
        (ll.MatrixCompletion(**PLAIN), ["a", "b"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    assert list(columns.fit_transform(numbers).columns) == ["a", "b", "c"]


def test_a_frame_with_words_hands_on_its_names(fitted):
    frame, holes, _ = fitted
    model = ll.MatrixCompletion(**PLAIN).set_output(transform="pandas")
    found = model.fit_transform(holes)
    assert list(found.columns) == list(frame)
    assert found.index.tolist() == list(frame.index)
    assert not found.isna().any().any()


def test_a_model_is_the_same_after_joblib(fitted, tmp_path):
    _, holes, model = fitted
    joblib.dump(model, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib")
    pd.testing.assert_frame_equal(again.fill(holes), model.fill(holes))
    np.testing.assert_array_equal(again.transform(holes), model.transform(holes))
    rows, columns = list(holes.index[:3]), ["a", "b", "c"]
    np.testing.assert_array_equal(again.predict_cells(rows, columns), model.predict_cells(rows, columns))
    assert again.get_params() == model.get_params()


def test_a_search_over_imputer_and_regression_in_one_pipeline(tmp_path):
    frame, holes = _frame()
    numbers = holes[["a", "b", "c"]]
    plain = {"method": "map", "penalty": 0.1, "certify": False, "random_state": 0}
    chain = make_pipeline(StandardScaler(), ll.MatrixCompletion(**plain), LinearRegression())
    search = GridSearchCV(chain, {"matrixcompletion__rank": [1, 2]}, cv=2)
    search.fit(numbers, frame["a"])
    assert search.best_score_ > 0.9
    joblib.dump(search, tmp_path / "search.joblib")
    again = joblib.load(tmp_path / "search.joblib")
    np.testing.assert_array_equal(again.predict(numbers), search.predict(numbers))


@pytest.mark.parametrize(("kind", "frame_type"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_columns_of_several_kinds_side_by_side(kind, frame_type, tmp_path):
    """Numbers and levels to one imputer, what it shall not see past it."""
    _, holes = _frame()
    given = holes.assign(place=range(SIZE))
    given = pl.from_pandas(given) if kind == "polars" else given
    parts = make_column_transformer(
        (ll.MatrixCompletion(**PLAIN), ["a", "b", "kind", "grade"]),
        (StandardScaler(), ["place"]),
        verbose_feature_names_out=False,
    ).set_output(transform=kind)
    found = parts.fit_transform(given)
    assert isinstance(found, frame_type)
    assert list(found.columns) == ["a", "b", "kind", "grade", "place"]
    levels = parts.named_transformers_["matrixcompletion"].levels_
    assert set(found["kind"]) == set(range(len(levels["kind"])))
    joblib.dump(parts, tmp_path / "parts.joblib")
    assert joblib.load(tmp_path / "parts.joblib").transform(given).equals(parts.transform(given))
