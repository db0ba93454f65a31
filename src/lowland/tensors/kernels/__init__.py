"""Compiled loops over tensors."""
