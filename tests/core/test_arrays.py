"""What is taken for numbers."""

import numpy as np
import pytest

from lowland.core.arrays import check_floats
from lowland.core.errors import InvalidInputError


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array(["2024-01-02"], "datetime64[s]"), "subtract a time"),
        (np.array([3], "timedelta64[h]"), "divide by a unit"),
        ([1j], "must be real"),
        (["three"], "must hold numbers"),
        ([np.nan], "finite"),
        ([[1.0]], "dimension"),
    ],
)
def test_what_is_no_vector_of_numbers(values, words):
    with pytest.raises(InvalidInputError, match=words):
        check_floats(values, "values", ndim=1)


@pytest.mark.parametrize("kind", [bool, np.int8, np.float32, np.float64, ">f8"])
def test_numbers_keep_single_precision_only(kind):
    array = check_floats(np.ones(3, kind), "values")
    assert array.dtype == (np.float32 if kind is np.float32 else np.float64)
    assert array.tolist() == [1, 1, 1]
