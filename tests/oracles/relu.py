"""Naive ReLU networks: loops, sampling and definitions."""

from fractions import Fraction
from itertools import chain, combinations

import numpy as np

from oracles import rationals


def outputs(network, inputs):
    found = []
    for x in inputs:
        h = np.asarray(x, float)
        for k, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
            z = np.array([sum(wi * hi for wi, hi in zip(row, h, strict=True)) for row in w])
            z = z if b is None else z + b
            h = z if k == len(network.weights) - 1 else np.array([max(v, 0.0) for v in z])
        found.append(h[0])
    return np.array(found)


def sampled_patterns(rows, rng, draws=400_000):
    """Patterns that random weights have: few of them missing where regions are not tiny."""
    weights = rng.standard_normal((draws, rows.shape[1]))
    active = rows @ weights.T > 0
    # a pattern as one number, bit by bit
    _, first = np.unique((1 << np.arange(len(rows))) @ active, return_index=True)
    return {tuple(bool(v) for v in active[:, k]) for k in first}


def union_rank(active, copies):
    """The matroid union formula over all subsets."""
    n = len(active)
    subsets = chain.from_iterable(combinations(range(n), k) for k in range(n + 1))
    return min(
        n - len(s) + copies * (int(np.linalg.matrix_rank(active[list(s)].astype(float))) if s else 0)
        for s in subsets
    )


def jacobian(active, points):
    return (active[:, :, None] * points[:, None, :]).reshape(len(active), -1)


def variation_weight(x, t):
    """By its definition with expectations; both sides non-empty."""

    def one(sign):
        side = [xi for xi in x if sign * xi < sign * t]
        if not side:
            return 0.0
        share, mean = len(side) / len(x), float(np.mean(side))
        return share**2 * sign * (t - mean) * np.sqrt(1 + mean**2)

    return min(one(1), one(-1))


def variation_across(x, u, t):
    """The weight of a hyperplane u.x = t by its definition, of several inputs."""

    def one(sign):
        side = [xi for xi in x if sign * (xi @ u) > sign * t]
        if not side:
            return 0.0
        share, mean = len(side) / len(x), np.mean(side, axis=0)
        return share**2 * sign * (mean @ u - t) * np.sqrt(1 + mean @ mean)

    return min(one(1), one(-1))


def dense_hessian(network, x, y):
    """The Hessian of 1/(2 n) sum (f - y)^2 point by point; a row per weight, bias, output weight, offset."""
    (inner, (outer,)), (bias, offset) = network.weights, network.biases
    (k, d), n = inner.shape, len(x)
    shifts, last = np.zeros(k) if bias is None else bias, 0.0 if offset is None else offset[0]
    hessian = np.zeros((k * d + 2 * k + 1,) * 2)
    for xi, yi in zip(x, y, strict=True):
        height = [float(inner[j] @ xi + shifts[j]) for j in range(k)]
        on = [float(h > 0) for h in height]
        slope = [outer[j] * on[j] * xi[i] for j in range(k) for i in range(d)]
        slope += [outer[j] * on[j] for j in range(k)]
        slope += [on[j] * height[j] for j in range(k)] + [1.0]
        hessian += np.outer(slope, slope) / n
        rest = (sum(outer[j] * on[j] * height[j] for j in range(k)) + last - yi) / n
        for j in range(k):
            v = k * d + k + j
            for at, part in [*((j * d + i, xi[i]) for i in range(d)), (k * d + j, 1.0)]:
                hessian[at, v] += rest * on[j] * part
                hessian[v, at] += rest * on[j] * part
    there = [True] * (k * d) + [bias is not None] * k + [True] * k + [offset is not None]
    return hessian[np.ix_(there, there)]


def descend(x, y, parameters, step_size, steps):
    """Gradient descent by matrices."""
    k = (len(parameters) - 1) // 3
    w, b, v, c = (
        parameters[:k].copy(),
        parameters[k : 2 * k].copy(),
        parameters[2 * k : 3 * k].copy(),
        parameters[-1],
    )
    for _ in range(steps):
        z = np.outer(x, w) + b
        on = z > 0
        r = (np.where(on, z, 0) @ v + c - y) / len(x)
        gw, gb, gv = (
            v * ((on * (r * x)[:, None]).sum(0)),
            v * (on * r[:, None]).sum(0),
            (np.where(on, z, 0).T @ r),
        )
        w, b, v, c = w - step_size * gw, b - step_size * gb, v - step_size * gv, c - step_size * r.sum()
    return np.concatenate([w, b, v, [c]])


def inner_minimum(points, targets, outer, active):
    """Return whether an open region of the first layer holds a stationary point, and its loss; exactly.

    Within the region the outputs are linear in the weights: a stationary point solves the normal equations.
    """
    n, d = points.shape
    design = [
        [Fraction(int(active[i, k])) * Fraction(float(outer[k])) * Fraction(float(points[i, j]))
         for k in range(len(outer)) for j in range(d)]
        for i in range(n)
    ]  # fmt: skip
    y = rationals.fractions(targets)
    columns = list(zip(*design, strict=True))
    gram = [[sum(a * b for a, b in zip(p, q, strict=True)) for q in columns] for p in columns]
    right = [sum(a * b for a, b in zip(p, y, strict=True)) for p in columns]
    weights, null = rationals.solve(gram, right)
    rows = []
    for k in range(len(outer)):
        for i in np.flatnonzero(points.any(axis=1)):
            side = 1 if active[i, k] else -1
            row = [Fraction(0)] * len(weights)
            row[k * d : (k + 1) * d] = [side * Fraction(float(x)) for x in points[i]]
            rows.append(row)
    residual = [
        t - sum(a * w for a, w in zip(row, weights, strict=True)) for row, t in zip(design, y, strict=True)
    ]
    return rationals.best_margin(rows, weights, null) > 0, float(sum(r * r for r in residual)) / (2 * n)


