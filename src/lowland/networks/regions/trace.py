"""`RegionTrace`: the activation regions that a training loop visits, and their ranks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.brief import briefly
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive
from lowland.core.random import RandomSource, make_generator
from lowland.networks.kernels.modular_ranks import network_rank
from lowland.networks.network import ReluNetwork, check_inputs, check_targets
from lowland.networks.regions.activation import activation
from lowland.networks.regions.model import Relu
from lowland.networks.training_steps import check_recorded, is_due
from lowland.report.displays import new_axes
from lowland.report.figures import ACCENT, SECOND

if TYPE_CHECKING:
    from lowland.report.figures import Axes


@briefly
@final
@dataclass(frozen=True, eq=False)
class RegionRecord:
    """The region that a network lies in after a step.

    Parameters
    ----------
    step : int
    rank : int
        Of the Jacobian of the outputs by the trained weights, modulo a random prime: a lower bound, and right
        but for a tiny probability.
    n_points : int
        Number of data points: a region of that rank has no bad minimum among differentiable points, if the
        first layer alone is trained.
    changed, moved : float
        Shares of the pairs of a data point and a hidden neuron that are on otherwise than at the first
        record, and than at the one before.
    dead_neurons : int
        Hidden neurons that are on for no data point.
    on_boundary : bool
        Whether some neuron is at its kink, or so near that rounding hides its side.
    loss : float or None
        Half the mean squared error, if targets were given.
    """

    step: int
    rank: int
    n_points: int
    changed: float
    moved: float
    dead_neurons: int
    on_boundary: bool
    loss: float | None = None

    @property
    def has_full_rank(self) -> bool:
        """Whether the rank is the number of data points."""
        return self.rank == self.n_points


@public("lowland.networks")
@final
class RegionTrace:
    """Records of the activation regions of a ReLU network that is being trained, by any method.

    Parameters
    ----------
    model : ReluNetwork, torch.nn.Sequential, or state dictionary
        As of `region_report`. A module is read anew at each record, as it then is.
    inputs : array_like, shape (n, d) or (n,)
        Data points, all or some of them.
    targets : array_like, shape (n,), optional
        For the loss.
    trained : {"first", "all"}
        Which layers the Jacobian is of.
    every : int
        Steps between two records.
    rng : int, numpy.random.Generator or None
        Source of random primes.

    Notes
    -----
    A record costs O(n^2 (width + n)), the rank of an n x n matrix modulo a prime.

    References
    ----------
    K. Karhadkar, M. Murray, H. Tseran, G. Montufar, Mildly overparameterized ReLU networks have a favorable
    loss landscape, 2023.

    Examples
    --------
    In a training loop of PyTorch: ``trace = RegionTrace(model, x, y, every=50)``, and after each step
    ``trace.record(step)``. Of other frameworks the network is passed: ``trace.record(step, network)``.

    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> x, first, last = rng.standard_normal((6, 2)), rng.standard_normal((9, 2)), rng.standard_normal(9)
    >>> trace = ll.networks.RegionTrace(ll.networks.ReluNetwork((first, last)), x, rng=0)
    >>> trace.record(0).rank, trace.record(1, ll.networks.ReluNetwork((-first, last))).changed
    (6, 1.0)
    """

    every: int
    records: list[RegionRecord]
    trained: str

    def __init__(
        self,
        model: ReluNetwork | Iterable[object],
        inputs: ArrayLike,
        targets: ArrayLike | None = None,
        *,
        trained: str = "first",
        every: int = 1,
        rng: RandomSource = None,
    ) -> None:
        check_positive("every", every)
        self.every, self.records, self.trained = every, list[RegionRecord](), trained
        self._model = model
        self._inputs = check_inputs(inputs, Relu(_network(model), trained).network.n_inputs)
        self._targets = None if targets is None else check_targets(targets, len(self._inputs))
        self._rng = make_generator(rng)
        self._patterns: list[tuple[NDArray[np.bool_], ...]] = []  # at the first record, and at the last

    def record(self, step: int, model: ReluNetwork | Iterable[object] | None = None) -> RegionRecord | None:
        """Record the network's region after a step that is a multiple of `every`.

        Parameters
        ----------
        step : int
            Counted from anywhere, ascending.
        model : optional
            In place of the one that the trace began with; of the same sizes.

        Returns
        -------
        RegionRecord or None
            None after steps that are no multiple of `every`.

        Raises
        ------
        InvalidInputError
            If steps do not ascend, or the network cannot be read or has other sizes.
        """
        if not is_due(self.records, step, self.every):
            return None
        self._model = self._model if model is None else model
        network = _network(self._model)
        region = activation(network, self._inputs)
        shapes = [pattern.shape for pattern in region.patterns]
        if self._patterns and shapes != [pattern.shape for pattern in self._patterns[0]]:
            raise InvalidInputError("the network has other sizes than before", f"widths {network.widths}")
        patterns = region.patterns
        first, before = self._patterns or [patterns, patterns]
        rank = network_rank(
            network.weights,
            network.biases,
            patterns,
            self._inputs,
            self._rng,
            trained=Relu(network, self.trained).count,
        )
        loss = None
        if self._targets is not None:
            loss = 0.5 * float(np.mean((network(self._inputs) - self._targets) ** 2))
        self._patterns = [first, patterns]
        self.records.append(
            RegionRecord(
                step=step,
                rank=rank,
                n_points=len(self._inputs),
                changed=_differing(patterns, first),
                moved=_differing(patterns, before),
                dead_neurons=sum(part.size for part in region.dead_neurons),
                on_boundary=region.on_boundary,
                loss=loss,
            )
        )
        return self.records[-1]

    def full_rank_share(self) -> float:
        """Return the share of the records whose Jacobian has full row rank."""
        return float(np.mean([record.has_full_rank for record in self.records])) if self.records else 0.0

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the rank as a share of the data points, and the patterns that changed, by step.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        """
        check_recorded(self.records)
        ax = new_axes(ax)
        steps = [record.step for record in self.records]
        ax.plot(
            steps,
            [record.rank / record.n_points for record in self.records],
            color=ACCENT,
            label="rank / points",
        )
        changed = [record.changed for record in self.records]
        ax.plot(steps, changed, color=SECOND, label="patterns changed since the start")
        ax.set(xlabel="step", ylabel="share", ylim=(-0.03, 1.03))
        ax.legend(frameon=False)
        return ax


def _network(model: ReluNetwork | Iterable[object]) -> ReluNetwork:
    return model if isinstance(model, ReluNetwork) else ReluNetwork.from_torch(model)


def _differing(patterns: tuple[NDArray[np.bool_], ...], others: tuple[NDArray[np.bool_], ...]) -> float:
    """Return the share of the pairs of point and neuron that are on in one and off in the other."""
    count = sum(pattern.size for pattern in patterns)
    pairs = zip(patterns, others, strict=True)
    return sum(int(np.count_nonzero(pattern != other)) for pattern, other in pairs) / max(count, 1)
