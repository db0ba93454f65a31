"""The one table of claims: for each judge a point of which its claims hold, one refuted, one left open."""

from dataclasses import dataclass, replace

import numpy as np

import lowland as ll
from lowland.certificates import Judge, JudgeSettings
from lowland.completion.auditing.audit import conduct
from lowland.completion.auditing.findings import findings_of
from lowland.completion.settled.judge import settled
from lowland.core.promises.fits import Fit, MatrixFit
from lowland.datasets import false_minimum
from lowland.measure import Entries
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.tensors.capabilities import CellFit, ComponentsFit, TensorFit
from lowland.tensors.cp.model import CP
from lowland.tensors.cp.objective import CPObjective
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective
from oracles.column_means import Asked, ColumnMeans, Knowing

GOOD, BAD, OPEN = "holds", "refuted", "open"
HOLDS = (ll.Verdict.PROVED, ll.Verdict.SUPPORTED)
VERDICTS = {GOOD: HOLDS, BAD: (ll.Verdict.REFUTED,), OPEN: (ll.Verdict.INCONCLUSIVE,)}
GRADIENT = ("stationary", "second_order_stationary", "strict_local_minimum")
OPTIMAL = ("globally_optimal", "convex_optimal")
DETERMINED = ("determined_by_data", "uniquely_determined")


@dataclass(frozen=True)
class Row:
    """Claims of judges with the same needs, and what must be said of them at one point."""

    needs: type | None
    claims: tuple
    outcome: str
    make: object
    name: str

    def judges(self, judge: Judge, claim: str) -> bool:
        return self.needs is judge.needs and claim in self.claims


def _table(mask, **options):
    """A rank-one table of whole numbers, seen in part, and its exact point."""
    u, v = np.array([[1.0], [2], [3], [1]]), np.array([[2.0], [1], [1], [3]])
    rows, columns = np.nonzero(mask)
    objective = make_objective(Entries(rows, columns, (4, 4)), (u @ v.T)[mask], General((4, 4), 1), **options)
    return objective, objective.from_factors(ll.Factors(u, v))


FULL = np.ones((4, 4), bool)
BLOCKS = np.kron(np.eye(2), np.ones((2, 2))).astype(bool)
ELSEWHERE = np.array([0.3, -0.2, 0.5, 0.1, 0.7, -0.4, 0.2, 0.3])


def _exact():
    return ll.certify(*_table(FULL))


def _moved():
    objective, theta = _table(FULL)
    return ll.certify(objective, theta + ELSEWHERE)


def _two_blocks():
    return ll.certify(*_table(BLOCKS))


def _negative_factor():
    objective, theta = _table(FULL, nonnegative=True)
    return ll.certify(objective, -theta)


def _false_minimum():
    instance, false = false_minimum(0.6)
    return ll.certify(make_objective(instance.measurement, instance.y, Psd((2, 2), 1)), false.ravel())


def _tensor(size=1.0, every=1, moved=0.0):
    """A tensor of known parts, of which every so many-th cell is known."""
    rng = np.random.default_rng(0)
    factors = tuple(rng.standard_normal((n, 2)) for n in (4, 3, 5))
    parts = ll.TuckerTensor(rng.standard_normal((2, 2, 2)), factors)
    at = np.argwhere(np.indices((4, 3, 5)).sum(axis=0) % every == 0)
    data = ll.TensorObservations.from_cells(at, size * parts.tensor()[tuple(at.T)])
    theta = parts.point()
    objective = TuckerObjective(data, Tucker((4, 3, 5), (2, 2, 2)))
    return ll.certify(objective, theta + moved * rng.standard_normal(theta.size))


def _components(*, parallel=False, rank=2, every=1, settings=None):
    """A tensor of given components, which are those of the point, of which every so many-th cell is known."""
    rng = np.random.default_rng(0)
    factors = [rng.integers(1, 9, (n, rank)).astype(float) for n in (4, 3, 5)]
    if parallel:
        factors[1][:, 1] = 2 * factors[1][:, 0]
    tensor = np.einsum("ir,jr,kr->ijk", *factors)
    at = np.argwhere(np.indices(tensor.shape).sum(axis=0) % every == 0)
    data = ll.TensorObservations.from_cells(at, tensor[tuple(at.T)], shape=tensor.shape)
    objective = CPObjective(data, CP(tensor.shape, rank))
    return ll.certify(objective, objective.model.pack(factors), settings=settings)


