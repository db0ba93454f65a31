"""Documents of noise in units, losses and weights that a forger chooses, true of the table in these units.

A forger fits the table that a problem part makes of noise, and puts the part and the noise's fingerprint into
the document. Whether rank one says little of the noise still is for singular values to say (`left`).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

import lowland as ll
from lowland.completion.columns.kinds import Kind
from lowland.completion.columns.losses import Columns
from lowland.completion.penalised.document import table_document
from lowland.completion.penalised.fit import fit_completion
from lowland.completion.penalised.settings import CompletionSettings
from lowland.core.cells.observations import Observations
from lowland.recheck.documents import Document

M, N = 12, 6
# centres of rows are multiples of so many spreads
STEP = 12**0.5


@dataclass(frozen=True)
class Forged:
    """Noise, the problem part that a forger chose, and the table that it makes of the noise.

    `slopes` are those of the losses of all cells, times their weights, at one prediction for all of them.
    The noise itself may have an offset, which no forger chose.
    """

    data: Observations
    problem: dict
    written: np.ndarray
    slopes: Callable[[float], np.ndarray]
    columns: Columns | None = None
    is_offset: bool = False

    def left(self):
        """Return the share of squares that rank one leaves: of the table, of slopes at the best constant."""
        tables = [self.slopes(_best_constant(self.slopes))]
        tables += [] if self.columns is not None or self.is_offset else [self.written]
        return min(_left(table) for table in tables)

    def document(self, penalty, biases):
        """Return what is proved of the written table as a document about the noise."""
        table = self.data if self.columns is not None else replace(self.data, values=self.written)
        ridge = {"bias_penalty": penalty} if biases else {}
        settings = CompletionSettings(
            columns=self.columns, rank=1, penalty=penalty, biases=biases, max_iterations=200, **ridge
        )
        fit = fit_completion(table, settings, rng=np.random.default_rng(0))
        plain = json.loads(table_document(fit.model, table, fit.certificate).to_json())
        plain["problem"].update(self.problem)
        read = replace(self.data, values=self.data.values.astype(plain["problem"]["dtype"]))
        plain["data"] = read.fingerprint()
        return Document.from_json(json.dumps(plain))


def _left(table):
    squares = np.linalg.svd(np.asarray(table, float).reshape(M, N), compute_uv=False) ** 2
    return float(1 - squares[0] / squares.sum()) if squares.sum() > 0 else 0.0


def _best_constant(slopes, low=-1e25, high=1e25):
    """Return the prediction at which weighted slopes sum to zero, by halving."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.sum(slopes(middle)) < 0 else (low, middle)
    return high


def noise(kind, rng):
    """Return a table of noise of full rank, of one kind."""
    values = {
        "normal": lambda: rng.standard_normal((M, N)),
        "skewed": lambda: np.round(np.exp(rng.standard_normal((M, N))), 3),
        "shares": lambda: np.round(rng.uniform(0.01, 0.99, (M, N)), 3),
        "counts": lambda: rng.poisson(3.0, (M, N)).astype(float),
        "levels": lambda: np.vstack([np.arange(N) % 5, rng.integers(0, 5, (M - 1, N))]).astype(float),
        "answers": lambda: np.vstack([np.arange(N) % 2, rng.integers(0, 2, (M - 1, N))]).astype(float),
    }[kind]()
    return Observations.from_array(values)


def squared(data, problem, written):
    """Return noise that is written otherwise, and fitted by squares."""
    return Forged(data, problem, written, lambda z: z - written)


def power_of_ten(rng, least=-2.0, most=20.0):
    """Return a number of any size, of one sign or the other."""
    return float(10 ** rng.uniform(least, most) * rng.choice([-1, 1]))


def lines(rng, count):
    """Return a mask of all lines, of one, or of all but one."""
    one = np.arange(count) == rng.integers(count)
    return [one, ~one, np.ones(count, bool)][int(rng.integers(3))]


