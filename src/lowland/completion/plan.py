"""How a table is to be completed, in the words of a user; and the fit by the method that they ask for."""

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
# settings that mean something to one kind of method only
OF_MAP = ("loss", "nonnegative", "penalty", "bias_penalty", "penalty_weights")
OF_POSTERIOR = ("pattern", "noise", "scale")
OF_GIBBS = ("draws",)
# ridge on biases where losses are not squared and none is asked for: that of one observation
BIAS_PENALTY = 1.0


@final
@dataclass(frozen=True)
class CompletionPlan:
    """What is asked of a completion; None stands for "auto".

    Parameters
    ----------
    method : {"auto", "variational", "gibbs", "map"}
        "auto" is "map" where one of its settings is given, else "variational".
    loss : str or mapping
        A loss for all columns, or for some by label or position.
    nonnegative : bool
        Whether no factor may be negative; then biases must be left out.
    rank : int or None
    biases : bool
    penalty : float or None
    bias_penalty : float or None
        None is chosen along with the penalty where that is None; else it is 0, or 1 where losses are not
        all squared.
    penalty_weights : {"uniform", "counts"}
    pattern : bool or None
    noise : {"auto", "common", "column"}
    scale : {"auto", "common", "column"}
    draws : int
        That "gibbs" keeps.
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
        """Most sweeps of one search."""
        return max(self.max_iterations, self.draws if self.method == "gibbs" else 0)

    def decide_method(self) -> str:
        """Return the method.

        Raises
        ------
        InvalidInputError
            If it is unknown, or a setting means nothing to it.
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
        foreign = OF_POSTERIOR if self.squared else OF_POSTERIOR[:1]  # units are of losses by column too
        idle = [name for name in foreign if name in given] if method == "map" else of_map
        other = "a Bayesian method" if method == "map" else 'method "map"'
        if not idle and method != "gibbs":
            idle, other = [name for name in OF_GIBBS if name in given], 'method "gibbs"'
        if self.nonnegative and self.biases:
            raise InvalidInputError(
                "nonnegative factors go without biases", "biases", fix="switch biases off"
            )
        if idle:
            raise InvalidInputError(
                f'{idle[0]} means nothing to method "{method}"',
                repr(getattr(self, idle[0])),
                fix=f"leave it out, or choose {other}",
            )
        return method


@final
@dataclass(frozen=True, eq=False)
class PlannedFit:
    """A fitted table, and how rank and penalty were chosen where they were."""

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
    """Fit a table as planned, without judging the fit.

    Parameters
    ----------
    table : Observations
    plan : CompletionPlan
    rng : numpy.random.Generator
    covariates : pair of ndarray or None
        Of rows and of columns.
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
            'method "map" takes no covariates', "some were passed", fix='use "variational" or "gibbs"'
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
    """Raise unless an effort is known; "auto" is."""
    if effort != "auto":
        Settings.for_effort(effort)


def _bayesian(plan: CompletionPlan, method: str) -> BayesianSettings:
    return BayesianSettings(
        plan.rank,
        plan.biases,
        plan.pattern,
        plan.noise,
        plan.scale,
        BayesianSettings.tolerance if plan.tolerance is None else plan.tolerance,
        plan.max_iterations,
        plan.draws if method == "gibbs" else 0,
    )


def _bias_penalty(plan: CompletionPlan) -> float:
    if plan.bias_penalty is None:
        return 0.0 if plan.squared or not plan.biases else BIAS_PENALTY
    return plan.bias_penalty


def _penalised(plan: CompletionPlan) -> CompletionSettings:
    return CompletionSettings(
        plan.rank or 1,
        plan.biases,
        plan.penalty or 0.0,
        CompletionSettings.tolerance if plan.tolerance is None else plan.tolerance,
        plan.max_iterations,
        _bias_penalty(plan),
        plan.penalty_weights,
        nonnegative=plan.nonnegative,
    )
