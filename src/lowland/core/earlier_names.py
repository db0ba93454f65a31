"""Names of settings that files of earlier versions hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# today's name of each
_RENAMED = {"tolerance": "tol", "max_iterations": "max_iter"}


def renamed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of the estimator or the command line by the names that they have today."""
    return {_RENAMED.get(name, name): value for name, value in settings.items()}
