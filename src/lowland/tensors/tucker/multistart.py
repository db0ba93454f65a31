"""Searches for a Tucker decomposition of given ranks: several starts, the best one, escapes from saddles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.core.results.records import Attempt, SearchResult
from lowland.core.results.status import StopReason
from lowland.core.wording import Option, Remedy, Words
from lowland.search import GaussNewton, Iterations, RelativeDecreaseBelow, TrustRegion, ValueBelow, run
from lowland.search.loop import Callback
from lowland.search.sequence import Searching, Start, continued, joined, last_digits, unless_ended
from lowland.search.stepper import Stepper
from lowland.search.stops import StopRule
from lowland.tensors.cell_objective import exact_value
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.kernels.rank_one_escapes import used_columns
from lowland.tensors.search.filled_iteration import FilledIteration
from lowland.tensors.search.high_order_escape import GAIN, HighOrderEscape
from lowland.tensors.search.orthogonal_iteration import OrthogonalIteration
from lowland.tensors.search.starts import random_start, sequential_start
from lowland.tensors.searching import FINISH, MOST_SWEEPS, best_of_starts, newton_refined
from lowland.tensors.tucker.fit import TuckerFit
from lowland.tensors.tucker.gradient_search import gradient_search
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective
from lowland.tensors.tucker_tensor import TuckerTensor

# up to so many cells several starts are tried, and used columns may be replaced by better ones
FEW_CELLS = 20_000
# dense residuals up to this size are searched for escape directions from saddles
LARGEST_DENSE = 20_000_000
# normal equations that take at most so many products are formed and factored
DENSE_WORK = 5e7
# up to this product of unknowns and cells, Newton steps refine the fit to its last digits
FINISH_WORK = 2e8
STARTS = ("auto", "sequential", "random")
SOLVERS = ("auto", "gradient", "gradient_at_random")
# most steps of a search; gradient steps are many and cheap
MOST_STEPS = {"auto": MOST_SWEEPS, "gradient": 30_000, "gradient_at_random": 30_000}
# random starts after the first, where the first may end in a bad minimum
RESTARTS_FULL, RESTARTS_MASKED = 4, 9
# relative decrease at which sweeps from a tensor that nearly fits end
KNOWN_DIGITS = 1e-10
# sweeps, or steps, after a search by gradients, which ends some digits short of an exact fit
LAST_SWEEPS = 3
# steps from a start before it is compared with others; most escapes from one end point
ROUGH_STEPS, ROUNDS = 60, 20
# the rounding of a stronger regulariser would swamp the data
HEAVIEST = 1e3


@final
@dataclass(frozen=True)
class SearchPlan:
    """How to search, whatever the ranks.

    Parameters
    ----------
    balancing : float
    start : str
    n_restarts : int or str
    solver : str
    max_iter : int or None
        None is the default of the solver.
    callbacks : tuple of callable
    """

    balancing: float = 0.1
    start: str = "auto"
    n_restarts: int | str = "auto"
    solver: str = "auto"
    max_iter: int | None = None
    callbacks: tuple[Callback, ...] = ()

    def __post_init__(self) -> None:
        if self.solver not in SOLVERS:
            raise InvalidInputError(
                Words(Option("solver"), " is unknown"),
                repr(self.solver),
                fix=Words("use ", Option("solver", *SOLVERS)),
            )
        if self.start not in STARTS:
            raise InvalidInputError(
                Words(Option("start"), " is unknown"),
                repr(self.start),
                fix=Words("use ", Option("start", *STARTS)),
            )
        count = self.n_restarts
        if count != "auto" and (
            isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0
        ):
            raise InvalidInputError('n_restarts must be "auto" or a whole number of at least 0', repr(count))
        if not (isinstance(self.balancing, int | float | np.number) and 0 <= self.balancing <= HEAVIEST):
            raise InvalidInputError(
                f"balancing must be a number from 0 to {HEAVIEST:g}", repr(self.balancing)
            )
        most = self.max_iter
        if most is not None and (
            isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1
        ):
            raise InvalidInputError("max_iter must be a positive integer", repr(most))
        if self.start == "sequential" and count not in ("auto", 0):
            raise InvalidInputError(
                Words(Option("start", "sequential"), " is deterministic and cannot be restarted"),
                f"{count} restarts",
                fix=Remedy(
                    Words("leave ", Option("n_restarts"), " out"), Words("use ", Option("start", "auto"))
                ),
            )

    @property
    def most_steps(self) -> int:
        """The largest number of steps of a search."""
        return MOST_STEPS[self.solver] if self.max_iter is None else int(self.max_iter)


# the last steps at an exact fit end at this fraction of the exact value
LAST_SHARE = 1e-3


def search_tucker(
    data: TensorObservations,
    ranks: tuple[int, ...],
    plan: SearchPlan,
    rng: np.random.Generator,
    known: TuckerTensor | None = None,
) -> TuckerFit:
    """Search roughly from every start, continue from the best end, and return the fit, not judged.

    A known tensor of these ranks that nearly fits is the first start, and the only one unless the plan asks
    for others.
    """
    objective = make_tucker_objective(data, ranks, plan.balancing)
    by = _by_default if plan.solver == "auto" else _by_gradient
    best, own_end, attempts, escapes = by(objective, plan, rng, known)
    best = unless_ended(best)
    # the balanced point has the same tensor and no larger regulariser, but has lost some last digits
    theta, is_exact = objective.canonical(best.theta), best.value <= exact_value(objective)
    best = replace(best, theta=theta, value=objective.value(theta))
    if is_exact:
        best = _last_digits(objective, best, rng)
    return TuckerFit(
        parts=objective.orthonormal(best.theta),
        search=best,
        certificate=None,
        objective=objective,
        attempts=attempts,
        escapes=escapes,
        own_end=own_end or best,
    )


# the best end, where gradient steps ended that led to it, all starts, and the orders of the saddles left
Searched: TypeAlias = tuple[SearchResult, SearchResult | None, tuple[Attempt, ...], tuple[int, ...]]


def _named(
    objective: TuckerObjective,
    plan: SearchPlan,
    rng: np.random.Generator,
    known: TuckerTensor | None,
    search: Callable[[Vector], SearchResult],
    from_known: Callable[[TuckerTensor], SearchResult],
) -> list[Start]:
    """Return the starts of a plan, each with its search from a point, or from a known tensor."""
    searches: dict[str, Searching] = {
        "random": lambda _: search(random_start(objective, rng)),
        "sequential": lambda _: search(_sequential(objective, rng)),
    }
    if known is not None:
        searches["ranks"] = lambda _: from_known(known)
    return [(name, searches[name]) for name in _starts(objective, plan, known)]


def _by_default(
    objective: TuckerObjective, plan: SearchPlan, rng: np.random.Generator, known: TuckerTensor | None
) -> Searched:
    """Search roughly from every start, continue from the best, and leave saddles that the Hessian misses."""

    def search(theta: Vector) -> SearchResult:
        if len(named) > 1:
            return _run(objective, theta, _rough(objective, plan), rng)
        return _descend(objective, theta, plan, rng)  # nothing to compare with

    def from_known(tensor: TuckerTensor) -> SearchResult:
        return _from_known(objective, tensor, plan, rng)

    named = _named(objective, plan, rng, known, search, from_known)
    best, attempts = best_of_starts(named, exact_value(objective), until_agreed=plan.n_restarts == "auto")
    if best.stop_reason is StopReason.INTERRUPTED:
        return best, None, attempts, ()
    if len(named) > 1:
        best = continued(best, _descend(objective, best.theta, plan, rng))
    best, escapes = _leave_saddles(objective, best, plan, rng)
    return best, None, attempts, escapes


def _by_gradient(
    objective: TuckerObjective, plan: SearchPlan, rng: np.random.Generator, known: TuckerTensor | None
) -> Searched:
    """Take gradient steps and jumps from every start, and polish the best end."""
    enough, found = exact_value(objective), list[tuple[float, tuple[int, ...]]]()

    def search(theta: Vector) -> SearchResult:
        end, orders = gradient_search(
            objective,
            objective.canonical(theta),
            rng,
            at_random=plan.solver == "gradient_at_random",
            enough=enough,
            most=plan.most_steps,
            callbacks=plan.callbacks,
        )
        found.append((end.value, orders))
        return end

    named = _named(objective, plan, rng, known, search, lambda tensor: search(objective.balanced(tensor)))
    best, attempts = best_of_starts(named, enough, until_agreed=False)
    own_end, escapes = best, min(found)[1]
    if best.stop_reason is StopReason.INTERRUPTED:
        return best, own_end, attempts, escapes
    finish = replace(plan, solver="auto", max_iter=None, callbacks=())
    best = joined(best, _run(objective, best.theta, Iterations(LAST_SWEEPS), rng))
    return joined(best, _descend(objective, best.theta, finish, rng)), own_end, attempts, escapes


def interrupted_fit(data: TensorObservations, parts: TuckerTensor, plan: SearchPlan) -> TuckerFit:
    """Return a tensor as the fit of a search that the user interrupted before it began."""
    objective = make_tucker_objective(data, parts.ranks, plan.balancing)
    theta = objective.balanced(parts)
    search = run(objective, TrustRegion(), theta, stop=Iterations(0), rng=np.random.default_rng(0))
    search = replace(
        search, stop_reason=StopReason.INTERRUPTED, message="interrupted while ranks were chosen"
    )
    return TuckerFit(
        parts=objective.orthonormal(theta),
        search=search,
        certificate=None,
        objective=objective,
        attempts=(Attempt.of("ranks", search),),
        own_end=search,
    )


def _last_digits(objective: TuckerObjective, result: SearchResult, rng: np.random.Generator) -> SearchResult:
    """Return an exact fit with a residual at rounding level, as proofs of exactness need."""
    full = objective.full_tensor is not None  # orthogonal iteration has reached it already
    if full or objective.dtype != np.float64 or result.stop_reason is StopReason.INTERRUPTED:
        return result
    enough = LAST_SHARE * exact_value(objective)
    last = last_digits(result, enough, lambda rule: _run(objective, result.theta, rule, rng))
    return replace(last, value=objective.value(last.theta))


def make_tucker_objective(
    data: TensorObservations, ranks: tuple[int, ...], balancing: float
) -> TuckerObjective:
    """Return the objective, with the regulariser's strength in units of the data."""
    objective = TuckerObjective(data, Tucker(data.shape, ranks))
    # core and factors of balanced points grow with the data to the power 1 / (N + 1)
    weight = 1.0 if data.weights is None else float(data.weights.mean(dtype=np.float64))
    square = objective.square / weight
    unit = weight * square ** (1 - 2 / (len(data.shape) + 1)) if square > 0 else weight
    return replace(objective, strength=balancing * unit)


