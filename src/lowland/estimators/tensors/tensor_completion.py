"""`complete_tensor`: a tensor's missing cells by averages over CP decompositions and by tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.doors import public
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.parameter_checks import whole_number
from lowland.core.random import RandomSource, make_generator, peek
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import Interruptible
from lowland.core.wording import Option, Words
from lowland.estimators.tensors.unfolded_tables import table_values
from lowland.sensing.input_checks import check_scale
from lowland.tensors.auditing.judging import judge_filled
from lowland.tensors.cells.inputs import as_observations
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.protocol import KnownCells
from lowland.tensors.cells.stored import StoredTensor
from lowland.tensors.filling.completed import TensorCompletionFit
from lowland.tensors.filling.completion import complete_by_cp
from lowland.tensors.filling.mode_orders import ModeOrder, orders_of
from lowland.tensors.named_modes import by_number, is_named

MODELS = ("auto", "cp")


@public("lowland")
@Interruptible()
def complete_tensor(  # noqa: PLR0913
    tensor: ArrayLike | TensorObservations | StoredTensor,
    rank: int | str = "auto",
    *,
    model: str = "auto",
    observed: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    orders: Mapping[Any, Any] | None = None,
    burn_in: int = 60,
    n_draws: int = 100,
    certify: bool = False,
    rng: RandomSource = None,
) -> TensorCompletionFit:
    """Complete a tensor by averages over CP decompositions and by tables, with error bars.

    Parameters
    ----------
    tensor : array_like, shape (I_1, ..., I_N), TensorObservations or StoredTensor
        With three modes or more. NaN is a missing cell, zero is a value.
    rank : int or "auto"
        Number of components. "auto" compares ranks up to 64 by held-out cells.
    model : "auto" or "cp"
        "auto" also completes tables of the same cells, the slices of each mode by the combinations of the
        others, and blends their predictions with those of CP if that surely lowers errors on held-out cells
        (tensors in memory of up to 1,000,000 known cells and 2,000,000 cells, without missing slices). "cp"
        is CP alone.
    observed : array_like of bool, same shape, optional
        Which cells are known.
    weights : array_like, same shape, optional
        Relative precisions of the cells.
    orders : mapping of int or str to an order, optional
        Modes whose slices vary smoothly, by number, or by name of an xarray DataArray: "line" (equally
        spaced), "cycle" (round a circle), a number (a period of so many slices), coordinates (numbers or
        dates, shape (I_n,) or (I_n, c); "coordinates" for those of a DataArray), or a tuple of these. An
        order is used if it lowers errors on held-out cells.
    burn_in : int
        Sweeps before draws are kept.
    n_draws : int
        Number of draws that are kept, one per sweep.
    certify : bool
        Prove how many of the missing cells lie in their intervals, by another fit without some known cells:
        ``certificate`` of the result, and ``interval(..., method="proved")``.
    rng : int, Generator or None
        Source of randomness.

    Returns
    -------
    TensorCompletionFit

    Raises
    ------
    InvalidInputError
        If there are fewer than three modes, too few cells to hold some out, or a setting that cannot be used.

    Notes
    -----
    Rows of each mode's factor are draws from a normal law, whose mean and covariance are drawn with them,
    as is the noise, which differs by the slices of one mode (noisy sensors, bands) where held-out cells are
    then surely likelier; there is nothing to tune. The model is not certified: an average over draws is no
    point of a problem; ``certify=True`` judges its missing cells instead. `decompose_tucker` gives one
    decomposition with a certificate; for cells never seen the averages are usually more accurate. Intervals
    are calibrated on cells held out of two shorter runs, a tenth each, as cells are missing: whole fibres
    where fibres are, whole slices where slices are. A slice without known cells is predicted from its
    neighbours along an order, else by the law of the others, whose mean it has. A blend moves CP's draws by
    the share of the table times the difference of both predictions; the share is learnt by least squares on
    these cells, and each half is judged with the share of the other.

    References
    ----------
    L. Xiong, X. Chen, T. Huang, J. Schneider, J. Carbonell, Temporal collaborative filtering with Bayesian
    probabilistic tensor factorization, SDM 2010.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(1)
    >>> truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((length, 2)) for length in (15, 10, 8)))
    >>> noisy = truth + 0.1 * rng.standard_normal(truth.shape)
    >>> holes = np.where(rng.random(truth.shape) < 0.5, noisy, np.nan)
    >>> found = ll.complete_tensor(holes, rng=0)
    >>> bool(np.sqrt(np.mean((found.tensor() - truth)[np.isnan(holes)] ** 2)) < 0.15)
    True
    """
    burn_in, n_draws = whole_number(burn_in, "burn_in", 0), whole_number(n_draws, "n_draws", 2)
    chosen = None if isinstance(rank, str) and rank == "auto" else whole_number(rank, "rank", 1)
    if model not in MODELS:
        fix = Words("use ", Option("model", "auto", "cp"))
        raise InvalidInputError(Words(Option("model"), " is unknown"), repr(model), fix=fix)
    orders = by_number(orders, tensor)
    data = _cells_of(tensor, observed, weights)
    asked = _Asked(chosen, orders_of(orders, data.shape), (burn_in, n_draws), model == "auto")
    generator = make_generator(rng)
    seed = peek(generator)  # before anything is fitted
    completed = asked(data, generator)
    if certify and completed.search.stop_reason is not StopReason.INTERRUPTED:
        with suppress(KeyboardInterrupt):  # what was filled is kept
            completed = judge_filled(completed, seed, asked)
    return replace(completed, like=tensor if is_named(tensor) else None)


@final
@dataclass(frozen=True)
class _Asked:
    """What is asked of a fit, so that other cells can be fitted as these were."""

    rank: int | None
    orders: Sequence[ModeOrder]
    sweeps: tuple[int, int]
    with_tables: bool

    def __call__(self, data: KnownCells, rng: np.random.Generator) -> TensorCompletionFit:
        unfolded = table_values if self.with_tables else None
        return complete_by_cp(data, self.rank, self.orders, self.sweeps, rng, unfolded=unfolded)


def _cells_of(tensor: Any, observed: ArrayLike | None, weights: ArrayLike | None) -> KnownCells:
    """Return the known cells, in double precision, after checks."""
    if not isinstance(tensor, StoredTensor):
        data = as_observations(tensor, observed, weights, empty_slices=True)
        check_scale(data.values, "tensor")
        data = data.in_double()
        if data.weights is None:
            return data
        # relative precisions: what the noise of a cell is, is that of weight one
        return replace(data, weights=data.weights / float(data.weights.mean()))
    for name, given in (("observed", observed), ("weights", weights)):
        if given is not None:
            raise UnsupportedError(
                f"tensors on the disk take no {name}", name, fix="store the known cells alone, or omit it"
            )
    return tensor
