"""The plan of a completion, in terms of its options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from lowland.completion.bayesian.settings import check_by_column
from lowland.completion.settings import METHODS, RUNNING, ValueKind, answer, number, setting, settings_of
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.wording import Option, Words

if TYPE_CHECKING:
    from lowland.completion.columns.losses import Losses

# methods with settings of their own: those with factors, with a posterior of factors, with draws
FACTORS, POSTERIORS, DRAWN = ("variational", "gibbs", "map"), ("variational", "gibbs"), ("gibbs", "gaussian")
BAYESIAN, GAUSSIAN, MAP = ("variational", "gibbs", "gaussian"), ("gaussian",), ("map",)


@final
@dataclass(frozen=True, kw_only=True)
class CompletionPlan:
    """The options of a completion; None stands for "auto".

    Parameters
    ----------
    method : {"auto", "variational", "gibbs", "gaussian", "map"}
        "auto" is "map" if a setting of "map" is given; else "gaussian" if there are predictors, or for tables
        of few columns, if no setting of factors is given; else "variational".
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
    unlisted : float or None
        What cells that are not listed count as, with a small weight; None: they are missing.
    unlisted_weight : float or None
        That weight; None: a fifth of the mean weight of a listed cell.
    tol : float or None
    max_iter : int
    refine : bool or None
        Whether forests refine missing cells of columns with curves; None: where the table is small.
    powers : bool or None
        Whether skewed columns are fitted as square roots or logarithms; None: where the table is not large,
        and cells held out are predicted better.
    bounds : mapping of label to (low, high), or list of such pairs, or None
        What is possible in columns of numbers; an end that is None, NaN or infinite is open.
    may_be_negative : list of labels, or True for all, or None
        Columns that may hold negative numbers although none is known: others are filled from zero on.
    predictors : mapping of label to labels, or list of lists of bool, or None
        Which columns alone may inform a column.
    row_units : bool or None
        Whether each row is fitted in a unit of its own; None: where the spreads of rows are far apart, and
        cells held out are predicted better.
    row_order, column_order : bool or None
        Whether labels are looked at as coordinates along which rows or columns may vary smoothly; None: if
        they are dates, years or months.
    """

    method: str = setting(
        "auto",
        ValueKind.WORD,
        "variational, gibbs, gaussian or map; auto is map if an option of map is given, gaussian for "
        "tables of few columns, else variational.",
        methods=(),
    )
    loss: Losses = setting(
        "squared",
        ValueKind.LOSS,
        "squared, huber, absolute, quantile:0.9, logistic, poisson or ordinal; or column=loss, which may "
        "be repeated.",
        MAP,
    )
    rank: int | None = setting(None, ValueKind.RANK, "Rank of the low-rank part, or auto.", FACTORS)
    biases: bool = setting(True, ValueKind.FLAG, "Fit row, column and global biases.", FACTORS)
    nonnegative: bool = setting(
        False, ValueKind.FLAG, "Nonnegative factors (method map, --no-biases).", MAP, elsewhere=False
    )
    pattern: bool | None = answer(
        "Use the pattern of observed cells as features of rows and columns: auto, yes or no.", POSTERIORS
    )
    refine: bool | None = answer(
        "Refine missing cells of columns with curves by forests, where held-out cells show a gain: auto "
        "(small tables), yes or no.",
        BAYESIAN,
        elsewhere=False,
    )
    powers: bool | None = answer(
        "Fit skewed columns of nonnegative numbers as square roots or logarithms, and shares as logits: "
        "auto (where held-out cells are predicted better), yes or no.",
        BAYESIAN,
        elsewhere=False,
    )
    row_units: bool | None = answer(
        "Fit each row in a unit of its own, as where rows are variables and columns are samples: auto (where "
        "spreads of rows are far apart and held-out cells are predicted better), yes or no.",
        BAYESIAN,
        elsewhere=False,
    )
    row_order: bool | None = answer(
        "Look whether rows vary smoothly along their labels (numbers or dates): auto (dates and years), "
        "yes or no.",
        parameter=None,
        elsewhere=False,
    )
    column_order: bool | None = answer(
        "The same of columns: auto, yes or no.", parameter=None, elsewhere=False
    )
    bounds: Any = setting(
        None,
        ValueKind.BOUNDS,
        "What is possible in a column, as COLUMN=LOW:HIGH, where one end may be left out; may be repeated.",
        BAYESIAN,
        elsewhere=False,
        why="they truncate a posterior, which penalised fits do not have",
    )
    may_be_negative: Any = setting(
        None,
        ValueKind.COLUMNS,
        "A column that may hold negative numbers although none is known (others are filled from zero on), "
        "or * for all; may be repeated.",
        BAYESIAN,
        elsewhere=False,
        why="a law is cut off at zero only where there is one, which penalised fits do not have",
    )
    predictors: Any = setting(
        None,
        ValueKind.PREDICTORS,
        "Columns that alone may inform a column, as COLUMN=OTHER,OTHER; may be repeated (method gaussian).",
        GAUSSIAN,
        elsewhere=False,
        why="they need the covariance of the columns, which factors do not give",
    )
    noise: str = setting(
        "auto",
        ValueKind.WORD,
        "One noise level for all columns, or one per column: auto, common or column.",
        POSTERIORS,
    )
    scale: str = setting(
        "auto",
        ValueKind.WORD,
        "One scale for all columns, or one per column: auto, common or column.",
        POSTERIORS,
    )
    draws: int = setting(
        100,
        ValueKind.WHOLE,
        "Number of draws that methods gibbs and gaussian keep.",
        DRAWN,
        least=2,
        parameter="n_draws",
    )
    penalty: float | None = number(
        "Weight of the nuclear norm (larger is smoother), or auto; for method map.", MAP
    )
    penalty_weights: str = setting(
        "uniform",
        ValueKind.WORD,
        "uniform, or counts: penalise each row and column in proportion to its number of cells.",
        MAP,
        elsewhere=False,
    )
    bias_penalty: float | None = number(
        "Ridge penalty on row and column biases, or auto; for method map.", MAP
    )
    unlisted: float | None = setting(
        None,
        ValueKind.MAYBE,
        "What cells that are not listed count as, with a small weight, such as 0 for clicks and purchases; "
        "by default they are missing.",
        MAP,
        elsewhere=False,
    )
    unlisted_weight: float | None = number(
        "Weight of each cell that is not listed, or auto (a fifth of a listed one's).", MAP
    )
    tol: float | None = setting(
        None,
        ValueKind.TOLERANCE,
        "Stop when a sweep improves the objective by less than this share (map), or changes predictions "
        "by less than this share of their standard deviation (Bayesian methods).",
        FACTORS,
        panel=RUNNING,
    )
    max_iter: int = setting(1_000, ValueKind.WHOLE, "Maximum number of sweeps.", least=1, panel=RUNNING)

    @property
    def squared(self) -> bool:
        """Whether all losses are squared."""
        words = [self.loss] if isinstance(self.loss, str) else self.loss.values()
        return all(word == "squared" for word in words)

    @property
    def fits_biases(self) -> bool:
        """Whether biases are fitted: not where all cells that are not listed count as one value."""
        return self.biases and self.unlisted is None

    @property
    def sweeps(self) -> int:
        """Maximum number of sweeps of one search."""
        return max(self.max_iter, self.draws if self.method == "gibbs" else 0)

    @property
    def leaves_open(self) -> bool:
        """Whether the table decides between factors and a Gaussian of any covariance."""
        used = [one.methods for one in SETTINGS if one.name in self.given - {"loss"}]
        return all("gaussian" in methods and "variational" in methods for methods in used)

    @property
    def given(self) -> set[str]:
        """Names of the settings that differ from their defaults."""
        return {one.name for one in SETTINGS if getattr(self, one.name) != one.default}

    @property
    def by_column(self) -> dict[str, Any]:
        """What is said of single columns, by setting."""
        signed = () if self.may_be_negative in (None, True) else self.may_be_negative
        about = dict.fromkeys(signed)
        return {"bounds": self.bounds, "predictors": self.predictors, "may_be_negative": about}

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
        UnsupportedError
            If a given setting needs what the method does not have.
        """
        if self.method not in ("auto", *METHODS):
            fix = Words("use ", Option("method", "auto", *METHODS))
            raise InvalidInputError(Words(Option("method"), " is unknown"), repr(self.method), fix=fix)
        for name in ("noise", "scale"):
            check_by_column(getattr(self, name), name)
        given = self.given - ({"loss"} if self.squared else set())
        needed = {one.methods for one in SETTINGS if one.name in given}
        chosen = "gaussian" if GAUSSIAN in needed else "map" if MAP in needed else "variational"
        method = chosen if self.method == "auto" else self.method
        if self.nonnegative and self.biases:
            raise InvalidInputError(
                "nonnegative factors must be fitted without biases",
                "biases",
                fix=Words("turn them off (", Option("biases", False), ")"),
            )
        self._check_unlisted()
        for one in SETTINGS[1:]:
            if one.name not in given or method in one.methods or self._asks_nothing(one.name, method):
                continue
            what = Words(Option(one.parameter or one.name), f' is not used by method "{method}"')
            kind = UnsupportedError if one.why else InvalidInputError
            given_as = Words(Option(one.parameter or one.name, getattr(self, one.name)))
            raise kind(what, given_as, one.why, one.fix(method))
        return method

    def _check_unlisted(self) -> None:
        """Raise if something does not go with cells that count although they are not listed."""
        if self.unlisted is None:
            if self.unlisted_weight is not None:
                fix = Words("give ", Option("unlisted", 0), " too")
                raise InvalidInputError(
                    Words(Option("unlisted_weight"), " needs ", Option("unlisted")), "none", fix=fix
                )
            return
        if self.unlisted_weight == 0:
            fix = Words("leave ", Option("unlisted"), " out if such cells are missing")
            raise InvalidInputError(Words(Option("unlisted_weight"), " must be positive"), "0", fix=fix)
        others = {
            "loss": not self.squared,
            "nonnegative": self.nonnegative,
            "bias_penalty": self.bias_penalty,
            "penalty_weights": self.penalty_weights != "uniform",
        }
        for name, asked in others.items():
            if asked:
                raise UnsupportedError(
                    Words(Option("unlisted"), " goes with squared losses, factors of any sign and no biases"),
                    Words(Option(name, getattr(self, name))),
                    fix="leave one of them out",
                )

    def _asks_nothing(self, name: str, method: str) -> bool:
        """Return whether a setting of other methods does no harm: they would have been told not to."""
        if name in ("noise", "scale"):  # also used by losses that are not squared
            return method == "map" and not self.squared
        return name in ("refine", "powers", "row_units") and getattr(self, name) is False


SETTINGS = settings_of(CompletionPlan)