def _starts(objective: TuckerObjective, plan: SearchPlan, known: TuckerTensor | None) -> list[str]:
    if plan.solver != "auto":
        first = plan.start if plan.start != "auto" else "random" if known is None else "ranks"
        return [first] + ["random"] * (0 if plan.n_restarts == "auto" else int(plan.n_restarts))
    if known is not None and plan.start == "auto":
        return ["ranks"] + ["random"] * (0 if plan.n_restarts == "auto" else int(plan.n_restarts))
    first = "random" if plan.start == "random" else "sequential"
    if first == "sequential" and objective.full_tensor is None and np.prod(objective.shape) > LARGEST_DENSE:
        first = "random"  # a tensor filled with zeros would not fit in memory
    restarts = plan.n_restarts
    if restarts == "auto":
        small = objective.data.size <= FEW_CELLS
        restarts = (RESTARTS_FULL if objective.data.is_full else RESTARTS_MASKED) if small else 0
        if not objective.data.is_full and not small:
            restarts = 2
    if plan.start == "sequential":  # a single start
        return [first]
    return [first] + ["random"] * int(restarts)


def _leave_saddles(
    objective: TuckerObjective, result: SearchResult, plan: SearchPlan, rng: np.random.Generator
) -> tuple[SearchResult, tuple[int, ...]]:
    """Escape from saddles invisible to the Hessian and descend again; return the end and their orders."""
    enough, escapes = exact_value(objective), list[int]()
    stepper = HighOrderEscape(recycle=objective.data.size <= FEW_CELLS)
    if not stepper.recycle and all(used.all() for used in used_columns(objective.orthonormal(result.theta))):
        return result, ()  # no column has room for an escape
    data_alone = replace(objective, strength=0.0)  # as the end need not be balanced
    for _ in range(ROUNDS if np.prod(objective.shape) <= LARGEST_DENSE else 0):
        if result.value <= enough or result.stop_reason is StopReason.INTERRUPTED:
            break
        left = run(data_alone, stepper, result.theta, stop=ValueBelow(enough) | Iterations(ROUNDS), rng=rng)
        if left.stop_reason is StopReason.INTERRUPTED:
            return continued(result, left), tuple(escapes)
        if not left.value < left.trace.values[0] * (1 - GAIN):  # less is rounding
            break
        escapes += [int(order) for order in left.trace.measures["order"] if order > 0]
        result = continued(continued(result, left), _descend(objective, left.theta, plan, rng))
    return result, tuple(escapes)


