"""What a fit leaves behind besides its model: its cells, settings and searches, also in files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.cells.labels import TableLabels
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.context import CellContext
from lowland.core.cells.observations import Observations
from lowland.core.damage import check_arrays, require
from lowland.core.results.records import SearchResult, Trace
from lowland.core.results.status import StopReason

# values of which there are at most this many are stored as their numbers
MOST_LEVELS = 256
_NUMBERS = ("value", "iterations", "seconds", "work")


@final
@dataclass(frozen=True, eq=False)
class KeptFit:
    """What a model read from a file needs to be judged, updated and asked for its cells.

    Parameters
    ----------
    observations : Observations
    settings : mapping
        Settings of the fit as plain data.
    covariates : pair of ndarray or None
        Of rows and columns.
    search : SearchResult
        Without its point, which is the model.
    sampling : SearchResult or None
        The draws of a Gibbs fit.
    """

    observations: Observations
    settings: Mapping[str, Any]
    covariates: tuple[Matrix | None, Matrix | None]
    search: SearchResult
    sampling: SearchResult | None = None

    def with_cells(self, observations: Observations) -> KeptFit:
        """Return the same for a table with other cells."""
        return replace(self, observations=observations)

    def as_data(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return plain data and arrays."""
        arrays = {f"seen_{name}": array for name, array in cells_as_arrays(self.observations).items()}
        for name, covariates in zip(("row", "column"), self.covariates, strict=True):
            if covariates is not None:
                arrays[f"seen_{name}_covariates"] = covariates
        plain: dict[str, Any] = {"settings": dict(self.settings)}
        for name, search in (("search", self.search), ("sampling", self.sampling)):
            if search is not None:
                plain[name], trace = _search_as_data(search)
                arrays |= {f"{name}_{key}": array for key, array in trace.items()}
        return plain, arrays


def kept_from_data(
    plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], labels: TableLabels, dtype: str
) -> KeptFit | None:
    """Return the result of `KeptFit.as_data`, None if the file was written without it."""
    if "seen_starts" not in arrays or "search" not in plain:
        return None
    cells = {name.removeprefix("seen_"): array for name, array in arrays.items() if name.startswith("seen_")}
    sampling = _search_from_data(plain["sampling"], "sampling", arrays) if "sampling" in plain else None
    return KeptFit(
        cells_from_arrays(cells, labels, dtype),
        plain["settings"],
        (cells.get("row_covariates"), cells.get("column_covariates")),
        _search_from_data(plain["search"], "search", arrays),
        sampling,
    )


def cells_as_arrays(table: Observations) -> dict[str, NDArray[Any]]:
    """Return the cells of a table in few bytes: columns row by row, and values or their numbers."""
    order = table.row_by_row()
    levels, codes = np.unique(table.values, return_inverse=True)
    arrays = {
        "starts": np.concatenate([[0], np.cumsum(table.row_counts())]).astype(np.int64),
        "columns": _smallest(table.columns[order], table.shape[1]),
    }
    if levels.size <= MOST_LEVELS:
        arrays |= {"levels": levels, "codes": _smallest(codes[order], levels.size)}
    else:
        arrays["values"] = table.values[order]
    if table.weights is not None:
        arrays["weights"] = table.weights[order]
    if table.censored is not None:
        arrays["sides"] = table.censored[order]
    return arrays if table.context is None else arrays | context_as_arrays(table.context)


def cells_from_arrays(arrays: Mapping[str, NDArray[Any]], labels: TableLabels, dtype: str) -> Observations:
    """Return the result of `cells_as_arrays`, row by row."""
    _check_cells(arrays, labels.shape)
    counts = np.diff(arrays["starts"])
    values = arrays["values"] if "values" in arrays else arrays["levels"][arrays["codes"]]
    weights = arrays.get("weights")
    return Observations(
        np.repeat(np.arange(counts.size), counts),
        arrays["columns"].astype(np.intp),
        values.astype(dtype),
        labels.shape,
        weights,
        labels.rows,
        labels.columns,
        arrays["sides"].astype(np.int8) if "sides" in arrays else None,
        context_from_arrays(arrays, labels.shape) if "context_codes" in arrays else None,
    )


