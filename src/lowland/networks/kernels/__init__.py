"""Compiled loops over patterns and networks."""
