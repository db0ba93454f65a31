"""Search by noise."""

from lowland.dynamics.search.annealing import Langevin

__all__ = ["Langevin"]
