"""Checks of settings, the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words


def whole_number(value: Any, name: str, least: int) -> int:
    """Return a setting that must be a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InvalidInputError(
            Words(Option(name), f" must be a whole number of at least {least}"), repr(value)
        )
    return int(value)


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise InvalidInputError unless a setting is one of some words."""
    if value not in choices:
        raise InvalidInputError(
            Words(Option(name), " is unknown"), repr(value), fix=Words("use ", Option(name, *choices))
        )


def check_share(name: str, number: float) -> None:
    """Raise InvalidInputError unless a number lies strictly between 0 and 1."""
    if not (_is_real(number) and 0 < number < 1):
        raise InvalidInputError(Words(Option(name), " must lie between 0 and 1"), repr(number))


def check_positive(name: str, number: float) -> None:
    """Raise InvalidInputError unless a number is positive and finite."""
    if not (_is_real(number) and 0 < number < np.inf):
        raise InvalidInputError(Words(Option(name), " must be a positive finite number"), repr(number))


def _is_real(number: Any) -> bool:
    return isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
