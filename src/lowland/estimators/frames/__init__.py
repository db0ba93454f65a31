"""Data frames: what their columns are, as numbers, and with their holes filled."""
