"""Random streams: a generator is passed down, children are spawned, nothing is global."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeAlias

import numpy as np

from lowland.core.errors import InvalidInputError

RandomSource: TypeAlias = (
    "int | np.integer | np.random.Generator | np.random.RandomState | np.random.SeedSequence | None"
)


def make_generator(rng: RandomSource, name: str = "rng") -> np.random.Generator:
    """Return a generator for what a user passes as ``rng`` or ``random_state``.

    Parameters
    ----------
    rng : int, Generator, RandomState, SeedSequence or None
        A seed or a source; None draws fresh entropy. A `RandomState` (as in scikit-learn)
        provides one seed.
    name : str
        Of the argument, for errors.

    Returns
    -------
    numpy.random.Generator
        The generator; an existing one is returned as it is.

    Raises
    ------
    InvalidInputError
        If `rng` is none of these.
    """
    if isinstance(rng, np.random.RandomState):
        return np.random.default_rng(rng.randint(0, 2**31 - 1))
    if rng is None or isinstance(rng, int | np.integer | np.random.Generator | np.random.SeedSequence):
        if isinstance(rng, int | np.integer) and rng < 0:
            fix = "pass a non-negative integer"
            raise InvalidInputError(f"{name} must not be negative", str(rng), fix=fix)
        return np.random.default_rng(rng)
    raise InvalidInputError(
        f"{name} is not a source of random numbers",
        type(rng).__name__,
        fix="pass an integer seed, a numpy.random.Generator, or None",
    )


def peek(rng: np.random.Generator) -> int:
    """Return a seed that a generator decides, and leave the generator as it is."""
    return int(deepcopy(rng).integers(2**63))


def spawn(rng: np.random.Generator, n: int) -> list[np.random.Generator]:
    """Return `n` independent children of a generator.

    A generator without a seed sequence, such as one of a saved state, seeds them with numbers drawn from it.
    """
    try:
        return rng.spawn(n)
    except TypeError:
        return [np.random.default_rng(int(seed)) for seed in rng.integers(2**63, size=n)]
