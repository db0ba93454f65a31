"""Search by annealed Langevin dynamics."""

from lowland.dynamics.search.annealing import Langevin

__all__ = ["Langevin"]