def _region(inputs, targets, bias=None):
    """One neuron of weight one."""
    network = ll.networks.ReluNetwork(([[1.0]], [1.0]), (bias, None))
    return ll.networks.region_report(network, inputs, targets, rng=0).certificate


def _step(step_size, target):
    """One neuron of weight one at 1, 2 and 3: at rest its Hessian's largest eigenvalue is 28 / 3."""
    network = ll.networks.ReluNetwork(([[1.0]], [1.0]), (None, None))
    x = np.array([1.0, 2.0, 3.0])
    return ll.networks.stability_report(network, x, target * x, step_size).certificate


def _under_a_premise(delta):
    """Exact measurements of a positive semidefinite matrix, 67 for each unknown; and a premise."""
    measurement, factor = ll.gaussian(400, (3, 3), 0), np.array([[1.0], [2.0], [-1.0]])
    y = measurement.measure_matrix(factor @ factor.T)
    return ll.certify_matrix(measurement, y, factor, premise=ll.Premise(2, delta))


def _too_low_a_premise():
    measurement, factor = ll.gaussian(400, (3, 3), 0), np.array([[1.0], [2.0], [-1.0]])
    y = measurement.measure_matrix(factor @ factor.T)
    return ll.certify_matrix(measurement, y, factor, premise=ll.Premise(1, 0.3))


def _audit(shape=(300, 12), chance=None, knows=False, **how):
    """What an audit shows of a table by a fit of column means, or by one that knows the table."""
    rng = np.random.default_rng(0)
    values = 3 * rng.standard_normal((shape[0], 1)) + rng.standard_normal(shape)
    table = ll.Observations.from_array(np.where(rng.random(shape) < 0.3, np.nan, values))
    fits = type("Fit", (Knowing,), {"truth": values}) if knows else ColumnMeans
    audit = conduct(table, Asked(fits=fits, **how))
    if chance is not None:
        audit = replace(audit, alike=replace(audit.alike, p_value=chance))
    return ll.Certificate(findings_of(audit))


