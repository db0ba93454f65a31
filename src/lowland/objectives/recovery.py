"""`RecoveryObjective`: the chain rule through measurement, loss, model and penalties, and its powers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector, check_floats, check_numbers
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.promises.powers import BatchGradient, BlockSolver, ModularJacobian
from lowland.core.promises.protocols import Loss, Measurement, Model, in_double
from lowland.core.results.findings import Certificate
from lowland.core.results.records import ObservedPattern
from lowland.core.results.verification import Verification
from lowland.losses import Squared, in_words
from lowland.measure import Entries
from lowland.models import General
from lowland.objectives.batches import make_batches
from lowland.objectives.biases import Biases
from lowland.objectives.blocks import make_block_solver
from lowland.objectives.elimination import Elimination, make_elimination
from lowland.objectives.in_reals import in_reals
from lowland.objectives.jacobian_matrices import direct_work, is_direct
from lowland.objectives.linearisation import RecoveryLinearisation
from lowland.objectives.modular import make_modular_jacobian
from lowland.objectives.penalties import make_penalties, make_unlisted, resized_penalties
from lowland.objectives.problem import RecoveryProblem
from lowland.objectives.reduction import Reduction, make_reduction
from lowland.objectives.relaxation import Relaxation


@public("lowland.objectives")
@final
@dataclass(frozen=True, eq=False)
class RecoveryObjective(RecoveryProblem):
    """A recovery problem with its derivatives and the optional capabilities that its parts support.

    Losses are sums over measurements, not means, and penalties are not rescaled. Build it with
    `make_objective`.

    Parameters
    ----------
    measurement : Measurement
        Of real numbers; complex measurements go through `RealParts`.
    y : ndarray, shape (p,)
        Real.
    model : Model
    loss : Loss
    weights : ndarray, shape (p,), or None
    penalties : tuple of Penalty
    is_nonnegative : bool
        Whether factors must be nonnegative: for observed entries without biases.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> A, model = ll.gaussian(40, (5, 5), 0), ll.models.Psd((5, 5), 1)
    >>> objective = ll.objectives.make_objective(A, A.measure_matrix(np.ones((5, 5))), model)
    >>> round(objective.value(np.ones(5)), 6), objective.gradient(np.zeros(5)).tolist()
    (0.0, [0.0, 0.0, 0.0, 0.0, 0.0])
    """

    def value(self, theta: Vector) -> float:
        """Return the objective, summed in float64."""
        return self.data_value_at(theta) + sum(p.value(theta) for p in self.penalties)

    def gradient(self, theta: Vector) -> Vector:
        """Return the gradient, shape (size,)."""
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: Vector) -> tuple[float, Vector]:
        """Return value and gradient, from one pass over the measurements where that is offered."""
        if self.one_pass is None or not isinstance(self.loss, Squared):
            at = self.linearise(theta)
            return at.value, at.gradient
        weights = self.weighted(np.ones_like(self.y))
        z, ambient = self.one_pass.normal_pass(self.matrix(theta), self.y, weights)
        value, gradient = self.data_value(z), self.model.pull(theta, ambient)
        for penalty in self.penalties:
            value, gradient = value + penalty.value(theta), gradient + penalty.gradient(theta)
        return value, gradient

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return the exact Hessian at theta times a direction."""
        return self.linearise(theta).hessian_product(direction)

    def linearise(self, theta: Vector) -> RecoveryLinearisation:
        """Return the objective at a point, for repeated products."""
        return RecoveryLinearisation(self, theta)

    @property
    def has_second_matrix(self) -> bool:
        """Whether linearisations provide the model's part of the Hessian as a matrix."""
        return not (self.model.is_complex or self.model.has_unit_trace)

    @property
    def reachable_gradient(self) -> float:
        """Return 0: fits in single precision are polished in double."""
        return 0.0

    @property
    def direct_jacobian_work(self) -> float | None:
        """Work of forming the Jacobian if the measurement gives it directly, else None."""
        return direct_work(self) if is_direct(self) else None

    @property
    def has_sparse_jacobian(self) -> bool:
        """Whether rows of the Jacobian have few nonzeros, and it is formed as a sparse matrix."""
        return isinstance(self.measurement, Entries) and is_direct(self)

    def normal_matrix(self, theta: Vector) -> Matrix:
        """Return J^T W J of the data term of a squared loss as a matrix, for small problems."""
        return self.linearise(theta).normal_matrix

    def transpose_product(self, theta: Vector, weights: Vector) -> Vector:
        """Return the adjoint of the predictions' derivative at a point, applied to weights; shape (size,)."""
        return self.model.pull(theta, self.adjoint(weights))

    @cached_property
    def unfitted(self) -> tuple[float, Vector]:
        """The data term and its weighted slopes when only biases are fitted: natural units of both."""
        if isinstance(self.loss, Squared):
            z = self.predict(self.biases.baseline())
            return self.data_value(z), self.weighted(self.loss.slope(z, self.y))
        values, slopes = self.loss.unfitted(self.y)
        return float(np.sum(self.weighted(values), dtype=np.float64)), self.weighted(slopes)

    def in_double(self) -> RecoveryObjective:
        """Return the same problem in float64: the same data, computed with in double precision."""
        measurement = in_double(self.measurement)
        if self.dtype == np.float64 and measurement is self.measurement:
            return self
        weights = None if self.weights is None else self.weights.astype(np.float64)
        return replace(self, measurement=measurement, y=self.y.astype(np.float64), weights=weights)

    def gauge(self, theta: Vector) -> Any:
        """Return directions along which the objective is constant, shape (size, g)."""
        directions = self.model.gauge(theta, linear=self._keeps_linear_gauge)
        if self.bias_penalty:  # penalised biases cannot be exchanged
            directions = directions[:, ~np.any(directions[self.factor_size :], axis=0)]
        return directions

    @property
    def gauge_size(self) -> int:
        """Upper bound on the number of gauge directions."""
        most, r = self.model.size - self.model.degrees_of_freedom, self.rank
        rotations = r**2 if self.model.is_complex else r * (r - 1) // 2
        return most if self._keeps_linear_gauge else min(most, rotations + 2)

    @property
    def _keeps_linear_gauge(self) -> bool:
        return all(penalty.keeps_linear_gauge for penalty in self.penalties)

    @cached_property
    def relaxation(self) -> Relaxation:
        """The convex relaxation: the weighted nuclear norm and its dual."""
        return Relaxation(self)

    @cached_property
    def biases(self) -> Biases:
        """The biases of the model, penalised or free, and their minimiser."""
        return Biases(self)

    @cached_property
    def block_solver(self) -> BlockSolver | None:
        """Exact block minimisation, or None if the problem has none."""
        return make_block_solver(self)

    @cached_property
    def elimination(self) -> Elimination | None:
        """The reduced problem of one factor, for observed entries without penalties; else None."""
        return make_elimination(self)

    @cached_property
    def reduction(self) -> Reduction | None:
        """The reduced Hessian of one side of a table, if its lines are least-squares problems; else None."""
        return make_reduction(self, self.block_solver)

    @cached_property
    def jacobian_reduction(self) -> Reduction | None:
        """The same reduction for the Jacobian's Gram matrix, without weights and penalties."""
        plain = replace(self, weights=None, penalties=())
        return make_reduction(plain, plain.block_solver)

    @cached_property
    def batch_gradient(self) -> BatchGradient | None:
        """Mini-batch gradients, if the measurement can be split; else None."""
        return make_batches(self)

    @cached_property
    def modular_jacobian(self) -> ModularJacobian | None:
        """The Jacobian modulo a prime, if the measuring matrices are known exactly; else None."""
        return make_modular_jacobian(self.measurement, self.model)

    @property
    def observed_pattern(self) -> ObservedPattern | None:
        """Which entries are observed, for entries of a general matrix; else None."""
        if not isinstance(self.measurement, Entries) or not isinstance(self.model, General):
            return None
        m, model = self.measurement, self.model
        return ObservedPattern(m.rows, m.columns, m.shape, model.rank, model.biases, model.degrees_of_freedom)

    def resized(self, rank: int) -> RecoveryObjective:
        """Return the same problem at another rank."""
        model = self.model.resized(rank)
        penalties = resized_penalties(self.penalties, model, self.side_weights)
        return replace(self, model=model, penalties=penalties)

    def recheck(
        self, certificate: Certificate, theta: Vector, on_progress: Callable[[str], None] | None = None
    ) -> Verification:
        """Derive everything that a certificate states about a point again, from plain arrays."""
        from lowland.objectives.plain import plain_problem
        from lowland.recheck.matrices.checks import verify_matrix

        problem = plain_problem(self.in_double(), np.asarray(theta, np.float64), self.describe())
        problem = replace(problem, is_rounded=self.dtype != np.float64)
        return verify_matrix(problem, certificate, on_progress)

    def describe(self) -> str:
        """Return the problem in one line."""
        m, n = self.model.shape
        parts = [f"{in_words(self.loss)} of {self.measurement.size} measurements"]
        kind = f"{'complex ' if self.model.is_complex else ''}{self.model.name}"
        kind += " nonnegative" if self.is_nonnegative else ""
        trace = " and unit trace" if self.model.has_unit_trace else ""
        parts.append(f"{kind} {m} x {n} matrix of rank {self.model.rank}{trace}")
        if self.model.biases:
            parts.append(f"free {', '.join(self.model.biases)} biases")
        by_side = " by row and column" if self.side_weights is not None else ""
        for penalty in self.penalties:
            strength = getattr(penalty, "strength", 0.0)
            parts.append(f"{penalty.name} {strength:.4g}{'' if penalty.vanishes_when_balanced else by_side}")
        return ", ".join(parts)


