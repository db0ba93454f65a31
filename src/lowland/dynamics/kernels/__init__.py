"""Compiled chains, and their NumPy twin."""
