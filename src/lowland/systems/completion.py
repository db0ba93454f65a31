"""Completion of a table: alternating minimisation, a Newton finish, a model that predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.certify import Settings
from lowland.certify import certify as judge
from lowland.core.arrays import Indices, Matrix, Vector, check_positions, check_rank
from lowland.core.errors import InvalidInputError
from lowland.core.findings import Certificate
from lowland.core.labels import find_labels
from lowland.core.observations import Labels, Observations
from lowland.core.records import Factors, SearchResult
from lowland.core.status import StopReason
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives import RecoveryObjective, make_objective
from lowland.search import (
    GradientBelow,
    Iterations,
    RelativeDecreaseBelow,
    TrustRegion,
    ValueBelow,
    make_start,
    run,
)
from lowland.search.loop import Callback, Checkpoint, Snapshot
from lowland.systems.premises import check_scale
from lowland.systems.solvers import exact_value, warmed_alternating

BIASES = ("row", "column", "global")

# a Newton finish sharpens the certificate; beyond this many observations times unknowns a
# row it would cost more than the fit
FINISH_WORK = 3_000_000


@final
@dataclass(frozen=True)
class CompletionSettings:
    """What to fit and when to stop.

    Parameters
    ----------
    rank : int
    biases : bool
        Whether row, column and global biases are free.
    penalty : float
        Weight of the nuclear norm of the factors' part.
    tolerance : float
        Sweeps stop once the objective falls by less than this fraction of itself.
    max_iterations : int
        Most sweeps.
    """

    rank: int
    biases: bool = True
    penalty: float = 1.0
    tolerance: float = 1e-6
    max_iterations: int = 500


@final
@dataclass(frozen=True, eq=False)
class CompletionModel:
    """Factors, biases and labels: all that is needed to predict.

    Parameters
    ----------
    row_factors : ndarray, shape (m, r)
    column_factors : ndarray, shape (n, r)
    row_biases : ndarray, shape (m,)
    column_biases : ndarray, shape (n,)
    offset : float
    penalty : float
        Needed to fold new rows in.
    biases : bool
    row_labels, column_labels : ndarray or None
    """

    row_factors: Matrix
    column_factors: Matrix
    row_biases: Vector
    column_biases: Vector
    offset: float
    penalty: float
    biases: bool
    row_labels: Labels | None = None
    column_labels: Labels | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.row_factors.shape[0], self.column_factors.shape[0]

    def predict(self, rows: Indices, columns: Indices) -> Vector:
        """Return predictions for pairs of positions, O(r) each."""
        low_rank = Factors(self.row_factors, self.column_factors).at(rows, columns)
        return (
            low_rank
            + self.row_biases[rows]
            + self.column_biases[columns]
            + self.row_biases.dtype.type(self.offset)
        )

    def matrix(self) -> Matrix:
        """Return all predictions, shape (m, n)."""
        low_rank: Matrix = self.row_factors @ self.column_factors.T
        biases = self.row_biases[:, None] + self.column_biases + low_rank.dtype.type(self.offset)
        return np.asarray(low_rank + biases)

    def positions(self, labels: ArrayLike, axis: int) -> Indices:
        """Return the positions of row (axis 0) or column (axis 1) labels.

        Where the table had no labels, positions are returned as they are, checked.

        Raises
        ------
        InvalidInputError
            If a label is not in the model.
        """
        name = ("row", "column")[axis]
        known = (self.row_labels, self.column_labels)[axis]
        if known is None:
            return check_positions(labels, f"{name}s", below=self.shape[axis])
        return find_labels(labels, known, name)

    def align(self, table: Observations, *, rows: bool) -> Observations:
        """Return a table with its labels replaced by this model's positions, where both have labels.

        Parameters
        ----------
        table : Observations
        rows : bool
            Whether rows are aligned too; otherwise they stay new rows.
        """
        if table.column_labels is not None and self.column_labels is not None:
            columns = self.positions(table.column_labels, 1)[table.columns]
            shape = (table.shape[0], self.shape[1])
            table = replace(table, columns=columns, shape=shape, column_labels=self.column_labels)
        if rows and table.row_labels is not None and self.row_labels is not None:
            positions = self.positions(table.row_labels, 0)[table.rows]
            shape = (self.shape[0], table.shape[1])
            table = replace(table, rows=positions, shape=shape, row_labels=self.row_labels)
        return table

    def fold_in(self, table: Observations) -> tuple[Matrix, Vector]:
        """Return factors and biases of the rows of another table with the same columns."""
        model = General(table.shape, self.row_factors.shape[1], BIASES if self.biases else ())
        entries = Entries(table.rows, table.columns, table.shape)
        objective = make_objective(
            entries,
            table.values.astype(self.row_factors.dtype),
            model,
            weights=table.weights,
            ridge=self.penalty,
        )
        blank = np.zeros((table.shape[0], model.rank), self.row_factors.dtype)
        theta = model.pack(
            blank, self.column_factors, np.zeros(table.shape[0], blank.dtype), self.column_biases, self.offset
        )
        solver = objective.block_solver
        if solver is None:
            raise InvalidInputError("rows cannot be folded in", "no block solver")
        u, _, a, _, _ = model.unpack(solver.solve(theta, "rows"))
        return u, a


@final
@dataclass(frozen=True, eq=False)
class CompletionFit:
    """A fitted completion: the model, the search and what is proved."""

    model: CompletionModel
    search: SearchResult
    certificate: Certificate | None
    objective: RecoveryObjective
    observations: Observations
    settings: CompletionSettings
    theta: Vector


def completion_objective(observations: Observations, settings: CompletionSettings) -> RecoveryObjective:
    """Return the objective of a completion, in the precision of the observations."""
    rank = check_rank(settings.rank, observations.shape)
    if not observations.size:
        raise InvalidInputError("the table is empty", "no observed cell", fix="pass a table with data")
    entries = Entries(
        observations.rows, observations.columns, observations.shape, dtype=observations.values.dtype
    )
    check_scale(observations.values)
    model = General(observations.shape, rank, BIASES if settings.biases else ())
    return make_objective(
        entries, observations.values, model, weights=observations.weights, ridge=settings.penalty
    )


def fit_completion(
    observations: Observations,
    settings: CompletionSettings,
    *,
    rng: np.random.Generator,
    certify: bool = True,
    effort: str = "standard",
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
) -> CompletionFit:
    """Fit a table.

    Parameters
    ----------
    observations : Observations
    settings : CompletionSettings
    rng : numpy.random.Generator
        For the random start.
    effort : {"quick", "standard", "thorough"}
        How far to go in judging.
    certify : bool
        Whether to judge the answer; small tables then get a Newton finish too.
    callbacks, checkpoint, resume
        As in `lowland.search.run`; they concern the sweeps.

    Returns
    -------
    CompletionFit

    Notes
    -----
    A sweep costs O(p r^2 + (m + n) r^3). The rows are solved once more at the end, so that
    folding a known row in again gives what was fitted.
    """
    Settings.for_effort(effort)  # an unknown one is an error before any work
    objective = completion_objective(observations, settings)
    theta = make_start(objective, "random", rng)
    stepper = warmed_alternating(objective, rng)
    after = stepper.warm_up(objective.ridge)
    stop = RelativeDecreaseBelow(settings.tolerance, after=after) | Iterations(settings.max_iterations)
    if not objective.ridge:
        stop = ValueBelow(exact_value(objective)) | stop
    search = run(
        objective,
        stepper,
        theta,
        stop=stop,
        rng=rng,
        callbacks=callbacks,
        checkpoint=checkpoint,
        resume=resume,
    )
    theta = search.theta
    if objective.block_solver is not None:
        theta = objective.block_solver.solve(theta, "rows")
    model = model_of(objective, theta, observations)
    fit = CompletionFit(model, search, None, objective, observations, settings, theta)
    return (
        certified(fit, rng, effort) if certify and search.stop_reason is not StopReason.INTERRUPTED else fit
    )


def certified(fit: CompletionFit, rng: np.random.Generator, effort: str = "standard") -> CompletionFit:
    """Return a fit with its certificate, small ones after a Newton finish."""
    objective, search, theta = fit.objective, fit.search, fit.theta
    if fit.observations.size * (fit.settings.rank + 2) <= FINISH_WORK:
        search = _finish(objective, search, rng)
        theta = search.theta
        if objective.block_solver is not None:
            theta = objective.block_solver.solve(theta, "rows")
    model = model_of(objective, theta, fit.observations)
    return replace(
        fit, model=model, search=search, theta=theta, certificate=judge(objective, theta, effort=effort)
    )


def _finish(objective: RecoveryObjective, search: SearchResult, rng: np.random.Generator) -> SearchResult:
    stop = GradientBelow(1e-9) | RelativeDecreaseBelow(1e-12) | Iterations(30)
    better = run(objective, TrustRegion(), search.theta, stop=stop, rng=rng)
    # the sweeps' reason stays: the finish only adds digits
    return replace(
        search,
        theta=better.theta,
        value=better.value,
        seconds=search.seconds + better.seconds,
        solver=f"{search.solver}, then {better.solver}",
    )


def model_of(objective: RecoveryObjective, theta: Vector, observations: Observations) -> CompletionModel:
    """Return the predicting model of a point."""
    general = objective.model
    if not isinstance(general, General):
        raise InvalidInputError("only general matrices complete a table", general.name)
    u, v, a, b, c = general.unpack(theta)
    return CompletionModel(
        u.copy(),
        v.copy(),
        a.copy(),
        b.copy(),
        c,
        objective.ridge,
        bool(general.biases),
        observations.row_labels,
        observations.column_labels,
    )


def model_arrays(model: CompletionModel) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return a model as plain data and arrays, for a file."""
    arrays = {
        "row_factors": model.row_factors,
        "column_factors": model.column_factors,
        "row_biases": model.row_biases,
        "column_biases": model.column_biases,
    }
    for name, labels in (("row_labels", model.row_labels), ("column_labels", model.column_labels)):
        if labels is not None:
            arrays[name] = labels
    return {"offset": model.offset, "penalty": model.penalty, "biases": model.biases}, arrays


def model_from_arrays(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> CompletionModel:
    """Return the model that `model_arrays` took apart."""
    return CompletionModel(
        arrays["row_factors"],
        arrays["column_factors"],
        arrays["row_biases"],
        arrays["column_biases"],
        float(header["offset"]),
        float(header["penalty"]),
        bool(header["biases"]),
        arrays.get("row_labels"),
        arrays.get("column_labels"),
    )
