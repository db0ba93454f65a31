"""Convert fitted completions to plain data and arrays, and save them to files without pickle."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.bayesian.table import BayesianTable
from lowland.completion.bounded.from_zero import FromZeroLayer
from lowland.completion.bounded.layer import BoundedLayer
from lowland.completion.censored.layer import CensoredLayer
from lowland.completion.drift.layer import DriftLayer
from lowland.completion.encoded.level_model import LevelLayer
from lowland.completion.encoded.power_model import PowerLayer
from lowland.completion.files.censored import censored_arrays, censored_model
from lowland.completion.files.drift import drift_data, drift_model
from lowland.completion.files.encodings import encoding_as_arrays, encoding_from_arrays
from lowland.completion.files.forests import refined_arrays, refined_model
from lowland.completion.files.informed import informed_arrays, informed_model
from lowland.completion.files.limits import (
    limits_as_arrays,
    limits_from_arrays,
    signs_as_arrays,
    signs_from_arrays,
)
from lowland.completion.files.posteriors import (
    Parts,
    check_labels,
    check_products,
    posterior_arrays,
    posterior_model,
)
from lowland.completion.files.restricted import restricted_arrays, restricted_model
from lowland.completion.files.row_units import row_units_data, row_units_model
from lowland.completion.files.smoothing import smoothed_arrays, smoothed_model
from lowland.completion.informed.layer import ColumnAloneLayer
from lowland.completion.layers.table import LayeredTable
from lowland.completion.penalised.model import CompletionModel
from lowland.completion.penalised.table import PenalisedTable
from lowland.completion.refinement.layer import RefinementLayer
from lowland.completion.refinement.smoothing import RowSmoothing
from lowland.completion.restricted.layer import RestrictedLayer
from lowland.completion.row_units.layer import RowUnitsLayer
from lowland.completion.tables.fitted import FittedTable
from lowland.completion.tables.kept_fit import kept_from_data
from lowland.completion.tables.model import TableModel, sampling
from lowland.core.damage import check_arrays, number, reading, require
from lowland.core.results.findings import Certificate
from lowland.files.bundle import load_bundle, save_bundle

if TYPE_CHECKING:
    from lowland.completion.columns.losses import Columns

_PENALISED = (
    "offset",
    "penalty",
    "biases",
    "bias_penalty",
    "penalty_weights",
    "unit",
    "nonnegative",
    "unlisted_weight",
)
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
    return [[_plain(name), [_plain(level) for level in words]] for name, words in levels.items()]


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
        kept = kept_from_data(
            header.get("fit", {}), arrays, table.model.labels, header.get("dtype", "float64")
        )
        require(isinstance(header["seed"], int), f"the seed is {header['seed']!r}")
        _check_words(header)
        return table.with_kept(kept), header


def _check_words(header: Mapping[str, Any]) -> None:
    """Raise ValueError unless the names and levels that a header lists are such."""
    for name in ("untouched", "counts", "signed", "time"):
        require(_are_words(header.get(name, [])), f"{name} is no list of names")
    levels = header.get("levels", [])
    pairs = isinstance(levels, list) and all(isinstance(one, list) and len(one) == 2 for one in levels)
    require(
        pairs and all(_are_words([name]) and _are_words(words) for name, words in levels),
        "levels are no lists of words by names of columns",
    )


def _are_words(listed: Any) -> bool:
    return isinstance(listed, list) and not any(isinstance(one, list | dict) for one in listed)


def model_arrays(model: TableModel) -> Parts:
    """Return a model as plain data and arrays."""
    plain, arrays = _WRITERS[type(model)](model)
    for name, labels in (("row_labels", model.labels.rows), ("column_labels", model.labels.columns)):
        if labels is not None:
            arrays[name] = labels
    return plain, arrays


def table_from_arrays(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedTable:
    """Return the model from the result of `model_arrays`, as a table without data."""
    if plain.get("kind") == "bounded":
        table = table_from_arrays(plain["base"], arrays)
        limits = limits_from_arrays(arrays, table.model.shape[1])
        layer = BoundedLayer(sampling(table.model), limits, table.model.labels)
        return LayeredTable(layer, table, None)
    if plain.get("kind") == "from zero":
        table = table_from_arrays(plain["base"], arrays)
        signs = signs_from_arrays(arrays, table.model.shape[1])
        return LayeredTable(FromZeroLayer(sampling(table.model), *signs, table.model.labels), table, None)
    if plain.get("kind") == "row units":
        table = table_from_arrays(plain["base"], arrays)
        return LayeredTable(row_units_model(sampling(table.model), plain, arrays), table, None)
    if plain.get("kind") == "censored":
        table = table_from_arrays(plain["base"], arrays)
        return LayeredTable(censored_model(sampling(table.model), plain, arrays), table, None)
    if plain.get("kind") == "drift":
        table = table_from_arrays(plain["base"], arrays)
        return LayeredTable(drift_model(sampling(table.model), plain, arrays), table, None)
    if plain.get("kind") == "informed":
        table = table_from_arrays(plain["base"], arrays)
        return LayeredTable(informed_model(sampling(table.model), plain, arrays), table, None)
    if plain.get("kind") == "encoded":
        return _encoded(plain, arrays)
    if plain.get("kind") == "posterior":
        return _bayesian(plain, arrays)
    return PenalisedTable(_penalised(plain, arrays))


def _bayesian(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedTable:
    base = BayesianTable(posterior_model(plain, arrays))
    layers = {"smoothed": smoothed_model, "refined": refined_model, "restricted": restricted_model}
    for word, layer_of in layers.items():
        if plain.get(word):
            return LayeredTable(layer_of(base.model, arrays), base, None)
    return base


def _encoded(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedTable:
    (levels, maps, powers), names = encoding_from_arrays(plain, arrays), arrays.get("column_labels")
    numbers = {name: array for name, array in arrays.items() if name != "column_labels"}
    table = table_from_arrays(plain["base"], numbers)
    require(table.model.shape[1] == levels.groups.size, "its levels do not fit its table in numbers")
    require(names is None or names.shape == (levels.width,), "its columns are not named one by one")
    labels = TableLabels((table.model.shape[0], levels.width), arrays.get("row_labels"), names)
    if levels:
        table = LayeredTable(LevelLayer(sampling(table.model), levels, maps, labels), table, None)
    return LayeredTable(PowerLayer(sampling(table.model), powers, labels), table, None) if powers else table


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
    from lowland.completion.columns.kinds import Kind
    from lowland.completion.columns.losses import Columns

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
    return Columns(
        kinds=kinds,
        which=which,
        centres=centres,
        spreads=spreads,
        shifts=shifts,
        precisions=precisions,
        learns=learns,
        unit=unit,
    )


def _penalised(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> CompletionModel:
    shapes = {"row_factors": "m r", "column_factors": "n r", "row_biases": "m", "column_biases": "n"}
    sizes = check_arrays(arrays, shapes)
    check_labels(arrays, sizes)
    check_products(arrays["row_factors"], arrays["column_factors"])
    return CompletionModel(
        row_factors=arrays["row_factors"],
        column_factors=arrays["column_factors"],
        row_biases=arrays["row_biases"],
        column_biases=arrays["column_biases"],
        offset=number(plain, "offset"),
        penalty=number(plain, "penalty"),
        biases=bool(plain["biases"]),
        row_labels=arrays.get("row_labels"),
        column_labels=arrays.get("column_labels"),
        bias_penalty=number(plain, "bias_penalty", 0.0),
        penalty_weights=str(plain.get("penalty_weights", "uniform")),
        unit=number(plain, "unit", 1.0),
        columns=_columns(plain, arrays, sizes["n"]),
        nonnegative=bool(plain.get("nonnegative", False)),
        unlisted_weight=number(plain, "unlisted_weight", 0.0),
    )


def _encoded_arrays(model: LevelLayer | PowerLayer) -> Parts:
    plain, arrays = encoding_as_arrays(model)
    within = model.base.base if isinstance(model.base, LevelLayer) else model.base
    numbers, of_numbers = _WRITERS[type(within)](within)
    return {"kind": "encoded", "base": numbers, **plain}, arrays | of_numbers


def _bounded_arrays(model: BoundedLayer) -> Parts:
    plain, arrays = _WRITERS[type(model.base)](model.base)
    return {"kind": "bounded", "base": plain}, arrays | limits_as_arrays(model.limits)


def _from_zero_arrays(model: FromZeroLayer) -> Parts:
    plain, arrays = _WRITERS[type(model.base)](model.base)
    return {"kind": "from zero", "base": plain}, arrays | signs_as_arrays(model.columns, model.touches)


def _row_units_arrays(model: RowUnitsLayer) -> Parts:
    base, arrays = _WRITERS[type(model.base)](model.base)
    plain, units = row_units_data(model)
    return {"kind": "row units", "base": base, **plain}, arrays | units


def _censored_arrays(model: CensoredLayer) -> Parts:
    plain, arrays = _WRITERS[type(model.base)](model.base)
    return {"kind": "censored", "base": plain, "known": model.count}, arrays | censored_arrays(model.cells)


def _informed_arrays(model: ColumnAloneLayer) -> Parts:
    plain, arrays = _WRITERS[type(model.base)](model.base)
    return {"kind": "informed", "base": plain, "described": model.described}, arrays | informed_arrays(model)


def _drift_arrays(model: DriftLayer) -> Parts:
    base, arrays = _WRITERS[type(model.base)](model.base)
    plain, series = drift_data(model)
    return {"kind": "drift", "base": base, **plain}, arrays | series


def _refined_arrays(model: RefinementLayer) -> Parts:
    plain, arrays = _WRITERS[type(model.base)](model.base)
    known = model.refinement
    if isinstance(known, RowSmoothing):
        return plain | {"smoothed": True}, arrays | smoothed_arrays(model, known)
    return plain | {"refined": True}, arrays | refined_arrays(model, known)


def _restricted_arrays(model: RestrictedLayer) -> Parts:
    plain, arrays = _WRITERS[type(model.base)](model.base)
    return plain | {"restricted": True}, arrays | restricted_arrays(model)


# writers by type of model
_WRITERS: dict[type[Any], Callable[[Any], Parts]] = {
    CompletionModel: _penalised_arrays,
    PosteriorModel: posterior_arrays,
    RefinementLayer: _refined_arrays,
    LevelLayer: _encoded_arrays,
    PowerLayer: _encoded_arrays,
    BoundedLayer: _bounded_arrays,
    FromZeroLayer: _from_zero_arrays,
    CensoredLayer: _censored_arrays,
    ColumnAloneLayer: _informed_arrays,
    RestrictedLayer: _restricted_arrays,
    RowUnitsLayer: _row_units_arrays,
    DriftLayer: _drift_arrays,
}
