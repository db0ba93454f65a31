"""Descriptions of a Bayesian fit in words."""

from __future__ import annotations

from lowland.completion.bayesian.features import FeatureMap
from lowland.completion.bayesian.settings import usual_rank
from lowland.completion.bayesian.sweeps import BayesianFit
from lowland.core.results.status import StopReason
from lowland.core.wording import counted


def about_certificate(fit: BayesianFit) -> str:
    """Return what the certificate of a fit is about."""
    m, n = fit.model.shape
    rank = f"rank {usual_rank(m, n)}" if fit.settings.full else "the same rank"
    words = (
        f"The verdicts below are about the penalised (MAP) problem of {rank}, with the penalty that the "
        "posterior's variances imply. Predictions and intervals come from the posterior itself"
    )
    s = fit.settings
    ordered = s.row_order or s.column_order or s.column_places
    return words + (", which alone knows the order of rows or columns." if ordered else ".")


def describe_method(fit: BayesianFit) -> str:
    """Return a phrase on the method and its settings."""
    s = fit.settings
    if s.full:
        words = "one Gaussian of any covariance for all rows, averaged over draws"
        return words + (", shrunk along the order of columns where cells want it" if s.column_places else "")
    words = "Gibbs sampling from variational Bayes" if s.draws else "variational Bayes"
    words += f", rank {s.rank} with learnt priors"
    words += ", row and column biases" if s.biases else ", no biases"
    words += ", the pattern of observed cells as features" if s.pattern else ""
    covariates = [
        words
        for side, name in ((fit.model.row_prior, "rows"), (fit.model.column_prior, "columns"))
        for words in _features(side.mapping, name)
    ]
    noise = "one noise level per column" if s.noise == "column" else "one noise level for all columns"
    scale = "one scale per column" if s.scale == "column" else "one scale for all columns"
    return ", ".join([words, *covariates, noise, scale])


def _features(mapping: FeatureMap, name: str) -> list[str]:
    """Return phrases on the features of a side other than the pattern."""
    words = [f"{counted(mapping.centres.size, 'covariate')} of {name}"] if mapping.centres.size else []
    if mapping.order is None:
        return words
    where = (
        f"{mapping.order.length:.3g} steps of a graph"
        if mapping.order.graph
        else f"{mapping.order.length:.3g}"
    )
    return [*words, f"{name} smooth over a length of {where}"]


def describe_search(fit: BayesianFit) -> list[str]:
    """Return how the variational sweeps and the Gibbs draws ended, one sentence per line."""
    search = fit.search
    if fit.settings.full:
        settings = fit.settings
        kept = max(search.iterations - settings.gaussian_sweeps[1], 0) // settings.sweeps_per_draw
        sweeps = counted(search.iterations, "sweep")
        return [f"{counted(kept, 'draw')} kept after {sweeps} in {search.seconds:.2g} s"]
    lines = [
        f"negative evidence lower bound {search.value:.6g} (lower is better) after "
        f"{counted(search.iterations, 'sweep')} in {search.seconds:.2g} s"
    ]
    return lines if fit.sampling is None else [*lines, describe_draws(fit)]


def describe_draws(fit: BayesianFit) -> str:
    """Return how many Gibbs draws were kept, and whether sampling was interrupted."""
    wanted, kept = fit.settings.draws, len(fit.model.row_draws)
    if fit.sampling is None:
        return "no Gibbs draws"
    if fit.sampling.stop_reason is not StopReason.INTERRUPTED:
        return f"{wanted:,} Gibbs draws kept in {fit.sampling.seconds:.2g} s"
    if not kept:
        return f"interrupted before the first of {wanted:,} Gibbs draws; the model is the variational one"
    return f"interrupted after {kept:,} of {wanted:,} Gibbs draws; the model averages those {kept:,}"
