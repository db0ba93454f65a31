"""The table of all judges, and `certify`: what they say of a point of any objective."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from lowland.certificates.judge import Judges
from lowland.certificates.judging import judge, usual_work
from lowland.certificates.settings import JudgeSettings
from lowland.core.doors import public
from lowland.core.promises.fits import Fit
from lowland.core.results.findings import Certificate
from lowland.tensors.certificates.judges import TENSOR_JUDGES

# those of tensors include those of matrices
JUDGES: Judges = TENSOR_JUDGES


@public("lowland")
def certify(
    objective: Fit,
    theta: ArrayLike,
    *,
    claims: Sequence[str] | None = None,
    effort: str = "standard",
    settings: JudgeSettings | None = None,
    fit_work: float | None = None,
    seconds: float | None = None,
) -> Certificate:
    """Judge a point of an objective, wherever it came from.

    Parameters
    ----------
    objective : Fit
        Of a matrix, or of a Tucker tensor. Judgement is made in float64, whatever its precision.
    theta : array_like, shape (size,)
        The point.
    claims : sequence of str
        Which claims to judge; by default all that there are judges for.
    effort : {"quick", "standard", "thorough"}
        How many times the work of the fit may be spent; see `JudgeSettings.for_effort`. What a larger effort
        may settle is said.
    settings : JudgeSettings, optional
        Tolerances and limits one by one, instead of `effort`.
    fit_work : float, optional
        Work of the fit that found the point (`SearchResult.work`); by default that of two hundred gradients.
    seconds : float, optional
        Spend no more than so many seconds of wall-clock time either. Findings that this leaves open say so;
        what they say then depends on the machine and its load, which no finding does otherwise.

    Returns
    -------
    Certificate
        One finding for each claim, in the order asked for. All are INCONCLUSIVE if the objective's
        gradient is not that of its values, or its adjoint not that of its measurement.

    Raises
    ------
    InvalidInputError
        If a claim is unknown, or the point has the wrong size or is not finite.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(60, (5, 5), 0), np.ones(60), rank=1, structure="psd", rng=0)
    >>> ll.certify(fit.objective, fit.search.theta, claims=["stationary"])["stationary"].verdict.name
    'SUPPORTED'
    """
    settings = settings or JudgeSettings.for_effort(effort)
    if fit_work is None:
        fit_work = usual_work(objective, theta)
    budget = settings.budget(fit_work, seconds)
    return judge(objective, theta, JUDGES, claims=claims, settings=settings, budget=budget)
