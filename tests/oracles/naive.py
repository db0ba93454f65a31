"""Slow, obvious twins: plain loops and textbook formulas, no code shared with the library."""

from fractions import Fraction

import numpy as np


def solve_rows(partner, rows, columns, values, weights, precision, shape):
    """Normal equations of every row, one dense solve each, in float64."""
    out = np.zeros((shape[0], partner.shape[1]))
    for i in range(shape[0]):
        gram, right = precision.astype(float).copy(), np.zeros(partner.shape[1])
        for k in np.flatnonzero(rows == i):
            y = partner[columns[k]].astype(float)
            gram += weights[k] * np.outer(y, y)
            right += weights[k] * values[k] * y
        out[i] = np.linalg.lstsq(gram, right, rcond=None)[0]
    return out


def rank_of_fractions(matrix):
    """Rank by Gaussian elimination in exact rational arithmetic."""
    rows = [[Fraction(float(x)) for x in row] for row in matrix]
    rank = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column] != 0), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for i in range(rank + 1, len(rows)):
            if rows[i][column] == 0:
                continue
            factor = rows[i][column] / rows[rank][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


def completion_jacobian(rows, columns, shape, rank, biases, rng):
    """Derivative of the seen entries in all factors and biases, as a dense integer matrix."""
    m, n = shape
    u, v = rng.integers(1, 1000, (m, rank)), rng.integers(1, 1000, (n, rank))
    width = (m + n) * rank + m + n + 1
    jacobian = np.zeros((len(rows), width), dtype=np.int64)
    for k, (i, j) in enumerate(zip(rows, columns, strict=True)):
        jacobian[k, i * rank : (i + 1) * rank] = v[j]
        jacobian[k, m * rank + j * rank : m * rank + (j + 1) * rank] = u[i]
        at = (m + n) * rank
        jacobian[k, at + i] = "row" in biases
        jacobian[k, at + m + j] = "column" in biases
        jacobian[k, at + m + n] = "global" in biases
    return jacobian


def nuclear_norm_optimum(
    shape, rows, columns, y, weights, penalty, biases, iterations=20000, bias_penalty=0.0, sides=None
):
    """Minimise sum w (X + biases - y)^2 / 2 + penalty ||X||_* by accelerated proximal gradient.

    Biases are refitted exactly in every step by dense least squares. `sides` are weights a, b of rows and
    columns: then the norm is that of sqrt(a_i b_j) X_ij, and row i's bias costs bias_ridge a_i / 2 times
    its square.
    """
    m, n = shape
    a, b = (np.ones(m), np.ones(n)) if sides is None else sides
    scales = 1 / np.sqrt(a[rows] * b[columns])
    ridges = np.concatenate(
        [a] * ("row" in biases) + [b] * ("column" in biases) + [np.zeros(biases.count("global"))]
    )
    design = np.zeros((len(y), 0))
    if "row" in biases:
        design = np.hstack([design, np.eye(m)[rows]])
    if "column" in biases:
        design = np.hstack([design, np.eye(n)[columns]])
    if "global" in biases:
        design = np.hstack([design, np.ones((len(y), 1))])
    root = np.sqrt(weights)
    # penalised biases are data of value zero
    held = np.sqrt(bias_penalty * ridges) if bias_penalty else np.zeros(design.shape[1])
    stacked = np.vstack([design * root[:, None], np.diag(held)])
    basis = np.zeros((len(stacked), 0))
    if design.shape[1]:
        u, s, _ = np.linalg.svd(stacked, full_matrices=False)
        basis = u[:, s > 1e-10 * s[0]]

    def residual(x):
        r = np.concatenate([root * (scales * x[rows, columns] - y), np.zeros(design.shape[1])])
        return r - basis @ (basis.T @ r)

    def value(x):
        return 0.5 * np.sum(residual(x) ** 2) + penalty * np.linalg.norm(x, "nuc")

    step = 1 / (weights * scales**2).max()
    x = z = np.zeros(shape)
    t, best = 1.0, value(x)
    for _ in range(iterations):
        gradient = np.zeros(shape)
        np.add.at(gradient, (rows, columns), scales * root * residual(z)[: len(y)])
        u, s, vt = np.linalg.svd(z - step * gradient, full_matrices=False)
        new = (u * np.maximum(s - step * penalty, 0)) @ vt
        following = (1 + np.sqrt(1 + 4 * t * t)) / 2
        if np.sum((z - new) * (new - x)) > 0:  # restart
            following = 1.0
        z, x, t = new + (t - 1) / following * (new - x), new, following
        now = value(x)
        if abs(best - now) <= 1e-15 * now and _ > 200:
            return min(best, now)
        best = min(best, now)
    return best


def best_weighted_low_rank(matrix, weights, rank, rng, restarts=12, sweeps=400):
    """Least sum w (X - M)^2 / 2 over restarts of plain alternating least squares, all of them at once."""
    v = rng.standard_normal((restarts, matrix.shape[1], rank))
    for _ in range(sweeps):
        u = _solved_rows(v, matrix, weights)
        v = _solved_rows(u, matrix.T, weights.T)
    return float(np.sum(weights * (u @ v.transpose(0, 2, 1) - matrix) ** 2, axis=(1, 2)).min()) / 2


def _solved_rows(v, matrix, weights):
    """Return every row's least-squares factor by its normal equations, for every start."""
    normal = np.einsum("ij,sjk,sjl->sikl", weights, v, v)
    return np.linalg.solve(normal, ((weights * matrix) @ v)[..., None])[..., 0]