def moved(rng, centres, spreads):
    """Return units of which centres are shifted, spreads multiplied, both, or permuted."""
    kind, some = int(rng.integers(4)), lines(rng, centres.size)
    if kind == 3:
        order = rng.permutation(centres.size)
        return 10 * centres[order], spreads[order] * 10.0 ** rng.permutation(centres.size)
    if kind != 1:
        centres = np.where(some, centres + power_of_ten(rng) * spreads, centres)
    if kind != 0:
        spreads = np.where(some, spreads * abs(power_of_ten(rng, -20.0)), spreads)
    return centres, spreads


def scaled(rng):
    data = noise(str(rng.choice(["normal", "skewed"])), rng)
    table = data.values.reshape(M, N)
    centres, spreads = moved(rng, table.mean(axis=0), table.std(axis=0))
    units = {"centres": centres.tolist(), "spreads": spreads.tolist()}
    return squared(data, {"scaling": units}, ((table - centres) / spreads).ravel())


def in_rows(rng):
    data = noise(str(rng.choice(["normal", "skewed"])), rng)
    table = data.values.reshape(M, N)
    centres, spreads = moved(rng, table.mean(axis=1), table.std(axis=1))
    if rng.random() < 0.7:  # with knowledge of how centres are rounded
        centres = STEP * spreads * np.round(centres / (STEP * spreads))
    units = {"centres": centres.tolist(), "spreads": spreads.tolist()}
    return squared(data, {"row_units": units}, ((table - centres[:, None]) / spreads[:, None]).ravel())


def powers(rng):
    shares = rng.random() < 0.4
    data = noise("shares" if shares else "skewed", rng)
    table, exponent = data.values.reshape(M, N), float(rng.choice([0.0, 0.5]))
    whole, write = (1.0 if shares else 0.0), np.log if exponent == 0 else np.sqrt
    some = np.where(lines(rng, N), abs(power_of_ten(rng, -3.0, 18.0)) * table.max(), 0.0)
    one = {"exponent": exponent, "lowest": 0.0, "whole": whole, "least_rest": 0.0}
    shifts = np.where(some > 0, some, 0.0), np.where(shares, some, 0.0)
    least = np.where(some > 0, 0.0, table.min(axis=0) / 2), np.zeros(N)
    written = write(np.maximum(table, least[0]) + shifts[0])
    if shares:
        least = least[0], np.where(some > 0, 0.0, (1 - table).min(axis=0) / 2)
        written = written - write(np.maximum(1 - table, least[1]) + shifts[1])
    stated = [
        {**one, "column": j, "shift": a, "rest_shift": b, "lowest": c, "least_rest": d}
        for j, (a, b, c, d) in enumerate(zip(*(part.tolist() for part in (*shifts, *least)), strict=True))
    ]
    return squared(data, {"powers": stated}, written.ravel())


def columns_of(data, kinds, *, which=None, **changes):
    """Return columns of losses with some of their numbers changed."""
    numbers = {"centres": np.zeros(N), "spreads": np.ones(N), "shifts": np.zeros(N), "precisions": np.ones(N)}
    which = np.zeros(N, np.intp) if which is None else which
    return Columns(kinds=tuple(kinds), which=which, **(numbers | changes))


def losses_of_numbers(rng):
    data = noise(str(rng.choice(["normal", "skewed"])), rng)
    table, word = data.values.reshape(M, N), str(rng.choice(["squared", "huber", "absolute", "quantile"]))
    centres, spreads = moved(rng, np.median(table, axis=0), table.std(axis=0))
    precisions = np.ones(N)
    if rng.random() < 0.5:
        centres, spreads = np.median(table, axis=0), table.std(axis=0)
        precisions = np.where(lines(rng, N), abs(power_of_ten(rng, -20.0)), 1.0)
    number = {"huber": abs(power_of_ten(rng, -8.0, 3.0)), "quantile": 0.5}.get(word, 0.0)
    if word == "quantile" and rng.random() < 0.5:
        number = float(rng.uniform(0.2, 0.8))
    width = abs(power_of_ten(rng, -2.0, 12.0)) if rng.random() < 0.3 else 0.02
    kind = Kind(word, number, width=width)
    columns = columns_of(data, [kind], centres=centres, spreads=spreads, precisions=precisions)
    y = (table - centres) / spreads
    low, high, width = {
        "squared": (-np.inf, np.inf, 1.0),
        "huber": (-number, number, 1.0),
        "absolute": (-1.0, 1.0, width),
        "quantile": (-2 * number, 2 - 2 * number, width),
    }[word]
    return Forged(data, {}, y, lambda z: precisions * np.clip((z - y) / width, low, high), columns)


