"""`stability_report`: at which step sizes a univariate ReLU network, or its function, can be stable."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Vector, check_floats, out_of_scale
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive
from lowland.core.results.findings import Certificate
from lowland.core.results.judged import Judged
from lowland.core.results.verification import Verification
from lowland.files.certificates import write_certificate
from lowland.networks.certificates.sharpness import (
    RescalingBracket,
    Sharpness,
    measure_sharpness,
    rescaling_bracket,
)
from lowland.networks.certificates.stability import judge_stability
from lowland.networks.network import ReluNetwork, check_targets
from lowland.networks.splines.hyperplanes import weighted_variation
from lowland.networks.splines.variation import data_shares, effective_knots, knots, variation_weight
from lowland.recheck.documents import Document
from lowland.recheck.matrices.measurements import measured_fingerprint
from lowland.recheck.networks.regions import layers_of
from lowland.recheck.networks.stability_checks import layers_problem, verify_stability
from lowland.report.reported import Reported

if TYPE_CHECKING:
    from lowland.report.page import Page


@public("lowland.networks")
@final
@dataclass(frozen=True, eq=False, repr=False)
class StabilityReport(Judged, Reported):
    """Sharpness of the loss at a network of one input, and limits that depend on its function alone.

    Parameters
    ----------
    network : ReluNetwork
    x, y : ndarray, shape (n,)
    step_size : float
    weights : ndarray, shape (n,), or None
        Weights of data points, summing to 1.
    sharpness : Sharpness
        Eigenvalues of the loss 1/(2 n) sum (f - y)^2 at the network.
    variation : float
        Sum over knots of the size of the jump of the slope times the weight g: the same for all networks that
        compute the same function.
    knots, jumps : ndarray
        Where the slope jumps, and by how much; equal knots are merged.
    effective : tuple of ndarray
        Knots and jumps that the data can resolve: one per gap, with at least 5 % of the largest jump.
    bracket : RescalingBracket
        Lower and upper bound on the smallest sharpness over all rescalings of the neurons.
    certificate : Certificate
    notes : tuple of str

    Examples
    --------
    >>> import lowland as ll
    >>> network = ll.networks.ReluNetwork(([[1.0]], [2.0]), ([0.5], [0.0]))
    >>> found = ll.networks.stability_report(network, [-1, 0, 1], [0, 1, 3], step_size=0.5)
    >>> found
    <StabilityReport: sharpness 4.957, limit 4>
    >>> found.knots, round(found.largest_step_of_function, 3)
    (array([-0.5]), 1.522)
    """

    network: ReluNetwork
    x: Vector
    y: Vector
    step_size: float
    weights: Vector | None
    sharpness: Sharpness
    variation: float
    knots: Vector
    jumps: Vector
    effective: tuple[Vector, Vector]
    bracket: RescalingBracket
    certificate: Certificate
    notes: tuple[str, ...] = ()

    @property
    def limit(self) -> float:
        """Largest curvature at which the step size is stable: 2 / step_size."""
        return 2 / self.step_size

    @property
    def largest_step_of_function(self) -> float:
        """Upper bound on the steps at which a network that computes this function is a stable minimum."""
        return (
            2 / (self._constant + 2 * self.variation) if self._constant + 2 * self.variation > 0 else np.inf
        )

    @property
    def largest_step_of_rescalings(self) -> tuple[float, float]:
        """Bounds on the largest step size at which a rescaling of this network is a stable minimum."""
        lower, upper = self.bracket.lower, self.bracket.upper
        return (2 / upper if upper > 0 else np.inf), (2 / lower if lower > 0 else np.inf)

    @property
    def _constant(self) -> float:
        return float(self.network.biases[1] is not None)

    def recheck(
        self, certificate: Certificate, theta: Vector, on_progress: Callable[[str], None] | None = None
    ) -> Verification:
        """Derive everything that a certificate states about the network again; the point is the network's."""
        problem = layers_problem(self.document(certificate), self.x, self.y, self.weights)
        return verify_stability(problem, certificate, on_progress)

    def document(self, certificate: Certificate) -> Document:
        """Return a certificate with the network and the step size that it is about."""
        layers = layers_of(self.network.weights, self.network.biases)
        data = measured_fingerprint(np.concatenate([self.x, self.y]), self.weights)
        return Document("stability", data, {"step_size": self.step_size}, layers, certificate)

    def save_certificate(self, path: str | PathLike[str]) -> None:
        """Write the certificate with the network, but without the data, for `lowland.verify`.

        Parameters
        ----------
        path : path
            Path of the file (JSON); an existing file is replaced.

        Examples
        --------
        >>> import lowland as ll, pathlib, tempfile
        >>> network = ll.networks.ReluNetwork(([[1.0]], [2.0]), ([0.5], [0.0]))
        >>> x, y = [-1.0, 0.0, 1.0], [0.0, 1.0, 3.0]
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "proof.json"
        >>> ll.networks.stability_report(network, x, y, step_size=0.5).save_certificate(path)
        >>> ll.verify(path, (x, y)).is_confirmed
        True
        """
        write_certificate(path, self.document(self.certificate))

    def boundary_risk(self, t: ArrayLike) -> Vector:
        """Return 1/g(t): it is large where changes of slope cost little, and so the data constrain little."""
        weight = variation_weight(self.x, t, weights=self.weights)
        with np.errstate(divide="ignore"):
            risk: Vector = 1 / weight
        return risk

    def __repr__(self) -> str:
        return f"<StabilityReport: sharpness {self.sharpness.largest:.4g}, limit {self.limit:.4g}>"

    def _lines(self) -> list[str]:
        return [*(f"{name}: {text}" for name, text in self.facts()), *self.notes]

    def facts(self) -> list[tuple[str, str]]:
        """Return the computed facts, as pairs of name and text."""
        sharp, steps = self.sharpness, self.largest_step_of_rescalings
        return [
            ("data points", str(self.x.size)),
            ("loss", f"{sharp.loss:.6g}"),
            ("sharpness", f"{sharp.largest:.6g}, limit {self.limit:.6g} for step {self.step_size:g}"),
            ("Gauss-Newton part of it", f"{sharp.gauss_newton:.6g}, the rest at most {sharp.remainder:.3g}"),
            (
                "weighted variation",
                f"{self.variation:.6g}, limit {1 / self.step_size - self._constant / 2:.6g}",
            ),
            ("knots", f"{self.knots.size}, of which the data resolve {self.effective[0].size}"),
            (
                "largest step for this function",
                f"{self.largest_step_of_function:.4g}, for any network, at rest",
            ),
            ("largest step over rescalings", f"between {steps[0]:.4g} and {steps[1]:.4g}, at rest"),
        ]

    def _page(self) -> Page:
        from lowland.networks.splines.pages import stability_page

        return stability_page(self)


