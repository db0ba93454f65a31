"""`region_report`: whether an activation region has bad minima, from ranks, programs and judges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.findings import Certificate
from lowland.core.results.judged import Judged
from lowland.core.results.verification import Verification
from lowland.core.running.progress import OnProgress
from lowland.files.certificates import write_certificate
from lowland.networks.certificates.region_minima import RegionFacts, judge_region
from lowland.networks.kernels.matroid_union import Union, matroid_union
from lowland.networks.kernels.modular_ranks import network_rank
from lowland.networks.network import ReluNetwork, check_inputs, check_targets
from lowland.networks.regions.activation import Activation, activation
from lowland.networks.regions.model import Relu
from lowland.networks.regions.objective import ReluObjective, least_possible
from lowland.networks.regions.program import RegionOptimum
from lowland.networks.regions.search_for_best import try_optimum
from lowland.networks.regions.words import NOT_JUDGED, at_minimum, listed
from lowland.recheck.documents import Document
from lowland.recheck.networks.region_checks import verify_region
from lowland.recheck.networks.regions import data_fingerprint, layers_of, region_problem
from lowland.report.reported import Reported

if TYPE_CHECKING:
    from lowland.report.page import Page

# beyond these sizes a question is left open, because it would take minutes
MOST_POINTS, MOST_NUMBERS = 400, 6_000_000


@public("lowland.networks")
@final
@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RegionReport(Judged, Reported):
    """The activation region of a network on data, and what is proved about its minima.

    Parameters
    ----------
    network : ReluNetwork
    trained : str
        "first" or "all" layers.
    n_points : int
    loss : float or None
        1/(2 n) times the sum of squared residuals, if targets were given.
    activation : Activation
        Patterns, kinks, dead points and neurons.
    rank : int
        Rank of the Jacobian of the outputs, by exact arithmetic; never too high.
    generic_rank : int or None
        Rank for almost all data with this pattern; None beyond two layers, or for very many points.
    numerical_rank : int or None
        Number of singular values above rounding in double precision; None if the Jacobian is too large.
    numerical_gap : float
        Ratio of the smallest singular value that counts to the next; infinite if there is none.
    at_fault : ndarray of int
        Data points S whose patterns have too low a rank: more than d rank(A_S) of them. Empty if the
        generic rank is full.
    optimum : RegionOptimum or None
        The best network of the region, if the first of two layers is trained and targets were given.
    repeated : bool
        Whether data points repeat; statements about almost all data do not apply to them.
    certificate : Certificate
    gradient : float or None
        Norm of the loss's gradient by the trained weights, if targets were given.
    notes : tuple of str
        What could not be judged, and why.
    inputs : ndarray, shape (n, d)
    targets : ndarray, shape (n,), or None
        The data.

    Examples
    --------
    >>> import lowland as ll
    >>> network = ll.networks.ReluNetwork(([[1.0], [-1.0]], [1.0, 1.0]), ([1.0, 1.0], None))
    >>> ll.networks.region_report(network, [-2.0, -1.5, 1.5, 2.0])
    <RegionReport: rank 4 of 4, no bad minimum PROVED>
    >>> found = ll.networks.region_report(network, [-3.0, -2.0, -1.5, 1.5, 2.0])
    >>> found.rank, found.at_fault, found.certificate["no_bad_minimum_in_region"].verdict.name
    (4, array([0, 1, 2]), 'INCONCLUSIVE')
    """

    network: ReluNetwork
    trained: str
    n_points: int
    loss: float | None
    activation: Activation
    rank: int
    generic_rank: int | None
    numerical_rank: int | None
    numerical_gap: float
    at_fault: Indices
    optimum: RegionOptimum | None
    repeated: bool
    certificate: Certificate
    gradient: float | None = None
    notes: tuple[str, ...] = ()
    inputs: Matrix = field(default_factory=lambda: np.zeros((0, 0)))
    targets: Vector | None = None

    def recheck(
        self, certificate: Certificate, theta: Vector, on_progress: Callable[[str], None] | None = None
    ) -> Verification:
        """Derive everything that a certificate states about the region again; the point is the network's."""
        problem = region_problem(self.document(certificate), self.inputs, self.targets)
        return verify_region(problem, certificate, on_progress)

    def document(self, certificate: Certificate) -> Document:
        """Return a certificate with the network that it is about."""
        layers = layers_of(self.network.weights, self.network.biases)
        data = data_fingerprint(self.inputs, self.targets)
        return Document("region", data, {"trained": self.trained}, layers, certificate)

    def save_certificate(self, path: str | PathLike[str]) -> None:
        """Write the certificate with the network, but without the data, for `lowland.verify`.

        Parameters
        ----------
        path : path
            Path of the file (JSON); an existing file is replaced.

        Examples
        --------
        >>> import lowland as ll, pathlib, tempfile
        >>> network = ll.networks.ReluNetwork(([[1.0], [-1.0]], [1.0, 1.0]), ([1.0, 1.0], None))
        >>> inputs = [-2.0, -1.5, 1.5, 2.0]
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "proof.json"
        >>> ll.networks.region_report(network, inputs).save_certificate(path)
        >>> ll.verify(path, inputs).is_confirmed
        True
        """
        write_certificate(path, self.document(self.certificate))

    @property
    def dead_points(self) -> Indices:
        """Data points where a hidden layer is inactive."""
        return self.activation.dead_points

    @property
    def dead_neurons(self) -> tuple[Indices, ...]:
        """Neurons of each hidden layer that are active on no data point."""
        return self.activation.dead_neurons

    def __repr__(self) -> str:
        verdict = self.certificate["no_bad_minimum_in_region"].verdict.name
        return f"<RegionReport: rank {self.rank} of {self.n_points}, no bad minimum {verdict}>"

    def _lines(self) -> list[str]:
        return [*(f"{name}: {text}" for name, text in self.facts()), *self.about_network(), *self.notes]

    def about_network(self) -> list[str]:
        """Return what is known of the network itself, where the certificate speaks of its region."""
        if self.loss is None or self.targets is None:
            return []
        if self.optimum is None:
            # otherwise a note says why
            return [] if self.trained == "first" and len(self.network.weights) == 2 else [NOT_JUDGED]
        unfitted = 0.5 * float(np.var(self.targets))
        return [at_minimum(self.loss, self.optimum.loss, unfitted, on_boundary=self.activation.on_boundary)]

    def facts(self) -> list[tuple[str, str]]:
        """Return the computed facts, as pairs of name and text."""
        generic = "not computed" if self.generic_rank is None else str(self.generic_rank)
        dead = ", ".join(str(part.size) for part in self.dead_neurons)
        inputs = self.network.n_inputs
        facts = [
            ("network", f"{inputs} input{'' if inputs == 1 else 's'}, widths {_joined(self.network.widths)}"),
            ("trained", "all layers" if self.trained == "all" else "the first layer; the others are fixed"),
            ("data points", f"{self.n_points}{', some of them repeated' if self.repeated else ''}"),
            ("rank of the Jacobian", f"{self.rank} here, {generic} for almost all data with this pattern"),
            ("rank in double precision", self._numerical()),
            ("dead data points", listed(self.dead_points)),
            ("number of dead neurons", f"{dead}{' (by layer)' if len(self.dead_neurons) > 1 else ''}"),
        ]
        if self.generic_rank is not None and self.at_fault.size:
            facts.append(("data points whose patterns keep the rank low", listed(self.at_fault)))
        if self.loss is not None:
            facts.append(("loss", f"{self.loss:.6g} (mean squared error / 2)"))
        if self.gradient is not None:
            facts.append(("gradient of the loss by the trained weights", f"norm {self.gradient:.3g}"))
        if self.optimum is not None:
            facts.append(("best loss of the region", f"{self.optimum.loss:.6g}{self._attained()}"))
        if self.minima_dimension is not None:
            facts.append(("dimension of the set of minima inside the region", str(self.minima_dimension)))
        return facts

    @property
    def minima_dimension(self) -> int | None:
        """Dimension of the affine set that the minima inside the region form; None if none is known.

        Weights less the rank of the Jacobian: with full rank the minima have zero loss and codimension n.
        That networks of zero loss lie inside is known numerically, that other minima do is proved.
        """
        best = self.optimum
        known = best is not None and (best.interior or (best.is_zero and best.margin > 0))
        return int(best.weights.size - self.rank) if best is not None and known else None

    def _attained(self) -> str:
        if self.optimum is None or self.optimum.is_zero:
            return ""
        if self.optimum.interior:
            return ", attained inside the region"
        return ", attained on its boundary, numerically" if self.optimum.margin < 0 else ""

    def _numerical(self) -> str:
        if self.numerical_rank is None:
            return "not computed: the Jacobian is too large"
        return f"{self.numerical_rank}, gap {self.numerical_gap:.3g}"

    def _page(self) -> Page:
        from lowland.networks.regions.pages import region_page

        return region_page(self)


