"""Naive ReLU networks: loops, sampling and definitions."""

from itertools import chain, combinations

import numpy as np


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
    return {tuple(bool(v) for v in p) for p in np.unique((rows @ weights.T > 0).T, axis=0)}


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
