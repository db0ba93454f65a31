"""Refined models as plain arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.completion.bayesian.model import PosteriorModel
from lowland.completion.refinement.forests import Forest, Refinement
from lowland.completion.refinement.layer import RefinementLayer
from lowland.core.damage import check_arrays, require

Arrays = dict[str, NDArray[Any]]
_OF_COLUMNS = ("weights", "ratios", "centres", "spreads")
_OF_NODES = ("features", "numbers", "children")


def refined_arrays(model: RefinementLayer, known: Refinement) -> Arrays:
    """Return what a model refined by forests adds to its low-rank part."""
    columns = np.array(sorted(known.forests), np.int64)
    forests = [known.forests[j] for j in columns.tolist()]
    arrays: Arrays = {name: getattr(known, name) for name in (*_OF_COLUMNS, "scores")}
    arrays |= {"gain": np.array([known.gain]), "learnt_from": np.array([known.learnt_from])}
    arrays |= {"shifts": model.shifts, "gaps": model.kinds > 0, "columns": columns}
    arrays["groups"] = known.groups
    arrays["trees"] = np.array([forest.roots.size for forest in forests])
    arrays["nodes"] = np.array([forest.features.size for forest in forests])
    arrays["roots"] = np.concatenate([forest.roots for forest in forests])
    for name in _OF_NODES:
        arrays[name] = np.concatenate([getattr(forest, name) for forest in forests])
    return {f"refined_{name}": array for name, array in arrays.items()}


def refined_model(base: PosteriorModel, arrays: Mapping[str, NDArray[Any]]) -> RefinementLayer:
    """Return the model from what `refined_arrays` returned, and its low-rank part.

    Raises ValueError if the arrays do not describe forests: a walk through damaged nodes might never end.
    """
    parts = {
        name.removeprefix("refined_"): array for name, array in arrays.items() if name.startswith("refined_")
    }
    m, n = base.shape
    check_arrays(
        parts,
        {name: "n" for name in _OF_COLUMNS} | {"shifts": "m n", "scores": "held", "gain": "1"},
        {"m": m, "n": n},
    )
    check_arrays(parts, {"numbers": "nodes"})
    check_arrays(parts, {"learnt_from": "1", "groups": str(n)}, kind="iu")
    groups = parts["groups"]
    require(bool((np.diff(groups) >= 0).all()), "its columns are not in groups")
    whole = {"features": "nodes", "children": "nodes 2", "roots": "trees", "columns": "c", "trees": "c"}
    check_arrays(parts, whole | {"nodes": "c"}, {"nodes": parts["numbers"].size}, kind="iu")
    require(parts["gaps"].shape == (m, n) and parts["gaps"].dtype == bool, "its missing cells are not marked")
    require(parts["scores"].size > 0 and (parts["spreads"] > 0).all(), "a unit is not positive")
    columns, ends = parts["columns"].tolist(), np.cumsum(parts["nodes"])
    fits = ends.size and ends[-1] == parts["numbers"].size and parts["trees"].sum() == parts["roots"].size
    fits = fits and (parts["nodes"] > 0).all() and (parts["trees"] > 0).all()
    require(bool(fits and sorted(set(columns)) == columns), "its forests do not fit its nodes")
    require(all(0 <= j < n for j in columns), "a forest is of a column that does not exist")
    tree_ends = np.cumsum(parts["trees"])
    forests = {}
    for j, nodes, node_end, trees, tree_end in zip(
        columns, parts["nodes"], ends, parts["trees"], tree_ends, strict=True
    ):
        nodes_of = {name: parts[name][node_end - nodes : node_end] for name in _OF_NODES}
        forests[j] = _forest(
            parts["roots"][tree_end - trees : tree_end], nodes_of, int(np.sum(groups != groups[j]))
        )
    weights, ratios, centres, spreads = (parts[name] for name in _OF_COLUMNS)
    gain, learnt_from = float(parts["gain"][0]), int(parts["learnt_from"][0])
    known = Refinement(forests, weights, ratios, centres, spreads, gain, parts["scores"], learnt_from, groups)
    return RefinementLayer(base, known, parts["shifts"], parts["gaps"].astype(np.intp))


def _forest(roots: NDArray[Any], part: Mapping[str, NDArray[Any]], inputs: int) -> Forest:
    """Return a forest whose every walk ends: children come after their parents."""
    features, children = part["features"], part["children"]
    count, inner = features.size, features >= 0
    after = children[inner] > np.flatnonzero(inner)[:, None]
    require(bool(after.all() and (children[inner] < count).all()), "a node leads backwards")
    require(bool((features < inputs).all()), "a node asks for a column that does not exist")
    require(bool(((roots >= 0) & (roots < count)).all()), "a tree begins nowhere")
    return Forest(
        roots.astype(np.int32),
        features.astype(np.int16),
        part["numbers"].astype(np.float32),
        children.astype(np.int32),
    )
