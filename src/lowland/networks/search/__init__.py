"""A walk from activation region to activation region."""

from lowland.networks.search.pattern_walk import PatternWalk

__all__ = ["PatternWalk"]
