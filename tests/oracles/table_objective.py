"""The objective that a document states on a table, cell by cell and by plain numbers."""

import math


def objective(problem, point, table):
    """Return losses and penalties at a point, in the units that a problem states."""
    u, v = point["row_factors"], point["column_factors"]
    a, b, c = point["row_biases"], point["column_biases"], float(point["offset"])
    total, (m, n) = 0.0, table.shape
    weights = [1.0] * table.size if table.weights is None else table.weights.tolist()
    cells = list(
        zip(table.rows.tolist(), table.columns.tolist(), table.values.tolist(), weights, strict=True)
    )
    for i, j, x, weight in cells:
        z = sum(float(p) * float(q) for p, q in zip(u[i], v[j], strict=True)) + float(a[i]) + float(b[j]) + c
        total += weight * _loss(problem, i, j, x, z)
    counts = ([0] * m, [0] * n)
    for i, j, *_ in cells:
        counts[0][i] += 1
        counts[1][j] += 1
    for factor, bias, known in ((u, a, counts[0]), (v, b, counts[1])):
        for k, seen in enumerate(known):
            heavy = max(seen, 1) * len(known) / len(cells) if problem["penalty_weights"] == "counts" else 1.0
            total += problem["penalty"] / 2 * heavy * sum(float(p) ** 2 for p in factor[k])
            total += problem["bias_penalty"] / 2 * heavy * float(bias[k]) ** 2
    return total


def _loss(problem, i, j, x, z):
    for power in problem["powers"] or ():
        if power["column"] == j:
            x = _written(power, x)
    if problem.get("row_units"):
        x = (x - problem["row_units"]["centres"][i]) / problem["row_units"]["spreads"][i]
    if problem["scaling"]:
        x = (x - problem["scaling"]["centres"][j]) / problem["scaling"]["spreads"][j]
    columns = problem["columns"]
    if columns is None:
        return (z - x) ** 2 / 2
    kind = columns["kinds"][int(columns["which"][j])]
    return columns["precisions"][j] * _of_kind(
        kind,
        kind["levels"].index(x) if kind["levels"] else (x - columns["centres"][j]) / columns["spreads"][j],
        z + columns["shifts"][j],
    )


def _of_kind(kind, y, z):
    numbers = kind["numbers"]
    if kind["loss"] == "squared":
        return (z - y) ** 2 / 2
    if kind["loss"] == "clipped":
        low, high, width = numbers
        slope = min(max((z - y) / width, low), high)
        return slope * (z - y) - width * slope**2 / 2
    if kind["loss"] == "log-Poisson":
        return math.exp(z) - y * z + (y * math.log(y) - y if y else 0.0)
    above = 1.0 if y == len(numbers) else 1 / (1 + math.exp(z - numbers[y]))
    below = 0.0 if y == 0 else 1 / (1 + math.exp(z - numbers[y - 1]))
    return -math.log(above - below)


def _written(power, x):
    write = math.sqrt if power["exponent"] else math.log
    out = write(max(x, power["lowest"]) + power["shift"])
    if power["whole"]:
        out -= write(max(power["whole"] - x, power["least_rest"]) + power["rest_shift"])
    return out
