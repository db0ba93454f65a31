"""Quantum state tomography: a density matrix estimated from counts, with error bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector, check_floats
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import Measurement
from lowland.core.random import RandomSource, make_generator, spawn
from lowland.core.results.records import Factors
from lowland.core.results.shown import Shown
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import Interruptible
from lowland.core.running.progress import OnProgress, Reporter
from lowland.report.reported import Reported
from lowland.sensing.recover import recover
from lowland.sensing.recovery import RecoveryFit
from lowland.sensing.states.functions import concurrence, fidelity, purity, top_eigenvalue
from lowland.sensing.states.observables import is_seen, seen_observables

if TYPE_CHECKING:
    from lowland.report.page import Page

# noise that is added to the start of a resampled estimate, relative to its size
STIR = 0.01


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class StateFit(Shown, Reported):
    """A density matrix estimated from counts, with estimates from resampled counts for error bars.

    Parameters
    ----------
    state : ndarray, shape (n, n)
        Positive semidefinite of trace one.
    fit : RecoveryFit
        The maximum-likelihood fit, whose matrix is the state times the total intensity.
    resampled : ndarray, shape (b, n, n)
        Estimates from counts resampled from the fitted means.

    Examples
    --------
    >>> import lowland as ll
    >>> A = ll.pauli_outcomes(["X", "X", "Y", "Y", "Z", "Z"], ["0", "1", "0", "1", "0", "1"])
    >>> estimate = ll.estimate_state(A, [500, 500, 500, 500, 990, 10], n_resamples=10, rng=0)
    >>> round(estimate.fidelity([1, 0]), 2), round(estimate.purity, 2)
    (0.99, 0.98)
    >>> 0 < estimate.error(lambda state: state[0, 0].real) < 0.01
    True
    """

    state: Matrix
    fit: RecoveryFit
    resampled: Matrix = field(repr=False)

    @property
    def purity(self) -> float:
        """tr(state^2), 1 for a pure state."""
        return purity(self.state)

    @property
    def top_eigenvalue(self) -> float:
        """Largest eigenvalue: the fidelity to the nearest pure state."""
        return top_eigenvalue(self.state)

    @property
    def nearest_pure_state(self) -> Matrix:
        """The nearest pure state, shape (n,), with its largest entry real and positive."""
        vector: Matrix = np.linalg.eigh(self.state)[1][:, -1]
        return np.asarray(vector * np.exp(-1j * np.angle(vector[np.argmax(np.abs(vector))])))

    def fidelity(self, target: ArrayLike) -> float:
        """Return the fidelity to a target: a state vector, shape (n,), or a density matrix, shape (n, n)."""
        return fidelity(self.state, np.asarray(target))

    @cached_property
    def open_numbers(self) -> int | None:
        """How many of a state's n^2 real numbers the outcomes do not determine; None beyond 16 dimensions.

        If it is not 0, other states fit equally well, and error bars hold for the estimate alone.
        """
        seen = self._seen
        return None if seen is None else self.state.size - len(seen)

    def determines(self, target: ArrayLike) -> bool | None:
        """Return whether the outcomes determine the fidelity to a state vector, None if that is not known."""
        vector = np.asarray(target)
        if self._seen is None or vector.ndim != 1:
            return True if self.open_numbers == 0 else None
        return is_seen(np.outer(vector, vector.conj()), self._seen)

    @cached_property
    def _seen(self) -> Matrix | None:
        return seen_observables(self.fit.objective.measurement)

    def error(self, quantity: Callable[[Matrix], float]) -> float:
        """Return the standard deviation of a quantity over the resampled estimates.

        Parameters
        ----------
        quantity : callable
            Takes a density matrix, returns a number.

        Returns
        -------
        float
            An estimate; near a boundary (purity 1) errors are not symmetric.
            NaN if there are fewer than two resampled estimates.
        """
        if len(self.resampled) < 2:
            return float("nan")
        return float(np.std([quantity(state) for state in self.resampled], ddof=1))

    def interval(self, quantity: Callable[[Matrix], float], level: float = 0.9) -> tuple[float, float]:
        """Return percentiles of a quantity over the resampled estimates.

        Parameters
        ----------
        quantity : callable
            Takes a density matrix, returns a number.
        level : float
            Share of the resampled estimates between the percentiles.

        Returns
        -------
        lower, upper : float
            NaN if there are fewer than two resampled estimates.
        """
        if not 0 < level < 1:
            raise InvalidInputError("level must lie between 0 and 1", repr(level))
        if len(self.resampled) < 2:
            return float("nan"), float("nan")
        values = [quantity(state) for state in self.resampled]
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def quantities(self, target: ArrayLike | None = None) -> dict[str, Callable[[Matrix], float]]:
        """Return the usual numbers of a state by name, each a function of the density matrix.

        They are the fidelity to the target, if there is one, and to the nearest pure state, the purity, and
        for two qubits the concurrence.
        """
        quantities: dict[str, Callable[[Matrix], float]] = {}
        if target is not None:
            goal = np.asarray(target)
            quantities["fidelity to the target"] = lambda state: fidelity(state, goal)
        quantities["top eigenvalue (fidelity to the nearest pure state)"] = top_eigenvalue
        quantities["purity"] = purity
        if self.state.shape == (4, 4):
            quantities["concurrence"] = concurrence
        return quantities

    def table(self, target: ArrayLike | None = None) -> list[tuple[str, float, float]]:
        """Return names, values and standard errors of the usual numbers, see `quantities`."""
        rows = self.quantities(target).items()
        return [(name, quantity(self.state), self.error(quantity)) for name, quantity in rows]

    def report(
        self,
        path: str | PathLike[str],
        *,
        target: ArrayLike | None = None,
        settings: Sequence[str] | None = None,
        title: str = "A quantum state from counts",
    ) -> None:
        """Write a self-contained HTML report: the state, its numbers with error bars, and what is proved.

        Parameters
        ----------
        path : path
            An existing file is replaced.
        target : array_like, shape (n,) or (n, n), optional
            State to compare with.
        settings : sequence of str, length p, optional
            Setting of each outcome, to show residuals by setting.
        title : str
        """
        from lowland.report.page import write_report

        write_report(path, self._page(target, settings, title))

    def _page(
        self,
        target: ArrayLike | None = None,
        settings: Sequence[str] | None = None,
        title: str = "A quantum state from counts",
    ) -> Page:
        from lowland.sensing.states.page import LEVEL, StateNumber, state_page

        numbers = [
            StateNumber(name, quantity(self.state), self.error(quantity), *self.interval(quantity, LEVEL))
            for name, quantity in self.quantities(target).items()
        ]
        caveat = self.what_is_open(target)
        return state_page(title, self.fit, self.state, self.resampled, numbers, settings, caveat)

    def _lines(self) -> list[str]:
        lines = [f"{self.state.shape[0]} x {self.state.shape[0]} density matrix"]
        lines += [f"{name}: {value:.5f} +- {error:.5f}" for name, value, error in self.table()]
        return [*lines, *([self.what_is_open()] if self.open_numbers else [])]

    def what_is_open(self, target: ArrayLike | None = None) -> str:
        """Return a sentence on what the outcomes leave open; empty if they determine the state."""
        if not self.open_numbers:
            return ""
        told = f"The outcomes leave {self.open_numbers} of the state's {self.state.size} numbers open"
        if target is not None and self.determines(target):
            return f"{told}, but determine the fidelity to the target."
        return (
            f"{told}: other states fit as well, with other numbers. Error bars are the scatter of this "
            "estimate, not the range of the states that fit."
        )


@public("lowland")
@Interruptible()
def estimate_state(
    measurement: Measurement,
    counts: ArrayLike,
    *,
    rank: int | None = None,
    n_resamples: int = 100,
    rng: RandomSource = None,
    on_progress: OnProgress | None = None,
) -> StateFit:
    """Estimate a density matrix from counts by maximum likelihood.

    Counts are modelled as Poisson with means tr(A_k X), where X is the state times the total
    intensity. If the outcomes of each setting are complete and all settings were measured for equal
    times, the state equals that of the multinomial likelihood.

    Parameters
    ----------
    measurement : Measurement
        Of the outcomes' probabilities, for instance `pauli_outcomes`.
    counts : array_like, shape (p,)
        Not negative.
    rank : int, optional
        Largest rank of the state; full by default.
    n_resamples : int
        Estimates from resampled counts, for the error bars; 0 for none.
    rng : int, Generator or None
        Source of randomness.
    on_progress : callable, optional
        Called with the number of resampled estimates done, their total, and the seconds since the first.

    Returns
    -------
    StateFit
        After an interrupt, with the resampled estimates completed so far.

    Raises
    ------
    InvalidInputError
        If counts are negative or all zero, or `n_resamples` is 1 or negative.

    References
    ----------
    Z. Hradil, Quantum-state estimation, Phys. Rev. A 1997; B. Efron, R. Tibshirani, An Introduction
    to the Bootstrap, 1993 (parametric resampling).

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.datasets import data_path
    >>> data = ll.read_counts(data_path("photon_counts"))
    >>> A = ll.pauli_outcomes(data.settings, data.outcomes)
    >>> estimate = ll.estimate_state(A, data.counts, n_resamples=10, rng=0)
    >>> round(estimate.top_eigenvalue, 3), round(estimate.fidelity([1, 0, 0, 1]), 3)
    (0.997, 0.996)
    """
    y = check_floats(counts, "counts", dtype="float64", ndim=1)
    if y.size and not y.max() > 0:
        raise InvalidInputError("counts must not all be zero", f"{y.size} zeros", "there is nothing to fit")
    if n_resamples < 0 or n_resamples == 1:
        raise InvalidInputError("n_resamples must be 0 or at least 2", repr(n_resamples))
    generator = make_generator(rng)
    rank = measurement.shape[0] if rank is None else rank
    first, *others = spawn(generator, 1 + n_resamples)

    def solve(
        data: Vector,
        source: np.random.Generator,
        start: str | Factors | ArrayLike,
        *,
        certify: bool,
        restarts: int | str = 0,
    ) -> RecoveryFit:
        return recover(
            measurement,
            data,
            rank=rank,
            structure="psd",
            loss="poisson",
            start=start,
            n_restarts=restarts,
            rng=source,
            certify=certify,
        )

    # at full rank the problem is convex in the matrix, so one start is enough
    fit = solve(y, first, "auto", certify=True, restarts=0 if rank >= measurement.shape[0] else "auto")
    means = np.maximum(fit.objective.predict(fit.search.theta), 0.0)
    resampled: list[Matrix] = []
    tell, last = Reporter(on_progress, n_resamples, what="resampled estimates"), fit
    for source in others:
        if last.search.stop_reason is StopReason.INTERRUPTED:
            break
        last = solve(_drawn(means, source), source, _stirred(fit.search.theta, source), certify=False)
        if last.search.stop_reason is not StopReason.INTERRUPTED:
            resampled.append(_normalised(last))
        tell(len(resampled))
    shape = (0, *measurement.shape)
    return StateFit(_normalised(fit), fit, np.array(resampled) if resampled else np.zeros(shape, complex))


def _drawn(means: Vector, rng: np.random.Generator) -> Vector:
    """Return Poisson counts, not all zero; above a billion drawn from the normal limit."""
    while True:
        small = rng.poisson(np.minimum(means, 1e9)).astype(float)
        large = np.maximum(means + np.sqrt(means) * rng.standard_normal(means.size), 0.0)
        counts: Vector = np.where(means > 1e9, large, small)
        if counts.any():
            return counts


def _stirred(theta: Vector, rng: np.random.Generator) -> Vector:
    """Return a point beside another: from a factor that is zero no search leads away."""
    size = STIR * float(np.sqrt(np.mean(theta**2)))
    stirred: Vector = theta + size * rng.standard_normal(theta.size)
    return stirred


def _normalised(fit: RecoveryFit) -> Matrix:
    matrix = fit.matrix()
    hermitian = (matrix + matrix.conj().T) / 2
    return np.asarray(hermitian / np.trace(hermitian).real)
