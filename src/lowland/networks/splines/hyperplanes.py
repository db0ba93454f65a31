"""`weighted_variation`: how much a two-layer ReLU network of any number of inputs bends, by what data see.

It is the sum over the hyperplanes across which the gradient of the function jumps of the size of the jump
times the weight g, the univariate variation where there is one input.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive
from lowland.networks.certificates.loss_parts import LossParts
from lowland.networks.network import ReluNetwork, check_inputs, check_targets
from lowland.networks.splines.variation import (
    SAME,
    data_shares,
    knots,
    row_lengths,
    variation_weight,
    weights_across,
)


@public("lowland.networks")
@briefly
@final
@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedVariation:
    """Weighted variation of a two-layer ReLU network, and what it says of sharpness and step sizes.

    All numbers are computed in floating point, without a bound on their rounding: estimates, not proofs.

    Parameters
    ----------
    value : float
        Sum of the sizes of `jumps` times `weights`: the same for all networks that compute the same function.
    directions : ndarray, shape (m, d)
        Directions across the hyperplanes, of length one; those of equal or opposite neurons are merged.
    places : ndarray, shape (m,)
        A hyperplane is where the product of inputs and direction is this.
    jumps : ndarray, shape (m,)
        Jumps of the gradient along the directions.
    weights : ndarray, shape (m,)
        The weight g of each hyperplane; 0 where all data are on one side.
    constant : float
        1 if the output has a bias, else 0: the curvature along it.
    residual_term : float
        Half the largest norm of a neuron's slopes over its output weight, among output weights that are not
        zero; 0 at rest, and without targets.
    kinks : int
        Number of pairs of neuron and data point at a kink, to within rounding, where the loss has no Hessian
        and nothing is stated.

    Examples
    --------
    >>> import lowland as ll
    >>> network = ll.networks.ReluNetwork(([[1.0, 1.0], [-2.0, 0.0]], [3.0, 0.5]), ([0.5, 0.5], [0.0]))
    >>> found = ll.networks.weighted_variation(network, [[-1, -1], [-1, 1], [1, -1], [1, 1]])
    >>> found.places, found.jumps.round(3), found.weights.round(3)
    (array([-0.35355339, -0.25      ]), array([4.243, 1.   ]), array([0.115, 0.265]))
    >>> round(found.value, 3), round(found.sharpness_bound, 3), round(found.largest_step, 3)
    (0.752, 2.505, 0.799)
    """

    value: float
    directions: Matrix
    places: Vector
    jumps: Vector
    weights: Vector
    constant: float
    residual_term: float = 0.0
    kinks: int = 0

    @property
    def sharpness_bound(self) -> float:
        """No network that computes this function, with this residual term, is flatter than this."""
        return self.constant + 2 * (self.value - self.residual_term)

    @property
    def largest_step(self) -> float:
        """Upper bound on the steps at which gradient descent is stable at such a network."""
        return 2 / self.sharpness_bound if self.sharpness_bound > 0 else np.inf

    def limit(self, step_size: float) -> float:
        """Return what the variation is at most where the sharpness is at most 2 / `step_size`.

        Parameters
        ----------
        step_size : float
            The step size eta.

        Returns
        -------
        float
            1 / eta - 1 / 2 plus the residual term; 1 / eta plus it if the output has no bias.
        """
        check_positive("step_size", step_size)
        return 1 / step_size - self.constant / 2 + self.residual_term


@public("lowland.networks")
def weighted_variation(
    network: ReluNetwork | Iterable[object],
    inputs: ArrayLike,
    targets: ArrayLike | None = None,
    *,
    weights: ArrayLike | None = None,
) -> WeightedVariation:
    """Return the weighted variation of a two-layer ReLU network, which bounds its sharpness from below.

    Parameters
    ----------
    network : ReluNetwork or torch.nn.Sequential
        f(x) = sum_k v_k relu(w_k.x + b_k) + c, with one hidden layer.
    inputs : array_like, shape (n, d)
        Data; the loss is 1/(2 n) sum (f(x_i) - y_i)^2, with all weights and biases that the network has
        trained.
    targets : array_like, shape (n,), optional
        The y_i, for the residual term. Without them it is 0, as at every differentiable stationary point
        and where the network interpolates.
    weights : array_like, shape (n,), optional
        Weights of data points in the loss, at least 0; scaled to sum to 1.

    Returns
    -------
    WeightedVariation

    Raises
    ------
    InvalidInputError
        If the network has several hidden layers, numbers are not finite or too large, or shapes do not match.

    Notes
    -----
    The variation V is the sum of ``|v_k| |w_k| g(u_k, t_k)`` with ``u_k = w_k/|w_k|``, ``t_k =
    -b_k/|w_k|``, where neurons on one hyperplane are added before sizes are taken; g is that of
    `variation_weight`. Wherever the Hessian H of the loss exists, its largest eigenvalue is at least ``1
    + 2 V - max |c_k|``, where c_k is the mean of ``r_i (x_i, 1)`` over all data, zero where neuron k is
    not active, with residuals r; the maximum is over neurons with v_k not zero. The argument: leave out
    the parameters of other neurons, which raises no largest eigenvalue. H = G + B, where B couples (w_k,
    b_k) to v_k by c_k alone, so that its norm is ``max |c_k|``. G is the mean of the outer products of
    the features, so by Cauchy and Schwarz its largest eigenvalue is at least the squared length of the
    mean feature: 1 plus the sum of ``v_k^2 |m_k|^2 + h_k^2``, with m_k the mean of (x_i, 1) where k is
    active and h_k the mean output of neuron k. Each term is at least ``2 |v_k| |m_k| h_k = 2 |v_k| |w_k|
    g+(u_k, t_k)``, and g is at most g+.
    The same holds of every rescaling (a w_k, a b_k, v_k / a), a > 0: H and c_k are of the network at hand, V
    is not changed. Slopes by (w_k, b_k) are v_k c_k: at a stationary point c_k is zero, interpolating or not.

    So V <= 1/eta - 1/2 at a differentiable minimum that is stable at step size eta. Without biases of the
    hidden layer the 1 under the root of g falls away, and without that of the output the 1 of the bound.
    It costs O(n d k), O((n + k) log n) for one input.

    References
    ----------
    T. Liang, D. Qiao, Y.-X. Wang, R. Parhi, Stable minima of ReLU neural networks suffer from the curse of
    dimensionality: the neural shattering phenomenon, NeurIPS 2025. For one input D. Qiao, K. Zhang, E. Singh,
    D. Soudry, Y.-X. Wang, NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> inputs, inner = rng.standard_normal((40, 3)), rng.standard_normal((6, 3))
    >>> network = ll.networks.ReluNetwork((inner, rng.standard_normal(6)), (np.zeros(6), [0.0]))
    >>> found = ll.networks.weighted_variation(network, inputs)
    >>> found.value > found.limit(step_size=1.0)  # so no network that computes it is stable at that step
    True
    """
    net = network if isinstance(network, ReluNetwork) else ReluNetwork.from_torch(network)
    if len(net.weights) != 2:
        raise InvalidInputError(
            "the network must have one hidden layer",
            f"{len(net.widths)} hidden layers",
            fix="use lowland.networks.sharpness",
        )
    points = check_inputs(inputs, net.n_inputs)
    shares = data_shares(weights, len(points))
    values = np.zeros(len(points)) if targets is None else check_targets(targets, len(points))
    with np.errstate(over="ignore", invalid="ignore"):
        parts = LossParts.of(net, points, values, shares)
        term = 0.0
        if targets is not None:
            term = float(np.linalg.norm(parts.coupling[parts.outer != 0], axis=1).max(initial=0.0)) / 2
        biased = net.biases[0] is not None
        directions, places, jumps = _planes(net, points)
        if net.n_inputs == 1 and biased:
            g = variation_weight(points[:, 0], places, weights=shares)
        else:
            each = np.full(len(points), 1 / len(points)) if shares is None else shares
            g = weights_across(points, directions, places, each, biased=biased)
        value = float(np.abs(jumps) @ g)
    if not np.isfinite(value + term):
        raise InvalidInputError("the numbers are too large", "products beyond floats", fix="rescale the data")
    return WeightedVariation(
        value=value,
        directions=directions,
        places=places,
        jumps=jumps,
        weights=g,
        constant=float(parts.offset is not None),
        residual_term=term,
        kinks=parts.kinks,
    )


def _planes(network: ReluNetwork, points: Matrix) -> tuple[Matrix, Vector, Vector]:
    """Return directions, places and jumps of the hyperplanes where a function bends, equal ones merged."""
    inner, outer = network.weights[0], network.weights[1][0]
    bias = np.zeros(len(inner)) if network.biases[0] is None else network.biases[0]
    if network.n_inputs == 1:
        bends, changes = knots(inner[:, 0], bias, outer)
        return np.ones((bends.size, 1)), bends, changes
    lengths = row_lengths(inner)
    with np.errstate(divide="ignore"):
        places = -bias / lengths
    used = np.isfinite(places) & (lengths > 0)  # a hyperplane beyond the range of floats does not count
    directions, places = inner[used] / lengths[used, None], places[used]
    first, same = _equal_planes(directions, places, float(np.abs(points).max()) or 1.0)
    jumps = np.zeros(first.size)
    np.add.at(jumps, same, (outer * lengths)[used])
    return directions[first], places[first], jumps


def _equal_planes(directions: Matrix, places: Vector, scale: float) -> tuple[Indices, Indices]:
    """Return the first of the hyperplanes of each group of equal ones, and the group of each.

    A hyperplane with the opposite direction is the same: relu(s) and relu(-s) differ by a linear function, so
    that their jumps add up whichever way they face.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    count, inputs = directions.shape
    if not count:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    rows = np.hstack([directions, places[:, None] / scale])
    rows = rows / row_lengths(rows)[:, None]
    reach = (SAME + inputs) * float(np.finfo(float).eps)
    near = KDTree(np.vstack([rows, -rows])).query_pairs(reach, p=np.inf, output_type="ndarray") % count
    graph = coo_array((np.ones(len(near)), near.T), shape=(count, count))
    same = connected_components(graph, directed=False)[1]
    return np.unique(same, return_index=True)[1], same