def _check_cells(arrays: Mapping[str, NDArray[Any]], shape: tuple[int, int]) -> None:
    """Check arrays of cells against each other and the shape of their table."""
    m, n = shape
    whole = {"starts": str(m + 1), "columns": "cells"} | ({} if "values" in arrays else {"codes": "cells"})
    whole |= {"sides": "cells"} if "sides" in arrays else {}
    sizes = check_arrays(arrays, whole, kind="iu")
    numbers = {"values": "cells"} if "values" in arrays else {"levels": "levels"}
    numbers |= {name: "cells" for name in ("weights",) if name in arrays}
    for name, length in (("row_covariates", m), ("column_covariates", n)):
        numbers |= {name: f"{length} {name}"} if name in arrays else {}
    sizes = check_arrays(arrays, numbers, sizes)
    starts, columns = arrays["starts"], arrays["columns"]
    ascending = (np.diff(starts.astype(np.int64)) >= 0).all() and starts[0] == 0
    require(ascending and starts[-1] == columns.size, "the starts of its rows do not count its cells")
    require((columns < n).all() and (columns >= 0).all(), "a cell lies in a column that does not exist")
    if "sides" in arrays:
        require(bool((np.abs(arrays["sides"]) <= 1).all()), "a censored cell lies on no side of its bound")
    if "values" not in arrays:
        known = (arrays["codes"] < sizes["levels"]).all() and (arrays["codes"] >= 0).all()
        require(known, "a cell has a value that is not listed")


def context_as_arrays(context: CellContext) -> dict[str, NDArray[Any]]:
    """Return the context of cells as arrays."""
    arrays = {
        "context_codes": context.codes,
        "context_places": context.places,
        "context_kind": np.array([context.kind, context.name]),
    }
    return arrays if context.words is None else arrays | {"context_words": context.words}


def context_from_arrays(arrays: Mapping[str, NDArray[Any]], shape: tuple[int, int]) -> CellContext:
    """Return the result of `context_as_arrays`."""
    codes, places, words = arrays["context_codes"], arrays["context_places"], arrays.get("context_words")
    sizes = check_arrays({"codes": codes}, {"codes": "cells"}, kind="iu")
    check_arrays({"places": places}, {"places": "cells"}, sizes)
    inside = codes.size == 0 or (0 <= codes[0] and codes[-1] < shape[0] * shape[1])
    require(inside and bool((np.diff(codes) > 0).all()), "cells with a context are not those of its table")
    kind, name = arrays["context_kind"].tolist()
    require((words is not None) == (kind == "words"), "the words of its context are missing")
    known = words is None or bool(((places >= 0) & (places < words.size) & (places % 1 == 0)).all())
    require(known, "the context of a cell is no word of its list")
    return CellContext(codes.astype(np.int64), places, shape, words, kind == "dates", name)


def _smallest(numbers: Indices, below: int) -> NDArray[Any]:
    """Return whole numbers in the smallest type that holds them."""
    return numbers.astype(np.min_scalar_type(max(below - 1, 0)))


def _search_as_data(search: SearchResult) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    plain: dict[str, Any] = {name: getattr(search, name) for name in (*_NUMBERS, "message", "solver")}
    plain["stop_reason"] = search.stop_reason.value
    trace = search.trace
    # no times of single steps: the same fit is the same file
    arrays = {"iterations": trace.iterations, "values": trace.values}
    return plain, arrays | {f"measure_{name}": series for name, series in trace.measures.items()}


def _search_from_data(
    plain: Mapping[str, Any], name: str, arrays: Mapping[str, NDArray[Any]]
) -> SearchResult:
    parts = {
        key.removeprefix(f"{name}_"): array for key, array in arrays.items() if key.startswith(f"{name}_")
    }
    measures = {key.removeprefix("measure_"): parts[key] for key in parts if key.startswith("measure_")}
    check_arrays(parts, {"iterations": "steps"}, kind="iu")
    check_arrays(parts, {"values": "steps"}, {"steps": len(parts["iterations"])}, infinite=("values",))
    unknown = np.full(parts["values"].size, np.nan)
    trace = Trace(parts["iterations"], unknown, parts["values"], measures)
    blank: Vector = np.zeros(0)
    return SearchResult(
        blank,
        float(plain["value"]),
        StopReason(plain["stop_reason"]),
        str(plain["message"]),
        int(plain["iterations"]),
        float(plain["seconds"]),
        str(plain["solver"]),
        trace,
        None,
        float(plain["work"]),
    )
