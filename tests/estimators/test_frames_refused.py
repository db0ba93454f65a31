"""Frames that scikit-learn would refuse in words of its own are refused with the column and a way out."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

LIGHT = {"rank": 1, "method": "variational", "refine": False, "powers": False, "pattern": False}
LIGHT |= {"certify": False, "random_state": 0, "max_iter": 2}
ROWS = np.where(np.eye(12, 3) > 0, np.nan, np.add.outer(np.arange(12.0) + 0.5, np.arange(3.0) ** 2))
FRAME = pd.DataFrame(ROWS, columns=list("abc")).assign(w=["x", "y"] * 6)


@pytest.fixture(scope="module")
def model():
    return ll.MatrixCompletion(**LIGHT).fit(FRAME)


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (
            FRAME[["b", "a", "c", "w"]],
            r"same order as they were(.|\n)*order 'b', 'a'(.|\n)*names_in_",
        ),
        (FRAME[["a", "b", "w"]], r"yet now missing(.|\n)*without 'c'(.|\n)*add a missing column, empty"),
        (FRAME.assign(z=1.0), r"unseen at fit time(.|\n)*with 'z'(.|\n)*drop others"),
        (FRAME.iloc[:0], r"the data frame has no rows\n  found: 4 columns"),
        (pl.from_pandas(FRAME).head(0), "the data frame has no rows"),
        (FRAME.assign(b=[np.inf, *range(11)]), r"column 'b' holds infinity(.|\n)*leave missing cells empty"),
        (
            FRAME.assign(w=[["x"]] * 12),
            r"'w' has a level that the fit does not(.|\n)*\['x'\](.|\n)*'x', 'y'",
        ),
        (FRAME.assign(a=pd.Categorical(range(12))), "'a' held numbers in the fit"),
    ],
    ids=["order", "missing", "more", "no rows", "no rows in Polars", "infinity", "lists", "categories"],
)
def test_new_rows(model, new, words):
    by_name = "order" in words  # as scikit-learn asks of `transform` alone
    for act in (model.transform,) if by_name else (model.fill, model.transform):
        with pytest.raises(InvalidInputError, match=words):
            act(new)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame(), "no column of the data frame holds numbers or levels\n  found: no columns"),
        (FRAME.iloc[:0], "the data frame has no rows"),
        (FRAME.assign(b=-np.inf), "column 'b' holds infinity"),
        (pd.DataFrame({"w": [f"x{k}" for k in range(12)]}), "no column of the data frame holds"),
    ],
    ids=["no columns", "no rows", "infinity", "all passed through"],
)
def test_frames_that_cannot_be_fitted(frame, words):
    with pytest.raises(InvalidInputError, match=words):
        ll.MatrixCompletion(**LIGHT).fit(frame)


def test_a_series_is_no_table():
    for one in (FRAME["a"], pl.Series(ROWS[:, 0])):
        with pytest.raises(ValueError, match=r"Expected (a 2-dimensional container|2D array)"):
            ll.MatrixCompletion(**LIGHT).fit(one)


@pytest.mark.parametrize("make", [lambda frame: frame, pl.from_pandas], ids=["pandas", "Polars"])
def test_columns_go_by_name_but_in_transform(model, make):
    names = ["w", "c", "a", "b"]
    for one in (model.fill, lambda new: model.completions(1, new, random_state=0)[0]):
        turned, plain = one(make(FRAME[names])), one(make(FRAME))
        assert list(turned.columns) == names
        assert turned.equals(plain[names])
    ask = [0, 1], ["a", "b"]
    turned = model.predict_interval(*ask, X=make(FRAME[names]))
    assert np.array_equal(turned, model.predict_interval(*ask, X=make(FRAME)))


@pytest.mark.parametrize(
    "new",
    [
        FRAME.assign(w=FRAME["w"].astype("category")),
        FRAME.assign(w=FRAME["w"].astype("string")),
        FRAME.assign(w=None),
        FRAME.assign(w=pd.Categorical([None] * 11 + ["y"], categories=["y"])),
        FRAME.assign(w=pd.Categorical([None] * 11 + ["y"], categories=["y"], ordered=True)),
        FRAME.astype({"a": object}),
        FRAME.astype({"a": "Float32"}),
        FRAME.assign(a=pd.Series([None if x != x else str(x) for x in FRAME["a"]], dtype=object)),
        FRAME.assign(a=None),
        FRAME.iloc[[3, 1]],
        pl.from_pandas(FRAME),
        pl.from_pandas(FRAME).with_columns(a=pl.lit(None)),
        pl.from_pandas(FRAME).with_columns(w=pl.lit(None)),
        pl.from_pandas(FRAME).to_arrow(),
    ],
    ids=str,
)
def test_the_same_values_of_other_kinds_are_filled_in_theirs(model, new):
    filled = model.fill(new)
    assert type(filled) is type(new)
    if isinstance(new, pd.DataFrame):
        assert not filled.isna().any().any()
        assert set(filled["w"]) <= {"x", "y"}
        kinds = [(name, str(kind), str(filled.dtypes[name])) for name, kind in new.dtypes.items()]
        assert [one for one in kinds if one[1] != one[2]] == []
        known = new.notna()
        assert filled.astype(object)[known].equals(new.astype(object)[known])
    else:
        plain = filled if isinstance(filled, pl.DataFrame) else pl.from_arrow(filled)
        assert sum(plain.null_count().row(0)) == 0
        assert plain["a"].dtype == pl.Float64
        assert set(plain["w"]) <= {"x", "y"}
