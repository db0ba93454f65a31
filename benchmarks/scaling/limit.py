"""Completion near the information limit: successes, digits and seconds, beside R2RILS and scaled descent.

    python benchmarks/scaling/limit.py [--seeds 10] [--port-seeds 3] [--port-cells 3]

Masks have at least as many entries as the rank in every row and column. Those whose modular rank says
that infinitely many completions exist are counted apart.
"""

import argparse
import time

import numpy as np
from scipy.sparse.linalg import LinearOperator, lsqr

from lowland import recover
from lowland.certificates.uniqueness.exact import pattern_rank
from lowland.core.results.records import ObservedPattern
from lowland.datasets import planted_completion
from lowland.search import GradientBelow, Iterations, Scaled, ValueBelow

RANK = 5


def completable(instance):
    m = instance.measurement
    dof = RANK * (sum(m.shape) - RANK)
    result = pattern_rank(
        ObservedPattern(m.rows, m.columns, m.shape, RANK, (), dof), np.random.default_rng(0)
    )
    return result.rank == result.expected


def by_default(instance, seed):
    fit = recover(instance.measurement, instance.y, rank=RANK, rng=seed, certify=False)
    return fit.factors.matrix(), len(fit.attempts)


def by_scaled(instance, seed):
    objective_stop = (
        GradientBelow(1e-14) | ValueBelow(1e-20 * float(instance.y @ instance.y)) | Iterations(4000)
    )
    fit = recover(
        instance.measurement,
        instance.y,
        rank=RANK,
        solver=Scaled(damping=0.0),
        stop=objective_stop,
        rng=seed,
        certify=False,
    )
    return fit.factors.matrix(), 1


def by_r2rils(instance, seed, outer=60, inner=2000):
    """A port from the description: minimum-norm least squares in the tangent form, factors averaged."""
    rows, columns, y = instance.measurement.rows, instance.measurement.columns, instance.y
    m, n = instance.truth.shape
    dense = np.zeros((m, n))
    dense[rows, columns] = y
    u, _, vt = np.linalg.svd(dense, full_matrices=False)
    u, v = u[:, :RANK], vt[:RANK].T
    best, least = dense, np.inf
    for _ in range(outer):

        def forward(x, u=u, v=v):
            a, b = x[: m * RANK].reshape(m, RANK), x[m * RANK :].reshape(n, RANK)
            return np.einsum("pk,pk->p", u[rows], b[columns]) + np.einsum("pk,pk->p", a[rows], v[columns])

        def backward(w, u=u, v=v):
            a, b = np.zeros((m, RANK)), np.zeros((n, RANK))
            np.add.at(a, rows, w[:, None] * v[columns])
            np.add.at(b, columns, w[:, None] * u[rows])
            return np.concatenate([a.ravel(), b.ravel()])

        operator = LinearOperator((y.size, (m + n) * RANK), matvec=forward, rmatvec=backward)
        x = lsqr(operator, y, atol=1e-15, btol=1e-15, iter_lim=inner)[0]
        a, b = x[: m * RANK].reshape(m, RANK), x[m * RANK :].reshape(n, RANK)
        left, s, right = np.linalg.svd(u @ b.T + a @ v.T, full_matrices=False)
        estimate = (left[:, :RANK] * s[:RANK]) @ right[:RANK]
        residual = np.linalg.norm(estimate[rows, columns] - y) / np.linalg.norm(y)
        if residual < least:
            best, least = estimate, residual
        if residual < 1e-14:
            break
        u = u + a / np.linalg.norm(a, axis=0)
        v = v + b / np.linalg.norm(b, axis=0)
        u, v = u / np.linalg.norm(u, axis=0), v / np.linalg.norm(v, axis=0)
    return best, 1


def cell(name, method, n, condition, oversampling, seeds):
    good, apart, worst_error, worst_value, seconds, attempts = 0, 0, 0.0, 0.0, [], []
    for seed in range(seeds):
        instance = planted_completion((n, n), RANK, oversampling, seed, condition=condition, least=RANK)
        if n <= 300 and not completable(instance):
            apart += 1
            continue
        start = time.perf_counter()
        matrix, tries = method(instance, seed)
        seconds.append(time.perf_counter() - start)
        attempts.append(tries)
        error = np.linalg.norm(matrix - instance.truth) / np.linalg.norm(instance.truth)
        if error <= 1e-9:
            good += 1
            values = [np.linalg.svd(x, compute_uv=False)[:RANK] for x in (matrix, instance.truth)]
            worst_value = max(worst_value, float(np.abs(values[0] / values[1] - 1).max()))
            worst_error = max(worst_error, float(error))
    took = f"{np.median(seconds):.2f} | {max(attempts)}" if seconds else " | "
    print(
        f"| {name} | {n} | {condition:g} | {oversampling} | {good}/{seeds - apart} | {apart} | {worst_error:.0e} | "
        f"{worst_value:.0e} | {took} |",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--port-seeds", type=int, default=3, help="of R2RILS: minutes per instance")
    parser.add_argument("--port-cells", type=int, default=3, help="how many of R2RILS's rows are run")
    options = parser.parse_args()
    seeds = options.seeds
    print(
        "| method | n | condition | rho | exact to 1e-9 | not completable | worst error | worst singular value | s (median) | attempts |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    recover_warm = planted_completion((40, 40), 2, 3.0, 0)
    recover(recover_warm.measurement, recover_warm.y, rank=2, rng=0, certify=False)  # compile
    for condition in (10.0, 1e5):
        cell("lowland", by_default, 1000, condition, 1.5, seeds)
        for oversampling in (1.1, 1.2, 1.3):
            cell("lowland", by_default, 300, condition, oversampling, seeds)
    for condition in (10.0, 1e5):
        for oversampling in (1.3, 2.0, 2.9):
            cell("scaled descent", by_scaled, 300, condition, oversampling, min(seeds, 5))
    cell("scaled descent", by_scaled, 1000, 10.0, 2.9, min(seeds, 3))
    for condition, oversampling in ((10.0, 2.0), (10.0, 1.5), (1e5, 2.0))[: options.port_cells]:
        cell("R2RILS (port)", by_r2rils, 300, condition, oversampling, options.port_seeds)


if __name__ == "__main__":
    main()
