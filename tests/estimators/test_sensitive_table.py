"""What if missing cells differ: shifts of fitted tables, and where conclusions change."""

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError, UnsupportedError

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout")
LIGHT = {"random_state": 0, "certify": False, "max_iter": 20, "refine": False, "powers": False}


def regress(full):
    """Coefficients of the last column on the others, with their covariance."""
    full = np.asarray(full, float)
    design = np.column_stack([np.ones(len(full)), full[:, :-1]])
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ full[:, -1]
    rest = full[:, -1] - design @ found
    return found, inverse * (rest @ rest) / (len(full) - design.shape[1])


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    full = rng.standard_normal((80, 1)) + 0.7 * rng.standard_normal((80, 3)) + 0.3
    full[rng.random((80, 3)) < [0.4, 0.0, 0.1]] = np.nan
    return full


@pytest.fixture(scope="module")
def model(table):
    return ll.MatrixCompletion(**LIGHT).fit(table)


def test_without_a_shift_all_is_that_of_multiple_imputation(model):
    found = model.sensitivity([1.0, 0.0], regress, degrees=77, random_state=4, n_completions=9)
    tables = model.completions(9, random_state=4)
    np.testing.assert_array_equal(list(found.tables(0.0)), tables)
    pooled = ll.pool_estimates(map(regress, tables), degrees=77)
    for name in ("estimates", "errors", "degrees", "missing_information", "covariance"):
        np.testing.assert_array_equal(getattr(found.pooled[1], name), getattr(pooled, name))
        np.testing.assert_array_equal(getattr(found.pool(0.0), name), getattr(pooled, name))
    np.testing.assert_allclose(found.means[1], tables.mean(axis=(0, 1))[[0, 2]])
    np.testing.assert_allclose(found.quantiles[1, 1], np.median(tables, axis=1).mean(axis=0)[[0, 2]])
    assert found.columns == [0, 2]
    assert (found.pooled[0].estimates != pooled.estimates).all()


def test_means_move_by_the_share_missing_times_the_spread_of_draws(table, model):
    found = model.sensitivity([0.0, -0.7], random_state=0)
    missing = np.isnan(table)
    rows, columns = np.nonzero(missing)
    spreads = model.sample(rows, columns, 2000, random_state=1).std(axis=0)
    for k, j in enumerate((0, 2)):
        expected = -0.7 * missing[:, j].mean() * spreads[columns == j].mean()
        assert found.means[1, k] - found.means[0, k] == pytest.approx(expected, rel=0.03)


def test_one_column_one_row_one_shift(table, model):
    found = model.sensitivity(2, columns=0, rows=[0, 1, 2, 3, 4], random_state=0, n_completions=2)
    moved = np.array(list(found.tables(2.0))) - np.array(list(found.tables(0.0)))
    wanted = np.isnan(table)
    wanted[5:], wanted[:, 1:] = False, False
    assert ((moved > 0) == wanted).all()
    assert found.columns == [0]
    assert found.means.shape == (1, 1)


def frame_of(rng, m=60):
    size = rng.standard_normal(m)
    frame = pd.DataFrame(
        {
            "size": size,
            "share": 1 / (1 + np.exp(-size - 0.3 * rng.standard_normal(m))),
            "rooms": pd.array(np.rint(3 + size).clip(0).astype(int), dtype="Int64"),
            "grade": np.where(size > 0, "good", "poor"),
        }
    )
    for name in ("share", "rooms", "grade"):
        frame.loc[rng.random(m) < 0.3, name] = None
    return frame


@pytest.fixture(scope="module")
def framed():
    frame = frame_of(np.random.default_rng(1))
    return frame, ll.MatrixCompletion(**LIGHT, bounds={"share": (0, 1)}).fit(frame)


def test_frames_keep_their_kind_bounds_and_words(framed):
    frame, model = framed
    found = model.sensitivity([-3.0, 3.0], random_state=2, n_completions=3)
    assert found.columns == ["share", "rooms"]
    for before, low, high in zip(*(found.tables(d) for d in (0.0, -3.0, 3.0)), strict=True):
        assert list(low.dtypes) == list(high.dtypes) == list(frame.dtypes)
        assert (low["grade"] == before["grade"]).all()
        holes = frame["share"].isna()
        assert (low["share"][~holes] == frame["share"][~holes]).all()
        assert low["share"].between(0, 1).all()
        assert high["share"].between(0, 1).all()
        assert (high["share"][holes] > before["share"][holes]).all()
        steps = (high["rooms"] - before["rooms"])[frame["rooms"].isna()]  # rounded to whole rooms
        assert steps.min() >= 0
        assert steps.max() > 0
        assert low["rooms"].min() >= 0
    same = model.completions(3, random_state=2)
    assert all(one.equals(other) for one, other in zip(found.tables(0.0), same, strict=True))
    one = model.sensitivity(1.0, columns="rooms", X=frame[:20], random_state=0, n_completions=2)
    assert one.columns == ["rooms"]