def _sequential(objective: TuckerObjective, rng: np.random.Generator) -> Vector:
    filled = objective.data.array(fill=0.0)
    scale = 1.0 if objective.data.is_full else 1 / objective.data.observed_share
    parts = sequential_start(filled, objective.model.ranks, rng)
    if objective.full_tensor is not None:  # orthogonal iteration wants no balance
        return replace(parts, core=parts.core.astype(objective.dtype)).point()
    return objective.balanced(replace(parts, core=(parts.core * scale).astype(objective.dtype)))


def _from_known(
    objective: TuckerObjective, known: TuckerTensor, plan: SearchPlan, rng: np.random.Generator
) -> SearchResult:
    """Search from a tensor that nearly fits, first by sweeps over the filled tensor."""
    stop = ValueBelow(exact_value(objective)) | RelativeDecreaseBelow(KNOWN_DIGITS)
    stop = stop | Iterations(plan.most_steps)
    data_alone = replace(objective, strength=0.0)
    swept = run(data_alone, FilledIteration(), known.point(), stop=stop, rng=rng, callbacks=plan.callbacks)
    swept = replace(swept, theta=objective.canonical(swept.theta))
    large = objective.size * objective.data.size > FINISH_WORK  # where a Newton step takes many seconds
    if large or swept.stop_reason is StopReason.INTERRUPTED:
        return swept
    return joined(swept, _descend(objective, swept.theta, plan, rng))