@public("lowland.networks")
def region_report(
    network: ReluNetwork | Iterable[object],
    inputs: ArrayLike,
    targets: ArrayLike | None = None,
    *,
    trained: str = "first",
    rng: RandomSource = None,
    on_progress: OnProgress | None = None,
) -> RegionReport:
    """Report which activation region a ReLU network lies in, and whether the region has bad minima.

    Parameters
    ----------
    network : ReluNetwork, torch.nn.Sequential, or state dictionary
        With one output; see `ReluNetwork.from_torch`, and `ReluNetwork.from_kernels` for Keras and Flax.
    inputs : array_like, shape (n, d) or (n,)
        Data points, read as exact fractions.
    targets : array_like, shape (n,), optional
        Needed for the best loss of the region.
    trained : {"first", "all"}
        Whether only the first layer is trained, as in the theorem, or all.
    rng : int or Generator
        Source of random primes and residues: a full rank is proved, a deficient one has a small probability
        of being wrong.
    on_progress : callable, optional
        Called after each step of the search for the best loss of the region with the number of steps, 0 (the
        total is not known), and the seconds so far.

    Returns
    -------
    RegionReport

    Raises
    ------
    InvalidInputError
        If sizes do not match, or a number is not finite.

    Notes
    -----
    Within a region the outputs are linear in the first layer's weights. If the Jacobian has as many
    independent rows as there are data points, a zero gradient implies a zero residual (Karhadkar, Murray,
    Tseran, Montufar 2024). Ranks are computed modulo primes, O(n^2 (width + n)), and data points at fault by
    matroid partition.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> inputs = rng.standard_normal((6, 2))
    >>> layers = (rng.standard_normal((20, 2)), np.ones(20)), (rng.standard_normal(20), None)
    >>> found = ll.networks.region_report(ll.networks.ReluNetwork(*layers), inputs)
    >>> found.rank, found.certificate["no_bad_minimum_in_region"].verdict.name
    (6, 'PROVED')
    """
    net = network if isinstance(network, ReluNetwork) else ReluNetwork.from_torch(network)
    points = check_inputs(inputs, net.n_inputs)
    values = None if targets is None else check_targets(targets, len(points))
    generator = make_generator(rng)
    model = Relu(net, trained)
    with np.errstate(over="ignore", invalid="ignore"):
        if not all(np.isfinite(z).all() for z in net.layers(points)):
            raise InvalidInputError(
                "the network's outputs are too large", "they overflow float64", fix="rescale the data"
            )
    region = activation(net, points)
    rank = network_rank(net.weights, net.biases, region.patterns, points, generator, trained=model.count)
    numerical, gap = _numerical_rank(ReluObjective(points, np.zeros(len(points)), model), model.point(net))
    union = _union(net, region, trained)
    proved = union is not None and union.exact and union.rank == rank
    notes = []
    optimum = None
    if values is not None and trained == "first" and len(net.weights) == 2:
        optimum, note = try_optimum(net, points, values, region, rank, on_progress)
        notes += [note] if note else []
    facts = RegionFacts(
        len(points),
        rank,
        region.on_boundary,
        linear=trained == "first",
        shallow=len(net.weights) == 2,
        any_output_zero=bool(np.any(net.weights[-1] == 0)),
    )
    repeated = len(np.unique(points, axis=0)) < len(points)
    if repeated:
        notes.append("Data points repeat: statements about almost all data need not hold for these data.")
    if union is not None and not union.exact:
        notes.append(
            "The points at fault, and the rank for almost all data, are computed modulo a prime only."
        )
    if facts.any_output_zero:
        notes.append("Some output weights are zero: their neurons do not contribute to the fit.")
    loss = slope = None
    if values is not None:
        objective = ReluObjective(points, values, model)
        loss = 0.5 * float(np.mean((net(points) - values) ** 2))
        slope = float(np.linalg.norm(objective.gradient(model.point(net))))
    return RegionReport(
        network=net,
        trained=trained,
        n_points=len(points),
        loss=loss,
        activation=region,
        rank=rank,
        generic_rank=None if union is None else union.rank,
        numerical_rank=numerical,
        numerical_gap=gap,
        at_fault=np.zeros(0, np.intp) if union is None else union.at_fault,
        optimum=optimum,
        repeated=repeated,
        certificate=Certificate(
            (judge_region(facts, optimum, least_possible(points, values), is_rank_proved=proved),),
            f"squared loss of a ReLU network, {trained} trained",
            np.concatenate([w.ravel() for w in net.weights]),
        ),
        gradient=slope,
        notes=tuple(notes),
        inputs=points,
        targets=values,
    )


def _union(net: ReluNetwork, region: Activation, trained: str) -> Union | None:
    if len(net.weights) != 2 or trained != "first" or len(region.patterns[0]) > MOST_POINTS:
        return None
    live = region.patterns[0][:, net.weights[1][0] != 0]
    return matroid_union(live, net.n_inputs + (net.biases[0] is not None))


def _numerical_rank(objective: ReluObjective, theta: Vector) -> tuple[int | None, float]:
    n, size = objective.targets.size, theta.size
    if n * size > MOST_NUMBERS:
        return None, float("nan")
    values = np.linalg.svd(objective.jacobian(theta), compute_uv=False)
    limit = max(n, size) * np.finfo(float).eps * float(values[0])
    rank = int(np.count_nonzero(values > limit))
    if rank in (0, values.size):
        return rank, float("inf")
    return rank, float(values[rank - 1] / values[rank]) if values[rank] > 0 else float("inf")


def _joined(numbers: tuple[int, ...]) -> str:
    return ", ".join(str(number) for number in numbers)
