"""Fits with drift along the context of cells, as plain data and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.drift.law import Drift
from lowland.completion.drift.layer import DriftLayer
from lowland.completion.drift.series import SIDES, Series, count_of
from lowland.completion.tables.model import SamplingModel
from lowland.core.damage import check_arrays, number, require

_LAW, _POINTS = ("lengths", "variances"), ("times", "values", "noises")


def drift_data(model: DriftLayer) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what the layer adds to the fit within, without the context of cells, which is the table's."""
    drift, series = model.drift, model.series
    arrays = {"units": model.units, "starts": series.starts, "order": series.order}
    arrays |= {name: getattr(drift, name) for name in _LAW} | {
        name: getattr(series, name) for name in _POINTS
    }
    plain = {name: getattr(drift, name) for name in ("side", "share", "gain", "held_out", "name", "kind")}
    return {"drift": plain}, {f"drift_{drift.side}_{name}": array for name, array in arrays.items()}


def drift_model(
    base: SamplingModel, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> DriftLayer:
    """Return the result of `drift_data`; raise ValueError if it is damaged."""
    known, side = plain["drift"], plain["drift"]["side"]
    require(side in SIDES, f"errors of {side!r} drift")
    start = f"drift_{side}_"
    parts = {name.removeprefix(start): part for name, part in arrays.items() if name.startswith(start)}
    n, lines = base.shape[1], count_of(side, base.shape)
    sizes = check_arrays(parts, {"starts": str(lines + 1), "order": "points"}, kind="iu")
    sizes = check_arrays(parts, dict.fromkeys(("times", "values"), "points"), sizes)
    check_arrays(parts, {"noises": "points"}, sizes)
    check_arrays(parts, {"lengths": "law", "variances": "law", "units": str(n)})
    starts, times = parts["starts"], parts["times"]
    ascending = bool((np.diff(starts) >= 0).all()) and starts[0] == 0 and starts[-1] == times.size
    require(ascending, "the starts of its lines do not count their points")
    series = Series(starts, times, parts["values"], parts["noises"], parts["order"])
    within = np.diff(series.lines) == 0
    require(bool((np.diff(times)[within] >= 0).all()), "times of a line do not ascend")
    positive = all((parts[name] > 0).all() for name in ("lengths", "variances", "units", "noises"))
    require(positive, "a length, variance or unit of drift is not positive")
    drift = Drift(
        side=side,
        lengths=parts["lengths"],
        variances=parts["variances"],
        share=number(known, "share"),
        gain=number(known, "gain"),
        held_out=int(number(known, "held_out")),
        name=str(known["name"]),
        kind=str(known["kind"]),
    )
    return DriftLayer(base, drift, None, series, parts["units"])
