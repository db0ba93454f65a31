"""How much memory a fit of a table needs, estimated before it begins."""

from __future__ import annotations

from lowland.completion.bayesian.settings import usual_rank
from lowland.completion.plan import CompletionPlan
from lowland.core.cells.observations import Observations
from lowland.core.memory import check_fits

# bytes per observed cell at the peak of a fit: both orders of the cells, values, weights and residuals
PER_CELL = 100
# copies of the factors that a search holds
COPIES = 4
# copies of the covariances: before a sweep, after it, and as kernels read them
COVARIANCE_COPIES = 3


def check_fit_fits(table: Observations, plan: CompletionPlan, method: str) -> None:
    """Raise, before a fit begins, if it would need more memory than there is.

    Raises
    ------
    TooLargeError
        With the size, and the option that makes it smaller.
    """
    cells = float(PER_CELL) * table.size
    factors, covariances, draws = _of_lines(
        table.shape, table.size, table.values.dtype.itemsize, plan, method
    )
    fix = "use single precision (float32) or a smaller rank"
    if draws > max(cells, factors, covariances):
        fix = f"keep fewer draws than {plan.draws}, or use a smaller rank"
    elif covariances > max(cells, factors):
        fix = 'use a smaller rank, or method "map", which keeps no covariances'
    check_fits(cells + factors + covariances + draws, f"a fit of {table.size:,} cells", fix)


def check_lines_fit(shape: tuple[int, int], size: int, item: int, plan: CompletionPlan, method: str) -> None:
    """Raise, before a fit of cells that are not in memory, if what is kept of each line would need too much.

    Parameters
    ----------
    shape : tuple of int
    size : int
        Number of cells.
    item : int
        Bytes per number.
    plan : CompletionPlan
    method : str

    Raises
    ------
    TooLargeError
    """
    factors, covariances, draws = _of_lines(shape, size, item, plan, method)
    needed = factors + COVARIANCE_COPIES * covariances + draws
    check_fits(needed, f"a fit of {shape[0]:,} rows and {shape[1]:,} columns", "use a smaller rank")


def _of_lines(
    shape: tuple[int, int], size: int, item: int, plan: CompletionPlan, method: str
) -> tuple[float, float, float]:
    """Return the bytes of factors, of one copy of their covariances, and of draws."""
    width = shape[1] if method == "gaussian" else (plan.rank or usual_rank(*shape, size)) + plan.biases
    numbers = float(sum(shape)) * width * item
    covariances = 0.0 if method == "map" else numbers * (width + 1) / 2
    return COPIES * numbers, covariances, plan.draws * numbers if method == "gibbs" else 0.0
