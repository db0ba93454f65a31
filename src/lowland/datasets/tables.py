"""Paths of the data sets that ship with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from lowland.core.doors import public
from lowland.core.errors import InvalidInputError

FILES = {
    "fertility": "fertility.csv",
    "photon_counts": "photon_counts.csv",
    "ion_counts": "ion_counts.csv",
    "camera": "camera.npy",
    "temperatures": "temperatures.csv",
    "antibodies": "antibodies.npy",
    "immune_response": "immune_response.npy",
    "fields": "fields.npz",
}


@public("lowland.datasets")
def data_path(name: str) -> Path:
    """Return the path of a data set that ships with the package.

    Parameters
    ----------
    name : str
        "fertility": total fertility rate (births per woman) of 210 countries and regions in the
        years 1960 to 2011, 636 cells missing (World Bank, CC BY 4.0). "photon_counts":
        coincidences of two entangled photons in 36 outcomes of Pauli settings (MIT). "ion_counts":
        counts of three trapped ions in 27 Pauli settings, 200 shots each (MIT). "camera": a grey
        image of 64 x 64 pixels, uint8 in a NumPy file (CC0). "temperatures": sea-surface temperature of
        the eastern Pacific in degrees Celsius, months of the years 1950 to 2010 (public domain).
        "antibodies": z-scored log signals of 438 blood samples, 6 antigens by 11 receptors, float32
        (MIT). "immune_response": response of 8 cell types to 13 ligands at 4 times and 12 doses, a tensor
        13 x 4 x 12 x 8, 3.8 % missing (MIT). "fields": an aerial image of fields in 50 bands, uint16,
        48 x 48 x 50, in an NPZ file (CC BY 3.0).

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
    if name not in FILES:
        raise InvalidInputError("the data set is unknown", repr(name), fix=f"use one of {', '.join(FILES)}")
    return Path(str(files("lowland.datasets"))) / "data" / FILES[name]