def _run(
    objective: TuckerObjective,
    theta: Vector,
    stop: StopRule,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
) -> SearchResult:
    """Search with the stepper that suits the data; the end need not be balanced."""
    small = objective.data.size * objective.size**2 <= DENSE_WORK
    if objective.full_tensor is None and not small:
        # long inner solves are wasted far from the end
        return run(objective, TrustRegion(max_inner=60), theta, stop=stop, rng=rng, callbacks=callbacks)
    # without the regulariser: orthonormal factors are not balanced; in Gauss-Newton damping takes its place
    data_alone = replace(objective, strength=0.0)
    stepper: Stepper[Any] = (
        OrthogonalIteration() if objective.full_tensor is not None else GaussNewton(inner="dense")
    )
    return run(data_alone, stepper, theta, stop=stop, rng=rng, callbacks=callbacks)


def _rough(objective: TuckerObjective, plan: SearchPlan) -> StopRule:
    """Return the stop rule of a rough search from a start."""
    most = min(plan.most_steps, ROUGH_STEPS)
    return ValueBelow(exact_value(objective)) | RelativeDecreaseBelow(1e-2, window=8) | Iterations(most)


def _descend(
    objective: TuckerObjective, theta: Vector, plan: SearchPlan, rng: np.random.Generator
) -> SearchResult:
    """Search to the last digits."""
    enough, single = exact_value(objective), objective.dtype != np.float64
    flat = RelativeDecreaseBelow(1e-6 if single else 1e-10)
    stop = ValueBelow(enough) | flat | Iterations(plan.most_steps)
    result = _run(objective, theta, stop, rng, plan.callbacks)
    done = result.value <= enough or result.stop_reason is StopReason.INTERRUPTED
    if done or single or objective.size * objective.data.size > FINISH_WORK:
        return result
    return newton_refined(objective, result, rng, ValueBelow(enough) | FINISH)
