"""Judges of tensors."""
