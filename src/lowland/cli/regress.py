"""`lowland regress`: fit a linear spline in one variable, made of minima at which gradient descent stays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from lowland.cli.numeric_columns import column_names, read_numbers
from lowland.cli.options import ForceOption, JsonOption, ReportOption, SeedOption
from lowland.cli.output import say, say_json, try_report, typed_command, warn
from lowland.cli.overwriting import check_outputs, check_table
from lowland.cli.reading import reads_columns
from lowland.core.arrays import Matrix
from lowland.core.atomic import was_written
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_share
from lowland.files.outputs import write_rows
from lowland.files.table_format import TableFormat
from lowland.networks.page_records import SplineEstimator
from lowland.networks.stability_pages import counted, regression_page
from lowland.report.page import write_report

# knots listed on the terminal
SHOWN = 20


@reads_columns
def regress(
    form: TableFormat,
    table: Annotated[
        Path, typer.Argument(help="Table with the columns --x and --y: CSV, TSV, Parquet, Feather or .npy.")
    ],
    x: Annotated[str, typer.Option("--x", help="Column to predict from; by default the first of two.")] = "",
    y: Annotated[str, typer.Option("--y", help="Column to predict; by default the second of two.")] = "",
    step_size: Annotated[
        str,
        typer.Option(
            help="Step size at which gradient descent must stay at the minimum on all points, for inputs "
            "scaled to -1 to 1 and values to variance one; "
            'or "auto": held-out points alone choose the number of knots.'
        ),
    ] = "auto",
    max_knots: Annotated[int, typer.Option(help="Largest number of knots.")] = 20,
    average: Annotated[
        bool,
        typer.Option(help="Average the splines fitted without one fold each: smaller errors, more knots."),
    ] = True,
    level: Annotated[float, typer.Option(help="Nominal coverage of intervals.")] = 0.9,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write both columns with predictions and intervals here; rows without a value of --y are "
            "predicted too."
        ),
    ] = None,
    report: ReportOption = None,
    seed: SeedOption = 0,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Fit a linear spline with few knots, and report at which step size gradient descent stays there."""
    check_outputs(output, report, force=force)
    check_table(output, "--output")
    check_share("--level", level)
    if not (x and y):
        x, y = _pair(table, form, x, y)
    _, numbers = read_numbers(table, [x, y], form)
    known = ~np.isnan(numbers).any(axis=1)
    if np.isinf(numbers).any() or known.sum() < 3:
        _refuse(table, numbers, int(known.sum()))
    from lowland.estimators.stable_spline import StableSplineRegressor  # scikit-learn takes long to load

    model = StableSplineRegressor(
        _step(step_size),
        max_knots=max_knots,
        average=average,
        random_state=seed,
    ).fit(numbers[known, 0], numbers[known, 1])
    left_out = int(np.count_nonzero(np.isnan(numbers[:, 0])))
    predicted = int(np.count_nonzero(~known)) - left_out
    if output is not None:
        _write(output, model, numbers, (x, y), level)
    if report is not None:
        settings = [("command", typed_command()), ("seed", str(seed))]
        notes = [f"{words}." for words in _left_out(left_out, predicted, names=(x, y))]
        page = regression_page(model, (x, y), settings, notes)
        try_report(lambda: write_report(report, page), report)
    if json:
        say_json(_as_data(model, left_out, predicted))
        return
    for words in _left_out(left_out, predicted, names=(x, y)):
        warn(f"lowland: {words}")
    _say(model, (x, y))
    for name, target in (("output", output), ("report", report)):
        if target is not None and was_written(target):
            say(f"{name}: {target}")


def _pair(table: Path, form: TableFormat, x: str, y: str) -> tuple[str, str]:
    """Return the names of the two columns where they go without saying."""
    names = column_names(table, form)
    if len(names) != 2 or (x and x not in names) or (y and y not in names):
        lacking = "--x" if not x else "--y"
        raise InvalidInputError(
            f"{lacking} is missing", f"columns {', '.join(names)}", fix="name one of them"
        )
    others = (name for name in names if name not in (x, y))
    return x or next(others), y or next(others)


def _refuse(table: Path, numbers: Matrix, known: int) -> None:
    if known < 3:
        raise InvalidInputError(
            f"{table} has too few rows with numbers in both columns",
            f"{known} rows",
            fix="give at least three such rows",
        )
    line = 1 + int(np.argmax(np.isinf(numbers).any(axis=1)))
    raise InvalidInputError(
        f"{table} holds infinite values", f"data line {line}", fix="correct or empty such cells"
    )


def _step(text: str) -> float | str:
    if text == "auto":
        return text
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInputError('--step-size must be a number or "auto"', text) from error


def _say(model: SplineEstimator, names: tuple[str, str]) -> None:
    error = np.sqrt(model.cv_errors_[model.n_knots_])
    say(f"{names[1]} by {names[0]}: {model.x_.size} rows, held-out root-mean-square error {error:.4g}")
    knots = model.effective_knots_
    kind = "the mean of the splines without one fold each" if model.average else "the minimum on all points"
    say(
        f"predictions: {kind}, with {counted(model.knots_.size)}; nearly the same is a spline with "
        f"{counted(knots.size)}" + (" at" if knots.size else "")
    )
    shown = knots[:SHOWN]
    for place, value in zip(shown, model.predict(shown) if shown.size else [], strict=True):
        say(f"  {names[0]} = {place:.9g}  {names[1]} = {value:.9g}")
    if knots.size > SHOWN:
        say(f"  and {knots.size - SHOWN} more")
    finding = model.stability_.certificate["stable_at_step_size"]
    say(
        f"minimum on all points: {counted(model.n_knots_)}; stable at step size {model.step_size_:.4g} (of "
        f"gradient descent, {names[0]} scaled to -1 to 1 and {names[1]} to variance one): "
        f"{finding.verdict.name}, {finding.method}"
    )


def _left_out(count: int, predicted: int, names: tuple[str, str]) -> list[str]:
    words = []
    if count:
        words.append(f"{count} rows without a value of {names[0]} were left out")
    if predicted:
        words.append(f"{predicted} rows without a value of {names[1]} were predicted, not fitted")
    return words


def _write(path: Path, model: SplineEstimator, numbers: Matrix, names: tuple[str, str], level: float) -> None:
    usable = ~np.isnan(numbers[:, 0])
    fitted, lower, upper = (np.full(len(numbers), np.nan) for _ in range(3))
    if usable.any():
        fitted[usable] = model.predict(numbers[usable, 0])
        lower[usable], upper[usable] = model.predict_interval(numbers[usable, 0], level)
    header = (*names, "prediction", "lower", "upper")
    rows = zip(*numbers.T, fitted, lower, upper, strict=True)
    write_rows(path, header, (["" if np.isnan(v) else float(v) for v in row] for row in rows))


def _as_data(model: SplineEstimator, left_out: int, predicted: int) -> dict[str, Any]:
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
        "rows_left_out": left_out,
        "rows_only_predicted": predicted,
        "certificate": model.stability_.certificate.as_dict(),
    }
