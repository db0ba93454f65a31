"""Whether rows are smooth along the columns, from cells that neither curves nor the fit have seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import chain
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.row_curves import curves_about, kernels_along
from lowland.completion.refinement.smoothing import KINDS, RowSmoothing, column_means, kinds_of, learnt_shares
from lowland.completion.refinement.trials import Complete, Residuals, Trials, count_of
from lowland.core.arrays import Matrix, Vector
from lowland.core.running.stages import stage
from lowland.trials.choices import CURVES
from lowland.trials.gains import Gain

# squared errors have to fall so many times as much as along so many permuted orders; or as along the first
BEYOND, PERMUTED, BEYOND_FIRST = 3.0, 3, 10.0
# kinds with fewer held-out cells are not blended
FEWEST = 20
# share of the cells that is held out one by one besides: runs say little about them
SINGLES = 0.05
# quantile of standard errors that is nearly the largest
NEARLY = 0.95
# cells of one run err together: so many count as one
TOGETHER = 2


@final
@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells held out: errors of the fit, and what curves of rows and of centred rows would change."""

    errors: Vector
    steps: Matrix
    kinds: NDArray[np.intp]
    trials: NDArray[np.intp]
    spreads: Vector

    def of(self, chosen: NDArray[np.bool_]) -> _Cells:
        return _Cells(*(getattr(self, column.name)[..., chosen] for column in fields(self)))


def learn_smoothing(
    holes: Matrix, complete: Complete, rng: np.random.Generator, places: Matrix
) -> RowSmoothing | None:
    """Return the smoothing of rows along the columns, None if held-out cells show no gain.

    Parameters
    ----------
    holes : ndarray, shape (m, n)
        The table, NaN where missing.
    complete : callable
        Returns predictions of all cells of such a table, and their standard errors.
    rng : numpy.random.Generator
    places : ndarray, shape (n, c)
        Coordinates of the columns.

    Notes
    -----
    Rows are smooth themselves, or their distances from the means of the columns are: what predicts better
    is taken, for each kind of missing cell, with a share of its own. How wide intervals have to be is judged
    on each hold-out with the shares that the others have learnt. Curves along permuted columns must gain far
    less, or it is not the order that tells. Completes as many tables as there are hold-outs,
    three or more of small tables, and smooths each up to eight times.
    """
    kernels, groups = kernels_along(places), np.arange(holes.shape[1])

    def trial() -> Residuals:
        return Residuals.of(holes, complete, CURVES.hides, rng, groups=groups, singles=SINGLES)

    with stage("cells held out, to see whether rows are smooth along the columns"):
        trials = Trials([trial() for _ in range(count_of(CURVES.hides, holes))])
        cells = _held_out(trials, kernels, places)
    weights, centred = _shares(cells)
    gain = _gain(cells, weights, centred)
    enough = CURVES.takes(Gain(gain, 0.0, gain))
    if not enough or not _is_of_the_order(gain, _permuted_gains(trials, rng, places)):
        return None
    judged = cells.errors.copy()
    for number in range(len(trials.parts)):
        here = cells.trials == number
        judged[here] += _blended(cells.of(here), *_shares(cells.of(~here)))
    ratios, widest = _ratios(cells, judged)
    scores = np.abs(judged) / (cells.spreads * ratios[cells.kinds - 1])
    centres = column_means(holes)
    shares = learnt_shares(holes, centres, kernels)
    return RowSmoothing(
        weights=weights,
        centred=centred,
        ratios=ratios,
        widest=widest,
        places=places,
        centres=centres,
        shares=shares,
        gain=gain,
        scores=scores,
        score_kinds=cells.kinds,
        learnt_from=int(np.sum(~np.isnan(holes))),
    )


