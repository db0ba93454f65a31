"""Small real data sets that ship with the package, and seeded instances with known answers."""

from lowland.datasets.instances import false_minimum, planted_completion, planted_sensing
from lowland.datasets.tables import data_path

__all__ = ["data_path", "false_minimum", "planted_completion", "planted_sensing"]
