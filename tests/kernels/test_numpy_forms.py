"""Kernels in NumPy for small problems: the compiled ones' results, row by row, without a compiler."""

import subprocess
import sys

import numpy as np
import pytest

from lowland.core.errors import InvalidInputError
from lowland.kernels import normals, normals_vector, trees
from lowland.kernels.modular_arithmetic import modular
from lowland.kernels.sparse_tables import sparse
from lowland.kernels.systems.conditional_rows import conditional_rows
from lowland.kernels.systems.moments import Moments, row_moments
from lowland.kernels.systems.rows import MODERATE, SMALL, Noise, default_form, solve_rows

KINDS = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def cells(rng, rows=23, partners=11, most=8, dtype=np.float64):
    """Rows of ascending partners, some of them empty."""
    counts = rng.integers(0, most, rows)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    indices = [np.sort(rng.choice(partners, count, replace=False)) for count in counts]
    indices = np.concatenate(indices).astype(np.int32)
    return starts, indices, rng.standard_normal(indices.size).astype(dtype)


def part(starts, indices, values, low, high):
    """The cells of rows low .. high - 1."""
    own = slice(starts[low], starts[high])
    return starts[low : high + 1] - starts[low], indices[own], values[own]


def arrays(found):
    """The arrays of the results of a kernel."""
    if isinstance(found, np.ndarray):
        return [found]
    moments = found.moments
    return [moments.means, moments.covariances, found.log_determinants, found.explained, found.squares]


def kernels(rng, dtype, partners=11, d=4):
    """Calls of the row kernels, given cells, weights, the number of the first row and a form."""
    root = 0.3 * rng.standard_normal((partners, d, d))
    spread = (root @ root.transpose(0, 2, 1))[:, *np.tril_indices(d)]
    moments = Moments(rng.standard_normal((partners, d)).astype(dtype), spread.astype(dtype))
    precision, shifts = np.eye(d) + 0.2, rng.standard_normal((23, d)).astype(dtype)

    def rows(own, weights, first, form):
        shift = shifts[first : first + own[0].size - 1]
        noise = Noise(2**63 + 5, 7, 0.3, first)
        how = {"weights": weights, "precision": precision, "count_ridge": 0.2}
        return solve_rows(moments.means, *own, shift=shift, noise=noise, form=form, **how)

    def expected(own, weights, first, form, *, biased):
        shift = shifts[first : first + own[0].size - 1]
        how = {"weights": weights, "precision": precision, "biased": biased}
        return row_moments(moments, *own, shift=shift, form=form, **how)

    return [
        rows,
        lambda *given: expected(*given, biased=False),
        lambda *given: expected(*given, biased=True),
    ]


@KINDS
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("which", range(3))
def test_row_kernels_agree_with_the_compiled_ones(which, weighted, dtype, rng):
    kernel, own = kernels(rng, dtype)[which], cells(rng, dtype=dtype)
    weights = rng.uniform(0.5, 2, own[1].size).astype(dtype) if weighted else None
    for found, expected in zip(
        *(arrays(kernel(own, weights, 0, f)) for f in ("numpy", "portable")), strict=True
    ):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(
            found, expected, rtol=200 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps
        )


@KINDS
@pytest.mark.parametrize("which", range(3))
def test_a_row_has_the_same_bits_beside_any_others(which, dtype, rng):
    kernel, own = kernels(rng, dtype)[which], cells(rng, dtype=dtype)
    whole = arrays(kernel(own, None, 0, "numpy"))
    for low, high in ((0, 1), (1, 9), (9, 23)):
        for found, expected in zip(
            arrays(kernel(part(*own, low, high), None, low, "numpy")), whole, strict=True
        ):
            np.testing.assert_array_equal(found, expected[low:high])


