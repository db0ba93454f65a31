"""Bounds by column: means, draws and intervals within them, by rejection and another implementation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, truncnorm
from sklearn.base import clone

import lowland as ll
from lowland.completion.encoded.power_model import PowerLayer
from lowland.core.errors import FileFormatError, InvalidInputError, UnsupportedError
from lowland.files.bundle import save_bundle
from saved_models import contents

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
FAST = {
    "random_state": 0,
    "certify": False,
    "refine": False,
    "powers": False,
    "row_units": False,
    "max_iter": 25,
}
BOUNDS = {1: (0.0, 1.5), 3: (None, 0.4)}


def table(m=80):
    rng = np.random.default_rng(2)
    full = rng.standard_normal((m, 1)) + 0.7 * rng.standard_normal((m, 5))
    full[:, 1], full[:, 3] = np.clip(full[:, 1], 0, 1.5), np.minimum(full[:, 3], 0.4)
    full[rng.random(full.shape) < 0.25] = np.nan
    return full


@pytest.fixture(scope="module")
def fits():
    return {
        method: [
            ll.MatrixCompletion(**FAST, method=method, bounds=bounds, may_be_negative=True).fit(table())
            for bounds in (None, BOUNDS)
        ]
        for method in ("gaussian", "variational")
    }


@pytest.fixture(params=["gaussian", "variational"])
def pair(request, fits):
    return fits[request.param]


def law_of(free, rows, column):
    """Return the law of a new observation without bounds, cut to them, by another implementation."""
    at = np.full(len(rows), column)
    low, high = (
        np.inf * sign if end is None else end for end, sign in zip(BOUNDS[column], (-1, 1), strict=True)
    )
    means, spreads = free.predict_cells(rows, at), free._completed.model.standard_errors(rows, at)
    return truncnorm((low - means) / spreads, (high - means) / spreads, means, spreads)


def test_predictions_and_intervals_are_those_of_the_truncated_law(pair):
    free, bounded = pair
    rows = np.arange(80)
    for column in BOUNDS:
        law, at = law_of(free, rows, column), np.full(80, column)
        np.testing.assert_allclose(bounded.predict_cells(rows, at), law.mean(), rtol=1e-9)
        np.testing.assert_allclose(bounded.predict_table()[:, column], law.mean(), rtol=1e-9)
        errors = bounded._completed.model.standard_errors(rows, at)
        np.testing.assert_allclose(errors, law.std(), rtol=1e-6)
        # both: without bounds, cut off, and of the law within them
        low, high = (-np.inf if end is None else end for end in BOUNDS[column])
        free_ends = np.clip(free.predict_interval(rows, at, 0.8), low, high)
        ends, own = bounded.predict_interval(rows, at, 0.8), law.ppf([[0.1], [0.9]])
        np.testing.assert_allclose(ends[0], np.minimum(free_ends[0], own[0]), rtol=1e-6)
        np.testing.assert_allclose(ends[1], np.maximum(free_ends[1], own[1]), rtol=1e-6)
        assert ((ends[0] < law.mean()) & (law.mean() < ends[1])).all()
    for column in (0, 2, 4):  # what has no bounds is as it was
        np.testing.assert_array_equal(bounded.predict_table()[:, column], free.predict_table()[:, column])


def test_draws_have_the_truncated_law_and_stay_joint(pair):
    free, bounded = pair
    row = int(np.flatnonzero(np.isnan(table()[:, [0, 1, 3]]).sum(axis=1) >= 2)[0])
    cells = np.full(5, row), np.arange(5)
    drawn, without = (one.sample(*cells, 1500, random_state=0) for one in (bounded, free))
    for column in BOUNDS:
        law = law_of(free, np.array([row]), column)
        assert kstest(drawn[:, column], law.cdf).pvalue > 1e-3
    # each draw keeps its place among the others
    for column in range(5):
        np.testing.assert_array_equal(np.argsort(drawn[:, column]), np.argsort(without[:, column]))


def test_completions_and_new_rows_stay_within(pair):
    _, bounded = pair
    for X in (None, table()[:9]):
        drawn = bounded.completions(5, X, random_state=0)
        assert drawn[:, :, 1].min() >= 0
        assert drawn[:, :, 1].max() <= 1.5
        assert drawn[:, :, 3].max() <= 0.4
    new = np.array([[6.0, np.nan, 6.0, np.nan, 6.0], [-6.0, np.nan, -6.0, np.nan, -6.0]])
    filled = bounded.transform(new)
    assert (filled[:, 1] >= 0).all()
    assert (filled[:, 1] <= 1.5).all()
    assert (filled[:, 3] <= 0.4).all()
    assert filled[0, 1] > 1 > 0.5 > filled[1, 1]
    low, high = bounded.predict_interval([0, 1], [1, 3], 0.99, X=new)
    assert low[0] >= 0
    assert high[0] <= 1.5
    assert high[1] <= 0.4
    assert bounded.explain(0, 1).columns


def test_columns_of_logarithms_are_truncated_as_such(rng):
    """By rejection: draws without bounds, of which those beyond are thrown away."""
    full = np.exp(rng.standard_normal((90, 1)) + 0.5 * rng.standard_normal((90, 4)))
    full[:, 2] = np.clip(full[:, 2], 0.5, 3.0)
    full[rng.random(full.shape) < 0.2] = np.nan
    settings = {**FAST, "powers": True, "method": "variational"}
    free, bounded = (ll.MatrixCompletion(**settings, bounds=b).fit(full) for b in (None, {2: (0.5, 3.0)}))
    assert isinstance(bounded._completed.model.base, PowerLayer)
    assert 2 in bounded._completed.model.base.powers
    rows = np.flatnonzero(np.isnan(full[:, 2]))[:12]
    cells = rows, np.full(rows.size, 2)
    drawn = free.sample(*cells, 10_000, random_state=0)
    kept = [own[(own >= 0.5) & (own <= 3.0)] for own in drawn.T]
    expected = np.array([own.mean() for own in kept])
    errors = np.array([own.std() / np.sqrt(own.size) for own in kept])
    # normal laws of a sampler with a factor drawn too are nearly normal
    assert (np.abs(bounded.predict_cells(*cells) - expected) < 5 * errors + 0.03).all()
    free_ends = np.clip(free.predict_interval(*cells, 0.8), 0.5, 3.0)
    ends = np.transpose([np.quantile(own, [0.1, 0.9]) for own in kept])
    low, high = bounded.predict_interval(*cells, 0.8)
    np.testing.assert_allclose(low, np.minimum(free_ends[0], ends[0]), atol=0.15)
    np.testing.assert_allclose(high, np.maximum(free_ends[1], ends[1]), atol=0.15)
    again = bounded.sample(*cells, 500, random_state=0)
    assert ((again >= 0.5) & (again <= 3.0)).all()
    # open bounds change nothing
    wide = ll.MatrixCompletion(**settings, bounds={2: (0.0, 1e9)}).fit(full)
    np.testing.assert_allclose(wide.predict_cells(*cells), free.predict_cells(*cells), rtol=1e-6)


def frame(m=60):
    rng = np.random.default_rng(0)
    size = rng.standard_normal(m)
    held = pd.DataFrame(
        {"size": size, "rooms": pd.array(np.clip(np.rint(3 + 2 * size), 1, 4), dtype="Int64")}
    )
    held["kind"] = np.where(size > 0, "big", "small")
    for name in held:
        held.loc[rng.random(m) < 0.2, name] = None
    return held


def test_frames_whole_numbers_and_names(tmp_path):
    model = ll.MatrixCompletion(**FAST, bounds={"rooms": (0.5, 4.4), "size": (None, None)}).fit(frame())
    assert model._completed.model.limits == {1: (1.0, 4.0)}
    new = pd.DataFrame(
        {"size": [9.0, -9.0], "rooms": pd.array([None, None], "Int64"), "kind": ["big", "small"]}
    )
    for one in (model.fill(new), model.fill(frame()), *model.completions(5, random_state=0)):
        assert one["rooms"].min() >= 1
        assert one["rooms"].max() <= 4
        assert one["rooms"].dtype == "Int64"
    again = ll.MatrixCompletion.load(_saved(model, tmp_path))
    assert again.bounds == {"rooms": (0.5, 4.4), "size": (None, None)} == clone(model).bounds
    assert again.fill(new).equals(model.fill(new))
    np.testing.assert_array_equal(again.predict_table(), model.predict_table())
    again.update([0], ["rooms"], [2.0])
    with pytest.raises(InvalidInputError, match="bounds exclude a value that was observed"):
        again.update([0], ["rooms"], [7.0])
    with pytest.raises(InvalidInputError, match="no such column"):
        ll.MatrixCompletion(bounds={"room": (0, 1)}).fit(frame())
    with pytest.raises(InvalidInputError, match="columns of levels have no bounds"):
        ll.MatrixCompletion(bounds={"kind": (0, 1)}).fit(frame())
    with pytest.raises(InvalidInputError, match="two or more"):
        ll.MatrixCompletion(bounds={"rooms": (0.5, 1.5)}).fit(frame())


def _saved(model, folder):
    model.save(folder / "model.npz")
    return folder / "model.npz"


def test_bounds_as_an_array_are_kept_in_files(tmp_path):
    ends = np.array([[np.nan, np.inf], [0, 1.5], [-np.inf, np.inf], [-np.inf, 0.4], [-9, 9]])
    model = ll.MatrixCompletion(**FAST, bounds=ends).fit(table())
    assert model._completed.model.limits == {1: (0, 1.5), 3: (-np.inf, 0.4), 4: (-9, 9)}
    again = ll.MatrixCompletion.load(_saved(model, tmp_path))
    np.testing.assert_array_equal(np.array(again.bounds, float), ends)
    np.testing.assert_array_equal(again.fit(table()).predict_table(), model.predict_table())
    np.testing.assert_array_equal(clone(model).bounds, ends)
    header, arrays = contents(model, tmp_path)
    for name, wrong in (("bounded", [0, 1, 9]), ("bounded", [1, 1, 3]), ("bounds", [[1.0, 0.0]] * 3)):
        save_bundle(tmp_path / "bad.npz", "model", header, {**arrays, name: np.array(wrong)})
        with pytest.raises(FileFormatError):
            ll.MatrixCompletion.load(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({1: (0.5, 2.0)}, r"column 1, row \d+: 0 is not within 0.5 and 2 \(\d+ such cells"),
        ({1: (0.5, None)}, r"row \d+: 0 is below 0.5 \("),
        ({1: (None, 0.5)}, r"row \d+: \S+ is above 0.5 \("),
        ({1: (2.0, 0.0)}, "must ascend"),
        ({1: (1.0, 1.0)}, "must ascend"),
        ({1: 3.0}, "must be two numbers"),
        ({1: ("a", 3.0)}, "must be two numbers"),
        ({7: (0.0, 1.0)}, "column"),
        (np.zeros((3, 2)), r"shape \(3, 2\) for 5 columns"),
        ([0.0, 1.0], "shape"),
    ],
)
def test_refusals(bounds, words):
    with pytest.raises(InvalidInputError, match=words):
        ll.MatrixCompletion(**FAST, bounds=bounds).fit(table())


def test_what_cannot_be_bounded_is_refused(fits, tmp_path):
    with pytest.raises(UnsupportedError, match="penalised fits do not have"):
        ll.MatrixCompletion(rank=1, penalty=1.0, bounds=BOUNDS).fit(table())
    with pytest.raises(InvalidInputError, match="bounds exclude"):
        fits["gaussian"][1].transform([[0.0, 2.0, 0.0, 0.0, np.nan]])
    cells = pd.DataFrame({"row": [0, 0, 1, 1], "column": [0, 1, 0, 1], "value": [1.0, 2.0, 3.0, 4.0]})
    cells.to_parquet(tmp_path / "cells.parquet")
    stored = ll.StoredObservations.from_parquet(
        tmp_path / "cells.parquet", tmp_path / "stored", row="row", column="column", value="value"
    )
    with pytest.raises(UnsupportedError, match="bounds is not there for tables on the disk"):
        ll.MatrixCompletion(bounds={0: (0, 9)}).fit(stored)