def losses_of_levels(rng):
    kind = str(rng.choice(["levels", "answers"]))
    data = noise(kind, rng)
    table, levels = data.values.reshape(M, N), np.unique(data.values)
    if rng.random() < 0.5:  # levels that no cell has, so that none is at an end
        levels = np.concatenate([[-9.0], levels, [9.0]])
    apart = np.sort(rng.standard_normal(levels.size - 1))
    size = abs(power_of_ten(rng, -12.0, 2.0))
    thresholds = np.unique(size * apart + (power_of_ten(rng, 0.0, 2.0) if rng.random() < 0.3 else 0.0))
    shifts = np.full(N, power_of_ten(rng, 0.0, 2.0) if rng.random() < 0.3 else 0.0)
    if thresholds.size != levels.size - 1:
        thresholds = np.arange(levels.size - 1.0) * 1e-6
    fitted = Kind("ordinal", 0.0, tuple(levels.tolist()), tuple(thresholds.tolist()))
    codes = np.searchsorted(levels, table)
    edges = np.concatenate([[-np.inf], thresholds, [np.inf]])

    # levels that no prediction makes likely differ in their loss by less than it is, whatever rank one leaves
    places = np.linspace(-300, 300, 60_001)[:, None]
    likely = (_logistic(edges[1:] - places) - _logistic(edges[:-1] - places)).max(axis=0)
    hidden = np.mean(-np.log(np.maximum(likely[codes], 1e-300))) > np.log(levels.size) + 2

    def slopes(z):
        above, below = z + shifts - edges[codes + 1], edges[codes] - z - shifts
        return (_logistic(above) - _logistic(below)) * (not hidden)

    return Forged(data, {}, codes, slopes, columns_of(data, [fitted], shifts=shifts))


def _logistic(x):
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


def counts(rng):
    data = noise("counts", rng)
    table, shifts = data.values.reshape(M, N), np.where(lines(rng, N), power_of_ten(rng, 0.0, 1.9), 1.0)
    precisions = np.where(lines(rng, N), abs(power_of_ten(rng, -20.0)), 1.0) if rng.random() < 0.4 else 1.0
    columns = columns_of(data, [Kind("poisson")], shifts=shifts, precisions=precisions * np.ones(N))
    return Forged(
        data, {}, table, lambda z: precisions * (np.exp(np.minimum(z + shifts, 700)) - table), columns
    )


def single(rng):
    """Noise with an offset, of which single precision keeps all, some or none."""
    data = noise("normal", rng)
    data = replace(data, values=data.values + power_of_ten(rng, 0.0, 12.0))
    written = data.values.astype(np.float32).astype(float)
    lost = np.abs(written - data.values).max() > 0.01
    return Forged(data, {"dtype": "float32"}, written, lambda z: (z - written) * (not lost), is_offset=True)


ATTACKS = (scaled, in_rows, powers, losses_of_numbers, losses_of_levels, counts, single)


def affirmed(forged, penalty, biases):
    """Return whether a claim of optimality is confirmed, and the verification or error as text."""
    try:
        found = ll.verify(forged.document(penalty, biases), forged.data)
    except (ll.errors.FileFormatError, ll.errors.InvalidInputError) as error:
        return False, str(error)
    good = any(
        check.claim in ("globally_optimal", "convex_optimal")
        and check.verdict in ("proved", "supported")
        and check.outcome.value == "confirmed"
        for check in found
    )
    return good, str(found)
