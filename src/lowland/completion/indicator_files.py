"""How a table with levels is written in numbers, as plain data and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.indicator_model import IndicatorModel
from lowland.completion.indicators import Indicators, LevelKind
from lowland.completion.level_maps import LevelMap
from lowland.core.damage import check_arrays, require


def levels_as_arrays(model: IndicatorModel) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what a table with levels adds to its model in numbers."""
    known = model.indicators
    order = sorted(known.kinds)
    kinds = [[j, known.kinds[j].count, known.kinds[j].ordered] for j in order]
    return {"levels": kinds, "width": known.width}, {
        "level_frequencies": np.concatenate([known.frequencies[j] for j in order]),
        "level_intercepts": np.concatenate([model.maps[j].intercepts for j in order]),
        "level_slopes": np.concatenate([model.maps[j].slopes.ravel() for j in order]),
    }


def levels_from_arrays(
    plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> tuple[Indicators, dict[int, LevelMap]]:
    """Return the result of `levels_as_arrays`; raise ValueError if it is damaged."""
    width = plain["width"]
    require(type(width) is int and width > 0, "its number of columns is not positive")
    check_arrays(arrays, {"level_frequencies": "k", "level_intercepts": "k", "level_slopes": "s"})
    kinds: dict[int, LevelKind] = {}
    for j, count, ordered in plain["levels"]:
        whole = all(type(number) is int for number in (j, count)) and type(ordered) is bool
        require(whole and 0 <= j < width and count > 1 and j not in kinds, "a column of levels is damaged")
        kinds[j] = LevelKind(count, ordered)
    counts = np.array([kind.count for kind in kinds.values()])
    sizes = np.array([kind.count * (1 if kind.ordered else kind.count) for kind in kinds.values()])
    fits = counts.sum() == arrays["level_frequencies"].size and sizes.sum() == arrays["level_slopes"].size
    require(bool(fits), "its levels do not fit their probabilities")
    shares, intercepts = (
        np.split(arrays[f"level_{name}"], np.cumsum(counts)[:-1]) for name in ("frequencies", "intercepts")
    )
    slopes = np.split(arrays["level_slopes"], np.cumsum(sizes)[:-1])
    fine = all((own > 0).all() and abs(own.sum() - 1) < 1e-6 for own in shares)
    require(fine, "the frequencies of its levels are damaged")
    maps = {j: LevelMap(slopes[k].reshape(kinds[j].count, -1), intercepts[k]) for k, j in enumerate(kinds)}
    return Indicators(kinds, dict(zip(kinds, shares, strict=True)), width), maps