@public("lowland.objectives")
def make_objective(  # noqa: PLR0913
    measurement: Measurement,
    y: ArrayLike,
    model: Model,
    *,
    loss: Loss | None = None,
    weights: ArrayLike | None = None,
    penalty: float = 0.0,
    balancing: float = 0.0,
    bias_penalty: float = 0.0,
    side_weights: tuple[ArrayLike, ArrayLike] | None = None,
    nonnegative: bool = False,
    unlisted: float | None = None,
) -> RecoveryObjective:
    """Check the parts and combine them into an objective.

    Parameters
    ----------
    measurement : Measurement
        The linear map.
    y : array_like, shape (p,)
        Data; their precision is that of the whole search. Complex data count as two real numbers
        each; with real data only the real parts of a complex measurement are compared.
    model : Model
        How a point makes a matrix.
    loss : Loss, optional
        Squared by default.
    weights : array_like, shape (p,), optional
        Positive weight of each measurement; for complex ones it applies to both parts.
    penalty : float
        Strength of the ridge on the factors, that is of the nuclear norm.
    balancing : float
        Strength of the balancing term of two factors.
    bias_penalty : float
        Strength of a ridge on row and column biases; free by default.
    side_weights : tuple of array_like, shapes (m,) and (n,), optional
        Positive weights of rows and columns in both ridges, for observed entries.
    nonnegative : bool
        Whether factors must be nonnegative.
    unlisted : float, optional
        Weight of the cells that are not among the observed entries, which then count as zeros. It must be
        smaller than the weight of any entry. Sums over these cells cost no more than those over the entries.

    Returns
    -------
    RecoveryObjective

    Raises
    ------
    InvalidInputError
        If shapes differ or a number is out of range.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.models import General
    >>> from lowland.objectives import make_objective
    >>> A, theta = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2)), np.ones(4)
    >>> fit, penalised = (make_objective(A, [1.0, 2.0, 3.0], General((2, 2), 1), penalty=p) for p in (0, 0.5))
    >>> float(fit.value(theta)), float(penalised.value(theta))
    (2.5, 3.5)
    >>> penalised.describe()
    'squared loss of 3 measurements, general 2 x 2 matrix of rank 1, ridge 0.5'
    """
    numbers = check_numbers(y, "y", ndim=1)
    loss = loss or Squared()
    if numbers.size != measurement.size:
        raise InvalidInputError(
            "y must have one value per measurement", f"{numbers.size} values for {measurement.size}"
        )
    twice = np.iscomplexobj(numbers)
    measurement, data = in_reals(measurement, numbers, model, loss)
    if measurement.shape != model.shape:
        raise InvalidInputError(
            "model and measurement must have the same shape", f"{model.shape} and {measurement.shape}"
        )
    loss.check(data)
    if not (model.rank >= 1 and min(model.shape) >= 1):
        raise InvalidInputError("the matrix must have at least one row, column and factor", f"{model}")
    weight = None
    if weights is not None:
        weight = check_floats(weights, "weights", dtype=str(data.dtype), ndim=1)
        weight = np.repeat(weight, 2) if twice else weight
        if weight.size != data.size or not weight.min(initial=1) > 0:
            raise InvalidInputError(
                "weights must be positive, one per measurement",
                f"{weight.size} weights, smallest {weight.min(initial=1)}",
            )
    penalties = make_penalties(
        model,
        measurement,
        penalty=penalty,
        balancing=balancing,
        bias_penalty=bias_penalty,
        side_weights=side_weights,
    )
    if nonnegative and (
        not isinstance(measurement, Entries) or not isinstance(model, General) or model.biases
    ):
        raise InvalidInputError(
            "nonnegative factors need observed entries of a general matrix without biases",
            f"{type(measurement).__name__}, structure {model.name}",
            fix="fit without biases, or allow negative factors",
        )
    if unlisted is not None:
        plain = isinstance(loss, Squared) and not nonnegative and side_weights is None
        penalties += (make_unlisted(model, measurement, weight, unlisted, plain=plain),)
    return RecoveryObjective(measurement, data, model, loss, weight, penalties, nonnegative)
