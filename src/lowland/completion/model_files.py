"""Convert fitted completions to plain data and arrays, and save them to files without pickle."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.bayesian_table import BayesianTable
from lowland.completion.features import PATTERN_RIDGE, FeatureMap
from lowland.completion.fitted_table import FittedTable
from lowland.completion.indicator_files import levels_as_arrays, levels_from_arrays
from lowland.completion.indicator_model import IndicatorModel
from lowland.completion.indicator_table import IndicatorTable
from lowland.completion.kept_fit import kept_from_data
from lowland.completion.learnt_prior import LearntPrior
from lowland.completion.order_basis import OrderBasis
from lowland.completion.penalised_model import CompletionModel
from lowland.completion.penalised_table import PenalisedTable
from lowland.completion.posterior_model import PosteriorModel
from lowland.completion.refined_model import RefinedModel
from lowland.completion.refined_table import RefinedTable
from lowland.completion.refinement_files import refined_arrays, refined_model
from lowland.completion.scaling import Scaling
from lowland.completion.table_labels import TableLabels
from lowland.completion.table_model import TableModel
from lowland.core.arrays import Matrix
from lowland.core.damage import check_arrays, number, reading, require
from lowland.core.findings import Certificate
from lowland.files.bundle import load_bundle, save_bundle
from lowland.kernels.moments import Moments

if TYPE_CHECKING:
    from lowland.completion.column_losses import Columns

Parts = tuple[dict[str, Any], dict[str, NDArray[Any]]]

_PENALISED = ("offset", "penalty", "biases", "bias_penalty", "penalty_weights", "unit", "nonnegative")
_OF_COLUMNS = ("which", "centres", "spreads", "shifts", "precisions")


def save_model(
    path: str | os.PathLike[str],
    table: FittedTable,
    *,
    certificate: Certificate | None = None,
    seed: int = 0,
    cells: str = "",
    about: Mapping[str, Any] | None = None,
    data: bool = True,
) -> None:
    """Write a model with its settings, stop reason, certificate and data fingerprint.

    Parameters
    ----------
    path : path
    table : FittedTable
        Its model is written, and details of the fit if the data are known.
    certificate : Certificate, optional
    seed : int
    cells : str
        Fingerprint of the fitted table without its weights.
    about : mapping, optional
        Plain data of the estimator: whether column labels are "named" features of a data frame, the "levels"
        of non-numeric columns, and its "parameters".
    data : bool
        Whether to write the fitted cells too, with which the model can be updated and judged.
    """
    plain, arrays = model_arrays(table.model)
    header: dict[str, Any] = {"model": plain, "seed": seed, "cells": cells, **(about or {})}
    if table.observations is not None:
        search = table.search
        header |= {
            "settings": table.plain_settings(),
            "dtype": str(table.observations.values.dtype),
            "data": table.observations.fingerprint(),
            "stop_reason": table.stop_reason.value,
            "message": search.message,
            "objective": search.value,
            "iterations": search.iterations,
        }
        if data:
            header["fit"], kept = table.keep().as_data()
            arrays |= kept
    header["certificate"] = certificate.to_json() if certificate else None
    save_bundle(path, "model", header, arrays)


def levels_as_data(levels: Mapping[Any, Sequence[Any]]) -> list[Any]:
    """Return the levels of columns as lists for JSON, because names need not be text."""
    return [[_plain(name), [_plain(level) for level in own]] for name, own in levels.items()]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def load_model(path: str | os.PathLike[str], *, data: bool = True) -> tuple[FittedTable, dict[str, Any]]:
    """Read a model as a table, with its data if the file holds them, and its header.

    Parameters
    ----------
    path : path
    data : bool
        Whether the data are read; predictions do not need them.

    Raises
    ------
    FileFormatError
        If the file is not a model, or is incomplete.
    """
    header, arrays = load_bundle(path, "model", without=() if data else ("seen_", "search_", "sampling_"))
    with reading(path, "model"):
        table = table_from_arrays(header["model"], arrays)
        numbers = table.base.model if isinstance(table, IndicatorTable) else table.model
        kept = kept_from_data(header.get("fit", {}), arrays, numbers.labels, header.get("dtype", "float64"))
        require(isinstance(header["seed"], int), f"the seed is {header['seed']!r}")
        return table.with_kept(kept), header


def model_arrays(model: TableModel) -> Parts:
    """Return a model as plain data and arrays."""
    plain, arrays = _WRITERS[type(model)](model)
    for name, labels in (("row_labels", model.labels.rows), ("column_labels", model.labels.columns)):
        if labels is not None:
            arrays[name] = labels
    return plain, arrays


def table_from_arrays(
    plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> BayesianTable | PenalisedTable | RefinedTable | IndicatorTable:
    """Return the model from the result of `model_arrays`, as a table without data."""
    if plain.get("kind") == "indicators":
        return _with_levels(plain, arrays)
    if plain.get("kind") == "posterior":
        return _bayesian(plain, arrays)
    return PenalisedTable(_penalised(plain, arrays))


def _bayesian(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> BayesianTable | RefinedTable:
    base = BayesianTable(_posterior(plain, arrays))
    return RefinedTable(refined_model(base.model, arrays), base) if plain.get("refined") else base


def _with_levels(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> IndicatorTable:
    (known, maps), names = levels_from_arrays(plain, arrays), arrays.get("column_labels")
    numbers = {name: array for name, array in arrays.items() if name != "column_labels"}
    base = _bayesian(plain["base"], numbers)
    require(base.model.shape[1] == known.groups.size, "its levels do not fit its table in numbers")
    require(names is None or names.shape == (known.width,), "its columns are not named one by one")
    labels = TableLabels((base.model.shape[0], known.width), arrays.get("row_labels"), names)
    return IndicatorTable(IndicatorModel(base.model, known, maps, labels), base, None)


def _penalised_arrays(model: CompletionModel) -> Parts:
    names = ("row_factors", "column_factors", "row_biases", "column_biases")
    plain: dict[str, Any] = {"kind": "penalised", **{name: getattr(model, name) for name in _PENALISED}}
    arrays = {name: getattr(model, name) for name in names}
    if model.columns is not None:
        plain["columns"] = [dataclasses.asdict(kind) for kind in model.columns.kinds]
        plain |= {"columns_learn": model.columns.learns, "columns_unit": model.columns.unit}
        arrays |= {f"columns_{name}": getattr(model.columns, name) for name in _OF_COLUMNS}
    return plain, arrays


def _columns(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], columns: int) -> Columns | None:
    if "columns" not in plain:
        return None
    from lowland.completion.column_kinds import Kind
    from lowland.completion.column_losses import Columns

    kinds = tuple(
        Kind(
            str(kind["word"]),
            number(kind, "number"),
            tuple(kind["levels"]),
            tuple(float(threshold) for threshold in kind["thresholds"]),
            number(kind, "precision"),
            number(kind, "width"),
        )
        for kind in plain["columns"]
    )
    which, *units = (arrays[f"columns_{name}"] for name in _OF_COLUMNS)
    check_arrays({"which": which}, {"which": "n"}, {"n": columns}, kind="iu")
    check_arrays(arrays, {f"columns_{name}": "n" for name in _OF_COLUMNS[1:]}, {"n": columns})
    require(((which >= 0) & (which < len(kinds))).all(), "a column has a kind that is not listed")
    centres, spreads, shifts, precisions = units
    learns, unit = bool(plain["columns_learn"]), number(plain, "columns_unit")
    return Columns(kinds, which, centres, spreads, shifts, precisions, learns, unit)


def _penalised(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> CompletionModel:
    shapes = {"row_factors": "m r", "column_factors": "n r", "row_biases": "m", "column_biases": "n"}
    sizes = check_arrays(arrays, shapes)
    _check_labels(arrays, sizes)
    _check_products(arrays["row_factors"], arrays["column_factors"])
    return CompletionModel(
        arrays["row_factors"],
        arrays["column_factors"],
        arrays["row_biases"],
        arrays["column_biases"],
        number(plain, "offset"),
        number(plain, "penalty"),
        bool(plain["biases"]),
        arrays.get("row_labels"),
        arrays.get("column_labels"),
        number(plain, "bias_penalty", 0.0),
        str(plain.get("penalty_weights", "uniform")),
        number(plain, "unit", 1.0),
        _columns(plain, arrays, sizes["n"]),
        bool(plain.get("nonnegative", False)),
    )


def _posterior_arrays(model: PosteriorModel) -> Parts:
    arrays = {
        "column_precisions": model.column_precisions,
        "centres": model.scaling.centres,
        "spreads": model.scaling.spreads,
        "range": np.array([model.scaling.lowest, model.scaling.highest]),
        "row_weights": model.row_weights,
        "error_scores": model.error_scores,
        "row_draws": _draws(model.row_draws, model.rows.means.shape),
        "column_draws": _draws(model.column_draws, model.columns.means.shape),
    }
    sides = (("row", model.rows, model.row_prior), ("column", model.columns, model.column_prior))
    for side, moments, prior in sides:
        arrays[f"{side}_means"], arrays[f"{side}_covariances"] = moments.means, moments.covariances
        arrays[f"{side}_precision"], arrays[f"{side}_coefficients"] = prior.precision, prior.coefficients
        arrays[f"{side}_feature_centres"] = prior.mapping.centres
        arrays[f"{side}_feature_spreads"] = prior.mapping.spreads
        if prior.mapping.order is not None:
            arrays[f"{side}_order_points"] = prior.mapping.order.points
            arrays[f"{side}_order_basis"] = prior.mapping.order.basis
    plain = {
        "kind": "posterior",
        "method": "gaussian" if model.axes else "gibbs" if model.row_draws.shape[0] else "variational",
        "biased": model.biased,
        "axes": model.axes,
        "noise_precision": model.noise_precision,
        "row_pattern": model.row_prior.mapping.partners,
        "column_pattern": model.column_prior.mapping.partners,
        "pattern_ridge": model.row_prior.mapping.ridge,
        "inflation": model.inflation,
        **{
            f"{side}_order": [prior.mapping.order.length, prior.mapping.order.strength]
            for side, _, prior in sides
            if prior.mapping.order is not None
        },
    }
    return plain, arrays


def _indicator_arrays(model: IndicatorModel) -> Parts:
    plain, arrays = _WRITERS[type(model.base)](model.base)
    outer, levels = levels_as_arrays(model)
    return {"kind": "indicators", "base": plain, **outer}, arrays | levels


def _refined_arrays(model: RefinedModel) -> Parts:
    plain, arrays = _posterior_arrays(model.base)
    return plain | {"refined": True}, arrays | refined_arrays(model)


def _draws(draws: Matrix, shape: tuple[int, ...]) -> Matrix:
    """Return draws as they are, or none of the shape of points: an update adds lines to the means alone."""
    return draws if len(draws) else np.zeros((0, *shape), draws.dtype)


def _posterior(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> PosteriorModel:
    arrays = dict(arrays)
    for side in ("row", "column"):
        # files of earlier versions may hold no draws of another shape
        arrays[f"{side}_draws"] = _draws(arrays[f"{side}_draws"], arrays[f"{side}_means"].shape)
    sizes, axes = _check_posterior(arrays), bool(plain.get("axes", False))
    _check_labels(arrays, sizes)
    # along axes there are draws of rows alone
    whole = sizes["column_kept"] == (0 if axes else sizes["row_kept"])
    require(whole, "draws of its rows have no columns")

    def prior(side: str) -> LearntPrior:
        mapping = FeatureMap(
            int(plain[f"{side}_pattern"]),
            arrays[f"{side}_feature_centres"],
            arrays[f"{side}_feature_spreads"],
            number(plain, "pattern_ridge", PATTERN_RIDGE),
            _order(plain, arrays, side),
        )
        found = len(arrays[f"{side}_coefficients"]) - 1
        require(found == mapping.width, f"{side}_coefficients are of {found} features, not {mapping.width}")
        return LearntPrior(arrays[f"{side}_precision"], arrays[f"{side}_coefficients"], mapping)

    rows, columns = (
        Moments(arrays[f"{side}_means"], arrays[f"{side}_covariances"]) for side in ("row", "column")
    )
    shape = (sizes["m"], sizes["n"])
    lowest, highest = (float(end) for end in arrays["range"])
    scaling = Scaling(arrays["centres"], arrays["spreads"], lowest, highest)
    return PosteriorModel(
        rows,
        columns,
        bool(plain["biased"]),
        number(plain, "noise_precision"),
        arrays["column_precisions"],
        prior("row"),
        prior("column"),
        scaling,
        TableLabels(shape, arrays.get("row_labels"), arrays.get("column_labels")),
        arrays["row_draws"],
        arrays["column_draws"],
        arrays["row_weights"],
        axes,
        number(plain, "inflation", 1.0),
        _scores(arrays),
    )


def _scores(arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return the scores of cells predicted without them; files of earlier versions hold none."""
    scores = arrays.get("error_scores", np.zeros(0))
    check_arrays({"error_scores": scores}, {"error_scores": "scores"})
    require((scores >= 0).all() and (np.diff(scores) >= 0).all(), "its scores do not ascend")
    return scores


