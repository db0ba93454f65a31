"""The page of a quantum state: numbers with error bars, the density matrix, and residuals by setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.report.displays import PredictionDisplay
from lowland.report.matrix_display import MatrixDisplay
from lowland.report.page import FigureEntry, Lead, Page, TableEntry
from lowland.sensing.recovery import RecoveryFit
from lowland.sensing.report import asked_search, prediction_figure

LEVEL = 0.9
# eigenvalues and settings that are listed
MOST_EIGENVALUES, MOST_SETTINGS = 16, 40


@final
@dataclass(frozen=True)
class StateNumber:
    """A number of a state with its standard error and the ends of its interval, NaN if not known."""

    name: str
    value: float
    error: float
    lower: float
    upper: float


def state_page(
    title: str,
    fit: RecoveryFit,
    state: Matrix,
    resampled: Matrix,
    numbers: Sequence[StateNumber],
    settings: Sequence[str] | None,
    caveat: str = "",
) -> Page:
    """Return the page of an estimated state.

    Parameters
    ----------
    title : str
    fit : RecoveryFit
        The maximum-likelihood fit.
    state : ndarray, shape (n, n)
    resampled : ndarray, shape (b, n, n)
    numbers : sequence of StateNumber
        The first is the answer.
    settings : sequence of str, length p, or None
        Setting of each outcome.
    caveat : str
        What the outcomes leave open.
    """
    n = state.shape[0]
    counts, means = fit.objective.y, np.maximum(fit.objective.predict(fit.search.theta), 0.0)
    tables = [_eigenvalues(state, resampled)]
    if settings is not None:
        tables.append(_residuals(counts, means, settings))
    basis = "basis states in binary order" if n & (n - 1) == 0 else "rows and columns"
    largest = float(np.abs(state).max())
    parts = [
        FigureEntry(
            f"Density matrix, {name} part",
            f"Areas are the sizes of the entries of {n} {basis}: blue positive, orange negative.",
            MatrixDisplay(part, largest).plot,
        )
        for name, part in (("real", state.real), ("imaginary", state.imag))
    ]
    return Page(
        title,
        [
            *asked_search(fit.objective.describe(), fit.search),
            ("counts", f"{counts.sum():,.0f} in {counts.size} outcomes"),
            ("error bars", f"{len(resampled)} estimates from counts resampled from the fitted means"),
        ],
        fit.certificate,
        notes=[
            "The estimate maximises the likelihood of the counts over all density matrices. The verdict says "
            "whether that maximum was found; error bars, how far the estimate scatters when counts are drawn "
            "again."
        ],
        tables=tables,
        figures=[prediction_figure(PredictionDisplay(counts, means, "counts"))],
        lead=Lead([_sentence(numbers[0]), *([caveat] if caveat else [])], [_numbers(numbers)], parts),
    )


def _sentence(number: StateNumber) -> str:
    words = f"The {number.name} is {number.value:.4f}"
    return words + (f" \u00b1 {number.error:.4f}." if np.isfinite(number.error) else ".")


def _numbers(numbers: Sequence[StateNumber]) -> TableEntry:
    rows = [
        (
            one.name,
            f"{one.value:.5f}",
            f"{one.error:.5f}" if np.isfinite(one.error) else "",
            f"{one.lower:.4f} to {one.upper:.4f}" if np.isfinite(one.lower) else "",
        )
        for one in numbers
    ]
    return TableEntry("The state", ("number", "value", "standard error", f"{LEVEL:.0%} of resamples"), rows)


def _eigenvalues(state: Matrix, resampled: Matrix) -> TableEntry:
    values = np.linalg.eigvalsh(state)[::-1]
    spread = [np.linalg.eigvalsh(one)[::-1] for one in resampled]
    errors: Vector = np.std(spread, axis=0, ddof=1) if len(spread) > 1 else np.full(values.size, np.nan)
    rows = [
        (str(k + 1), f"{value:.5f}", f"{error:.5f}" if np.isfinite(error) else "")
        for k, (value, error) in enumerate(zip(values[:MOST_EIGENVALUES], errors, strict=False))
    ]
    return TableEntry("Eigenvalues", ("number", "value", "standard error"), rows)


def _residuals(counts: Vector, means: Vector, settings: Sequence[str]) -> TableEntry:
    """Return how far the counts of each setting lie from the fitted means, the farthest first."""
    names = list(dict.fromkeys(settings))
    place = np.array([names.index(name) for name in settings])
    squares = (counts - means) ** 2 / np.maximum(means, 1e-9)
    square, outcomes = np.bincount(place, squares), np.bincount(place)
    order = np.argsort(-square / outcomes, kind="stable")[:MOST_SETTINGS]
    rows = [
        (names[k], f"{np.bincount(place, counts)[k]:,.0f}", str(outcomes[k]), f"{square[k]:.1f}")
        for k in order
    ]
    return TableEntry(
        "Residuals by setting, the largest first",
        ("setting", "counts", "outcomes", "sum of (count - mean)\u00b2 / mean"),
        rows,
    )
