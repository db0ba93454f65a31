"""The Bayesian model of completion by its definition: dense arrays, loops over cells."""

import numpy as np
from scipy.special import gammaln

TAU = 2.0


def unpacked(packed, d):
    full = np.zeros((len(packed), d, d))
    at = np.tril_indices(d)
    full[:, at[0], at[1]] = packed
    full[:, at[1], at[0]] = packed
    return full


def parts(objective, posterior):
    """Means, full covariances, prior means and precisions of both sides."""
    rows, columns = (np.asarray(side, float) for side in objective.sides(posterior.theta))
    d = rows.shape[1]
    covariances = [
        unpacked(np.asarray(c, float), d) for c in (posterior.row_covariances, posterior.column_covariances)
    ]
    designs = [dense_design(prior) for prior in objective.priors]
    coefficients = [np.asarray(c, float) for c in (posterior.row_coefficients, posterior.column_coefficients)]
    means = [design @ b for design, b in zip(designs, coefficients, strict=True)]
    precisions = (posterior.row_precision, posterior.column_precision)
    return (rows, columns), covariances, means, precisions, coefficients


def dense_design(prior):
    """The features of a prior, the constant first, each column by itself."""
    return prior.design.forward(np.eye(prior.features))


def cells_of(objective):
    """Positions, values and weights of the observed cells, row by row."""
    block = objective.cells.sides[0].block
    rows = np.repeat(np.arange(objective.cells.shape[0]), np.diff(block.starts))
    weights = np.ones(rows.size) if block.weights is None else block.weights
    return rows, block.partners, block.values, weights


def expected_square(objective, sides, covariances, i, j, y):
    """E (y - p.q - b - c)^2 for independent Gaussian rows."""
    r = objective.model.rank
    biased = bool(objective.model.biases)
    (a, b), (s, t) = (sides[0][i], sides[1][j]), (covariances[0][i], covariances[1][j])
    first = np.append(a[:r], 1.0) if biased else a  # what the column's coordinates are multiplied by
    second = np.append(b[:r], 1.0) if biased else b
    mean = a[:r] @ b[:r] + (a[r] + b[r] if biased else 0.0)
    variance = second @ s @ second + first @ t @ first + np.sum(s[:r, :r] * t[:r, :r])
    return (y - mean) ** 2 + variance


def bound(objective, posterior):
    """Minus the bound on the evidence, up to the constants of the priors."""
    sides, covariances, means, precisions, coefficients = parts(objective, posterior)
    alpha, n = posterior.noise_precision, objective.cells.shape[1]
    errors, counts, total = np.zeros(n), np.zeros(n), 0.0
    for i, j, y, w in zip(*cells_of(objective), strict=True):
        w = float(w)
        errors[j] += w * expected_square(objective, sides, covariances, i, j, float(y))
        counts[j] += 1
        total -= 0.5 * np.log(w * alpha / (2 * np.pi))
    if objective.column_noise:  # tau_j ~ Gamma(TAU, TAU), averaged over
        shape, rate = TAU + counts / 2, TAU + alpha * errors / 2
        total -= np.sum(gammaln(shape) - shape * np.log(rate) - gammaln(TAU) + TAU * np.log(TAU))
    else:
        total += alpha * errors.sum() / 2
    for side, cov, mean, precision, b, prior in zip(
        sides, covariances, means, precisions, coefficients, objective.priors, strict=True
    ):
        d = side.shape[1]
        size = np.linalg.slogdet(precision)[1]
        for a, s, m in zip(side, cov, mean, strict=True):
            total += 0.5 * (
                (a - m) @ precision @ (a - m) + np.sum(precision * s) - size + d * np.log(2 * np.pi)
            )
            total -= 0.5 * (np.linalg.slogdet(s)[1] + d * (1 + np.log(2 * np.pi)))
        total += 0.5 * np.sum(precision * (b.T @ b + prior.scale * np.eye(d)))
        total -= 0.5 * (prior.weight - len(side)) * size
    return total


def row_system(objective, partner, covariances, precision, mean, i, side, alpha, tau):
    """Precision and shift of one row given the other side's moments, cell by cell."""
    r, biased = objective.model.rank, bool(objective.model.biases)
    rows, columns, values, weights = cells_of(objective)
    lines, others = (rows, columns) if side == 0 else (columns, rows)
    left, right = precision.copy(), precision @ mean
    for k in np.flatnonzero(lines == i):
        q, s = partner[others[k]], covariances[others[k]]
        x = np.append(q[:r], 1.0) if biased else q
        second = np.outer(x, x)
        second[:r, :r] += s[:r, :r]
        w = alpha * weights[k] * tau[columns[k]]
        left += w * second
        right += w * (values[k] - (q[r] if biased else 0.0)) * x
        if biased:
            right[:r] -= w * s[r, :r]
    return left, right
