"""Problems of documents about linear measurements, given measurement and data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.fingerprints import ARRAYS, fingerprint_of_arrays
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.promises.protocols import HoldsMatrices, Measurement, bounds_rounding
from lowland.recheck.documents import Document, Settings, take_point
from lowland.recheck.matrices.problem import MOST_CELLS, MOST_NUMBERS, SIDES, MatrixProblem
from lowland.recheck.matrices.tables.problem import (
    DTYPES,
    POINT,
    check_fixed_biases,
    check_weights,
    precision_in_words,
)
from lowland.recheck.matrices.tables.units import doubts_of_rounding
from lowland.recheck.plain_losses import PlainLoss, PlainLosses

# whole numbers below it are exact, and so are products and sums that stay below it
WHOLE = 2.0**53
# losses of counts and frequencies; and losses that are absolute beyond a threshold
COUNTS = ("poisson", "binomial")
ROBUST = ("huber", "absolute")
# thresholds at which a search without noise ends, as a share of the data's median size
LEAST_THRESHOLD = 1e-9


def measured_fingerprint(y: Vector, weights: Vector | None, version: int = ARRAYS[-1]) -> str:
    """Return the fingerprint of real data and weights."""
    parts = (None if part is None else np.asarray(part, np.float64) for part in (y, weights))
    return fingerprint_of_arrays("measurements", parts, version)


def real_data(y: Matrix, weights: Matrix | None, dtype: str) -> tuple[Vector, Vector | None]:
    """Return data and weights as real numbers, rounded as the fit was: complex numbers are two each.

    Raises
    ------
    InvalidInputError
        If they are no vectors of numbers.
    """
    for name, part in (("y", y), ("weights", weights)):
        if part is not None and (part.ndim != 1 or part.dtype.kind not in "biufc"):
            raise InvalidInputError(
                f"{name} must be a vector of numbers", f"{part.dtype} of shape {part.shape}"
            )
    twice = bool(np.iscomplexobj(y))
    real = np.column_stack([y.real, y.imag]).ravel() if twice else np.asarray(y)
    given = None if weights is None else np.repeat(np.asarray(weights), 2 if twice else 1)
    rounded = [None if part is None else part.astype(dtype).astype(np.float64) for part in (real, given)]
    assert rounded[0] is not None
    return rounded[0], rounded[1]


def measured_problem(
    document: Document,
    measurement: Measurement,
    y: Matrix,
    weights: Matrix | None,
    cells: tuple[Indices, Indices] | None = None,
) -> MatrixProblem:
    """Return the problem that a document states for measured data.

    Parameters
    ----------
    document : Document
    measurement : Measurement
    y : ndarray, shape (p,)
        Real or complex.
    weights : ndarray, shape (p,), or None
    cells : tuple of ndarray, optional
        Rows and columns, if the measurements are observed entries.

    Raises
    ------
    FileFormatError
        If settings or factors cannot be read, or do not fit the data.
    """
    is_psd = document.problem.get("structure") == "psd"
    parts = take_point(document, ("factor",) if is_psd else POINT)
    settings = Settings(document.problem)
    structure = settings.word("structure", ("general", "psd"))
    has_unit_trace, nonnegative = settings.flag("unit_trace"), settings.flag("nonnegative")
    free = settings.words("biases", SIDES)
    penalty, bias_penalty = settings.number("penalty"), settings.number("bias_penalty")
    balancing = settings.number("balancing")
    name = settings.word("loss", (*COUNTS, "squared", *ROBUST))
    threshold = settings.number("threshold") if name in ROBUST else 0.0
    dtype = settings.word("dtype", DTYPES)
    settings.close()
    (m, n), u, v = measurement.shape, parts[0], parts[0 if is_psd else 1]
    is_complex = np.dtype(measurement.dtype).kind == "c"
    fits = u.ndim == v.ndim == 2 and u.shape[1] == v.shape[1] >= 1 and (len(u), len(v)) == (m, n)
    fits = fits and (is_complex or not any(np.iscomplexobj(part) for part in parts))
    if not fits or (has_unit_trace and not is_psd) or ((is_psd or is_complex) and free):
        raise FileFormatError(
            "the certificate's factors do not fit the measurements", f"{u.shape} for {(m, n)}"
        )
    if has_unit_trace and (penalty or balancing):
        raise FileFormatError("a matrix of fixed trace has no penalty", f"{penalty:g}, {balancing:g}")
    biases, offset = _biases(parts[2:], free, (m, n))
    u, v = (u + 0j, v + 0j) if is_complex else (u, v)
    real, given = real_data(y, weights, dtype)
    weight = np.ones(real.size) if given is None else given
    twice = bool(np.iscomplexobj(y))
    if (
        real.size != measurement.size * (2 if twice else 1)
        or weight.size != real.size
        or (twice and not is_complex)
    ):
        raise InvalidInputError(
            "the data do not fit the measurements", f"{np.shape(y)} for {measurement.size}"
        )
    check_weights(weight)
    loss = _loss(name, threshold, real)
    said = f" (threshold {threshold:.4g})" if name in ROBUST else ""
    paid = {"penalty": penalty, "bias penalty": bias_penalty, "balancing": balancing}
    known = None if is_complex else cells
    matrices = (
        None if known is not None else measuring_matrices(measurement, twice=twice, is_complex=is_complex)
    )
    return MatrixProblem(
        real,
        weight,
        u,
        u if is_psd else v,
        cells=known,
        matrices=matrices,
        exact=bounds_rounding(measurement),
        losses=PlainLosses((loss,)),
        free=free,
        row_biases=biases[0],
        column_biases=biases[1],
        offset=offset,
        penalty=penalty,
        bias_penalty=bias_penalty,
        balancing=balancing,
        is_psd=is_psd,
        has_unit_trace=has_unit_trace,
        is_nonnegative=nonnegative,
        words=f"{name} loss{said} of {real.size} measurements of a {m} x {n} matrix, rank {u.shape[1]}, "
        + structure
        + (" of unit trace" if has_unit_trace else "")
        + (f", {', '.join(free)} biases" if free else "")
        + "".join(f", {name} {number:.4g}" for name, number in paid.items() if number)
        + (", nonnegative factors" if nonnegative else "")
        + "".join(f", {words}" for words in precision_in_words(dtype)),
        doubts=tuple(doubts_of_rounding(real_data(y, None, "float64")[0], real)),
        is_rounded=dtype == "float32",
        is_given=are_given(measurement, matrices),
    )


def _loss(name: str, threshold: float, y: Vector) -> PlainLoss:
    """Return a loss; raise if data are none that it is of, since its bounds would be wrong.

    A threshold that no search ends at would make the loss of all data vanish beside that of some.
    """
    if name in COUNTS and ((y < 0).any() or (name == "binomial" and (y > 1).any())):
        raise FileFormatError(
            f"the data are none of the certificate's loss {name}", f"{y.min()} to {y.max()}"
        )
    if name not in ROBUST:
        return PlainLoss(name)
    sizes = np.abs(y[y != 0]) if y.any() else np.ones(1)
    if not LEAST_THRESHOLD * np.median(sizes) <= threshold <= sizes.max() * (1 + 1e-12):
        raise FileFormatError(
            "the certificate's threshold is none of its data",
            f"{threshold:.3g} for values up to {sizes.max():.3g}",
        )
    return PlainLoss("clipped", (-threshold, threshold, 1.0) if name == "huber" else (-1.0, 1.0, threshold))


def are_given(measurement: Measurement, matrices: Matrix | None) -> bool:
    """Return whether matrices read off a measurement are its own to the last bit, not rounded products."""
    if matrices is None or isinstance(measurement, HoldsMatrices):
        return True
    parts = (matrices.real, matrices.imag)
    return all(bool(np.all(part % 1 == 0) and np.all(np.abs(part) < WHOLE)) for part in parts)


def _biases(
    given: list[NDArray[Any]], free: tuple[str, ...], shape: tuple[int, int]
) -> tuple[tuple[Vector, Vector], float]:
    """Return row and column biases and the overall one of a point, checked."""
    if not given:
        return (np.zeros(0), np.zeros(0)), 0.0
    for side, part, wanted in zip(SIDES, given, ((shape[0],), (shape[1],), ()), strict=True):
        if part.shape != (wanted if side in free or side == "global" else (0,)):
            raise FileFormatError(
                "the certificate's biases do not fit the measurements", f"{side}: {part.shape}"
            )
    check_fixed_biases(free, given)
    return (given[0], given[1]), float(given[2])


def measuring_matrices(measurement: Measurement, *, twice: bool, is_complex: bool) -> Matrix | None:
    """Return the measuring matrices, read off by measuring one entry at a time; None if they are too large.

    Parameters
    ----------
    measurement : Measurement
    twice : bool
        Whether real and imaginary parts of complex measurements count, in turn.
    is_complex : bool
        Whether the matrix is complex.

    Returns
    -------
    ndarray, shape (p, m, n), or None
        Measurement k of X is the real part of the sum of entry k times X.
    """
    (m, n), count = measurement.shape, measurement.size * (2 if twice else 1)
    if m * n > MOST_CELLS or count * m * n * (2 if is_complex else 1) > MOST_NUMBERS:
        return None
    out = np.zeros((count, m, n), np.complex128 if is_complex else np.float64)
    unit = np.zeros((m, n), out.dtype)

    def measured() -> Vector:
        values = np.asarray(measurement.measure_matrix(unit))
        return np.column_stack([values.real, values.imag]).ravel() if twice else np.asarray(values.real)

    for i in range(m):
        for j in range(n):
            unit[i, j] = 1
            out[:, i, j] = measured()
            if is_complex:
                unit[i, j] = 1j
                out[:, i, j] = out[:, i, j] - 1j * measured()
            unit[i, j] = 0
    return out
