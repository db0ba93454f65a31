"""The plan of a completion, in terms of its options, and the fit by the planned method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import final

import numpy as np

from lowland.certificates import Settings
from lowland.completion.bayesian import SideCovariates, fit_bayesian
from lowland.completion.bayesian_settings import BayesianSettings, check_by_column
from lowland.completion.bayesian_table import BayesianTable
from lowland.completion.column_losses import Columns, Losses, check_columns
from lowland.completion.fitted_table import FittedTable
from lowland.completion.penalised import fit_completion
from lowland.completion.penalised_table import PenalisedTable
from lowland.completion.rank_path import RankPath, choose_rank_and_penalty
from lowland.completion.settings import CompletionSettings
from lowland.core.errors import InvalidInputError
from lowland.core.observations import Observations
from lowland.search.loop import Callback, Checkpoint, Snapshot

METHODS = ("auto", "variational", "gibbs", "map")
# settings used by one kind of method only
OF_MAP = ("loss", "nonnegative", "penalty", "bias_penalty", "penalty_weights")
OF_POSTERIOR = ("pattern", "noise", "scale")
OF_GIBBS = ("draws",)
# default ridge on biases if losses are not all squared: worth one observation
BIAS_PENALTY = 1.0


@final
@dataclass(frozen=True, kw_only=True)
class CompletionPlan:
    """The options of a completion; None stands for "auto".

    Parameters
    ----------
    method : {"auto", "variational", "gibbs", "map"}
        "auto" is "map" if a setting of "map" is given, else "variational".
    loss : str or mapping
        One loss for all columns, or losses of some columns by label or position.
    nonnegative : bool
        Whether factors must be nonnegative; biases must then be turned off.
    rank : int or None
    biases : bool
    penalty : float or None
    bias_penalty : float or None
        None: chosen together with the penalty if that is None too; else 0, or 1 if losses are not all
        squared.
    penalty_weights : {"uniform", "counts"}
    pattern : bool or None
    noise : {"auto", "common", "column"}
    scale : {"auto", "common", "column"}
    draws : int
        Number of draws that "gibbs" keeps.
    tolerance : float or None
    max_iterations : int
    """

    method: str = "auto"
    loss: Losses = "squared"
    nonnegative: bool = False
    rank: int | None = None
    biases: bool = True
    penalty: float | None = None
    bias_penalty: float | None = None
    penalty_weights: str = "uniform"
    pattern: bool | None = None
    noise: str = "auto"
    scale: str = "auto"
    draws: int = 100
    tolerance: float | None = None
    max_iterations: int = 500

    @property
    def squared(self) -> bool:
        """Whether all losses are squared."""
        words = [self.loss] if isinstance(self.loss, str) else self.loss.values()
        return all(word == "squared" for word in words)

    @property
    def sweeps(self) -> int:
        """Maximum number of sweeps of one search."""
        return max(self.max_iterations, self.draws if self.method == "gibbs" else 0)

    def decide_method(self) -> str:
        """Return the method.

        Raises
        ------
        InvalidInputError
            If the method is unknown, or a given setting is not used by it.
        """
        if self.method not in METHODS:
            choices = ", ".join(f'"{choice}"' for choice in METHODS)
            raise InvalidInputError("method is unknown", repr(self.method), fix=f"use one of {choices}")
        given = {f.name for f in fields(self) if getattr(self, f.name) != f.default}
        given -= {"loss"} if self.squared else set()
        of_map = [name for name in OF_MAP if name in given]
        method = ("map" if of_map else "variational") if self.method == "auto" else self.method
        for name in ("noise", "scale"):
            check_by_column(getattr(self, name), name)
        # noise and scale are also used by losses that are not squared
        foreign = OF_POSTERIOR if self.squared else OF_POSTERIOR[:1]
        idle = [name for name in foreign if name in given] if method == "map" else of_map
        other = "a Bayesian method" if method == "map" else 'method "map"'
        if not idle and method != "gibbs":
            idle, other = [name for name in OF_GIBBS if name in given], 'method "gibbs"'
        if self.nonnegative and self.biases:
            raise InvalidInputError(
                "nonnegative factors must be fitted without biases", "biases", fix="turn biases off"
            )
        if idle:
            raise InvalidInputError(
                f'{idle[0]} is not used by method "{method}"',
                repr(getattr(self, idle[0])),
                fix=f"omit it, or choose {other}",
            )
        return method


@final
@dataclass(frozen=True, eq=False)
class PlannedFit:
    """A fitted table, and how rank and penalty were chosen if they were "auto"."""

    table: FittedTable
    path: RankPath | None = None


def fit_plan(
    table: Observations,
    plan: CompletionPlan,
    *,
    rng: np.random.Generator,
    covariates: SideCovariates = (None, None),
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
) -> PlannedFit:
    """Fit a table as planned, without a certificate.

    Parameters
    ----------
    table : Observations
    plan : CompletionPlan
    rng : numpy.random.Generator
    covariates : pair of ndarray or None
        Covariates of rows and of columns.
    callbacks, checkpoint, resume
        As in `lowland.search.run`.

    Returns
    -------
    PlannedFit
    """
    method = plan.decide_method()
    check_columns(plan.loss, table)
    if method != "map":
        fit = fit_bayesian(
            table,
            _bayesian(plan, method),
            rng=rng,
            covariates=covariates,
            callbacks=callbacks,
            checkpoint=checkpoint,
            resume=resume,
        )
        return PlannedFit(BayesianTable.of(fit, covariates))
    if any(known is not None for known in covariates):
        raise InvalidInputError(
            'method "map" takes no covariates', "covariates", fix='omit them, or use "variational" or "gibbs"'
        )
    settings, path = _penalised(plan), None
    if not plan.squared:
        scale, noise = ("column" if kind == "auto" else kind for kind in (plan.scale, plan.noise))
        settings = replace(settings, columns=Columns.of(table, plan.loss, scale=scale, noise=noise))
    if plan.rank is None or plan.penalty is None or settings.columns is not None:
        bias_penalty = plan.bias_penalty if plan.penalty is None else settings.bias_penalty
        path = choose_rank_and_penalty(
            table, settings, rank=plan.rank, penalty=plan.penalty, bias_penalty=bias_penalty, rng=rng
        )
        settings = path.settings
    penalised = fit_completion(
        table,
        settings,
        rng=rng,
        certify=False,
        callbacks=callbacks,
        checkpoint=checkpoint,
        resume=resume,
    )
    return PlannedFit(PenalisedTable.of(penalised), path if path is not None and path.steps else None)


def check_effort(effort: str) -> None:
    """Raise unless the effort is known or "auto"."""
    if effort != "auto":
        Settings.for_effort(effort)


def _bayesian(plan: CompletionPlan, method: str) -> BayesianSettings:
    return BayesianSettings(
        rank=plan.rank,
        biases=plan.biases,
        pattern=plan.pattern,
        noise=plan.noise,
        scale=plan.scale,
        tolerance=BayesianSettings.tolerance if plan.tolerance is None else plan.tolerance,
        max_iterations=plan.max_iterations,
        draws=plan.draws if method == "gibbs" else 0,
    )


def _bias_penalty(plan: CompletionPlan) -> float:
    if plan.bias_penalty is None:
        return 0.0 if plan.squared or not plan.biases else BIAS_PENALTY
    return plan.bias_penalty


def _penalised(plan: CompletionPlan) -> CompletionSettings:
    return CompletionSettings(
        rank=plan.rank or 1,
        biases=plan.biases,
        penalty=plan.penalty or 0.0,
        tolerance=CompletionSettings.tolerance if plan.tolerance is None else plan.tolerance,
        max_iterations=plan.max_iterations,
        bias_penalty=_bias_penalty(plan),
        penalty_weights=plan.penalty_weights,
        nonnegative=plan.nonnegative,
    )