def _order(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], side: str) -> OrderBasis | None:
    """Return the smooth functions of a side's coordinates, if it has any."""
    if f"{side}_order" not in plain:
        return None
    length, strength = (float(own) for own in plain[f"{side}_order"])
    names = {f"{side}_order_points": "points c", f"{side}_order_basis": "points k"}
    check_arrays(arrays, names)
    require(0 < length < np.inf and 0 < strength < np.inf, f"{side}_order is {length} and {strength}")
    return OrderBasis(length, strength, *(arrays[name] for name in names))


def _check_posterior(arrays: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """Check the arrays of a posterior against each other, and return their sizes."""
    shapes = {"column_precisions": "n", "centres": "n", "spreads": "n", "range": "2", "row_weights": "m"}
    for side, line in (("row", "m"), ("column", "n")):
        shapes |= {
            f"{side}_means": f"{line} d",
            f"{side}_covariances": f"{line} t",
            f"{side}_draws": f"{side}_kept {line} d",
            f"{side}_precision": "d d",
            f"{side}_coefficients": f"{side} d",
            f"{side}_feature_centres": f"{side}_features",
            f"{side}_feature_spreads": f"{side}_features",
        }
    # a constant covariate has an infinite spread, and predictions may have no range
    unlimited = ("range", "row_feature_spreads", "column_feature_spreads")
    sizes = check_arrays(arrays, shapes, infinite=unlimited)
    d = sizes["d"]
    require(sizes["t"] == d * (d + 1) // 2, f"covariances of {sizes['t']} numbers for {d} coordinates")
    require(
        (arrays["spreads"] > 0).all() and (arrays["column_precisions"] > 0).all(), "a unit is not positive"
    )
    lowest, highest = arrays["range"]
    graded = np.isfinite(lowest) and np.isfinite(highest) and lowest <= highest
    require(graded or (lowest == -np.inf and highest == np.inf), f"its range is {lowest} to {highest}")
    spread = float(arrays["spreads"].max(initial=1.0))
    for side, other in (("row", "column"), ("column", "row")):
        for name in ("means", "draws", "coefficients"):
            _check_products(
                arrays[f"{side}_{name}"], arrays[f"{other}_{'draws' if name == 'draws' else 'means'}"], spread
            )
    return sizes


def _check_products(left: Matrix, right: Matrix, spread: float = 1.0) -> None:
    """Raise ValueError if products of lines, times a spread, may overflow: no fit has such numbers."""
    most, others = (float(np.abs(side).max(initial=0.0)) for side in (left, right))
    bound = left.shape[-1] * most * others + most + others
    fine = bound < np.finfo(left.dtype).max / 4 and bound * spread < np.finfo(np.float64).max / 4
    require(fine, "its predictions overflow")


def _check_labels(arrays: Mapping[str, NDArray[Any]], sizes: Mapping[str, int]) -> None:
    """Check that labels, if there are any, are one per line and differ from each other."""
    for name, length in (("row_labels", sizes["m"]), ("column_labels", sizes["n"])):
        if name in arrays:
            labels = arrays[name]
            found = f"{name} has shape {labels.shape}, not {length}"
            require(labels.shape == (length,), found)
            require(len(set(labels.tolist())) == length, f"{name} names two lines alike")


# writers by type of model
_WRITERS: dict[type[Any], Callable[[Any], Parts]] = {
    CompletionModel: _penalised_arrays,
    PosteriorModel: _posterior_arrays,
    RefinedModel: _refined_arrays,
    IndicatorModel: _indicator_arrays,
}
