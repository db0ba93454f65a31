"""Surveys of any objective: endings of searches, curvature, slices and paths."""

from lowland.landscape.census import Census, Ending
from lowland.landscape.slices import Path, Plane, Section, cut_line, cut_plane, find_path
from lowland.landscape.spectrum import Spectrum, hessian_spectrum

__all__ = [
    "Census",
    "Ending",
    "Path",
    "Plane",
    "Section",
    "Spectrum",
    "cut_line",
    "cut_plane",
    "find_path",
    "hessian_spectrum",
]
