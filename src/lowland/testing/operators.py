"""Contracts of measurements: adjoint, linearity, agreement of `measure` and `measure_matrix`."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.doors import public
from lowland.core.promises.protocols import Measurement
from lowland.core.results.records import Factors
from lowland.core.work import counted

# relative to the norms, not to the value: looser tests would miss a scaling error of 1e-8
TOLERANCE = {"float64": 1e-12, "float32": 2e-5, "complex128": 1e-12, "complex64": 2e-5}


def random_numbers(shape: tuple[int, ...], dtype: np.dtype[Any], rng: np.random.Generator) -> Matrix:
    """Return normal numbers of a real or complex type."""
    real: Matrix = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        real = real + 1j * rng.standard_normal(shape)
    return real.astype(dtype)


@public("lowland.testing")
def check_adjoint(measurement: Measurement, rng: np.random.Generator, *, n_trials: int = 10) -> None:
    """Check <A(X), w> = <X, A*(w)> on random matrices and weights, relative to the norms.

    Inner products are Re tr(X^H Y), even if complex matrices have real measurements.

    Parameters
    ----------
    measurement : Measurement
        Sampling operators should have repeated positions: otherwise an adjoint that assigns instead of
        adding would pass.
    rng : numpy.random.Generator
    n_trials : int
        Number of random pairs.

    Raises
    ------
    AssertionError
        If the two sides differ, or the products of the adjoint disagree with its dense form.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.testing import check_adjoint
    >>> A = ll.Entries([0, 1, 1], [0, 2, 2], (2, 3))
    >>> check_adjoint(A, np.random.default_rng(0))
    >>> A.adjoint = ll.Entries([0, 1, 1], [0, 2, 1], (2, 3)).adjoint  # one position is wrong
    >>> check_adjoint(A, np.random.default_rng(0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: <A X, w> and <X, A* w> differ by ...
    """
    tolerance = TOLERANCE[str(measurement.dtype)]
    m, n = measurement.shape
    for _ in range(n_trials):
        matrix = random_numbers((m, n), measurement.dtype, rng)
        image = measurement.measure_matrix(matrix)
        weights = random_numbers((measurement.size,), image.dtype, rng)
        operator = measurement.adjoint(weights)
        dense = operator.toarray()
        scale = float(np.linalg.norm(image) * np.linalg.norm(weights))
        scale += float(np.linalg.norm(matrix) * np.linalg.norm(dense))
        error = abs(float(np.vdot(weights, image).real) - float(np.vdot(dense, matrix).real))
        assert error <= tolerance * max(scale, 1e-300), (
            f"<A X, w> and <X, A* w> differ by {error:.3g} at {scale:.3g}"
        )
        for name, product, factor in (
            ("matmat", operator.matmat, dense),
            ("rmatmat", operator.rmatmat, dense.conj().T),
        ):
            block = random_numbers((factor.shape[1], 3), measurement.dtype, rng)
            difference = np.linalg.norm(product(block) - factor @ block)
            limit = tolerance * float(np.linalg.norm(factor) * np.linalg.norm(block))
            assert difference <= max(limit, 1e-300), f"{name} of the adjoint differs from its dense form"


@public("lowland.testing")
def check_measure(measurement: Measurement, rng: np.random.Generator, *, n_trials: int = 5) -> None:
    """Check linearity, and that measuring factors equals measuring their product.

    Parameters
    ----------
    measurement : Measurement
    rng : numpy.random.Generator
    n_trials : int

    Raises
    ------
    AssertionError
        If they differ beyond rounding.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.testing import check_measure
    >>> A = ll.Entries([0, 1, 1], [0, 1, 0], (2, 2))
    >>> check_measure(A, np.random.default_rng(0))
    >>> A.measure_matrix = lambda X: X[A.columns, A.rows]  # the transpose
    >>> check_measure(A, np.random.default_rng(0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: measuring factors differs from measuring their product...
    """
    tolerance = 10 * TOLERANCE[str(measurement.dtype)]
    m, n = measurement.shape
    for width in (1, 3):
        for _ in range(n_trials):
            left, right = (random_numbers((k, width), measurement.dtype, rng) for k in (m, n))
            image = measurement.measure(Factors(left, right))
            twin = measurement.measure_matrix(left @ right.conj().T)
            assert image.shape == (measurement.size,), (
                f"shape {image.shape} for {measurement.size} measurements"
            )
            limit = tolerance * max(
                float(np.linalg.norm(twin)), float(np.linalg.norm(left) * np.linalg.norm(right))
            )
            assert np.linalg.norm(image - twin) <= limit, (
                "measuring factors differs from measuring their product"
            )
            other = random_numbers((m, n), measurement.dtype, rng)
            together = measurement.measure_matrix(2 * (left @ right.conj().T) + other)
            apart = 2 * twin + measurement.measure_matrix(other)
            limit = tolerance * (float(np.linalg.norm(apart)) + float(np.linalg.norm(other)))
            assert np.linalg.norm(together - apart) <= limit, "the measurement is not linear"


@public("lowland.testing")
def check_work(measurement: Measurement, rng: np.random.Generator) -> None:
    """Check that a measurement counts its work, by which judges are kept within their budget.

    Parameters
    ----------
    measurement : Measurement
    rng : numpy.random.Generator

    Raises
    ------
    AssertionError
        If measuring, or a product with the adjoint, reports no work to `lowland.core.work.touch`.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.testing import check_work
    >>> A = ll.Entries([0, 1, 1], [0, 1, 0], (2, 2))
    >>> check_work(A, np.random.default_rng(0))
    >>> A.measure = lambda factors: factors.at(A.rows, A.columns)  # right, but not counted
    >>> check_work(A, np.random.default_rng(0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: measure counts no work: it must call touch...
    """
    m, n = measurement.shape
    left, right = (random_numbers((length, 2), measurement.dtype, rng) for length in (m, n))
    with counted() as measuring:
        image = measurement.measure(Factors(left, right))
    assert measuring.spent > 0, "measure counts no work: it must call touch"
    with counted() as going_back:
        measurement.adjoint(image).matmat(right)
    assert going_back.spent > 0, "the adjoint counts no work: it, or its products, must call touch"
