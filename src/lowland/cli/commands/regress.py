"""`lowland regress`: fit linear splines with few knots, in one variable or as a sum over several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, final

import numpy as np
import typer

from lowland.cli.commands.regress_several import say_sum, sum_as_data
from lowland.cli.numeric_columns import column_names, read_numbers
from lowland.cli.options import ReportOptions
from lowland.cli.output import say, say_files, say_json, try_report, typed_command, warn
from lowland.cli.overwriting import check_outputs, check_table
from lowland.cli.reading import CellOptions
from lowland.cli.records import option, takes_records
from lowland.core.arrays import Matrix
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_share
from lowland.core.wording import counted
from lowland.files.outputs import write_rows
from lowland.files.table_format import TableFormat
from lowland.networks.splines.additive_pages import additive_page
from lowland.networks.splines.displays import SplineEstimator
from lowland.networks.splines.pages import certified, knots_in_words, regression_page
from lowland.report.page import write_report

# rows that are needed, for one column and for several
LEAST = (3, 6)
# knots listed on the terminal
SHOWN = 20


@final
@dataclass(frozen=True, kw_only=True)
class RegressOptions:
    """What to fit to which columns."""

    x: list[str] | None = option(
        None,
        "Column to predict from, may be repeated; by default all others. Several: a sum of splines.",
        "--x",
    )
    y: str = option("", "Column to predict; by default the second of two.", "--y")
    step_size: str = option(
        "auto",
        "Step size at which gradient descent must stay at the minimum on all points, for inputs scaled to -1 "
        'to 1 and values to variance one, where --x is one column; or "auto": held-out points alone choose '
        "the number of knots.",
    )
    max_knots: int = option(20, "Largest number of knots per column of --x.")
    average: bool = option(
        True, "Average the splines fitted without one fold each: smaller errors, more knots."
    )
    level: float = option(0.9, "Nominal coverage of intervals.")
    output: Path | None = option(
        None,
        "Write the columns with predictions and intervals here; rows without a value of --y are predicted "
        "too.",
    )


@takes_records
def regress(
    table: Annotated[
        Path, typer.Argument(help="Table with the columns --x and --y: CSV, TSV, Parquet, Feather or .npy.")
    ],
    asked: RegressOptions,
    shared: ReportOptions,
    cells: CellOptions,
) -> None:
    """Fit a linear spline with few knots in one column, or a sum of such splines over several."""
    output, report, form = asked.output, shared.report, cells.form
    check_outputs(output, report, force=shared.files.force)
    check_table(output, "--output")
    check_share("--level", asked.level)
    names, y = _columns(table, form, list(asked.x or []), asked.y)
    _, numbers = read_numbers(table, [*names, y], form)
    known = ~np.isnan(numbers).any(axis=1)
    least = LEAST[len(names) > 1]
    if np.isinf(numbers).any() or known.sum() < least:
        _refuse(table, numbers, [*names, y], least)
    step, one = _step(asked.step_size, len(names)), len(names) == 1
    model = _fitted(numbers[known], asked, step, shared.seed)
    left_out = int(np.count_nonzero(np.isnan(numbers[:, :-1]).any(axis=1)))
    predicted = int(np.count_nonzero(~known)) - left_out
    words = _left_out(left_out, predicted, names, y)
    if output is not None:
        _write(output, model, numbers, [*names, y], asked.level)
    if report is not None:
        settings = [("command", typed_command()), ("seed", str(shared.seed))]
        notes = [f"{sentence}." for sentence in words]
        page = (
            regression_page(model, (names[0], y), settings, notes)
            if one
            else additive_page(model, names, y, settings, notes)
        )
        try_report(lambda: write_report(report, page), report)
    if shared.files.json:
        data = _as_data(model) if one else sum_as_data(model, names)
        say_json({**data, "rows_left_out": left_out, "rows_only_predicted": predicted})
        return
    for sentence in words:
        warn(f"lowland: {sentence}")
    if one:
        _say(model, (names[0], y))
    else:
        say_sum(model, names, y)
    say_files({"output": output, "report": report})


def _fitted(numbers: Matrix, asked: RegressOptions, step: float | str, seed: int) -> Any:
    """Return the spline of one column, or a sum of splines, one per column."""
    options: dict[str, Any] = {"max_knots": asked.max_knots, "average": asked.average, "random_state": seed}
    if numbers.shape[1] == 2:
        from lowland.estimators.stable_spline import StableSplineRegressor  # scikit-learn takes long to load

        return StableSplineRegressor(step_size=step, **options).fit(numbers[:, 0], numbers[:, 1])
    from lowland.estimators.additive_spline import AdditiveSplineRegressor

    return AdditiveSplineRegressor(**options).fit(numbers[:, :-1], numbers[:, -1])


def _columns(table: Path, form: TableFormat, x: list[str], y: str) -> tuple[list[str], str]:
    """Return the names of the columns to predict from and to predict, where they go without saying."""
    if x and y:
        return _apart(x, y), y
    names = column_names(table, form)
    for name in (*x, *([y] if y else [])):
        if name not in names:
            raise InvalidInputError(f"{table} has no column {name!r}", f"columns {', '.join(names)}")
    others = [name for name in names if name not in (*x, y)]
    if y and others:
        return others, y
    if not y and len(names) == 2 and len(x) < 2:
        first = x[0] if x else names[0]
        return [first], next(name for name in names if name != first)
    lacking = "--x" if y else "--y"
    raise InvalidInputError(f"{lacking} is missing", f"columns {', '.join(names)}", fix="name one of them")


def _apart(x: list[str], y: str) -> list[str]:
    twice = [name for k, name in enumerate(x) if name in x[:k] or name == y]
    if twice:
        raise InvalidInputError(
            "each column can be named once", f"{twice[0]!r} is named twice", fix="name other columns"
        )
    return x


def _refuse(table: Path, numbers: Matrix, names: list[str], least: int) -> None:
    absent = np.isnan(numbers)
    known = int(np.count_nonzero(~absent.any(axis=1)))
    if known < least:
        worst = int(absent.sum(axis=0).argmax())
        lacks = f"{counted(known, 'row')}"
        if absent[:, worst].any():
            lacks += f"; {names[worst]} lacks {int(absent[:, worst].sum())} of {len(numbers)}"
        raise InvalidInputError(
            f"{table} has too few rows with numbers in every column",
            lacks,
            fix=f"give at least {least} such rows, or leave a column out by naming others with --x",
        )
    line = 1 + int(np.argmax(np.isinf(numbers).any(axis=1)))
    raise InvalidInputError(
        f"{table} holds infinite values", f"data line {line}", fix="correct or empty such cells"
    )


def _step(text: str, columns: int) -> float | str:
    if text == "auto":
        return text
    if columns > 1:
        raise InvalidInputError(
            "--step-size is for one column of --x",
            f"{counted(columns, 'column')}",
            fix="leave one of the two out",
        )
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInputError('--step-size must be a number or "auto"', text) from error


def _say(model: SplineEstimator, names: tuple[str, str]) -> None:
    error = np.sqrt(model.cv_errors_[model.n_knots_])
    rows = counted(model.x_.size, "row")
    say(f"{names[1]} by {names[0]}: {rows}, held-out root-mean-square error {error:.4g}")
    knots = model.effective_knots_
    kind = "the mean of the splines without one fold each" if model.average else "the minimum on all points"
    say(
        f"predictions: {kind}, with {knots_in_words(model.knots_.size)}; nearly the same is a spline with "
        f"{knots_in_words(knots.size)}" + (" at" if knots.size else "")
    )
    shown = knots[:SHOWN]
    for place, value in zip(shown, model.predict(shown) if shown.size else [], strict=True):
        say(f"  {names[0]} = {place:.9g}  {names[1]} = {value:.9g}")
    if knots.size > SHOWN:
        say(f"  and {knots.size - SHOWN} more")
    finding = model.stability_.certificate["stable_at_step_size"]
    say(certified(model))
    say(
        f"  that minimum is stable at step size {model.step_size_:.4g} (of gradient descent, {names[0]} "
        f"scaled to -1 to 1 and {names[1]} to variance one): {finding.verdict.name}, {finding.method}"
    )


def _left_out(count: int, predicted: int, names: list[str], y: str) -> list[str]:
    words = []
    if count:
        lacking = f"a value of {names[0]}" if len(names) == 1 else "a value of every --x"
        words.append(f"{counted(count, 'row')} without {lacking} {'was' if count == 1 else 'were'} left out")
    if predicted:
        are = "was" if predicted == 1 else "were"
        words.append(f"{counted(predicted, 'row')} without a value of {y} {are} predicted, not fitted")
    return words


def _write(path: Path, model: Any, numbers: Matrix, names: list[str], level: float) -> None:
    usable = ~np.isnan(numbers[:, :-1]).any(axis=1)
    fitted, lower, upper = (np.full(len(numbers), np.nan) for _ in range(3))
    if usable.any():
        inputs = numbers[usable, :-1]
        fitted[usable] = model.predict(inputs)
        lower[usable], upper[usable] = model.predict_interval(inputs, level)
    header = (*names, "prediction", "lower", "upper")
    ends = np.column_stack([fitted, lower, upper]).tolist()
    # NumPy numbers, those of the table, are written in full
    rows = ([*known, *made] for known, made in zip(numbers, ends, strict=True))
    write_rows(path, header, (["" if np.isnan(v) else v for v in row] for row in rows))


def _as_data(model: SplineEstimator) -> dict[str, Any]:
    return {
        "step_size": model.step_size_,
        "n_knots": model.n_knots_,
        "held_out_mean_squared_error": {str(k): error for k, error in model.cv_errors_.items()},
        "stable_up_to_step_size": {str(m.n_knots): m.largest_step for m in model.path_},
        "rows": int(model.x_.size),
        "knots": model.knots_.tolist(),
        "slopes": model.slopes_.tolist(),
        "effective_knots": model.effective_knots_.tolist(),
        "weighted_variation": model.variation_,
        "certificate_about": certified(model),
        "certificate": model.stability_.certificate.as_dict(),
    }
