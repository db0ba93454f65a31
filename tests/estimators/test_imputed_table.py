"""Completed tables drawn: frames of their kind, one at a time, with nothing else touched."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError, UnsupportedError

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
LIGHT = {"random_state": 0, "certify": False, "max_iter": 20, "refine": False, "powers": False}
WORDS = ("low", "middle", "high")


def columns(m=60):
    """Columns of every kind, with gaps in the last four."""
    rng = np.random.default_rng(0)
    size = rng.standard_normal(m)
    held = {
        "code": [f"{k:05}" for k in range(m)],
        "size": size,
        "weight": 2 * size + 0.3 * rng.standard_normal(m),
        "rooms": np.rint(3 + size + rng.random(m)).astype(int).clip(0).tolist(),
        "grade": [WORDS[k] for k in np.digitize(size, [-0.5, 0.5])],
        "garden": (size > 0.2).tolist(),
    }
    for name in ("weight", "rooms", "grade", "garden"):
        cells = list(held[name])
        for k in np.flatnonzero(rng.random(m) < 0.25):
            cells[k] = None
        held[name] = cells
    return held


def in_pandas(held):
    frame = pd.DataFrame({**held, "weight": np.array(held["weight"], float)})
    frame["rooms"] = pd.array(held["rooms"], dtype="Int64")
    frame["garden"] = pd.array(held["garden"], dtype="boolean")
    frame["grade"] = pd.Categorical(held["grade"], WORDS, ordered=True)
    frame.index = [f"house {k}" for k in range(len(frame))]
    return frame


def in_polars(held):
    return pl.DataFrame(held, schema_overrides={"grade": pl.Enum(WORDS)})


@pytest.fixture(scope="module", params=[in_pandas, in_polars], ids=["pandas", "polars"])
def fitted(request):
    frame = request.param(columns())
    with pytest.warns(UserWarning, match="take no part"):
        model = ll.MatrixCompletion(**LIGHT).fit(frame)
    return model, frame


def cells_of(frame):
    return {name: list(frame[name]) for name in frame.columns}


def gap(cell):
    return cell is None or cell is pd.NA or cell != cell


def test_completed_frames_are_of_the_fitted_kind(fitted):
    model, frame = fitted
    drawn = model.completions(3, random_state=0)
    before, known = cells_of(frame), {name: [not gap(c) for c in frame[name]] for name in frame.columns}
    for table in drawn:
        assert type(table) is type(frame)
        assert list(table.columns) == list(frame.columns)
        assert list(table.dtypes) == list(frame.dtypes)
        after = cells_of(table)
        for name, cells in after.items():
            assert not any(map(gap, cells))
            kept = [c == b for c, b, k in zip(cells, before[name], known[name], strict=True) if k]
            assert all(kept)
        assert min(after["rooms"]) >= 0
        assert set(after["grade"]) <= set(WORDS)
    if isinstance(frame, pd.DataFrame):
        assert all(table.index.equals(frame.index) for table in drawn)
    # draws differ from each other, and from means
    weights = np.array([list(table["weight"]) for table in drawn], float)
    holes = np.array([not k for k in known["weight"]])
    assert (np.ptp(weights, axis=0) > 0).tolist() == holes.tolist()


def test_one_at_a_time_they_are_the_same(fitted):
    model, _ = fitted
    one_by_one = model.iter_completions(2, random_state=4)
    for table in model.completions(2, random_state=4):
        assert next(one_by_one).equals(table)
    assert next(one_by_one, None) is None


def test_a_frame_that_was_changed_after_the_fit_is_completed_as_fitted():
    frame = in_pandas(columns())
    with pytest.warns(UserWarning, match="take no part"):
        model = ll.MatrixCompletion(**LIGHT).fit(frame)
    first = model.completions(1, random_state=0)[0]
    frame.loc[:, "size"] = 0.0
    assert model.completions(1, random_state=0)[0].equals(first)
    assert pickle.loads(pickle.dumps(model)).completions(1, random_state=0)[0].equals(first)


def test_new_rows_are_drawn_around_their_predictions(fitted):
    model, frame = fitted
    new = frame[:9]
    drawn = model.completions(40, new, random_state=0)
    means = model.transform(new)[:, list(model.feature_names_in_).index("weight")]
    weights = np.array([list(table["weight"]) for table in drawn], float)
    holes = np.array([gap(cell) for cell in new["weight"]])
    assert 0 < holes.sum() < 9
    spread = weights[:, holes].std(axis=0)
    assert (spread > 0.05).all()
    assert (np.abs(weights[:, holes].mean(axis=0) - means[holes]) < 4 * spread / np.sqrt(40)).all()
    assert (weights[:, ~holes] == np.array(list(new["weight"]), float)[~holes]).all()


def test_a_model_without_its_frame_asks_for_it(fitted, tmp_path):
    model, frame = fitted
    model.save(tmp_path / "model.npz")
    again = ll.MatrixCompletion.load(tmp_path / "model.npz")
    with pytest.raises(UnsupportedError, match="pass the frame"):
        again.completions(1)
    first, other = (one.completions(1, frame, random_state=2)[0] for one in (model, again))
    assert first.equals(other)


def test_arrays_are_completed_in_one_array_or_one_by_one(rng):
    table = rng.standard_normal((30, 1)) + 0.5 * rng.standard_normal((30, 4))
    table[rng.random(table.shape) < 0.2] = np.nan
    for method in ("gaussian", "variational", "gibbs"):
        draws = {} if method == "variational" else {"n_draws": 8}
        model = ll.MatrixCompletion(**LIGHT, method=method, **draws).fit(table)
        for X in (None, table[:5]):
            drawn = model.completions(3, X, random_state=1)
            assert drawn.shape == (3, 30 if X is None else 5, 4)
            np.testing.assert_array_equal(drawn, list(model.iter_completions(3, X, random_state=1)))
            known = ~np.isnan(table if X is None else X)
            assert (drawn[:, known] == (table if X is None else X)[known]).all()
        # the fitted rows, passed, are those of the fit
        np.testing.assert_array_equal(
            model.completions(3, table, random_state=1), model.completions(3, random_state=1)
        )


def test_what_cannot_be_drawn_is_refused(rng):
    table = rng.standard_normal((30, 4))
    table[3, 1] = np.nan
    model = ll.MatrixCompletion(rank=1, penalty=1.0, certify=False).fit(table)
    for X in (None, table[:5]):
        with pytest.raises(UnsupportedError, match="a posterior is needed"):
            model.completions(1, X)
    model = ll.MatrixCompletion(**LIGHT).fit(table)
    with pytest.raises(InvalidInputError, match="iter_completions"):
        model.completions(10_000_000)
    with pytest.raises(InvalidInputError, match="n_completions"):
        model.iter_completions(0)
