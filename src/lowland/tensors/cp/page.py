"""What the page of a CP decomposition says of its components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Verdict
from lowland.report.page import FigureEntry, TableEntry
from lowland.tensors.page_parts import factor_figure

# components that are drawn, each in a colour of its own
DRAWN = 5
# dependence of columns, in units of the relative error, below which the fit's errors may decide on it
FRAGILE = 10.0


def uniqueness_sentences(certificate: Certificate | None, relative_error: float) -> list[str]:
    """Return whether components may be interpreted, if that was judged."""
    if certificate is None:
        return []
    finding = certificate["unique_decomposition"]
    smallest = float(finding.witness.get("smallest", 1.0))
    if finding.verdict is Verdict.PROVED and smallest < FRAGILE * relative_error:
        return [
            "No other components of this number add up to the fitted tensor, but some columns are so nearly "
            "dependent that errors of the size of the residual could make others of it: interpret with care."
        ]
    if finding.verdict is Verdict.PROVED:
        return ["No other components of this number add up to the fitted tensor: they may be interpreted."]
    if finding.verdict is Verdict.REFUTED:
        return ["Other components add up to the same tensor: these must not be interpreted one by one."]
    return []


def components_table(strengths: Vector, cosines: Matrix) -> TableEntry:
    """Return the table of components: their strengths, and how similar each is to another."""
    square = float(np.sum(strengths**2)) or 1.0
    near = cosines - 2 * np.eye(strengths.size)
    rows = [
        (
            str(k + 1),
            f"{strength:.4g}",
            f"{strength**2 / square:.1%}",
            "" if near.shape[0] == 1 else f"{near[k].max():.3f}",
        )
        for k, strength in enumerate(strengths)
    ]
    columns = ("component", "strength", "share of squares", "largest cosine with another")
    return TableEntry("Components", columns, rows)


def component_figures(
    factors: Sequence[Matrix],
    kept_scales: NDArray[np.bool_],
    names: Sequence[str],
    coordinates: Sequence[NDArray[Any] | None],
) -> list[FigureEntry]:
    """Return a plot of the components along each mode, given which columns have a known scale."""
    figures = []
    for factor, kept, name, along in zip(factors, kept_scales, names, coordinates, strict=True):
        scale = (
            "those that are known as they are, the others of length one" if kept.any() else "of length one"
        )
        words = f"The components along {name}, {scale}."
        figures.append(factor_figure(factor, name, along, words, DRAWN))
    return figures
