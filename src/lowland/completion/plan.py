"""The plan of a completion, in terms of its options."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, final

from lowland.completion.bayesian.settings import check_by_column
from lowland.core.errors import InvalidInputError

if TYPE_CHECKING:
    from lowland.completion.columns.losses import Losses

METHODS = ("auto", "variational", "gibbs", "gaussian", "map")
# settings used by one kind of method only
OF_MAP = ("loss", "nonnegative", "penalty", "bias_penalty", "penalty_weights")
OF_POSTERIOR = ("pattern", "noise", "scale")
OF_DRAWS = ("draws",)
# settings of factors, which a Gaussian of any covariance has not
OF_FACTORS = ("rank", "biases", "pattern", "noise", "scale", "tol")


@final
@dataclass(frozen=True, kw_only=True)
class CompletionPlan:
    """The options of a completion; None stands for "auto".

    Parameters
    ----------
    method : {"auto", "variational", "gibbs", "gaussian", "map"}
        "auto" is "map" if a setting of "map" is given; else "gaussian" for tables of few columns, if no
        setting of factors is given; else "variational".
    loss : str or mapping
        One loss for all columns, or losses of some columns by label or position.
    nonnegative : bool
        Whether factors must be nonnegative; biases must then be turned off.
    rank : int or None
    biases : bool
    penalty : float or None
    bias_penalty : float or None
        None: chosen together with the penalty if that is None too; else 0, or 1 if losses are not all
        squared.
    penalty_weights : {"uniform", "counts"}
    pattern : bool or None
    noise : {"auto", "common", "column"}
    scale : {"auto", "common", "column"}
    draws : int
        Number of draws that "gibbs" and "gaussian" keep.
    tol : float or None
    max_iter : int
    refine : bool or None
        Whether forests refine missing cells of columns with curves; None: where the table is small.
    powers : bool or None
        Whether skewed columns are fitted as square roots or logarithms; None: where the table is not large,
        and cells held out are predicted better.
    row_order, column_order : bool or None
        Whether labels are looked at as coordinates along which rows or columns may vary smoothly; None: if
        they are dates, years or months.
    """

    method: str = "auto"
    loss: Losses = "squared"
    nonnegative: bool = False
    rank: int | None = None
    biases: bool = True
    penalty: float | None = None
    bias_penalty: float | None = None
    penalty_weights: str = "uniform"
    pattern: bool | None = None
    noise: str = "auto"
    scale: str = "auto"
    draws: int = 100
    tol: float | None = None
    max_iter: int = 500
    refine: bool | None = None
    powers: bool | None = None
    row_order: bool | None = None
    column_order: bool | None = None

    @property
    def squared(self) -> bool:
        """Whether all losses are squared."""
        words = [self.loss] if isinstance(self.loss, str) else self.loss.values()
        return all(word == "squared" for word in words)

    @property
    def sweeps(self) -> int:
        """Maximum number of sweeps of one search."""
        return max(self.max_iter, self.draws if self.method == "gibbs" else 0)

    @property
    def leaves_open(self) -> bool:
        """Whether the table decides between factors and a Gaussian of any covariance."""
        return not self.given - {"loss", "max_iter", "refine", "powers", "row_order", "column_order"}

    @property
    def given(self) -> set[str]:
        """Names of the settings that differ from their defaults."""
        return {f.name for f in fields(self) if getattr(self, f.name) != f.default}

    @property
    def asked_orders(self) -> tuple[str | None, str | None]:
        """What is asked of the orders of rows and of columns, in the words of `orders_of`."""
        words = {None: "auto", True: "labels", False: None}
        return words[self.row_order], words[self.column_order]

    def decide_method(self) -> str:
        """Return the method; "variational" may still become "gaussian" if the plan leaves that open.

        Raises
        ------
        InvalidInputError
            If the method is unknown, or a given setting is not used by it.
        """
        if self.method not in METHODS:
            choices = ", ".join(f'"{choice}"' for choice in METHODS)
            raise InvalidInputError("method is unknown", repr(self.method), fix=f"use one of {choices}")
        given = self.given - ({"loss"} if self.squared else set())
        of_map = [name for name in OF_MAP if name in given]
        method = ("map" if of_map else "variational") if self.method == "auto" else self.method
        for name in ("noise", "scale"):
            check_by_column(getattr(self, name), name)
        # noise and scale are also used by losses that are not squared
        foreign = OF_POSTERIOR if self.squared else OF_POSTERIOR[:1]
        idle = [name for name in foreign if name in given] if method == "map" else of_map
        other = "a Bayesian method" if method == "map" else 'method "map"'
        if not idle and method == "gaussian":
            idle, other = [name for name in OF_FACTORS if name in given], 'method "variational" or "gibbs"'
        if method == "map" and not idle:
            idle = [name for name in ("refine", "powers") if getattr(self, name)]
        if not idle and method not in ("gibbs", "gaussian"):
            idle, other = [name for name in OF_DRAWS if name in given], 'method "gibbs" or "gaussian"'
        if self.nonnegative and self.biases:
            raise InvalidInputError(
                "nonnegative factors must be fitted without biases", "biases", fix="turn biases off"
            )
        if idle:
            raise InvalidInputError(
                f'{idle[0]} is not used by method "{method}"',
                repr(getattr(self, idle[0])),
                fix=f"omit it, or choose {other}",
            )
        return method
