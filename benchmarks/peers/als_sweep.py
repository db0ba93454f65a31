"""One sweep of alternating minimisation on ratings shaped and skewed like real ones.

    python benchmarks/peers/als_sweep.py [--threads N] [--ranks 8 16 32]

6,040 x 3,706 with a million ratings. Times are the minimum over repeats, in one process with
cmfrec (if it is installed) and with the sgemm rate of the same moment.
"""

import argparse
import os
import time

SHAPE, RATINGS = (6040, 3706), 1_000_000


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--ranks", type=int, nargs="+", default=[8, 16, 32])
    return parser.parse_args()


def skewed_ratings(rng, shape=SHAPE, count=RATINGS):
    """Ratings whose rows and columns follow heavy-tailed popularity."""
    import numpy as np

    m, n = shape
    rows_p, columns_p = (rng.pareto(1.2, k) + 0.3 for k in (m, n))
    rows_p, columns_p = rows_p / rows_p.sum(), columns_p / columns_p.sum()
    cells = np.zeros(0, np.int64)
    while cells.size < count:
        draw = rng.choice(m, count, p=rows_p) * n + rng.choice(n, count, p=columns_p)
        cells = np.unique(np.concatenate([cells, draw]))
    cells = rng.permutation(cells)[:count]
    factors = rng.standard_normal((m, 6)), rng.standard_normal((n, 6))
    rows, columns = cells // n, cells % n
    stars = (
        3.5
        + np.einsum("pk,pk->p", factors[0][rows], factors[1][columns]) / 4
        + 0.8 * rng.standard_normal(count)
    )
    return rows, columns, np.clip(np.rint(stars), 1, 5)


def best(function, repeats=7):
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def sgemm_rate(dtype):
    """Useful operations a second of a large matrix product, threads as set."""
    import numpy as np

    a = np.random.default_rng(0).standard_normal((1500, 1500)).astype(dtype)
    rate = 2 * 1500**3 / best(lambda: a @ a, 5)
    time.sleep(0.5)  # BLAS threads spin for a while after a call
    return rate


def sweep_operations(counts, k):
    """Useful operations of a sweep: triangle of each rating's rank-one update, right-hand sides, solves."""
    rows = sum(SHAPE)
    return counts * (k * (k + 1) + 2 * k) + rows * (k**3 / 3 + 2 * k**2)


def lowland_sweep(data, k, dtype, form):
    import numpy as np

    from lowland.kernels.sort import sort_both_ways
    from lowland.kernels.systems.rows import solve_rows

    rows, columns, values = data
    row_starts, row_order, row_columns, column_starts, column_order, column_rows = sort_both_ways(
        rows, columns, SHAPE
    )
    centred = (values - values.mean()).astype(dtype)
    by_row, by_column = centred[row_order], centred[column_order]
    precision = 10.0 * np.eye(k)
    state = {"v": np.random.default_rng(0).standard_normal((SHAPE[1], k)).astype(dtype) / np.sqrt(k)}

    def sweep():
        u = solve_rows(state["v"], row_starts, row_columns, by_row, precision=precision, form=form)
        state["v"] = solve_rows(u, column_starts, column_rows, by_column, precision=precision, form=form)

    return best(sweep)


def whole_sweep(data, k, dtype, biases):
    """A step of the solver as users run it: both sides and the objective, biases or not."""
    import numpy as np

    from lowland.measure import Entries
    from lowland.models import General
    from lowland.objectives import make_objective
    from lowland.search import Alternating, make_start

    rows, columns, values = data
    model = General(SHAPE, k, ("row", "column", "global") if biases else ())
    entries = Entries(rows, columns, SHAPE, dtype=dtype)
    objective = make_objective(entries, (values - values.mean()).astype(dtype), model, penalty=10.0)
    rng = np.random.default_rng(0)
    state = [Alternating().init(objective, make_start(objective, "random", rng), rng)[0]]

    def step():
        state[0], _ = Alternating().step(objective, state[0], rng)

    return best(step, 5)


def cmfrec_sweep(data, k, threads, conjugate):
    """Seconds a sweep of cmfrec: the difference of long and short fits, so that set-up drops out."""
    import numpy as np
    from cmfrec import CMF
    from scipy.sparse import coo_matrix

    rows, columns, values = data
    matrix = coo_matrix(
        (values.astype(np.float32), (rows.astype(np.int32), columns.astype(np.int32))), shape=SHAPE
    )

    def fit(sweeps):
        model = CMF(
            k=k, lambda_=10.0, method="als", use_cg=conjugate, user_bias=False, item_bias=False, niter=sweeps,
            nthreads=threads, use_float=True, verbose=False, finalize_chol=False, precompute_for_predictions=False,
        )  # fmt: skip
        start = time.perf_counter()
        model.fit(matrix)
        return time.perf_counter() - start

    fit(1)
    return min((fit(12) - fit(2)) / 10 for _ in range(3))


def main():
    arguments = parse()
    for name in ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(arguments.threads)
    import numpy as np

    data = skewed_ratings(np.random.default_rng(0))
    rows, columns, _ = data
    heavy = [np.sort(np.bincount(x))[::-1] for x in (rows, columns)]
    share = [h[: h.size // 20].sum() / RATINGS for h in heavy]
    print(f"{SHAPE[0]} x {SHAPE[1]}, {RATINGS} ratings; the busiest 5 % of rows and columns hold "
          f"{share[0]:.0%} and {share[1]:.0%}; {arguments.threads} thread(s)")  # fmt: skip
    try:
        import cmfrec  # noqa: F401

        peer = True
    except ImportError:
        peer = False
        print("cmfrec is not installed: no comparison")
    print("milliseconds per sweep")
    names = ("rank", "dtype", "vector", "portable", "step", "with biases", "gemm share", "cmfrec Cholesky", "ratio",
             "cmfrec CG", "ratio")  # fmt: skip
    print(f"| {' | '.join(names)} |\n{'|---' * len(names)}|")
    ratios = []
    for k in arguments.ranks:
        for dtype in ("float32", "float64"):
            rate = sgemm_rate(dtype)
            vector, portable = (lowland_sweep(data, k, dtype, form) for form in ("vector", "portable"))
            step, biased = whole_sweep(data, k, dtype, False), whole_sweep(data, k, dtype, True)
            share = sweep_operations(2 * RATINGS, k) / vector / rate
            cells = [k, dtype, *(f"{1e3 * t:.1f}" for t in (vector, portable, step, biased)), f"{share:.2f}"]
            if peer and dtype == "float32":
                cholesky, conjugate = (cmfrec_sweep(data, k, arguments.threads, cg) for cg in (False, True))
                cells += [f"{1e3 * cholesky:.0f}", f"{cholesky / vector:.1f}", f"{1e3 * conjugate:.0f}",
                          f"{conjugate / vector:.1f}"]  # fmt: skip
            cells += [""] * (len(names) - len(cells))
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
            told = f"alternating sweep, rank {k}, {dtype}, {arguments.threads} thread(s)"
            ratios.append(f"ratio | {told}: share of matrix multiplication | {share:.3g} | higher | limit")
            if peer and dtype == "float32":
                times = cholesky / vector
                ratios.append(
                    f"ratio | {told}: times as fast as cmfrec's Cholesky | {times:.3g} | higher | peer"
                )
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
