"""Published experiments, run again: numbers, figures, and what agrees with the papers."""

from lowland.reproduce.experiment import Experiment, Study, run_experiment
from lowland.reproduce.registry import find_experiment

__all__ = ["Experiment", "Study", "find_experiment", "run_experiment"]
