"""Data as batches of inputs and targets, and the share of each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lowland.core.errors import InvalidInputError


def batches_of(data: Any) -> list[tuple[Any, Any]]:
    """Return pairs of inputs and targets: the one given, or those of an iterable."""
    if isinstance(data, tuple | list) and len(data) == 2 and not isinstance(data[0], tuple | list):
        batches = [(data[0], data[1])]
    else:
        try:
            with _same_random_numbers():
                batches = [(inputs, targets) for inputs, targets in data]
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                "data must be a pair of inputs and targets, or an iterable of such pairs",
                type(data).__name__,
                fix="pass (inputs, targets), or a data loader of both",
            ) from error
    if not batches:
        raise InvalidInputError("data are empty", "no batch", fix="pass at least one")
    for inputs, targets in batches:
        if not len(inputs) or len(inputs) != len(targets):
            raise InvalidInputError(
                "inputs and targets do not match", f"{len(inputs)} inputs, {len(targets)} targets"
            )
    return batches


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Leave PyTorch's random numbers as they are: a loader that shuffles draws some."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        yield


def shares_of(batches: list[tuple[Any, Any]]) -> list[float]:
    """Return the share of the data in each batch: the loss of all is the mean of theirs, so weighted."""
    sizes = [len(inputs) for inputs, _ in batches]
    return [size / sum(sizes) for size in sizes]
