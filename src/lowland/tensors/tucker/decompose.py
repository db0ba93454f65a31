"""`decompose_tucker`: the Tucker decomposition of a tensor with all or some cells known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lowland.certificates import JudgeSettings
from lowland.core.arrays import out_of_scale
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.random import RandomSource, make_generator
from lowland.core.running.interrupt import Interruptible
from lowland.core.wording import Option, Remedy, Words
from lowland.core.work import counted
from lowland.kernels.blas_threads import one_blas_thread
from lowland.search.loop import Callback
from lowland.sensing.input_checks import check_scale
from lowland.tensors.cells.inputs import as_observations
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.named_modes import is_named
from lowland.tensors.search.starts import sequential_start
from lowland.tensors.searching import MOST_SWEEPS, judged
from lowland.tensors.tucker.fit import TuckerFit
from lowland.tensors.tucker.model import check_ranks, possible_ranks
from lowland.tensors.tucker.multistart import SearchPlan, interrupted_fit, search_tucker
from lowland.tensors.tucker.rank_path import choose_ranks
from lowland.tensors.tucker_tensor import TuckerTensor

# up to so many cells, more threads of linear algebra gain nothing
LARGEST_ALONE = 20_000_000
# tensors with more cells than this stay in single precision, within this range of magnitudes
LARGEST_DOUBLED, SINGLE_SCALE = 20_000_000, (1e-8, 1e8)


@public("lowland")
@Interruptible()
def decompose_tucker(  # noqa: PLR0913
    tensor: ArrayLike | TensorObservations,
    ranks: int | Sequence[int] | str | None = None,
    *,
    tolerance: float | None = None,
    observed: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    balancing: float = 0.1,
    solver: str = "auto",
    start: str = "auto",
    n_restarts: int | str = "auto",
    max_iter: int | None = None,
    rng: RandomSource = None,
    callbacks: Sequence[Callback] = (),
    certify: bool = True,
    effort: str = "standard",
    judging_seconds: float | None = None,
) -> TuckerFit:
    """Fit a core and a factor for each mode by local search, and judge the result.

    Parameters
    ----------
    tensor : array_like, shape (I_1, ..., I_N), or TensorObservations
        With three modes or more. NaN is a missing cell, zero is a value. Results keep dimensions and
        coordinates of an xarray DataArray.
    ranks : int, sequence of int, "auto", or None
        Columns of the factors, one number for all modes or one per mode. "auto" chooses them by held-out
        cells; None needs a `tolerance`.
    tolerance : float, optional
        Relative error that the decomposition must not exceed; the ranks are chosen for it. Only if every
        cell is known.
    observed : array_like of bool, same shape, optional
        Which cells are known.
    weights : array_like, same shape, optional
        Weights of the squared errors.
    balancing : float
        Strength of the regulariser that balances the sizes of core and factors, in units of the data, at
        most 1,000; it does not change the fit.
    solver : {"auto", "gradient", "gradient_at_random"}
        "auto" is described in the notes. "gradient" takes plain gradient steps from a random point, and where
        they gain little it jumps off the saddle along the best directions that the fit does not use;
        "gradient_at_random" along random ones, as the published search does. Their end is polished before it
        is judged; `TuckerFit.attempts` has the value of their own.
    start : {"auto", "sequential", "random"}
        "sequential" starts once from truncated singular value decompositions of the unfoldings, with
        missing cells filled with zeros and everything scaled up; "random" from random points only. "auto"
        does the first, then random ones; for gradient steps a random one.
    n_restarts : int or "auto"
        Random starts after the first. "auto": a few for small tensors or missing cells, until the best
        value has been reached three times; none if the fit is exact or the tensor large, or if ranks were
        chosen: the search then starts from the fit that was chosen; none for gradient steps.
    max_iter : int, optional
        Steps of each search, not counting at most 50 final Newton steps; by default 500, and 30,000 gradient
        steps.
    rng : int, Generator or None
        Source of randomness.
    callbacks : sequence of callable
        As in `lowland.search.run`, for the search that continues from the best start, and for the fits that
        are compared to choose ranks.
    certify : bool
        Whether to judge the answer.
    effort : {"quick", "standard", "thorough"}
        Work that judging may take, as a multiple of the fit's: a quarter, one, or a hundred times.
    judging_seconds : float, optional
        Limit on the seconds of judging as well; see `certify`.

    Returns
    -------
    TuckerFit

    Raises
    ------
    InvalidInputError
        If there are fewer than three modes, ranks that no tensor of this shape can have, an empty slice, or
        values that are not finite.

    Notes
    -----
    If every cell is known, the solver is higher-order orthogonal iteration from the sequentially truncated
    decomposition; otherwise Newton steps in a trust region on the known cells. Several starts run for some
    steps each, and the search continues from the best of them. It then looks for escape directions from
    saddles of high order, and continues from there. Tensors in single precision are searched in double
    precision up to twenty million cells.

    For an exactly low-rank tensor every local minimum is global (the reference); with noise bad local minima
    exist, so several starts are tried, and the certificate bounds how far the fit is from the best.

    References
    ----------
    A. Frandsen, R. Ge, Optimization landscape of Tucker decomposition, Math. Program. 2020.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> factors = tuple(rng.standard_normal((length, 2)) for length in (8, 7, 6))
    >>> truth = ll.TuckerTensor(rng.standard_normal((2, 2, 2)), factors).tensor()
    >>> holes = np.where(rng.random(truth.shape) < 0.5, truth, np.nan)
    >>> fit = ll.decompose_tucker(holes, 2, rng=0)
    >>> bool(np.allclose(fit.tensor(), truth)), fit.certificate["globally_optimal"].verdict.name
    (True, 'PROVED')
    """
    settings = JudgeSettings.for_effort(effort)  # an unknown effort raises before any computation
    data = as_observations(tensor, observed, weights)
    check_scale(data.values, "tensor")
    if data.weights is not None:
        check_scale(data.weights, "weights")
    precision = data.values.dtype
    data = _in_working_precision(data)
    generator = make_generator(rng)
    plan = SearchPlan(balancing, start, n_restarts, solver, max_iter, tuple(callbacks))
    with one_blas_thread(applies=prod(data.shape) <= LARGEST_ALONE):
        chosen, path = _ranks(data, ranks, tolerance, generator), None
        with counted() as work:  # judging may cost as much as the search, the choice of ranks included
            if chosen is None:
                sweeps = MOST_SWEEPS if max_iter is None else max_iter
                path = choose_ranks(data, generator, callbacks=callbacks, most_sweeps=sweeps)
                chosen = path.choice.ranks
            if path is not None and not path.is_whole:
                fit = interrupted_fit(data, path.parts, plan)
            else:
                fit = search_tucker(data, chosen, plan, generator, None if path is None else path.parts)
        certificate = None
        if certify:
            certificate = judged(fit.objective, fit.search, settings, work.spent, judging_seconds)
    parts = TuckerTensor(
        fit.core.astype(precision, copy=False), tuple(f.astype(precision, copy=False) for f in fit.factors)
    )
    choice, like = None if path is None else path.choice, tensor if is_named(tensor) else None
    return replace(fit, parts=parts, certificate=certificate, choice=choice, like=like)


def _in_working_precision(data: TensorObservations) -> TensorObservations:
    """Return the data in double precision; very large data stay as they are, after a check of their scale."""
    if data.values.dtype == np.float64 or data.size <= LARGEST_DOUBLED:
        return data.in_double()
    largest = out_of_scale(data.values, *SINGLE_SCALE)
    if largest:
        raise InvalidInputError(
            "the tensor's values are out of scale for single precision",
            f"largest magnitude {largest:.3g}",
            "fourth powers overflow or underflow",
            "rescale the data, or pass float64",
        )
    return data


def _ranks(
    data: TensorObservations,
    ranks: int | Sequence[int] | str | None,
    tolerance: float | None,
    rng: np.random.Generator,
) -> tuple[int, ...] | None:
    """Return the ranks that are given, or that a tolerance needs; None if they are to be chosen."""
    order = len(data.shape)
    if tolerance is not None:
        if ranks is not None:
            raise InvalidInputError(
                "ranks and tolerance are both given", f"{ranks}, {tolerance}", fix="pass only one of them"
            )
        if not data.is_full or data.weights is not None:
            raise InvalidInputError(
                "a tolerance needs a tensor with every cell known and all weights equal",
                f"{data.size} known cells",
                fix=Words("pass ", Option("ranks"), ", such as ", Option("ranks", "auto")),
            )
        if not (isinstance(tolerance, int | float | np.number) and 0 < tolerance < 1):
            raise InvalidInputError("tolerance must lie between 0 and 1", repr(tolerance))
        enough = sequential_start(data.array(), None, rng, tolerance=tolerance).ranks
        return possible_ranks(enough, data.shape)
    if ranks is None:
        fix = Remedy(
            Words("pass ", Option("ranks")), Words(Option("tolerance")), Words(Option("ranks", "auto"))
        )
        raise InvalidInputError("ranks are missing", "None", fix=fix)
    if isinstance(ranks, str):
        if ranks != "auto":
            raise InvalidInputError("ranks are invalid", repr(ranks), fix='pass numbers or "auto"')
        return None
    if not isinstance(ranks, int | np.integer | Sequence | np.ndarray):
        raise InvalidInputError(
            "ranks must be whole numbers", repr(ranks), fix="for instance 3, or (3, 2, 4)"
        )
    wanted: tuple[Any, ...] = (ranks,) * order if isinstance(ranks, int | np.integer) else tuple(ranks)
    check_ranks(wanted, data.shape)
    return tuple(int(rank) for rank in wanted)
