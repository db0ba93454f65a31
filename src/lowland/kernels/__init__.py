"""Compiled loops over plain arrays; each has a plain NumPy reference in the tests."""
