"""How near a network is to a stationary point of its loss, each parameter in its own unit.

A slope is a product of residuals and the parameter's feature; relative to the lengths of both it is the
cosine of the angle between them, whatever the units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.networks.certificates.loss_parts import LossParts

# roundings of outputs and targets that residuals may contain
ROUNDINGS = 16.0
# rounding above this fraction of the residuals is not taken off slopes
AUDIBLE = 1e-3


@final
@dataclass(frozen=True, kw_only=True)
class Slopes:
    """Slopes relative to the largest that such residuals could give, and the residuals.

    Parameters
    ----------
    unrest : float
        Largest over all parameters. Rounding is subtracted.
    idle_pull : float
        The same for the input weights of neurons with zero output weight, as if that were one: at an
        otherwise stationary point where this is not zero, activating such a neuron lowers the loss, and the
        point is a saddle.
    most_unrest : float
        Proven upper bound on the largest slope; infinite if rounding could make it anything.
    idle_ends : tuple of float
        Proven lower and upper bound on the pull.
    misfit : float
        Length of the residuals relative to that of the targets, up to a constant if the network has one.
    most_misfit : float
        Proven upper bound on it.
    """

    unrest: float = 0.0
    idle_pull: float = 0.0
    misfit: float = float("inf")
    most_unrest: float = float("inf")
    idle_ends: tuple[float, float] = (0.0, float("inf"))
    most_misfit: float = float("inf")


def measure_slopes(parts: LossParts, sizes: LossParts) -> Slopes:
    """Return the slopes at a network's weights; bounds hold where `parts` are in scale."""
    rounding = parts.roundings()
    length, unsure = float(np.linalg.norm(parts.residual)), rounding * float(np.linalg.norm(sizes.residual))
    # slopes of rounding size do not count, unless the residuals are hardly more
    noise = float(ROUNDINGS * np.finfo(float).eps * np.linalg.norm(_shown(parts)))
    noise = noise if noise <= AUDIBLE * length else 0.0
    idle = parts.outer == 0
    found: list[tuple[Vector, Vector, Vector]] = []
    for products, features, terms, feature_terms in zip(
        _products(parts), _features(parts), _products(sizes), _features(sizes), strict=True
    ):
        beyond = np.maximum(np.abs(products) - noise * features, 0.0)
        error, off = rounding * terms, rounding * feature_terms
        found.append(
            (
                _over(beyond, features * length),
                _over(np.maximum(np.abs(products) - error, 0.0), (features + off) * (length + unsure)),
                _over(np.abs(products) + error, (features - off) * (length - unsure), length > unsure),
            )
        )
    by_weight, rest = found[0], found[1:]
    live = [[by_weight[kind][~idle], *(one[kind] for one in rest)] for kind in (0, 2)]
    misfit, most_misfit = _misfits(parts, length, unsure)
    return Slopes(
        unrest=_most(live[0]),
        idle_pull=_most([by_weight[0][idle]]),
        most_unrest=_most(live[1]),
        idle_ends=(_most([by_weight[1][idle]]), _most([by_weight[2][idle]])),
        misfit=misfit,
        most_misfit=most_misfit,
    )


def _shown(parts: LossParts) -> Vector:
    offset = 0.0 if parts.offset is None else np.abs(parts.root * parts.offset)
    shown: Vector = np.abs(parts.hidden) @ np.abs(parts.outer) + offset + np.abs(parts.targets)
    return shown


def _products(parts: LossParts) -> list[Any]:
    """Return products of residuals and features: of first weights, output weights, and the offset."""
    return [parts.n * parts.coupling, parts.hidden.T @ parts.residual, parts.ones[None] @ parts.residual]


def _features(parts: LossParts) -> list[Any]:
    """Return the lengths of the same features."""
    by_weight = np.sqrt(parts.on.T @ parts.points**2)
    return [by_weight, np.linalg.norm(parts.hidden, axis=0), np.linalg.norm(parts.ones[None], axis=1)]


def _over(products: Any, possible: Any, known: bool = True) -> Any:
    """Return quotients, infinite if the divisor is not known to be positive; 0 without a product."""
    good = (possible > 0) & known
    return np.divide(products, possible, out=np.where(products == 0, 0.0, np.inf), where=good)


def _most(parts: list[Any]) -> float:
    return max((float(part.max(initial=0.0)) for part in parts), default=0.0)


def _misfits(parts: LossParts, length: float, unsure: float) -> tuple[float, float]:
    """Return the misfit and an upper bound on it."""
    terms, spread = np.abs(parts.targets), parts.targets
    if parts.offset is not None:
        centre = float(parts.root @ parts.targets) / parts.n
        spread = parts.targets - centre * parts.root
        terms = terms + float(parts.root @ terms) / parts.n * parts.root
    size = float(np.linalg.norm(spread))
    least = size - parts.roundings() * float(np.linalg.norm(terms))
    misfit, most = _over(np.array([length, length + unsure]), np.array([size, least]))
    return float(misfit), float(most)
