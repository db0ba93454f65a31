"""Surveys: where searches end, how objectives curve, how long noise stays in a basin, activation regions."""

from lowland.landscape.advice import Suggestion, advise_dynamics
from lowland.landscape.antisymmetric import drift_rate, optimal_antisymmetric, paired_antisymmetric
from lowland.landscape.census import Census, Ending, take_census
from lowland.landscape.escape import EscapeStudy
from lowland.landscape.kramers import kramers_time, unstable_rate
from lowland.landscape.neuron_patterns import count_patterns, neuron_patterns
from lowland.landscape.one_dimension import invariant_mean, mean_exit_time
from lowland.landscape.pattern_shares import WidthAdvice, advise_width
from lowland.landscape.quadratic_wells import LinearStep, linear_step, stable_step
from lowland.landscape.sampling import LangevinSample
from lowland.landscape.slices import Path, Plane, Section, cut, cut_plane, find_path
from lowland.landscape.spectrum import Spectrum, hessian_spectrum
from lowland.landscape.splitting import SplittingStudy
from lowland.landscape.survival import MeanTime, kaplan_meier

__all__ = [
    "Census",
    "Ending",
    "EscapeStudy",
    "LangevinSample",
    "LinearStep",
    "MeanTime",
    "Path",
    "Plane",
    "Section",
    "Spectrum",
    "SplittingStudy",
    "Suggestion",
    "WidthAdvice",
    "advise_dynamics",
    "advise_width",
    "count_patterns",
    "cut",
    "cut_plane",
    "drift_rate",
    "find_path",
    "hessian_spectrum",
    "invariant_mean",
    "kaplan_meier",
    "kramers_time",
    "linear_step",
    "mean_exit_time",
    "neuron_patterns",
    "optimal_antisymmetric",
    "paired_antisymmetric",
    "stable_step",
    "take_census",
    "unstable_rate",
]
