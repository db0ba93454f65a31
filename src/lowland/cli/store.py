"""Save and load checkpoints of a completion."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.bayes.graph_places import GraphPlaces
from lowland.bayes.side_orders import SideOrders
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.plan import CompletionPlan
from lowland.core.damage import reading
from lowland.core.earlier_names import renamed
from lowland.core.errors import InvalidInputError
from lowland.files.bundle import load_bundle, save_bundle
from lowland.search.loop import Snapshot
from lowland.search.stops import Progress


def checkpoint_path(model: Path) -> Path:
    """Return the path of the checkpoint of a model's unfinished search."""
    return model.with_name(model.name + ".checkpoint")


def save_checkpoint(path: Path, snapshot: Snapshot, identity: Mapping[str, Any]) -> None:
    """Write a snapshot and the identity of its fit."""
    arrays: dict[str, NDArray[Any]] = {"best_theta": snapshot.best_theta}
    scalars: dict[str, Any] = {}
    for name, value in snapshot.state.items():
        if isinstance(value, tuple):  # of equal arrays: draws
            arrays[f"state_{name}"] = np.stack(value) if value else np.zeros((0, 0))
        elif isinstance(value, np.ndarray):
            arrays[f"state_{name}"] = value
        else:
            scalars[name] = value
    header = {
        "identity": dict(identity),
        "solver": snapshot.solver,
        "scalars": scalars,
        "rng": snapshot.rng,
        "progress": dataclasses.asdict(snapshot.progress),
        "best_value": snapshot.best_value,
    }
    save_bundle(path, "checkpoint", header, arrays)


def load_checkpoint(
    path: Path, identity: Mapping[str, Any], is_same: Callable[[str], bool | None]
) -> Snapshot:
    """Read a snapshot; raise an error that names the difference if data or settings are not the same.

    Parameters
    ----------
    path : path
    identity : mapping
        As from `identity_of`.
    is_same : callable
        Tells whether a stored fingerprint, of any version, is that of the data; None if it is not known.
    """
    if not path.exists():
        raise InvalidInputError(
            "there is nothing to resume",
            f"no file {path}",
            fix="omit --resume, which continues an interrupted fit",
        )
    header, arrays = load_bundle(path, "checkpoint")
    with reading(path, "checkpoint"):
        known = renamed(header["identity"])
        same = is_same(str(known.get("data")))
        if same:
            known["data"] = identity["data"]
        lacking = [name for name, value in identity.items() if name not in known and value is not None]
        if same is None or lacking:
            raise InvalidInputError(
                f"{path} is of another version of lowland",
                f"it does not state {', '.join(lacking)}" if lacking else f"data {known['data'][:12]!r}",
                fix="resume with that version, or omit --resume",
            )
        for name, value in identity.items():
            if known.get(name) != value:
                raise InvalidInputError(
                    f"{path} belongs to another fit",
                    f"{name} was {known.get(name)!r}, is {value!r}",
                    fix="give the same data and settings, or omit --resume",
                )
        return _snapshot(header, arrays)


def _snapshot(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Snapshot:
    state = {
        name.removeprefix("state_"): array for name, array in arrays.items() if name.startswith("state_")
    }
    return Snapshot(
        header["solver"],
        {**state, **header["scalars"]},
        header["rng"],
        Progress(**header["progress"]),
        arrays["best_theta"],
        float(header["best_value"]),
    )


def identity_of(
    data: str,
    plan: CompletionPlan,
    covariates: SideCovariates,
    seed: int,
    orders: SideOrders | None = None,
) -> dict[str, Any]:
    """Return the fingerprint of the data and the settings that a checkpoint must agree with."""
    about = hashlib.sha256()
    for values in covariates:
        about.update(b"none" if values is None else values.tobytes())
    for order in () if orders is None else orders.sides:
        if isinstance(order, GraphPlaces):
            for part in (order.weights.indptr, order.weights.indices, order.weights.data):
                about.update(part.tobytes())
    return {
        **dataclasses.asdict(plan),
        "covariates": about.hexdigest(),
        "seed": seed,
        "data": data,
    }


def forget(path: Path) -> None:
    """Remove a checkpoint that is no longer needed."""
    if path.exists():
        os.unlink(path)
