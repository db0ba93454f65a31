"""Judges of regions and of stability."""
