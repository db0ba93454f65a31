"""The chain rule: loss(measure(model(theta)), y) + penalties, and its block solves."""

from lowland.objectives.recovery import RecoveryObjective, make_objective

__all__ = ["RecoveryObjective", "make_objective"]
