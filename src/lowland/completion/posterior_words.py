"""What is said of a Bayesian fit in words."""

from __future__ import annotations

from lowland.completion.bayesian import BayesianFit

ABOUT_CERTIFICATE = (
    "The verdicts below are about the penalised (MAP) problem of the same rank, with the penalty that the "
    "posterior's variances imply. Predictions and intervals come from the posterior itself."
)


def describe_method(fit: BayesianFit) -> str:
    """Return the method and what it was given, in a phrase."""
    s = fit.settings
    words = "Gibbs sampling from variational Bayes" if s.draws else "variational Bayes"
    words += f", rank {s.rank} with learnt priors"
    words += ", row and column biases" if s.biases else ", no biases"
    words += ", the pattern of observed cells as features" if s.pattern else ""
    covariates = [
        f"{side.mapping.centres.size} covariates of {name}"
        for side, name in ((fit.model.row_prior, "rows"), (fit.model.column_prior, "columns"))
        if side.mapping.centres.size
    ]
    return ", ".join([words, *covariates, f"noise {s.noise} to columns", f"scale {s.scale} to columns"])
