"""Names of columns that do not tell them apart are refused in words."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.wrapping import wrap_frame

LIGHT = {"rank": 1, "method": "variational", "refine": False, "powers": False, "pattern": False}
LIGHT |= {"certify": False, "random_state": 0, "max_iter": 5}
ROWS = np.where(np.eye(12, 4) > 0, np.nan, np.add.outer(np.arange(12.0), np.arange(4.0) ** 2))
NAMED = pd.DataFrame(ROWS, columns=list("abcd"))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a", None, "b", "c"], r"has no name(.|\n)*column 2"),
        ([0.5, 1.5, 2.5, np.nan], r"has no name(.|\n)*column 4"),
        (pd.DatetimeIndex(["2024-01-01", None, "2024-01-03", "2024-01-04"]), r"has no name(.|\n)*column 2"),
        (["a", 0, "b", "c"], r"several kinds(.|\n)*'a' \(text\), 0 \(a number\)(.|\n)*astype\(str\)"),
        ([True, 2, 3, 4], "several kinds"),
        (["a", "a", "b", "c"], r"the same name\n  found: 'a' 2 times"),
    ],
)
def test_frames_with_such_names_are_refused(names, words):
    frame = pd.DataFrame(ROWS, columns=names)
    with pytest.raises(InvalidInputError, match=words):
        ll.MatrixCompletion(**LIGHT).fit(frame)
    model = ll.MatrixCompletion(**LIGHT).fit(NAMED)
    for act in (model.transform, model.fill):
        with pytest.raises(InvalidInputError, match=words):
            act(frame)


@pytest.mark.parametrize(
    "names", [range(4), [0.5, 1, 2, 3], [("a", 1), ("a", 2), ("b", 1), ("b", 2)], list("abcd")]
)
def test_other_names_come_back(names):
    frame = pd.DataFrame(ROWS, columns=names)
    filled = ll.MatrixCompletion(**LIGHT).fit(frame).fill(frame)
    assert filled.columns.equals(frame.columns)
    assert not filled.isna().any().any()


def test_frames_of_all_libraries_are_wrapped():
    for frame in (NAMED, pl.DataFrame(NAMED), pa.table(NAMED)):
        assert wrap_frame(frame).columns == list("abcd")
    assert wrap_frame(ROWS) is None
