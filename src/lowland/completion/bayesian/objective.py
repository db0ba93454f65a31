"""Completion with Gaussian factors, learnt priors and noise: the evidence bound, its blocks and their draws.

Row u of the left side is a_u = (p_u, b_u), column i of the right side a_i = (q_i, b_i); an observation
is p_u . q_i + b_u + b_i plus noise of variance 1 / (alpha tau_i w). Each side has a learnt prior
(`SidePrior`). Variational inference approximates rows and columns by independent Gaussians and maximises
the expected log density plus their entropy, with priors and alpha at their optimal values and
tau_i ~ Gamma(2, 2) averaged over. Gibbs sampling draws the same blocks in turn.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any, final

import numpy as np

from lowland.bayes.posterior import Draw, Posterior
from lowland.bayes.side_prior import SidePrior
from lowland.cells.sides import PerLine, PerPartner, TableCells
from lowland.cells.sums import line_errors, log_weights
from lowland.completion.bayesian.prior_learning import (
    LOOKED_AT,
    NOISE_SETTLED,
    SETTLED,
    PriorTrial,
    change_of,
    looked_at,
)
from lowland.completion.cells.blocks import drawn_lines, line_moments
from lowland.core.arrays import Matrix, Vector
from lowland.core.work import rows_work, touch
from lowland.kernels.systems.moments import Moments, RowMoments
from lowland.kernels.systems.rows import Noise, default_form
from lowland.kernels.systems.stacked_systems import lower_triangle
from lowland.models import General

# shape and rate of the prior of a column's noise precision
TAU = 2.0
# noise variances are floored at this power of the unit roundoff: they are the inverse condition number of
# the rows' systems, in which directions without data must keep some digits
LEAST_NOISE = 2 / 3
# initial covariances of the rows, in units of the prior
FIRST_VARIANCE = 0.1


@final
class BayesianCompletion:
    """The probabilistic model of a table, in the unit of its standard deviation.

    Parameters
    ----------
    cells : TableCells
        Observed cells, with centred and scaled values; weights are relative precisions of their noise.
    rank : int
    biases : bool
        Whether rows and columns have biases.
    priors : pair of SidePrior
        Priors of rows and of columns, of width rank + biases.
    column_noise : bool
        Whether each column has its own noise level.
    trial : PriorTrial, optional
        What priors and noise are learnt from, if not from all cells.

    Notes
    -----
    A variational sweep costs O(p d^2 + (m + n) d^3), a Gibbs sweep as much as a sweep of alternating
    minimisation.

    References
    ----------
    Y. J. Lim, Y. W. Teh, Variational Bayesian approach to movie rating prediction, KDD Cup 2007;
    R. Salakhutdinov, A. Mnih, Bayesian probabilistic matrix factorization using MCMC, ICML 2008;
    J. Simm et al., Macau, MLSP 2017.
    """

    cells: TableCells
    priors: tuple[SidePrior, SidePrior]
    column_noise: bool
    trial: PriorTrial | None
    block_names: tuple[str, ...] = ("rows", "columns", "noise")

    def __init__(
        self,
        cells: TableCells,
        *,
        rank: int,
        biases: bool,
        priors: tuple[SidePrior, SidePrior],
        column_noise: bool = False,
        trial: PriorTrial | None = None,
    ) -> None:
        self.cells, self.priors, self.column_noise, self.trial = cells, priors, column_noise, trial
        self._looked_at, self._settles = looked_at(cells.shape), True
        self.model: General = General(cells.shape, rank, ("row", "column") if biases else ())
        self._counts = cells.sides[1].counts.astype(np.float64)
        self._log_weights = float(cells.map(1, log_weights)[0].sum()) if cells.weighted else 0.0

    @property
    def size(self) -> int:
        """Length of a point: factors and biases."""
        return self.model.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of points."""
        return self.cells.dtype

    @property
    def width(self) -> int:
        """Length d of a row: factors and bias."""
        return self.model.rank + bool(self.model.biases)

    def with_common_noise(self) -> BayesianCompletion:
        """Return the same model with one noise level for all columns, which learns on where it settles."""
        twin = copy(self)
        twin.column_noise, twin._settles = False, False
        return twin

    def sides(self, theta: Vector) -> tuple[Matrix, Matrix]:
        """Return rows and columns of a point, shapes (m, d) and (n, d), the bias last."""
        u, v, a, b, _ = self.model.unpack(theta)
        if not self.model.biases:
            return u, v
        return np.column_stack([u, a]), np.column_stack([v, b])

    def point(self, rows: Matrix, columns: Matrix) -> Vector:
        """Return the point of given rows and columns."""
        r = self.model.rank
        if not self.model.biases:
            return self.model.pack(rows, columns)
        return self.model.pack(rows[:, :r], columns[:, :r], rows[:, r], columns[:, r])

    def moments(self, posterior: Posterior) -> tuple[Moments, Moments]:
        """Return the moments of rows and of columns."""
        rows, columns = self.sides(posterior.theta)
        return Moments(rows, posterior.row_covariances), Moments(columns, posterior.column_covariances)

    # ---------------------------------------------------------------- averages

    def first_posterior(self, theta: Vector) -> Posterior:
        """Return a wide posterior around a point, with priors and noise at one."""
        lower = np.eye(self.width)[lower_triangle(self.width)] * FIRST_VARIANCE
        wide_rows, wide_columns = (np.tile(lower.astype(self.dtype), (k, 1)) for k in self.cells.shape)
        (rows, row_coefficients), (columns, column_coefficients) = (prior.first() for prior in self.priors)
        tau = np.ones(self.cells.shape[1], self.dtype)
        return Posterior(
            theta=theta,
            row_covariances=wide_rows,
            column_covariances=wide_columns,
            row_precision=rows,
            column_precision=columns,
            row_coefficients=row_coefficients,
            column_coefficients=column_coefficients,
            noise_precision=1.0,
            column_precisions=tau,
            errors=self._counts,
            sampled=np.zeros(LOOKED_AT),
        )

    def average(self, posterior: Posterior, name: str) -> Posterior:
        """Return the posterior with one block optimised: "rows" or "columns" with their prior, or "noise"."""
        if name == "noise":
            return self._end_of_sweep(posterior)
        side, (cells, priors) = ("rows", "columns").index(name), self._learnt_from(posterior)
        kind, prior = ("row", "column")[side], priors[side]
        precision = getattr(posterior, f"{kind}_precision")
        coefficients = getattr(posterior, f"{kind}_coefficients")
        # without features one mean for all lines
        centres = coefficients if prior.features == 1 else prior.means(coefficients)
        moments = list(self.moments(posterior))
        # in the unit of the noise: systems are divided by alpha
        scaled = precision / posterior.noise_precision
        shift = centres.astype(np.float64) @ scaled
        touch(4 * self._rows_work(side))
        by_partner, by_line = self._noise_weights(side, posterior.column_precisions)
        means, covariances, *others = cells.map(
            side,
            line_moments,
            PerPartner(moments[1 - side]),
            by_partner,
            scaled,
            bool(self.model.biases),
            shift.astype(self.dtype) if prior.features == 1 else PerLine(shift.astype(self.dtype)),
            by_line,
            default_form(self.width, cells.shape),
        )
        solved = RowMoments(Moments(means, covariances), *others)
        entropy = _entropy(solved.log_determinants, self.width, posterior.noise_precision)
        changes: dict[str, Any] = {}
        if side == 1:
            changes["errors"] = self._column_errors(solved, scaled, shift, posterior)
        covariances /= self.dtype.type(posterior.noise_precision)  # in place: they take most of the memory
        renewed = moments[side] = solved.moments
        if posterior.held:
            weight = (self.trial.priors if self.trial else priors)[side].weight
            energy = prior.energy(renewed, precision, coefficients, centres, weight)
        else:
            precision, coefficients, energy = prior.fit(renewed)
        changes |= {
            "theta": self.point(moments[0].means, moments[1].means),
            f"{kind}_covariances": renewed.covariances,
            f"{kind}_precision": precision,
            f"{kind}_coefficients": coefficients,
            f"{kind}_entropy": entropy,
            f"{kind}_energy": energy,
        }
        return replace(posterior, **changes)

    def with_all_cells(self, posterior: Posterior) -> Posterior:
        """Return the posterior with priors and noise held, and columns and rows solved from all cells."""
        held = replace(posterior, held=True)
        return self.average(self.average(held, "columns"), "rows")

    def _learnt_from(self, posterior: Posterior) -> tuple[TableCells, tuple[SidePrior, SidePrior]]:
        """Return the cells of a posterior's next sweep, and the priors with their features."""
        if self.trial is None or posterior.held:
            return self.cells, self.priors
        return self.trial.cells, self.trial.priors

    def _end_of_sweep(self, posterior: Posterior) -> Posterior:
        """Return the posterior with its noise learnt, and held from now on if predictions have settled."""
        rows, columns = self.moments(posterior)
        sampled, change = change_of(posterior, rows, columns, self._looked_at, self.model.rank)
        before, posterior = posterior.change, replace(posterior, sampled=sampled, change=change)
        if posterior.held:
            return posterior
        alpha, tau = self._average_noise(posterior)
        if self.trial is not None:
            least = self.trial.noise_variance(rows, columns, posterior.column_precisions, self.model.rank)
            alpha = min(alpha, 1 / least) if least > 0 else alpha
        ratios = (alpha / posterior.noise_precision) * (tau / posterior.column_precisions)
        moved = abs(float(np.mean(np.log(ratios))))
        held = self._settles and max(before, change) < SETTLED and moved < NOISE_SETTLED
        return replace(posterior, noise_precision=alpha, column_precisions=tau, held=held)

    def bound(self, posterior: Posterior) -> float:
        """Return the negative evidence lower bound, up to constants of the priors, after a full sweep."""
        from scipy.special import gammaln

        counts = self._learnt_from(posterior)[0].sides[1].counts
        alpha, count = posterior.noise_precision, float(counts.sum())
        total = -0.5 * count * np.log(alpha / (2 * np.pi)) - posterior.row_entropy - posterior.column_entropy
        total -= 0.5 * self._log_weights
        if self.column_noise:
            shape, rate = TAU + counts / 2, TAU + 0.5 * alpha * posterior.errors
            total -= float(np.sum(gammaln(shape) - shape * np.log(rate) + TAU * np.log(TAU) - gammaln(TAU)))
        else:
            total += 0.5 * alpha * float(posterior.errors.sum())
        return float(total + posterior.row_energy + posterior.column_energy)

    def _column_errors(self, solved: RowMoments, scaled: Matrix, shift: Matrix, state: Posterior) -> Vector:
        """Return the expected squared errors of columns, from sums accumulated by their solution."""
        new = solved.moments.means.astype(np.float64)
        traces = solved.moments.covariances.astype(np.float64, copy=False) @ _halved_lower(scaled)
        errors = solved.squares - solved.explained + 2 * np.sum(shift * new, axis=1)
        errors += (self.width - traces) / state.noise_precision - np.sum((new @ scaled) * new, axis=1)
        if self.column_noise:
            errors = errors / state.column_precisions
        floored: Vector = np.maximum(errors, 0.0)
        return floored

    def _noise_weights(self, side: int, tau: Vector) -> tuple[PerPartner, PerLine]:
        """Return factors of the weights of cells by the other side and by line: tau, on one of them."""
        precisions = tau.astype(self.dtype) if self.column_noise else None
        return PerPartner(None if side else precisions), PerLine(precisions if side else None)

    def _rows_work(self, side: int) -> float:
        single = self.dtype.itemsize == 4
        return rows_work(self.cells.size, self.cells.shape[side] + 1, self.width, single=single)

    def _average_noise(self, posterior: Posterior) -> tuple[float, Vector]:
        counts = self._learnt_from(posterior)[0].sides[1].counts
        errors, tau = posterior.errors, posterior.column_precisions
        alpha = self._noise_precision(float(np.sum(tau * errors)), float(counts.sum()))
        if self.column_noise:
            tau = ((TAU + counts / 2) / (TAU + 0.5 * alpha * errors)).astype(self.dtype)
        return alpha, tau

    def _noise_precision(self, error: float, count: float) -> float:
        floor = float(np.finfo(self.dtype).eps) ** LEAST_NOISE * count
        return float(count / max(error, floor))

    # ---------------------------------------------------------------- draws

    def first_draw(self, start: Posterior, key: int) -> Draw:
        """Return the means of a posterior as the first draw."""
        return Draw(
            theta=start.theta,
            row_precision=start.row_precision,
            column_precision=start.column_precision,
            row_coefficients=start.row_coefficients,
            column_coefficients=start.column_coefficients,
            noise_precision=start.noise_precision,
            column_precisions=start.column_precisions,
            errors=self.squared_errors(start.theta),
            key=key,
            # drawn from the errors on the cells of the fit, the noise would be taken for too small again
            most_precise=np.inf if self.trial is None else start.noise_precision,
        )

    def draw(self, state: Draw, name: str, rng: np.random.Generator) -> Draw:
        """Return the state with one block drawn given the others; names are those of `average`."""
        if name == "noise":
            return self._draw_noise(state, rng)
        side = ("rows", "columns").index(name)
        kind, prior = ("row", "column")[side], self.priors[side]
        precision = getattr(state, f"{kind}_precision") / state.noise_precision
        shift = prior.shifts(getattr(state, f"{kind}_coefficients"), precision)
        u, v, a, b, _ = self.model.unpack(state.theta)
        factors, biases = [u, v], [a, b]
        touch(self._rows_work(side))
        by_partner, by_line = self._noise_weights(side, state.column_precisions)
        (drawn,) = self.cells.map(
            side,
            drawn_lines,
            PerPartner((factors[1 - side], biases[1 - side] if self.model.biases else None)),
            by_partner,
            precision,
            Noise(state.key, 2 * state.sweep + side, state.noise_precision**-0.5),
            PerLine(shift) if shift.ndim == 2 else shift,
            by_line,
            default_form(self.width, self.cells.shape),
        )
        precision, coefficients = prior.draw(drawn, rng)
        changes: dict[str, Any] = {f"{kind}_precision": precision, f"{kind}_coefficients": coefficients}
        factors[side] = drawn[:, : self.model.rank]
        if not self.model.biases:
            return replace(state, theta=self.model.pack(factors[0], factors[1]), **changes)
        biases[side] = drawn[:, -1]
        return replace(state, theta=self.model.pack(factors[0], factors[1], biases[0], biases[1]), **changes)

    def _draw_noise(self, state: Draw, rng: np.random.Generator) -> Draw:
        squares = self.squared_errors(state.theta)  # once per sweep, and reused for the energy
        shape = self._counts.sum() / 2
        tau = state.column_precisions
        alpha = rng.gamma(shape) / max(
            0.5 * float(np.sum(tau * squares)), shape / self._noise_precision(0.0, 2 * shape)
        )
        if self.column_noise:
            rate = TAU + 0.5 * alpha * squares
            tau = (rng.gamma(TAU + self._counts / 2) / rate).astype(self.dtype)
        return replace(
            state,
            noise_precision=min(float(alpha), state.most_precise),
            column_precisions=tau,
            errors=squares,
            sweep=state.sweep + 1,
        )

    def squared_errors(self, theta: Vector) -> Vector:
        """Return the weighted squared errors of a point by column, shape (n,)."""
        lifted = self.model.lift(theta)
        return self.cells.map(1, line_errors, PerPartner(lifted.left), PerLine(lifted.right))[0]

    def energy(self, state: Draw) -> float:
        """Return the negative log likelihood of a draw, up to a constant."""
        tau, alpha = state.column_precisions.astype(np.float64), state.noise_precision
        squares = float(np.sum(tau * state.errors))
        return 0.5 * alpha * squares - 0.5 * float(self._counts @ np.log(alpha * tau))


def _entropy(log_determinants: Vector, width: int, scale: float) -> float:
    """Return the entropy of Gaussians whose precisions divided by `scale` have these log determinants."""
    each = width * (1 + np.log(2 * np.pi) - np.log(scale))
    return float(0.5 * np.sum(each - log_determinants))


def _halved_lower(matrix: Matrix) -> Vector:
    """Return the packed weights whose product with a packed lower triangle is tr(matrix triangle)."""
    doubled = 2 * matrix - np.diag(np.diag(matrix))
    lower: Vector = doubled[lower_triangle(matrix.shape[0])]
    return lower
