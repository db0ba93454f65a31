"""How a table is written in numbers, as plain data and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.encoded.level_maps import LevelMap
from lowland.completion.encoded.level_model import LevelLayer
from lowland.completion.encoded.levels import LevelKind, Levels
from lowland.completion.encoded.power_model import PowerLayer, plain_powers
from lowland.completion.encoded.powers import EXPONENTS, LARGEST, WHOLES, Power
from lowland.core.arrays import Indices
from lowland.core.damage import check_arrays, require


def encoding_as_arrays(
    model: LevelLayer | PowerLayer,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what the layers of levels and powers add to the model within them."""
    powers = model.powers if isinstance(model, PowerLayer) else {}
    layer = model if isinstance(model, LevelLayer) else model.base
    known, maps = (layer.levels, layer.maps) if isinstance(layer, LevelLayer) else (None, {})
    order = sorted(maps)
    kinds = [] if known is None else [[j, known.kinds[j].count, known.kinds[j].ordered] for j in order]
    shares = [] if known is None else [known.frequencies[j] for j in order]
    none = [np.zeros(0)]
    plain: dict[str, Any] = {"levels": kinds, "width": model.shape[1], "powers": plain_powers(powers)}
    if known is not None and known.shared:
        plain["shared"] = [[j, known.shared[j].tolist()] for j in order if j in known.shared]
    return plain, {
        "level_frequencies": np.concatenate([*none, *shares]),
        "level_intercepts": np.concatenate([*none, *(maps[j].intercepts for j in order)]),
        "level_slopes": np.concatenate([*none, *(maps[j].slopes.ravel() for j in order)]),
    }


def encoding_from_arrays(
    plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> tuple[Levels, dict[int, LevelMap], dict[int, Power]]:
    """Return the result of `encoding_as_arrays`; raise ValueError if it is damaged."""
    width = plain["width"]
    require(type(width) is int and width > 0, "its number of columns is not positive")
    if not plain["levels"]:  # those that are there are of levels further within
        arrays = {f"level_{name}": np.zeros(0) for name in ("frequencies", "intercepts", "slopes")}
    check_arrays(arrays, {"level_frequencies": "k", "level_intercepts": "k", "level_slopes": "s"})
    kinds: dict[int, LevelKind] = {}
    for j, count, ordered in plain["levels"]:
        whole = all(type(number) is int for number in (j, count)) and type(ordered) is bool
        require(whole and 0 <= j < width and count > 1 and j not in kinds, "a column of levels is damaged")
        kinds[j] = LevelKind(count, ordered)
    counts = np.array([kind.count for kind in kinds.values()], np.intp)
    shared = _shared(plain.get("shared", []), kinds)
    widths = {j: 1 if kind.ordered else kind.count for j, kind in kinds.items()}
    widths |= {j: int(places.max()) + 1 for j, places in shared.items()}
    sizes = np.array([kind.count * widths[j] for j, kind in kinds.items()], np.intp)
    fits = counts.sum() == arrays["level_frequencies"].size and sizes.sum() == arrays["level_slopes"].size
    require(bool(fits), "its levels do not fit their probabilities")
    shares, intercepts = (
        np.split(arrays[f"level_{name}"], np.cumsum(counts))[:-1] for name in ("frequencies", "intercepts")
    )
    slopes = np.split(arrays["level_slopes"], np.cumsum(sizes))[:-1]
    fine = all((share > 0).all() and abs(share.sum() - 1) < 1e-6 for share in shares)
    require(fine, "the frequencies of its levels are damaged")
    powers = _powers(plain["powers"], width)
    require(not set(powers) & set(kinds), "a column of levels is written as powers")
    maps = {j: LevelMap(slopes[k].reshape(kinds[j].count, -1), intercepts[k]) for k, j in enumerate(kinds)}
    return Levels(kinds, dict(zip(kinds, shares, strict=True)), width, shared), maps, powers


def _shared(listed: Any, kinds: Mapping[int, LevelKind]) -> dict[int, Indices]:
    """Return the columns of numbers of levels some of which share one; raise ValueError if damaged."""
    shared: dict[int, Indices] = {}
    for j, places in listed:
        known = j in kinds and not kinds[j].ordered and j not in shared and len(places) == kinds[j].count
        require(known and all(type(place) is int for place in places), "a column of levels is damaged")
        shared[j] = np.array(places, np.intp)
        every = np.arange(shared[j].max() + 1)
        require(np.array_equal(np.unique(shared[j]), every), "a column of levels is damaged")
    return shared


def _powers(listed: Any, width: int) -> dict[int, Power]:
    """Return the columns that are roots or logarithms; raise ValueError if they are damaged."""
    powers: dict[int, Power] = {}
    for one in listed:
        known = {"whole": 0.0, "rest_shift": 0.0, "least_rest": 0.0, **one}
        j, parts = known["column"], [float(known[field.name]) for field in fields(Power)]
        power = Power(*parts)
        fine = power.exponent in EXPONENTS and power.shift >= 0 and power.spread >= 0
        ends = 0 <= power.lowest <= power.highest < LARGEST and 0 < power.lowest + power.shift < LARGEST
        if power.whole:
            least = power.rest_shift + power.least_rest
            fine &= power.whole in WHOLES and power.highest <= power.whole and 0 < least < power.whole
            fine &= power.rest_shift >= 0 and power.least_rest >= 0 and power.lowest < power.whole
        whole = type(j) is int and 0 <= j < width and j not in powers
        require(whole and fine and ends and bool(np.isfinite(parts).all()), "a column of powers is damaged")
        powers[j] = power
    return powers
