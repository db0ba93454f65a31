"""Content of the report of a Tucker decomposition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import UnsupportedError
from lowland.report.page import FigureEntry, Lead, Page, TableEntry
from lowland.tensors.displays import DRAWN, CoreDisplay, FactorDisplay, ModeSpectraDisplay
from lowland.tensors.page_parts import convergence_figures, known_cells_figure, starts_table
from lowland.tensors.residual_map import residual_figure
from lowland.tensors.search.starts import mode_spectrum
from lowland.tensors.tucker.page_records import DecomposedTensor

# most points in the plot of predictions, and cells of a dense tensor whose spectra are drawn
MOST_POINTS, MOST_CELLS_FOR_SPECTRA = 3000, 20_000_000


def tucker_page(
    fit: DecomposedTensor,
    *,
    names: Sequence[str] | None = None,
    coordinates: Sequence[NDArray[Any] | None] = (),
    settings: Sequence[tuple[str, str]] = (),
) -> Page:
    """Return the page of a decomposition.

    Parameters
    ----------
    fit : DecomposedTensor
        A `TuckerFit`.
    names : sequence of str, optional
        Names of the modes.
    coordinates : sequence of ndarray or None, optional
        Coordinates along each mode.
    settings : sequence of pairs
        Settings needed to repeat the run.

    Returns
    -------
    Page
    """
    names = [f"mode {n}" for n in range(len(fit.ranks))] if names is None else list(names)
    return Page(
        f"Tucker decomposition of a {' x '.join(str(k) for k in fit.parts.shape)} tensor",
        _asked(fit),
        fit.certificate,
        notes=_notes(fit),
        tables=_tables(fit),
        figures=_figures(fit, names, coordinates),
        settings=settings,
        lead=Lead(_sentences(fit, names)),
    )


def _sentences(fit: DecomposedTensor, names: Sequence[str]) -> list[str]:
    """Return how well the decomposition describes the tensor, and what it predicts of unseen cells."""
    ranks = ", ".join(f"{rank} of {name}" for rank, name in zip(fit.ranks, names, strict=True))
    told = [
        f"The known cells are described up to a relative error of {fit.relative_error:.3g} by "
        f"{fit.parts.stored_numbers:,} numbers, {fit.compression_ratio:.3g} times fewer than cells: {ranks}."
    ]
    data = fit.objective.data
    if data.observed_share == 1:
        return told
    try:
        error = fit.new_cell_error()
    except UnsupportedError:
        return told
    missing = int(np.prod(data.shape)) - data.size
    told.append(
        f"{missing:,} missing cells were filled. On average they are off by {error.fit:.3g} from the truth, "
        f"and by {error.total:.3g} from a new observation (estimates)."
    )
    return told


def _asked(fit: DecomposedTensor) -> list[tuple[str, str]]:
    data, search = fit.objective.data, fit.search
    asked = [
        ("tensor", f"{data.size} of {int(np.prod(data.shape))} cells known ({data.observed_share:.1%})"),
        ("ranks", ", ".join(str(rank) for rank in fit.ranks)),
        ("relative error", f"{fit.relative_error:.4g} on the known cells"),
        (
            "size",
            f"{fit.parts.stored_numbers} parameters, {fit.compression_ratio:.3g} times fewer than cells",
        ),
        ("solver", search.solver.replace("_", " ")),
        ("stopped", f"{search.stop_reason.value.replace('_', ' ')}: {search.message}"),
        ("objective", f"{search.value:.6g} after {search.iterations} steps in {search.seconds:.2g} s"),
    ]
    if fit.escapes:
        orders = ", ".join(str(order) for order in fit.escapes)
        asked.append(("saddles escaped", f"order {orders}, by changes invisible to the Hessian"))
    try:
        error = fit.new_cell_error()
    except UnsupportedError:
        return asked
    asked.append(
        (
            "expected error",
            f"{error.total:.4g} for a new observation of an unseen cell (an estimate: "
            f"noise {error.noise:.4g}, fit {error.fit:.4g})",
        )
    )
    return asked


def _notes(fit: DecomposedTensor) -> list[str]:
    if fit.certificate is None or "globally_optimal" not in fit.certificate:
        return []
    witness = fit.certificate["globally_optimal"].witness
    if "ratio" in witness:
        return [
            f"The error is {witness['ratio']:.4g} times a lower bound that holds for every decomposition of "
            "these ranks; at a ratio of 1 the fit is the best possible."
        ]
    if "lower_bound" not in witness:
        return ["With missing or weighted cells no bound on the best possible error is known."]
    return []


def _tables(fit: DecomposedTensor) -> tuple[TableEntry, ...]:
    starts = starts_table(fit.attempts)
    if fit.choice is None:
        return (starts,)
    steps = [
        (
            ", ".join(str(rank) for rank in ranks),
            f"{error:.4g}",
            "chosen" if ranks == fit.choice.ranks else "",
        )
        for ranks, error in fit.choice.steps
    ]
    words = f"Choice of the ranks by {fit.choice.held_out} held-out cells"
    return (TableEntry(words, ("ranks", "error", ""), steps), starts)


def _figures(
    fit: DecomposedTensor, names: Sequence[str], coordinates: Sequence[NDArray[Any] | None]
) -> tuple[FigureEntry, ...]:
    data, search = fit.objective.data, fit.search
    figures = [_spectra(fit, names)]
    predicted = fit.objective.predict(search.theta)
    figures += [
        known_cells_figure(data.values, predicted),
        *residual_figure(data, predicted, names, coordinates),
    ]
    along = coordinates or (None,) * len(names)
    for factor, name, place in zip(fit.factors, names, along, strict=True):
        words = f"The first {min(DRAWN, factor.shape[1])} columns of the factor of {name}, orthonormal."
        figures.append(FigureEntry(f"Factor: {name}", words, FactorDisplay(factor, name, place).plot))
    shares = np.sort(fit.core.ravel() ** 2)[::-1] / max(float(np.sum(fit.core**2)), np.finfo(float).tiny)
    words = f"The largest entries of the core; the largest has {shares[0]:.1%} of its sum of squares."
    figures.append(FigureEntry("Core", words, CoreDisplay(fit.core).plot))
    return (*figures, *convergence_figures(search))


def _spectra(fit: DecomposedTensor, names: Sequence[str]) -> FigureEntry:
    tensor = fit.objective.full_tensor
    whole = tensor is not None and tensor.size <= MOST_CELLS_FOR_SPECTRA
    if tensor is not None and whole:
        spectra = [mode_spectrum(tensor, n)[: 3 * rank + 5] for n, rank in enumerate(fit.ranks)]
        words = "Singular values of the data's unfoldings: a drop after the rank supports it."
    else:
        spectra = list(fit.spectra())
        words = "Singular values of the model's unfoldings."
    return FigureEntry("Spectra of the modes", words, ModeSpectraDisplay(spectra, names).plot)
