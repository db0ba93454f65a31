"""The search with a robust loss: from a threshold at the spread of the data down to that of the noise.

With a threshold far above the noise gross errors still pull, and far below it the objective has kinks and
many minima. A sequence of thresholds that fall leads from one to the other, on the first of which a ridge
that fades keeps the factors from fitting the gross errors.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.records import SearchResult
from lowland.losses import Clipped
from lowland.objectives import RecoveryObjective
from lowland.objectives.penalties import make_ridge
from lowland.search import Iterations, RelativeDecreaseBelow, TrustRegion, critical_ridge, make_start
from lowland.sensing.robust_losses import RobustLoss, size_of, spread_of
from lowland.sensing.searching.attempt import AttemptInputs

# data are clipped at so many of their spreads for a first start
FAR = 3.0
# shares of the ridge at which factors vanish, one per threshold; none from there on
FIRST_SHARE, FADING, LEAST_SHARE = 0.5, 0.6, 0.01
# ratio of a threshold to the one before
FALL = 0.25
# a threshold below this share of the spread of what remains is below the noise
DEEP = 0.1
# what remains falls by less once the noise is reached
FALLEN = 0.8
# data without noise: where thresholds end, in spreads of the data; below, slopes are lost in rounding
FLOORS = {"float64": 1e-7, "float32": 1e-3}
# a threshold that is off by less is that of the noise
SETTLED = 0.03
# Newton steps to the last digits of the gradient, products with the Hessian of each, how much shorter each
# makes it, and by what share the objective may seem to rise
MOST_STEPS, MOST_PRODUCTS, GRADIENT_FALL, SAME_VALUE = 10, 1000, 0.5, 1e-12
# searches for the threshold that suits what remains at it
MOST_ROUNDS = 40


def settle_threshold(
    objective: RecoveryObjective, loss: RobustLoss, at: AttemptInputs
) -> tuple[RecoveryObjective, Vector]:
    """Lower the threshold to that of the noise, and return the problem with it and a point near its minimum.

    Parameters
    ----------
    objective : RecoveryObjective
        With a loss of another threshold.
    loss : RobustLoss
    at : AttemptInputs
    """
    whole = size_of(objective.y)
    floor = FLOORS[str(objective.dtype)] * whole
    most = float(np.abs(objective.y).max(initial=0.0)) or 1.0
    far = FAR * whole
    bounded = replace(objective, y=np.clip(objective.y, -far, far), loss=Clipped.huber(whole))
    theta = make_start(bounded, "spectral", at.rng)
    width, share = whole, 0.0 if objective.model.has_unit_trace else FIRST_SHARE
    rest = np.inf
    while True:
        theta = _searched(_fading(objective, width, share, at.rng), theta, at)
        before, rest = rest, spread_of(objective.predict(theta) - objective.y, objective.degrees_of_freedom)
        is_deep = width <= DEEP * rest and rest >= FALLEN * before
        if share <= LEAST_SHARE and (is_deep or width <= floor):
            break
        share *= FADING
        if width > min(DEEP * rest, 0.1 * whole):
            width = max(FALL * width, floor)
    for _ in range(MOST_ROUNDS):
        suited = min(max(loss.threshold * rest, floor), most)
        objective = replace(objective, loss=loss.at(suited))
        theta = _searched(objective, theta, at)
        before, rest = rest, spread_of(objective.predict(theta) - objective.y, objective.degrees_of_freedom)
        if rest >= (1 - SETTLED) * before or loss.threshold * rest <= floor:
            break
    return objective, theta


def _fading(
    objective: RecoveryObjective, width: float, share: float, rng: np.random.Generator
) -> RecoveryObjective:
    """Return the problem with a threshold and with a share of the ridge at which factors vanish."""
    clipped = replace(objective, loss=Clipped.huber(width))
    if share <= LEAST_SHARE:
        return clipped
    ridge = max(objective.penalty, share * critical_ridge(clipped, rng))
    return replace(clipped, penalties=(make_ridge(objective.model, ridge, None),))


def _searched(objective: RecoveryObjective, theta: Vector, at: AttemptInputs) -> Vector:
    return at.run(objective, TrustRegion(), theta, Iterations(60) | RelativeDecreaseBelow(1e-4, 3)).theta


def settle_gradient(objective: RecoveryObjective, result: SearchResult) -> SearchResult:
    """Return an end after Newton steps that are judged by the gradient, where the objective shows no fall.

    Gross errors are most of the objective: beside them what other data still gain is rounding.
    """
    from scipy.sparse.linalg import LinearOperator, minres

    theta, at = result.theta, objective.linearise(result.theta)
    for _ in range(MOST_STEPS):
        product = at.hessian_product
        hessian = LinearOperator((theta.size, theta.size), matvec=product, dtype=theta.dtype)
        # the Hessian is singular along directions that leave the matrix alone: the shortest step has none
        step, _ = minres(hessian, -at.gradient, rtol=1e-12, maxiter=MOST_PRODUCTS)
        trial = objective.linearise(theta + step)
        shorter = np.linalg.norm(trial.gradient) <= GRADIENT_FALL * np.linalg.norm(at.gradient)
        if not shorter or trial.value > at.value * (1 + SAME_VALUE):
            break
        theta, at = theta + step, trial
    if theta is result.theta:
        return result
    return replace(result, theta=theta, value=objective.value(theta))
