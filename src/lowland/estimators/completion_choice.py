"""From an estimator's settings to a fit by the method that they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.core.findings import Certificate
from lowland.core.observations import Observations
from lowland.estimators.table_input import flag_or_auto, number_at_least_zero, rank_or_auto, whole_number
from lowland.systems.bayesian_completion import BayesianFit, Covariates, fit_bayesian
from lowland.systems.bayesian_settings import BayesianSettings
from lowland.systems.companion import fit_companion
from lowland.systems.completion import CompletionFit, fit_completion
from lowland.systems.completion_settings import CompletionSettings
from lowland.systems.rank_path import RankPath, choose_rank_and_penalty

METHODS = ("auto", "variational", "gibbs", "map")
# settings that mean something to one kind of method, and their defaults
OF_MAP = {"penalty": "auto", "bias_penalty": 0.0, "penalty_weights": "uniform"}
OF_POSTERIOR = {"pattern": "auto", "noise": "auto", "scale": "auto"}


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit, what is proved, and how rank and penalty were chosen where they were."""

    fit: CompletionFit | BayesianFit
    certificate: Certificate | None
    path: RankPath | None = None


def choose_method(model: Any) -> str:
    """Return the method that an estimator's settings ask for.

    Raises
    ------
    InvalidInputError
        If it is unknown, or a setting means nothing to it.
    """
    if model.method not in METHODS:
        choices = ", ".join(f'"{choice}"' for choice in METHODS)
        raise InvalidInputError("method is unknown", repr(model.method), fix=f"use one of {choices}")
    given = [name for name, default in OF_MAP.items() if _differs(getattr(model, name), default)]
    method = ("map" if given else "variational") if model.method == "auto" else str(model.method)
    idle = given if method != "map" else []
    if method == "map":
        idle = [name for name, default in OF_POSTERIOR.items() if _differs(getattr(model, name), default)]
    if idle:
        other = "a Bayesian method" if method == "map" else 'method "map"'
        raise InvalidInputError(
            f'{idle[0]} means nothing to method "{method}"',
            repr(getattr(model, idle[0])),
            fix=f"leave it out, or choose {other}",
        )
    return method


def fit_penalised(
    model: Any, table: Observations, method: str, about: Covariates, rng: np.random.Generator
) -> Fitted:
    """Fit by "map", rank and penalty chosen first where they are "auto"."""
    if any(covariates is not None for covariates in about):
        raise InvalidInputError(
            'method "map" takes no covariates', "some were passed", fix='use "variational" or "gibbs"'
        )
    rank = rank_or_auto(model.rank, table.shape)
    auto = isinstance(model.penalty, str) and model.penalty == "auto"
    penalty = None if auto else number_at_least_zero(model.penalty, "penalty")
    tolerance = 1e-6 if _is_auto(model.tolerance) else number_at_least_zero(model.tolerance, "tolerance")
    settings = CompletionSettings(
        rank or 1,
        bool(model.biases),
        penalty or 0.0,
        tolerance,
        whole_number(model.max_iterations, "max_iterations", 1),
        number_at_least_zero(model.bias_penalty, "bias_penalty"),
        model.penalty_weights,
    )
    path = None
    if rank is None or penalty is None:
        path = choose_rank_and_penalty(table, settings, rank=rank, penalty=penalty, rng=rng)
        settings = path.settings
    fit = fit_completion(table, settings, rng=rng, certify=model.certify, effort=model.effort)
    return Fitted(fit, fit.certificate, path)


def fit_posterior(
    model: Any, table: Observations, method: str, about: Covariates, rng: np.random.Generator
) -> Fitted:
    """Fit by "variational" or "gibbs"."""
    defaults = BayesianSettings()
    auto = _is_auto(model.tolerance)
    settings = BayesianSettings(
        rank_or_auto(model.rank, table.shape),
        bool(model.biases),
        flag_or_auto(model.pattern, "pattern"),
        model.noise,
        model.scale,
        defaults.tolerance if auto else number_at_least_zero(model.tolerance, "tolerance"),
        whole_number(model.max_iterations, "max_iterations", 1),
        whole_number(model.n_draws, "n_draws", 1) if method == "gibbs" else 0,
    )
    fit = fit_bayesian(table, settings, rng=rng, covariates=about)
    certificate = fit_companion(fit, rng, effort=model.effort).certificate if model.certify else None
    return Fitted(fit, certificate)


def _differs(value: Any, default: Any) -> bool:
    return (
        type(value) is str or type(default) is str if type(value) is not type(default) else value != default
    )


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"
