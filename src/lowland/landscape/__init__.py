"""Surveys of any objective: endings of searches, curvature, slices and paths."""

from lowland.landscape.census import Census, Ending, take_census
from lowland.landscape.displays import CensusDisplay, HessianSpectrumDisplay, PlaneDisplay, SectionDisplay
from lowland.landscape.slices import Path, Plane, Section, cut, cut_plane, find_path
from lowland.landscape.spectrum import Spectrum, hessian_spectrum

__all__ = [
    "Census",
    "CensusDisplay",
    "Ending",
    "HessianSpectrumDisplay",
    "Path",
    "Plane",
    "PlaneDisplay",
    "Section",
    "SectionDisplay",
    "Spectrum",
    "cut",
    "cut_plane",
    "find_path",
    "hessian_spectrum",
    "take_census",
]
