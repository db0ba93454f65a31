"""Judges of a finished point. They trust nothing that the solver said."""

from lowland.certify.judging import DEFAULT_CLAIMS, Settings, certify

__all__ = ["DEFAULT_CLAIMS", "Settings", "certify"]
