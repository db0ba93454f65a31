"""Judges of a finished point. They trust nothing that the solver said."""

from lowland.certify.judging import DEFAULT_CLAIMS, certify, judge
from lowland.certify.settings import Settings

__all__ = ["DEFAULT_CLAIMS", "Settings", "certify", "judge"]
