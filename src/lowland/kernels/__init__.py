"""Compiled loops over plain arrays; each has a plain NumPy reference beside it in the tests."""
