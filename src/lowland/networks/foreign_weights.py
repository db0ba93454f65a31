"""Weights of ReLU networks as other libraries hold them: PyTorch, Keras and Flax."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import InvalidInputError

# weights (outputs, inputs) and biases of each layer
Layers: TypeAlias = tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any] | None, ...]]

_ONLY = "a chain of fully connected layers with ReLU between them and one output is read"


def layers_of_state(state: Mapping[Any, Any]) -> Layers:
    """Return the layers of a state dictionary of PyTorch, in its order; activations are taken to be ReLU.

    Raises
    ------
    InvalidInputError
        If it holds anything but weights and biases of fully connected layers.
    """
    layers: dict[str, dict[str, NDArray[Any]]] = {}
    for name, parameter in state.items():
        prefix, _, part = str(name).rpartition(".")
        array = as_array(parameter)
        if not prefix:
            raise InvalidInputError(
                "the state dictionary has other names than those of PyTorch",
                str(name),
                fix='name arrays "0.weight", "0.bias", "2.weight", ..., or pass a list to from_kernels',
            )
        if part not in ("weight", "bias") or array.ndim != (2 if part == "weight" else 1):
            raise InvalidInputError(
                "the state dictionary holds other things than weights and biases of fully connected layers",
                f"{name}, shape {array.shape}",
                _ONLY,
            )
        layers.setdefault(prefix, {})[part] = array
    return _as_layers(layers)


def layers_of(network: Any) -> Layers:
    """Return the layers of a `torch.nn.Sequential` of Linear and ReLU, or of its state dictionary.

    Raises
    ------
    InvalidInputError
        If it is neither, or holds any other layer.
    """
    if isinstance(network, Mapping):
        return layers_of_state(network)
    if not isinstance(network, Iterable):
        raise InvalidInputError(
            "the network cannot be read",
            type(network).__name__,
            fix="pass a ReluNetwork, a torch.nn.Sequential or its state_dict()",
        )
    return layers_of_module(network)


def layers_of_module(module: Iterable[Any]) -> Layers:
    """Return the layers of a `torch.nn.Sequential` of Linear and ReLU."""
    layers = list(module)
    kinds = [type(layer).__name__ for layer in layers]
    if isinstance(module, str) or not {"Linear", "ReLU"} & set(kinds):
        raise InvalidInputError(
            "the network cannot be read",
            f"{module!r}"
            if isinstance(module, str)
            else f"{len(kinds)} times {', '.join(sorted(set(kinds)))}",
            fix="pass a ReluNetwork, a torch.nn.Sequential or its state_dict(); for a file "
            "ll.networks.read_network, for a list of arrays ReluNetwork.from_kernels",
        )
    if kinds != ["Linear", "ReLU"] * (len(kinds) // 2) + ["Linear"]:
        raise InvalidInputError(
            "the network must be Linear, ReLU, ..., Linear", ", ".join(kinds) or "empty", _ONLY
        )
    linear = layers[::2]
    return (
        tuple(as_array(layer.weight) for layer in linear),
        tuple(None if layer.bias is None else as_array(layer.bias) for layer in linear),
    )


def layers_of_kernels(parameters: Any) -> Layers:
    """Return the layers of kernels (inputs, outputs), as Keras lists them and Flax names them.

    Parameters
    ----------
    parameters : sequence of array_like, or mapping
        Kernels, each followed by its bias if it has one; or layers by name with "kernel" and "bias", perhaps
        below "params", in the one order in which they fit each other.

    Raises
    ------
    InvalidInputError
        If they do not form a chain.
    """
    if isinstance(parameters, Mapping):
        return _transposed(_as_layers(_named(parameters), "kernel"))
    layers: dict[str, dict[str, NDArray[Any]]] = {}
    for array in map(as_array, parameters):
        if array.ndim == 2:
            layers[str(len(layers))] = {"kernel": array}
        elif array.ndim == 1 and layers and "bias" not in layers[str(len(layers) - 1)]:
            layers[str(len(layers) - 1)]["bias"] = array
        else:
            raise InvalidInputError(
                "the weights must be kernels, each followed by its bias if it has one",
                f"shape {array.shape} after {len(layers)} layers",
                _ONLY,
            )
    return _transposed(_as_layers(layers, "kernel"))


def _named(parameters: Mapping[str, Any]) -> dict[str, dict[str, NDArray[Any]]]:
    """Return the layers of nested dictionaries of Flax, in the order of their numbers."""
    inner = parameters.get("params", parameters)
    if not isinstance(inner, Mapping) or not all(isinstance(layer, Mapping) for layer in inner.values()):
        raise InvalidInputError(
            "the parameters must be layers by name", type(inner).__name__, _ONLY, "pass variables['params']"
        )
    layers = {}
    for name, layer in inner.items():
        other = set(layer) - {"kernel", "bias"}
        if other or "kernel" not in layer:
            raise InvalidInputError(
                "the parameters hold other things than kernels and biases of fully connected layers",
                f"{name}: {', '.join(sorted(map(str, layer)))}",
                _ONLY,
            )
        layers[str(name)] = {part: as_array(array) for part, array in layer.items()}

    order = _chains([layers[name]["kernel"] for name in layers])
    if len(order) != 1:
        raise InvalidInputError(
            "the order of the layers cannot be told"
            if order
            else "the layers do not form a chain with one output",
            ", ".join(f"{name} {layer['kernel'].shape}" for name, layer in layers.items()),
            "names are numbered as layers are made, which need not be as they are called",
            "pass a list: kernel, bias, kernel, bias, ..." if order else _ONLY,
        )
    names = list(layers)
    return {names[k]: layers[names[k]] for k in order[0]}


def _chains(kernels: list[NDArray[Any]]) -> list[list[int]]:
    """Return the orders, at most two, in which kernels form a chain that ends with one output."""
    orders: list[list[int]] = []

    def extend(order: list[int]) -> None:
        if len(orders) > 1:
            return
        if len(order) == len(kernels):
            if kernels[order[-1]].shape[-1] == 1:
                orders.append(order)
            return
        for k in range(len(kernels)):
            if k not in order and (not order or kernels[order[-1]].shape[-1] == kernels[k].shape[0]):
                extend([*order, k])

    if all(kernel.ndim == 2 for kernel in kernels):
        extend([])
    return orders


def _as_layers(layers: Mapping[str, Mapping[str, NDArray[Any]]], weight: str = "weight") -> Layers:
    lacking = [name for name, layer in layers.items() if weight not in layer]
    if lacking or not layers:
        raise InvalidInputError(
            "a layer has a bias but no weights" if lacking else "there are no layers",
            ", ".join(lacking) or "an empty dictionary",
            _ONLY,
        )
    return tuple(layer[weight] for layer in layers.values()), tuple(
        layer.get("bias") for layer in layers.values()
    )


def _transposed(layers: Layers) -> Layers:
    kernels, biases = layers
    for kernel in kernels:
        if kernel.ndim != 2:
            shape = f"shape {kernel.shape}"
            raise InvalidInputError("a kernel must be a matrix (inputs, outputs)", shape, _ONLY)
    return tuple(kernel.T for kernel in kernels), biases


def as_array(parameter: Any) -> NDArray[Any]:
    """Return a parameter of any library as an array; those of PyTorch are detached first."""
    detach = getattr(parameter, "detach", None)
    if detach is not None:
        return np.asarray(detach().cpu().numpy(), dtype=float)
    return np.asarray(parameter, dtype=float)
