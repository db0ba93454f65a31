"""Weights of ReLU networks in NPZ files, named as in a state dictionary of PyTorch, or weight_0, bias_0."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lowland.core.doors import public
from lowland.core.errors import FileFormatError
from lowland.files.arrays import load_npz
from lowland.networks.network import ReluNetwork

_NAMES = (re.compile(r"(?:.*\.)?(\d+)\.(weight|bias)"), re.compile(r"(weight|bias)_?(\d+)"))


@public("lowland.networks")
def read_network(path: Path) -> ReluNetwork:
    """Read a network from an NPZ file of weights and biases, one pair per layer.

    Parameters
    ----------
    path : path
        Arrays named 0.weight, 0.bias, 2.weight, ... or weight_0, bias_0, weight_1, ...; no
        bias array for layers without biases.

    Returns
    -------
    ReluNetwork

    Raises
    ------
    FileFormatError
        If an array has another name, or weights are missing.

    Examples
    --------
    >>> import os, tempfile, numpy as np, lowland as ll
    >>> path = os.path.join(tempfile.mkdtemp(), "hat.npz")
    >>> np.savez(path, weight_0=[[1.0], [1.0]], bias_0=[0.0, -1.0], weight_1=[[1.0, -2.0]])
    >>> hat = ll.networks.read_network(path)
    >>> hat.widths, hat([[0.0], [1.0], [1.5]])
    ((2,), array([0. , 1. , 0.5]))
    """
    layers: dict[int, dict[str, NDArray[Any]]] = {}
    for name, array in load_npz(path).items():
        torch, plain = (pattern.fullmatch(name) for pattern in _NAMES)
        if torch:
            place, part = int(torch[1]), torch[2]
        elif plain:
            place, part = int(plain[2]), plain[1]
        else:
            raise FileFormatError(
                f"{path} is not a network file",
                f"an array named {name!r}",
                fix="name arrays weight_0, bias_0, weight_1, ...",
            )
        if part in layers.setdefault(place, {}):
            raise FileFormatError(
                f"{path} has several networks", f"a second {part} of layer {place}", fix="keep only one"
            )
        layers[place][part] = array
    places = sorted(layers)
    gaps = {b - a for a, b in pairwise(places)}
    if len(gaps) > 1 or not gaps <= {1, 2}:
        raise FileFormatError(f"{path} lacks a layer", f"found layers {', '.join(map(str, places))}")
    ordered = [layers[place] for place in places]
    if not ordered or any("weight" not in layer for layer in ordered):
        raise FileFormatError(
            f"{path} is not a network file", "biases without weights" if ordered else "no arrays"
        )
    return ReluNetwork(
        tuple(layer["weight"] for layer in ordered), tuple(layer.get("bias") for layer in ordered)
    )
