from itertools import product

import numpy as np
import pytest

from lowland.kernels import dense_rows, sort, threads
from lowland.kernels.lanes.gram_microkernel import layout, plan_tiles, position
from lowland.kernels.lanes.llvm_simd import ACCUMULATORS
from lowland.kernels.modular_arithmetic import modular
from lowland.kernels.sort import sort_both_ways
from lowland.kernels.sparse_tables import sparse
from lowland.kernels.sparse_tables.sparse import (
    multiply_rows,
    sample_product,
    squared_error,
    subtract_gathered,
)
from lowland.kernels.systems.rows import default_form, solve_rows
from oracles import naive


def table(rng, m=37, n=29, size=400, *, skewed=False):
    rows, columns = rng.integers(0, m, size), rng.integers(0, n, size)
    if skewed:
        rows[: size // 2] = 3
    return rows, columns, rng.standard_normal(size)


@pytest.mark.parametrize("size", [0, 1, 400])
@pytest.mark.parametrize("least", [0, 10_000], ids=["compiled", "plain"])
def test_sort_both_ways(rng, size, least, monkeypatch):
    monkeypatch.setattr(sort, "WORTH_COMPILING", least)
    rows, columns, _ = table(rng, size=size)
    found = sort_both_ways(rows, columns, (37, 29))
    assert [own.dtype.str[1:] for own in found] == ["i8", "i4", "i4"] * 2
    row_starts, row_order, row_columns, column_starts, column_order, column_rows = sort_both_ways(
        rows, columns, (37, 29)
    )
    np.testing.assert_array_equal(row_order, np.lexsort((columns, rows)))
    np.testing.assert_array_equal(column_order, np.lexsort((rows, columns)))
    np.testing.assert_array_equal(row_columns, columns[row_order])
    np.testing.assert_array_equal(column_rows, rows[column_order])
    np.testing.assert_array_equal(np.diff(row_starts), np.bincount(rows, minlength=37))
    np.testing.assert_array_equal(np.diff(column_starts), np.bincount(columns, minlength=29))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("width", "in_lanes"), [(5, False), (5, True), (17, True), (72, True)])
def test_sparse_products(rng, dtype, width, in_lanes, monkeypatch):
    monkeypatch.setattr(sparse, "WORTH_LANES", 0 if in_lanes else np.inf)
    rows, columns, values = table(rng)
    left, right = (
        rng.standard_normal((37, width)).astype(dtype),
        rng.standard_normal((29, width)).astype(dtype),
    )
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    expected = np.array([left[i].astype(float) @ right[j] for i, j in zip(rows, columns, strict=True)])
    np.testing.assert_allclose(
        sample_product(left, right, rows, columns), expected, rtol=tolerance, atol=tolerance
    )
    dense = np.zeros((37, 29))
    np.add.at(dense, (rows, columns), values)
    starts, order, indices, *_ = sort_both_ways(rows, columns, (37, 29))
    product = multiply_rows(starts, indices, values.astype(dtype)[order], right)
    np.testing.assert_allclose(product, dense @ right, rtol=10 * tolerance, atol=10 * tolerance)
    assert product.dtype == dtype
    strided = np.stack([indices, 0 * indices], axis=1)[:, 0]
    again = multiply_rows(starts, strided, values.astype(dtype)[order], right)
    np.testing.assert_array_equal(again, product)
    monkeypatch.setattr(sparse, "WORTH_LANES", np.inf)
    np.testing.assert_array_equal(multiply_rows(starts, indices, values.astype(dtype)[order], right), product)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("width", [1, 5])
