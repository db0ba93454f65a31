"""`restricted_isometry`: how far a measurement is from preserving the norms of low-rank matrices.

The constant of restricted isometry is the smallest delta with
(1 - delta) |X|^2 <= |A(X)|^2 <= (1 + delta) |X|^2 for all X of at most a rank. Finding it is hard in general.
Matrices found by local search bound it from below, extreme singular values of A on all matrices from above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.certificates.gaps.spectral_bounds import eigenvalue_bound
from lowland.core.arrays import Matrix, check_rank
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_choice
from lowland.core.promises.protocols import Measurement
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.records import Factors
from lowland.core.results.shown import Shown
from lowland.core.rounding import gamma
from lowland.core.running.interrupt import Interruptible
from lowland.measure import Dense, Entries, Fourier, Pauli
from lowland.sensing.extreme_ratios import ratio, search_ends

STRUCTURES = ("general", "psd")
# dimension of the space of matrices, and numbers of its image, up to which singular values are computed
MOST_DIMENSIONS, MOST_NUMBERS = 2500, 30_000_000
# charge for measuring matrices that are computed, as a fraction of the sum of squares
COMPUTED = 1e-13


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class Isometry(Shown):
    """Bounds on ``|A(X)|^2 / |X|^2`` over matrices up to a rank, and the isometry constants that follow.

    Parameters
    ----------
    rank : int
        Of the matrices.
    structure : {"general", "psd"}
        "psd" for all symmetric (Hermitian) matrices, the differences of positive semidefinite ones.
    smallest, largest : float
        The smallest and the largest ratio found; the true ones lie beyond them.
    flattest, steepest : Factors
        Matrices of at most the rank, of norm one, with these ratios.
    least, most : float or None
        Proven bounds on the ratio, rounding included; None if none is known, and `least` is then 0.

    Examples
    --------
    >>> import lowland as ll
    >>> found = ll.restricted_isometry(ll.gaussian(400, (5, 5), 0), 2, rng=0)
    >>> 0 < found.scaled_lower < found.scaled_upper < 1
    True
    >>> missing = ll.restricted_isometry(ll.Entries([0, 1], [0, 1], (2, 2)), 1)
    >>> missing.scaled_lower, missing.scaled_upper
    (1.0, 1.0)
    """

    rank: int
    structure: str
    smallest: float
    largest: float
    flattest: Factors
    steepest: Factors
    least: float | None
    most: float | None

    @property
    def lower(self) -> float:
        """Lower bound on delta of the measurement as given."""
        return max(self.largest - 1, 1 - self.smallest, 0.0)

    @property
    def upper(self) -> float | None:
        """Proven upper bound on delta of the measurement as given; None if none below 1 is known."""
        if self.least is None or self.most is None:
            return None
        bound = max(self.most - 1, 1 - self.least, 0.0)
        return bound if bound < 1 else self._certain(bound)

    @property
    def scale(self) -> float:
        """Square of the factor of A at which the lower bound is least: 2 / (largest + smallest)."""
        return 2 / (self.largest + self.smallest)

    @property
    def scaled_lower(self) -> float:
        """Lower bound on delta at the best scaling: (kappa - 1) / (kappa + 1), kappa = largest / smallest."""
        return max(self.largest - self.smallest, 0.0) / (self.largest + self.smallest)

    @property
    def scaled_upper(self) -> float | None:
        """Proven upper bound on delta at the best scaling; None if none below 1 is known."""
        if self.least is None or self.most is None or not self.most > 0:
            return None
        bound = (self.most - self.least) / (self.most + self.least)
        return bound if bound < 1 else self._certain(bound)

    def _certain(self, bound: float) -> float | None:
        """Return a bound of one if a matrix that is not measured shows it to be exact."""
        return bound if self.smallest == 0 else None

    def _lines(self) -> list[str]:
        upper = "unknown" if self.scaled_upper is None else f"{self.scaled_upper:.6g}"
        return [
            f"restricted isometry over {self.structure} matrices of rank {self.rank}: |A(X)|^2 / |X|^2 from "
            f"{self.smallest:.6g} to {self.largest:.6g} found; delta at the best scaling at least "
            f"{self.scaled_lower:.6g}, at most {upper}"
        ]


@public("lowland")
@Interruptible()
def restricted_isometry(
    measurement: Measurement,
    rank: int,
    *,
    structure: str = "general",
    n_starts: int = 10,
    rng: RandomSource = None,
) -> Isometry:
    """Bound the restricted isometry constant of a measurement from below and from above.

    Parameters
    ----------
    measurement : Measurement
    rank : int
        Of the matrices over which the norm is compared. Theorems on matrices of rank r compare differences
        of two of them, so they need 2 r; those on noisy data 4 r.
    structure : {"general", "psd"}
        "psd" compares symmetric (Hermitian) matrices only: positive semidefinite recovery needs no others.
    n_starts : int
        Matrices that are polished for each end; up to twenty times as many random starts choose them.
    rng : int or Generator
        For the starts.

    Returns
    -------
    Isometry
        Lower bounds hold by the matrices attached. Upper bounds are proved where A is injective on all
        matrices and these have at most 2,500 dimensions, and for observed entries and whole orthogonal
        families; with fewer measurements than unknowns they are usually unknown.

    Raises
    ------
    InvalidInputError
        If the rank does not fit, or the structure is unknown or needs a square matrix.

    Notes
    -----
    The local search is truncated power iterations (a step along A* A, then the nearest matrix of the rank),
    the best of which are polished on their factors: some hundred products with A and its adjoint each. The
    proof forms the Gram matrix of A: O(p d^2 + d^3) for d dimensions.

    References
    ----------
    B. Recht, M. Fazel, P. Parrilo, Guaranteed minimum-rank solutions of linear matrix equations via nuclear
    norm minimization, SIAM Review 2010 (the definition); S. Bhojanapalli, B. Neyshabur, N. Srebro, Global
    optimality of local search for low rank matrix recovery, NIPS 2016 (ranks 2 r and 4 r); R. Zhang, C. Josz,
    S. Sojoudi, J. Lavaei, How much restricted isometry is needed in nonconvex matrix recovery?, NeurIPS 2018.

    Examples
    --------
    >>> import lowland as ll
    >>> instance, false_minimum = ll.datasets.false_minimum(0.5)
    >>> found = ll.restricted_isometry(instance.measurement, 2, structure="psd", rng=0)
    >>> round(found.lower, 6), round(found.upper, 6)
    (0.5, 0.5)
    """
    check_choice("structure", structure, STRUCTURES)
    (m, n), symmetric = measurement.shape, structure == "psd"
    if symmetric and m != n:
        raise InvalidInputError('structure "psd" needs a square matrix', f"{m} x {n}", fix='use "general"')
    rank = check_rank(rank, (m, n))
    if isinstance(n_starts, bool) or not isinstance(n_starts, int) or n_starts < 1:
        raise InvalidInputError("n_starts must be a positive integer", repr(n_starts))
    least, most = _proved(measurement, symmetric=symmetric)
    known = _exact_ends(measurement, symmetric=symmetric)
    if known is None:
        flattest, steepest = search_ends(
            measurement,
            rank,
            symmetric=symmetric,
            n_starts=n_starts,
            gram=_gram(measurement),
            rng=make_generator(rng),
        )
    else:
        flattest, steepest = known
    smallest, largest = (ratio(measurement, factors) for factors in (flattest, steepest))
    return Isometry(
        rank=rank,
        structure=structure,
        smallest=smallest,
        largest=largest,
        flattest=flattest,
        steepest=steepest,
        least=least,
        most=most,
    )


# -------------------------------------------------------------------- proofs


def _proved(measurement: Measurement, *, symmetric: bool) -> tuple[float | None, float | None]:
    """Return proven bounds on |A(X)|^2 / |X|^2 over all matrices of the structure, None if unknown."""
    known = _orthogonal_family(measurement)
    if known is not None:
        return known, known
    if isinstance(measurement, Entries):
        return _of_entries(measurement, symmetric=symmetric)
    (m, n), is_complex = measurement.shape, np.dtype(measurement.dtype).kind == "c"
    dimensions = m * n if not symmetric else (n * n if is_complex else n * (n + 1) // 2)
    if dimensions > MOST_DIMENSIONS or measurement.size * dimensions > MOST_NUMBERS:
        return None, None
    table = _images(measurement, symmetric=symmetric)
    gram = table.conj().T @ table
    total = float(np.trace(gram).real)
    charge = (4 * gamma(measurement.size + 8, gram.dtype) + 1e-15) * total
    charge += 0.0 if isinstance(measurement, Dense) else COMPUTED * total
    most, least = eigenvalue_bound(gram).value + charge, -eigenvalue_bound(-gram).value - charge
    return (max(least, 0.0), most) if np.isfinite([least, most]).all() else (None, None)


def _gram(measurement: Measurement) -> Matrix | None:
    """Return A* A on matrices whose rows follow each other; None if it would be too large."""
    dimensions = measurement.shape[0] * measurement.shape[1]
    if dimensions > MOST_DIMENSIONS or measurement.size * dimensions > MOST_NUMBERS:
        return None
    table = _images(measurement, symmetric=False)
    gram: Matrix = table.conj().T @ table
    return gram


def _orthogonal_family(measurement: Measurement) -> float | None:
    """Return the common ratio of all matrices for a whole orthogonal family, else None."""
    if isinstance(measurement, Pauli):
        side = measurement.shape[0]
        whole = measurement.size == side**2 and len(set(measurement.words)) == side**2
        return float(side) if whole else None
    if isinstance(measurement, Fourier):
        return 1.0 if measurement.size == measurement.shape[0] * measurement.shape[1] else None
    return None


def _counts(measurement: Entries) -> Matrix:
    """Return how often each cell is observed."""
    counts = np.zeros(measurement.shape)
    np.add.at(counts, (measurement.rows, measurement.columns), 1.0)
    return counts


def _of_entries(measurement: Entries, *, symmetric: bool) -> tuple[float, float]:
    """Return the exact bounds for observed entries: the form is diagonal in the cells."""
    counts = _counts(measurement)
    if symmetric:  # a pair of equal entries has half of the squared norm each
        counts = np.where(np.eye(len(counts), dtype=bool), counts, (counts + counts.T) / 2)
    return float(counts.min()), float(counts.max())


def _exact_ends(measurement: Measurement, *, symmetric: bool) -> tuple[Factors, Factors] | None:
    """Return matrices of rank one at which observed entries attain their bounds, None if it is not known."""
    if not isinstance(measurement, Entries) or symmetric:
        return None
    counts, ends = _counts(measurement), []
    for at in (int(np.argmin(counts)), int(np.argmax(counts))):
        i, j = divmod(at, counts.shape[1])
        kind = measurement.dtype
        ends.append(
            Factors(np.eye(len(counts), 1, -i, dtype=kind), np.eye(counts.shape[1], 1, -j, dtype=kind))
        )
    return ends[0], ends[1]


def _images(measurement: Measurement, *, symmetric: bool) -> Matrix:
    """Return the measurements of an orthonormal basis of the space of matrices as columns.

    For Hermitian matrices the space is real: real and imaginary parts of the measurements are stacked.
    """
    (m, n), is_complex = measurement.shape, np.dtype(measurement.dtype).kind == "c"
    if isinstance(measurement, Dense) and not symmetric:
        arrays = measurement.source.arrays.reshape(measurement.size, m * n)
        return np.asarray(
            arrays.conj() if is_complex else arrays, np.complex128 if is_complex else np.float64
        )
    columns = []
    for i in range(m):
        for j in range(i if symmetric else 0, n):
            unit = np.zeros((m, n), measurement.dtype)
            unit[i, j] = 1
            turns: list[Matrix] = [unit]
            if symmetric and i != j:
                turns = [(unit + unit.T) * np.sqrt(0.5)]
                turns += [1j * (unit - unit.T) * np.sqrt(0.5)] if is_complex else []
            columns += [np.asarray(measurement.measure_matrix(turn)) for turn in turns]
    table = np.stack(columns, axis=1)
    return np.concatenate([table.real, table.imag]) if symmetric and is_complex else table