@public("lowland.networks")
def stability_report(
    network: ReluNetwork | Iterable[object],
    x: ArrayLike,
    y: ArrayLike,
    step_size: float,
    *,
    weights: ArrayLike | None = None,
) -> StabilityReport:
    """Report whether gradient descent with a step size is stable at a ReLU network of one input.

    Parameters
    ----------
    network : ReluNetwork or torch.nn.Sequential
        One input, one hidden layer.
    x, y : array_like, shape (n,)
        Data; the loss is 1/(2 n) sum (f(x_i) - y_i)^2, with all layers trained.
    step_size : float
        The step size eta.
    weights : array_like, shape (n,), optional
        Weights of data points in the loss, at least 0; scaled to sum to 1.

    Returns
    -------
    StabilityReport

    Raises
    ------
    InvalidInputError
        If there are fewer than three data points or two distinct inputs, a number is not finite, or the
        largest y is not within 1e-60 and 1e60.

    Notes
    -----
    A stationary point is stable only if the largest eigenvalue of the Hessian is at most 2/eta, and then the
    weighted variation of the function at most 1/eta - 1/2 (Qiao, Zhang, Singh, Soudry, Wang 2024), or 1/eta
    without a bias of the output. Of several inputs that is `weighted_variation`.

    Examples
    --------
    >>> import lowland as ll
    >>> network = ll.networks.ReluNetwork(([[1.0]], [2.0]), ([0.5], [0.0]))
    >>> found = ll.networks.stability_report(network, [-1, 0, 1], [0, 1, 3], step_size=0.5)
    >>> round(found.variation, 6), found.certificate["stable_at_step_size"].verdict.name
    (0.157135, 'REFUTED')
    """
    net = network if isinstance(network, ReluNetwork) else ReluNetwork.from_torch(network)
    w, b, v, _ = net.univariate()
    inputs = check_univariate(x)
    values = check_targets(y, inputs.size)
    if out_of_scale(values):
        raise InvalidInputError(
            "y is out of scale", f"a largest magnitude of {out_of_scale(values):.3g}", fix="rescale y"
        )
    check_positive("step_size", step_size)
    shares = data_shares(weights, inputs.size)
    sharpness = measure_sharpness(net, inputs[:, None], values, shares)
    places, jumps = knots(w, b, v)
    used = inputs if shares is None else inputs[shares > 0]
    effective = effective_knots(used, places, jumps)
    notes = []
    if not effective[0].size:
        notes.append("No knot lies between data points: on the data the function is a straight line.")
    if np.unique(inputs).size < inputs.size:
        notes.append("Some inputs repeat.")
    if np.any(v == 0):
        notes.append("Some output weights are zero.")
    return StabilityReport(
        network=net,
        x=inputs,
        y=values,
        step_size=float(step_size),
        weights=shares,
        sharpness=sharpness,
        variation=weighted_variation(net, inputs[:, None], weights=shares).value,
        knots=places,
        jumps=jumps,
        effective=effective,
        bracket=rescaling_bracket(net, inputs[:, None], shares),
        certificate=Certificate(
            (judge_stability(sharpness, float(step_size)),),
            "squared loss of a univariate ReLU network",
            np.concatenate([layer.ravel() for layer in net.weights]),
        ),
        notes=tuple(notes),
    )


def check_univariate(x: ArrayLike) -> Vector:
    """Return univariate inputs, at least three, at least two of them distinct."""
    inputs = check_floats(x, "x", dtype="float64")
    if inputs.ndim == 2 and inputs.shape[1] == 1:
        inputs = inputs[:, 0]
    if inputs.ndim != 1 or inputs.size < 3:
        raise InvalidInputError("x must have at least three numbers", f"shape {inputs.shape}")
    if out_of_scale(inputs):
        raise InvalidInputError(
            "x is out of scale", f"numbers up to {np.abs(inputs).max():.3g}", fix="rescale x"
        )
    if np.ptp(inputs) == 0:
        raise InvalidInputError("x must have at least two distinct numbers", f"only {inputs[0]:g}")
    return inputs
