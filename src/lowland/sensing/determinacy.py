"""`diagnose`: whether data can determine a matrix of a given rank at all, and where they cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.certificates.uniqueness.identifiability import identify
from lowland.core.arrays import Indices, Matrix, check_rank
from lowland.core.cells.observations import Observations
from lowland.core.doors import public
from lowland.core.promises.protocols import Measurement, check_measurement
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.findings import Finding
from lowland.core.results.records import Factors
from lowland.core.results.shown import Shown
from lowland.core.results.status import Verdict
from lowland.core.wording import counted
from lowland.core.work import Budget
from lowland.measure import Entries
from lowland.objectives import make_objective
from lowland.sensing.matrix_models import structured
from lowland.sensing.second_solution import refute_uniqueness


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class Determinacy(Shown):
    """What the positions of the data determine.

    Parameters
    ----------
    finite : Finding
        On ``determined_by_data``: only finitely many matrices of the rank fit.
    unique : Finding
        On ``uniquely_determined``: only one matrix of the rank fits.
    shape : tuple of int
        Shape of the matrix.
    rank : int
    measurements : int
        Number of distinct measurements, in real numbers.
    degrees_of_freedom : int
        Dimension of the set of matrices.

    Examples
    --------
    >>> import lowland as ll
    >>> seen = ll.Entries([0, 0, 0, 1, 1, 1, 2], [0, 1, 2, 0, 1, 2, 0], (3, 3))
    >>> answer = ll.diagnose(seen, rank=2)
    >>> answer.finite.verdict.name, answer.oversampling, answer.short_rows
    ('REFUTED', 0.875, array([2]))
    >>> answer.open_cells.tolist()
    [[2, 1], [2, 2]]
    """

    finite: Finding
    unique: Finding
    shape: tuple[int, int]
    rank: int
    measurements: int
    degrees_of_freedom: int

    @property
    def oversampling(self) -> float:
        """Measurements per degree of freedom; below 1 nothing is determined."""
        return self.measurements / self.degrees_of_freedom if self.degrees_of_freedom else float("inf")

    @property
    def short_rows(self) -> Indices:
        """Rows with fewer observations than unknowns of their own, or that no measurement involves."""
        return np.asarray(self.finite.witness.get("short_rows", []), dtype=np.intp)

    @property
    def short_columns(self) -> Indices:
        """Columns with fewer observations than unknowns of their own, or that no measurement involves."""
        return np.asarray(self.finite.witness.get("short_columns", []), dtype=np.intp)

    @property
    def determined_share(self) -> float:
        """Fraction of the cells known to be determined, for generic values; 0 if none is known to be."""
        if self.finite.verdict is Verdict.PROVED:
            return 1.0
        if self.open_cell_count:
            return 1 - self.open_cell_count / (self.shape[0] * self.shape[1])
        return float(self.finite.witness.get("determined_share", 0.0))

    @property
    def open_cells(self) -> NDArray[np.intp]:
        """Cells that the data leave undetermined, shape (k, 2); at most ten thousand are listed."""
        return np.asarray(self.finite.witness.get("open_cells", np.zeros((0, 2))), dtype=np.intp).reshape(
            -1, 2
        )

    @property
    def open_cell_count(self) -> int:
        """Number of cells that the data leave undetermined; 0 if not computed."""
        return int(self.finite.witness.get("open_cell_count", 0))

    @property
    def open_by_row(self) -> Indices:
        """Number of undetermined cells in each row, shape (m,); empty if not computed."""
        return np.asarray(self.finite.witness.get("open_by_row", []), dtype=np.intp)

    @property
    def open_by_column(self) -> Indices:
        """Number of undetermined cells in each column, shape (n,); empty if not computed."""
        return np.asarray(self.finite.witness.get("open_by_column", []), dtype=np.intp)

    @property
    def blocks(self) -> list[tuple[Indices, Indices]]:
        """Rows and columns of the blocks of the table, largest first; no cell between blocks is determined.

        Empty if not computed, or if every cell is determined.
        """
        of_rows, of_columns = (
            np.asarray(self.finite.witness.get(f"blocks_of_{side}", []), dtype=np.intp)
            for side in ("rows", "columns")
        )
        blocks = [
            (np.flatnonzero(of_rows == k), np.flatnonzero(of_columns == k))
            for k in np.unique(np.concatenate([of_rows, of_columns]))
        ]
        return sorted(blocks, key=lambda block: -(block[0].size + block[1].size))

    def _lines(self) -> list[str]:
        m, n = self.shape
        lines = [
            f"{counted(self.measurements, 'measurement')} of a {m} x {n} matrix of rank {self.rank}: "
            f"{self.oversampling:.2f} per degree of freedom ({self.degrees_of_freedom})",
            f"finitely many solutions: {self.finite.verdict.name}; {self.finite.method}",
            f"one solution: {self.unique.verdict.name}; {self.unique.method}",
        ]
        if self.finite.verdict is Verdict.REFUTED:
            for name, short in (("rows", self.short_rows), ("columns", self.short_columns)):
                if short.size:
                    lines.append(f"{name} with too few observations: {_shorten(short)}")
            if self.open_cell_count:
                lines.append(f"undetermined cells: {self.open_cell_count} of {m * n}")
            large = [block for block in self.blocks if block[0].size and block[1].size]
            if len(large) > 1:
                sizes = ", ".join(f"{rows.size} x {columns.size}" for rows, columns in large[:5])
                lines.append(f"blocks with no determined cell between them: {len(large)}, of {sizes} cells")
        return lines


# work to spend on searching for two matrices that both reproduce a table
SEARCH_WORK = 2e9


@public("lowland")
def diagnose(
    data: Observations | Measurement,
    *,
    rank: int,
    structure: str = "general",
    biases: tuple[str, ...] | bool = (),
    largest: int = 5000,
    rng: RandomSource = None,
) -> Determinacy:
    """Test whether data can determine a matrix of a given rank, before any fit.

    Parameters
    ----------
    data : Observations or Measurement
        What is observed. Values are used only in the search for two matrices that both reproduce them.
    rank : int
        Rank of the matrix.
    structure : {"general", "psd", "density"}
        "psd" if the matrix is positive semidefinite, "density" if it also has unit trace.
    biases : bool or tuple of {"row", "column", "global"}
        Free biases of the model; True for all three.
    largest : int
        Largest number of unknowns in an exact rank computation; larger problems are judged by cheaper
        arguments.
    rng : int, Generator or None
        For the random integer points; fixed by default.

    Returns
    -------
    Determinacy
        PROVED and REFUTED hold for generic values; a rank deficiency is found modulo two primes, which are
        assumed not to be exceptional.

    References
    ----------
    A. Singer, M. Cucuringu, Uniqueness of low-rank matrix completion by rigidity theory, SIAM J.
    Matrix Anal. 2010; F. Király, L. Theran, R. Tomioka, The algebraic combinatorial approach for
    low-rank matrix completion, JMLR 2015.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> table = np.full((6, 6), np.nan)
    >>> table[:3, :3] = table[3:, 3:] = 1.0
    >>> answer = ll.diagnose(ll.Observations.from_array(table), rank=1)
    >>> answer.finite.verdict.name, answer.open_cell_count
    ('REFUTED', 18)
    """
    measurement: Any = data
    if isinstance(data, Observations):
        measurement = Entries(data.rows, data.columns, data.shape)
    check_measurement(measurement)
    rank = check_rank(rank, measurement.shape)
    if isinstance(biases, bool):
        biases = ("row", "column", "global") if biases else ()
    measurement, model = structured(measurement, rank, structure, tuple(biases))
    shape = measurement.shape
    values: Matrix = data.values if isinstance(data, Observations) else np.ones(measurement.size)
    generator = make_generator(rng)
    if model.is_complex and not _measures_reals(measurement, structure, generator):
        values = values + 0j
    objective = make_objective(measurement, values, model)
    finite, unique = identify(objective, largest=largest, rng=generator)
    if isinstance(data, Observations):
        unique = refute_uniqueness(objective, unique, None, generator, Budget(SEARCH_WORK))
    count = objective.measurement.size
    if isinstance(measurement, Entries):
        cells = measurement.rows * shape[1] + measurement.columns
        count = int(np.unique(cells).size) * (2 if model.is_complex else 1)
    return Determinacy(finite, unique, shape, rank, count, model.degrees_of_freedom)


def _measures_reals(measurement: Measurement, structure: str, rng: np.random.Generator) -> bool:
    """Whether complex measurements of such matrices are real, as with Hermitian matrices on both sides."""
    if structure == "general":
        return False
    factors = (rng.standard_normal((measurement.shape[0], 2)).view(complex) for _ in range(3))
    images = np.abs([(z.real, z.imag) for z in (measurement.measure(Factors(f, f)) for f in factors)])
    largest = images.max(axis=0)  # each measurement is compared at its own scale
    return bool((largest[1] <= 1e-10 * largest[0]).all())


def _shorten(positions: Indices) -> str:
    words = ", ".join(str(p) for p in positions[:10])
    return words + (f" and {positions.size - 10} more" if positions.size > 10 else "")
