"""Compiled chains, and the same chains in NumPy."""
