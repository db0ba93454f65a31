"""The radius without another solution: violations on instances with two, and how sharp it is.

python benchmarks/accuracy/exclusion.py [--instances 3000]

Two matrices of a rank are drawn, and measurements that do not tell them apart.
"""

import argparse

import numpy as np

import lowland as ll
from lowland.certificates.uniqueness.isolation_radius import prove_exclusion
from lowland.measure import Dense
from lowland.models import General, Psd
from lowland.objectives import make_objective


def instance(rng, n, r, m, symmetric, spread):
    u, v = rng.standard_normal((2, n, r))
    du, dv = spread * rng.standard_normal((2, n, r))
    if symmetric:
        v, dv = u, du
    x, y = u @ v.T, (u + du) @ (v + dv).T
    unseen = (y - x).ravel() / np.linalg.norm(y - x)
    table = rng.standard_normal((m, n, n))
    table = ((table + table.transpose(0, 2, 1)) / 2 if symmetric else table).reshape(m, -1)
    table -= np.outer(table @ unseen, unseen)
    return u, v, x, y, Dense(table.reshape(m, n, n), symmetric=symmetric)


def ratio(u, v, x, y, measurement, symmetric):
    """Distance of the other solution over the radius, the distance along the tangent space; None without proof."""
    model = (Psd if symmetric else General)(x.shape, u.shape[1])
    objective = make_objective(measurement, measurement.measure_matrix(x), model)
    found = prove_exclusion(objective, objective.from_factors(ll.Factors(u, v)))
    if found is None:
        return None
    p, q = (np.eye(len(f)) - f @ np.linalg.pinv(f) for f in (u, v))
    along = (y - x) - p @ (y - x) @ q
    return float(np.linalg.norm(along)) / found.radius, float(np.linalg.norm(y - x)) / found.radius


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=3000)
    count = parser.parse_args().instances
    rng = np.random.default_rng(0)
    ratios = []
    for k in range(count):
        n, r, symmetric = int(rng.integers(3, 8)), int(rng.integers(1, 3)), bool(k % 2)
        dof = n * r - r * (r - 1) // 2 if symmetric else r * (2 * n - r)
        size, spread = int(rng.integers(dof, 4 * dof)), 10 ** rng.uniform(-1.5, 0.5)
        found = ratio(*instance(rng, n, r, size, symmetric, spread), symmetric)
        if found is not None:
            ratios.append(found[0])
    ratios = np.array(ratios)
    print(f"{count} instances, {ratios.size} with a radius: {np.sum(ratios < 1)} violations, "
          f"smallest ratio {ratios.min():.3f}, median {np.median(ratios):.3g}")  # fmt: skip
    print(
        "| n = 4, rank 1, 70 measurements: spread of the other solution | median of distance over radius |\n|---|---|"
    )
    for spread in (0.1, 0.3, 1.0, 3.0):
        found = [ratio(*instance(rng, 4, 1, 70, False, spread), False) for _ in range(200)]
        print(f"| {spread} | {np.median([pair[1] for pair in found if pair]):.3g} |")


if __name__ == "__main__":
    main()