def _held_out(trials: Trials, kernels: Matrix, places: Matrix) -> _Cells:
    """Return the cells held out of all trials, of rows with a curve."""
    steps = []
    for part in trials.parts:
        centres = np.stack([np.zeros(part.holes.shape[1]), column_means(part.holes)])
        values = [
            curves.values(curves.shares()) + centre
            for centre, curves in zip(centres, curves_about(part.holes, centres, kernels), strict=True)
        ]
        steps.append(np.nan_to_num(np.stack([(curve - part.low)[part.at] for curve in values]), nan=0.0))
    cells = _Cells(
        trials.errors,
        np.concatenate(steps, axis=1),
        np.concatenate([kinds_of(part.holes, places)[part.at] for part in trials.parts]),
        np.repeat(np.arange(len(trials.parts)), [part.truth.size for part in trials.parts]),
        trials.spreads,
    )
    return cells.of(cells.kinds > 0)


def _shares(cells: _Cells) -> tuple[Vector, NDArray[np.bool_]]:
    """Return the share of the curves by kind, and whether they are of centred rows: what errs less."""
    weights, centred = np.zeros(KINDS), np.zeros(KINDS, bool)
    for kind in range(KINDS):
        at = cells.kinds == kind + 1
        if at.sum() < FEWEST:
            continue
        errors, steps = cells.errors[at], cells.steps[:, at]
        shares = [_share(errors, step) for step in steps]
        left = [np.sum((errors + share * step) ** 2) for share, step in zip(shares, steps, strict=True)]
        best = int(np.argmin(left))
        weights[kind], centred[kind] = shares[best], bool(best)
    return weights, centred


def _share(errors: Vector, steps: Vector) -> float:
    """Return the share of steps by least squares, between 0 and 1, and less the less sure it is.

    A share m with variance v becomes m (1 - v / m^2), or 0 if that is negative.
    """
    squares = float(steps @ steps)
    share = -float(steps @ errors) / squares if squares > 0 else 0.0
    if share <= 0:
        return 0.0
    variance = TOGETHER * float(np.mean((errors + share * steps) ** 2)) / squares
    return min(share, 1.0) * max(0.0, 1 - variance / share**2)


def _blended(cells: _Cells, weights: Vector, centred: NDArray[np.bool_]) -> Vector:
    """Return by how much the blend differs from the fit at the cells held out."""
    kinds = cells.kinds - 1
    steps = np.where(centred[kinds], cells.steps[1], cells.steps[0])
    blended: Vector = weights[kinds] * steps
    return blended


def _is_of_the_order(gain: float, permuted: Iterator[float]) -> bool:
    """Return whether a gain is far above those of permuted orders: clearly above the first, or above all."""
    first = next(permuted, -np.inf)
    return BEYOND_FIRST * first < gain or all(BEYOND * other < gain for other in chain([first], permuted))


def _permuted_gains(trials: Trials, rng: np.random.Generator, places: Matrix) -> Iterator[float]:
    """Yield what is gained along permuted columns."""
    for _ in range(PERMUTED):
        other = places[rng.permutation(len(places))]
        cells = _held_out(trials, kernels_along(other), other)
        yield _gain(cells, *_shares(cells))


def _gain(cells: _Cells, weights: Vector, centred: NDArray[np.bool_]) -> float:
    """Return the relative decrease of squared errors, in units of their kind: far cells err most."""
    kept, blended = 0.0, cells.errors + _blended(cells, weights, centred)
    for kind in np.unique(cells.kinds):
        at = cells.kinds == kind
        before = float(np.sum(cells.errors[at] ** 2))
        kept += at.sum() * (float(np.sum(blended[at] ** 2)) / before if before > 0 else 1.0)
    return 1 - kept / cells.errors.size if cells.errors.size else 0.0


def _ratios(cells: _Cells, judged: Vector) -> tuple[Vector, Vector]:
    """Return errors over the standard errors of the fit, and nearly the largest of these, by kind.

    Those of all kinds where there are few.
    """
    squares = (judged / cells.spreads) ** 2
    ratios = np.full(KINDS, np.sqrt(squares.mean()))
    widest = np.full(KINDS, np.quantile(cells.spreads, NEARLY))
    for kind in range(KINDS):
        at = cells.kinds == kind + 1
        if at.sum() >= FEWEST:
            ratios[kind], widest[kind] = np.sqrt(squares[at].mean()), np.quantile(cells.spreads[at], NEARLY)
    return np.maximum(ratios, np.finfo(float).tiny), widest
