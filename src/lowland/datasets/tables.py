"""Where the tables that ship with the package lie."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from lowland.core.errors import InvalidInputError

NAMES = ("fertility", "photon_counts")


def data_path(name: str) -> Path:
    """Return the path of a table that ships with the package.

    Parameters
    ----------
    name : {"fertility", "photon_counts"}
        "fertility": total fertility rate (births per woman) of 210 countries and regions in the
        years 1960 to 2011, 636 cells missing (World Bank, CC BY 4.0). "photon_counts":
        coincidences of two entangled photons in 36 outcomes of Pauli settings (MIT).

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InvalidInputError
        If the name is unknown.

    Examples
    --------
    >>> from lowland.datasets import data_path
    >>> data_path("fertility").name
    'fertility.csv'
    """
    if name not in NAMES:
        raise InvalidInputError("the data set is unknown", repr(name), fix=f"use one of {', '.join(NAMES)}")
    return Path(str(files("lowland.datasets"))) / "data" / f"{name}.csv"
