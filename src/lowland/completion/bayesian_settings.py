"""Settings of a Bayesian completion, and how "auto" is resolved from the table."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, final

from lowland.core.arrays import check_rank
from lowland.core.errors import InvalidInputError

if TYPE_CHECKING:
    from lowland.completion.table_summary import TableSummary

# in sparse tables the pattern of graded cells reveals taste; above this density it carries no information
DENSEST_PATTERN = 0.3
# beyond this many rows and columns, factorising the pattern takes longer than the fit
WIDEST_PATTERN = 6_000
USUAL_RANK = 16
BY_COLUMN = ("auto", "common", "column")


@final
@dataclass(frozen=True, kw_only=True)
class BayesianSettings:
    """What to fit and when to stop.

    Parameters
    ----------
    rank : int or None
        None means 16, but at most half the shorter side.
    biases : bool
    pattern : bool or None
        Whether the pattern of observed cells is a feature of rows and columns; None means yes for sparse
        tables of grades with at most 6,000 rows or columns.
    noise : {"auto", "common", "column"}
        Whether all columns have a common noise level, or one per column; "auto" means "common" for
        grades, else "column".
    scale : {"auto", "common", "column"}
        Whether all columns are centred and scaled alike, or each by itself; "auto" means "column" if
        values are not grades and spreads differ by more than a factor of ten, else "common".
    tolerance : float
        Sweeps stop once the bound rises by less than this per observation.
    max_iterations : int
        Maximum number of variational sweeps.
    draws : int
        Number of Gibbs draws kept; 0 for variational inference alone.
    burn_in : int
        Number of Gibbs sweeps before the first kept draw.
    """

    rank: int | None = None
    biases: bool = True
    pattern: bool | None = None
    noise: str = "auto"
    scale: str = "auto"
    tolerance: float = 2e-3
    max_iterations: int = 100
    draws: int = 0
    burn_in: int = 20

    def plain(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return asdict(self)

    def resolve(self, table: TableSummary) -> BayesianSettings:
        """Return the settings with "auto" resolved for a table.

        Raises
        ------
        InvalidInputError
            If a setting is unknown or does not fit the table.
        """
        for name in ("noise", "scale"):
            check_by_column(getattr(self, name), name)
        m, n = table.shape
        rank = max(1, min(USUAL_RANK, min(m, n) // 2)) if self.rank is None else check_rank(self.rank, (m, n))
        graded = table.graded
        sparse = table.size < DENSEST_PATTERN * m * n and min(m, n) <= WIDEST_PATTERN
        pattern = graded and sparse if self.pattern is None else self.pattern
        noise = ("common" if graded else "column") if self.noise == "auto" else self.noise
        own = not graded and table.units_differ
        scale = ("column" if own else "common") if self.scale == "auto" else self.scale
        return replace(self, rank=rank, pattern=pattern, noise=noise, scale=scale)


def check_by_column(choice: str, name: str) -> None:
    """Raise unless a setting is "auto", "common" or "column"."""
    if choice not in BY_COLUMN:
        choices = ", ".join(f'"{known}"' for known in BY_COLUMN)
        raise InvalidInputError(f"{name} is unknown", repr(choice), fix=f"use one of {choices}")
