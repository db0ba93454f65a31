"""Fits of rows in units of their own, as plain data and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.row_units.layer import RowUnitsLayer
from lowland.completion.row_units.units import RowUnits, TypicalRow
from lowland.completion.tables.model import SamplingModel
from lowland.core.damage import check_arrays, number, require


def row_units_data(model: RowUnitsLayer) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what the layer adds to the fit within."""
    units = {"row_centres": model.units.centres, "row_spreads": model.units.spreads}
    return {"typical_row": asdict(model.typical)}, units


def row_units_model(
    base: SamplingModel, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> RowUnitsLayer:
    """Return the result of `row_units_data`; raise ValueError if it is damaged."""
    known, (m, _) = plain["typical_row"], base.shape
    relative = known["relative"]
    require(type(relative) is bool, "it does not say how spreads of rows are told")
    numbers = [number(known, field.name) for field in fields(TypicalRow) if field.name != "relative"]
    centre, size, log_spread, variance = numbers
    require(size > 0 and variance >= 0, "spreads of rows are not positive")
    check_arrays(arrays, {"row_centres": "m", "row_spreads": "m"}, {"m": m})
    units = RowUnits(arrays["row_centres"], arrays["row_spreads"])
    require(bool((units.spreads > 0).all()) and np.isfinite(log_spread), "a unit of a row is not positive")
    return RowUnitsLayer(base, TypicalRow(centre, size, log_spread, relative, variance), units)
