"""Columns: their kinds, losses, units and ordered levels."""
