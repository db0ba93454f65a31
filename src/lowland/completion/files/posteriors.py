"""Posterior models as plain data and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.order_basis import OrderBasis
from lowland.bayes.row_scales import RowScales
from lowland.cells.labels import TableLabels
from lowland.completion.bayesian.features import FeatureMap
from lowland.completion.bayesian.learnt_prior import LearntPrior
from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.bayesian.pattern_design import PATTERN_RIDGE
from lowland.completion.bayesian.scaling import Scaling
from lowland.core.arrays import Matrix
from lowland.core.damage import check_arrays, number, require
from lowland.kernels.systems.moments import Moments

Parts = tuple[dict[str, Any], dict[str, NDArray[Any]]]


def posterior_arrays(model: PosteriorModel) -> Parts:
    """Return a model as plain data and arrays."""
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
    if model.row_scales is not None:
        arrays["row_scales"] = np.array(astuple(model.row_scales))
    sides = (("row", model.rows, model.row_prior), ("column", model.columns, model.column_prior))
    for side, moments, prior in sides:
        arrays[f"{side}_means"], arrays[f"{side}_covariances"] = moments.means, moments.covariances
        arrays[f"{side}_precision"], arrays[f"{side}_coefficients"] = prior.precision, prior.coefficients
        arrays[f"{side}_feature_centres"] = prior.mapping.centres
        arrays[f"{side}_feature_spreads"] = prior.mapping.spreads
        if prior.wandering is not None:
            arrays[f"{side}_wandering"] = prior.wandering
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
            f"{side}_order": [
                prior.mapping.order.length,
                prior.mapping.order.strength,
                float(prior.mapping.order.labelled),
                float(prior.mapping.order.graph),
            ]
            for side, _, prior in sides
            if prior.mapping.order is not None
        },
    }
    return plain, arrays


def _draws(draws: Matrix, shape: tuple[int, ...]) -> Matrix:
    """Return draws as they are, or none of the shape of points: an update adds lines to the means alone."""
    return draws if len(draws) else np.zeros((0, *shape), draws.dtype)


def posterior_model(plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> PosteriorModel:
    """Return the model from what `posterior_arrays` returned, or raise ValueError where it is damaged."""
    arrays = dict(arrays)
    for side in ("row", "column"):
        # files of earlier versions may hold no draws of another shape
        arrays[f"{side}_draws"] = _draws(arrays[f"{side}_draws"], arrays[f"{side}_means"].shape)
    sizes, axes = _check_posterior(arrays), bool(plain.get("axes", False))
    check_labels(arrays, sizes)
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
        width = len(arrays[f"{side}_coefficients"]) - 1
        require(width == mapping.width, f"{side}_coefficients are of {width} features, not {mapping.width}")
        wandering = arrays.get(f"{side}_wandering")
        if wandering is not None:
            d = sizes["d"]
            require(
                wandering.shape == (d, d) and np.isfinite(wandering).all(), f"{side}_wandering is damaged"
            )
        return LearntPrior(arrays[f"{side}_precision"], arrays[f"{side}_coefficients"], mapping, wandering)

    rows, columns = (
        Moments(arrays[f"{side}_means"], arrays[f"{side}_covariances"]) for side in ("row", "column")
    )
    shape = (sizes["m"], sizes["n"])
    lowest, highest = (float(end) for end in arrays["range"])
    scaling = Scaling(arrays["centres"], arrays["spreads"], lowest, highest)
    return PosteriorModel(
        rows=rows,
        columns=columns,
        biased=bool(plain["biased"]),
        noise_precision=number(plain, "noise_precision"),
        column_precisions=arrays["column_precisions"],
        row_prior=prior("row"),
        column_prior=prior("column"),
        scaling=scaling,
        labels=TableLabels(shape, arrays.get("row_labels"), arrays.get("column_labels")),
        row_draws=arrays["row_draws"],
        column_draws=arrays["column_draws"],
        row_weights=arrays["row_weights"],
        axes=axes,
        inflation=number(plain, "inflation", 1.0),
        error_scores=_scores(arrays),
        row_scales=_row_scales(arrays),
    )


def _row_scales(arrays: Mapping[str, NDArray[Any]]) -> RowScales | None:
    """Return how rows differ in size; files of earlier versions do not say."""
    if "row_scales" not in arrays:
        return None
    check_arrays(arrays, {"row_scales": "3"})
    scales = arrays["row_scales"]
    require((scales > 0).all(), f"its row_scales are {scales.tolist()}")
    return RowScales(*scales.tolist())


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
    # files of earlier versions know no graphs
    length, strength, labelled, graph = (float(number) for number in (*plain[f"{side}_order"], 0)[:4])
    names = {f"{side}_order_points": "points c", f"{side}_order_basis": "points k"}
    check_arrays(arrays, names)
    require(0 < length < np.inf and 0 < strength < np.inf, f"{side}_order is {length} and {strength}")
    points, basis = (arrays[name] for name in names)
    return OrderBasis(length, strength, points, basis, bool(labelled), bool(graph))


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
            check_products(
                arrays[f"{side}_{name}"], arrays[f"{other}_{'draws' if name == 'draws' else 'means'}"], spread
            )
    return sizes


def check_products(left: Matrix, right: Matrix, spread: float = 1.0) -> None:
    """Raise ValueError if products of lines, times a spread, may overflow: no fit has such numbers."""
    most, others = (float(np.abs(side).max(initial=0.0)) for side in (left, right))
    bound = left.shape[-1] * most * others + most + others
    fine = bound < np.finfo(left.dtype).max / 4 and bound * spread < np.finfo(np.float64).max / 4
    require(fine, "its predictions overflow")


def check_labels(arrays: Mapping[str, NDArray[Any]], sizes: Mapping[str, int]) -> None:
    """Check that labels, if there are any, are one per line and differ from each other."""
    for name, length in (("row_labels", sizes["m"]), ("column_labels", sizes["n"])):
        if name in arrays:
            labels = arrays[name]
            problem = f"{name} has shape {labels.shape}, not {length}"
            require(labels.shape == (length,), problem)
            require(len(set(labels.tolist())) == length, f"{name} names two lines alike")
