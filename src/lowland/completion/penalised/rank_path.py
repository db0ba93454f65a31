"""Choose rank and penalty of a penalised completion by held-out cells along warm-started paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.completion.columns.losses import Columns
from lowland.completion.penalised.fit import CompletionFit, completion_objective, fit_completion
from lowland.completion.penalised.held_out_path import (
    PATIENCE,
    Candidate,
    EndsWorse,
    RankStep,
    best_squares,
    compare,
    past,
    simplest,
    surplus_and_margin,
)
from lowland.completion.penalised.laplace_covariance import row_variances
from lowland.completion.penalised.model import CompletionModel
from lowland.completion.penalised.points import model_of
from lowland.completion.penalised.settings import CompletionSettings
from lowland.core.arrays import Vector
from lowland.core.cells.observations import Observations
from lowland.core.doors import public
from lowland.core.results.shown import Shown
from lowland.core.results.status import StopReason
from lowland.core.running.stages import stage
from lowland.search import critical_ridge
from lowland.search.stops import Progress
from lowland.trials.choices import PENALTIES
from lowland.trials.masks import hide_cells

# ratio of successive penalties, starting at half the smallest one that gives zero factors, and their maximum
# number
STEP, LONGEST = 2.0, 14
# maximum number of penalties with zero factors, if biases explain everything
EMPTY_FITS = 12
# penalties of biases, in observations: the weight of the prior guess of zero
BIAS_PENALTIES = (20.0, 10.0, 5.0, 2.0, 1.0, 0.0)
# sweeps between two looks at the held-out cells
LOOK = 4
# patience with penalties of other losses: the first factor may help some columns at the cost of others
LONG_PATIENCE = 5
# share of the data's spread below which factors are as good as zero
FAINT = 1e-3
# maximum deviance of a held-out cell: five standard deviations
FARTHEST = 25.0
HIGHEST_RANK = 40
FIRST_RANK = 16
# tolerance and maximum sweeps of a fit on a path: enough to compare errors
PATH_TOLERANCE, PATH_SWEEPS = 1e-5, 200
# tolerance with losses other than squared, whose steps cost several times as much and converge more slowly
ROUGH = 1e-4
# number of warm-started fits from which the noise and the thresholds of columns are learnt
ROUNDS = 4


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class RankPath(Shown):
    """How rank and penalty were chosen.

    Parameters
    ----------
    steps : tuple of RankStep
        All fits compared, path after path.
    settings : CompletionSettings
        Settings with the chosen rank and penalty.
    held_out : int
        Number of held-out cells.

    Notes
    -----
    On each path the chosen fit is the simplest (lowest rank, largest penalty) whose mean square exceeds the
    smallest one by at most one standard error of the difference, or by a thousandth. For penalties, if losses
    are not all squared, it is the best fit.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> table = np.random.default_rng(0).random((20, 12)) + np.outer(np.arange(20), np.arange(12))
    >>> path = ll.MatrixCompletion(penalty=0.1, certify=False, random_state=0).fit(table).rank_path_
    >>> path.settings.rank, path.settings.penalty, path.held_out
    (1, 0.1, 24)
    >>> min(step.excess for step in path.steps)  # that of the best fit
    0.0
    """

    steps: tuple[RankStep, ...]
    settings: CompletionSettings
    held_out: int

    def _lines(self) -> list[str]:
        chosen = self.settings
        lines = [
            f"rank {chosen.rank} and penalty {chosen.penalty:.4g}, chosen on {self.held_out} held-out cells"
        ]
        for step in self.steps:
            words = f"rank {step.rank:3d}, penalty {step.penalty:.4g}: error {step.error:.4g}"
            lines.append(f"  {words}, {step.excess:.3g} +- {step.uncertainty:.2g} above the best square")
        return lines


def choose_rank_and_penalty(
    table: Observations,
    settings: CompletionSettings,
    *,
    rank: int | None,
    penalty: float | None,
    bias_penalty: float | None = 0.0,
    rng: np.random.Generator,
) -> tuple[RankPath, CompletionFit | None]:
    """Choose the rank and the penalties that are None; the others are those of the settings.

    Parameters
    ----------
    table : Observations
    settings : CompletionSettings
    rank : int or None
    penalty, bias_penalty : float or None
    rng : numpy.random.Generator
        For the held-out cells and the starts.

    Returns
    -------
    path : RankPath
    fit : CompletionFit or None
        The chosen fit of the cells that were not held out, a start for all cells; None if none was compared,
        or if its factors are nearly zero.

    Notes
    -----
    A tenth of the cells is held out. The penalty of the biases is chosen without factors. If both rank and
    penalty are open, a path of penalties at a moderate rank comes first, then a path of ranks at the chosen
    penalty, then a path of penalties at the chosen rank. If losses are not all squared, the noise and the
    thresholds of columns are learnt along a first path.
    """
    kept, apart = table.hide(hide_cells(table, PENALTIES.hides, rng))
    if bias_penalty is None:
        alone = _Comparison(kept, apart, settings, rng).over_bias_penalties() if settings.biases else 0.0
        settings = replace(settings, bias_penalty=alone)
    first_rank = rank or max(1, min(FIRST_RANK, min(table.shape) // 2))
    comparison = _Comparison(kept, apart, settings, rng)
    if settings.columns is not None:
        settings = replace(settings, columns=comparison.learnt_columns(first_rank, penalty))
        comparison = _Comparison(kept, apart, settings, rng)
    steps: list[RankStep] = []
    most = min(HIGHEST_RANK, *table.shape)
    open_penalty, chosen = penalty is None, None
    if penalty is None:
        chosen, some = comparison.over_penalties(first_rank)
        penalty, steps = chosen.penalty, steps + some
    if rank is None:
        chosen, some = comparison.over_ranks(penalty, most)
        rank, steps = chosen.rank, steps + some
        if open_penalty:
            chosen, some = comparison.over_penalties(rank)
            penalty, steps = chosen.penalty, steps + some
    path = RankPath(tuple(steps), replace(settings, rank=rank, penalty=penalty), apart.size)
    if chosen is None or _is_faint(chosen.fit, table):
        return path, None  # faint factors hardly grow, and need not be the optimum of all cells
    return path, chosen.fit


@final
@dataclass(frozen=True, eq=False)
class _Comparison:
    kept: Observations
    apart: Observations
    settings: CompletionSettings
    rng: np.random.Generator

    def over_bias_penalties(self) -> float:
        """Return the largest bias penalty that does about as well as the best, with zero factors."""
        start = replace(self.settings, rank=1, penalty=1.0, bias_penalty=1.0)
        crushing = 4 * critical_ridge(completion_objective(self.kept, start), self.rng) or 1.0
        path: list[Candidate] = []
        before: CompletionFit | None = None
        for weight in BIAS_PENALTIES if self.settings.columns is None else BIAS_PENALTIES[:-1]:
            settings = replace(start, penalty=crushing, bias_penalty=weight, max_iterations=PATH_SWEEPS)
            before = self._finished(settings, before)
            path.append(Candidate(1, weight, self._squares(before.model), before))
            if past(path):
                break
        return path[simplest(compare(path))].penalty

    def learnt_columns(self, rank: int, penalty: float | None) -> Columns | None:
        """Return columns with the noise learnt from fits, and the thresholds from held-out cells."""
        columns, comparison = self.settings.columns, self
        if columns is None:
            return None
        penalty = self.over_penalties(rank)[0].penalty if penalty is None else penalty
        fit: CompletionFit | None = None
        for _ in range(ROUNDS):
            fit = comparison._fit(rank, penalty, fit)
            z = fit.model.natural(self.kept.rows, self.kept.columns)
            columns = columns.with_noise(self.kept, z, row_variances(fit.objective, fit.theta))
            z = fit.model.natural(self.apart.rows, self.apart.columns)
            columns = columns.with_thresholds(self.apart, z)
            comparison = replace(comparison, settings=replace(self.settings, columns=columns))
        return columns

    def over_penalties(self, rank: int) -> tuple[Candidate, list[RankStep]]:
        """Return the fit with the largest penalty that does about as well as the best, and the path."""
        start = replace(self.settings, rank=rank, penalty=1.0)
        # if nothing is left to fit (a constant table), any penalty will do
        largest = critical_ridge(completion_objective(self.kept, start), self.rng) / 2 or 1.0
        path: list[Candidate] = []
        before: CompletionFit | None = None
        for k in range(EMPTY_FITS + LONGEST):
            fit = self._fit(rank, largest / STEP**k, before, best_squares(path))
            empty = _is_nothing(fit)
            if empty or before is None:  # of fits with zero factors only the last one counts
                path = []
            path.append(Candidate(rank, largest / STEP**k, self._squares(fit.model), fit))
            # factors of zero stay zero: the next penalty starts afresh
            before = None if empty else fit
            patience = PATIENCE if self.settings.columns is None else LONG_PATIENCE
            if (empty and k + 1 >= EMPTY_FITS) or past(path, patience) or len(path) > LONGEST:
                break
        steps = compare(path)
        return path[self._chosen(steps)], steps

    def _chosen(self, steps: Sequence[RankStep]) -> int:
        """Return the number of the chosen step of a path of penalties.

        For squared losses, the simplest that does about as well as the best. For levels and counts, the best:
        a larger penalty shrinks probabilities too much.
        """
        if self.settings.columns is None:
            return simplest(steps)
        return int(np.argmin([step.error for step in steps]))

    def over_ranks(self, penalty: float, most: int) -> tuple[Candidate, list[RankStep]]:
        """Return the fit with the lowest rank that does about as well as the best, and the path.

        Each fit continues the one before, with one more column along the direction of steepest descent. If
        that does not lower the objective, higher ranks have the same optimum.
        """
        path: list[Candidate] = []
        before: CompletionFit | None = None
        for rank in range(1, most + 1):
            fit = self._fit(rank, penalty, before, best_squares(path))
            path.append(Candidate(rank, penalty, self._squares(fit.model), fit))
            if past(path) or (before is not None and not _is_lower(fit, before)):
                break
            before = None if self.settings.nonnegative else fit
        steps = compare(path)
        return path[simplest(steps)], steps

    def _fit(
        self, rank: int, penalty: float, before: CompletionFit | None, best: Vector | None = None
    ) -> CompletionFit:
        """Fit, but leave a fit that goes on from another where it is heading for a clearly larger error."""
        settings = replace(
            self.settings,
            rank=rank,
            penalty=penalty,
            tolerance=PATH_TOLERANCE if self.settings.columns is None else ROUGH,
            max_iterations=PATH_SWEEPS,
        )
        return self._finished(settings, before, best)

    def _finished(
        self,
        settings: CompletionSettings,
        before: CompletionFit | None = None,
        best: Vector | None = None,
    ) -> CompletionFit:
        # a fit that starts afresh begins with larger penalties, and says nothing until they are gone
        watched = before is not None and best is not None
        objective = completion_objective(self.kept, settings) if watched else None

        def look(progress: Progress, theta: Vector) -> dict[str, float]:
            if best is None or objective is None or progress.iteration % LOOK:
                return {}
            return surplus_and_margin(self._squares(model_of(objective, theta, self.kept, settings)), best)

        words = f"choosing: rank {settings.rank}, penalty {settings.penalty:.3g}"
        with stage(words):
            fit = fit_completion(
                self.kept,
                settings,
                rng=self.rng,
                certify=False,
                before=before,
                settle=settings.columns is None,
                callbacks=[look],
                unless=EndsWorse(),
            )
        if fit.stop_reason is StopReason.INTERRUPTED:
            raise KeyboardInterrupt  # an incomplete path allows no choice
        return fit

    def _squares(self, model: CompletionModel) -> Vector:
        at, columns = (self.apart.rows, self.apart.columns), self.settings.columns
        if columns is None:
            squares = (self.apart.values - model.predict(*at)).astype(np.float64) ** 2
        else:
            y, loss = columns.encode(self.apart).astype(np.float64), columns.loss(self.apart.columns)
            losses = loss.value(model.natural(*at).astype(np.float64), y)
            # deviances are clipped, so that outliers and large counts do not decide alone
            squares = np.minimum(2 * columns.precisions[self.apart.columns] * losses, FARTHEST)
        weights = self.apart.weights
        return squares if weights is None else squares * weights / weights.mean()


def _is_nothing(fit: CompletionFit) -> bool:
    """Return whether the factors are zero to rounding."""
    u, v = fit.model.row_factors, fit.model.column_factors
    return bool(np.linalg.norm(u) * np.linalg.norm(v) <= 1e-6 * np.sqrt(u.shape[0] * v.shape[0]))


def _is_faint(fit: CompletionFit, table: Observations) -> bool:
    """Return whether the factors contribute less than a thousandth of the spread of the data."""
    u, v = fit.model.row_factors, fit.model.column_factors
    contribution = np.linalg.norm(u) * np.linalg.norm(v) / np.sqrt(u.shape[0] * v.shape[0])
    return bool(contribution <= FAINT * float(np.std(table.values, dtype=np.float64)))


def _is_lower(fit: CompletionFit, before: CompletionFit) -> bool:
    """Return whether a higher rank lowered the objective by more than the tolerance of the searches."""
    return before.search.value - fit.search.value > fit.settings.tolerance * abs(before.search.value)
