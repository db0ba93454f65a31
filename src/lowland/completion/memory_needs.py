"""How much memory a fit of a table needs, estimated before it begins."""

from __future__ import annotations

from lowland.completion.bayesian_settings import USUAL_RANK
from lowland.completion.plan import CompletionPlan
from lowland.core.memory import check_fits
from lowland.core.observations import Observations

# bytes per observed cell at the peak of a fit: both orders of the cells, values, weights and residuals
PER_CELL = 100
# copies of the factors that a search holds
COPIES = 4


def check_fit_fits(table: Observations, plan: CompletionPlan, method: str) -> None:
    """Raise, before a fit begins, if it would need more memory than there is.

    Raises
    ------
    TooLargeError
        With the size, and the option that makes it smaller.
    """
    lines, item = sum(table.shape), table.values.dtype.itemsize
    width = (plan.rank or min(USUAL_RANK, *table.shape)) + plan.biases
    cells = float(PER_CELL) * table.size
    factors = float(COPIES) * lines * width * item
    covariances = draws = 0.0
    if method != "map":
        covariances = lines * width * (width + 1) / 2 * item
    if method == "gibbs":
        draws = float(plan.draws) * lines * width * item
    fix = "use single precision (float32) or a smaller rank"
    if draws > max(cells, factors, covariances):
        fix = f"keep fewer draws than {plan.draws}, or use a smaller rank"
    elif covariances > max(cells, factors):
        fix = 'use a smaller rank, or method "map", which keeps no covariances'
    check_fits(cells + factors + covariances + draws, f"a fit of {table.size:,} cells", fix)