def unrest(network, x, y):
    """Largest slope over what residuals of that size could make it, in fractions, and the misfit's share."""
    w, b, v, c = ([Fraction(float(a)) for a in np.atleast_1d(part)] for part in network.univariate())
    xs, ys = rationals.fractions(x), rationals.fractions(y)
    before = [[wk * xi + bk for wk, bk in zip(w, b, strict=True)] for xi in xs]
    hidden = [[max(z, Fraction(0)) for z in row] for row in before]
    residual = [
        sum(a * h for a, h in zip(v, row, strict=True)) + c[0] - yi
        for row, yi in zip(hidden, ys, strict=True)
    ]
    features = [[Fraction(1)] * len(xs)]
    for k in range(len(w)):
        on = [Fraction(int(row[k] > 0)) for row in before]
        features += [[row[k] for row in hidden], [v[k] * o * xi for o, xi in zip(on, xs, strict=True)]]
        features.append([v[k] * o for o in on])
    length = float(sum(r * r for r in residual)) ** 0.5
    shares = [0.0]
    for feature in features:
        size = float(sum(f * f for f in feature)) ** 0.5
        slope = abs(float(sum(f * r for f, r in zip(feature, residual, strict=True))))
        shares.append(slope / (size * length) if size * length > 0 else 0.0)
    return max(shares), length / len(xs) ** 0.5 / float(np.std(y))


class ExactLoss:
    """Curvatures and slopes of 1/2 sum_i s_i (f(x_i) - y_i)^2 in fractions, weights scaled to sum to one."""

    def __init__(self, network, x, y, weights=None):
        (inner, outer), (shift, last) = network.weights, network.biases
        w, v = rationals.fractions(inner[:, 0]), rationals.fractions(outer[0])
        b = [Fraction(0)] * len(w) if shift is None else rationals.fractions(shift)
        c = Fraction(0) if last is None else rationals.fractions(last)[0]
        xs, ys = rationals.fractions(x), rationals.fractions(y)
        given = [Fraction(1)] * len(xs) if weights is None else rationals.fractions(weights)
        self.shares = [s / sum(given) for s in given]
        before = [[wk * xi + bk for wk, bk in zip(w, b, strict=True)] for xi in xs]
        self.is_at_kink = any(z == 0 for row in before for z in row)
        hidden = [[max(z, Fraction(0)) for z in row] for row in before]
        f = [sum(p * h for p, h in zip(v, row, strict=True)) + c for row in hidden]
        self.residual = [a - yi for a, yi in zip(f, ys, strict=True)]
        on = [[Fraction(int(z > 0)) for z in row] for row in before]
        rows = [[xi, Fraction(1)][: 1 + (shift is not None)] for xi in xs]
        # by neuron and weight, for output weights of one
        pulls = [[o[k] * r[j] for o, r in zip(on, rows, strict=True)]
                 for k in range(len(w)) for j in range(len(rows[0]))]  # fmt: skip
        outputs = [*zip(*hidden, strict=True), *([[Fraction(1)] * len(xs)] if last is not None else [])]
        d = len(rows[0])
        features = [[v[m // d] * a for a in pull] for m, pull in enumerate(pulls)] + [*map(list, outputs)]
        self.hessian = [[self.mean(p, q) for q in features] for p in features]
        for m, pull in enumerate(pulls):
            out = len(pulls) + m // d
            self.hessian[m][out] += self.mean(pull, self.residual)
            self.hessian[out][m] += self.mean(pull, self.residual)
        live = [pull for m, pull in enumerate(pulls) if v[m // d]] + [*map(list, outputs)]
        self.unrest = max(map(self.share, live), default=Fraction(0))
        self.pull = max((self.share(p) for m, p in enumerate(pulls) if not v[m // d]), default=Fraction(0))
        centre = self.mean(ys, [Fraction(1)] * len(ys)) if last is not None else Fraction(0)
        self.spread = self.mean(*[[yi - centre for yi in ys]] * 2)

    def mean(self, a, b):
        return sum((s * p * q for s, p, q in zip(self.shares, a, b, strict=True)), Fraction(0))

    def share(self, feature):
        """The squared cosine of the angle between residuals and a feature, 0 if one of them is zero."""
        possible = self.mean(feature, feature) * self.mean(self.residual, self.residual)
        return self.mean(feature, self.residual) ** 2 / possible if possible else Fraction(0)

    def is_at_most(self, limit):
        """Whether no curvature is above a limit."""
        return rationals.is_semidefinite(
            [[limit * (i == j) - a for j, a in enumerate(row)] for i, row in enumerate(self.hessian)]
        )

    def is_at_least(self, limit):
        """Whether no curvature is below a limit."""
        return rationals.is_semidefinite(
            [[a - limit * (i == j) for j, a in enumerate(row)] for i, row in enumerate(self.hessian)]
        )
