"""What the page of a Tucker decomposition says of its core and factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.findings import Certificate
from lowland.report.page import FigureEntry, TableEntry
from lowland.tensors.displays import DRAWN, CoreDisplay, ModeSpectraDisplay
from lowland.tensors.page_parts import factor_figure
from lowland.tensors.search.starts import mode_spectrum
from lowland.tensors.tucker.ranks import RankChoice
from lowland.tensors.tucker_tensor import TuckerTensor

# most cells of a dense tensor whose spectra are drawn
MOST_CELLS_FOR_SPECTRA = 20_000_000


def bound_notes(certificate: Certificate | None) -> list[str]:
    """Return how far the fit may be from the best one, if that was judged."""
    if certificate is None or "globally_optimal" not in certificate:
        return []
    witness = certificate["globally_optimal"].witness
    if "ratio" in witness:
        return [
            f"The error is {witness['ratio']:.4g} times a lower bound that holds for every decomposition of "
            "these ranks; at a ratio of 1 the fit is the best possible."
        ]
    if "lower_bound" not in witness:
        return ["With missing or weighted cells no bound on the best possible error is known."]
    return []


def choice_tables(choice: RankChoice | None) -> list[TableEntry]:
    """Return the table of ranks that were compared by held-out cells, if they were."""
    if choice is None:
        return []
    steps = [
        (", ".join(str(rank) for rank in ranks), f"{error:.4g}", "chosen" if ranks == choice.ranks else "")
        for ranks, error in choice.steps
    ]
    words = f"Choice of the ranks by {choice.held_out} held-out cells"
    return [TableEntry(words, ("ranks", "error", ""), steps)]


def spectra_figure(
    tensor: Matrix | None, ranks: Sequence[int], spectra: Sequence[Vector], names: Sequence[str]
) -> FigureEntry:
    """Return the plot of singular values by mode: of the data where they are complete, else of the model."""
    words = "Singular values of the model's unfoldings."
    if tensor is not None and tensor.size <= MOST_CELLS_FOR_SPECTRA:
        spectra = [mode_spectrum(tensor, n)[: 3 * rank + 5] for n, rank in enumerate(ranks)]
        words = "Singular values of the data's unfoldings: a drop after the rank supports it."
    return FigureEntry("Spectra of the modes", words, ModeSpectraDisplay(spectra, names).plot)


def parts_figures(
    parts: TuckerTensor, names: Sequence[str], coordinates: Sequence[NDArray[Any] | None]
) -> list[FigureEntry]:
    """Return plots of the factors and of the core."""
    figures = []
    for factor, name, along in zip(parts.factors, names, coordinates, strict=True):
        words = f"The first {min(DRAWN, factor.shape[1])} columns of the factor of {name}, orthonormal."
        figures.append(factor_figure(factor, name, along, words, DRAWN))
    core = parts.core
    shares = np.sort(core.ravel() ** 2)[::-1] / max(float(np.sum(core**2)), np.finfo(float).tiny)
    words = f"The largest entries of the core; the largest has {shares[0]:.1%} of its sum of squares."
    return [*figures, FigureEntry("Core", words, CoreDisplay(core).plot)]
