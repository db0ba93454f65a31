"""Problems of documents about linear measurements, given measurement and data."""

from __future__ import annotations

import hashlib

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import FileFormatError
from lowland.core.protocols import Measurement, bounds_rounding
from lowland.recheck.documents import Document, Settings, take_point
from lowland.recheck.matrix_problem import MOST_CELLS, MOST_NUMBERS, MatrixProblem
from lowland.recheck.plain_losses import PlainLoss, PlainLosses
from lowland.recheck.tables import POINT, SIDES


def measured_fingerprint(y: Vector, weights: Vector | None) -> str:
    """Return a hash of real data and weights, by which the same data are recognised."""
    digest = hashlib.sha256(b"measurements")
    for part in (y, weights):
        digest.update(b"none" if part is None else np.ascontiguousarray(part, np.float64).tobytes())
    return digest.hexdigest()


def real_data(y: Matrix, weights: Matrix | None, dtype: str) -> tuple[Vector, Vector | None]:
    """Return data and weights as real numbers, rounded as the fit was: complex numbers are two each."""
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
    names = tuple(name for name in (*POINT, "factor") if name in document.point)
    parts = dict(zip(names, take_point(document, names), strict=True))
    settings = Settings(document.problem)
    structure = settings.word("structure", ("general", "psd"))
    has_unit_trace, nonnegative = settings.flag("unit_trace"), settings.flag("nonnegative")
    free = settings.words("biases", SIDES)
    penalty, bias_penalty = settings.number("penalty"), settings.number("bias_penalty")
    balancing = settings.number("balancing")
    loss = settings.word("loss", ("squared", "poisson", "binomial"))
    dtype = settings.word("dtype", ("float32", "float64"))
    settings.close()
    is_psd = structure == "psd"
    wanted = {"factor"} if is_psd else set(POINT)
    (m, n), numbers = measurement.shape, np.asarray(y)
    u = parts.get("factor" if is_psd else "row_factors", np.zeros(0))
    v = u if is_psd else parts.get("column_factors", np.zeros(0))
    fits = set(names) == wanted and u.ndim == v.ndim == 2 and u.shape[1] == v.shape[1] >= 1
    if not fits or (len(u), len(v)) != (m, n) or (has_unit_trace and not is_psd) or (is_psd and free):
        raise FileFormatError(
            "the certificate's factors do not fit the measurements", f"{u.shape} for {(m, n)}"
        )
    twice = bool(np.iscomplexobj(numbers))
    if numbers.ndim != 1 or numbers.size != measurement.size:
        raise FileFormatError(
            "the data do not fit the measurements", f"{numbers.shape} for {measurement.size}"
        )
    is_complex = np.dtype(measurement.dtype).kind == "c"
    if is_complex:
        u, v = u + 0j, v + 0j
    known = cells if not is_complex else None
    matrices = (
        None if known is not None else measuring_matrices(measurement, twice=twice, is_complex=is_complex)
    )
    real, given = real_data(numbers, weights, dtype)
    biases = [parts.get(name, np.zeros(0)) for name in ("row_biases", "column_biases")]
    return MatrixProblem(
        real,
        np.ones(real.size) if given is None else given,
        u,
        u if is_psd else v,
        known,
        matrices,
        bounds_rounding(measurement),
        losses=PlainLosses((PlainLoss(loss),)),
        free=free,
        row_biases=biases[0],
        column_biases=biases[1],
        offset=float(parts.get("offset", np.zeros(()))),
        penalty=penalty,
        bias_penalty=bias_penalty,
        balancing=balancing,
        is_psd=is_psd,
        has_unit_trace=has_unit_trace,
        is_nonnegative=nonnegative,
        words=f"{loss} loss of {real.size} measurements of a {m} x {n} matrix, rank {u.shape[1]}, {structure}"
        + (" of unit trace" if has_unit_trace else "")
        + (f", penalty {penalty:.4g}" if penalty else ""),
    )


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
        found = np.asarray(measurement.measure_matrix(unit))
        return np.column_stack([found.real, found.imag]).ravel() if twice else np.asarray(found.real)

    for i in range(m):
        for j in range(n):
            unit[i, j] = 1
            out[:, i, j] = measured()
            if is_complex:
                unit[i, j] = 1j
                out[:, i, j] = out[:, i, j] - 1j * measured()
            unit[i, j] = 0
    return out
