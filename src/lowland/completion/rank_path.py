"""Rank and penalty of a penalised completion, chosen by held-out cells along a warm-started path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.completion.column_losses import Columns
from lowland.completion.holdout import hold_out
from lowland.completion.laplace_covariance import row_variances
from lowland.completion.penalised import CompletionFit, completion_objective, fit_completion
from lowland.completion.settings import CompletionSettings
from lowland.core.arrays import Vector
from lowland.core.observations import Observations
from lowland.core.status import StopReason
from lowland.search import critical_ridge

# penalties of a path are this factor apart, from half the one that leaves nothing, so many at most
STEP, LONGEST = 2.0, 14
# penalties under which biases explain all that factors could, so many at most
EMPTY_FITS = 12
# penalties of biases, in observations: how many count as much as the prior guess of zero
BIAS_PENALTIES = (20.0, 10.0, 5.0, 2.0, 1.0, 0.0)
# ranks are tried upwards until this many in a row have not lowered the error
PATIENCE = 3
# penalties of other losses for longer: the first factor may serve some columns at the cost of others
LONG_PATIENCE = 5
# most that a held-out cell counts, in deviance: five standard deviations
FARTHEST = 25.0
# and excesses below this part of the least mean square do not count: searches end a little apart
NEGLIGIBLE = 1e-3
HIGHEST_RANK = 40
FIRST_RANK = 16
# sweeps of a fit on the path: enough to compare errors
PATH_TOLERANCE, PATH_SWEEPS = 1e-5, 200
# steps of other losses than squares cost several times as much and settle more slowly
ROUGH = 1e-4
# fits from which the noise and the thresholds of columns are learnt, each going on from the one before
ROUNDS = 4


@final
@dataclass(frozen=True)
class RankStep:
    """One fit of a path, and its error on the held-out cells.

    Parameters
    ----------
    rank : int
    penalty : float
    error : float
        Root mean square, of deviance residuals where losses are not squared.
    excess : float
        By how much its mean square exceeds the least one of its path.
    uncertainty : float
        Standard error of that excess, over the held-out cells.
    """

    rank: int
    penalty: float
    error: float
    excess: float
    uncertainty: float


@final
@dataclass(frozen=True, eq=False)
class RankPath:
    """How rank and penalty were chosen.

    Parameters
    ----------
    steps : tuple of RankStep
        All fits compared, path after path.
    settings : CompletionSettings
        With the rank and the penalty chosen.
    held_out : int
        Number of cells that they were compared on.

    Notes
    -----
    Of each path the simplest fit (lowest rank, largest penalty) is taken whose mean square exceeds the
    least one by at most one standard error of the difference, or by a thousandth; of penalties where losses
    are not all squared, the best.
    """

    steps: tuple[RankStep, ...]
    settings: CompletionSettings
    held_out: int


def choose_rank_and_penalty(
    table: Observations,
    settings: CompletionSettings,
    *,
    rank: int | None,
    penalty: float | None,
    bias_penalty: float | None = 0.0,
    rng: np.random.Generator,
) -> RankPath:
    """Choose what is None of rank and penalties, the rest being those of the settings.

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
    RankPath

    Notes
    -----
    A tenth of the cells is held out. A penalty of the biases is chosen without factors. Then, with rank
    and penalty open, a path of penalties at a moderate rank comes first, then one of ranks at the penalty
    found, then one of penalties at the rank found. Where losses are not all squared, the noise and the
    thresholds of columns are learnt along a first path, and the others follow.
    """
    kept, apart = hold_out(table, rng)
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
    open_penalty = penalty is None
    if penalty is None:
        penalty, some = comparison.over_penalties(first_rank)
        steps += some
    if rank is None:
        rank, some = comparison.over_ranks(penalty, most)
        steps += some
        if open_penalty:
            penalty, some = comparison.over_penalties(rank)
            steps += some
    return RankPath(tuple(steps), replace(settings, rank=rank, penalty=penalty), apart.size)


@final
@dataclass(frozen=True, eq=False)
class _Comparison:
    kept: Observations
    apart: Observations
    settings: CompletionSettings
    rng: np.random.Generator

    def over_bias_penalties(self) -> float:
        """Return the largest penalty of biases that does as well as the best, the factors being zero."""
        start = replace(self.settings, rank=1, penalty=1.0, bias_penalty=1.0)
        crushing = 4 * critical_ridge(completion_objective(self.kept, start), self.rng) or 1.0
        found: list[tuple[int, float, Vector]] = []
        for weight in BIAS_PENALTIES if self.settings.columns is None else BIAS_PENALTIES[:-1]:
            settings = replace(start, penalty=crushing, bias_penalty=weight, max_iterations=PATH_SWEEPS)
            found.append((1, weight, self._squares(self._finished(settings))))
        return _simplest(_compare(found)).penalty

    def learnt_columns(self, rank: int, penalty: float | None) -> Columns | None:
        """Return what fits tell of the columns: their noise, and by the held-out cells their thresholds."""
        columns, comparison = self.settings.columns, self
        if columns is None:
            return None
        penalty = self.over_penalties(rank)[0] if penalty is None else penalty
        fit: CompletionFit | None = None
        for _ in range(ROUNDS):
            fit = comparison._fit(rank, penalty, fit)
            z = fit.model.natural(self.kept.rows, self.kept.columns)
            columns = columns.with_noise(self.kept, z, row_variances(fit.objective, fit.theta))
            z = fit.model.natural(self.apart.rows, self.apart.columns)
            columns = columns.with_thresholds(self.apart, z)
            comparison = replace(comparison, settings=replace(self.settings, columns=columns))
        return columns

    def over_penalties(self, rank: int) -> tuple[float, list[RankStep]]:
        """Return the largest penalty that does as well as the best, and the path."""
        start = replace(self.settings, rank=rank, penalty=1.0)
        # where nothing is left to fit (a constant table) any penalty does
        largest = critical_ridge(completion_objective(self.kept, start), self.rng) / 2 or 1.0
        found: list[tuple[int, float, Vector]] = []
        before: CompletionFit | None = None
        for k in range(EMPTY_FITS + LONGEST):
            fit = self._fit(rank, largest / STEP**k, before)
            empty = _is_nothing(fit)
            if empty or before is None:  # of fits of nothing, which biases explain, the last one counts
                found = []
            found.append((rank, largest / STEP**k, self._squares(fit)))
            # factors of zero stay zero: the next penalty starts afresh
            before = None if empty else fit
            patience = PATIENCE if self.settings.columns is None else LONG_PATIENCE
            if (empty and k + 1 >= EMPTY_FITS) or _past(found, patience) or len(found) > LONGEST:
                break
        steps = _compare(found)
        return self._chosen(steps).penalty, steps

    def _chosen(self, steps: Sequence[RankStep]) -> RankStep:
        """Return the step taken of a path of penalties.

        Of squares the simplest that does about as well as the best. Of levels and counts the best: a larger
        penalty makes probabilities too timid.
        """
        if self.settings.columns is None:
            return _simplest(steps)
        return min(steps, key=lambda step: step.error)

    def over_ranks(self, penalty: float, most: int) -> tuple[int, list[RankStep]]:
        """Return the lowest rank that does as well as the best, and the path.

        Each fit goes on from the one before, with one more column along which the objective falls
        fastest; where that lowers nothing, higher ranks have the same optimum.
        """
        found: list[tuple[int, float, Vector]] = []
        before: CompletionFit | None = None
        for rank in range(1, most + 1):
            fit = self._fit(rank, penalty, before)
            found.append((rank, penalty, self._squares(fit)))
            if _past(found) or (before is not None and not _is_lower(fit, before)):
                break
            before = None if self.settings.nonnegative else fit
        steps = _compare(found)
        return _simplest(steps).rank, steps

    def _fit(self, rank: int, penalty: float, before: CompletionFit | None) -> CompletionFit:
        settings = replace(
            self.settings,
            rank=rank,
            penalty=penalty,
            tolerance=PATH_TOLERANCE if self.settings.columns is None else ROUGH,
            max_iterations=PATH_SWEEPS,
        )
        return self._finished(settings, before)

    def _finished(self, settings: CompletionSettings, before: CompletionFit | None = None) -> CompletionFit:
        fit = fit_completion(self.kept, settings, rng=self.rng, certify=False, before=before)
        if fit.stop_reason is StopReason.INTERRUPTED:
            raise KeyboardInterrupt  # half a path chooses nothing
        return fit

    def _squares(self, fit: CompletionFit) -> Vector:
        at, columns = (self.apart.rows, self.apart.columns), self.settings.columns
        if columns is None:
            squares = (self.apart.values - fit.model.predict(*at)).astype(np.float64) ** 2
        else:
            y, loss = columns.encode(self.apart).astype(np.float64), columns.loss(self.apart.columns)
            losses = loss.value(fit.model.natural(*at).astype(np.float64), y)
            # a cell that is far off is off, however far: outliers and large counts must not decide alone
            squares = np.minimum(2 * columns.precisions[self.apart.columns] * losses, FARTHEST)
        weights = self.apart.weights
        return squares if weights is None else squares * weights / weights.mean()


def _is_nothing(fit: CompletionFit) -> bool:
    """Return whether the factors are zero to rounding."""
    u, v = fit.model.row_factors, fit.model.column_factors
    return bool(np.linalg.norm(u) * np.linalg.norm(v) <= 1e-6 * np.sqrt(u.shape[0] * v.shape[0]))


def _is_lower(fit: CompletionFit, before: CompletionFit) -> bool:
    """Return whether a higher rank lowered the objective by more than searches leave undone."""
    return before.search.value - fit.search.value > fit.settings.tolerance * abs(before.search.value)


def _past(found: Sequence[tuple[int, float, Vector]], patience: int = PATIENCE) -> bool:
    """Return whether the last fits of a path have not lowered the error."""
    means = [float(squares.mean()) for *_, squares in found]
    return len(means) > patience and min(means[-patience:]) >= min(means[:-patience])


def _compare(found: Sequence[tuple[int, float, Vector]]) -> list[RankStep]:
    best = min((squares for *_, squares in found), key=lambda squares: float(squares.mean()))
    steps = []
    for rank, penalty, squares in found:
        difference = squares - best
        uncertainty = float(difference.std() / np.sqrt(max(difference.size, 1)))
        steps.append(
            RankStep(rank, penalty, float(np.sqrt(squares.mean())), float(difference.mean()), uncertainty)
        )
    return steps


def _simplest(steps: Sequence[RankStep]) -> RankStep:
    """Return the first step (paths go from simple to complex) that does about as well as the best."""
    least = min(step.error for step in steps) ** 2
    return next(step for step in steps if step.excess <= max(step.uncertainty, NEGLIGIBLE * least))
