"""`decompose_cp`: a tensor as a sum of products of one vector per mode."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from numpy.typing import ArrayLike

from lowland.certificates import JudgeSettings
from lowland.core.doors import public
from lowland.core.parameter_checks import whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.core.running.interrupt import Interruptible
from lowland.core.running.stages import stage
from lowland.core.work import counted
from lowland.kernels.blas_threads import one_blas_thread
from lowland.search.loop import Callback
from lowland.sensing.input_checks import check_scale
from lowland.tensors.cells.inputs import as_observations
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cp.constraint_inputs import constraints_of, splines_of
from lowland.tensors.cp.fit import CPFit
from lowland.tensors.cp.model import CP
from lowland.tensors.cp.multistart import CPPlan, search_cp
from lowland.tensors.cp.objective import CPObjective
from lowland.tensors.cp.spline_choice import choose_splines
from lowland.tensors.named_modes import aligned, is_named, numbers_of
from lowland.tensors.searching import MOST_SWEEPS, judged


@public("lowland")
@Interruptible()
def decompose_cp(  # noqa: PLR0913
    tensor: ArrayLike | TensorObservations,
    rank: int,
    *,
    nonnegative: bool | Collection[int] = False,
    smooth: bool | Collection[int] | Mapping[int, int | str] = False,
    known: Mapping[int, ArrayLike] | None = None,
    observed: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    n_restarts: int | str = "auto",
    max_iter: int = MOST_SWEEPS,
    rng: RandomSource = None,
    callbacks: Sequence[Callback] = (),
    certify: bool = True,
    effort: str = "standard",
) -> CPFit:
    """Fit a sum of products of one vector per mode (CP, PARAFAC) by local search, and judge the result.

    Parameters
    ----------
    tensor : array_like, shape (I_1, ..., I_N), or TensorObservations
        With three modes or more. NaN is a missing cell, zero is a value. Of an xarray DataArray modes may be
        named below, and results keep dimensions and coordinates.
    rank : int
        Number of components.
    nonnegative : bool or collection of int
        Modes whose factors must be nonnegative, as spectra and concentrations are; True: all.
    smooth : bool, collection of int, or mapping of int to int or "auto"
        Modes along whose slices columns vary smoothly: they are combinations of cubic B-splines with equally
        spaced knots, fewer of which are smoother. How many is chosen by held-out cells unless it is given
        for a mode, 4 to its length; a mode that none fit better than free columns is left free.
    known : mapping of int to array_like, shapes (I_n, R) or (I_n, k), optional
        Entries of modes' factors that are known, NaN where they are not: pure spectra, zeros where a
        component is absent. With k < R columns these are those of the first components. Components keep their
        order then, and the scale of what is known.
    observed : array_like of bool, same shape, optional
        Which cells are known.
    weights : array_like, same shape, optional
        Weights of the squared errors.
    n_restarts : int or "auto"
        Random starts after the first, from the singular vectors of the unfoldings. "auto": up to nine, until
        the best value has been reached three times or the fit is exact.
    max_iter : int
        Steps of each search.
    rng : int, Generator or None
        Source of randomness.
    callbacks : sequence of callable
        As in `lowland.search.run`, for the search that continues from the best start.
    certify : bool
        Whether to judge the answer.
    effort : {"quick", "standard", "thorough"}
        Work that judging may take, as a multiple of the fit's: a quarter, one, or a hundred times.

    Returns
    -------
    CPFit

    Raises
    ------
    InvalidInputError
        If there are fewer than three modes, an empty slice, a rank that every tensor of the shape has, known
        entries that do not fit, or a setting that cannot be used.

    Notes
    -----
    Sweeps solve the rows of one mode after the other; damped Gauss-Newton steps go on from the best start,
    and Newton steps find the last digits, unless anything is asked of factors. A sweep costs
    O(N (p R^2 + sum of lengths R^3)) for p known cells, O(k R^3) more for a mode of k splines, and O(k^3 R^3)
    if it must be nonnegative, too: then the splines' coefficients are. Unlike Tucker's, a best CP
    decomposition of noisy data need not exist: `CPFit.cancels` says if components grow against each
    other.

    The certificate says whether the components are the only ones that add up to the fitted tensor
    (``unique_decomposition``): proved by Kruskal's condition where rounding of the sum is far from changing
    components, refuted by other components with the same sum;
    and whether the known cells leave only finitely many sets of components (``components_determined``), for
    almost all components, by the rank of a Jacobian modulo a prime.

    References
    ----------
    T. G. Kolda, B. W. Bader, Tensor decompositions and applications, SIAM Review 2009; J. B. Kruskal,
    Three-way arrays: rank and uniqueness of trilinear decompositions, Linear Algebra and its Applications
    1977; M. E. Timmerman, H. A. L. Kiers, Three-way component analysis with smoothness constraints,
    Computational Statistics and Data Analysis 2002.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> spectra = [rng.random((length, 3)) for length in (9, 12, 10)]
    >>> mixtures = np.einsum("ir,jr,kr->ijk", *spectra)
    >>> holes = np.where(rng.random(mixtures.shape) < 0.8, mixtures, np.nan)
    >>> fit = ll.decompose_cp(holes, 3, nonnegative=True, rng=0)
    >>> bool(fit.congruence(spectra).min() > 0.99), all((factor >= 0).all() for factor in fit.factors)
    (True, True)
    """
    settings = JudgeSettings.for_effort(effort)
    components = whole_number(rank, "rank", 1)
    plan = CPPlan(n_restarts, max_iter, tuple(callbacks))
    data = as_observations(tensor, observed, weights)
    check_scale(data.values, "tensor")
    data = data.in_double()
    splines = splines_of(data.shape, numbers_of(smooth, tensor, "smooth"))
    signs = numbers_of(nonnegative, tensor, "nonnegative")
    entries = aligned(numbers_of(known, tensor, "known"), tensor)
    asked = constraints_of(data.shape, components, signs, splines, entries)
    objective = CPObjective(data, CP(data.shape, components), asked)
    generator = make_generator(rng)
    with one_blas_thread(), counted() as work:  # the same bits whatever its number of threads
        objective = replace(objective, constraints=choose_splines(objective, splines, generator))
        with stage("starts of a CP decomposition"):
            search, attempts = search_cp(objective, plan, generator)
        certificate = judged(objective, search, settings, work.spent) if certify else None
    return CPFit.of(objective, search, certificate, attempts, tensor if is_named(tensor) else None)