def test_squared_error(rng, dtype, weighted, width, monkeypatch):
    rows, columns, values = table(rng, size=5000)
    starts, order, indices, *_ = sort_both_ways(rows, columns, (37, 29))
    left, right = (rng.standard_normal((k, width)).astype(dtype) for k in (37, 29))
    targets, weights = values.astype(dtype)[order], rng.uniform(0.5, 2, 5000).astype(dtype)[order]
    z = np.einsum("pk,pk->p", left[rows[order]].astype(float), right[columns[order]].astype(float))
    expected = np.sum((weights if weighted else 1.0) * (z - targets.astype(float)) ** 2)
    arguments = (left, right, starts, indices, targets, weights if weighted else None)
    found = squared_error(*arguments)
    assert found == pytest.approx(expected, rel=1e-5 if dtype == "float32" else 1e-12)
    monkeypatch.setattr(threads, "WORTH_IT", 1)
    for count in (2, 3):
        monkeypatch.setattr(threads, "thread_count", lambda count=count: count)
        assert squared_error(*arguments) == found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_subtract_gathered(rng, dtype):
    values, bias, indices = (
        rng.standard_normal(50).astype(dtype),
        rng.standard_normal(7),
        rng.integers(0, 7, 50),
    )
    np.testing.assert_array_equal(
        subtract_gathered(values, bias, indices), values - bias.astype(dtype)[indices]
    )


# each is compiled: widths on both sides of the lanes' every day, and all combinations in the slow tests
WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 23, 24, 33]
EVERY_DAY = {(3, "float32", False), (8, "float64", True), (17, "float32", True), (33, "float64", False)}
COMBINED = [
    pytest.param(*case, marks=[pytest.mark.slow] * (case not in EVERY_DAY))
    for case in product(WIDTHS, ("float32", "float64"), (False, True))
]


@pytest.mark.parametrize("form", ["portable", "vector"])
@pytest.mark.parametrize(("k", "dtype", "weighted"), COMBINED)
def test_solve_rows(rng, form, dtype, weighted, k):
    """Both forms against a naive oracle: odd widths, empty rows, a row that holds half the entries."""
    rows, columns, values = table(rng, skewed=True)
    starts, order, indices, *_ = sort_both_ways(rows, columns, (37, 29))
    partner = (rng.standard_normal((29, k)) / np.sqrt(k)).astype(dtype)
    weights = rng.uniform(0.5, 2, values.size).astype(dtype)
    root = rng.standard_normal((k, k))
    precision = 0.5 * np.eye(k) + 0.1 * root @ root.T / k
    solved = solve_rows(
        partner,
        starts,
        indices,
        values.astype(dtype)[order],
        weights=weights[order] if weighted else None,
        precision=precision,
        form=form,
    )
    w = weights.astype(float) if weighted else np.ones(values.size)
    expected = naive.solve_rows(partner, rows, columns, values, w, precision, (37, 29))
    limit = (5e-5 if dtype == "float32" else 1e-12) * np.abs(expected).max()
    assert solved.dtype == dtype
    assert np.abs(solved - expected).max() <= limit


@pytest.mark.parametrize("form", ["portable", "vector"])
def test_shift_and_count_ridge(rng, form):
    rows, columns, values = table(rng)
    starts, order, indices, *_ = sort_both_ways(rows, columns, (37, 29))
    partner, shift = rng.standard_normal((29, 3)), rng.standard_normal(3)
    solved = solve_rows(
        partner, starts, indices, values[order], precision=np.eye(3), shift=shift, count_ridge=0.25, form=form
    )
    for i in range(37):
        seen = rows == i
        y = partner[columns[seen]]
        gram = y.T @ y + (1 + 0.25 * seen.sum()) * np.eye(3)
        np.testing.assert_allclose(solved[i], np.linalg.solve(gram, shift + y.T @ values[seen]), rtol=1e-10)


