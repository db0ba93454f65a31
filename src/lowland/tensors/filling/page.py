"""The page of a completed tensor: how wrong filled cells are, some of them, and what the fit is."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lowland.report.audit_box import audit_sentences
from lowland.report.page import Lead, Page, TableEntry
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.page_parts import convergence_figures, known_cells_figures

if TYPE_CHECKING:
    from lowland.tensors.filling.completed import TensorCompletionFit

# filled cells that are shown, and the level of their intervals
SHOWN, LEVEL = 10, 0.9


def filled_page(
    fit: TensorCompletionFit,
    names: Sequence[str] | None = None,
    labels: Sequence[NDArray[Any] | None] | None = None,
    settings: Sequence[tuple[str, str]] = (),
) -> Page:
    """Return the contents of the report of a completed tensor.

    Parameters
    ----------
    fit : TensorCompletionFit
    names : sequence of str, optional
        Names of the modes; by default those of the array that was completed, if it has any.
    labels : sequence of ndarray or None, optional
        Of the slices of each mode.
    settings : sequence of pairs
        Settings needed to repeat the run.
    """
    like, order = fit.like, len(fit.shape)
    if names is None:
        names = [f"mode {n}" for n in range(order)] if like is None else [str(name) for name in like.dims]
    if labels is None:
        labels = [None if like is None or name not in like.coords else like[name].values for name in names]
    size = " x ".join(map(str, fit.shape))
    sentences, (_, *facts) = [_how_wrong(fit)], lines_of(fit)
    figures = convergence_figures(fit.search)
    if isinstance(fit.data, TensorObservations):
        predicted = fit.predict(fit.data.all_positions())
        figures = (*known_cells_figures(fit.data, predicted, names, labels), *figures)
    return Page(
        f"Completion of a {size} tensor",
        [
            ("tensor", f"{fit.data.size:,} of {prod(fit.shape):,} cells known"),
            ("modes", ", ".join(f"{name} ({length})" for name, length in zip(names, fit.shape, strict=True))),
            ("ended", fit.search.ending),
            ("time", f"{fit.search.iterations} sweeps in {fit.search.seconds:.2g} s"),
        ],
        fit.certificate,
        notes=facts,
        tables=_compared(fit),
        figures=figures,
        settings=settings,
        headline=""
        if fit.certificate is not None
        else "Filled by averages: nothing is proved about this answer.",
        box=audit_sentences(fit.certificate),
        lead=Lead(sentences, _filled(fit, names, labels)),
    )


def _how_wrong(fit: TensorCompletionFit) -> str:
    return (
        f"A filled cell is off by about {fit.held_out_error:.3g}: that is the root mean square of the errors "
        f"on {fit.held_out_count:,} known cells that were held out."
    )


def _compared(fit: TensorCompletionFit) -> list[TableEntry]:
    """Return the table of ranks that were compared, if they were."""
    if len(fit.tried) < 2:
        return []
    rows = [(str(rank), f"{error:.4g}") for rank, error in fit.tried]
    return [
        TableEntry(
            "Numbers of components that were compared", ("components", "error on held-out cells"), rows
        )
    ]


def _filled(
    fit: TensorCompletionFit, names: Sequence[str], labels: Sequence[NDArray[Any] | None]
) -> list[TableEntry]:
    """Return a table of some filled cells with their intervals, spread evenly over the tensor."""
    missing = np.argwhere(np.isnan(fit.data.array()))
    if not len(missing):
        return []
    at = missing[np.unique(np.linspace(0, len(missing) - 1, SHOWN).astype(np.intp))]
    filled, (lower, upper) = fit.predict(at), fit.interval(at, LEVEL)
    rows = []
    for k, place in enumerate(at.tolist()):
        told = [str(i if known is None else known[i]) for i, known in zip(place, labels, strict=True)]
        rows.append((*told, f"{filled[k]:.4g}", f"{lower[k]:.4g} to {upper[k]:.4g}"))
    return [TableEntry("Some of the filled cells", (*names, "filled with", f"{LEVEL:.0%} interval"), rows)]


def lines_of(fit: TensorCompletionFit) -> list[str]:
    """Return a filled tensor in words, one line per fact."""
    missing = prod(fit.shape) - fit.data.size
    lines = [
        f"tensor {' x '.join(map(str, fit.shape))}, {missing:,} of {prod(fit.shape):,} cells missing",
        f"CP with {fit.rank} components, averaged over {len(fit.draws)} draws, noise {fit.noise:.3g}",
    ]
    if fit.noise_mode is not None:
        low, high = float(fit.slice_noise.min()), float(fit.slice_noise.max())
        lines.append(f"noise by the slices of mode {fit.noise_mode}: {low:.3g} to {high:.3g}")
    lines += [f"mode {mode} in order: {order}" for mode, order in enumerate(fit.orders) if order]
    for mode, counts in enumerate(fit.data.slice_counts()):
        if not counts.all():
            told = "its order" if any(fit.orders[mode : mode + 1]) else "the law of the others"
            empty = np.count_nonzero(counts == 0)
            some = "1 slice" if empty == 1 else f"{empty} slices"
            lines.append(f"mode {mode}: {some} without a known cell, predicted by {told}")
    if fit.blend is not None:
        lines.append(
            f"blended with a table (mode {fit.blend.mode} by the others), whose share is"
            f" {fit.blend.weight:.0%}; error on held-out cells {fit.blend.cp_error:.3g} without it"
        )
    elif fit.no_table:
        lines.append(f"not blended with a table of the same cells: {fit.no_table}")
    if fit.calibration.slice_error is not None:
        cells, error = fit.calibration.slice_count, fit.calibration.slice_error
        lines.append(f"error on {cells:,} cells of slices held out as a whole {error:.3g}")
    lines.append(f"error on {fit.held_out_count:,} held-out cells {fit.held_out_error:.3g}")
    return lines