def _averaged(draws):
    """What the draws of a Gaussian show of whether its averages have settled."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((150, 1)) + rng.standard_normal((150, 3))
    table = np.where(rng.random(values.shape) < 0.1, np.nan, values)
    model = ll.MatrixCompletion(
        method="gaussian", n_draws=draws, refine=False, powers=False, certify=False, random_state=0
    )
    return ll.Certificate((settled(model.fit(table)._completed.table),))


# a premise that a matrix contradicts is refused, so that what follows from one is never refuted
CONDITIONAL = ("no_false_minimum", "saddles_curved", "error_bounded")

# an estimate of a difference refutes nothing
ESTIMATED = ("better_than", "settled")

CLAIMS = [
    Row(None, ("covered", "alike"), GOOD, _audit, "many cells missing at random"),
    Row(None, ("covered",), BAD, lambda: _audit(factor=0.5), "intervals half as wide as they must be"),
    Row(None, ("covered",), OPEN, lambda: _audit((24, 6)), "few cells"),
    Row(None, ("alike",), BAD, lambda: _audit(chance=0.002), "cells that differ"),
    Row(None, ("alike",), OPEN, lambda: _audit(chance=0.03), "cells that may differ"),
    Row(None, ("better_than",), GOOD, lambda: _audit(knows=True), "the truth is known"),
    Row(None, ("better_than",), OPEN, _audit, "means of columns beside themselves"),
    Row(None, ("settled",), GOOD, lambda: _averaged(60), "few columns of many rows"),
    Row(None, ("settled",), OPEN, lambda: _averaged(5), "as few draws as may be"),
    Row(Fit, GRADIENT, GOOD, _exact, "an exact fit"),
    Row(Fit, GRADIENT, BAD, _moved, "a point beside it"),
    Row(Fit, GRADIENT, OPEN, _negative_factor, "a constraint that judges do not know"),
    Row(MatrixFit, OPTIMAL, GOOD, _exact, "an exact fit"),
    Row(MatrixFit, OPTIMAL, BAD, _false_minimum, "a false minimum"),
    Row(MatrixFit, OPTIMAL, OPEN, _negative_factor, "a point outside the problem"),
    Row(MatrixFit, DETERMINED, GOOD, _exact, "every cell seen"),
    Row(MatrixFit, DETERMINED, BAD, _two_blocks, "two blocks apart"),
    Row(MatrixFit, DETERMINED, OPEN, _negative_factor, "a constraint that judges do not know"),
    Row(MatrixFit, ("locally_unique",), GOOD, _exact, "every cell seen"),
    Row(MatrixFit, ("locally_unique",), BAD, _two_blocks, "two blocks apart"),
    Row(MatrixFit, ("locally_unique",), OPEN, _negative_factor, "a constraint that judges do not know"),
    Row(CellFit, ("globally_optimal",), GOOD, _tensor, "an exact tensor"),
    Row(CellFit, ("globally_optimal",), BAD, lambda: _tensor(moved=1.0), "a point beside it"),
    Row(CellFit, ("globally_optimal",), OPEN, lambda: _tensor(1e200), "numbers out of scale"),
    Row(ComponentsFit, ("components_determined",), GOOD, _components, "every cell known"),
    Row(
        ComponentsFit,
        ("components_determined",),
        BAD,
        lambda: _components(every=4),
        "fewer cells than unknowns",
    ),
    Row(
        ComponentsFit,
        ("components_determined",),
        OPEN,
        lambda: _components(settings=JudgeSettings(largest_modular=1)),
        "too large a Jacobian",
    ),
    Row(ComponentsFit, ("unique_decomposition",), GOOD, _components, "independent columns"),
    Row(
        ComponentsFit, ("unique_decomposition",), BAD, lambda: _components(parallel=True), "parallel columns"
    ),
    Row(ComponentsFit, ("unique_decomposition",), OPEN, lambda: _components(rank=6), "too many components"),
    Row(TensorFit, DETERMINED, GOOD, _tensor, "every cell known"),
    Row(TensorFit, DETERMINED, BAD, lambda: _tensor(every=4), "fewer cells than unknowns"),
    Row(TensorFit, DETERMINED, OPEN, lambda: _tensor(1e200), "numbers out of scale"),
    Row(TensorFit, ("local_minimum",), GOOD, _tensor, "an exact tensor"),
    Row(TensorFit, ("local_minimum",), BAD, lambda: _tensor(moved=1.0), "a point beside it"),
    Row(TensorFit, ("local_minimum",), OPEN, lambda: _tensor(1e200), "numbers out of scale"),
    Row(
        None, ("no_bad_minimum_in_region",), GOOD, lambda: _region([1.0], [2.0]), "as many weights as points"
    ),
    Row(
        None, ("no_bad_minimum_in_region",), BAD, lambda: _region([1.0, 2.0], [1.0, 1.0]), "a minimum within"
    ),
    Row(None, ("no_bad_minimum_in_region",), OPEN, lambda: _region([1.0, 2.0], [1.0, 1.0], [-1.0]), "a kink"),
    Row(None, ("stable_at_step_size",), GOOD, lambda: _step(0.1, 1.0), "below the limit"),
    Row(None, ("stable_at_step_size",), BAD, lambda: _step(0.5, 1.0), "above the limit"),
    Row(None, ("stable_at_step_size",), OPEN, lambda: _step(0.1, 1.5), "not at rest"),
    Row(None, CONDITIONAL, GOOD, lambda: _under_a_premise(0.19), "a premise that holds"),
    Row(None, CONDITIONAL[:2], OPEN, lambda: _under_a_premise(0.6), "too large a delta"),
    Row(None, CONDITIONAL, OPEN, _too_low_a_premise, "a premise on matrices of too low a rank"),
]