@pytest.mark.parametrize("form", ["portable", "vector"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_with_too_few_entries_get_a_least_squares_solution(rng, form, dtype):
    """Without a ridge a short row is underdetermined: its entries are fitted, nothing overflows."""
    rows, columns = np.array([0, 0, 1, 2, 2, 2, 2]), np.array([0, 1, 2, 0, 1, 2, 3])
    values = rng.standard_normal(7).astype(dtype)
    starts, order, indices, *_ = sort_both_ways(rows, columns, (4, 5))
    partner = rng.standard_normal((5, 3)).astype(dtype)
    solved = solve_rows(partner, starts, indices, values[order], precision=np.zeros((3, 3)), form=form)
    fitted = np.einsum("pk,pk->p", solved[rows], partner[columns])
    tolerance = 1e-3 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(fitted[:3], values[:3], atol=tolerance)
    assert (solved[3] == 0).all()
    best = np.linalg.lstsq(partner[:4].astype(float), values[3:].astype(float), rcond=None)[0]
    np.testing.assert_allclose(solved[2], best, atol=10 * tolerance)


@pytest.mark.parametrize("form", ["portable", "vector"])
def test_bits_do_not_depend_on_threads(rng, form, monkeypatch):
    monkeypatch.setattr(threads, "WORTH_IT", 1)
    rows, columns, values = table(rng, size=5000, skewed=True)
    starts, order, indices, *_ = sort_both_ways(rows, columns, (37, 29))
    partner = rng.standard_normal((29, 9)).astype("float32")

    def solve(count):
        monkeypatch.setattr(threads, "thread_count", lambda: count)
        return solve_rows(
            partner, starts, indices, values.astype("float32")[order], precision=np.eye(9), form=form
        )

    one = solve(1)
    for count in (2, 3, 7):
        np.testing.assert_array_equal(solve(count), one)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 4, 255, 530])
def test_one_pass_is_a_product_and_its_adjoint(rng, dtype, count, monkeypatch):
    """Rows in any order, some twice; chunks, blocks and groups of four with and without remainders."""
    table = rng.standard_normal((300, 2101)).astype(dtype)
    rows, numbers = rng.integers(300, size=count), rng.standard_normal(2101).astype(dtype)
    shift, weights = rng.standard_normal(count).astype(dtype), rng.random(count).astype(dtype)
    z, total = dense_rows.normal_pass(table, rows, numbers, shift, weights)
    assert z.dtype == total.dtype == dtype
    wide = table[rows].astype(float)
    expected = wide @ numbers
    scale = 1e-4 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(z, expected, atol=scale * 50)
    np.testing.assert_allclose(total, (weights * (expected - shift)) @ wide, atol=scale * 50 * count**0.5)
    monkeypatch.setattr(dense_rows, "THREADED", 0)
    for threads_used in (1, 2, 3):
        monkeypatch.setattr(threads, "thread_count", lambda k=threads_used: k)
        again = dense_rows.normal_pass(table, rows, numbers, shift, weights)
        np.testing.assert_array_equal(again[0], z)
        np.testing.assert_array_equal(again[1], total)


def test_one_pass_in_the_widest_precision(rng):
    """Single matrices at a point in double precision: nothing is rounded to single on the way."""
    table = rng.standard_normal((40, 900)).astype("float32")
    numbers, shift, weights = rng.standard_normal(900), rng.standard_normal(40), rng.random(40)
    z, total = dense_rows.normal_pass(table, np.arange(40), numbers, shift, weights)
    wide = table.astype(float)
    np.testing.assert_allclose(z, wide @ numbers, rtol=1e-12)
    np.testing.assert_allclose(total, (weights * (wide @ numbers - shift)) @ wide, rtol=1e-10)
    for wrong in (-1, 40):
        with pytest.raises(IndexError, match="of a table of 40 rows"):
            dense_rows.normal_pass(table, np.array([0, wrong]), numbers, shift[:2], weights[:2])
    assert not dense_rows.is_large(np.zeros((500, 500), complex))
    assert not dense_rows.is_large(np.zeros((500, 500)), np.zeros(3, complex))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_an_error_in_a_chunk_is_raised_after_all_have_ended(count, monkeypatch):
    monkeypatch.setattr(threads, "thread_count", lambda: count)
    done = []

    def work(low, high):
        if low == 2:
            raise ValueError("chunk two")
        done.append((low, high))

    threads.run_chunks(work, np.array([0, 1, 1, 2]))
    assert sorted(done) == [(0, 1), (1, 2)]
    with pytest.raises(ValueError, match="chunk two"):
        threads.run_chunks(work, np.arange(5))