def test_words_and_fits_without_draws_are_refused(framed, table):
    _, model = framed
    with pytest.raises(UnsupportedError, match="words in column 'grade'"):
        model.sensitivity(1.0, columns=["rooms", "grade"])
    penalised = ll.MatrixCompletion(penalty=1.0, certify=False, random_state=0).fit(table)
    with pytest.raises(UnsupportedError, match="posterior is needed"):
        penalised.sensitivity(1.0)
    counts = np.random.default_rng(0).poisson(3.0, (30, 4)).astype(float)
    counts[0, 0] = np.nan
    counted = ll.MatrixCompletion(loss="poisson", rank=1, penalty=1.0, certify=False).fit(counts)
    with pytest.raises(UnsupportedError, match="posterior is needed for a sensitivity analysis"):
        counted.sensitivity(1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delta": []}, "at least one number"),
        ({"delta": np.nan}, "delta must be finite"),
        ({"delta": "far"}, "delta must hold numbers"),
        ({"quantiles": [0.5, 1.0]}, "quantiles must lie between 0 and 1"),
        ({"columns": 1}, "nothing to shift"),
        ({"columns": 7}, "7"),
        ({"n_completions": 1, "analysis": regress}, "at least 2"),
    ],
)
def test_what_cannot_be_asked_is_refused(model, arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        model.sensitivity(**{"delta": 1.0, **arguments})


def test_conclusions_change_where_they_are_said_to(model):
    names = ["constant", "first", "second"]
    found = model.sensitivity([-1, 0, 1], regress, degrees=77, names=names, random_state=0)
    for conclusion in ("sign", "significance"):
        point = found.tipping_point(conclusion, most=2.0)
        assert list(point.names) == names

        def concluded(delta, k, conclusion=conclusion):
            pooled = found.pool(delta)
            low, high = pooled.interval() if conclusion == "significance" else (pooled.estimates,) * 2
            return (low[k] > 0) - (high[k] < 0).astype(int)

        for k in range(3):
            for end in (point.below[k], point.above[k]):
                if np.isfinite(end):
                    assert concluded(end, k) != concluded(0.0, k) == concluded(end - np.sign(end) * 0.011, k)
                else:
                    assert concluded(np.sign(end) * 2.0, k) == concluded(0.0, k)


def test_a_conclusion_may_be_any_function_of_a_table(table, model):
    found = model.sensitivity(0.0, random_state=0, n_completions=11)
    threshold = float(found.means[0, 0]) - 0.1

    def above(full):
        return full[:, 0].mean() > threshold

    point = found.tipping_point(above)
    assert point.names == ("above",)
    assert np.isinf(point.above[0])
    answers = [sum(above(t) for t in found.tables(d)) > 5 for d in (point.below[0], point.below[0] + 0.011)]
    assert answers == [False, True]
    with pytest.raises(InvalidInputError, match="analysis is needed"):
        found.tipping_point()
    with pytest.raises(InvalidInputError, match="analysis is needed"):
        found.pool(0.0)
    with pytest.raises(InvalidInputError, match='must be "significance", "sign"'):
        found.tipping_point("size")
    with pytest.raises(InvalidInputError, match="most must be a positive"):
        found.tipping_point(above, most=0)


def test_plots_show_estimates_and_columns(model):
    found = model.sensitivity([1, -1, 0], regress, names=["constant", "a", "b"], random_state=0)
    point = ll.TippingPoint("sign", ["constant", "a", "b"], *np.array([[-0.5] * 3, [np.inf] * 3]), 3.0)
    drawn = found.plot("a", tipping=point)
    line = drawn.ax_.lines[0]
    np.testing.assert_array_equal(line.get_xdata(), [-1, 0, 1])
    np.testing.assert_array_equal(line.get_ydata(), [found.pooled[k].estimates[1] for k in (1, 2, 0)])
    assert [text.get_text() for text in drawn.ax_.get_legend().get_texts()] == [
        "95 % interval",
        "estimate",
        "conclusion changes",
    ]
    column = found.plot("2")
    np.testing.assert_array_equal(column.estimates, found.means[:, 1])
    np.testing.assert_array_equal(column.upper, found.quantiles[:, -1, 1])
    assert found.plot().name == "constant"
    with pytest.raises(InvalidInputError, match="no such estimate or column"):
        found.plot("c")
    assert "constant: " in str(found)
    assert repr(found).startswith("<Sensitivity: ")