def test_unknowns_that_cells_do_not_determine_are_zero(rng):
    partner = np.column_stack([np.ones(5), np.zeros(5), np.arange(5.0)])
    starts, indices = np.array([0, 5], np.int64), np.arange(5, dtype=np.int32)
    found = solve_rows(
        partner, starts, indices, 2 + 3 * partner[:, 2], precision=np.zeros((3, 3)), form="numpy"
    )
    np.testing.assert_allclose(found, [[2, 0, 3]], atol=1e-12)


@pytest.mark.parametrize("noise", [None, Noise(3, 4, first=2)])
def test_rows_of_a_gaussian_are_completed_alike(noise, rng):
    own, p = cells(rng, most=11), 11
    root = rng.standard_normal((p, p))
    precision, mean = root @ root.T + np.eye(p), rng.standard_normal(p)
    found, expected = (
        conditional_rows(*own, precision, mean, noise=noise, form=f) for f in ("numpy", "portable")
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    for low, high in ((0, 1), (1, 9), (9, 23)):
        first = None if noise is None else Noise(3, 4, first=2 + low)
        some = conditional_rows(*part(*own, low, high), precision, mean, noise=first, form="numpy")
        np.testing.assert_array_equal(some, found[low:high])


def products(left, right, starts, indices, values, weights):
    """What `sparse` computes at cells."""
    rows = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    return [
        sparse.sample_product(left, right, rows, indices),
        sparse.multiply_rows(starts, indices, values, right),
        sparse.multiply_rows(starts, indices, None, right),
        sparse.squared_errors(left, right, starts, indices, values, None),
        sparse.squared_errors(left, right, starts, indices, values, weights),
        sparse.subtract_gathered(values, right[:, 0], indices),
    ]


@KINDS
@pytest.mark.parametrize("width", [1, 3, 20])
def test_products_at_cells_have_the_bits_of_compiled_ones(width, dtype, rng, monkeypatch):
    """Of any number of cells: predictions of one cell are those of the table."""
    own = cells(rng, dtype=dtype)
    left, right = (rng.standard_normal((n, width)).astype(dtype) for n in (23, 11))
    given = left, right, *own, rng.uniform(1, 2, own[2].size).astype(dtype)
    few = products(*given)
    monkeypatch.setattr(sparse, "WORTH_COMPILING", 0)
    compiled = products(*given)
    monkeypatch.setattr(sparse, "WORTH_LANES", 0)
    for found, expected, in_lanes in zip(few, compiled, products(*given), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(found, in_lanes)


def test_normals_have_the_bits_of_compiled_ones(monkeypatch):
    monkeypatch.setattr(normals, "compiler_is_there", lambda: False)
    for key in (0, 2**63 + 12345678901):
        for sweep in (0, normals.SWEEPS - 1, normals.SWEEPS, 2**32 - 1):
            few = normals.row_normals(37, 13, sweep, key, 5)
            compiled = np.empty_like(few)
            normals_vector.fill_rows(compiled, 4, sweep, np.uint64(key), 5)
            np.testing.assert_array_equal(few, compiled)
    with pytest.raises(ValueError, match="read-only"):
        normals.row_normals(3, 4, 0, 0)[0, 0] = 1  # the next caller would get it


@pytest.mark.parametrize("prime", modular.PRIMES[:2])
def test_elimination_is_that_of_compiled_loops(prime, rng, monkeypatch):
    for rows, columns, rank in ((40, 70, 25), (70, 40, 40), (5, 3, 1), (1, 9, 1)):
        factors = [rng.integers(0, prime, shape).astype(float) for shape in ((rows, rank), (rank, columns))]
        matrix = modular.multiply(*factors, prime)
        matrix[rng.random(matrix.shape) < 0.3] = 0
        few, large = matrix.copy(), matrix.copy()
        pivots = modular.eliminate(few, prime)
        with monkeypatch.context() as patch:
            patch.setattr(modular, "WORTH_COMPILING", 0)
            np.testing.assert_array_equal(modular.eliminate(large, prime), pivots)
        for row, pivot in enumerate(pivots):
            np.testing.assert_array_equal(few[row, pivot:], large[row, pivot:])


def test_trees_have_the_bits_of_compiled_ones(rng, monkeypatch):
    features = np.array([0, 1, -1, -1, -1, 1, -1, -1], np.int16)
    numbers = rng.standard_normal(8).astype(np.float32)
    children = np.array([[1, 2], [3, 4], [0, 0], [0, 0], [0, 0], [6, 7], [0, 0], [0, 0]], np.int32)
    inputs = rng.standard_normal((50, 2)).astype(np.float32)
    inputs[0, 0], inputs[1, 1] = np.nan, numbers[1]
    given = (inputs, np.array([0, 5, 0], np.int32), features, numbers, children)
    few = trees.mean_over_trees(*given)
    monkeypatch.setattr(trees, "WORTH_COMPILING", 0)
    np.testing.assert_array_equal(few, trees.mean_over_trees(*given))


def test_the_form_depends_on_the_whole_table_alone(monkeypatch):
    assert default_form(8, (SMALL // 64, 1)) == "numpy"
    assert default_form(8, (SMALL // 64 + 1, 1)) == default_form(8, (1, MODERATE // 64)) == "portable"
    assert default_form(8, (MODERATE // 64 + 1, 1)) == "vector"
    assert default_form(8) == "vector"
    for form in ("vector", "portable", "numpy"):
        monkeypatch.setenv("LOWLAND_ROW_KERNEL", form)
        assert default_form(8, (10**6, 10**6)) == default_form(8, (2, 2)) == form
    monkeypatch.setenv("LOWLAND_ROW_KERNEL", "fast")
    with pytest.raises(InvalidInputError, match="vector, portable, numpy"):
        default_form(8, (2, 2))


def test_small_fits_need_no_compiler():
    code = """if True:
        import sys, numpy as np, lowland as ll
        ll.MatrixCompletion  # which must not wait for what is not needed yet
        assert not {"numba", "matplotlib", "lowland.certificates"} & set(sys.modules)
        rng = np.random.default_rng(0)
        table = rng.standard_normal((12, 2)) @ rng.standard_normal((2, 3))
        table += 0.1 * rng.standard_normal(table.shape)
        table[rng.random(table.shape) < 0.15] = np.nan
        for method in ("auto", "gibbs", "variational", "map"):
            ll.MatrixCompletion(method=method, random_state=0).fit(table).transform(table)
        assert "numba" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("size", [np.inf, np.nan, 1e300])
def test_overflow_is_no_warning_and_no_error(size, rng):
    """As in compiled code: whoever asks looks at the result."""
    starts, indices, values = cells(rng, most=11)
    values[0] = size
    for kernel in kernels(rng, np.float64):
        kernel((starts, indices, values), None, 0, "numpy")
    root = rng.standard_normal((11, 11))
    precision = root @ root.T + np.eye(11)
    precision[3, 3] = size
    conditional_rows(starts, indices, values, precision, np.zeros(11), form="numpy")
    partner = rng.standard_normal((11, 3)) * size
    sparse.squared_errors(np.ones((23, 3)), partner, starts, indices, values, None)
    sparse.multiply_rows(starts, indices, values, partner)


def test_a_system_that_is_not_positive_definite_spoils_no_other_row():
    precision, mean = np.diag([1.0, -1.0, 2.0]) + 0.1, np.zeros(3)
    starts, values = np.array([0, 2, 4], np.int64), np.ones(4)
    indices = np.array([0, 1, 0, 2], np.int32)  # the second row lacks the column of a negative pivot
    found = conditional_rows(starts, indices, values, precision, mean, form="numpy")
    alone = conditional_rows(starts[:2], indices[:2], values[:2], precision, mean, form="numpy")
    np.testing.assert_array_equal(found[0], alone[0])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(
        found, conditional_rows(starts, indices, values, precision, mean, form="portable"), rtol=1e-9
    )