def test_row_kernel_can_be_chosen(monkeypatch):
    assert default_form(16) == "vector"
    assert default_form(500) == "portable"
    monkeypatch.setenv("LOWLAND_ROW_KERNEL", "portable")
    assert default_form(16) == "portable"
    monkeypatch.setenv("LOWLAND_ROW_KERNEL", "fast")
    with pytest.raises(ValueError, match="LOWLAND_ROW_KERNEL"):
        default_form(16)


@pytest.mark.parametrize("k", range(1, 70))
def test_gram_tiles_cover_the_triangle_once(k):
    blocks, _, vectors = layout(k)
    tiles = plan_tiles(k)
    pairs = [pair for tile, _ in tiles for pair in tile]
    places = [position(k, *pair) for pair in pairs]
    assert sorted(places) == list(range(vectors))
    covered = {
        (max(block * 8 + lane, c), min(block * 8 + lane, c)) for block, c in pairs for lane in range(8)
    }
    assert {(i, j) for i in range(k) for j in range(i + 1)} <= covered
    assert sorted(block for _, right in tiles for block in right) == list(range(blocks))
    assert max(len(tile) for tile, _ in tiles) <= max(ACCUMULATORS, 8)


def test_even_and_balanced_bounds():
    starts = np.array([0, 100, 101, 102, 200])
    bounds = threads.balanced_bounds(starts, 1, 2)
    assert bounds[0] == 0
    assert bounds[-1] == 4
    assert threads.even_bounds(10, 5).tolist() == [0, 10]


# ------------------------------------------------------------------ modular arithmetic
def test_primes_are_prime():
    for prime in modular.PRIMES:
        assert prime < 2**23
        assert all(prime % d for d in range(2, int(prime**0.5) + 1))


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (3, 5), (40, 70), (70, 40), (100, 100)])
@pytest.mark.parametrize("rank", [0, 1, 3])
def test_modular_rank_and_null_vectors(rng, shape, rank):
    prime = modular.PRIME
    if rank > min(shape):
        return
    a, b = rng.integers(0, prime, (shape[0], rank)), rng.integers(0, prime, (rank, shape[1]))
    exact = np.array(
        [
            [sum(int(x) * int(y) for x, y in zip(row, column, strict=True)) % prime for column in b.T]
            for row in a
        ]
    )
    exact = exact.reshape(shape)
    product = modular.multiply(a.astype(float), b.astype(float), prime)
    np.testing.assert_array_equal(product, exact)
    assert modular.rank(product, prime) == rank
    echelon = product.copy()
    pivots = modular.eliminate(echelon, prime)
    null = modular.random_null_vector(echelon, pivots, prime, rng)
    assert not modular.multiply(product, null[:, None], prime).any()


def test_modular_rank_agrees_with_fractions(rng):
    for _ in range(30):
        m, n = rng.integers(1, 9, 2)
        matrix = rng.integers(-2, 3, (m, n)) * rng.choice([0, 1, 1], (m, n))
        residues = modular.residues(matrix.astype(float), modular.PRIME)
        assert modular.rank(residues, modular.PRIME) == naive.rank_of_fractions(matrix)


def test_residues_read_floats_as_fractions(rng):
    prime = modular.PRIME
    values = np.r_[0.0, 1.0, -1.0, 0.5, 1 / 3, 1e-20, -1e20, rng.standard_normal(50)]
    for value, residue in zip(values, modular.residues(values, prime), strict=True):
        numerator, denominator = float(value).as_integer_ratio()
        assert residue == numerator * pow(denominator, -1, prime) % prime


def test_inverse():
    for a in (1, 2, 12345, modular.PRIME - 1):
        assert a * int(modular.inverse(float(a), modular.PRIME)) % modular.PRIME == 1
